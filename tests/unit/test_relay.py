"""What a relay promises: each message at least once, in order within its aggregate."""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import chain, repeat
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import Backoff, Event, Inbox, Outbox, Relay, run
from lessonkit.database import Database, DatabaseUnavailable
from lessonkit.patterns.outbox import OutboxMessage, PollingPublisher
from lessonkit.patterns.outbox.lease import take
from lessonkit.shop import NoReply
from tests.unit.real_loop import run_for_real

STEADY = Backoff(base=1, factor=2, cap=60, jitter=False)


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    database = Database(":memory:")
    yield Outbox(database)
    database.close()


def add(outbox: Outbox, *aggregates: str) -> list[int]:
    with outbox.database.transaction() as tx:
        return [outbox.add(tx, Event(), key) for key in aggregates]


class Recorder:
    """Publishes by writing down what it gets; ``fails`` says which messages cannot be published."""

    def __init__(self, fails: Callable[[OutboxMessage], bool] = lambda message: False) -> None:
        self.published: list[int] = []
        self.tried: list[tuple[float, int]] = []
        self.fails = fails

    async def __call__(self, message: OutboxMessage) -> None:
        self.tried.append((asyncio.get_running_loop().time(), message.id))
        if self.fails(message):
            raise ConnectionError("the broker is down")
        self.published.append(message.id)


# --- publishing ----------------------------------------------------------------------------------


def test_it_publishes_what_is_there_in_batches_and_says_how_many(outbox: Outbox) -> None:
    ids = add(outbox, *"ABCDE")
    publish = Recorder()

    async def main() -> list[int]:
        relay = Relay(outbox, publish, batch=2)
        return [await relay.run_once() for _ in range(4)]

    assert run(main()).result == [2, 2, 1, 0]
    assert publish.published == ids
    assert outbox.pending == 0


def test_it_finds_what_is_added_later(outbox: Outbox) -> None:
    publish = Recorder()

    async def main() -> None:
        relaying = asyncio.create_task(Relay(outbox, publish).run(poll=0.5))
        for _ in range(3):
            await asyncio.sleep(0.6)
            add(outbox, "A")
        await asyncio.sleep(0.6)
        relaying.cancel()

    run(main())
    assert publish.tried == [(1.0, 1), (1.5, 2), (2.0, 3)]


def test_while_it_works_off_a_backlog_others_have_their_turn(outbox: Outbox) -> None:
    add(outbox, *"AAAA")

    async def main() -> list[int]:
        pending = []

        async def look() -> None:
            while outbox.pending:
                pending.append(outbox.pending)
                await asyncio.sleep(0)

        looking = asyncio.create_task(look())
        await Relay(outbox, Recorder(), batch=1).drain()
        await looking
        return pending

    assert run(main()).result == [3, 2, 1]


def test_in_a_real_process_the_time_is_that_of_the_world(outbox: Outbox) -> None:
    add(outbox, "A", "B")
    before = time.time()
    assert run_for_real(Relay(outbox, Recorder()).run_once()) == 2
    sql = "SELECT published_at FROM outbox"
    for (moment,) in outbox.database.execute(sql):
        assert before <= moment <= time.time()


def test_the_clock_can_be_another_one(outbox: Outbox) -> None:
    add(outbox, "A", "B")
    moments = iter([100.0, 101.0])
    run_for_real(Relay(outbox, Recorder(), clock=lambda: next(moments)).run_once())
    published = outbox.database.execute("SELECT published_at FROM outbox").fetchall()
    assert published == [(101.0,), (101.0,)]


# --- failures ------------------------------------------------------------------------------------


def test_a_message_that_fails_blocks_only_its_own_aggregate(outbox: Outbox) -> None:
    a1, b1, a2, b2 = add(outbox, "A", "B", "A", "B")
    publish = Recorder(lambda message: message.id == a1 and message.attempts < 2)
    outcome = run(Relay(outbox, publish, backoff=STEADY).drain(poll=0.25))
    assert publish.published == [b1, b2, a1, a2]
    assert [moment for moment, number in publish.tried if number == a1] == [0, 1, 3]
    assert outcome.result == 4


