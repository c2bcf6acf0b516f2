"""The flow of one order, as a learner sees it: put together from the ids of its events."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pytest

from lessonkit import Event, InMemoryEventBus, Shop, language, run
from lessonkit.lab import flow_view
from lessonkit.shop.network import correlation

NASTY = "<script>alert(1)</script>\"'&;\n#"


@dataclass(frozen=True)
class Ordered(Event):
    pass


@dataclass(frozen=True)
class Reserved(Event):
    pass


@dataclass(frozen=True)
class Paid(Event):
    pass


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    language("en")
    yield
    language("en")


def tree(bus: InMemoryEventBus, order_id: str = "O-001") -> list[tuple[int, str]]:
    """Each line with how far it is indented."""
    root = ElementTree.fromstring(flow_view(bus, order_id))
    found = []
    for line in root.iter("div"):
        if line.get("role") == "listitem":
            indent = float(line.get("style", "").partition("em")[0].partition(": ")[2])
            found.append((round(indent / 1.6), "".join(line.itertext()).removeprefix("└ ")))
    return found


def warehouse_and_till(bus: InMemoryEventBus, till: Any = None) -> None:
    async def reserve(event: Ordered) -> None:
        await asyncio.sleep(0.1)
        bus.publish_and_forget(Reserved())

    async def charge(event: Reserved) -> None:
        await asyncio.sleep(0.2)
        bus.publish_and_forget(Paid())

    bus.subscribe(Ordered, reserve, service="inventory")
    bus.subscribe(Reserved, till or charge, service="payment")


def publish(bus: InMemoryEventBus, *orders: str) -> None:
    async def main() -> None:
        for order in orders:
            correlation.set(order)
            bus.publish_and_forget(Ordered())
        await bus.close()

    run(main())


def test_below_each_event_stands_who_handled_it_and_what_came_of_that() -> None:
    bus = InMemoryEventBus(Shop().network)
    warehouse_and_till(bus)
    bus.subscribe(Ordered, lambda event: None, service="notification")
    publish(bus, "O-001")
    assert tree(bus) == [
        (0, "Ordered E-1 · 0 ms, published by publisher"),
        (1, "✓ inventory: done at 100 ms"),
        (2, "Reserved E-2 · 100 ms, published by inventory"),
        (3, "✓ payment: done at 300 ms"),
        (4, "Paid E-3 · 300 ms, published by payment"),
        (5, "⚠ nobody has subscribed to it"),
        (1, "✓ notification: done at 0 ms"),
    ]


def test_only_the_events_of_the_one_order_are_shown() -> None:
    bus = InMemoryEventBus(Shop().network)
    warehouse_and_till(bus)
    publish(bus, "O-001", "O-002")
    shown = [words for _, words in tree(bus, "O-002")]
    assert len(shown) == 6
    assert shown[0].startswith("Ordered E-2")


def test_a_failure_is_marked_and_the_flow_ends_there() -> None:
    bus = InMemoryEventBus(Shop().network)

    async def declines(event: Reserved) -> None:
        raise ValueError(f"declined {NASTY}")

    warehouse_and_till(bus, declines)
    publish(bus, "O-001")
    assert tree(bus)[-1] == (3, f"✗ payment: ValueError: declined {NASTY}, at 100 ms")
    assert "<script" not in flow_view(bus, "O-001")


def test_what_never_came_to_its_end_is_not_done() -> None:
    bus = InMemoryEventBus()

    async def waits_for_ever(event: Ordered) -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> list[tuple[int, str]]:
        correlation.set("O-001")
        bus.subscribe(Ordered, waits_for_ever, service="inventory")
        bus.publish_and_forget(Ordered())
        await asyncio.sleep(1)
        return tree(bus)

    assert run(main()).result[-1] == (1, "… inventory: not done")


def test_what_a_timer_published_stands_below_the_event_that_set_the_timer() -> None:
    bus = InMemoryEventBus()

    async def main() -> None:
        correlation.set("O-001")
        bus.publish_and_forget(Ordered(event_id="E-a"))
        bus.publish_and_forget(Paid(causation_id="E-a"))

    run(main())
    assert [depth for depth, _ in tree(bus)] == [0, 1, 1, 2]


def test_an_event_that_was_published_twice_is_one_event() -> None:
    bus = InMemoryEventBus()
    bus.subscribe(Ordered, lambda event: None, service="inventory")

    async def main() -> None:
        correlation.set("O-001")
        event = Ordered()
        for _ in range(2):
            await bus.publish(event)

    run(main())
    assert [words[0] for _, words in tree(bus)] == ["O", "✓", "✓"]


def test_events_that_name_each_other_as_their_cause_are_shown_once() -> None:
    bus = InMemoryEventBus()

    async def main() -> None:
        for one, other in (("E-a", "E-b"), ("E-b", "E-a"), ("E-c", "E-c")):
            event = Ordered(event_id=one, causation_id=other, correlation_id="O-001")
            bus.publish_and_forget(event)

    run(main())
    assert sum("Ordered" in words for _, words in tree(bus)) == 3


def test_names_cannot_break_out() -> None:
    bus = InMemoryEventBus()
    kind = type(NASTY, (Event,), {})

    async def main() -> None:
        bus.subscribe(Event, lambda event: None, service=NASTY)
        await bus.publish(kind(event_id=NASTY, correlation_id=NASTY))

    run(main())
    assert len(tree(bus, NASTY)) == 2
    assert "<script" not in flow_view(bus, NASTY)


def test_an_unknown_order_has_no_flow() -> None:
    assert "O-404" in flow_view(InMemoryEventBus(), "O-404")


def test_an_order_id_is_a_text() -> None:
    with pytest.raises(TypeError, match="order_id must be the id of an order; got 1"):
        flow_view(InMemoryEventBus(), 1)  # type: ignore[arg-type]


def test_it_speaks_japanese() -> None:
    bus = InMemoryEventBus()
    publish(bus, "O-001")
    language("ja")
    assert "購読" in flow_view(bus, "O-001")
