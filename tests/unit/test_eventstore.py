"""The event store: what it keeps, what it refuses, and what the state is made of."""

from __future__ import annotations

import json
import math
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import Event, EventStore, EventTypes, Item, run
from lessonkit.database import DatabaseUnavailable
from lessonkit.patterns.events import BadEvent, UnknownEventType
from lessonkit.patterns.events import event as event_module
from lessonkit.patterns.eventstore.fold import rebuild
from lessonkit.patterns.eventstore.snapshots import Snapshot, SnapshotStore
from lessonkit.patterns.eventstore.store import DuplicateEvent, Recorded, VersionConflict

ROOT = Path(__file__).parents[2]
NOBODY = 65534
"""The number of a user who owns nothing."""


class Shade(Enum):
    DARK = "dark"


@dataclass(frozen=True)
class OrderCreated(Event):
    order_id: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class PaymentReceived(Event):
    order_id: str
    amount: int


@dataclass(frozen=True)
class OrderShipped(Event):
    order_id: str
    tracking_id: str


@dataclass(frozen=True)
class Measured(Event):
    """All kinds of fields."""

    weight: float = 1.0
    label: str | None = None
    shade: Shade = Shade.DARK
    parts: tuple[Item, ...] = ()
    marks: list[int] | None = None
    pair: tuple[str, int] = ("a", 1)
    names: tuple[str, ...] = ()
    counts: dict[str, int] | None = None
    anything: Any = None
    number: int = 0
    flag: bool = False


TYPES = EventTypes(OrderCreated, PaymentReceived, OrderShipped, Measured)
ITEMS = (Item("P-1", 2, 2500),)


def lesson_events(order_id: str = "O-001") -> list[Event]:
    return [
        OrderCreated(order_id, ITEMS),
        PaymentReceived(order_id, 5000),
        OrderShipped(order_id, "T-999"),
    ]


def status_of(state: dict[str, Any], event: Event) -> dict[str, Any]:
    match event:
        case OrderCreated():
            return {"status": "CREATED"}
        case PaymentReceived(amount=amount):
            return {**state, "status": "PAID", "amount": amount}
        case OrderShipped(tracking_id=tracking_id):
            return {**state, "status": "SHIPPED", "tracking_id": tracking_id}
    raise AssertionError(event)


@pytest.fixture
def store() -> Iterator[EventStore]:
    with EventStore(TYPES) as opened:
        yield opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


def paid(number: int = 1) -> PaymentReceived:
    return PaymentReceived("O-001", number)


# --- what is kept --------------------------------------------------------------------------------


def test_the_lessons_order_is_rebuilt_from_its_events(store: EventStore) -> None:
    events = lesson_events()
    assert store.append("O-001", events, expected_version=0) == 3
    recorded = store.stream("O-001")
    assert [one.event for one in recorded] == events
    assert rebuild(status_of, {}, recorded) == {
        "status": "SHIPPED",
        "amount": 5000,
        "tracking_id": "T-999",
    }
    assert rebuild(status_of, {}, recorded, upto=2) == {"status": "PAID", "amount": 5000}


def test_the_store_keeps_all_that_belongs_to_an_event(path: Path) -> None:
    event = Measured(
        0.1, "重さ", Shade.DARK, ITEMS, [1, 2], ("b", 2), ("x",), {"k": 1}, {"deep": [1, None]},
        10**30, True, event_id="E-1", occurred_at=1.5, correlation_id="O-1", causation_id="E-0",
    )  # fmt: skip
    with EventStore(TYPES, path) as store:
        store.append("O-1", [event])
    with EventStore(TYPES, path) as store:
        assert store.read() == [Recorded(1, "O-1", 1, event)]


def test_what_was_stored_is_there_when_the_file_is_opened_again(path: Path) -> None:
    for opened in range(1, 4):
        with EventStore(TYPES, path, durability="FULL") as store:
            assert store.append("O-001", [paid(opened)], expected_version=opened - 1) == opened
    with EventStore(TYPES, path) as store:
        assert [one.event.amount for one in store.stream("O-001")] == [1, 2, 3]  # type: ignore[attr-defined]


