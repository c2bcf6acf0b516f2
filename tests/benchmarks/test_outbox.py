"""How much an outbox costs: an order with its event against the same two INSERTs in plain sqlite3.

Run with ``pytest tests/benchmarks``. Both write the same rows into the same tables in the same
durability mode. The plain one makes the JSON text with ``json.dumps`` from a dict that is ready.
Each round has a new file on the disk; the two take turns, and the best round of each counts.

The relay is measured with a ``publish`` that does nothing: what is left is leasing and marking. It
is measured in process time, so that what else the machine is busy with does not count.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lessonkit import Event, Item, Outbox, Relay
from lessonkit.database import Database
from lessonkit.patterns.outbox import OutboxMessage
from lessonkit.patterns.outbox.outbox import INSERT

ORDERS = "CREATE TABLE orders (order_id TEXT PRIMARY KEY, body TEXT NOT NULL)"
INSERT_ORDER = "INSERT INTO orders VALUES (?, ?)"

CASES = {"NORMAL": (1000, 20), "FULL": (150, 30)}  # orders per round, rounds
ROWS = 50_000
BATCH = 100
ROUNDS = 7


@dataclass(frozen=True)
class OrderCreated(Event):
    order_id: str
    items: tuple[Item, ...]
    amount: int


def order_created(number: int) -> OrderCreated:
    return OrderCreated(f"O-{number}", (Item("P-1", 2, 2500),), 5000)


def order_text(event: OrderCreated) -> str:
    return json.dumps({"order_id": event.order_id, "amount": event.amount, "status": "confirmed"})


# --- writing -------------------------------------------------------------------------------------


def prepared(path: Path, durability: str = "NORMAL") -> Outbox:
    database = Database(path, durability)
    database.execute(ORDERS)
    return Outbox(database)


def ours(path: Path, durability: str, events: list[OrderCreated]) -> float:
    outbox = prepared(path, durability)
    start = time.perf_counter()
    for event in events:
        with outbox.database.transaction() as tx:
            tx.execute(INSERT_ORDER, (event.order_id, order_text(event)))
            outbox.add(tx, event, key=event.order_id)
    seconds = time.perf_counter() - start
    outbox.database.close()
    return seconds


def raw(path: Path, durability: str, events: list[OrderCreated]) -> float:
    prepared(path).database.close()
    ready = [(event, json.loads(event.to_json())) for event in events]
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {durability}")
    start = time.perf_counter()
    for event, data in ready:
        db.execute("BEGIN IMMEDIATE")
        db.execute(INSERT_ORDER, (event.order_id, order_text(event)))
        body = json.dumps(data, ensure_ascii=False)
        db.execute(INSERT, (event.order_id, "OrderCreated", body, event.occurred_at))
        db.execute("COMMIT")
    seconds = time.perf_counter() - start
    db.close()
    return seconds


CANDIDATES: dict[str, Callable[[Path, str, list[OrderCreated]], float]] = {"ours": ours, "raw": raw}


def orders_per_second(folder: Path, durability: str) -> dict[str, float]:
    orders, rounds = CASES[durability]
    events = list(map(order_created, range(orders)))
    best = dict.fromkeys(CANDIDATES, float("inf"))
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            for name, execute in CANDIDATES.items():
                path = folder / f"{name}-{number}.db"
                best[name] = min(best[name], execute(path, durability, events))
    finally:
        gc.enable()
    return {name: orders / seconds for name, seconds in best.items()}


@pytest.mark.parametrize("durability", CASES)
def test_an_order_with_its_event_costs_little_more_than_two_inserts(
    benchmark: Any, durability: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    speeds = benchmark.pedantic(orders_per_second, (tmp_path, durability), rounds=1)
    ratio = speeds["ours"] / speeds["raw"]
    benchmark.group = "orders with their events"
    benchmark.extra_info.update({name: round(speed) for name, speed in speeds.items()})
    benchmark.extra_info["ours/raw"] = round(ratio, 3)
    with capsys.disabled():
        print(f"\nWAL, {durability}, orders per second:")
        for name, speed in speeds.items():
            print(f"  {name:<6}{speed:>10,.0f}")
        print(f"  ours/raw = {ratio:.2f}")
    assert ratio >= 0.75


# --- relaying ------------------------------------------------------------------------------------


async def publish(message: OutboxMessage) -> None:
    pass


def fill(outbox: Outbox, rows: int, aggregates: int) -> None:
    body = order_created(1).to_json()
    with outbox.database.transaction() as tx:
        values = ((f"O-{n % aggregates}", "OrderCreated", body, 0.0) for n in range(rows))
        tx.executemany(INSERT, values)


async def relay_all(outbox: Outbox) -> int:
    relay = Relay(outbox, publish, batch=BATCH)
    total = 0
    while published := await relay.run_once():
        total += published
    return total


def relay_rows_per_second(path: Path, aggregates: int, published_before: int = 0) -> float:
    outbox = prepared(path)
    fill(outbox, published_before, aggregates)
    outbox.database.execute("UPDATE outbox SET published_at = 1")
    best = float("inf")
    gc.collect()
    gc.disable()
    try:
        for _ in range(ROUNDS):
            fill(outbox, ROWS, aggregates)
            outbox.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            start = time.process_time()
            assert asyncio.run(relay_all(outbox)) == ROWS
            best = min(best, time.process_time() - start)
    finally:
        gc.enable()
        outbox.database.close()
    return ROWS / best


@pytest.mark.parametrize("aggregates", [1, 1000, ROWS])
def test_a_relay_is_fast_enough(
    benchmark: Any, aggregates: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    speed = benchmark.pedantic(
        relay_rows_per_second, (tmp_path / "outbox.db", aggregates), rounds=1
    )
    benchmark.group = "relay"
    benchmark.extra_info["rows_per_second"] = round(speed)
    with capsys.disabled():
        print(
            f"\nrelay, {aggregates} aggregate(s), batches of {BATCH}: {speed:,.0f} rows per second"
        )
    assert speed >= 150_000


def test_a_million_published_rows_make_a_relay_no_slower(
    benchmark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = relay_rows_per_second(tmp_path / "few.db", 1000)
    arguments = (tmp_path / "many.db", 1000, 1_000_000)
    many = benchmark.pedantic(relay_rows_per_second, arguments, rounds=1)
    benchmark.group = "relay"
    with capsys.disabled():
        print(f"\nrelay, {few:,.0f} rows per second; behind a million published: {many:,.0f}")
    assert many >= 0.75 * few