def test_what_was_published_before_a_failure_is_not_published_again(outbox: Outbox) -> None:
    a1, a2, a3 = add(outbox, "A", "A", "A")
    publish = Recorder(lambda message: message.id == a2 and message.attempts == 0)
    run(Relay(outbox, publish).drain())
    assert [number for _, number in publish.tried] == [a1, a2, a2, a3]


def test_a_poison_message_is_parked_with_what_went_wrong(outbox: Outbox) -> None:
    a1, _, b1 = add(outbox, "A", "A", "B")
    publish = Recorder(lambda message: message.id == a1)
    outcome = run(Relay(outbox, publish, backoff=STEADY, attempts=3).drain(poll=0.25))
    assert outcome.elapsed == 3.25  # drain() does not wait for what is parked
    assert publish.published == [b1]
    (parked,) = outbox.parked
    assert (parked.id, parked.attempts) == (a1, 3)
    assert parked.error == "ConnectionError: the broker is down"
    assert outbox.pending == 2
    assert add(outbox, "A")  # later ones stay behind it, too
    run(Relay(outbox, publish).drain())
    assert publish.published == [b1]


def test_unparked_it_goes_out_before_those_behind_it(outbox: Outbox) -> None:
    a1, a2 = add(outbox, "A", "A")
    broken = Recorder(lambda message: True)
    run(Relay(outbox, broken, attempts=1).drain())
    assert [message.id for message in outbox.parked] == [a1]
    outbox.unpark(a1)
    publish = Recorder()
    run(Relay(outbox, publish).drain())
    assert publish.published == [a1, a2]


def test_dropped_it_lets_those_behind_it_pass(outbox: Outbox) -> None:
    a1, a2 = add(outbox, "A", "A")
    run(Relay(outbox, Recorder(lambda message: True), attempts=1).drain())
    outbox.drop(a1)
    publish = Recorder()
    run(Relay(outbox, publish).drain())
    assert publish.published == [a2]


def test_with_jitter_two_relays_wait_for_different_times(outbox: Outbox) -> None:
    moments = set()
    for name in ("relay-1", "relay-2", "relay-1"):
        add(outbox, "A")
        once = iter((True, False))
        publish = Recorder(lambda message, once=once: next(once))  # type: ignore[misc]
        run(Relay(outbox, publish, name=name, backoff=Backoff(base=60, cap=60)).drain(poll=0.001))
        moments.add(publish.tried[1][0])
    assert len(moments) == 2


def test_a_publish_that_hangs_counts_as_failed_when_the_lease_ends(outbox: Outbox) -> None:
    a1, b1 = add(outbox, "A", "B")
    published = []

    async def publish(message: OutboxMessage) -> None:
        if message.id == a1:
            await asyncio.sleep(1000)
        published.append(message.id)

    outcome = run(Relay(outbox, publish, lease=5, attempts=1).drain())
    assert published == [b1]
    (parked,) = outbox.parked
    assert parked.error == "TimeoutError: not published within 5 s, the lease"
    assert outcome.elapsed == pytest.approx(5, abs=0.2)


def test_a_message_that_had_no_time_in_its_lease_has_not_failed(outbox: Outbox) -> None:
    add(outbox, *"ABCDE")

    async def slow(message: OutboxMessage) -> None:
        assert message.attempts == 0
        await asyncio.sleep(2)

    assert run(Relay(outbox, slow, lease=5).drain()).result == 5
    assert outbox.pending == 0


# --- the plain relay -----------------------------------------------------------------------------


