"""What the event bus promises."""

from __future__ import annotations

import asyncio
import gc
import inspect
import math
import warnings
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import CreateOrder, Event, InMemoryEventBus, Order, Shop, an_order, explore, run
from lessonkit.clock import DeadlockError
from lessonkit.faults import Crash, Refused
from lessonkit.patterns.bus import BusClosed, Delivery
from lessonkit.shop import ServiceRefused
from lessonkit.shop.network import correlation


@dataclass(frozen=True)
class Happened(Event):
    number: int = 0


@dataclass(frozen=True)
class Followed(Event):
    number: int = 0


@dataclass(frozen=True)
class HappenedAgain(Happened):
    pass


# --- who is told ---------------------------------------------------------------------------------


def test_everybody_who_subscribed_is_told_in_the_order_of_subscription() -> None:
    async def main() -> list[str]:
        bus, heard = InMemoryEventBus(), []
        bus.subscribe(Happened, lambda event: heard.append("first"))
        bus.subscribe("Happened", lambda event: heard.append("by name"))
        bus.subscribe(Followed, lambda event: heard.append("another type"))
        await bus.publish(Happened())
        return heard

    assert run(main()).result == ["first", "by name"]


def test_a_class_of_events_stands_for_those_derived_from_it() -> None:
    async def main() -> list[str]:
        bus, heard = InMemoryEventBus(), []
        bus.subscribe(Event, lambda event: heard.append(event.type))
        bus.subscribe(HappenedAgain, lambda event: heard.append("again"))
        await bus.publish(Happened())
        await bus.publish(HappenedAgain())
        return heard

    assert run(main()).result == ["Happened", "HappenedAgain", "again"]


def test_subscribe_is_a_decorator_and_leaves_a_function_that_can_be_called() -> None:
    async def main() -> list[int]:
        bus, heard = InMemoryEventBus(), []

        @bus.subscribe(Happened)
        async def listen(event: Happened) -> None:
            heard.append(event.number)

        await bus.publish(Happened(1))
        await listen(Happened(2))
        listen.unsubscribe()
        listen.unsubscribe()
        await bus.publish(Happened(3))
        return heard

    assert run(main()).result == [1, 2]


def test_an_event_that_nobody_waits_for_is_no_error() -> None:
    async def main() -> list[Delivery]:
        return await InMemoryEventBus().publish(Happened())

    assert run(main()).result == []


def test_who_subscribes_while_an_event_is_handled_hears_the_next_one() -> None:
    async def main() -> list[int]:
        bus, heard = InMemoryEventBus(), []

        @bus.subscribe(Happened)
        async def first(event: Happened) -> None:
            first.unsubscribe()
            bus.subscribe(Happened, lambda event: heard.append(event.number))

        await bus.publish(Happened(1))
        await bus.publish(Happened(2))
        return heard

    assert run(main()).result == [2]


# --- handlers do not disturb one another ---------------------------------------------------------


async def fails_at_once(event: Event) -> None:
    raise ValueError("at once")


def fails_before_it_is_awaited(event: Event) -> None:
    raise ValueError("before its first await")


async def fails_later(event: Event) -> None:
    await asyncio.sleep(1)
    raise ValueError("later")


async def is_cancelled(event: Event) -> None:
    raise asyncio.CancelledError


async def cancels_itself(event: Event) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(1)


async def cancels_itself_and_ends(event: Event) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


async def waits_for_what_was_cancelled(event: Event) -> None:
    other = asyncio.ensure_future(asyncio.sleep(5))
    other.cancel()
    await other


BAD_HANDLERS = [
    fails_at_once,
    fails_before_it_is_awaited,
    fails_later,
    is_cancelled,
    cancels_itself,
    waits_for_what_was_cancelled,
]


