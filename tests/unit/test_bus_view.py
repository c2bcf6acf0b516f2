"""What a learner sees of an event bus: its log as a table."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

import pytest

from lessonkit import Event, InMemoryEventBus, language, run
from lessonkit.lab import bus_log
from lessonkit.lab.views import MOST_DELIVERIES
from lessonkit.shop.network import correlation

NASTY = "<script>alert(1)</script>\"'&;\n#"


@dataclass(frozen=True)
class Happened(Event):
    pass


@dataclass(frozen=True)
class Followed(Event):
    pass


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    language("en")
    yield
    language("en")


def rows(bus: InMemoryEventBus) -> list[list[str]]:
    """The cells of each row, the head first."""
    table = ElementTree.fromstring(bus_log(bus)).find("table")
    return [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")]


def test_every_delivery_has_a_row_with_its_time_its_end_and_its_ids() -> None:
    bus = InMemoryEventBus()

    async def take_stock(event: Happened) -> None:
        await asyncio.sleep(0.1)
        await bus.publish(Followed())

    async def main() -> None:
        correlation.set("O-001")
        bus.subscribe(Happened, take_stock, service="inventory")
        bus.subscribe(Followed, lambda event: asyncio.sleep(1.5), service="shipping")
        await asyncio.sleep(0.2)
        await bus.publish(Happened())

    run(main())
    assert rows(bus)[1:] == [
        ["200", "Happened", "inventory", "✓ done at 1,800 ms", "O-001", "E-1", "–"],
        ["300", "Followed", "shipping", "✓ done at 1,800 ms", "O-001", "E-2", "E-1"],
    ]


def test_a_failure_is_marked_and_says_what_was_raised() -> None:
    bus = InMemoryEventBus()

    async def fails(event: Happened) -> None:
        await asyncio.sleep(0.02)
        raise ValueError(f"out of stock {NASTY}")

    async def main() -> None:
        bus.subscribe(Happened, fails, service="inventory")
        await bus.publish(Happened())

    run(main())
    (_, row) = rows(bus)
    assert row[3] == f"✗ ValueError: out of stock {NASTY} at 20 ms"
    assert "<script" not in bus_log(bus)


def test_names_cannot_break_out() -> None:
    bus = InMemoryEventBus()

    async def main() -> None:
        bus.subscribe(Event, lambda event: None, service=NASTY)
        kind = type(NASTY, (Event,), {})
        await bus.publish(kind(event_id=NASTY, correlation_id=NASTY, causation_id=NASTY))

    run(main())
    (_, row) = rows(bus)
    assert [row[1], row[2], *row[4:]] == [NASTY] * 5
    assert "<script" not in bus_log(bus)


def test_what_never_came_to_its_end_is_not_done() -> None:
    bus = InMemoryEventBus()

    async def waits_for_ever(event: Happened) -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        bus.subscribe(Happened, waits_for_ever)
        for _ in range(2):
            bus.publish_and_forget(Happened())
        await asyncio.sleep(1)
        assert [row[3] for row in rows(bus)[1:]] == ["… not done"] * 2

    run(main(), drain=math.inf)


def test_a_bus_that_told_nobody_says_so() -> None:
    assert "The bus has told nobody anything." in bus_log(InMemoryEventBus())


def test_only_the_last_deliveries_are_shown_and_the_rest_is_counted() -> None:
    bus = InMemoryEventBus()

    async def main() -> None:
        bus.subscribe(Happened, lambda event: None)
        for _ in range(MOST_DELIVERIES + 5):
            await bus.publish(Happened())

    run(main())
    assert len(rows(bus)) == 1 + MOST_DELIVERIES
    assert rows(bus)[-1][5] == f"E-{MOST_DELIVERIES + 5}"
    assert "... and 5 earlier ones" in bus_log(bus)


def test_the_log_speaks_japanese() -> None:
    bus = InMemoryEventBus()

    async def main() -> None:
        bus.subscribe(Happened, lambda event: None, service="inventory")
        await bus.publish(Happened())

    run(main())
    language("ja")
    head, row = rows(bus)
    assert head[:3] == ["時刻(ms)", "イベント", "通知先"]
    assert row[2:4] == ["在庫サービス", "✓ 完了(0 ms)"]