def test_a_polling_publisher_tries_what_fails_again_at_the_next_poll(outbox: Outbox) -> None:
    a1, b1, a2, b2 = add(outbox, "A", "B", "A", "B")
    publish = Recorder(lambda message: message.id == a1 and len(publish.published) < 2)

    async def main() -> list[int]:
        relay = PollingPublisher(outbox, publish, batch=3)
        return [await relay.run_once() for _ in range(4)]

    assert run(main()).result == [1, 1, 2, 0]
    assert publish.published == [b1, b2, a1, a2]
    assert outbox.pending == 0


def test_a_polling_publisher_finds_what_is_added_later(outbox: Outbox) -> None:
    publish = Recorder()

    async def main() -> None:
        relaying = asyncio.create_task(PollingPublisher(outbox, publish).run(poll=0.5))
        await asyncio.sleep(0.6)
        add(outbox, "A")
        await asyncio.sleep(0.6)
        relaying.cancel()

    run(main())
    assert publish.tried == [(1.0, 1)]


@pytest.mark.parametrize("reaction", ["obeys", "goes on", "fails"])
def test_a_polling_publisher_that_is_cancelled_marks_what_is_published(
    outbox: Outbox, reaction: str
) -> None:
    _, b1, c1 = add(outbox, "A", "B", "C")

    async def publish(message: OutboxMessage) -> None:
        if message.id == b1:
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                if reaction == "fails":
                    raise ConnectionError("interrupted") from None
                if reaction == "obeys":
                    raise

    async def main() -> None:
        relaying = asyncio.create_task(PollingPublisher(outbox, publish).run())
        await asyncio.sleep(1)
        relaying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await relaying

    run(main())
    left = [c1] if reaction == "goes on" else [b1, c1]
    assert [message.id for message in outbox.unpublished(10)] == left


# --- the lease -----------------------------------------------------------------------------------


async def never_again(message: OutboxMessage) -> None:
    """As in a killed process: not even its cancellation wakes it."""
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()


def test_another_relay_takes_over_when_the_lease_of_a_dead_one_expires(outbox: Outbox) -> None:
    ids = add(outbox, "A", "A")
    publish = Recorder()

    async def main() -> None:
        dead = asyncio.create_task(Relay(outbox, never_again, lease=10).run())
        await asyncio.sleep(1)
        await Relay(outbox, publish, name="relay-2").drain()
        dead.cancel()

    run(main())
    assert publish.published == ids
    assert publish.tried[0][0] == pytest.approx(10, abs=0.2)


def test_a_relay_that_dies_between_publishing_and_marking_leads_to_a_duplicate(
    outbox: Outbox,
) -> None:
    ids = add(outbox, "A", "B")
    publish = Recorder()

    async def publish_and_die(message: OutboxMessage) -> None:
        await publish(message)
        if message.id == ids[1]:
            await never_again(message)

    async def main() -> None:
        dead = asyncio.create_task(Relay(outbox, publish_and_die, lease=10).run())
        await asyncio.sleep(1)
        await Relay(outbox, publish, name="relay-2").drain()
        dead.cancel()

    run(main())
    assert publish.published == ids + ids


def test_a_relay_that_has_lost_its_lease_marks_nothing_and_says_so(outbox: Outbox) -> None:
    ids = add(outbox, "A")
    now = 0.0

    async def publish(message: OutboxMessage) -> None:
        nonlocal now
        now = 30.0  # this process was stopped for a while, and its own clock with it
        assert [taken.id for taken in take(outbox, now, 30, 10)[1]] == ids

    relay = Relay(outbox, publish, lease=30, clock=lambda: now)
    assert run(relay.run_once()).result == 0
    assert outbox.pending == 1


@pytest.mark.parametrize("reaction", ["obeys", "goes on", "fails"])
def test_cancelled_it_marks_what_is_published_and_leaves_the_rest_leased(
    outbox: Outbox, reaction: str
) -> None:
    a1, b1, c1 = add(outbox, "A", "B", "C")
    published = []

    async def publish(message: OutboxMessage) -> None:
        if message.id == b1:
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                if reaction == "fails":
                    raise ConnectionError("interrupted") from None
                if reaction == "obeys":
                    raise
        published.append(message.id)

    async def main() -> None:
        relaying = asyncio.create_task(Relay(outbox, publish, lease=30).run())
        await asyncio.sleep(1)
        relaying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await relaying
        assert outbox.pending == len(left)
        assert take(outbox, 29.9, 30, 10)[1] == []
        assert [message.id for message in take(outbox, 30, 30, 10)[1]] == left

    left = [c1] if reaction == "goes on" else [b1, c1]
    run(main())
    assert published == [a1, b1, c1][: -len(left)]


