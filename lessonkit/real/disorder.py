"""The events of six orders, by three kinds of key, on the model of notebook 03 and on the broker.

Three consumers share three partitions. Records with one key stay in order; what has another key
may overtake.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from typing import Final

from lessonkit.faults import stream
from lessonkit.patterns.brokers import PartitionedLog
from lessonkit.real.server import unavailable
from lessonkit.real.wires import wire
from lessonkit.runner import run

Event = tuple[str, str]
KeyOf = Callable[[Event], str | None]
STEPS: Final = ("OrderCreated", "PaymentReceived", "OrderShipped")
ORDERS: Final = 6
CONSUMERS: Final = 3
EVENTS: Final = [(f"O-{number}", step) for number in range(1, ORDERS + 1) for step in STEPS]
KEYS: Final[dict[str, KeyOf]] = {
    "order": lambda event: event[0],
    "step": lambda event: event[1],
    "none": lambda event: None,
}
SECONDS_AT_MOST: Final = 30.0


def in_disorder_by_key(url: str, seed: int = 0) -> dict[str, dict[str, float]]:
    """How many of six orders were finished in disorder, for each kind of key.

    Parameters
    ----------
    url
        Of a broker that speaks Kafka's protocol. Nothing of it stays there.
    seed
        From which it is drawn how long the work on each event takes.

    Returns
    -------
    dict
        For ``"order"``, ``"step"`` and ``"none"`` the figures ``"orders"`` (6), ``"model"`` and
        ``"broker"``. The broker's depend on the machine's time, that by order excepted.

    Raises
    ------
    ServerUnavailable
        If there is no such broker, or it dies.
    """
    rng = stream(seed, "work")
    takes = {event: rng.uniform(0.02, 0.2) for event in EVENTS}

    async def on_broker_by_each() -> list[list[Event]]:
        # A new group takes its time, so all at once.
        return await asyncio.gather(*(on_broker(url, key_of, takes) for key_of in KEYS.values()))

    found = zip(KEYS.items(), run(on_broker_by_each(), wall=True).result, strict=True)
    return {
        name: {
            "orders": ORDERS,
            "model": disorder(on_model(key_of, takes)),
            "broker": disorder(finished),
        }
        for (name, key_of), finished in found
    }


def disorder(finished: Sequence[Event]) -> int:
    """How many orders have had their events finished in another order than they happened."""
    return sum(
        [step for order, step in finished if order == each] != list(STEPS)
        for each in {order for order, _ in finished}
    )


def on_model(key_of: KeyOf, takes: dict[Event, float]) -> list[Event]:
    """The events as they are finished on :class:`~lessonkit.patterns.brokers.PartitionedLog`."""
    finished: list[Event] = []

    async def consume(log: PartitionedLog, name: str) -> None:
        member = log.join("work", name)
        while len(finished) < len(EVENTS):
            for record in await member.poll(most=1, wait=1):
                order, step = record.value.split()
                await asyncio.sleep(takes[order, step])
                finished.append((order, step))
                member.commit(record)

    async def main() -> None:
        log = PartitionedLog("Kafka", partitions=CONSUMERS)
        async with asyncio.TaskGroup() as tasks:
            for number in range(CONSUMERS):
                tasks.create_task(consume(log, f"consumer {number}"))
            await asyncio.sleep(0)  # all have joined
            for event in EVENTS:
                log.append(key_of(event), " ".join(event))

    run(main())
    return finished


async def on_broker(url: str, key_of: KeyOf, takes: dict[Event, float]) -> list[Event]:
    """The same on a broker: three consumers in one group, each of which does one at a time."""
    way = wire(url, f"disorder-{secrets.token_hex(4)}")
    finished: list[Event] = []
    all_sent = asyncio.Event()

    async def work(body: bytes) -> None:
        await all_sent.wait()
        order, step = body.decode().split()
        await asyncio.sleep(takes[order, step])
        finished.append((order, step))

    for _ in range(CONSUMERS):
        way.listen("work", work)
    try:
        await way.start()
        for event in EVENTS:
            await way.send(" ".join(event), key_of(event))
        all_sent.set()
        async with asyncio.timeout(SECONDS_AT_MOST):
            while len(finished) < len(EVENTS):
                await asyncio.sleep(0.01)
    except TimeoutError:
        done = f"it has handed out {len(finished)} of {len(EVENTS)} events"
        raise unavailable(url, f"{done} in {SECONDS_AT_MOST:g} s") from None
    finally:
        all_sent.set()
        await way.deafen()
        await way.stop()
    await way.remove()
    return finished
