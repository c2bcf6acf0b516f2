"""A process dies exactly where it is told to, and the disk keeps exactly what was committed."""

from __future__ import annotations

import sqlite3
from contextlib import suppress

import pytest

from lessonkit.exercises.mortal import Disk, Killed, new_disk

TABLES = "CREATE TABLE words (word TEXT); CREATE TABLE more (word TEXT)"
INSERT = "INSERT INTO words VALUES (?)"


def two_transactions(disk: Disk) -> None:
    with disk:
        disk.execute(INSERT, ("one",))
        disk.executemany(INSERT, [("two",), ("three",)])
    with disk:
        disk.cursor().execute(INSERT, ("four",))


def words(disk: Disk) -> int:
    return disk.look("SELECT count(*) FROM words")[0][0]


@pytest.mark.parametrize(("dies_after", "kept"), list(enumerate([0, 0, 0, 3, 3, 4])))
def test_what_was_committed_outlives_the_process_and_nothing_else(
    dies_after: int, kept: int
) -> None:
    with new_disk(TABLES) as disk:
        process = disk.start_process(dies_after=dies_after)
        with suppress(Killed):
            two_transactions(disk)
        with pytest.raises(Killed):
            disk.execute("SELECT 1")  # one step more: at the latest here it is dead
        assert process.dead
        disk.start_process()
        assert words(disk) == kept


def test_a_dead_process_can_do_nothing_more_not_even_in_a_finally() -> None:
    with new_disk(TABLES) as disk:
        disk.start_process(dies_after=1)
        try:
            with pytest.raises(Killed):
                disk.execute(INSERT, ("one",))
        finally:
            for last_wish in (disk.commit, lambda: disk.execute(INSERT, ("two",))):
                with pytest.raises(Killed):
                    last_wish()
        disk.start_process()
        assert words(disk) == 0


def test_a_step_that_fails_did_not_happen_and_the_process_lives_on() -> None:
    with new_disk(TABLES) as disk:
        process = disk.start_process(fails_at=2)
        with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
            two_transactions(disk)
        assert (process.failed, process.dead, process.stopped_at) == (
            True,
            False,
            "step 2 (INSERT INTO words …)",
        )
        two_transactions(disk)
        assert words(disk) == 4


def test_a_commit_that_fails_is_rolled_back() -> None:
    with new_disk(TABLES) as disk:
        disk.start_process(fails_at=3)
        with pytest.raises(sqlite3.OperationalError):
            two_transactions(disk)
        assert (words(disk), disk.in_transaction) == (0, False)


def test_a_script_is_refused() -> None:
    with new_disk(TABLES) as disk, pytest.raises(NotImplementedError, match="one statement"):
        disk.executescript("SELECT 1; SELECT 2")
