"""What is stored comes back equal, or is refused when it is stored."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import Event, EventStore, EventTypes, Inbox, Outbox, Saga, SagaLog, Step, run
from lessonkit.database import Database
from lessonkit.patterns.events import BadEvent
from lessonkit.patterns.eventstore.snapshots import SnapshotStore
from lessonkit.patterns.outbox.lease import take


class Colour(StrEnum):
    RED = "red"


class Size(IntEnum):
    SMALL = 7


class Number(int, Enum):
    SEVEN = 7


@dataclass(frozen=True)
class Sized:
    """Makes another value of what it is given."""

    size: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", self.size + 1)


@dataclass(frozen=True)
class Item:
    name: str
    pieces: int | float = 1


@dataclass(frozen=True)
class Stored(Event):
    anything: Any = None
    text: str | int | None = None
    number: float = 0.0
    items: tuple[Item, ...] = ()
    names: list[str] = field(default_factory=list)
    by_name: dict[str, Any] = field(default_factory=dict)
    colour: Colour = Colour.RED
    sized: Sized | None = None


@dataclass(frozen=True, eq=False)
class NeverEqual(Event):
    names: Any = ()


@dataclass(frozen=True)
class Growing(Event):
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "names", (*self.names, "once more"))


ATOMS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([Colour.RED, Size.SMALL, Number.SEVEN, b"bytes", {1}, 2**53 + 1, "\ud800"])
)
ANYTHING = st.recursive(
    ATOMS,
    lambda part: (
        st.lists(part, max_size=3)
        | st.lists(part, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(0, 3), part, max_size=3)
        | st.builds(Item, part, part)
        | st.builds(Sized, st.integers(0, 3))
    ),
    max_leaves=5,
)


@given(
    fields=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("anything", "text", "number", "items", "names", "by_name", "colour", "sized"), ANYTHING
        ),
    )
)
@settings(max_examples=100, deadline=None)
def test_an_event_comes_back_equal_or_is_refused(fields: dict[str, Any]) -> None:
    event = Stored(**fields)
    types = EventTypes(Stored)
    outbox = Outbox(Database(":memory:"))
    with closing(outbox.database), EventStore(types) as store:
        try:
            store.append("O-1", [event])
        except (TypeError, ValueError):
            with pytest.raises((TypeError, ValueError)), outbox.database.transaction() as tx:
                outbox.add(tx, event, "O-1")
            assert (store.last_position, outbox.pending) == (0, 0)
            return
        with outbox.database.transaction() as tx:
            outbox.add(tx, event, "O-1")
        (recorded,) = store.read()
        _token, (message,) = take(outbox, 0, 1, 1)
    assert recorded.event == types.from_json(message.body) == event


@given(state=ANYTHING)
@settings(max_examples=60, deadline=None)
def test_a_snapshot_comes_back_equal_or_is_refused(state: Any) -> None:
    with EventStore(EventTypes(Stored)) as store:
        store.append("O-1", [Stored()])
        snapshots: SnapshotStore[dict[str, Any]] = SnapshotStore(store, dict)
        try:
            snapshots.save("O-1", 1, {"state": state})
        except (TypeError, ValueError):
            assert snapshots.load("O-1") is None
        else:
            loaded = snapshots.load("O-1")
            assert loaded is not None
            assert loaded.state == {"state": state}


@given(command=ANYTHING, result=ANYTHING)
@settings(max_examples=60, deadline=None)
def test_a_saga_s_command_and_results_come_back_equal_or_are_refused(
    command: Any, result: Any
) -> None:
    async def do(command: object) -> Any:
        return result

    with SagaLog(command_type=dict) as log:
        saga = Saga("order", [Step("a", do)], log=log)
        try:
            log.start("order", "O-0", {"command": command})
        except (TypeError, ValueError):
            assert log.unfinished() == []
        else:
            assert log.command("order", "O-0") == {"command": command}
        kept = {"a": result}
        try:
            assert run(saga.execute("O-1", {})).result.results == kept
        except (TypeError, ValueError):  # a mistake, but the step is done
            kept = {"a": None}
        assert run(saga.execute("O-1", {})).result.results == kept


def test_what_cannot_even_be_compared_is_refused() -> None:
    deep: list[Any] = []
    deep.append(deep)

    class Odd(list[int]):
        def __eq__(self, other: object) -> bool:
            raise RuntimeError("not comparable")

    for result in (deep, Odd([1])):

        async def do(command: object, result: Any = result) -> Any:
            return result

        with SagaLog(command_type=dict) as log:
            saga = Saga("order", [Step("a", do)], log=log)
            with pytest.raises((TypeError, ValueError), match="the result of step 'a' "):
                run(saga.execute("O-1", {}))
            assert log.state("O-1") == "completed"
            with pytest.raises((TypeError, ValueError), match=r"^command"):
                run(saga.execute("O-2", {"a": result}))


def test_a_value_that_would_come_back_as_another_is_named() -> None:
    with pytest.raises(BadEvent, match=r"Stored.anything must come back .* got \(1,\), not \[1\]"):
        EventTypes(Stored).to_json(Stored(anything=(1,)))
    with pytest.raises(BadEvent, match=r"Growing.names must come back"):
        EventTypes(Growing).to_json(Growing(("a",)))
    with pytest.raises(BadEvent, match=r"Stored.sized must come back"):
        EventTypes(Stored).to_json(Stored(sized=Sized(1)))


def test_events_that_are_never_equal_are_compared_field_by_field() -> None:
    types = EventTypes(NeverEqual)
    back: Any = types.from_json(types.to_json(NeverEqual(["a"])))
    assert back.names == ["a"]
    with pytest.raises(BadEvent, match=r"NeverEqual.names must come back"):
        types.to_json(NeverEqual(("a",)))


KEYS = st.text(min_size=1, max_size=4) | st.integers() | st.sampled_from(["7", "07", " 7", "a\0b"])


@given(keys=st.lists(KEYS, max_size=8))
@settings(max_examples=100, deadline=None)
def test_an_inbox_knows_each_id_and_no_other(keys: list[str | int]) -> None:
    inbox = Inbox(Database(":memory:"), "mail")
    handled: set[str] = set()
    for key in keys:
        assert inbox.seen(key) == (str(key) in handled)
        inbox.handle(key, lambda tx: None)
        handled.add(str(key))
        assert inbox.seen(key)
    assert inbox.duplicates == len(keys) - len(handled)
    inbox.database.close()


@pytest.mark.parametrize("seven", [Size.SMALL, Number.SEVEN])
def test_a_number_with_a_name_is_the_number(seven: int) -> None:
    inbox = Inbox(Database(":memory:"), "mail")
    inbox.handle(seven, lambda tx: None)
    assert inbox.seen("7")
