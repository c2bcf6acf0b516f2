"""The projection: its table and its position are committed together, whatever happens."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import Event, EventStore, EventTypes
from lessonkit.database import DatabaseUnavailable
from lessonkit.patterns.events import BadEvent
from lessonkit.patterns.eventstore.projections import Projection, ProjectionFailed


@dataclass(frozen=True)
class OrderCreated(Event):
    order_id: str
    amount: int


@dataclass(frozen=True)
class OrderShipped(Event):
    order_id: str


TYPES = EventTypes(OrderCreated, OrderShipped)
COLUMNS = "order_id TEXT PRIMARY KEY, status TEXT, amount INTEGER"


def apply(db: sqlite3.Connection, event: Event) -> None:
    match event:
        case OrderCreated(order_id=order_id, amount=amount):
            db.execute("INSERT INTO orders VALUES (?, 'new', ?)", (order_id, amount))
        case OrderShipped(order_id=order_id):
            db.execute("UPDATE orders SET status = 'shipped' WHERE order_id = ?", (order_id,))


@pytest.fixture
def store() -> Iterator[EventStore]:
    with EventStore(TYPES) as opened:
        yield opened


def fill(store: EventStore, orders: int = 3) -> None:
    for number in range(1, orders + 1):
        store.append(f"O-{number}", [OrderCreated(f"O-{number}", 100 * number)])
    store.append("O-1", [OrderShipped("O-1")])


FILLED = [
    {"order_id": "O-1", "status": "shipped", "amount": 100},
    {"order_id": "O-2", "status": "new", "amount": 200},
    {"order_id": "O-3", "status": "new", "amount": 300},
]


def test_the_table_lags_behind_until_it_catches_up(store: EventStore) -> None:
    projection = Projection("orders", store, apply, COLUMNS)
    fill(store)
    assert (projection.rows(), projection.position, projection.lag) == ([], 0, 4)
    assert projection.catch_up(most=0) == 0
    assert projection.catch_up(most=3) == 3
    assert (projection.rows()[0]["status"], projection.position, projection.lag) == ("new", 3, 1)
    assert projection.catch_up() == 1
    assert (projection.rows(), projection.position, projection.lag) == (FILLED, 4, 0)
    assert projection.catch_up() == 0


def test_questions_are_asked_in_sql(store: EventStore) -> None:
    projection = Projection("orders", store, apply, COLUMNS)
    fill(store)
    projection.catch_up()
    asked = projection.query("SELECT status, SUM(amount) AS yen FROM orders GROUP BY 1 ORDER BY 1")
    assert asked == [{"status": "new", "yen": 500}, {"status": "shipped", "yen": 100}]
    assert projection.query("SELECT amount FROM orders WHERE order_id = ?", "O-2") == [
        {"amount": 200}
    ]
    with pytest.raises(sqlite3.OperationalError, match="no such column: yen"):
        projection.query("SELECT yen FROM orders")


@pytest.mark.parametrize(
    "sql", ["DELETE FROM orders", "DROP TABLE orders", "COMMIT", "PRAGMA user_version = 3", ""]
)
def test_a_question_changes_nothing(store: EventStore, sql: str) -> None:
    projection = Projection("orders", store, apply, COLUMNS)
    fill(store)
    projection.catch_up()
    with pytest.raises(ValueError, match="sql must only read, as SELECT does; got"):
        projection.query(sql)
    assert projection.rows() == FILLED


@pytest.mark.parametrize("own_file", [False, True])
def test_a_projection_goes_on_where_it_stopped(tmp_path: Path, own_file: bool) -> None:
    path = tmp_path / "orders.db" if own_file else None
    for expected in (2, 2, 0):
        with EventStore(TYPES, tmp_path / "events.db") as store:
            if store.last_position == 0:
                fill(store)
            projection = Projection("orders", store, apply, COLUMNS, path=path)
            assert projection.catch_up(most=2) == expected
            rows = projection.rows()
            projection.close()
            assert store.last_position == 4  # the store is still open
    assert rows == FILLED


def test_two_projections_of_one_store_come_along_at_their_own_speed(store: EventStore) -> None:
    def count(db: sqlite3.Connection, event: Event) -> None:
        db.execute(
            "INSERT INTO counts VALUES (?, 1) ON CONFLICT DO UPDATE SET seen = seen + 1",
            (event.type,),
        )

    orders = Projection("orders", store, apply, COLUMNS)
    counts = Projection("counts", store, count, "type TEXT PRIMARY KEY, seen INTEGER")
    fill(store)
    counts.catch_up()
    assert (orders.lag, counts.lag) == (4, 0)
    assert counts.rows() == [
        {"type": "OrderCreated", "seen": 3},
        {"type": "OrderShipped", "seen": 1},
    ]


def test_the_same_projection_in_two_processes_applies_each_event_once(tmp_path: Path) -> None:
    with EventStore(TYPES, tmp_path / "e.db") as one, EventStore(TYPES, tmp_path / "e.db") as other:
        first = Projection("orders", one, apply, COLUMNS)
        second = Projection("orders", other, apply, COLUMNS)
        fill(one)
        assert (first.catch_up(1), second.catch_up(2), first.catch_up()) == (1, 2, 1)
        assert first.rows() == second.rows() == FILLED


# --- failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("own_file", [False, True])
def test_an_apply_that_fails_takes_its_batch_back(tmp_path: Path, own_file: bool) -> None:
    broken = True

    def fails(db: sqlite3.Connection, event: Event) -> None:
        apply(db, event)
        if broken and isinstance(event, OrderShipped):
            raise KeyError("O-1")

    with EventStore(TYPES, tmp_path / "events.db") as store:
        path = tmp_path / "orders.db" if own_file else None
        projection = Projection("orders", store, fails, COLUMNS, path=path)
        fill(store)
        projection.catch_up(1)
        before = projection.rows()
        for _ in range(2):
            with pytest.raises(
                ProjectionFailed,
                match=r"'orders' stays at position 1: apply failed at position 4 \(OrderShipped of"
                r" stream 'O-1'\): KeyError: 'O-1'",
            ) as raised:
                projection.catch_up()
            assert isinstance(raised.value.__cause__, KeyError)
            assert (projection.rows(), projection.position) == (before, 1)
        assert projection.catch_up(most=2) == 2  # those before the failing one
        broken = False
        assert projection.catch_up() == 1
        assert projection.rows() == FILLED
        projection.close()


def commit(db: sqlite3.Connection, event: Event) -> None:
    db.commit()


def commit_in_sql(db: sqlite3.Connection, event: Event) -> None:
    db.execute("COMMIT")


def roll_back(db: sqlite3.Connection, event: Event) -> None:
    db.rollback()


def run_a_script(db: sqlite3.Connection, event: Event) -> None:
    db.executescript("DELETE FROM orders")  # Python commits before it starts


@pytest.mark.parametrize("ends", [commit, commit_in_sql, roll_back, run_a_script])
def test_an_apply_cannot_end_the_transaction(
    store: EventStore, ends: Callable[[sqlite3.Connection, Event], None]
) -> None:
    def apply_and_end(db: sqlite3.Connection, event: Event) -> None:
        apply(db, event)
        ends(db, event)

    projection = Projection("orders", store, apply_and_end, COLUMNS)
    fill(store)
    with pytest.raises(ProjectionFailed, match="must neither begin nor end a transaction"):
        projection.catch_up()
    assert (projection.rows(), projection.position) == ([], 0)
    assert Projection("orders", store, apply, COLUMNS).catch_up() == 4


def test_an_apply_that_has_asked_a_question_still_cannot_end_it(store: EventStore) -> None:
    def look_and_commit(db: sqlite3.Connection, event: Event) -> None:
        apply(db, event)
        seen.append(len(projection.rows()))
        db.execute("COMMIT")

    seen: list[int] = []
    projection = Projection("orders", store, look_and_commit, COLUMNS)
    fill(store)
    with pytest.raises(ProjectionFailed, match="must neither begin nor end a transaction"):
        projection.catch_up()
    assert (seen, projection.rows(), projection.position) == ([1], [], 0)


def test_the_name_of_a_projection_is_that_of_its_table_in_any_case(store: EventStore) -> None:
    fill(store)
    Projection("orders", store, apply, COLUMNS).catch_up()
    assert Projection("ORDERS", store, apply, COLUMNS).catch_up() == 0


def test_an_apply_that_appends_is_refused(store: EventStore) -> None:
    projection = Projection(
        "orders", store, lambda db, event: store.append("O-9", [OrderShipped("O-9")]), COLUMNS
    )
    fill(store)
    with pytest.raises(ProjectionFailed, match="a transaction is under way"):
        projection.catch_up()
    assert store.last_position == 4


def test_ctrl_c_takes_the_batch_back(store: EventStore) -> None:
    def interrupted(db: sqlite3.Connection, event: Event) -> None:
        apply(db, event)
        raise KeyboardInterrupt

    fill(store)
    with pytest.raises(KeyboardInterrupt):
        Projection("orders", store, interrupted, COLUMNS).catch_up()
    projection = Projection("orders", store, apply, COLUMNS)
    assert (projection.rows(), projection.position) == ([], 0)
    assert projection.catch_up() == 4


def test_an_event_that_cannot_be_read_stops_the_projection_before_it(tmp_path: Path) -> None:
    with EventStore(TYPES, tmp_path / "events.db") as store:
        fill(store)
    with EventStore(EventTypes(OrderCreated), tmp_path / "events.db") as store:
        projection = Projection("orders", store, apply, COLUMNS)
        with pytest.raises(BadEvent, match="the event at position 4: 'OrderShipped' is not"):
            projection.catch_up()
        assert (projection.position, projection.rows()) == (0, [])
        assert projection.catch_up(3) == 3


# --- from nothing --------------------------------------------------------------------------------


def test_rebuilding_puts_a_mistake_right_and_may_change_the_columns(store: EventStore) -> None:
    fill(store)
    Projection("orders", store, lambda db, event: None, "order_id TEXT").catch_up()
    projection = Projection("orders", store, apply, COLUMNS)
    assert projection.catch_up() == 0
    assert projection.rows() == []
    assert projection.rebuild() == 4
    assert (projection.rows(), projection.lag) == (FILLED, 0)


def test_a_rebuild_that_fails_leaves_the_old_table(store: EventStore) -> None:
    fill(store)
    Projection("orders", store, apply, COLUMNS).catch_up()

    def fails(db: sqlite3.Connection, event: Event) -> None:
        raise ZeroDivisionError

    projection = Projection("orders", store, fails, "order_id TEXT")
    with pytest.raises(ProjectionFailed, match=r"at position 1 .*ZeroDivisionError"):
        projection.rebuild()
    assert (projection.rows(), projection.position) == (FILLED, 4)


def test_others_see_the_old_table_until_the_new_one_is_done(tmp_path: Path) -> None:
    with EventStore(TYPES, tmp_path / "e.db") as one, EventStore(TYPES, tmp_path / "e.db") as other:
        fill(one)
        reader = Projection("orders", other, apply, COLUMNS)
        reader.catch_up()
        seen: list[tuple[list[dict[str, Any]], int]] = []

        def apply_and_look(db: sqlite3.Connection, event: Event) -> None:
            apply(db, event)
            seen.append((reader.rows(), reader.position))

        Projection("orders", one, apply_and_look, COLUMNS).rebuild()
        assert seen == [(FILLED, 4)] * 4


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 3)),
        st.tuples(st.just("catch up"), st.integers(1, 4)),
        st.tuples(st.just("fail"), st.integers(1, 4)),
        st.tuples(st.just("stop"), st.none()),
    ),
    max_size=20,
)


@settings(max_examples=60, deadline=None)
@given(steps=steps, own_file=st.booleans())
def test_with_any_batches_failures_and_stops_the_table_is_as_if_made_from_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any]], own_file: bool
) -> None:
    folder = tmp_path_factory.mktemp("projection")
    fail_after = 0

    def add_up(db: sqlite3.Connection, event: OrderCreated) -> None:
        nonlocal fail_after
        fail_after -= 1
        db.execute(
            "INSERT INTO sums VALUES (?, ?, 1)"
            " ON CONFLICT DO UPDATE SET yen = yen * 3 + excluded.yen, seen = seen + 1",
            (event.order_id, event.amount),
        )
        if fail_after == 0:
            raise OSError("the machine is on fire")

    def start() -> tuple[EventStore, Projection]:
        store = EventStore(TYPES, folder / "events.db")
        path = folder / "sums.db" if own_file else None
        columns = "order_id TEXT PRIMARY KEY, yen INTEGER, seen INTEGER"
        return store, Projection("sums", store, add_up, columns, path=path)

    store, projection = start()
    for what, number in steps:
        before = projection.position
        if what == "append":
            last = store.last_position
            order = f"O-{last % 3}"
            store.append(order, [OrderCreated(order, last + extra) for extra in range(number)])
        elif what == "catch up":
            assert projection.catch_up(number) == min(number, store.last_position - before)
        elif what == "fail" and projection.lag:
            fail_after = min(number, projection.lag)
            with pytest.raises(ProjectionFailed):
                projection.catch_up()
            assert projection.position == before
        elif what == "stop":
            projection.close()
            store.close()
            store, projection = start()
        assert sum(row["seen"] for row in projection.rows()) == projection.position
    projection.catch_up()
    caught_up = projection.rows()
    assert projection.rebuild() == store.last_position
    assert projection.rows() == caught_up
    projection.close()
    store.close()


# --- what is refused -----------------------------------------------------------------------------


async def apply_later(db: sqlite3.Connection, event: Event) -> None:
    apply(db, event)


REFUSED: dict[str, tuple[Callable[[EventStore], object], type[Exception], str]] = {
    "no name": (lambda s: Projection("", s, apply, COLUMNS), ValueError, "name must be the name"),
    "a bad name": (lambda s: Projection("a b", s, apply, COLUMNS), ValueError, "got 'a b'"),
    "the events": (lambda s: Projection("Events", s, apply, COLUMNS), ValueError, "none of events"),
    "SQLite's own": (lambda s: Projection("sqlite_x", s, apply, "a"), ValueError, "name must be"),
    "a number": (lambda s: Projection(3, s, apply, COLUMNS), ValueError, "name must be"),  # type: ignore[arg-type]
    "no store": (lambda s: Projection("o", s.database, apply, "a"), TypeError, "store must be"),  # type: ignore[arg-type]
    "no function": (lambda s: Projection("o", s, 3, "a"), TypeError, "apply must be a plain"),  # type: ignore[arg-type]
    "async": (lambda s: Projection("o", s, apply_later, "a"), TypeError, "not declared async"),
    "no text": (lambda s: Projection("o", s, apply, 3), TypeError, "columns must be a text"),  # type: ignore[arg-type]
    "no columns": (lambda s: Projection("o", s, apply, ""), ValueError, "columns must be what"),
    "two statements": (
        lambda s: Projection("o", s, apply, "a); DROP TABLE events; --"),
        ValueError,
        "columns must be what stands between the brackets",
    ),
    "no folder": (
        lambda s: Projection("o", s, apply, "a", path="/nowhere/at/all/o.db"),
        DatabaseUnavailable,
        "its folder must exist",
    ),
    "no path": (lambda s: Projection("o", s, apply, "a", path=""), ValueError, "path must be"),
    "True": (lambda s: Projection("o", s, apply, "a").catch_up(True), TypeError, "most must be"),
    "negative": (lambda s: Projection("o", s, apply, "a").catch_up(-1), ValueError, "most must"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_named_at_the_door(store: EventStore, name: str) -> None:
    fill(store)
    act, error, says = REFUSED[name]
    with pytest.raises(error, match=says):
        act(store)
    assert store.last_position == 4  # the store is still there and open


def test_a_projection_of_another_store_is_noticed(tmp_path: Path, store: EventStore) -> None:
    fill(store)
    Projection("orders", store, apply, COLUMNS, path=tmp_path / "orders.db").catch_up()
    with EventStore(TYPES) as other:
        projection = Projection("orders", other, apply, COLUMNS, path=tmp_path / "orders.db")
        with pytest.raises(ValueError, match=r"ends at position 0, the projection is at 4"):
            projection.catch_up()
        assert projection.rebuild() == 0
        assert projection.rows() == []


def test_a_projection_of_a_closed_store_says_so(store: EventStore) -> None:
    projection = Projection("orders", store, apply, COLUMNS)
    store.close()
    for act in (projection.catch_up, projection.rows, projection.rebuild, lambda: projection.lag):
        with pytest.raises(DatabaseUnavailable, match="it is closed"):
            act()
