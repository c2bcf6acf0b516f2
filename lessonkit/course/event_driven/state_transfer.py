"""Exercise ``carry_state``: an event that carries its state."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields
from functools import partial
from typing import Any

from lessonkit.course.event_driven.stories import (
    NEW_ID,
    STORIES,
    TWO_PRODUCTS,
    Day,
    Placed,
    Story,
    TakeStock,
    command_for,
    live_through,
)
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.old_trial import broken_seal, run_briefly
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.tables import columns_html
from lessonkit.lab.timeline import timeline
from lessonkit.messages import N_, _
from lessonkit.patterns.events import BadEvent, Event, EventTypes
from lessonkit.shop import Item, Order
from lessonkit.words import escape


def _judge_carry_state(
    kind: type[Event], placed: Placed, take_stock: TakeStock
) -> Counterexample | None:
    if (found := _cannot_travel(kind, placed)) is not None:
        return found
    for story in STORIES:
        day = live_through(story, kind, placed, take_stock)
        # Nobody may have written into another service's books.
        found = broken_seal(day.shop, partial(_day_view, day)) or _explain_carry_state(day)
        if found is not None:
            return found
    return None


def _cannot_travel(kind: type[Event], placed: Placed) -> Counterexample | None:
    types = EventTypes(kind)

    async def make() -> Event:
        return placed(Order.create(command_for(TWO_PRODUCTS)))

    sent = run_briefly(make()).result
    if type(sent) is not kind:
        raise TypeError(f"placed must return an event of the class {kind.__name__}; got {sent!r}")
    try:
        text = sent.to_json()
    except (TypeError, ValueError) as error:
        sentence = _("The event cannot set out: JSON cannot carry what is in it. {error}")
        advice = _(
            "An event travels as a text. JSON carries texts, numbers, dataclasses, and lists and"
            " tuples of those. Put the values themselves into the event, not something that still"
            " has to be asked for them."
        )
        return Counterexample(sentence.format(error=error), advice, _fields_view(sent))
    try:
        types.from_json(text)
    except BadEvent as error:
        sentence = _("The event was sent, and nobody can read it. {error}")
        advice = _(
            "Whoever reads an event has nothing but the types that your class declares, and what"
            " was sent does not fit them. What does `placed` put into each field?"
        )
        return Counterexample(sentence.format(error=error), advice, _fields_view(sent))
    return None


def _explain_carry_state(day: Day) -> Counterexample | None:
    if day.asked:
        words = _("The order service is away, and the listener calls it all the same: `{call}`.")
        advice = _(
            "Whatever the listener needs must travel in the event. What does it take out of the"
            " order that it asks for?"
        )
        return Counterexample(words.format(call=day.asked[0]), advice, _day_view(day))
    if day.errors:
        return _explain_error(day, day.errors[0])
    said, taken = _pieces(day.story.items), day.taken
    if taken == said:
        return None
    words = _("When the event was made, the order was for {said}. Taken from the shelf: {taken}.")
    sentence = words.format(said=_in_words(said), taken=_in_words(taken))
    return Counterexample(sentence, _advice_pieces(day.story, said, taken), _day_view(day))


def _explain_error(day: Day, error: BaseException) -> Counterexample:
    if error.args == (NEW_ID,):
        words = _("The listener looked for the event {id} in a place beside the event.")
        sentence, advice = words.format(id=NEW_ID), _beside_the_event()
    elif _values(day.sent) != _values(day.arrived):
        words = _("What arrives is not what was sent, and the listener stops: {error}")
        sentence = words.format(error=f"{type(error).__name__}: {error}")
        advice = _(
            "JSON keeps no classes. Whoever reads the event makes each field into the type that"
            " your class declares, and leaves it as JSON has it where the type says nothing more."
            " Compare the two columns."
        )
    else:
        raise error
    return Counterexample(sentence, advice, _fields_view(day.sent, day.arrived))


def _advice_pieces(story: Story, said: Counter[str], taken: Counter[str]) -> str:
    if not taken:
        return _(
            "Nothing was set aside for the customer. Who does not ask back still has to work: is"
            " `shop.inventory.reserve(...)` called, and awaited?"
        )
    if story.later is not None and taken == _pieces(story.later):
        if story.told:
            return _beside_the_event()
        return _(
            "That is the order as it was changed later. The listener has looked it up in the order"
            " service's own database: it belongs to somebody else, and it does not know any more"
            " what the event had said."
        )
    if any(taken == _pieces(other.items) for other in STORIES):
        return _beside_the_event()  # another order, from an earlier story
    if story.times > 1 and all(taken[product] == 2 * said[product] for product in said):
        return _(
            "The same event came twice, and stock was taken twice. The order's id as a key, the"
            " second argument of `reserve`, tells the warehouse that it has done this before."
        )
    if set(taken) != set(said):
        return _(
            "The order has several items. Did all of them get into the event, and does the"
            " listener take all of them?"
        )
    return _(
        "The products are right, the pieces are not. The event must say how many of each, and one"
        " product may stand on two lines of an order."
    )


def _beside_the_event() -> str:
    return _(
        "Something was kept beside the event: a dict or a variable that both functions see. The"
        " warehouse runs in another process, on another computer, and sees nothing but the event."
    )


def _pieces(items: Iterable[Item]) -> Counter[str]:
    pieces: Counter[str] = Counter()
    for item in items:
        pieces[item.product_id] += item.quantity
    return pieces


def _in_words(pieces: Counter[str]) -> str:
    words = ", ".join(f"{product} × {number}" for product, number in sorted(pieces.items()))
    return words or _("no pieces")


def _values(event: Event) -> dict[str, object]:
    envelope = {field.name for field in fields(Event)}
    kind: Any = type(event)
    return {f.name: getattr(event, f.name) for f in fields(kind) if f.name not in envelope}


def _fields_view(sent: Event, arrived: Event | None = None) -> str:
    """The fields of an event, as they were sent and as they arrived."""
    columns = {
        _("field"): list(_values(sent)),
        _("as it was sent"): [repr(value) for value in _values(sent).values()],
    }
    if arrived is not None:
        columns[_("as it arrived")] = [repr(value) for value in _values(arrived).values()]
    return columns_html(columns)


def _day_view(day: Day) -> str:
    said, taken = _pieces(day.story.items), day.taken
    products = sorted({*said, *taken})
    columns: dict[str, list[Any]] = {
        _("product"): products,
        _("pieces ordered"): [said[product] for product in products],
        _("pieces taken"): [taken[product] for product in products],
        "": ["✓" if said[product] == taken[product] else "✗" for product in products],
    }
    what = escape(_("What the event carried:"))
    data = escape(json.dumps(day.arrived.data(), ensure_ascii=False))
    look = "white-space: pre-wrap; margin: 4px 0 8px"
    carried = f'<div>{what}<pre style="{look}">{data}</pre></div>'
    return f"{carried}{columns_html(columns)}{timeline(day.run.trace)}"


carry_state = Exercise(
    name="carry_state",
    notebook="02-event-driven",
    point=2,
    title=N_("From the bell to the parcel"),
    shown=N_("What the event carries need not be asked for: the order service may be away."),
    starter="""
@dataclass(frozen=True)
class OrderPlaced(Event):
    order_id: str


def placed(order):
    return OrderPlaced(order.order_id)


async def take_stock(shop, event):
    order = await get_order(shop, event.order_id)
    await shop.inventory.reserve(order.items, order.order_id)
""",
    asks=("OrderPlaced", "placed", "take_stock"),
    judge=_judge_carry_state,
    hints=(
        N_("What does `take_stock` read from the order? Exactly that must be in the event."),
        N_(
            "Give the class one more field, and declare it so that a reader knows what is in it."
            " The first event of this notebook has such a field."
        ),
        N_(
            "`placed` puts `order.items` into the event. In `take_stock` the line with `get_order`"
            " goes, and `event` takes the place of `order`."
        ),
    ),
    answer="""
@dataclass(frozen=True)
class OrderPlaced(Event):
    order_id: str
    items: tuple[Item, ...]


def placed(order):
    return OrderPlaced(order.order_id, order.items)


async def take_stock(shop, event):
    await shop.inventory.reserve(event.items, event.order_id)
""",
)