def test_a_file_of_full_durability_waits_for_the_disk_and_a_normal_one_does_not(path: Path) -> None:
    for durability, level in (("NORMAL", 1), ("FULL", 2)):
        with EventStore(TYPES, path, durability=durability) as store:
            assert store.database.execute("PRAGMA synchronous").fetchone() == (level,)
            assert store.database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_streams_have_their_own_versions_and_share_the_positions(store: EventStore) -> None:
    store.append("O-001", [paid(), paid()])
    store.append("O-002", [paid()])
    store.append("O-001", [paid()])
    places = [(one.position, one.stream, one.version) for one in store.read()]
    assert places == [(1, "O-001", 1), (2, "O-001", 2), (3, "O-002", 1), (4, "O-001", 3)]
    assert store.last_position == 4
    assert (store.version("O-001"), store.version("O-002"), store.version("O-003")) == (3, 1, 0)


def test_reading_goes_on_where_it_stopped(store: EventStore) -> None:
    store.append("O-001", [paid(number) for number in range(1, 6)])
    seen: list[int] = []
    while batch := store.read(after=len(seen), most=2):
        seen += [one.position for one in batch]
    assert seen == [1, 2, 3, 4, 5]
    assert [one.version for one in store.stream("O-001", 4, after=2)] == [3, 4]
    assert store.stream("O-001", 0) == store.read(most=0) == store.stream("nobody") == []


def test_an_empty_store_has_nothing(store: EventStore) -> None:
    assert store.last_position == store.version("O-001") == 0
    assert store.read() == store.stream("O-001") == []


def test_what_has_happened_can_be_neither_changed_nor_deleted(store: EventStore) -> None:
    store.append("O-001", [paid()])
    for sql in ("DELETE FROM events", "UPDATE events SET event = '{}'"):
        with pytest.raises(Exception, match="append a new event"):  # each database has its own
            store.database.execute(sql)
    assert store.read()[0].event.data() == {"order_id": "O-001", "amount": 1}


@given(st.lists(st.tuples(st.sampled_from("ABCD"), st.integers(1, 4)), max_size=25))
def test_in_any_interleaving_nothing_is_left_out_of_the_numbering(
    appends: list[tuple[str, int]],
) -> None:
    with EventStore(TYPES) as store:
        versions: Counter[str] = Counter()
        for stream, size in appends:
            before = versions[stream]
            versions[stream] += size
            assert store.append(stream, [paid() for _ in range(size)], before) == (versions[stream])
            with pytest.raises(VersionConflict):
                store.append(stream, [paid()], before)
        recorded = store.read()
        assert [one.position for one in recorded] == list(range(1, versions.total() + 1))
        assert store.last_position == versions.total()
        for stream, version in versions.items():
            own = [one for one in recorded if one.stream == stream]
            assert own == store.stream(stream)
            assert [one.version for one in own] == list(range(1, version + 1))


# --- versions of an event ------------------------------------------------------------------------


def test_an_old_event_is_read_as_a_new_one(path: Path) -> None:
    @dataclass(frozen=True)
    class Renamed(Event):
        amount: int

    first = Renamed

    @dataclass(frozen=True)
    class Renamed(Event):  # type: ignore[no-redef]
        VERSION: ClassVar[int] = 2
        yen: int
        currency: str

        @classmethod
        def upcast(cls, data: dict[str, Any], version: int) -> dict[str, Any]:
            return {"yen": data["amount"], "currency": "JPY"}

    with EventStore(EventTypes(first), path) as store:
        store.append("O-1", [first(5000)])
    with EventStore(EventTypes(Renamed), path) as store:
        store.append("O-1", [Renamed(7000, "JPY")], expected_version=1)  # type: ignore[call-arg,arg-type]
        yen = [(one.event.yen, one.event.currency) for one in store.stream("O-1")]  # type: ignore[attr-defined]
        assert yen == [(5000, "JPY"), (7000, "JPY")]
    with (
        EventStore(EventTypes(first), path) as store,
        pytest.raises(BadEvent, match=r"at position 2: .*version 2; this reader knows version 1"),
    ):
        store.read()


def test_an_event_that_the_reader_does_not_know_is_named_with_its_position(path: Path) -> None:
    with EventStore(TYPES, path) as store:
        store.append("O-1", [paid()])
    with (
        EventStore(EventTypes(OrderShipped), path) as store,
        pytest.raises(UnknownEventType, match=r"position 1: 'PaymentReceived' .* are OrderShipped"),
    ):
        store.read()


