"""The tables behind notebook 07: the lesson's criteria, and the situations to decide."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

DATA = Path(__file__).parents[2] / "data"
STYLES = ("request_response", "event_driven", "hybrid")
IN_LINE = ["result_now", "next_step_depends", "strong_consistency"]
BEHIND = ["several_to_tell", "may_happen_later", "loose_coupling", "new_consumers_later"]


@pytest.mark.parametrize(("name", "rows"), [("criteria", 7), ("scenarios", 10)])
def test_every_cell_is_filled_in_its_language(name: str, rows: int) -> None:
    table = pd.read_csv(DATA / f"{name}.csv")
    assert len(table) == rows
    assert not table.isna().to_numpy().any()
    english, japanese = (table.filter(regex=f"_{lang}$") for lang in ("en", "ja"))
    assert [name[:-3] for name in english] == [name[:-3] for name in japanese]
    assert english.map(str.isascii).to_numpy().all()
    assert not japanese.map(str.isascii).to_numpy().any()


def test_each_situation_has_one_best_style_and_every_style_is_best_somewhere() -> None:
    table = pd.read_csv(DATA / "scenarios.csv")
    assert set(table["best"]) == set(STYLES)
    assert table["situation_en"].is_unique
    for _, row in table.iterrows():
        right = [style for style in STYLES if row[f"{style}_en"].startswith("Right.")]
        also_right = [style for style in STYLES if row[f"{style}_ja"].startswith("そのとおり。")]
        assert right == also_right == [row["best"]]


def test_the_answers_to_the_seven_questions_lead_to_the_best_style() -> None:
    table = pd.read_csv(DATA / "scenarios.csv")
    for _, row in table.iterrows():
        ask, tell = row[IN_LINE].any(), row[BEHIND].any()
        best = "hybrid" if ask and tell else "event_driven" if tell else "request_response"
        assert row["best"] == best, row["situation_en"]
