"""Events travel as JSON and come back as they were, or say what is wrong."""

from __future__ import annotations

import json
import math
from dataclasses import FrozenInstanceError, dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessonkit import Event, EventTypes, Item, run
from lessonkit.patterns.events import BadEvent, MissingField, NewerVersion, UnknownEventType


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class OrderCreated(Event):
    order_id: str
    items: tuple[Item, ...]
    note: str | None = None


@dataclass(frozen=True)
class Everything(Event):
    text: str
    whole: int
    real: float
    yes: bool
    colour: Colour
    pair: tuple[str, int]
    many: list[float]
    named: dict[str, int]
    by_number: dict[int, str]
    nested: Item | None
    anything: Any


@dataclass(frozen=True)
class Renamed(Event):
    """Version 1 had a price in yen without a currency, called ``price``."""

    VERSION: ClassVar[int] = 2

    amount: int
    currency: str

    @classmethod
    def upcast(cls, data: dict[str, Any], version: int) -> dict[str, Any]:
        return {"amount": data["price"], "currency": "JPY"}


TYPES = EventTypes(OrderCreated, Everything, Renamed)
HEAD = {"event_id": "E-1", "occurred_at": 0.5}
ORDER = OrderCreated("O-001", (Item("P-1", 2, 2500),), **HEAD)

items = st.builds(
    Item, product_id=st.text(min_size=1), quantity=st.integers(1), unit_price=st.integers(0)
)
numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.builds(
        Everything,
        event_id=st.text(min_size=1),
        occurred_at=st.floats(min_value=0, allow_infinity=False),
        correlation_id=st.none() | st.text(),
        causation_id=st.none() | st.text(),
        text=st.text(),
        whole=st.integers(),
        real=numbers,
        yes=st.booleans(),
        colour=st.sampled_from(Colour),
        pair=st.tuples(st.text(), st.integers()),
        many=st.lists(numbers),
        named=st.dictionaries(st.text(), st.integers()),
        by_number=st.dictionaries(st.integers(), st.text()),
        nested=st.none() | items,
        anything=st.none() | st.booleans() | st.text() | st.lists(st.integers()),
    )
)
def test_what_is_written_is_read_again_as_it_was(event: Everything) -> None:
    again = TYPES.from_json(event.to_json())
    assert again == event
    assert type(again) is Everything
    assert isinstance(again.colour, Colour)


def test_an_event_in_a_run_is_numbered_and_knows_its_moment() -> None:
    async def main() -> list[OrderCreated]:
        return [OrderCreated("O-001", ()), OrderCreated("O-002", ())]

    for ids in (("E-1", "E-2"), ("E-1@2", "E-2@2")):
        first, second = run(main()).result
        assert (first.event_id, second.event_id) == ids
        assert first.occurred_at == 0


def test_outside_of_a_run_ids_are_unique() -> None:
    assert OrderCreated("O-001", ()).event_id != OrderCreated("O-001", ()).event_id


def test_an_event_never_changes() -> None:
    with pytest.raises(FrozenInstanceError):
        ORDER.order_id = "O-002"  # type: ignore[misc]


def test_the_text_can_be_read_by_anybody() -> None:
    assert json.loads(ORDER.to_json()) == {
        "type": "OrderCreated",
        "version": 1,
        "id": "E-1",
        "time": 0.5,
        "correlation": None,
        "causation": None,
        "data": {
            "order_id": "O-001",
            "items": [{"product_id": "P-1", "quantity": 2, "unit_price": 2500}],
            "note": None,
        },
    }


# --- readers and writers of different age --------------------------------------------------------


def changed(event: Event, **fields: object) -> str:
    envelope = json.loads(event.to_json())
    envelope["data"] |= {key: value for key, value in fields.items() if key in envelope["data"]}
    envelope |= {key: value for key, value in fields.items() if key not in envelope["data"]}
    return json.dumps(envelope)


def test_a_reader_passes_over_a_field_that_it_does_not_know() -> None:
    envelope = json.loads(ORDER.to_json())
    envelope["data"]["gift_wrap"] = True
    envelope["data"]["items"][0]["colour"] = "red"
    assert TYPES.from_json(json.dumps(envelope)) == ORDER


def test_a_field_with_a_default_may_be_missing() -> None:
    envelope = json.loads(ORDER.to_json())
    del envelope["data"]["note"]
    assert TYPES.from_json(json.dumps(envelope)) == ORDER


def test_a_missing_field_is_named() -> None:
    envelope = json.loads(ORDER.to_json())
    del envelope["data"]["items"][0]["quantity"]
    with pytest.raises(
        MissingField, match=r"missing required field `quantity` - at `OrderCreated.items\[0\]`"
    ):
        TYPES.from_json(json.dumps(envelope))


@pytest.mark.parametrize("key", ["type", "version", "id", "time", "data"])
def test_a_missing_part_of_the_envelope_is_named(key: str) -> None:
    envelope = json.loads(ORDER.to_json())
    del envelope[key]
    with pytest.raises(MissingField, match=f"missing required field `{key}` - at `event`"):
        TYPES.from_json(json.dumps(envelope))


