"""Two relays at one outbox, each on a thread and a connection of its own; and who is told."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from statistics import mean
from typing import Any, Final

from lessonkit.course.real_parts.here import beside_before
from lessonkit.course.real_parts.stored import Counted
from lessonkit.faults import stream
from lessonkit.lab import Picture
from lessonkit.patterns.outbox import Outbox, OutboxMessage, PollingPublisher
from lessonkit.real.travel import OrderCreated

Publish = Callable[[str, int], None]
"""Given an order's id, and a number that is larger for each later event."""
Run = Callable[[PollingPublisher, str], Coroutine[Any, Any, None]]
"""How a relay works for ever, given the URL of its database."""
ORDERS: Final = 12
EVENTS: Final = 3
LONGEST: Final = 0.02
"""Seconds that a broker needs at most to confirm a message."""
POLL: Final = 0.5
"""Seconds between two questions of a relay that polls."""


def share_each_way(ways: dict[str, Callable[[Any, Publish], int]]) -> Picture:
    """Let two relays empty an outbox on PostgreSQL, in each of the ways; beside it, before."""
    return beside_before("shared", lambda: share_each(ways))


def share_each(ways: dict[str, Callable[[Any, Publish], int]]) -> Counted:
    """How two relays have shared the work, for each of the ways."""
    from lessonkit.real.postgres import Postgres

    with Postgres() as server:
        return {name: two_relays(server.new_database(), way) for name, way in ways.items()}


def two_relays(url: str, way: Callable[[Any, Publish], int]) -> dict[str, float]:
    """Fill an outbox with three events for each order; two relays at once publish them."""
    from lessonkit.real.database import PostgresDatabase

    with closing(PostgresDatabase(url)) as database:
        outbox = Outbox(database)
        with database.transaction() as tx:
            for order in range(ORDERS):
                for _event in range(EVENTS):
                    outbox.add(tx, OrderCreated(f"O-{order}"), f"O-{order}")
    published: list[tuple[int, str, int]] = []
    gate = threading.Barrier(2)

    def relay(who: int) -> None:
        rng = stream(who, "how long a broker needs")

        def publish(order_id: str, number: int) -> None:
            time.sleep(rng.uniform(0, LONGEST))
            published.append((who, order_id, number))

        with closing(PostgresDatabase(url, timeout=60)) as database:
            own = Outbox(database)
            gate.wait()
            while own.any_waiting:
                if not way(database, publish):
                    time.sleep(LONGEST)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(relay, range(2)))
    told: dict[str, list[int]] = {}
    for _who, order_id, number in published:
        told.setdefault(order_id, []).append(number)
    return {
        "first": sum(who == 0 for who, *_ in published),
        "second": sum(who == 1 for who, *_ in published),
        "twice": len(published) - len({number for *_, number in published}),
        "overtaken": sum(numbers != sorted(numbers) for numbers in told.values()),
    }


def who_is_told() -> Picture:
    """How long an event waits for a relay that polls, and for one that listens."""
    return beside_before("waits", wait_each)


def wait_each() -> Counted:
    """The mean wait in milliseconds, from the commit until the event is published."""
    from lessonkit.real.listen import run_on_notice
    from lessonkit.real.postgres import Postgres

    async def polling(relay: PollingPublisher, _url: str) -> None:
        await relay.run(POLL)

    with Postgres() as server:
        return {
            "asks every 500 ms": wait_for(server.new_database(), polling),
            "is told by NOTIFY": wait_for(server.new_database(), run_on_notice),
        }


def wait_for(url: str, run: Run, orders: int = 8) -> dict[str, float]:
    """Commit an event now and then, while a relay works in the background."""
    from lessonkit.real.database import PostgresDatabase

    published: dict[str, float] = {}
    committed: dict[str, float] = {}

    async def publish(message: OutboxMessage) -> None:
        published[message.aggregate] = time.monotonic()

    async def work() -> None:
        relay = PollingPublisher(Outbox(database), publish)
        background = asyncio.create_task(run(relay, url))
        rng = stream(0, "when an order comes")
        try:
            await asyncio.sleep(0.1)  # it begins by looking
            for number in range(orders):
                order_id = f"O-{number}"
                with writer.transaction() as tx:
                    outbox.add(tx, OrderCreated(order_id), order_id)
                committed[order_id] = time.monotonic()
                await asyncio.sleep(rng.uniform(0, POLL))
            while len(published) < orders and not background.done():
                await asyncio.sleep(0.01)
        finally:
            background.cancel()
            await asyncio.gather(background, return_exceptions=True)

    with closing(PostgresDatabase(url)) as database, closing(PostgresDatabase(url)) as writer:
        outbox = Outbox(writer)
        asyncio.run(work())
    waits = [published[order_id] - at for order_id, at in committed.items()]
    return {"mean_ms": round(1000 * mean(waits)), "longest_ms": round(1000 * max(waits))}