def test_two_relays_share_the_work_and_publish_nothing_twice(outbox: Outbox) -> None:
    ids = add(outbox, *"ABCDEFGH")
    publish = Recorder()

    async def slow(message: OutboxMessage) -> None:
        await asyncio.sleep(1)
        await publish(message)

    async def main() -> None:
        relays = [Relay(outbox, slow, batch=2, name=f"relay-{n}") for n in (1, 2)]
        await asyncio.gather(*(relay.drain() for relay in relays))

    outcome = run(main())
    assert sorted(publish.published) == ids
    assert outcome.elapsed == pytest.approx(4, abs=0.3)


# --- together with an inbox ----------------------------------------------------------------------

FATES = (
    "done",
    "refused",
    "reply lost",
    "late",
    "killed",
    "cancelled",
    "cancelled inside",
    "twice",
)
"""What becomes of a publication: see ``Simulation.publish``."""


class Simulation:
    """Two relays, two consumers with an inbox each, and a network that does what it is told."""

    def __init__(self, fates: list[tuple[str, float]]) -> None:
        self.orders, self.consumers = Database(":memory:"), Database(":memory:")
        self.outbox = Outbox(self.orders)
        self.inboxes = [Inbox(self.consumers, name) for name in ("inventory", "payment")]
        self.handled: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self.fates = chain(fates, repeat(("done", 0.1)))  # some time all is well again
        self.loose: list[asyncio.Task[None]] = []

    def deliver(self, message: OutboxMessage) -> None:
        for inbox in self.inboxes:
            handled = self.handled[inbox.consumer][message.aggregate]
            inbox.handle(message.id, lambda tx, handled=handled: handled.append(message.id))  # type: ignore[misc]

    async def publish(self, message: OutboxMessage) -> None:
        fate, seconds = next(self.fates)
        loop = asyncio.get_running_loop()
        if fate == "refused":
            raise ConnectionError("refused")
        # Like a request on its way, the delivery takes place even if the relay waits no longer.
        arrived = loop.create_future()
        loop.call_later(seconds, self.deliver, message)
        loop.call_later(seconds, lambda: arrived.done() or arrived.set_result(None))
        if fate == "killed":
            self.start()
            await never_again(message)
        if fate == "cancelled":
            self.start()
            relaying = asyncio.current_task()
            assert relaying is not None
            relaying.cancel()
            await asyncio.sleep(0)
        if fate == "cancelled inside":
            inner = asyncio.ensure_future(asyncio.sleep(0))
            inner.cancel()
            await inner
        if fate == "late":  # the relay has given up by then
            raise NoReply("broker")
        await arrived
        if fate == "twice":
            self.deliver(message)
        if fate == "reply lost":
            raise NoReply("broker")

    def start(self) -> None:
        relay = Relay(self.outbox, self.publish, batch=3, lease=5.0, attempts=1000)
        self.loose.append(asyncio.create_task(relay.run(poll=0.5)))

    async def play(self, adds: list[tuple[float, list[str]]]) -> list[tuple[int, str]]:
        self.start()
        self.start()
        added: list[tuple[int, str]] = []
        for pause, keys in adds:
            await asyncio.sleep(pause)
            added += zip(add(self.outbox, *keys), keys, strict=True)
        while self.outbox.pending:
            await asyncio.sleep(1)
        await asyncio.sleep(20)  # what is still on its way arrives
        return added