@pytest.mark.parametrize("bad", BAD_HANDLERS)
@pytest.mark.parametrize("forget", [False, True])
def test_a_failure_reaches_neither_the_publisher_nor_the_others(bad: object, forget: bool) -> None:
    async def main() -> tuple[list[str], InMemoryEventBus]:
        bus, heard = InMemoryEventBus(), []

        async def slow(event: Happened) -> None:
            await asyncio.sleep(2)
            heard.append(f"slow {event.number}")

        bus.subscribe(Happened, lambda event: heard.append(f"before {event.number}"))
        bus.subscribe(Happened, bad)
        bus.subscribe(Happened, slow)
        bus.subscribe(Happened, lambda event: heard.append(f"after {event.number}"))
        for number in (1, 2):
            if forget:
                bus.publish_and_forget(Happened(number))
            else:
                await bus.publish(Happened(number))
        await bus.close()
        return heard, bus

    heard, bus = run(main()).result
    assert sorted(heard) == sorted(
        f"{who} {n}" for who in ("before", "slow", "after") for n in (1, 2)
    )
    assert [delivery.subscriber for delivery in bus.failures] == [bad.__name__] * 2


def test_who_cancels_its_task_and_ends_all_the_same_takes_nobody_along() -> None:
    async def main() -> list[int]:
        bus, heard = InMemoryEventBus(), []
        bus.subscribe(Happened, cancels_itself_and_ends)

        async def listen(event: Happened) -> None:
            await asyncio.sleep(0.1)
            heard.append(event.number)

        bus.subscribe(Happened, listen)
        for number in range(3):
            bus.publish_and_forget(Happened(number))
        await bus.close()
        return heard

    assert run(main()).result == [0, 1, 2]


def test_a_failure_is_shown_in_the_log_in_the_answer_and_in_the_trace() -> None:
    async def main() -> tuple[list[Delivery], InMemoryEventBus]:
        bus = InMemoryEventBus()
        bus.subscribe(Happened, fails_later)
        return await bus.publish(Happened(7)), bus

    outcome = run(main())
    (delivery,), bus = outcome.result
    assert str(delivery.error) == "later"
    assert delivery.ended == 1
    assert list(bus.log) == bus.failures == [delivery]
    assert repr(delivery) == "Happened → fails_later: failed with ValueError: later"
    assert [message.error for message in outcome.trace.messages] == [False, True]
    assert [(note.service, note.text) for note in outcome.trace.notes] == [
        ("fails_later", "handler failed")
    ]


def test_handlers_work_side_by_side() -> None:
    async def main() -> None:
        bus = InMemoryEventBus()
        for seconds in (3, 1, 2):
            bus.subscribe(Happened, lambda event, seconds=seconds: asyncio.sleep(seconds))
        await bus.publish(Happened())

    assert run(main()).elapsed == 3


def test_a_handler_runs_in_a_task_of_its_own_so_its_timeout_cancels_nobody_else() -> None:
    async def main() -> list[str]:
        bus, heard = InMemoryEventBus(), []

        async def impatient(event: Happened) -> None:
            try:
                async with asyncio.timeout(1):
                    await asyncio.sleep(10)
            except TimeoutError:
                heard.append("gave up")

        async def patient(event: Happened) -> None:
            await asyncio.sleep(5)
            heard.append("waited")

        bus.subscribe(Happened, impatient)
        bus.subscribe(Happened, patient)
        bus.subscribe(Happened, impatient)
        await bus.publish(Happened())
        return heard

    assert run(main()).result == ["gave up", "gave up", "waited"]


# --- order ---------------------------------------------------------------------------------------


