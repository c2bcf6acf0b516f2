"""How much the event store costs: an append, against the same INSERT in plain sqlite3.

Run with ``pytest tests/benchmarks``. Both write the same rows into the same table in the same
durability mode. The plain one makes the JSON text with ``json.dumps`` from a dict that is ready;
its version is ready as well. What the store does beyond that (the check of the version, of the
type of every field, of the ids) is what is measured. Each round has a new file on the disk; the two
take turns, and the best round of each counts.
"""

from __future__ import annotations

import gc
import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from lessonkit import Event, EventStore, EventTypes, Item
from lessonkit.patterns.eventstore.projections import Projection
from lessonkit.patterns.eventstore.store import INSERT


@dataclass(frozen=True)
class OrderCreated(Event):
    order_id: str
    items: tuple[Item, ...]
    amount: int


TYPES = EventTypes(OrderCreated)
EVENTS_PER_STREAM = 3

CASES = {  # durability, events per append, appends per round, rounds
    "normal, one": ("NORMAL", 1, 600, 15),
    "full, one": ("FULL", 1, 100, 30),
    "normal, a hundred": ("NORMAL", 100, 20, 15),
    "full, a hundred": ("FULL", 100, 20, 15),
}

Batches = list[tuple[str, int, list[OrderCreated]]]


def batches(appends: int, size: int) -> Batches:
    """For each append: the stream, its version before, and the events."""
    return [
        (
            f"O-{number // EVENTS_PER_STREAM}",
            number % EVENTS_PER_STREAM * size,
            [
                OrderCreated(f"O-{number}", (Item("P-1", 2, 2500),), 5000, event_id=f"{number}/{n}")
                for n in range(size)
            ],
        )
        for number in range(appends)
    ]


def ours(path: Path, durability: str, work: Batches) -> float:
    with EventStore(TYPES, path, durability=durability) as store:
        start = time.perf_counter()
        for stream, version, events in work:
            store.append(stream, events, expected_version=version)
        return time.perf_counter() - start


def raw(path: Path, durability: str, work: Batches) -> float:
    EventStore(TYPES, path).close()  # makes the table
    ready = [
        (stream, version, [(event.event_id, json.loads(event.to_json())) for event in events])
        for stream, version, events in work
    ]
    positions = count(1)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {durability}")
    start = time.perf_counter()
    for stream, version, events in ready:
        db.execute("BEGIN IMMEDIATE")
        db.executemany(
            INSERT,
            [
                (next(positions), stream, number, json.dumps(data, ensure_ascii=False), event_id)
                for number, (event_id, data) in enumerate(events, version + 1)
            ],
        )
        db.execute("COMMIT")
    seconds = time.perf_counter() - start
    db.close()
    return seconds


CANDIDATES: dict[str, Callable[[Path, str, Batches], float]] = {"ours": ours, "raw": raw}


def events_per_second(folder: Path, case: str) -> dict[str, float]:
    durability, size, appends, rounds = CASES[case]
    work = batches(appends, size)
    best = dict.fromkeys(CANDIDATES, float("inf"))
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            for name, execute in CANDIDATES.items():
                path = folder / f"{name}-{number}.db"
                best[name] = min(best[name], execute(path, durability, work))
    finally:
        gc.enable()
    return {name: appends * size / seconds for name, seconds in best.items()}


@pytest.mark.parametrize("case", CASES)
def test_an_append_costs_little_more_than_the_insert(
    benchmark: Any, case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    speeds = benchmark.pedantic(events_per_second, (tmp_path, case), rounds=1)
    ratio = speeds["ours"] / speeds["raw"]
    benchmark.group = "appends"
    benchmark.extra_info.update({name: round(speed) for name, speed in speeds.items()})
    benchmark.extra_info["ours/raw"] = round(ratio, 3)
    with capsys.disabled():
        print(f"\n{case} event(s) per append, events per second:")
        for name, speed in speeds.items():
            print(f"  {name:<6}{speed:>10,.0f}")
        print(f"  ours/raw = {ratio:.2f}")
    assert ratio >= 0.75


def test_reading(benchmark: Any, tmp_path: Path) -> None:
    with EventStore(TYPES, tmp_path / "events.db") as store:
        for stream, version, events in batches(20, 100):
            store.append(stream, events, version)
        benchmark.group = "reading"
        benchmark.pedantic(store.read, rounds=5)


def test_catching_up(benchmark: Any, tmp_path: Path) -> None:
    def apply(db: sqlite3.Connection, event: OrderCreated) -> None:
        db.execute("INSERT INTO orders VALUES (?, ?)", (event.event_id, event.amount))

    with EventStore(TYPES, tmp_path / "events.db") as store:
        for stream, version, events in batches(20, 100):
            store.append(stream, events, version)
        projection = Projection("orders", store, apply, "event_id TEXT PRIMARY KEY, amount INTEGER")
        benchmark.group = "projection"
        benchmark.pedantic(projection.rebuild, rounds=5)