def test_an_old_version_is_read_as_a_new_one() -> None:
    old = json.dumps(
        {"type": "Renamed", "version": 1, "id": "E-1", "time": 0.5, "data": {"price": 5000}}
    )
    assert TYPES.from_json(old) == Renamed(5000, "JPY", **HEAD)


def test_an_upcast_that_misses_its_field_is_no_crash() -> None:
    old = json.dumps({"type": "Renamed", "version": 1, "id": "E-1", "time": 0.5, "data": {}})
    with pytest.raises(MissingField, match="price"):
        TYPES.from_json(old)


def test_a_newer_version_is_refused_and_not_guessed_at() -> None:
    with pytest.raises(NewerVersion, match=r"OrderCreated came in version 2; .* knows version 1"):
        TYPES.from_json(changed(ORDER, version=2))


def test_an_unknown_type_is_named_and_so_are_the_known_ones() -> None:
    with pytest.raises(UnknownEventType, match=r"'OrderLost' is not .* known are OrderCreated, E"):
        TYPES.from_json(changed(ORDER, type="OrderLost"))
    with pytest.raises(BadEvent, match=r"Expected `str`, got `array` - at `event\.type`"):
        TYPES.from_json(changed(ORDER, type=["OrderCreated"]))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "an event in '{' cannot be read: Expecting property name"),
        ("[]", "Expected `object`, got `array` - at `event`"),
        (None, "the JSON object must be str"),
        ("[" * 100_000, "maximum recursion depth"),
        (changed(ORDER, version="1"), "Expected `int`, got `str` - at `event.version`"),
        (changed(ORDER, version=True), "Expected `int`, got `bool` - at `event.version`"),
        (changed(ORDER, version=0), "OrderCreated has version 1 and no upcast.. for version 0"),
        (changed(ORDER, data=[]), "Expected `object`, got `array` - at `event.data`"),
        (changed(ORDER, items=None), "Expected `array`, got `null` - at `OrderCreated.items`"),
        (changed(ORDER, order_id=5), "Expected `str`, got `int` - at `OrderCreated.order_id`"),
        (changed(ORDER, note=5), r"Expected `str \| null`, got `int` - at `OrderCreated.note`"),
        (changed(ORDER, id=""), "event_id must be a text of at least one letter"),
        (changed(ORDER, time=-1), "occurred_at must be a number of 0 or more"),
    ],
)
def test_a_text_that_is_no_event_says_why(text: Any, words: str) -> None:
    with pytest.raises(BadEvent, match=words):
        TYPES.from_json(text)


def test_true_is_no_number_and_a_number_is_no_truth() -> None:
    everything = Everything("", 1, 1.0, True, Colour.RED, ("a", 1), [], {}, {}, None, None, **HEAD)
    for wrong in ({"whole": True}, {"real": False}, {"yes": 1}, {"colour": "green"}, {"pair": [1]}):
        with pytest.raises(BadEvent):
            TYPES.from_json(changed(everything, **wrong))


@dataclass(frozen=True)
class Parcel(Event):
    code: int | str


def test_none_is_neither_of_two_types() -> None:
    types = EventTypes(Parcel)
    for code in (7, "7"):
        parcel = Parcel(code, **HEAD)
        assert types.from_json(types.to_json(parcel)) == parcel
        with pytest.raises(BadEvent, match=r"Expected `int \| str`, got `null` - at `Parcel.code`"):
            types.from_json(changed(parcel, code=None))
    with pytest.raises(BadEvent, match=r"Expected `int \| str`, got `null` - at `Parcel.code`"):
        types.to_json(Parcel(None, **HEAD))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Confusing(Event):
    version: int
    id: str
    time: float
    computed: int = field(init=False, default=3)


def test_a_field_may_have_any_name_and_need_not_be_given() -> None:
    types, event = EventTypes(Confusing), Confusing(7, "x", 2.5, **HEAD)
    assert types.from_json(types.to_json(event)) == event


# --- what cannot be sent -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (object, TypeError, "Everything.anything must be .*carry; got <class 'object'>"),
        ([1, {"a": 1j}], TypeError, r"Everything.anything must be .*; got \[1, {'a': 1j}\]"),
        (math.nan, ValueError, "Everything.anything must be what JSON can carry; got nan"),
    ],
)
def test_what_json_cannot_carry_is_named(value: object, error: type, words: str) -> None:
    event = Everything("", 1, 1.0, True, Colour.RED, ("a", 1), [], {}, {}, None, value, **HEAD)
    with pytest.raises(error, match=words):
        event.to_json()


def test_types_must_be_types_of_events_and_differ() -> None:
    with pytest.raises(TypeError, match="each type must be a subclass of Event; got <class 'int'>"):
        EventTypes(int)  # type: ignore[arg-type]
    other = type("OrderCreated", (Event,), {})
    with pytest.raises(ValueError, match="two event types are called 'OrderCreated'"):
        EventTypes(OrderCreated, other)


def test_an_event_needs_an_id_and_a_time() -> None:
    with pytest.raises(ValueError, match="event_id must be a text"):
        OrderCreated("O-001", (), event_id="", occurred_at=0.0)
    with pytest.raises(ValueError, match="occurred_at must be a number of 0 or more"):
        OrderCreated("O-001", (), event_id="E-1", occurred_at=math.nan)
