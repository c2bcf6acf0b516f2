"""A process dies exactly where it is told to, and the disk keeps exactly what was committed."""

from __future__ import annotations

import sqlite3
from contextlib import suppress

import pytest

from lessonkit.exercises.mortal import Disk, Killed, Storage

TABLES = "CREATE TABLE words (word TEXT); CREATE TABLE more (word TEXT)"
INSERT = "INSERT INTO words VALUES (?)"


def two_transactions(disk: Disk) -> None:
    with disk:
        disk.execute(INSERT, ("one",))
        disk.executemany(INSERT, [("two",), ("three",)])
    with disk:
        disk.cursor().execute(INSERT, ("four",))


def words(storage: Storage) -> int:
    return storage.look("SELECT count(*) FROM words")[0][0]


@pytest.mark.parametrize(("dies_after", "kept"), list(enumerate([0, 0, 0, 3, 3, 4])))
def test_what_was_committed_outlives_the_process_and_nothing_else(
    dies_after: int, kept: int
) -> None:
    with Storage(TABLES) as storage:
        disk = storage.start_process(dies_after=dies_after)
        with suppress(Killed):
            two_transactions(disk)
        with pytest.raises(Killed):
            disk.execute("SELECT 1")  # one step more: at the latest here it is dead
        assert disk.process.dead
        disk.close()
        assert words(storage) == kept


def test_a_dead_process_can_do_nothing_more_not_even_in_a_finally() -> None:
    with Storage(TABLES) as storage:
        disk = storage.start_process(dies_after=1)
        try:
            with pytest.raises(Killed):
                disk.execute(INSERT, ("one",))
        finally:
            for last_wish in (disk.commit, lambda: disk.execute(INSERT, ("two",))):
                with pytest.raises(Killed):
                    last_wish()
        disk.close()
        assert words(storage) == 0


def test_a_step_that_fails_did_not_happen_and_the_process_lives_on() -> None:
    with Storage(TABLES) as storage:
        disk = storage.start_process(fails_at=2)
        with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
            two_transactions(disk)
        process = disk.process
        assert (process.failed, process.dead, process.stopped_at) == (
            True,
            False,
            "step 2 (INSERT INTO words …)",
        )
        two_transactions(disk)
        assert words(storage) == 4


def test_a_commit_that_fails_is_rolled_back() -> None:
    with Storage(TABLES) as storage:
        disk = storage.start_process(fails_at=3)
        with pytest.raises(sqlite3.OperationalError):
            two_transactions(disk)
        assert (words(storage), disk.in_transaction) == (0, False)


def test_a_script_is_refused() -> None:
    with Storage(TABLES) as storage, pytest.raises(NotImplementedError, match="one statement"):
        storage.start_process().executescript("SELECT 1; SELECT 2")


def test_the_next_process_has_a_connection_of_its_own() -> None:
    connecting = "PRAGMA reverse_unordered_selects = ON"
    with Storage(TABLES, connecting, isolation_level=None) as storage:
        disk = storage.start_process()
        disk.execute("CREATE TEMP TABLE noted (word TEXT)")
        disk.execute("PRAGMA foreign_keys = ON")
        disk.execute(INSERT, ("one",))
        disk.execute("BEGIN")
        disk.execute(INSERT, ("two",))
        assert words(storage) == 2  # the judge sees what is not committed yet
        disk.close()
        assert words(storage) == 1
        other = storage.start_process()
        assert other.execute("PRAGMA foreign_keys").fetchone() == (0,)
        assert other.execute("PRAGMA reverse_unordered_selects").fetchone() == (1,)
        assert other.isolation_level is None
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            other.execute("SELECT * FROM noted")


def test_two_storages_know_nothing_of_each_other() -> None:
    with Storage(TABLES) as one, Storage(TABLES) as other:
        two_transactions(one.start_process())
        assert (words(one), words(other)) == (4, 0)


@pytest.mark.parametrize(("pauses_after", "seen"), list(enumerate([0, None, None, 3, None])))
def test_while_one_process_stands_still_another_one_works(
    pauses_after: int, seen: int | None
) -> None:
    found: list[int] = []

    def another() -> None:
        disk = storage.start_process()
        with suppress(Killed):  # the first one has locked the table: nobody can wait here
            with disk:
                disk.execute("UPDATE words SET word = 'other'")
            found.append(words(storage))

    with Storage(TABLES) as storage:
        disk = storage.start_process(pauses_after=pauses_after, meanwhile=another)
        two_transactions(disk)
        assert disk.process.paused
        assert found == ([] if seen is None else [seen])
        assert words(storage) == 4  # and the first one was not disturbed


def test_after_its_last_step_no_process_pauses() -> None:
    with Storage(TABLES) as storage:
        disk = storage.start_process(pauses_after=5)
        two_transactions(disk)
        assert not disk.process.paused


def test_what_was_read_is_no_lock_for_the_others() -> None:
    def another() -> None:
        with storage.start_process() as disk:
            disk.execute(INSERT, ("two",))

    with Storage(f"{TABLES}; INSERT INTO words VALUES ('one')") as storage:
        disk = storage.start_process(pauses_after=1, meanwhile=another)
        assert disk.execute("SELECT word FROM words").fetchone() == ("one",)
        assert disk.execute("SELECT count(*) FROM words").fetchone() == (2,)
