"""Whatever is wrong with a database, one error says so: DatabaseUnavailable, and what to do."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lessonkit import Event, EventStore, EventTypes, Inbox, Outbox, Saga, SagaLog, Step, run
from lessonkit.database import Database, DatabaseUnavailable
from lessonkit.patterns.events import BadEvent
from lessonkit.patterns.eventstore.projections import Projection, ProjectionFailed
from lessonkit.patterns.eventstore.snapshots import SnapshotStore
from lessonkit.patterns.outbox.lease import mark_failed, mark_published, take
from lessonkit.patterns.saga import SagaTakenOver
from lessonkit.patterns.saga.progress import What


@dataclass(frozen=True)
class Happened(Event):
    text: str = ""


def apply(db: sqlite3.Connection, event: Happened) -> None:
    db.execute("INSERT INTO table1 VALUES (?)", (event.text,))


async def do(command: dict[str, int]) -> None: ...


class House:
    """One of everything, all in one file."""

    def __init__(self, path: Path) -> None:
        self.store = EventStore(EventTypes(Happened), path)
        self.database = self.store.database
        try:
            self.snapshots = SnapshotStore(self.store, dict)
            self.projection = Projection("table1", self.store, apply, "text TEXT")
            self.outbox = Outbox(self.database)
            self.inbox = Inbox(self.database, "mail")
            self.log = SagaLog(self.database, dict)
            self.saga = Saga("order", [Step("a", do, do)], log=self.log)
        except BaseException:
            self.close()
            raise

    def fill(self) -> House:
        for number in range(30):
            self.log.start("order", f"O-{number}", {"number": number})
            self.log.write(f"O-{number}", 1, What.BEGUN, "a", None)
            self.store.append("O-1", [Happened(str(number) * 50)])
            self.inbox.handle(number, lambda tx: None)
            with self.database.transaction() as tx:
                self.outbox.add(tx, Happened(str(number) * 50), f"O-{number % 3}")
        self.snapshots.save("O-1", 20, {"text": "x" * 500})
        self.projection.catch_up(most=20)
        token, messages = take(self.outbox, 0, 30, 1)
        mark_failed(self.outbox, token, messages[0].id, float("inf"), "no")
        return self

    def add(self) -> None:
        with self.database.transaction() as tx:
            self.outbox.add(tx, Happened(), "O-1")

    def release(self) -> None:
        token, messages = take(self.outbox, 0, 30, 10)
        if messages:
            mark_failed(self.outbox, token, messages[0].id, 5.0, "no")
            mark_published(self.outbox, token, messages[-1].id, 1.0)

    def doors(self) -> dict[str, Callable[[], Any]]:
        """Every public method."""
        outbox, store, projection = self.outbox, self.store, self.projection
        return {
            "append": lambda: store.append("O-1", [Happened()]),
            "stream": lambda: store.stream("O-1"),
            "read": store.read,
            "version": lambda: store.version("O-1"),
            "last_position": lambda: store.last_position,
            "save": lambda: self.snapshots.save("O-1", 1, {}),
            "load": lambda: self.snapshots.load("O-1"),
            "fold": lambda: self.snapshots.rebuild("O-1", lambda state, event: state, {}),
            "forget": self.snapshots.forget,
            "position": lambda: projection.position,
            "lag": lambda: projection.lag,
            "catch_up": projection.catch_up,
            "rows": projection.rows,
            "query": lambda: projection.query("SELECT COUNT(*) FROM table1"),
            "rebuild": projection.rebuild,
            "add": self.add,
            "release": self.release,
            "pending": lambda: outbox.pending,
            "any_waiting": lambda: outbox.any_waiting,
            "owes": lambda: outbox.owes("O-1"),
            "parked": lambda: outbox.parked,
            "unpark": lambda: outbox.unpark(1),
            "drop": lambda: outbox.drop(1),
            "handle": lambda: self.inbox.handle("new", lambda tx: None),
            "seen": lambda: self.inbox.seen("new"),
            "start": lambda: self.log.start("order", "new", {}),
            "write": lambda: self.log.write("O-1", 1, What.DONE, "a", None),
            "take_over": lambda: self.log.take_over("O-1"),
            "unfinished": self.log.unfinished,
            "state": lambda: self.log.state("O-1"),
            "saga_owes": lambda: self.log.owes("O-1"),
            "command": lambda: self.log.command("order", "O-1"),
            "history": lambda: self.log.history("O-1"),
            "to_frame": lambda: self.log.to_frame("O-1"),
            "execute": lambda: run(self.saga.execute("new", {})),
            "resume": lambda: run(self.saga.resume()),
        }

    def close(self) -> None:
        self.store.close()


TABLES = ("events", "snapshots", "projections", "outbox", "inbox", "sagas", "saga_log")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with closing(House(tmp_path / "house.db").fill()) as house:
        yield house


DOORS = (
    *("append", "stream", "read", "version", "last_position", "save", "load", "fold", "forget"),
    *("position", "lag", "catch_up", "rows", "query", "rebuild", "add", "release", "pending"),
    *("any_waiting", "owes", "parked", "unpark", "drop"),
    *("handle", "seen", "start", "write", "take_over", "unfinished", "state", "saga_owes"),
    *("command", "history", "to_frame", "execute", "resume"),
)


@pytest.mark.parametrize("door", DOORS)
def test_as_long_as_all_is_well_every_door_opens(house: House, door: str) -> None:
    assert tuple(house.doors()) == DOORS
    house.doors()[door]()


@pytest.mark.parametrize("door", DOORS)
def test_closed(house: House, door: str) -> None:
    doors = house.doors()
    house.close()
    with pytest.raises(DatabaseUnavailable, match="it is closed; open it again"):
        doors[door]()


@pytest.mark.parametrize("door", [*DOORS, "close"])
def test_from_another_thread(house: House, door: str) -> None:
    raised: list[BaseException] = []

    def elsewhere() -> None:
        try:
            (house.close if door == "close" else house.doors()[door])()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert [type(error) for error in raised] == [DatabaseUnavailable]
    assert "opened in another thread; open it in this one as well" in str(raised[0])


@pytest.mark.parametrize("door", DOORS)
def test_somebody_has_thrown_the_tables_away(house: House, door: str) -> None:
    for table in (*TABLES, "table1"):
        house.database.execute(f"DROP TABLE {table}")
    if door in ("rows", "query"):  # the learner's own SQL
        with pytest.raises(sqlite3.OperationalError, match="no such table: table1"):
            house.doors()[door]()
    else:
        with pytest.raises(DatabaseUnavailable, match="its tables are not as they were made"):
            house.doors()[door]()


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("what", ["TABLE {} (other TEXT)", "VIEW {} AS SELECT 1 AS other"])
def test_a_file_with_other_tables_of_these_names(tmp_path: Path, table: str, what: str) -> None:
    with closing(sqlite3.connect(tmp_path / "house.db")) as other:
        other.execute("CREATE " + what.format(table))
    with pytest.raises(DatabaseUnavailable, match=f"its table {table} is not one of [a-z]"):
        House(tmp_path / "house.db")


@given(
    holes=st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from([b"\0", b"\xff", b"no", bytes(range(256))])),
        min_size=1,
        max_size=4,
    ),
    times=st.sampled_from([1, 100, 4096]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_damaged_file(
    holes: list[tuple[float, bytes]], times: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "house.db"
    with closing(House(path).fill()) as house:
        house.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    damaged = bytearray(whole)
    for where, what in holes:
        start = int(where * len(whole))
        damaged[start : start + len(what) * times] = what * times
    for door in DOORS:
        path.write_bytes(damaged)
        # It says so, or has not noticed; what it reads then may be no event any more, and who
        # drives a saga may be somebody else.
        wrong = BadEvent, TypeError, ValueError, ProjectionFailed, SagaTakenOver
        with suppress(DatabaseUnavailable, *wrong), closing(House(path)) as house:
            house.doors()[door]()


def test_a_damaged_page_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "house.db"
    with closing(House(path).fill()) as house:
        house.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    says = "house.db' cannot be used: it is damaged; take a copy from before"
    with pytest.raises(DatabaseUnavailable, match=says), closing(House(path)) as house:
        house.store.read()


class Greedy:
    """A connection to a file in which a row claims to be gigabytes long."""

    def execute(self, sql: str, values: Any = ()) -> Any:
        raise MemoryError

    def close(self) -> None: ...


def test_a_row_too_long_for_the_memory_is_damage() -> None:
    database = Database(":memory:")
    database.close()
    database.connection = Greedy()  # type: ignore[assignment]
    for act in (database.fetch, database.execute, database.ask):
        with pytest.raises(DatabaseUnavailable, match="it is damaged; take a copy from before"):
            act("SELECT 1")


def test_a_text_that_is_none_any_more_is_damage(house: House) -> None:
    house.database.execute("UPDATE table1 SET text = CAST(x'ff' AS TEXT)")
    with pytest.raises(DatabaseUnavailable, match="it is damaged; take a copy from before"):
        house.projection.query("SELECT text FROM table1")


def test_a_file_that_is_no_database_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "house.db"
    path.write_text("Dear diary, " * 1000)
    with pytest.raises(DatabaseUnavailable, match="choose another path, or move the file away"):
        Database(path)


def test_damage_that_apply_runs_into_is_no_mistake_of_apply(house: House) -> None:
    def grow(db: sqlite3.Connection, event: Happened) -> None:
        db.execute("INSERT INTO table2 VALUES (?)", ("x" * 1_000_000,))

    projection = Projection("table2", house.store, grow, "text TEXT")
    house.database.execute("PRAGMA max_page_count = 1")
    with pytest.raises(DatabaseUnavailable, match="the disk is full; make room"):
        projection.catch_up()
