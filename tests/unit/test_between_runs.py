"""A notebook makes a bus in one cell and uses it in the next, however the cell before has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import Event, EventStore, EventTypes, Inbox, InMemoryEventBus, run
from lessonkit.clock import DeadlockError
from lessonkit.database import Database
from lessonkit.lab import bus_log, flow_view
from lessonkit.patterns.bus import BusClosed
from lessonkit.shop import Shop
from lessonkit.shop.network import correlation
from lessonkit.words import id_in_run
from tests.unit.real_loop import run_for_real


@dataclass(frozen=True)
class Happened(Event):
    number: int = 0


class Odd(BaseException):
    """No Exception, and nothing that Python knows."""


def listening(handled: list[int], network: Any = None) -> InMemoryEventBus:
    bus = InMemoryEventBus(network)

    @bus.subscribe(Happened, service=None if network is None else "inventory")
    async def slow(event: Happened) -> None:
        await asyncio.sleep(5)
        handled.append(event.number)

    @bus.subscribe(Happened)
    def quick(event: Happened) -> None:
        if event.number == 13:
            raise KeyboardInterrupt
        if event.number == 14:
            raise SystemExit
        if event.number == 15:
            raise Odd

    return bus


async def well(bus: InMemoryEventBus) -> None:
    await bus.publish(Happened(1))


async def too_early(bus: InMemoryEventBus) -> None:
    for _ in range(3):
        bus.publish_and_forget(Happened(1))
    await asyncio.sleep(1)


async def at_once(bus: InMemoryEventBus) -> None:
    bus.publish_and_forget(Happened(1))


async def with_an_error(bus: InMemoryEventBus) -> None:
    bus.publish_and_forget(Happened(1))
    bus.publish_and_forget(Happened(1))
    await asyncio.sleep(0.1)
    raise ValueError("a slip")


async def in_a_deadlock(bus: InMemoryEventBus) -> None:
    bus.publish_and_forget(Happened(1))
    await asyncio.get_running_loop().create_future()


async def interrupted(bus: InMemoryEventBus) -> None:
    await bus.publish(Happened(13))


async def exited(bus: InMemoryEventBus) -> None:
    await bus.publish(Happened(14))


async def oddly(bus: InMemoryEventBus) -> None:
    await bus.publish(Happened(15))


async def cancelled(bus: InMemoryEventBus) -> None:
    bus.publish_and_forget(Happened(1))
    await asyncio.sleep(0)
    for task in asyncio.all_tasks():
        task.cancel()


ENDS: list[Callable[[InMemoryEventBus], Coroutine[Any, Any, None]]] = [
    well, too_early, at_once, with_an_error, in_a_deadlock, interrupted, exited, oddly, cancelled,
]  # fmt: skip


@given(ends=st.lists(st.sampled_from(ENDS), max_size=3), in_a_service=st.booleans())
@settings(max_examples=60, deadline=None)
def test_however_the_runs_before_have_ended_the_next_one_is_told_its_events_and_no_others(
    ends: list[Callable[[InMemoryEventBus], Coroutine[Any, Any, None]]], in_a_service: bool
) -> None:
    handled: list[int] = []
    shop = Shop()
    bus = listening(handled, shop.network if in_a_service else None)
    for end in ends:
        with suppress(DeadlockError, KeyboardInterrupt, SystemExit):
            run(end(bus), keep_error=True)
    handled.clear()

    async def next_cell() -> None:
        bus.publish_and_forget(Happened(2))
        await bus.publish(Happened(3))
        bus.publish_and_forget(Happened(4))
        await bus.close()

    assert run(next_cell()).elapsed == 15
    assert handled == [2, 3, 4]


def test_a_service_that_is_killed_owes_nothing_to_the_run_before() -> None:
    shop = Shop()
    bus = InMemoryEventBus(shop.network)

    @bus.subscribe(Happened, service="inventory")
    async def never_again(event: Happened) -> None:
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.get_running_loop().create_future()

    run(too_early(bus))

    async def main() -> None:
        shop.network.processes["inventory"].kill()

    run(main())


@pytest.mark.parametrize("wall", [False, True])
def test_real_and_virtual_seconds_do_not_disturb_each_other(wall: bool) -> None:
    bus, handled = InMemoryEventBus(), []

    @bus.subscribe(Happened)
    async def handler(event: Happened) -> None:
        await asyncio.sleep(0.01)
        handled.append(event.number)

    async def ended_early() -> None:
        bus.publish_and_forget(Happened(1))
        bus.publish_and_forget(Happened(1))
        await asyncio.sleep(0.001)

    run(ended_early(), wall=wall)
    handled.clear()
    run(bus.publish(Happened(2)), wall=not wall)
    run(bus.publish(Happened(3)), wall=wall)
    assert handled == [2, 3]


def test_several_runs_on_one_loop_as_in_a_notebook() -> None:
    bus, handled = InMemoryEventBus(), []

    @bus.subscribe(Happened)
    async def handler(event: Happened) -> None:
        await asyncio.sleep(0.01)
        handled.append(event.number)

    async def kernel() -> None:
        run(at_once(bus), wall=True)  # its worker is cancelled before it begins
        run(bus.publish(Happened(2)), wall=True)
        bus.publish_and_forget(Happened(3))
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)
        await asyncio.wait_for(bus.publish(Happened(4)), timeout=5)

    run_for_real(kernel())
    assert handled == [2, 3, 4]


def test_what_stood_in_line_in_a_notebook_is_nothing_that_the_next_run_waits_for() -> None:
    bus, handled = InMemoryEventBus(), []

    @bus.subscribe(Happened)
    async def handler(event: Happened) -> None:
        await asyncio.sleep(60 if event.number == 1 else 0)
        handled.append(event.number)

    async def ended_early() -> None:
        bus.publish_and_forget(Happened(1))
        bus.publish_and_forget(Happened(1))
        await asyncio.sleep(0.001)

    async def kernel() -> None:
        run(ended_early(), wall=True)
        run(asyncio.wait_for(bus.publish(Happened(2)), timeout=5), wall=True)

    run_for_real(kernel())
    assert handled == [2]


@pytest.mark.parametrize("number", [13, 14])
def test_a_loop_of_ones_own_that_was_interrupted(number: int) -> None:
    handled: list[int] = []
    bus = listening(handled)
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # what it would say of the interrupted task
    with suppress(KeyboardInterrupt, SystemExit):
        loop.run_until_complete(bus.publish(Happened(number)))

    async def at_once(event: Event) -> None:
        handled.append(-1)

    bus.subscribe(Happened, at_once)
    bus.subscribers(Happened)[0].unsubscribe()  # which takes five seconds, here real ones
    loop.run_until_complete(asyncio.wait_for(bus.publish(Happened(2)), timeout=5))
    loop.run_until_complete(bus.close())
    loop.close()
    assert handled == [-1]


def test_outside_of_a_run_nothing_is_published_and_nothing_is_damaged() -> None:
    handled: list[int] = []
    bus = listening(handled)
    with pytest.raises(RuntimeError, match="an event is published inside a run"):
        bus.publish_and_forget(Happened(1))
    assert (list(bus.published), list(bus.log)) == ([], [])
    run(bus.publish(Happened(2)))
    assert handled == [2]


def test_a_closed_bus_stays_closed() -> None:
    bus = listening([])
    run(bus.close())
    with pytest.raises(BusClosed):
        run(bus.publish(Happened(1)))


# --- event ids -----------------------------------------------------------------------------------


async def three_ids() -> list[str]:
    return [Happened().event_id for _ in range(3)]


async def nothing() -> None:
    pass


def test_the_ids_of_two_runs_are_different_and_say_which_run_it_was() -> None:
    first, _, second = run(three_ids()).result, run(nothing()), run(three_ids()).result
    assert first == ["E-1", "E-2", "E-3"]
    assert second == ["E-1@2", "E-2@2", "E-3@2"]
    assert [id_in_run(event_id) for event_id in second] == first


@pytest.mark.parametrize("other", ["", "O-1@2", "E-1@", "E-1@x", "orders/7", "a@b"])
def test_an_id_that_somebody_has_given_is_shown_as_it_is(other: str) -> None:
    assert id_in_run(other) == other


def test_a_store_and_an_inbox_take_what_comes_in_the_next_run() -> None:
    inbox, mailed = Inbox(Database(":memory:"), "mail"), []

    async def order(store: EventStore, number: int) -> None:
        event = Happened(number)
        store.append("O-1", [event])
        inbox.handle(event.event_id, lambda tx: mailed.append(event.number))

    with EventStore(EventTypes(Happened)) as store:
        for number in range(3):
            run(order(store, number))
        assert store.last_position == 3
    assert mailed == [0, 1, 2]


def test_what_is_shown_of_a_run_does_not_depend_on_the_runs_before_nor_does_its_digest() -> None:
    def shown() -> tuple[str, str, str]:
        bus = InMemoryEventBus()

        @bus.subscribe(Happened)
        async def answers(event: Happened) -> None:
            if event.number < 2:
                await bus.publish(Happened(event.number + 1))

        async def main() -> None:
            correlation.set("O-1")
            await bus.publish(Happened())

        digest = run(main()).trace.digest()
        return bus_log(bus), flow_view(bus, "O-1"), digest

    fresh, again = shown(), shown()
    assert fresh == again
    assert "E-3" in fresh[0]
    assert "@" not in "".join(again)
