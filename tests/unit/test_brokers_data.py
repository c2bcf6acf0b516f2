"""The tables about brokers, and the busy day."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pandas as pd

DATA = Path(__file__).parents[2] / "data"


def test_the_comparison_has_the_lessons_seven_rows_in_both_languages() -> None:
    table = pd.read_csv(DATA / "brokers.csv")
    brokers = ("kafka", "rabbitmq", "sqs_sns")
    assert list(table.columns) == [
        *("property_en", "property_ja"),
        *(f"{name}_{what}" for name in brokers for what in ("en", "ja", "source", "year")),
    ]
    assert len(table) == 7
    assert not table.isna().to_numpy().any()
    for name in brokers:  # what is as of 2026 is read in what is as of 2026
        assert set(table[f"{name}_year"]) == {2026}
        assert table[f"{name}_source"].str.contains(r"documentation|Guide|Javadoc|tutorials").all()
    english, japanese = (table.filter(regex=f"_{lang}$") for lang in ("en", "ja"))
    assert english.map(str.isascii).to_numpy().all()
    assert not japanese.map(str.isascii).to_numpy().any()


def test_the_busy_day_is_what_its_script_makes() -> None:
    spec = importlib.util.spec_from_file_location("make_busy_day", DATA / "make_busy_day.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (DATA / "busy_day.csv").read_bytes() == module.busy_day().encode()


def test_the_busy_day_has_its_three_rises() -> None:
    orders = pd.read_csv(DATA / "busy_day.csv", index_col="minute")["orders"]
    assert list(orders.index) == list(range(24 * 60))
    hours = orders.groupby(orders.index // 60).sum()
    assert hours[3] < hours[7] < hours[9]  # the morning
    assert hours[12] > hours[10]  # lunch
    assert hours[12] > hours[14]
    assert hours.idxmax() == 20  # the sale
    assert f"{orders.sum():,} orders in all" in (DATA / "README.md").read_text(encoding="utf-8")