# --- two writers ---------------------------------------------------------------------------------


def test_the_slower_of_two_writers_is_told_which_version_there_is(path: Path) -> None:
    with EventStore(TYPES, path) as one, EventStore(TYPES, path) as other:
        seen = one.version("O-001")
        other.append("O-001", [paid(), paid()], expected_version=seen)
        with pytest.raises(VersionConflict, match=r"'O-001' .* version 0, but .* version 2") as no:
            one.append("O-001", [paid()], expected_version=seen)
        assert (no.value.stream, no.value.expected, no.value.actual) == ("O-001", 0, 2)
        assert one.append("O-001", [paid()], expected_version=no.value.actual) == 3


def test_an_expected_version_beyond_the_end_is_a_conflict_as_well(store: EventStore) -> None:
    for expected in (1, 2**70):
        with pytest.raises(VersionConflict):
            store.append("O-001", [paid()], expected_version=expected)
    assert store.last_position == 0


def test_a_writer_waits_for_another_and_gives_up_after_the_timeout(path: Path) -> None:
    with EventStore(TYPES, path) as holder, EventStore(TYPES, path, timeout=0.05) as other:
        with holder.database.transaction():
            with pytest.raises(DatabaseUnavailable, match="locked for longer than the timeout"):
                other.append("O-001", [paid()])
            assert other.read() == []  # readers do not wait
        assert other.append("O-001", [paid()], 0) == 1


def test_of_two_threads_that_want_the_same_version_one_gets_it(path: Path) -> None:
    EventStore(TYPES, path).close()
    barrier = threading.Barrier(2)
    conflicts: list[int] = []

    def work() -> None:
        with EventStore(TYPES, path) as store:
            for _ in range(20):
                barrier.wait()
                version = store.version("O-001")
                barrier.wait()
                try:
                    store.append("O-001", [paid()], version)
                except VersionConflict as conflict:
                    conflicts.append(conflict.actual - conflict.expected)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with EventStore(TYPES, path) as store:
        assert store.version("O-001") == 20
        assert conflicts == [1] * 20


def test_a_new_file_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    barrier = threading.Barrier(4)
    failures: list[Exception] = []

    def work() -> None:
        for number in range(40):
            barrier.wait()
            try:
                with EventStore(TYPES, tmp_path / f"{number}.db", timeout=30) as store:
                    store.append("O-001", [paid()])
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for number in range(40):
        with EventStore(TYPES, tmp_path / f"{number}.db") as store:
            assert [one.position for one in store.read()] == [1, 2, 3, 4]


PROCESS = """
import sys
from lessonkit.patterns.events import Event, EventTypes
from lessonkit.patterns.eventstore.store import EventStore

types = EventTypes(type("Ping", (Event,), {}))
Ping = types._kind("Ping")
sys.stdin.readline()
for number in range(50):
    with EventStore(types, sys.argv[1], timeout=30) as store:  # opening is part of the race
        store.append(sys.argv[2], [Ping(), Ping()], expected_version=2 * number)
"""


