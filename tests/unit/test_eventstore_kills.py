"""A process is killed in the middle of its work, fifty times, and the file is whole each time.

``SIGKILL`` takes the process away between two instructions; what it had written but not committed
is still lying in the file, and whoever opens it next must not see it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from lessonkit.faults import stream
from lessonkit.patterns.eventstore.projections import Projection
from lessonkit.patterns.eventstore.store import EventStore
from tests.unit.eventstore_victim import BATCH, COLUMNS, STREAMS, TYPES, Step, apply, fold

KILLS = 50
VICTIM = Path(__file__).with_name("eventstore_victim.py")
LONGEST = 0.06
"""Seconds of work before the process is killed."""


def work_and_die(path: Path, seed: int, seconds: float) -> None:
    command = [sys.executable, str(VICTIM), str(path), str(seed)]
    with subprocess.Popen(
        command, cwd=VICTIM.parents[2], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as victim:
        assert victim.stdout is not None
        assert victim.stderr is not None
        started = victim.stdout.readline()
        time.sleep(seconds)
        still_at_work = victim.poll() is None
        victim.kill()
        errors = victim.stderr.read()
    assert started == "at work\n", errors
    assert still_at_work, errors


def check(path: Path, known: int) -> tuple[int, int]:
    """Look at the file, and return how many events are in it and how many the projection has."""
    with EventStore(TYPES, path) as store:
        assert store.database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        recorded = store.read()
        last = store.last_position
        assert [one.position for one in recorded] == list(range(1, last + 1))
        assert last >= known  # what has been read once does not vanish
        for name in STREAMS:
            own = [one for one in recorded if one.stream == name]
            assert [one.version for one in own] == list(range(1, len(own) + 1))
            assert [one.event.number for one in own] == list(range(1, len(own) + 1))  # type: ignore[attr-defined]
            assert len(own) % BATCH == 0  # each list of events is there as a whole
        for first in range(0, last, BATCH):
            assert len({one.stream for one in recorded[first : first + BATCH]}) == 1

        projection = Projection("steps", store, apply, COLUMNS)
        assert projection.lag >= 0
        expected: dict[str, dict[str, object]] = {}
        for one in recorded[: projection.position]:
            assert isinstance(one.event, Step)
            row = expected.get(one.stream, {"order_id": one.stream, "events": 0, "folded": 0})
            expected[one.stream] = {
                "order_id": one.stream,
                "events": row["events"] + 1,  # type: ignore[operator]
                "folded": fold(row["folded"], one.event.number),  # type: ignore[arg-type]
            }
        rows = {str(row["order_id"]): row for row in projection.rows()}
        assert rows == expected
        return last, projection.position


@pytest.mark.slow  # fifty processes; a quick one is in test_saga_kills.py
def test_after_each_of_fifty_kills_the_store_and_its_projection_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    rng = stream(2024, "kills")
    known = position = in_the_log = 0
    grown = set()
    for number in range(KILLS):
        work_and_die(path, number, rng.uniform(0, LONGEST))
        # A clean end would have emptied the write-ahead log and removed it.
        in_the_log += path.with_name("events.db-wal").exists()
        before = known, position
        known, position = check(path, known)
        grown.add(known > before[0])
        grown.add(position > before[1])
    assert in_the_log == KILLS
    assert True in grown
    assert known > 50 * BATCH
    assert position > 0
    with EventStore(TYPES, path) as store:
        projection = Projection("steps", store, apply, COLUMNS)
        projection.catch_up()
        caught_up = projection.rows()
        projection.rebuild()
        in_order = "SELECT * FROM steps ORDER BY order_id"
        assert projection.query(in_order) == sorted(caught_up, key=lambda row: row["order_id"])


def test_this_would_notice_a_batch_that_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with EventStore(TYPES, path) as store:
        store.append("O-1", [Step("O-1", number) for number in (1, 2)])
    with pytest.raises(AssertionError):
        check(path, 0)
