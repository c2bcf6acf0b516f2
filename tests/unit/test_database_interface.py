"""The patterns need of a database what is written down, and nothing else: another one will do.

:class:`Foreign` has the operations of :class:`SqlDatabase` and no others. Inside it is SQLite, but
it lets nobody see that: its transactions are objects of its own, its placeholders are others, SQL
that only SQLite understands is refused, and so are numbers that are given without holding what they
number (on a database with several writers they would not follow the order of the commits).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import lessonkit
from lessonkit import Backoff, Event, EventStore, EventTypes, Inbox, Outbox, Relay, run
from lessonkit.database import Database, DatabaseUnavailable, SqlDatabase
from lessonkit.database.interface import NotYourTransaction
from lessonkit.patterns.eventstore.projections import Projection, ProjectionFailed
from lessonkit.patterns.eventstore.snapshots import SnapshotStore
from lessonkit.patterns.eventstore.store import DuplicateEvent, VersionConflict
from lessonkit.patterns.outbox import OutboxMessage, PollingPublisher

OPERATIONS = {name for name in vars(SqlDatabase) if not name.startswith("_")}
SQLITES_OWN = re.compile(
    r"\b(PRAGMA|AUTOINCREMENT|ROWID|INDEXED|COLLATE|GLOB|IFNULL|OR IGNORE|REPLACE)\b|`|:\w", re.I
)
"""What other databases do not understand."""


@dataclass(frozen=True)
class Paid(Event):
    order_id: str
    yen: int


TYPES = EventTypes(Paid)


class Transaction:
    """All that a ``tx`` must have."""

    def __init__(self, database: Foreign) -> None:
        self.execute = database.execute


class Foreign:
    """A database that has the operations, and no others."""

    NUMBERED = "NUMBERED"

    def __init__(self) -> None:
        self._inner = Database(":memory:")
        self._tx: Transaction | None = None
        self._held: set[str] = set()
        self.used: set[str] = set()

    def __getattribute__(self, name: str) -> Any:
        if name in OPERATIONS:
            self.used.add(name)
        return super().__getattribute__(name)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._inner.transaction():
            self._tx = Transaction(self)
            try:
                yield self._tx
            finally:
                self._tx = None
                self._held.clear()

    def is_under_way(self, tx: object) -> bool:
        return tx is not None and tx is self._tx

    def hold(self, what: str) -> None:
        assert self._tx is not None, "nothing can be held outside of a transaction"
        self._held.add(what)

    def guarding(self, what: str) -> AbstractContextManager[None]:
        return self._inner.guarding(what)

    def making(self, table: str, of_what: str) -> AbstractContextManager[None]:
        return self._inner.making(table, of_what)

    def append_only(self, table: str, instead: str) -> None:
        self._inner.append_only(table, instead)

    def add(self, sql: str, values: Sequence[Any]) -> int:
        self._must_hold(sql)
        return self._inner.add(*self._translated(sql, values))

    def change(self, sql: str, values: Sequence[Any] = ()) -> Any:
        return self._inner.change(*self._translated(sql, values))

    def change_all(self, sql: str, rows: Iterable[Sequence[Any]]) -> Any:
        self._must_hold(sql)
        style, _ = self._translated(sql, [None] * sql.count("?"))
        named = [{f"v{n}": value for n, value in enumerate(row)} for row in rows]
        return self._inner.change_all(style, named)  # type: ignore[arg-type]

    def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        return self._inner.fetch(*self._translated(sql, values))

    def execute(self, sql: str, values: Any = ()) -> Any:
        return self._inner.execute(*self._translated(sql, values))

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        return self._inner.ask(*self._translated(sql, values))

    def close(self) -> None:
        self._inner.close()

    def _translated(self, sql: str, values: Sequence[Any]) -> tuple[str, Any]:
        """The statement with other placeholders, if each database understands it."""
        assert not SQLITES_OWN.search(sql), sql
        first, *others = sql.split("?")
        assert len(others) == len(values), sql
        style = first + "".join(f":v{n}{part}" for n, part in enumerate(others))
        style = style.replace("NUMBERED", Database.NUMBERED)
        return style, {f"v{n}": value for n, value in enumerate(values)}

    def _must_hold(self, sql: str) -> None:
        if found := re.match(r"\s*INSERT INTO (outbox|events)\b", sql):
            assert found[1] in self._held, sql


def outbox_and_relays(database: SqlDatabase) -> None:
    outbox = Outbox(database)
    database.execute("CREATE TABLE orders (order_id TEXT PRIMARY KEY)")
    published: list[int] = []

    async def publish(message: OutboxMessage) -> None:
        if message.aggregate == "poison":
            raise ConnectionError("no")
        published.append(message.id)

    def order(*orders: str, fails: bool = False) -> None:
        with database.transaction() as tx:
            for order_id in orders:
                tx.execute(f"INSERT INTO orders VALUES ('{order_id}')")
                outbox.add(tx, Paid(order_id, 100), order_id.partition("/")[0])
            if fails:
                raise OSError("the power fails")

    order("O-1/1", "O-2/1", "O-1/2")
    with pytest.raises(OSError, match="the power"):
        order("O-3/1", fails=True)
    with pytest.raises(RuntimeError, match="tx must be a transaction"):
        outbox.add(database, Paid("O-4", 1), "O-4")
    assert (outbox.pending, outbox.owes("O-1"), outbox.owes("O-3")) == (3, True, False)
    assert run(PollingPublisher(outbox, publish, batch=2).drain()).result == 3
    assert (len(published), published, outbox.pending) == (3, sorted(published), 0)

    order("poison/1", "O-1/3", "poison/2")
    steady = Backoff(base=1, jitter=False)
    outcome = run(Relay(outbox, publish, attempts=3, backoff=steady).drain(poll=0.5))
    assert (outcome.result, outcome.elapsed, len(published)) == (1, 3.5, 4)
    (parked,) = outbox.parked
    assert (parked.attempts, parked.error) == (3, "ConnectionError: no")
    assert (outbox.pending, outbox.any_waiting) == (2, False)
    outbox.unpark(parked.id)
    assert outbox.any_waiting
    run(Relay(outbox, publish, attempts=1).drain())
    outbox.drop(parked.id)
    with pytest.raises(ValueError, match="none"):
        outbox.drop(parked.id)
    assert outbox.pending == 1


def two_relays(database: SqlDatabase) -> None:
    outbox, published = Outbox(database), []
    with database.transaction() as tx:
        for key in "ABCABC":
            outbox.add(tx, Paid(key, 100), key)

    async def main() -> None:
        async def publish(message: OutboxMessage) -> None:
            published.append(message.id)
            await asyncio.sleep(1)

        relays = [Relay(outbox, publish, batch=2, name=f"relay-{n}") for n in (1, 2)]
        await asyncio.gather(*(relay.drain() for relay in relays))

    run(main())
    assert sorted(published) == sorted(set(published))
    assert len(published) == 6


def inbox(database: SqlDatabase) -> None:
    inbox, outbox = Inbox(database, "mail"), Outbox(database)
    database.execute("CREATE TABLE effects (what TEXT)")

    def work(tx: Any) -> str:
        tx.execute("INSERT INTO effects VALUES ('sent')")
        outbox.add(tx, Paid("O-1", 100), "O-1")
        return "done"

    def fails(tx: Any) -> None:
        work(tx)
        raise OSError

    def commits(tx: Any) -> None:
        work(tx)
        tx.execute("COMMIT")

    for broken, error in ((fails, OSError), (commits, NotYourTransaction)):
        with pytest.raises(error):
            inbox.handle(7, broken)
        assert (inbox.seen(7), outbox.pending) == (False, 0)
    assert [inbox.handle(key, work) for key in (7, "7", "orders/7")] == ["done", None, "done"]
    assert (inbox.duplicates, outbox.pending) == (1, 2)
    assert len(database.fetch("SELECT what FROM effects")) == 2


def test_work_may_not_end_our_transaction_with_a_statement_known_from_before() -> None:
    database = Database(":memory:")
    inbox = Inbox(database, "mail")
    database.execute("CREATE TABLE effects (what TEXT)")

    def commits(tx: Any) -> None:
        tx.execute("INSERT INTO effects VALUES ('sent')")
        tx.execute("COMMIT")

    for _ in range(2):
        database.execute("BEGIN")
        database.execute("COMMIT")  # SQLite keeps it compiled
        with pytest.raises(NotYourTransaction):
            inbox.handle(7, commits)
        assert database.fetch("SELECT what FROM effects") == []


def event_store(database: SqlDatabase) -> None:
    store = EventStore(TYPES, database)
    paid = [Paid("O-1", yen) for yen in range(1, 6)]
    assert store.append("O-1", paid[:2], expected_version=0) == 2
    assert store.append("O-2", paid[2:3]) == 1
    for old in (0, 1, 3):
        with pytest.raises(VersionConflict):
            store.append("O-1", paid[3:], old)
    with pytest.raises(DuplicateEvent, match="it is version 2 of stream 'O-1'"):
        store.append("O-3", [paid[3], paid[1]])
    with pytest.raises(DuplicateEvent, match="twice"):
        store.append("O-3", [paid[3], paid[3]])
    assert store.append("O-1", paid[3:], 2) == 4
    assert [one.event for one in store.stream("O-1")] == [*paid[:2], *paid[3:]]
    places = [(one.position, one.stream, one.version) for one in store.read(after=1, most=3)]
    assert places == [(2, "O-1", 2), (3, "O-2", 1), (4, "O-1", 3)]
    for change in ("DELETE FROM events", "UPDATE events SET version = 9"):
        with pytest.raises(Exception, match="append a new event"):
            database.execute(change)
    assert store.last_position == 5


def snapshots_and_projections(database: SqlDatabase) -> None:
    store = EventStore(TYPES, database)
    store.append("O-1", [Paid("O-1", yen) for yen in range(1, 6)])

    def total(state: dict[str, int], event: Paid) -> dict[str, int]:
        return {"yen": state["yen"] + event.yen}

    snapshots = SnapshotStore(store, dict)
    for yen in (0, 3):  # the second replaces the first
        snapshots.save("O-1", 2, {"yen": yen})
    rebuilt = snapshots.rebuild("O-1", total, {"yen": 0})
    assert (rebuilt.state, rebuilt.version, rebuilt.events_read) == ({"yen": 15}, 5, 3)
    snapshots.forget()
    assert snapshots.load("O-1") is None

    broken = True

    def apply(db: Any, event: Paid) -> None:
        db.execute(f"INSERT INTO payments VALUES ({event.yen})")
        if broken and event.yen == 4:
            raise KeyError(event.yen)

    projection = Projection("Payments", store, apply, "yen INTEGER")
    with pytest.raises(ProjectionFailed, match="at position 4"):
        projection.catch_up()
    assert (projection.catch_up(most=2), projection.position, projection.lag) == (2, 2, 3)
    broken = False
    assert (projection.catch_up(), projection.rebuild(), projection.lag) == (3, 5, 0)
    assert projection.query("SELECT SUM(yen) AS yen FROM payments") == [{"yen": 15}]
    assert len(projection.rows()) == 5
    with pytest.raises(ValueError, match="columns must be"):
        Projection("other", store, apply, "yen INTEGER,")


SCENARIOS: list[Callable[[SqlDatabase], None]] = [
    outbox_and_relays,
    two_relays,
    inbox,
    event_store,
    snapshots_and_projections,
]


@pytest.mark.parametrize("make", [lambda: Database(":memory:"), Foreign], ids=["sqlite", "foreign"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_with_another_database_all_is_as_with_sqlite(
    scenario: Callable[[SqlDatabase], None], make: Callable[[], SqlDatabase]
) -> None:
    database = make()
    scenario(database)
    database.close()


def test_every_operation_is_needed() -> None:
    used: set[str] = set()
    for scenario in SCENARIOS:
        database = Foreign()
        scenario(database)
        database.close()
        used |= database.used
    assert used == OPERATIONS


def test_it_is_a_database_for_those_who_check() -> None:
    assert isinstance(Foreign(), SqlDatabase)
    assert not isinstance(Database(":memory:").connection, SqlDatabase)


MAKERS: dict[str, Callable[[SqlDatabase], object]] = {
    "outbox": Outbox,
    "inbox": lambda database: Inbox(database, "mail"),
    "events": lambda database: EventStore(TYPES, database),
}


@pytest.mark.parametrize("table", MAKERS)
def test_another_table_of_that_name_is_named(table: str) -> None:
    database = Foreign()
    database.execute(f"CREATE TABLE {table} (other TEXT)")
    with pytest.raises(DatabaseUnavailable, match=f"its table {table} is not one of"):
        MAKERS[table](database)


PATTERNS = Path(lessonkit.__file__).parent / "patterns"
IDEAS = {
    "outbox": ("outbox.py", "relay.py", "inbox.py"),
    "eventstore": ("store.py",),
}


@pytest.mark.parametrize("pattern", IDEAS)
def test_the_ideas_know_neither_sqlite_nor_what_stands_beside_them(pattern: str) -> None:
    for path in (PATTERNS / pattern).glob("*.py"):
        imports = re.findall(r"^(?:from|import) (\S+)", path.read_text(), re.MULTILINE)
        assert not [name for name in imports if "sqlite" in name], path
        if path.name in IDEAS[pattern]:
            beside = {name for name in imports if name.startswith(f"lessonkit.patterns.{pattern}.")}
            known = {f"{name.rpartition('.')[2]}.py" for name in beside}
            assert known <= set(IDEAS[pattern]), path
