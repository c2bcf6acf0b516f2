"""What it costs to tell an event: our bus beside asyncio's bare ``gather`` and published buses.

Run with ``pytest tests/benchmarks -s``. All of them run in one process and on asyncio's own loop,
in alternating rounds, by the best time of each. ``gather``, blinker and pymitter isolate nothing:
an error of a handler reaches the publisher. bubus and FastStream do, and so does ours.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import blinker
import bubus
import pymitter
import pytest
from faststream.redis import RedisBroker, TestRedisBroker

from lessonkit.patterns.bus import InMemoryEventBus
from lessonkit.patterns.events import Event

ROUNDS = 7


@dataclass(frozen=True)
class Happened(Event):
    number: int = 0


class Happening(bubus.BaseEvent):  # type: ignore[type-arg]
    number: int = 0


EVENT = Happened(event_id="E-1", occurred_at=0.0)

Publish = Callable[[], Awaitable[object]]


def handlers(number: int, waits: bool) -> list[Callable[..., Any]]:
    """So many different handlers; blinker holds them weakly, bubus wants them to differ."""

    def make(name: str) -> Callable[..., Any]:
        if waits:

            async def handler(event: object = None, **_more: object) -> None:
                await asyncio.sleep(0)

        else:

            async def handler(event: object = None, **_more: object) -> None:
                pass

        handler.__name__ = handler.__qualname__ = name
        return handler

    return [make(f"handler_{n}") for n in range(number)]


@asynccontextmanager
async def ours(listeners: list[Callable[..., Any]]) -> AsyncIterator[Publish]:
    bus = InMemoryEventBus()
    for listener in listeners:
        bus.subscribe(Happened, listener)
    yield lambda: bus.publish(EVENT)
    assert not await bus.close()


@asynccontextmanager
async def gather(listeners: list[Callable[..., Any]]) -> AsyncIterator[Publish]:
    yield lambda: asyncio.gather(*[listener(EVENT) for listener in listeners])


@asynccontextmanager
async def with_blinker(listeners: list[Callable[..., Any]]) -> AsyncIterator[Publish]:
    signal = blinker.Signal()
    for listener in listeners:
        signal.connect(listener)
    yield lambda: signal.send_async(None, happened=EVENT)


@asynccontextmanager
async def with_pymitter(listeners: list[Callable[..., Any]]) -> AsyncIterator[Publish]:
    emitter = pymitter.EventEmitter()
    for listener in listeners:
        emitter.on("Happened", listener)
    yield lambda: emitter.emit_async("Happened", EVENT)


@asynccontextmanager
async def with_bubus(listeners: list[Callable[..., Any]]) -> AsyncIterator[Publish]:
    bus = bubus.EventBus(name=f"bench_{len(listeners)}", parallel_handlers=True)
    for listener in listeners:
        bus.on(Happening, listener)
    yield lambda: bus.dispatch(Happening())
    await bus.stop(timeout=0)


@asynccontextmanager
async def with_faststream(listeners: list[Callable[..., Any]]) -> AsyncIterator[Publish]:
    broker = RedisBroker()
    for listener in listeners:

        async def receive(message: str, listener: Callable[..., Any] = listener) -> None:
            await listener(message)

        broker.subscriber("happened")(receive)
    async with TestRedisBroker(broker) as test_broker:
        yield lambda: test_broker.publish("1", "happened")


#: For each candidate how many events make one round: the slow ones need fewer.
CANDIDATES: dict[str, tuple[Callable[..., Any], int]] = {
    "ours": (ours, 1000),
    "gather": (gather, 1000),
    "blinker": (with_blinker, 1000),
    "pymitter": (with_pymitter, 1000),
    "bubus": (with_bubus, 10),
    "faststream": (with_faststream, 20),
}
ISOLATING = ("bubus", "faststream")


async def microseconds(number: int, waits: bool) -> dict[str, float]:
    """Microseconds per event, the best round of each candidate."""
    best = dict.fromkeys(CANDIDATES, float("inf"))
    for _ in range(ROUNDS):
        for name, (make, events) in CANDIDATES.items():
            async with make(handlers(number, waits)) as publish:
                await publish()
                start = time.process_time()
                for _ in range(events):
                    await publish()
                best[name] = min(best[name], (time.process_time() - start) / events * 1e6)
    return best


@pytest.mark.parametrize("waits", [False, True], ids=["ends at once", "waits"])
@pytest.mark.parametrize("number", [1, 10], ids=["1 handler", "10 handlers"])
def test_publishing_beside_its_peers(
    benchmark: Any, number: int, waits: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    costs = benchmark.pedantic(lambda: asyncio.run(microseconds(number, waits)), rounds=1)
    benchmark.extra_info.update({name: round(cost, 2) for name, cost in costs.items()})
    kind = "that wait" if waits else "that end at once"
    with capsys.disabled():
        print(f"\none event for {number} handlers {kind}, microseconds:")
        for name, cost in costs.items():
            print(f"  {name:<11}{cost:>10,.1f}   {name}/ours = {cost / costs['ours']:.2f}")
    assert costs["gather"] / costs["ours"] >= 0.8
    for name in ISOLATING:
        assert costs[name] > costs["ours"]
