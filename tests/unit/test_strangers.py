"""What strangers' code can do to the patterns that call it: end in anything, give back anything."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import (
    Event,
    EventStore,
    EventTypes,
    Inbox,
    InMemoryEventBus,
    Outbox,
    Relay,
    poll_until,
    run,
)
from lessonkit.clock import FrozenTimeError, RunawayError
from lessonkit.clock.strangers import StrayCancellation, refuse_unrun, said
from lessonkit.database import Database
from lessonkit.patterns.bus import bus as bus_module
from lessonkit.patterns.eventstore.fold import rebuild
from lessonkit.patterns.eventstore.projections import Projection, ProjectionFailed
from lessonkit.patterns.outbox import OutboxMessage
from lessonkit.patterns.polling import PollingTimeout


@dataclass(frozen=True)
class Happened(Event):
    number: int = 0


async def cancelled_inside() -> None:
    inner = asyncio.ensure_future(asyncio.sleep(10))
    inner.cancel()
    await inner


def cancelled_at_once(*_: object) -> Any:
    raise asyncio.CancelledError("somewhere inside")


def outbox_of(*keys: str) -> Outbox:
    outbox = Outbox(Database(":memory:"))
    with outbox.database.transaction() as tx:
        for key in keys:
            outbox.add(tx, Happened(), key)
    return outbox


# --- a cancellation of its own is a failure ------------------------------------------------------


def test_a_publisher_that_is_cancelled_inside_has_failed_and_is_parked_in_the_end() -> None:
    outbox, published = outbox_of("A", "B"), []

    async def publish(message: OutboxMessage) -> None:
        if message.aggregate == "A":
            await cancelled_inside()
        published.append(message.aggregate)

    async def main() -> bool:
        relaying = asyncio.create_task(Relay(outbox, publish, attempts=3).run())
        await asyncio.sleep(600)
        return relaying.done()

    assert run(main()).result is False
    assert published == ["B"]
    (parked,) = outbox.parked
    assert parked.error == "CancelledError"
    assert parked.attempts == 3


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_in_a_publisher_ends_the_relay(stop: type[BaseException]) -> None:
    outbox = outbox_of("A")

    async def publish(message: OutboxMessage) -> None:
        raise stop

    with pytest.raises(stop):
        run(Relay(outbox, publish, attempts=1).drain())
    assert outbox.parked == []


def test_a_question_that_is_cancelled_inside_is_an_error_of_the_question() -> None:
    async def ask() -> None:
        await cancelled_inside()

    outcome = run(poll_until(ask, bool, deadline=30), keep_error=True)
    assert isinstance(outcome.error, StrayCancellation)
    assert str(outcome.error) == "ask ended in a CancelledError, and nobody had cancelled it"

    async def answer() -> str:
        return "PAID"

    with pytest.raises(StrayCancellation, match="is_done ended in a CancelledError: somewhere"):
        run(poll_until(answer, cancelled_at_once))


@pytest.mark.parametrize("reaction", ["obeys", "goes on", "fails"])
def test_whatever_a_question_makes_of_it_a_poll_that_is_cancelled_ends(reaction: str) -> None:
    async def ask() -> str:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            if reaction == "fails":
                raise ConnectionError("interrupted") from None
            if reaction == "obeys":
                raise
        return "PENDING"

    async def main() -> None:
        polling = asyncio.create_task(poll_until(ask, lambda answer: False))
        await asyncio.sleep(5)
        polling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await polling

    assert run(main()).elapsed == 5
    with pytest.raises(PollingTimeout):
        run(poll_until(ask, lambda answer: False, deadline=5))


@pytest.mark.parametrize("wall", [False, True])
def test_a_run_keeps_a_cancellation_if_it_is_asked_to_keep_errors(wall: bool) -> None:
    outcome = run(cancelled_inside(), wall=wall, keep_error=True)
    assert isinstance(outcome.error, asyncio.CancelledError)
    with pytest.raises(asyncio.CancelledError):
        run(cancelled_inside(), wall=wall)


def test_apply_and_work_that_end_in_a_cancellation_have_failed() -> None:
    database = Database(":memory:")
    inbox = Inbox(database, "mail")
    with pytest.raises(StrayCancellation, match="work ended in a CancelledError: somewhere inside"):
        inbox.handle("1", cancelled_at_once)
    assert not inbox.seen("1")
    with EventStore(EventTypes(Happened)) as store:
        store.append("O-1", [Happened()])
        with pytest.raises(StrayCancellation, match="apply ended in a CancelledError"):
            rebuild(cancelled_at_once, 0, store.stream("O-1"))
        projection = Projection("table1", store, cancelled_at_once, "number INTEGER")
        with pytest.raises(ProjectionFailed, match="CancelledError: somewhere inside"):
            projection.catch_up()
        assert projection.position == 0


# --- what was not run is not done ----------------------------------------------------------------


class Later:
    """Something to await."""

    def __await__(self) -> Iterator[Any]:
        return asyncio.sleep(0).__await__()


async def later() -> bool:
    return True


def one_by_one() -> Iterator[bool]:
    yield True


async def bit_by_bit() -> Any:
    yield True


UNRUN: dict[str, Callable[[], Any]] = {
    "coroutine": later,
    "generator": one_by_one,
    "async_generator": bit_by_bit,
    "Later": Later,
}


@pytest.mark.parametrize("kind", UNRUN)
def test_a_plain_function_that_gives_work_back_has_not_done_it(kind: str) -> None:
    def give(*_: object) -> Any:
        return UNRUN[kind]()

    async def ask() -> str:
        return "PENDING"

    with pytest.raises(TypeError, match=f"is_done must be a plain function.* {kind}"):
        run(poll_until(ask, give))
    inbox = Inbox(Database(":memory:"), "mail")
    with pytest.raises(TypeError, match=f"work must be a plain function.* {kind}"):
        inbox.handle(1, give)
    assert not inbox.seen(1)
    with EventStore(EventTypes(Happened)) as store:
        store.append("O-1", [Happened()])
        with pytest.raises(TypeError, match=f"apply must be a plain function.* {kind}"):
            rebuild(give, 0, store.stream("O-1"))
        projection = Projection("table1", store, give, "number INTEGER")
        with pytest.raises(ProjectionFailed, match=f"apply must be a plain function.* {kind}"):
            projection.catch_up()
        assert projection.lag == 1


@pytest.mark.parametrize("kind", ["coroutine", "generator", "async_generator"])
def test_work_that_comes_back_from_where_it_should_have_been_done_is_an_error(kind: str) -> None:
    async def give(*_: object) -> Any:
        return UNRUN[kind]()

    with pytest.raises(TypeError, match=f"ask must be done .* gave back a {kind}"):
        run(poll_until(give, bool))
    bus = InMemoryEventBus()
    bus.subscribe(Happened, give)
    (delivery,) = run(bus.publish(Happened())).result
    assert str(delivery.error) == f"the handler gave back a {kind} that nobody has run"


@pytest.mark.parametrize("handler", [one_by_one, bit_by_bit])
def test_a_handler_with_a_yield_in_it_has_failed(handler: Callable[[], Any]) -> None:
    bus = InMemoryEventBus()
    bus.subscribe(Happened, lambda event: handler())
    (delivery,) = run(bus.publish(Happened())).result
    assert isinstance(delivery.error, TypeError)


@pytest.mark.parametrize("time", [float("nan"), "noon", None, -1, True])
def test_a_clock_that_tells_no_time_is_named(time: Any) -> None:
    outbox = outbox_of("A")

    async def publish(message: OutboxMessage) -> None:
        raise AssertionError("nobody knows when")

    with pytest.raises((TypeError, ValueError), match=r"what clock\(\) returns must be a number"):
        run(Relay(outbox, publish, clock=lambda: time).run_once())


def test_a_publish_that_is_sometimes_async_is_a_mistake_and_what_was_published_is_marked() -> None:
    outbox, published = outbox_of("A", "B", "C"), []

    async def well(message: OutboxMessage) -> None:
        published.append(message.aggregate)

    def publish(message: OutboxMessage) -> Any:
        return well(message) if message.aggregate == "A" else None

    relay = Relay(outbox, publish)
    with pytest.raises(TypeError, match="publish must be declared with async def"):
        run(relay.run_once())
    assert (published, outbox.pending) == (["A"], 2)


# --- an error that cannot even be said -----------------------------------------------------------


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even that")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("a slip"), "ValueError: a slip"),
        (ValueError(), "ValueError"),
        (Unspeakable(), "Unspeakable: (it has no text)"),
        (ValueError("half a letter: \ud83d"), "ValueError: half a letter: \\ud83d"),
        (ValueError("x" * 5000), "ValueError: " + "x" * 988),
    ],
)
def test_every_error_can_be_stored(error: Exception, text: str) -> None:
    outbox = outbox_of("A", "B")

    async def publish(message: OutboxMessage) -> None:
        if message.aggregate == "A":
            raise error

    assert said(error) == text
    assert run(Relay(outbox, publish, attempts=1).drain()).result == 1
    assert outbox.parked[0].error == text
    bus = InMemoryEventBus()

    @bus.subscribe(Happened)
    def handler(event: Event) -> None:
        raise error

    (delivery,) = run(bus.publish(Happened())).result
    assert repr(delivery).endswith(f"failed with {text}")


# --- a handler that ends in anything -------------------------------------------------------------


class Odd(BaseException):
    """No Exception, and nothing that Python knows."""


ENDS: dict[str, Callable[[], Any]] = {
    "well": lambda: None,
    "failure": lambda: ValueError(),
    "cancelled": lambda: asyncio.CancelledError(),
    "odd": lambda: Odd(),
}


@given(
    ends=st.lists(
        st.tuples(st.sampled_from(sorted(ENDS)), st.booleans(), st.sampled_from([0.0, 0.5])),
        max_size=8,
    )
)
@settings(max_examples=60, deadline=None)
def test_however_a_handler_ends_those_behind_it_have_their_turn(
    ends: list[tuple[str, bool, float]],
) -> None:
    bus, told = InMemoryEventBus(), []

    @bus.subscribe(Happened)
    def handler(event: Happened) -> Awaitable[None] | None:
        end, waits, seconds = ends[event.number]
        told.append(event.number)
        error = ENDS[end]()

        async def late() -> None:
            await asyncio.sleep(seconds)
            if error is not None:
                raise error

        if waits:
            return late()
        if error is not None:
            raise error
        return None

    async def main() -> None:
        for number in range(len(ends)):
            bus.publish_and_forget(Happened(number))
        await bus.close()

    outcome = run(main(), keep_error=True)
    assert told == list(range(len(ends)))
    assert len(bus.failures) == sum(end != "well" for end, _, _ in ends)
    assert (outcome.error is not None) == any(end == "odd" for end, _, _ in ends)


# --- endless publishing --------------------------------------------------------------------------


def forgets(bus: InMemoryEventBus, event: Happened) -> None:
    bus.publish_and_forget(Happened(event.number + 1))


async def forgets_later(bus: InMemoryEventBus, event: Happened) -> None:
    bus.publish_and_forget(Happened(event.number + 1))


async def waits(bus: InMemoryEventBus, event: Happened) -> None:
    await bus.publish(Happened(event.number + 1))


async def has_it_done(bus: InMemoryEventBus, event: Happened) -> None:
    asyncio.create_task(bus.publish(Happened(event.number + 1)))  # noqa: RUF006


@pytest.mark.parametrize("how", [forgets, forgets_later, waits, has_it_done])
@pytest.mark.parametrize(
    ("limits", "error"),
    [({"steps_per_instant": 1000}, FrozenTimeError), ({"step_limit": 1000}, RunawayError)],
)
def test_a_handler_that_publishes_its_own_event_for_ever_is_stopped(
    how: Callable[..., Any], limits: dict[str, int], error: type[Exception]
) -> None:
    bus, handled = InMemoryEventBus(), 0

    @bus.subscribe(Happened)
    def handler(event: Happened) -> Any:
        nonlocal handled
        handled += 1
        assert handled < 5000, "nothing stops it"
        return how(bus, event)

    async def main() -> None:
        bus.publish_and_forget(Happened())
        await asyncio.sleep(1)

    with pytest.raises(error, match="1,000 steps"):
        run(main(), **limits)  # type: ignore[arg-type]
    assert handled <= 1000


def test_in_many_steps_that_end_the_limits_count_each_event_once() -> None:
    bus, handled = InMemoryEventBus(), []
    bus.subscribe(Happened, handled.append)

    async def main() -> None:
        for number in range(900):
            bus.publish_and_forget(Happened(number))
        await bus.close()

    run(main(), steps_per_instant=1000)
    assert len(handled) == 900


# --- growth --------------------------------------------------------------------------------------


def test_a_bus_keeps_the_last_failures_and_the_count_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bus_module, "LOG_LENGTH", 50)
    bus = InMemoryEventBus()

    @bus.subscribe(Happened)
    async def handler(event: Happened) -> None:
        ballast = bytearray(10_000)
        try:
            raise ValueError(len(ballast))
        except ValueError as error:
            raise ExceptionGroup("all of it", [error]) from KeyError(event.number)

    async def main() -> int:
        for number in range(200):
            await bus.publish(Happened(number))
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for number in range(200, 600):
            await bus.publish(Happened(number))
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        return grown

    bus.log = type(bus.log)(maxlen=50)
    grown = run(main()).result
    assert [delivery.event.number for delivery in bus.failures] == list(range(550, 600))
    assert grown < 3_000_000, "the failed handlers' variables are all kept"


def test_draining_asks_the_database_so_often_as_there_are_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def steps(rows: int) -> int:
        outbox = outbox_of(*(str(number % 7) for number in range(rows)))
        count = 0

        def one_more() -> int:
            nonlocal count
            count += 1
            return 0

        async def publish(message: OutboxMessage) -> None:
            pass

        outbox.database.connection.set_progress_handler(one_more, 100)
        assert run(Relay(outbox, publish, batch=10).drain()).result == rows
        return count

    assert steps(2000) < 5 * steps(500)  # 16 times as many, if all that is left is counted


# --- the end of a run ----------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_who_never_lets_himself_be_stopped_does_not_hide_how_the_run_ended(
    error: type[BaseException],
) -> None:
    async def stubborn() -> None:
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(1)

    async def main() -> None:
        task = asyncio.create_task(stubborn())
        await asyncio.sleep(1)
        assert not task.done()
        raise error

    with pytest.raises(error):
        run(main(), time_limit=100)


def test_what_was_not_run_is_refused_and_said_whose_it_was() -> None:
    async def work() -> None: ...

    words = "question must be a plain function; question gave back a coroutine that nobody has run"
    with pytest.raises(TypeError, match=words):
        refuse_unrun("question", work(), "a plain function")
    with pytest.raises(TypeError, match=r"question must be a plain .*; it gave back a _Later"):
        refuse_unrun("question", _Later(), "a plain function")
    refuse_unrun("question", None, "a plain function")
    refuse_unrun("question", _Later, "a plain function")  # a class is a result like any other


class _Later:
    def __await__(self) -> Iterator[None]:
        yield
