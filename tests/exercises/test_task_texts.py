"""The figures in the tasks are those that the judges go by."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from lessonkit.course.choosing import gift_plan, gift_shop
from lessonkit.course.event_driven import unpaid_orders
from lessonkit.course.eventual_consistency import cancelling, polling, relaying
from lessonkit.course.message_brokers import parcel_key
from lessonkit.exercises.advice import is_so
from lessonkit.exercises.orders import LONGEST_WAIT
from lessonkit.shop import LATENCY

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

TASKS = {
    ("01-request-response", "mail-behind-task"): (["300 ms"], ["300 ms"]),
    ("02-event-driven", "owed-task"): (["seven orders"], ["7件"]),
    ("03-message-brokers", "partition-key-task"): (
        ["forty orders", "Twenty-eight", "four partitions", "four workers", "60%"],
        ["40件", "28件", "パーティション4つ", "4つのワーカー", "60%"],
    ),
    ("05-eventual-consistency", "polite-polling-task"): (
        ["ten seconds later", "after a minute", "30 times", "300 clients", "second 5", "150"],
        ["10秒後", "1分後", "30回", "300台のクライアント", "5秒目", "150件"],
    ),
    ("05-eventual-consistency", "relay-safe-task"): (
        ["first ten events", "Twelve events"],
        ["先頭から10件", "12件"],
    ),
    ("07-choosing", "in-line-or-behind-task"): (
        ["eight calls", "100 ms", "50 ms", "200 ms", "500 ms", "eight bad days"],
        ["呼び出しは8つ", "100 ms", "50 ms", "200 ms", "500 ms", "8種類"],
    ),
}


@pytest.mark.parametrize(("notebook", "cell_id"), TASKS)
def test_a_task_names_its_figures(notebook: str, cell_id: str) -> None:
    for language, figures in zip(("en", "ja"), TASKS[notebook, cell_id], strict=True):
        path = NOTEBOOKS / language / f"{notebook}.ipynb"
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        (text,) = ["".join(cell["source"]) for cell in cells if cell["id"] == cell_id]
        assert [figure for figure in figures if figure not in text] == []


def test_the_judges_go_by_the_same_figures() -> None:
    assert round(LONGEST_WAIT, 2) == 0.3
    assert len({order for _event, order, _yen in unpaid_orders.HISTORY}) == 7
    assert (parcel_key.ORDERS, parcel_key.BIG_CUSTOMERS_ORDERS) == (40, 28)
    assert (parcel_key.PARTITIONS, parcel_key.MOST_OF_THE_EVENTS) == (4, 0.6)
    assert (polling.MOST_LATE, polling.DEADLINE, polling.CLIENTS) == (10, 60, 300)
    assert set(polling.ENDS.values()) == {"PENDING", "CONFIRMED", "CANCELLED"}
    for status in ("PENDING", "CONFIRMED", "CANCELLED"):
        assert f"'{status}'" in cancelling.SHOP_TABLES
    assert (polling.MOST_QUESTIONS, polling.SPREAD_FROM, polling.MOST_AT_ONCE) == (30, 5, 150)
    assert (relaying.BATCH, len(relaying.EVENTS)) == (10, 12)
    assert len(gift_shop.GIFT_CALLS) == len(gift_plan.DAYS) == 8
    assert (LATENCY["inventory"], LATENCY["payment"], LATENCY["notification"]) == (0.1, 0.2, 0.5)
    shop = gift_shop.GiftShop()
    own = [shop.network.latency[name] for name in shop.network.latency if name not in LATENCY]
    assert {latency.seconds for latency in own} == {0.05}


def test_a_line_of_advice_says_what_must_be_so_of_a_run() -> None:
    run = SimpleNamespace(late=True, lost=[])
    assert is_so("late")(run)
    assert is_so("late and not lost")(run)
    assert not is_so("late and lost")(run)
    assert not is_so("not late")(run)
    assert is_so("not lost and known", {"known": lambda one: one is run})(run)
    with pytest.raises(AttributeError):  # a name that nobody knows is no condition
        is_so("latte")(run)
