"""What an outbox promises: nothing is added without its transaction, nobody takes what is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessonkit import Event, EventTypes, Outbox
from lessonkit.database import Database, DatabaseLocked, DatabaseUnavailable
from lessonkit.patterns.outbox import PARKED, OutboxMessage
from lessonkit.patterns.outbox import lease as leases
from lessonkit.patterns.outbox.lease import mark_failed, mark_published


@dataclass(frozen=True)
class OrderCreated(Event):
    order_id: str
    note: str = ""


TYPES = EventTypes(OrderCreated)


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    database = Database(":memory:")
    database.execute("CREATE TABLE orders (order_id TEXT PRIMARY KEY)")
    yield Outbox(database)
    database.close()


def add(outbox: Outbox, *orders: str) -> list[int]:
    """One event for each, all in one transaction."""
    with outbox.database.transaction() as tx:
        return [outbox.add(tx, OrderCreated(order), order) for order in orders]


class Lease(NamedTuple):
    token: int
    messages: list[OutboxMessage]


def leased(outbox: Outbox, now: float, seconds: float, most: int) -> Lease:
    return Lease(*leases.take(outbox, now, seconds, most))


def take(outbox: Outbox, now: float = 0.0, seconds: float = 30.0, most: int = 100) -> list[int]:
    return [message.id for message in leased(outbox, now, seconds, most).messages]


# --- adding --------------------------------------------------------------------------------------


def test_an_event_is_stored_with_the_row_that_it_tells_of(outbox: Outbox) -> None:
    with outbox.database.transaction() as tx:
        tx.execute("INSERT INTO orders VALUES ('O-1')")
        event = OrderCreated("O-1", "二つ")
        message_id = outbox.add(tx, event, key="O-1")
    (message,) = leased(outbox, 0, 30, 10).messages
    assert message == OutboxMessage(message_id, "O-1", "OrderCreated", event.to_json(), 0, None)
    assert TYPES.from_json(message.body) == event


def test_an_event_is_rolled_back_with_the_row_that_it_tells_of(outbox: Outbox) -> None:
    def fails() -> None:
        with outbox.database.transaction() as tx:
            tx.execute("INSERT INTO orders VALUES ('O-1')")
            outbox.add(tx, OrderCreated("O-1"), "O-1")
            tx.execute("INSERT INTO orders VALUES ('O-1')")

    with pytest.raises(Exception, match=r"(?i)unique"):  # each database has its own error
        fails()
    assert outbox.pending == 0
    assert outbox.database.execute("SELECT * FROM orders").fetchall() == []


def test_an_event_that_cannot_be_stored_takes_the_row_with_it(outbox: Outbox) -> None:
    def fails() -> None:
        with outbox.database.transaction() as tx:
            tx.execute("INSERT INTO orders VALUES ('O-1')")
            outbox.add(tx, OrderCreated("O-1", object()), "O-1")  # type: ignore[arg-type]

    with pytest.raises(TypeError, match="note"):
        fails()
    assert outbox.database.execute("SELECT * FROM orders").fetchall() == []


def test_nothing_is_added_outside_of_a_transaction(outbox: Outbox) -> None:
    with pytest.raises(RuntimeError, match="tx must be a transaction of this very database"):
        outbox.add(outbox.database.connection, OrderCreated("O-1"), "O-1")
    with outbox.database.transaction() as tx:
        pass
    with pytest.raises(RuntimeError, match="under way"):
        outbox.add(tx, OrderCreated("O-1"), "O-1")
    assert outbox.pending == 0


def test_nothing_is_added_in_the_transaction_of_another_database(outbox: Outbox) -> None:
    other = Database(":memory:")
    with (
        other.transaction() as tx,
        outbox.database.transaction(),
        pytest.raises(RuntimeError, match="this very database"),
    ):
        outbox.add(tx, OrderCreated("O-1"), "O-1")
    assert outbox.pending == 0
    other.close()


def test_ids_grow_and_none_comes_twice_even_when_rows_are_deleted(outbox: Outbox) -> None:
    seen: list[int] = []
    for number in range(5):
        seen += add(outbox, "O-1", "O-2")
        lease = leased(outbox, 0, 30, 100)
        mark_published(outbox, lease.token, upto=seen[-1], now=number)
        outbox.database.execute("DELETE FROM outbox WHERE published_at < 100")
        assert outbox.database.execute("SELECT * FROM outbox").fetchall() == []
    assert seen == sorted(set(seen))


# --- leasing -------------------------------------------------------------------------------------


def test_a_lease_takes_the_oldest_first_and_no_more_than_asked_for(outbox: Outbox) -> None:
    ids = add(outbox, *"ABCDE")
    assert take(outbox, most=2) == ids[:2]
    assert take(outbox, most=2) == ids[2:4]
    assert take(outbox, most=2) == ids[4:]
    assert take(outbox, most=2) == []


def test_many_messages_of_one_aggregate_are_taken_together(outbox: Outbox) -> None:
    ids = add(outbox, *["A"] * 5)
    lease = leased(outbox, 0, 30, 4)
    assert [message.id for message in lease.messages] == ids[:4]
    assert mark_published(outbox, lease.token, upto=ids[3], now=1) == 4


def test_a_fresh_lease_is_left_alone_and_an_expired_one_is_reclaimed(outbox: Outbox) -> None:
    ids = add(outbox, "A", "B")
    first = leased(outbox, 0, 30, 10)
    assert take(outbox, now=29.9) == []
    second = leased(outbox, 30, 30, 10)
    assert [message.id for message in second.messages] == ids
    assert second.token > first.token
    assert take(outbox, now=59.9) == []


def test_while_one_of_its_messages_is_held_an_aggregate_gives_no_other(outbox: Outbox) -> None:
    ids = add(outbox, "A", "A", "B", "A", "B")
    assert take(outbox, most=1) == ids[:1]
    assert take(outbox) == [ids[2], ids[4]]
    assert take(outbox) == []
    assert take(outbox, now=30) == ids  # all leases have expired


def test_a_lease_is_seen_by_other_connections(tmp_path: Path) -> None:
    one, two = (Outbox(Database(tmp_path / "orders.db")) for _ in range(2))
    ids = add(one, "A", "B")
    lease = leased(two, 0, 30, 1)
    assert take(one) == ids[1:]
    mark_published(two, lease.token, ids[0], 1)
    assert one.pending == 1


def test_an_empty_lease_writes_nothing(outbox: Outbox) -> None:
    before = outbox.database.connection.total_changes
    assert leased(outbox, 0, 30, 10) == (0, [])
    assert outbox.database.connection.total_changes == before


# --- marking -------------------------------------------------------------------------------------


def test_what_is_published_is_never_taken_again(outbox: Outbox) -> None:
    ids = add(outbox, "A", "B", "C")
    lease = leased(outbox, 0, 30, 10)
    assert mark_published(outbox, lease.token, upto=ids[1], now=1) == 2
    assert outbox.pending == 1
    assert take(outbox, now=30) == ids[2:]


def test_a_mark_with_a_wrong_token_does_nothing_and_says_so(outbox: Outbox) -> None:
    ids = add(outbox, "A")
    lease = leased(outbox, 0, 30, 10)
    for token in (lease.token + 1, 0, -1):
        assert mark_published(outbox, token, ids[0], 1) == 0
        assert not mark_failed(outbox, token, ids[0], 2.0, "it was wrong")
    assert outbox.pending == 1
    assert mark_published(outbox, lease.token, ids[0], 1) == 1


def test_a_mark_on_what_nobody_has_leased_does_nothing(outbox: Outbox) -> None:
    ids = add(outbox, "A")
    assert mark_published(outbox, 1, ids[0], 1) == 0
    assert not mark_failed(outbox, 1, ids[0], 2.0, "it was wrong")
    assert take(outbox) == ids


def test_a_mark_after_the_lease_was_reclaimed_does_nothing_and_says_so(outbox: Outbox) -> None:
    ids = add(outbox, "A", "A")
    late = leased(outbox, 0, 30, 10)
    current = leased(outbox, 30, 30, 10)
    assert mark_published(outbox, late.token, ids[1], 31) == 0
    assert not mark_failed(outbox, late.token, ids[0], PARKED, "too late")
    assert (outbox.pending, outbox.parked) == (2, [])
    assert mark_published(outbox, current.token, ids[1], 32) == 2
    assert mark_published(outbox, current.token, ids[1], 32) == 0  # twice is once


def test_a_late_mark_counts_as_long_as_nobody_has_reclaimed(outbox: Outbox) -> None:
    ids = add(outbox, "A")
    lease = leased(outbox, 0, 30, 10)
    assert mark_published(outbox, lease.token, ids[0], now=1000) == 1


def test_a_message_that_failed_waits_and_those_behind_it_wait_with_it(outbox: Outbox) -> None:
    ids = add(outbox, "A", "B", "A")
    lease = leased(outbox, 0, 30, 10)
    assert mark_failed(outbox, lease.token, ids[0], 5.0, "ServiceRefused: inventory refused")
    assert mark_published(outbox, lease.token, ids[2], 1) == 1  # B
    assert take(outbox, now=4.9) == []
    again = leased(outbox, 5, 30, 10).messages
    assert [message.id for message in again] == [ids[0], ids[2]]
    assert [message.attempts for message in again] == [1, 0]
    assert again[0].error == "ServiceRefused: inventory refused"


# --- parked --------------------------------------------------------------------------------------


def park(outbox: Outbox, message_id: int) -> None:
    lease = leased(outbox, 0, 0.001, 100)
    assert mark_failed(outbox, lease.token, message_id, PARKED, "ValueError: poison")


def test_a_parked_message_keeps_those_behind_it_and_no_other_aggregate(outbox: Outbox) -> None:
    ids = add(outbox, "A", "B", "A")
    park(outbox, ids[0])
    assert [message.id for message in outbox.parked] == ids[:1]
    assert outbox.parked[0].error == "ValueError: poison"
    assert (outbox.pending, outbox.any_waiting) == (3, True)
    assert take(outbox, now=1e12) == ids[1:2]
    assert add(outbox, "A")
    assert take(outbox, now=2e12) == ids[1:2]


def test_an_unparked_message_comes_back_before_those_behind_it(outbox: Outbox) -> None:
    ids = add(outbox, "A", "A")
    park(outbox, ids[0])
    outbox.unpark(ids[0])
    assert outbox.parked == []
    first, second = leased(outbox, 1, 30, 10).messages
    assert (first.id, first.attempts, first.error, second.id) == (ids[0], 0, None, ids[1])


def test_without_a_dropped_message_those_behind_it_go_on(outbox: Outbox) -> None:
    ids = add(outbox, "A", "A")
    park(outbox, ids[0])
    outbox.drop(ids[0])
    assert (outbox.pending, outbox.any_waiting) == (1, True)
    assert take(outbox, now=1) == ids[1:]


@pytest.mark.parametrize("act", [Outbox.unpark, Outbox.drop])
def test_only_what_is_parked_can_be_unparked_or_dropped(
    outbox: Outbox, act: Callable[[Outbox, int], None]
) -> None:
    ids = add(outbox, "A", "B")
    park(outbox, ids[0])
    with pytest.raises(ValueError, match=r"that of a parked message \(1\); got 2"):
        act(outbox, ids[1])
    act(outbox, ids[0])
    with pytest.raises(ValueError, match=r"\(none\); got 1"):
        act(outbox, ids[0])
    assert take(outbox, now=1)[-1] == ids[1]


# --- looking and tidying -------------------------------------------------------------------------


@pytest.mark.parametrize("sql", ["TAKE", "HOLD", "PUBLISHED"])
def test_a_table_full_of_published_rows_is_never_searched(outbox: Outbox, sql: str) -> None:
    statement = getattr(leases, sql)
    values = (1,) * statement.count("?")
    plan = outbox.database.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
    for *_, step in plan:
        assert (
            "outbox_pending" in step
            or "outbox_held" in step
            or "SUBQUERY" in step
            or (
                "INTEGER PRIMARY KEY" in step  # of those that were found
            )
        ), step


@given(orders=st.lists(st.sampled_from("ABC"), max_size=12), most=st.integers(1, 5))
def test_leases_never_overlap_and_keep_the_order(orders: list[str], most: int) -> None:
    database = Database(":memory:")
    outbox = Outbox(database)
    ids = add(outbox, *orders)
    held: set[str] = set()
    while messages := leased(outbox, 0, 30, most).messages:
        keys = {message.aggregate for message in messages}
        assert not keys & held  # no two relays have the same aggregate
        held |= keys
        for key in keys:
            mine = [message.id for message in messages if message.aggregate == key]
            own = [number for number, order in zip(ids, orders, strict=True) if order == key]
            assert mine == own[: len(mine)]
    assert held == set(orders)
    database.close()


# --- what is refused -----------------------------------------------------------------------------


def in_tx(outbox: Outbox, event: object, key: object) -> None:
    with outbox.database.transaction() as tx:
        outbox.add(tx, event, key)  # type: ignore[arg-type]


REFUSED: dict[str, tuple[Callable[[Outbox], object], type[Exception], str]] = {
    "no database": (lambda o: Outbox(":memory:"), TypeError, "database must be a Database"),  # type: ignore[arg-type]
    "no event": (lambda o: in_tx(o, "OrderCreated", "A"), TypeError, "event must be an Event"),
    "no key": (lambda o: in_tx(o, OrderCreated("A"), ""), ValueError, "key must be a text"),
    "a number": (lambda o: in_tx(o, OrderCreated("A"), 3), ValueError, "key must be a text"),
    "half a key": (lambda o: in_tx(o, OrderCreated("A"), "\ud800"), ValueError, "key .* UTF-8"),
    "half a text": (
        lambda o: in_tx(o, OrderCreated("A", "\ud800"), "A"),
        ValueError,
        "the texts of OrderCreated must be such that UTF-8",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_named_at_the_door(outbox: Outbox, name: str) -> None:
    act, error, says = REFUSED[name]
    with pytest.raises(error, match=says):
        act(outbox)
    assert outbox.pending == 0


def test_a_database_with_another_table_of_that_name_is_refused() -> None:
    database = Database(":memory:")
    database.execute("CREATE TABLE outbox (mail TEXT)")
    with pytest.raises(DatabaseUnavailable, match="its table outbox is not one of an outbox"):
        Outbox(database)
    database.close()


def test_a_locked_database_says_so_and_loses_nothing(tmp_path: Path) -> None:
    outbox, other = (Outbox(Database(tmp_path / "o.db", timeout=0.01)) for _ in range(2))
    ids = add(outbox, "A")
    lease = leased(outbox, 0, 30, 1)
    with other.database.transaction():
        for act in (
            lambda: add(outbox, "B"),
            lambda: leased(outbox, 0, 30, 1),
            lambda: mark_published(outbox, lease.token, ids[0], 1),
        ):
            with pytest.raises(DatabaseLocked, match="locked for longer than the timeout"):
                act()
    assert outbox.pending == 1
    assert mark_published(outbox, lease.token, ids[0], 1) == 1


def test_a_read_only_database_says_so(outbox: Outbox) -> None:
    add(outbox, "A")
    outbox.database.execute("PRAGMA query_only = ON")
    for act in (lambda: add(outbox, "B"), lambda: leased(outbox, 0, 30, 1)):
        with pytest.raises(DatabaseUnavailable, match="it is read-only"):
            act()
    assert outbox.pending == 1


def test_a_full_disk_stores_neither_the_order_nor_its_event(tmp_path: Path) -> None:
    database = Database(tmp_path / "orders.db")
    database.execute("CREATE TABLE orders (order_id TEXT PRIMARY KEY)")
    outbox = Outbox(database)

    def order(number: int) -> None:
        with database.transaction() as tx:
            tx.execute("INSERT INTO orders VALUES (?)", (f"O-{number}",))
            outbox.add(tx, OrderCreated(f"O-{number}", "." * 500), f"O-{number}")

    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(DatabaseUnavailable, match="the disk is full"):
        any(map(order, range(1000)))  # one after the other
    stored = database.execute("SELECT COUNT(*) FROM orders").fetchone()[0]
    assert 0 < stored == outbox.pending < 1000
    database.execute("PRAGMA max_page_count = 1000000")
    order(1000)
    assert outbox.pending == stored + 1


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "diary.txt"
    path.write_text("my diary\n" * 100)
    with pytest.raises(DatabaseUnavailable, match="it is no SQLite database"):
        Outbox(Database(path))
    assert path.read_text() == "my diary\n" * 100


def test_a_closed_outbox_says_that_it_is_closed(outbox: Outbox) -> None:
    outbox.database.close()
    for act in (
        lambda: outbox.pending,
        lambda: leased(outbox, 0, 30, 1),
        lambda: mark_published(outbox, 1, 1, 1),
    ):
        with pytest.raises(DatabaseUnavailable, match="it is closed"):
            act()
