"""A process that appends and projects until it is killed; see test_eventstore_kills.py.

``python eventstore_victim.py FILE SEED`` goes on with whatever it finds in the file.
"""

from __future__ import annotations

import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path

from lessonkit.faults import stream
from lessonkit.patterns.events import Event, EventTypes
from lessonkit.patterns.eventstore.projections import Projection
from lessonkit.patterns.eventstore.store import EventStore

STREAMS = ("O-1", "O-2", "O-3", "O-4")
BATCH = 3
COLUMNS = "order_id TEXT PRIMARY KEY, events INTEGER, folded INTEGER"


@dataclass(frozen=True)
class Step(Event):
    order_id: str
    number: int
    padding: str = "." * 200


TYPES = EventTypes(Step)


def fold(folded: int, number: int) -> int:
    """Depends on the order, and on each number being there exactly once."""
    return (folded * 31 + number) % 1_000_003


def apply(db: sqlite3.Connection, event: Step) -> None:
    found = db.execute("SELECT * FROM steps WHERE order_id = ?", (event.order_id,)).fetchone()
    _, events, folded = found or (event.order_id, 0, 0)
    row = (event.order_id, events + 1, fold(folded, event.number))
    db.execute("INSERT OR REPLACE INTO steps VALUES (?, ?, ?)", row)


def main(path: Path, seed: int) -> None:
    rng = stream(seed, "victim")
    with EventStore(TYPES, path, durability=rng.choice(("NORMAL", "FULL"))) as store:
        projection = Projection("steps", store, apply, COLUMNS)
        print("at work", flush=True)
        while True:
            order = rng.choice(STREAMS)
            version = store.version(order)
            steps = [Step(order, version + number) for number in range(1, BATCH + 1)]
            store.append(order, steps, expected_version=version)
            if rng.random() < 0.5:
                projection.catch_up(rng.randint(1, 12))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