def test_processes_that_open_a_new_file_at_once_all_get_their_events_in(path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(path), f"S-{number}"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert writer.returncode == 0, errors
    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT position, stream, version FROM events ORDER BY 1").fetchall()
    db.close()
    assert [position for position, _, _ in rows] == list(range(1, 301))
    for number in range(3):
        versions = [version for _, stream, version in rows if stream == f"S-{number}"]
        assert versions == list(range(1, 101))


# --- nothing half-done ---------------------------------------------------------------------------


def unserialisable() -> Event:
    return PaymentReceived("O-001", object())  # type: ignore[arg-type]


def mistyped() -> Event:
    return PaymentReceived("O-001", "5000")  # type: ignore[arg-type]


def half_a_letter() -> Event:
    return OrderShipped("O-001", "T-\ud800")


def unknown() -> Event:
    return Event()


@pytest.mark.parametrize(
    ("bad", "error", "says"),
    [
        (unserialisable, TypeError, r"PaymentReceived\.amount must be what JSON can carry; got"),
        (mistyped, BadEvent, r"Expected `int`, got `str` - at `PaymentReceived\.amount`"),
        (half_a_letter, ValueError, r"texts of OrderShipped must be .* UTF-8 .* '\\ud800'"),
        (unknown, UnknownEventType, r"'Event' is not a known event type; known are OrderCreated"),
        (
            lambda: Measured(math.nan),
            ValueError,
            r"Measured\.weight must be what JSON can carry; got nan",
        ),
        (lambda: Measured(anything={1: 2}), BadEvent, r"Measured\.anything must come back"),
        (lambda: Measured(correlation_id=5), BadEvent, "event.correlation`"),  # type: ignore[arg-type]
    ],
)
def test_one_bad_event_keeps_the_whole_list_out(
    store: EventStore, bad: Callable[[], Event], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says) as raised:
        store.append("O-001", [paid(), bad(), paid()])
    assert raised.value.__notes__ == ["(events[1]; nothing of the list was stored)"]
    assert store.read() == []
    assert store.append("O-001", [paid()], expected_version=0) == 1


def test_a_class_that_was_defined_again_is_another_type() -> None:
    @dataclass(frozen=True)
    class PaymentReceived(Event):
        order_id: str
        amount: int

    with (
        EventStore(TYPES) as store,
        pytest.raises(UnknownEventType, match="another class; has it been defined again"),
    ):
        store.append("O-001", [PaymentReceived("O-001", 1)])


def test_an_event_is_stored_once(store: EventStore) -> None:
    event = paid()
    store.append("O-001", [paid(), event])
    with pytest.raises(DuplicateEvent, match=r"event_id .* it is version 2 of stream 'O-001'"):
        store.append("O-002", [paid(), event])
    twice = paid()
    with pytest.raises(DuplicateEvent, match="it comes twice in events"):
        store.append("O-002", [twice, paid(), twice])
    assert store.last_position == 2
    assert store.append("O-002", [twice]) == 1


def test_a_duplicate_in_the_middle_of_a_batch_refuses_the_whole_batch(store: EventStore) -> None:
    first, event, last = paid(), paid(), paid()
    store.append("O-001", [event])
    with pytest.raises(DuplicateEvent, match=f"{event.event_id!r}: it is version 1 of stream 'O-0"):
        store.append("O-001", [first, event, last])
    with pytest.raises(DuplicateEvent, match=f"{first.event_id!r}: it comes twice in events"):
        store.append("O-002", [first, paid(), first, last])
    assert [recorded.event for recorded in store.read()] == [event]
    assert store.append("O-001", [first, last], expected_version=1) == 3


def test_ctrl_c_in_the_middle_leaves_nothing_behind(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lessonkit.patterns.eventstore.store.VersionConflict", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.append("O-001", [paid()], expected_version=7)
    monkeypatch.undo()
    assert store.append("O-001", [paid()], expected_version=0) == 1


def test_a_run_gives_the_same_ids_every_time() -> None:
    async def work() -> list[Recorded]:
        with EventStore(TYPES) as store:
            store.append("O-001", lesson_events())
            return store.read()

    first = run(work()).result
    event_module.runs_with_events = count(1)  # as in a fresh process
    assert run(work()).result == first
    assert [one.event.event_id for one in first] == ["E-1", "E-2", "E-3"]


# --- what is refused -----------------------------------------------------------------------------

REFUSED: dict[str, tuple[Callable[[EventStore], object], type[Exception], str]] = {
    "no stream": (lambda s: s.append("", [paid()]), ValueError, "stream must be a text"),
    "a number as stream": (lambda s: s.version(3), ValueError, "stream must be a text"),  # type: ignore[arg-type]
    "half a letter": (lambda s: s.stream("\ud800"), ValueError, r"stream .* got '\\ud800'"),
    "no events": (lambda s: s.append("O", []), ValueError, "events must be a list of at least one"),
    "an event for a list": (lambda s: s.append("O", paid()), ValueError, "events must be a list"),  # type: ignore[arg-type]
    "a dict for an event": (lambda s: s.append("O", [{}]), TypeError, r"events\[0\] must be an E"),  # type: ignore[list-item]
    "True as version": (lambda s: s.append("O", [paid()], True), TypeError, "expected_version"),
    "-1 as version": (lambda s: s.append("O", [paid()], -1), ValueError, "0 or more; got -1"),
    "upto too large": (
        lambda s: s.stream("O-001", 3),
        ValueError,
        "upto must be at most 2, the end of stream 'O-001'; got 3",
    ),
    "upto huge": (lambda s: s.stream("O-001", 2**70), ValueError, "upto must be at most 2"),
    "upto negative": (lambda s: s.stream("O-001", -1), ValueError, "upto must be 0 or more"),
    "upto True": (lambda s: s.stream("O-001", True), TypeError, "upto must be a whole number"),
    "after version": (lambda s: s.stream("O-001", after=3), ValueError, "after must be at most 2"),
    "after too large": (
        lambda s: s.read(after=3),
        ValueError,
        "after must be at most 2, the end of the store; got 3",
    ),
    "after negative": (lambda s: s.read(after=-1), ValueError, "after must be 0 or more"),
    "after a fraction": (lambda s: s.read(after=1.5), TypeError, "after must be a whole number"),  # type: ignore[arg-type]
    "most negative": (lambda s: s.read(most=-1), ValueError, "most must be 0 or more"),
    "most False": (lambda s: s.read(most=False), TypeError, "most must be a whole number"),
    "durability": (lambda s: EventStore(TYPES, durability="OFF"), ValueError, "NORMAL, FULL; got"),
    "no path": (lambda s: EventStore(TYPES, ""), ValueError, "path must be the name of a file"),
    "a number as path": (lambda s: EventStore(TYPES, 3), ValueError, "path must be"),  # type: ignore[arg-type]
    "no types": (lambda s: EventStore([paid]), TypeError, "types must be EventTypes"),  # type: ignore[arg-type]
    "timeout": (lambda s: EventStore(TYPES, timeout=-1), ValueError, "timeout must be"),
    "rebuild too far": (
        lambda s: rebuild(status_of, {}, s.read(), upto=3),
        ValueError,
        "upto must be at most 2, the end of the events; got 3",
    ),
    "rebuild below 0": (lambda s: rebuild(status_of, {}, s.read(), -1), ValueError, "upto"),
    "no store": (lambda s: SnapshotStore(s.database, dict), TypeError, "store must be"),  # type: ignore[arg-type]
    "no kind": (lambda s: SnapshotStore(s, {}), TypeError, "kind must be a type"),  # type: ignore[arg-type]
    "snapshot of the future": (
        lambda s: SnapshotStore(s, dict).save("O-001", 3, {}),
        ValueError,
        "version must be at most 2, the end of stream 'O-001'; got 3",
    ),
    "snapshot of nothing": (
        lambda s: SnapshotStore(s, dict).save("O-001", 0, {}),
        ValueError,
        "version must be 1 or more",
    ),
    "snapshot of a set": (
        lambda s: SnapshotStore(s, dict).save("O-001", 1, {"a": {1}}),
        ValueError,
        r"come back from JSON as it is; got \{'a': \{1\}\}, not \{'a': \[1\]\}",
    ),
    "snapshot of a tuple": (
        lambda s: SnapshotStore(s, dict).save("O-001", 1, {"a": (1,)}),
        ValueError,
        r"come back from JSON as it is; got \{'a': \(1,\)\}, not \{'a': \[1\]\}",
    ),
    "snapshot of another kind": (
        lambda s: SnapshotStore(s, dict).save("O-001", 1, [1]),  # type: ignore[arg-type]
        ValueError,
        "Expected `object`, got `array` - at `state`",
    ),
    "load too far": (lambda s: SnapshotStore(s, dict).load("O-001", 3), ValueError, "upto must be"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_named_at_the_door_and_changes_nothing(store: EventStore, name: str) -> None:
    store.append("O-001", [OrderCreated("O-001", ITEMS), paid()])
    before = store.read()
    act, error, says = REFUSED[name]
    with pytest.raises(error, match=says):
        act(store)
    assert store.read() == before


# --- files that are none -------------------------------------------------------------------------


def test_a_closed_store_says_that_it_is_closed(store: EventStore) -> None:
    store.close()
    store.close()  # twice is once
    for act in (
        lambda: store.append("O-001", [paid()]),
        store.read,
        lambda: store.stream("O-001"),
        lambda: store.version("O-001"),
        lambda: store.last_position,
    ):
        with pytest.raises(DatabaseUnavailable, match="it is closed"):
            act()


def test_a_file_that_is_no_database_is_left_as_it_is(path: Path) -> None:
    path.write_text("my diary\n" * 100)
    with pytest.raises(DatabaseUnavailable, match=r"events\.db' .* it is no SQLite database"):
        EventStore(TYPES, path)
    assert path.read_text() == "my diary\n" * 100


def test_a_database_with_other_events_in_it_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE events (day TEXT, what TEXT)")
    db.close()
    with pytest.raises(DatabaseUnavailable, match="its table events is not one of an event store"):
        EventStore(TYPES, path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"nowhere.*its folder must exist"):
        EventStore(TYPES, tmp_path / "nowhere" / "events.db")
    with pytest.raises(DatabaseUnavailable, match="cannot be opened"):
        EventStore(TYPES, tmp_path)


def test_a_read_only_database_can_be_read(path: Path) -> None:
    with EventStore(TYPES, path) as store:
        store.append("O-001", [paid()])
        # As on a read-only disk. (File permissions would not stop a test that runs as root.)
        store.database.execute("PRAGMA query_only = ON")
        with pytest.raises(DatabaseUnavailable, match="it is read-only"):
            store.append("O-001", [paid()])
        assert store.version("O-001") == 1


@contextmanager
def as_an_ordinary_user() -> Iterator[None]:
    """Root may write everywhere, so a test that runs as root becomes somebody else for a while."""
    is_root = os.name == "posix" and os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_a_write_protected_file_is_never_written() -> None:
    # Not in pytest's own folder: that one is closed to other users.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.db"
        with EventStore(TYPES, path) as store:
            store.append("O-001", [paid()])
        Path(folder).chmod(0o777)  # the file is write-protected, not its folder
        path.chmod(0o444)
        before = path.read_bytes()
        with (
            as_an_ordinary_user(),
            EventStore(TYPES, path) as store,
            pytest.raises(DatabaseUnavailable, match="it is read-only"),
        ):
            store.append("O-001", [paid()])
        assert path.read_bytes() == before


def test_a_damaged_event_is_named_with_its_position(store: EventStore) -> None:
    store.append("O-001", [paid()])
    store.database.execute("INSERT INTO events VALUES (2, 'O-001', 2, 'E-x', '{')")
    with pytest.raises(BadEvent, match=r"the event at position 2: an event in '\{' cannot"):
        store.read()
    assert len(store.read(most=1)) == 1


# --- the state -----------------------------------------------------------------------------------


def test_the_initial_state_is_the_same_every_time(store: EventStore) -> None:
    def count(state: dict[str, int], event: Event) -> dict[str, int]:
        state[event.type] = state.get(event.type, 0) + 1  # changes what it got
        return state

    store.append("O-001", lesson_events())
    initial: dict[str, int] = {}
    once = rebuild(count, initial, store.read())
    assert rebuild(count, initial, store.read()) == once
    assert initial == {}


def test_an_apply_that_forgets_to_return_is_told_so(store: EventStore) -> None:
    store.append("O-001", lesson_events())
    with pytest.raises(TypeError, match="apply must return the state") as raised:
        rebuild(lambda state, event: state.update(x=1), {}, store.stream("O-001"))  # type: ignore[arg-type]
    assert raised.value.__notes__ == ["(at OrderCreated, version 1 of 'O-001')"]


def test_a_state_may_begin_as_none(store: EventStore) -> None:
    store.append("O-001", lesson_events())
    ignore_all: Callable[[str | None, Any], str | None] = lambda state, event: state  # noqa: E731
    assert rebuild(ignore_all, None, store.read()) is None


def test_an_apply_that_fails_says_at_which_event(store: EventStore) -> None:
    store.append("O-001", lesson_events())

    def fails(state: int, event: Event) -> int:
        if isinstance(event, OrderShipped):
            raise KeyError("lost")
        return state + 1

    with pytest.raises(KeyError, match="lost") as raised:
        rebuild(fails, 0, store.stream("O-001"))
    assert raised.value.__notes__ == ["(at OrderShipped, version 3 of 'O-001')"]


def total(state: dict[str, int], event: Any) -> dict[str, int]:
    return {"events": state["events"] + 1, "hash": (state["hash"] * 31 + event.amount) % 9973}


ZERO = {"events": 0, "hash": 1}


@given(st.lists(st.integers(0, 1000), max_size=12), st.data())
def test_rebuilding_up_to_n_is_folding_the_first_n(amounts: list[int], data: st.DataObject) -> None:
    upto = data.draw(st.integers(0, len(amounts)))
    with EventStore(TYPES) as store:
        if amounts:
            store.append("O-001", [paid(amount) for amount in amounts])
        expected = ZERO
        for amount in amounts[:upto]:
            expected = total(expected, paid(amount))
        assert rebuild(total, ZERO, store.read(), upto) == expected
        assert rebuild(total, ZERO, store.stream("O-001"), upto) == expected
        assert rebuild(total, ZERO, store.stream("O-001", upto)) == expected


# --- snapshots -----------------------------------------------------------------------------------


@settings(max_examples=50)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=12), st.data())
def test_a_snapshot_and_the_rest_make_the_whole(amounts: list[int], data: st.DataObject) -> None:
    versions = st.integers(1, len(amounts))
    kept = data.draw(st.sets(versions))
    upto = data.draw(st.none() | st.integers(0, len(amounts)))
    with EventStore(TYPES) as store:
        store.append("O-001", [paid(amount) for amount in amounts])
        snapshots = SnapshotStore(store, dict)
        for version in sorted(kept):
            snapshots.save("O-001", version, rebuild(total, ZERO, store.stream("O-001", version)))
        rebuilt = snapshots.rebuild("O-001", total, ZERO, upto)
        asked = len(amounts) if upto is None else upto
        assert rebuilt.state == rebuild(total, ZERO, store.stream("O-001", asked))
        assert rebuilt.version == asked
        newest = max((version for version in kept if version <= asked), default=0)
        assert rebuilt.events_read == asked - newest


def test_snapshots_belong_to_a_stream_and_outlive_the_process(path: Path) -> None:
    with EventStore(TYPES, path) as store:
        store.append("O-001", lesson_events("O-001"))
        store.append("O-002", lesson_events("O-002"))
        SnapshotStore(store, dict).save("O-001", 2, {"status": "PAID", "amount": 5000})
    with EventStore(TYPES, path) as store:
        snapshots = SnapshotStore(store, dict)
        assert snapshots.load("O-001") == Snapshot(2, {"status": "PAID", "amount": 5000})
        assert snapshots.load("O-001", upto=1) is None
        assert snapshots.load("O-002") is None
        assert snapshots.rebuild("O-001", status_of, {}).events_read == 1
        snapshots.forget()
        assert snapshots.rebuild("O-001", status_of, {}).events_read == 3


def test_the_state_may_be_a_dataclass(store: EventStore) -> None:
    @dataclass
    class OrderState:
        status: str = "NEW"
        amount: int = 0

    def apply(state: OrderState, event: Event) -> OrderState:
        state.status = event.type
        return state

    store.append("O-001", lesson_events())
    snapshots = SnapshotStore(store, OrderState)
    snapshots.save("O-001", 2, snapshots.rebuild("O-001", apply, OrderState(), 2).state)
    rebuilt = snapshots.rebuild("O-001", apply, OrderState())
    assert (rebuilt.state, rebuilt.events_read) == (OrderState("OrderShipped"), 1)


# --- the quick way to JSON -----------------------------------------------------------------------

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec="utf-8"), max_size=3)
)
anything = st.recursive(
    scalars | st.just(Shade.DARK) | st.builds(Item, st.just("P"), st.integers(1), st.integers(0)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text("ab", max_size=2) | st.integers(), inner, max_size=3)
    ),
    max_leaves=5,
)
fields_of_measured = st.sampled_from(
    ["weight", "label", "shade", "parts", "marks", "pair", "names", "counts", "anything", "number",
     "flag", "correlation_id", "causation_id"]
)  # fmt: skip


@settings(max_examples=100)
@given(st.dictionaries(fields_of_measured, anything, max_size=4))
def test_the_quick_way_writes_what_the_slow_way_writes(values: dict[str, Any]) -> None:
    event = Measured(**values, event_id="E-1", occurred_at=1.0)
    try:
        slow = event.to_json()
        back = TYPES.from_json(slow)
    except (TypeError, ValueError) as error:
        with pytest.raises(type(error)):
            TYPES.to_json(event)
        return
    if back != event:
        with pytest.raises(BadEvent, match="must come back from JSON as it is"):
            TYPES.to_json(event)
    else:
        assert TYPES.to_json(event) == slow
        assert TYPES.from_json(slow) == back
        json.loads(slow)