@settings(max_examples=150, deadline=None)
@given(
    adds=st.lists(
        st.tuples(st.floats(0, 6), st.lists(st.sampled_from("ABC"), min_size=1, max_size=4)),
        min_size=1,
        max_size=5,
    ),
    fates=st.lists(
        st.tuples(st.sampled_from(FATES), st.sampled_from([0.0, 0.3, 4.9, 5.0, 12.0])), max_size=14
    ),
)
def test_whatever_happens_each_message_is_handled_once_in_order_and_none_is_lost(
    adds: list[tuple[float, list[str]]], fates: list[tuple[str, float]]
) -> None:
    simulation = Simulation(fates)
    added = run(simulation.play(adds)).result
    for inbox in simulation.inboxes:
        for key in "ABC":
            expected = [number for number, of in added if of == key]
            assert simulation.handled[inbox.consumer][key] == expected
    simulation.orders.close()
    simulation.consumers.close()


# --- what is refused -----------------------------------------------------------------------------


async def fine(message: OutboxMessage) -> None:
    pass


REFUSED: dict[str, tuple[Callable[[Outbox], object], type[Exception], str]] = {
    "no outbox": (lambda o: Relay(o.database, fine), TypeError, "outbox must be an Outbox"),  # type: ignore[arg-type]
    "no publish": (lambda o: Relay(o, None), TypeError, "publish must be a function"),  # type: ignore[arg-type]
    "a time": (lambda o: Relay(o, fine, clock=0.0), TypeError, "clock must be a function"),  # type: ignore[arg-type]
    "no batch": (lambda o: Relay(o, fine, batch=0), ValueError, "batch must be 1 or more"),
    "no lease": (lambda o: Relay(o, fine, lease=0), ValueError, "lease must be a number above 0"),
    "for ever": (lambda o: Relay(o, fine, lease=math.inf), ValueError, "lease must be .* finite"),
    "no backoff": (lambda o: Relay(o, fine, backoff=2), TypeError, "backoff must be a Backoff"),  # type: ignore[arg-type]
    "no attempts": (lambda o: Relay(o, fine, attempts=0), ValueError, "attempts must be 1 or"),
    "no name": (lambda o: Relay(o, fine, name=""), ValueError, "name must be a text"),
    "no poll": (lambda o: run(Relay(o, fine).run(poll=0)), ValueError, "poll must be"),
    "no pause": (lambda o: run(Relay(o, fine).drain(poll=-1)), ValueError, "poll must be"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_named_at_the_door(outbox: Outbox, name: str) -> None:
    act, error, says = REFUSED[name]
    with pytest.raises(error, match=says):
        act(outbox)


def test_a_publish_that_is_not_async_is_a_mistake_and_no_failure(outbox: Outbox) -> None:
    add(outbox, "A")
    plain: Any = lambda message: None  # noqa: E731
    with pytest.raises(TypeError, match="publish must be declared with async def"):
        run(Relay(outbox, plain).drain())
    assert take(outbox, 30, 1, 1)[1][0].attempts == 0


def test_a_function_that_returns_something_to_await_will_do(outbox: Outbox) -> None:
    add(outbox, "A")
    publish = Recorder()
    returns: Callable[[OutboxMessage], Awaitable[None]] = lambda message: publish(message)  # noqa: E731
    assert run(Relay(outbox, returns).drain()).result == 1


def test_a_database_that_fails_stops_the_relay_and_loses_nothing(outbox: Outbox) -> None:
    ids = add(outbox, "A")
    publish = Recorder()

    async def breaks(message: OutboxMessage) -> None:
        await publish(message)
        outbox.database.execute("PRAGMA query_only = ON")

    with pytest.raises(DatabaseUnavailable, match="it is read-only"):
        run(Relay(outbox, breaks, lease=30).run())
    outbox.database.execute("PRAGMA query_only = OFF")

    async def main() -> None:
        await Relay(outbox, publish).drain()

    run(main())
    assert publish.published == ids + ids
    assert outbox.pending == 0