@given(
    delays=st.lists(st.sampled_from([0.0, 0.001, 0.1, 1.0, 2.5]), min_size=1, max_size=12),
    gaps=st.lists(st.sampled_from([0.0, 0.0, 0.5, 1.0]), min_size=12, max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_each_handler_gets_its_events_in_order_whatever_each_of_them_takes(
    delays: list[float], gaps: list[float]
) -> None:
    async def main() -> tuple[list[str], list[str]]:
        bus = InMemoryEventBus()
        steady: list[str] = []
        moody: list[str] = []

        async def moody_handler(event: Happened) -> None:
            moody.append(f"begin {event.number}")
            if delays[event.number]:
                await asyncio.sleep(delays[event.number])
            moody.append(f"end {event.number}")

        async def steady_handler(event: Happened) -> None:
            await asyncio.sleep(0.3)
            steady.append(f"end {event.number}")

        bus.subscribe(Happened, moody_handler)
        bus.subscribe(Happened, steady_handler)
        for number in range(len(delays)):
            bus.publish_and_forget(Happened(number))
            await asyncio.sleep(gaps[number])
        await bus.close()
        return moody, steady

    moody, steady = run(main()).result
    numbers = range(len(delays))
    assert moody == [f"{what} {n}" for n in numbers for what in ("begin", "end")]
    assert steady == [f"end {n}" for n in numbers]


def test_a_slow_handler_does_not_hold_up_the_others() -> None:
    async def main() -> list[float]:
        bus, times = InMemoryEventBus(), []
        loop = asyncio.get_running_loop()
        bus.subscribe(Happened, lambda event: asyncio.sleep(10))
        bus.subscribe(Happened, lambda event: times.append(loop.time()))
        for _ in range(3):
            bus.publish_and_forget(Happened())
            await asyncio.sleep(1)
        await bus.close()
        return times

    outcome = run(main())
    assert outcome.result == [0, 1, 2]
    assert outcome.elapsed == 30


# --- handlers that publish -----------------------------------------------------------------------


@pytest.mark.parametrize("waits", [False, True])
def test_a_handler_may_publish_even_an_event_that_it_handles_itself(waits: bool) -> None:
    async def main() -> list[int]:
        bus, heard = InMemoryEventBus(), []

        @bus.subscribe(Happened)
        async def countdown(event: Happened) -> None:
            heard.append(event.number)
            if event.number:
                following = Happened(event.number - 1)
                if waits:
                    await bus.publish(following)
                else:
                    bus.publish_and_forget(following)

        await bus.publish(Happened(3))
        await bus.close()
        return heard

    assert run(main()).result == [3, 2, 1, 0]


def test_two_handlers_that_wait_for_each_other_do_not_hang() -> None:
    async def main() -> list[str]:
        bus, heard = InMemoryEventBus(), []

        @bus.subscribe(Happened)
        async def ping(event: Happened) -> None:
            await asyncio.sleep(1)
            if event.number:
                await bus.publish(Followed(event.number - 1))
            heard.append(f"ping {event.number}")

        @bus.subscribe(Followed)
        async def pong(event: Followed) -> None:
            await asyncio.sleep(1)
            if event.number:
                await bus.publish(Happened(event.number - 1))
            heard.append(f"pong {event.number}")

        await asyncio.gather(bus.publish(Happened(2)), bus.publish(Followed(2)))
        return heard

    assert sorted(run(main()).result) == [
        f"{who} {n}" for who in ("ping", "pong") for n in (0, 1, 2)
    ]


def test_an_event_belongs_to_the_order_that_is_being_worked_for() -> None:
    async def main() -> list[Event]:
        bus = InMemoryEventBus()
        bus.subscribe(Happened, lambda event: None)
        token = correlation.set("O-001")
        await bus.publish(Happened())
        correlation.reset(token)
        await bus.publish(Happened())
        return [delivery.event for delivery in bus.log]

    assert [(e.event_id, e.correlation_id, e.causation_id) for e in run(main()).result] == [
        ("E-1", "O-001", None),
        ("E-2", None, None),
    ]


def test_what_follows_carries_the_correlation_and_names_its_cause() -> None:
    async def main() -> list[Event]:
        bus, heard = InMemoryEventBus(), []

        @bus.subscribe(Happened)
        async def follow(event: Happened) -> None:
            await asyncio.sleep(event.number)
            bus.publish_and_forget(Followed())

        bus.subscribe(Followed, heard.append)
        for order in ("O-001", "O-002"):
            bus.publish_and_forget(Happened(1, correlation_id=order))
        await bus.close()
        return heard

    assert [(e.event_id, e.correlation_id, e.causation_id) for e in run(main()).result] == [
        ("E-3", "O-001", "E-1"),
        ("E-4", "O-002", "E-2"),
    ]


# --- waiting and forgetting ----------------------------------------------------------------------


def test_who_publishes_and_waits_waits_for_the_slowest_who_forgets_for_nobody() -> None:
    async def main() -> tuple[float, float]:
        bus, loop = InMemoryEventBus(), asyncio.get_running_loop()
        bus.subscribe(Happened, lambda event: asyncio.sleep(0.5))
        await bus.publish(Happened())
        waited = loop.time()
        bus.publish_and_forget(Happened())
        forgot = loop.time() - waited
        await bus.close()
        return waited, forgot

    outcome = run(main())
    assert outcome.result == (0.5, 0)
    assert outcome.elapsed == 1


def test_the_handlers_go_on_when_the_publisher_has_no_more_patience() -> None:
    async def main() -> list[int]:
        bus, heard = InMemoryEventBus(), []

        @bus.subscribe(Happened)
        async def slow(event: Happened) -> None:
            await asyncio.sleep(5)
            heard.append(event.number)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await bus.publish(Happened(4))
        await bus.close()
        return heard

    assert run(main()).result == [4]


def test_a_chain_of_handlers_that_wait_may_be_longer_than_python_calls_deep() -> None:
    bus = InMemoryEventBus()

    @bus.subscribe(Happened)
    async def chain(event: Happened) -> None:
        if event.number < 2_000:
            await bus.publish(Happened(event.number + 1))

    run(bus.publish(Happened(0)))
    assert (len(bus.log), bus.failures) == (2_001, [])


# --- closing -------------------------------------------------------------------------------------


def test_closing_waits_for_everything_that_is_under_way_and_what_follows_from_it() -> None:
    async def main() -> list[int]:
        bus, heard = InMemoryEventBus(), []

        @bus.subscribe(Happened)
        async def chain(event: Happened) -> None:
            await asyncio.sleep(1)
            heard.append(event.number)
            if event.number < 3:
                bus.publish_and_forget(Happened(event.number + 1))

        bus.publish_and_forget(Happened(0))
        bus.publish_and_forget(Happened(3))
        await asyncio.gather(bus.close(), bus.close())
        return heard

    assert run(main()).result == [0, 3, 1, 2, 3]


def test_closing_names_what_failed() -> None:
    async def main() -> list[str]:
        bus = InMemoryEventBus()
        bus.subscribe(Happened, fails_later)
        bus.subscribe(Happened, lambda event: None)
        bus.publish_and_forget(Happened())
        return [f"{delivery.subscriber}: {delivery.error}" for delivery in await bus.close()]

    assert run(main()).result == ["fails_later: later"]


def test_a_closed_bus_takes_nothing_more() -> None:
    async def main() -> None:
        bus = InMemoryEventBus()
        await bus.close()
        with pytest.raises(BusClosed, match="Happened E-1 was not published"):
            bus.publish_and_forget(Happened())
        with pytest.raises(BusClosed):
            await bus.publish(Happened())

    run(main())


def test_a_handler_cannot_close_the_bus_that_waits_for_it() -> None:
    async def main() -> list[str]:
        bus = InMemoryEventBus()

        @bus.subscribe(Happened)
        async def closes(event: Happened) -> None:
            await bus.close()

        return [str(delivery.error) for delivery in await bus.publish(Happened())]

    assert run(main()).result == ["close() inside a handler would wait for that handler for ever"]


def test_a_handler_that_never_ends_is_named_instead_of_hanging() -> None:
    async def main() -> None:
        bus = InMemoryEventBus()

        @bus.subscribe(Happened)
        async def forever(event: Happened) -> None:
            await asyncio.get_running_loop().create_future()

        await bus.publish(Happened())

    with pytest.raises(DeadlockError, match="event bus"):
        run(main())


# --- in the shop ---------------------------------------------------------------------------------


def shop_with_listeners(shop: Shop) -> InMemoryEventBus:
    bus = InMemoryEventBus(shop.network)

    @bus.subscribe(Happened, service="inventory")
    async def reserve(event: Happened) -> None:
        await shop.inventory.reserve(an_order().items)

    @bus.subscribe(Happened, service="payment")
    async def charge(event: Happened) -> None:
        await shop.payment.charge(event.number, "card")

    return bus


def test_a_handler_works_in_the_process_of_its_service() -> None:
    shop = Shop()

    async def main() -> None:
        await shop_with_listeners(shop).publish(Happened(100))

    outcome = run(main())
    assert outcome.elapsed == pytest.approx(0.2)
    assert shop.network.calls == [
        ("inventory", "inventory.reserve"),
        ("payment", "payment.charge"),
    ]
    assert outcome.trace.who_knows_whom()[:3] == [
        ("publisher", "event bus"),
        ("event bus", "inventory"),
        ("inventory", "inventory"),
    ]


def test_a_fault_of_one_service_stays_with_its_handler() -> None:
    shop = Shop(faults=[Refused("inventory")])

    async def main() -> list[Delivery]:
        return await shop_with_listeners(shop).publish(Happened(100))

    inventory, payment = run(main()).result
    assert isinstance(inventory.error, ServiceRefused)
    assert payment.error is None
    assert len(shop.payment.captures) == 1


def test_a_service_that_dies_at_work_fails_its_delivery_and_hears_nothing_more() -> None:
    shop = Shop(faults=[Crash("inventory", after=0)])

    async def main() -> list[str]:
        bus = shop_with_listeners(shop)
        await bus.publish(Happened(100))
        await bus.publish(Happened(200))
        return [f"{d.subscriber}: {d.error}" for d in bus.failures]

    outcome = run(main(), drain=math.inf)
    assert outcome.result == [
        "inventory: no reply from inventory",
        "inventory: inventory refused the request",
    ]
    assert len(shop.payment.captures) == 2


def test_what_stood_in_line_for_a_dead_service_is_refused_and_not_forgotten() -> None:
    shop = Shop(faults=[Crash("inventory", after=0)])

    async def main() -> list[Delivery]:
        bus = shop_with_listeners(shop)
        for number in (1, 2, 3):
            bus.publish_and_forget(Happened(number))
        return await bus.close()

    failures = run(main()).result
    assert [(d.subscriber, d.event.number) for d in failures] == [
        ("inventory", 1),
        ("inventory", 2),
        ("inventory", 3),
    ]
    assert sum(capture.amount for capture in shop.payment.captures.values()) == 6


def test_the_same_run_gives_the_same_trace() -> None:
    def digest() -> str:
        shop = Shop()

        async def main() -> None:
            bus = shop_with_listeners(shop)
            for number in range(1, 6):
                bus.publish_and_forget(Happened(number))
            assert await bus.close() == []

        return run(main()).trace.digest()

    assert digest() == digest()


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [None, "", 3, int, Happened(event_id="E", occurred_at=0.0)])
def test_a_kind_that_is_none_is_named(kind: object) -> None:
    with pytest.raises(TypeError, match="kind must be a class of events or the name of one; got"):
        InMemoryEventBus().subscribe(kind, print)


def test_a_handler_that_cannot_be_called_is_named() -> None:
    with pytest.raises(TypeError, match="handler must be a function that takes an event; got 5"):
        InMemoryEventBus().subscribe(Happened, 5)
    with pytest.raises(TypeError, match="handler must be"):
        InMemoryEventBus().subscribe(Happened)("text")


def test_a_service_that_the_shop_does_not_have_is_named() -> None:
    bus = InMemoryEventBus(Shop().network)
    with pytest.raises(ValueError, match=r"service must be one of .*; got 'mail'"):
        bus.subscribe(Happened, print, service="mail")


def test_what_is_no_event_is_not_published() -> None:
    async def main() -> None:
        bus = InMemoryEventBus()
        with pytest.raises(TypeError, match=r"event must be an Event; got {'type': 'Happened'}"):
            bus.publish_and_forget({"type": "Happened"})
        with pytest.raises(TypeError, match="event must be an Event"):
            await bus.publish(Happened)

    run(main())


def test_a_handler_that_its_process_took_with_it_is_thrown_away_when_the_run_is_over() -> None:
    handlers: list[Coroutine[Any, Any, None]] = []

    async def main() -> None:
        shop = Shop(faults=[Crash("inventory", after=1)])
        bus = InMemoryEventBus(shop.network)

        async def handle(event: Happened) -> None:
            await shop.payment.charge(1, "card")

        def kept(event: Happened) -> Coroutine[Any, Any, None]:
            handlers.append(handle(event))
            return handlers[-1]

        bus.subscribe(Happened, kept, service="inventory")
        await bus.publish(Happened())

    run(main())
    assert [inspect.getcoroutinestate(handler) for handler in handlers] == [inspect.CORO_CLOSED]


def test_a_handler_that_outlives_its_process_does_not_open_the_lane_of_the_next_one() -> None:
    async def main() -> list[str]:
        shop, marks = Shop(), []
        bus = InMemoryEventBus(shop.network)
        may_end = [asyncio.Event() for _ in range(3)]

        @bus.subscribe(Happened, service="notification")
        async def handler(event: Happened) -> None:
            marks.append(f"{event.number} begins")
            await may_end[event.number].wait()
            marks.append(f"{event.number} ends")

        bus.publish_and_forget(Happened(0))
        await asyncio.sleep(0)
        shop.network.kill("notification")
        await shop.network.restart("notification", asyncio.sleep(0))
        bus.publish_and_forget(Happened(1))
        may_end[0].set()
        await asyncio.sleep(1)
        bus.publish_and_forget(Happened(2))
        await asyncio.sleep(1)
        may_end[1].set()
        may_end[2].set()
        await bus.close()
        return marks

    marks = run(main()).result
    assert marks == ["0 begins", "1 begins", "0 ends", "1 ends", "2 begins", "2 ends"]


def kill_a_publisher() -> None:
    shop, bus = Shop(), InMemoryEventBus()

    @bus.subscribe(Event)
    async def handler(event: Event) -> None:
        await shop.notification.send_order_confirmation(Order.create(an_order()))

    async def publish_twice(command: CreateOrder) -> Order:
        bus.publish_and_forget(Event())
        bus.publish_and_forget(Event())
        await asyncio.sleep(0)
        shop.network.kill("orders")  # and the handlers, which are a part of it
        return Order.create(command)

    run(shop.place_order(publish_twice))  # which throws away who waits for ever


def test_nobody_comes_for_a_dead_handler_when_the_run_is_over() -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        kill_a_publisher()
        gc.collect()
    assert not [str(warning.message) for warning in warned]


def test_what_comes_twice_by_bad_luck_is_in_the_log_twice() -> None:
    async def scenario(shop: Shop) -> None:
        shop.bus = bus = InMemoryEventBus(shop.network)  # type: ignore[attr-defined]
        bus.subscribe(Event, lambda event: None, service="points")
        await bus.publish(Event())

    shop = partial(Shop, more={"points": 0.1})
    seen = explore(scenario, shop=shop, crashes=None, late=0)
    for kind, times in ((None, 1), ("twice", 2)):
        log = seen.find(kind, "Event" if kind else "").shop.bus.log
        assert [delivery.subscriber for delivery in log] == ["points"] * times
