"""What an inbox promises: a message has its effect once, and the effect and the id are one."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from lessonkit import Event, Inbox, Outbox
from lessonkit.database import Database, DatabaseLocked, DatabaseUnavailable


def prepared(path: str | Path = ":memory:") -> Database:
    database = Database(path)
    database.execute("CREATE TABLE IF NOT EXISTS effects (what TEXT NOT NULL)")
    return database


@pytest.fixture
def database() -> Iterator[Database]:
    opened = prepared()
    yield opened
    opened.close()


def effect(what: str, tx: sqlite3.Connection) -> str:
    tx.execute("INSERT INTO effects VALUES (?)", (what,))
    return what


def effects(database: Database) -> list[str]:
    return [what for (what,) in database.execute("SELECT what FROM effects")]


def test_a_message_that_comes_twice_has_its_effect_once(database: Database) -> None:
    inbox = Inbox(database, "inventory")
    assert inbox.handle(7, partial(effect, "first")) == "first"
    assert inbox.handle(7, partial(effect, "again")) is None
    assert effects(database) == ["first"]
    assert inbox.duplicates == 1


def test_a_duplicate_in_the_middle_of_a_batch_leaves_the_others_alone(database: Database) -> None:
    inbox = Inbox(database, "inventory")
    done = [inbox.handle(number, partial(effect, f"{number}")) for number in (1, 2, 1, 3)]
    assert done == ["1", "2", None, "3"]
    assert effects(database) == ["1", "2", "3"]
    assert inbox.duplicates == 1


def test_a_number_and_its_digits_are_one_id(database: Database) -> None:
    inbox = Inbox(database, "inventory")
    inbox.handle(7, partial(effect, "first"))
    assert inbox.handle("7", partial(effect, "again")) is None
    assert inbox.handle("orders/7", partial(effect, "another outbox")) == "another outbox"
    assert [inbox.seen(7), inbox.seen("7"), inbox.seen("orders/7"), inbox.seen(8)] == [1, 1, 1, 0]


def test_two_consumers_are_independent(database: Database) -> None:
    inventory, payment = Inbox(database, "inventory"), Inbox(database, "payment")
    assert inventory.handle(1, partial(effect, "reserved")) == "reserved"
    assert not payment.seen(1)
    assert payment.handle(1, partial(effect, "charged")) == "charged"
    assert effects(database) == ["reserved", "charged"]
    assert (inventory.duplicates, payment.duplicates) == (0, 0)


def test_work_that_raises_leaves_nothing_and_can_be_tried_again(database: Database) -> None:
    inbox = Inbox(database, "inventory")

    def fails(tx: sqlite3.Connection) -> None:
        effect("half", tx)
        raise ValueError("out of stock")

    for _ in range(2):
        with pytest.raises(ValueError, match="out of stock"):
            inbox.handle(1, fails)
        assert not inbox.seen(1)
        assert effects(database) == []
    assert inbox.handle(1, partial(effect, "whole")) == "whole"
    assert (effects(database), inbox.duplicates) == (["whole"], 0)


COMMITTING: dict[str, Callable[[sqlite3.Connection], object]] = {
    "COMMIT": lambda tx: tx.execute("COMMIT"),
    "END": lambda tx: tx.execute("END"),
    "ROLLBACK": lambda tx: tx.execute("ROLLBACK"),
    "BEGIN": lambda tx: tx.execute("BEGIN"),
    "commit()": lambda tx: tx.commit(),
    "rollback()": lambda tx: tx.rollback(),
    "a script": lambda tx: tx.executescript("INSERT INTO effects VALUES ('script')"),
}


@pytest.mark.parametrize("how", COMMITTING)
def test_work_that_tries_to_end_the_transaction_is_refused(database: Database, how: str) -> None:
    inbox = Inbox(database, "inventory")

    def work(tx: sqlite3.Connection) -> None:
        effect("half", tx)
        COMMITTING[how](tx)

    with pytest.raises(RuntimeError, match="work must neither begin nor end a transaction"):
        inbox.handle(1, work)
    assert not inbox.seen(1)
    assert effects(database) == []
    inbox.handle(1, partial(effect, "whole"))  # and afterwards all is as before
    database.execute("BEGIN")
    database.execute("COMMIT")


async def works_later(tx: sqlite3.Connection) -> None:
    effect("later", tx)


@pytest.mark.parametrize("work", [works_later, lambda tx: works_later(tx)])
def test_work_that_would_wait_inside_the_transaction_is_refused(
    database: Database, work: Callable[[sqlite3.Connection], object]
) -> None:
    inbox = Inbox(database, "inventory")
    with pytest.raises(TypeError, match="work must be a plain function, not declared async"):
        inbox.handle(1, work)
    assert not inbox.seen(1)


def test_an_event_of_the_work_is_stored_with_it_or_not_at_all(database: Database) -> None:
    inbox, outbox = Inbox(database, "inventory"), Outbox(database)

    def work(fails: bool, tx: sqlite3.Connection) -> None:
        effect("reserved", tx)
        outbox.add(tx, Event(), key="O-1")
        if fails:
            raise ValueError("at the end")

    with pytest.raises(ValueError, match="at the end"):
        inbox.handle(1, partial(work, True))
    assert outbox.pending == 0
    for _ in range(2):
        inbox.handle(1, partial(work, False))
    assert (outbox.pending, effects(database)) == (1, ["reserved"])


def test_what_has_been_handled_is_known_after_a_restart(tmp_path: Path) -> None:
    for expected in ("first", None):
        opened = prepared(tmp_path / "inventory.db")
        assert Inbox(opened, "inventory").handle(1, partial(effect, "first")) == expected
        opened.close()


def test_of_many_who_handle_the_same_messages_at_once_one_does_each(tmp_path: Path) -> None:
    path = tmp_path / "inventory.db"
    prepared(path).close()
    together = threading.Barrier(4)
    failures: list[BaseException] = []

    def consumer() -> None:
        try:
            opened = Database(path, timeout=30)
            inbox = Inbox(opened, "inventory")
            together.wait()
            for number in range(50):
                inbox.handle(number, partial(effect, str(number)))
            opened.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=consumer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    opened = Database(path)
    assert effects(opened) == [str(number) for number in range(50)]
    opened.close()


# --- what is refused -----------------------------------------------------------------------------


REFUSED: dict[str, tuple[Callable[[Inbox], object], type[Exception], str]] = {
    "no database": (lambda i: Inbox("x.db", "inventory"), TypeError, "database must be a Database"),  # type: ignore[arg-type]
    "nobody": (lambda i: Inbox(i.database, ""), ValueError, "consumer must be a text"),
    "no id": (lambda i: i.handle("", len), ValueError, "message_id must be a text"),  # type: ignore[arg-type]
    "True": (lambda i: i.handle(True, len), ValueError, "message_id must be a text"),  # type: ignore[arg-type]
    "None": (lambda i: i.seen(None), ValueError, "message_id must be a text"),  # type: ignore[arg-type]
    "half": (lambda i: i.seen("\ud800"), ValueError, "message_id .* UTF-8"),
    "no work": (lambda i: i.handle(1, 3), TypeError, "work must be a plain function"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_named_at_the_door(database: Database, name: str) -> None:
    act, error, says = REFUSED[name]
    with pytest.raises(error, match=says):
        act(Inbox(database, "inventory"))
    assert database.execute("SELECT * FROM inbox").fetchall() == []


def test_nothing_is_handled_inside_another_transaction(database: Database) -> None:
    inbox = Inbox(database, "inventory")
    with (
        database.transaction(),
        pytest.raises(RuntimeError, match="a transaction is under way"),
    ):
        inbox.handle(1, partial(effect, "first"))
    assert effects(database) == []


def test_a_database_with_another_table_of_that_name_is_refused(database: Database) -> None:
    database.execute("CREATE TABLE inbox (mail TEXT)")
    with pytest.raises(DatabaseUnavailable, match="its table inbox is not one of an inbox"):
        Inbox(database, "inventory")


def test_a_locked_database_says_so_and_the_message_can_come_again(tmp_path: Path) -> None:
    path = tmp_path / "inventory.db"
    one, two = prepared(path), Database(path, timeout=0.01)
    inbox = Inbox(two, "inventory")
    with (
        one.transaction(),
        pytest.raises(DatabaseLocked, match="locked for longer than the timeout"),
    ):
        inbox.handle(1, partial(effect, "first"))
    assert inbox.handle(1, partial(effect, "first")) == "first"


def test_a_read_only_and_a_full_database_say_so(database: Database) -> None:
    inbox = Inbox(database, "inventory")
    database.execute("PRAGMA query_only = ON")
    with pytest.raises(DatabaseUnavailable, match="it is read-only"):
        inbox.handle(1, partial(effect, "first"))
    database.execute("PRAGMA query_only = OFF")
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DatabaseUnavailable, match="the disk is full"):
        inbox.handle(1, partial(effect, "." * 100_000))
    assert (inbox.seen(1), effects(database)) == (False, [])


def test_a_closed_inbox_says_that_it_is_closed(database: Database) -> None:
    inbox = Inbox(database, "inventory")
    database.close()
    with pytest.raises(DatabaseUnavailable, match="it is closed"):
        inbox.handle(1, partial(effect, "first"))
    with pytest.raises(DatabaseUnavailable, match="it is closed"):
        inbox.seen(1)
