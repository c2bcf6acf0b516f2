"""Exercise ``carry_state``: an event that carries its state.

The warehouse hears of three orders, and of the first one twice, when nobody can be asked any more.
First both functions run in one process; then each in processes of its own.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

from lessonkit.clock.strangers import said
from lessonkit.exercises.advice import first_counterexample
from lessonkit.exercises.orders import TrialShop
from lessonkit.exercises.program import Program
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.shopfront import NotYours
from lessonkit.exercises.trial import run_briefly
from lessonkit.exercises.written import advice, exercise
from lessonkit.faults import Down
from lessonkit.lab.timeline import timeline
from lessonkit.lab.views import table
from lessonkit.messages import _
from lessonkit.patterns.bus import InMemoryEventBus
from lessonkit.patterns.events import BadEvent, Event, EventTypes
from lessonkit.records import Kind
from lessonkit.shop import CreateOrder, Item, Order
from lessonkit.shop.errors import KeyReused
from lessonkit.shop.orders import pieces_of
from lessonkit.shop.process import here
from lessonkit.trace import Trace, correlation

Start = Callable[[], Any]
"""Starts a program: gives the class of the event, and one of the learner's functions."""

TWO_PRODUCTS = (Item("P-1", 2, 2500), Item("P-2", 3, 800))
TWO_LINES = (Item("P-1", 1, 2500), Item("P-2", 1, 800), Item("P-1", 3, 2000))
ORDERS = (
    Order.create(CreateOrder("O-001", "C-100", TWO_PRODUCTS), "T-1"),
    Order.create(CreateOrder("O-002", "C-200", TWO_LINES), "T-2"),
    # The first customer comes back, and orders the same once more: that is another order.
    Order.create(CreateOrder("O-101", "C-100", TWO_PRODUCTS), "T-3"),
)


@dataclass
class _Arrival:
    """An event that arrives at the warehouse, and what came of it.

    ``taken``: the pieces for its order up to now; ``foreign``: calls to others than the warehouse.
    """

    order: Order
    sent: Event
    taken: Counter[str]
    again: bool
    apart: bool
    arrived: Event | None = None
    error: BaseException | None = None
    reserves: bool = False
    foreign: list[str] = field(default_factory=list)
    trace: Trace = field(default_factory=Trace)

    @property
    def ordered(self) -> dict[str, int]:
        return pieces_of(self.order.items)


def _judge(kind: type[Event], placed: object, take_stock: object) -> Counterexample | None:
    def arrivals() -> Iterator[_Arrival]:
        sender, reader = Program(kind, placed), Program(kind, take_stock)
        yield from _day(lambda: (kind, placed), lambda: (kind, take_stock), apart=False)
        yield from _day(sender.start, reader.start, apart=True)

    return first_counterexample(arrivals(), _ADVICE, _picture, _sentence)


def _day(sender: Start, reader: Start, *, apart: bool) -> Iterator[_Arrival]:
    kind, placed = sender()

    async def tell() -> list[Event]:
        told = []
        for order in ORDERS:
            correlation.set(order.order_id)  # as for whatever a customer's order leads to
            told.append(placed(order))
        if apart:  # what is told of a change must not get into an event that was sent before
            placed(replace(ORDERS[0], items=(Item("P-2", 5, 800),)))
        return told

    told = run_briefly(tell()).result
    taken: dict[str, Counter[str]] = {order.order_id: Counter() for order in ORDERS}
    shop = TrialShop(stock={"P-1": 10_000, "P-2": 10_000}, faults=[Down("orders")])
    # The notebook's `get_order` hands over a function of this: it runs where the orders are.
    vars(shop.front.database)["orders"] = _OnAnotherComputer()
    for number in (0, 1, 2, 0):
        event, order = told[number], ORDERS[number]
        if type(event) is not kind:
            raise TypeError(f"placed must return an event of {kind.__name__}; got {event!r}")
        again = bool(taken[order.order_id])
        one = _Arrival(order, event, taken[order.order_id], again, apart)
        reading, take_stock = reader()
        try:
            text = json.loads(event.to_json())
            if apart:  # who kept something under the event's own id will not find it
                text["id"] = f"E-{number + 77}"
            one.arrived = EventTypes(reading).from_json(json.dumps(text))
        except (TypeError, ValueError) as error:
            one.error = error
        else:
            _hear(one, shop, partial(take_stock, shop.front))
        yield one
        if one.error is not None:  # and the table has nothing to say about it
            raise one.error


def _hear(one: _Arrival, shop: TrialShop, handler: Callable[[Event], object]) -> None:
    bus, event = InMemoryEventBus(shop.network), one.arrived
    assert event is not None
    bus.subscribe(type(event), handler, service="inventory")

    async def publish() -> None:
        await asyncio.sleep(0.05 if one.again else 0)  # so that no clock makes a key
        here.set(shop.network.processes["orders"])
        await bus.publish(event)

    calls, shelf = len(shop.network.calls), Counter(shop.inventory.stock)
    run = run_briefly(publish(), drain=1.0)
    one.trace = run.trace
    one.error = next((failed.error for failed in bus.failures), run.error)
    one.taken += shelf - Counter(shop.inventory.stock)
    called = [what for _caller, what in shop.network.calls[calls:]]
    replies = [m for m in run.trace.messages if m.kind is Kind.REPLY and m.what == "reserve"]
    one.reserves = any(not reply.error for reply in replies)  # or else it did not get that far
    one.foreign = [what for what in called if not what.startswith("inventory.")]


class _OnAnotherComputer:
    def get(self, *_args: object) -> object:
        raise NotYours(_("the order service's database is on another computer"))

    __getitem__ = __contains__ = __iter__ = get


def _was_changed_on_the_way(one: _Arrival) -> bool:
    """Whether the handler stopped at something that has not arrived as it was sent."""
    stopped = isinstance(one.error, TypeError | ValueError | LookupError | AttributeError)
    return stopped and one.arrived is not None and _values(one.arrived) != _values(one.sent)


def _took_nothing(one: _Arrival) -> bool:
    return one.error is None and not one.taken


_ADVICE = advice(
    __name__,
    "carry_state",
    went_wrong=lambda one: one.error is not None or one.foreign or one.taken != one.ordered,
    never_arrived=lambda one: one.arrived is None,
    does_not_fit=lambda one: isinstance(one.error, BadEvent),
    was_changed_on_the_way=_was_changed_on_the_way,
    key_was_used=lambda one: (
        isinstance(one.error, KeyReused) or (_took_nothing(one) and one.reserves)
    ),
    took_nothing=_took_nothing,
    took_it_twice=lambda one: one.again and one.taken == {p: 2 * n for p, n in one.ordered.items()},
    lacks_a_product=lambda one: one.error is None and set(one.taken) < set(one.ordered),
    took_other_pieces=lambda one: one.error is None and one.taken != one.ordered,
)


def _sentence(one: _Arrival) -> str:
    if one.error is None:
        words = _(
            "When the event was made, the order was for {said}. Taken from the shelf: {taken}."
        )
        return words.format(said=_in_words(one.ordered), taken=_in_words(one.taken))
    words = _("The event of {order} gets no further. {error}")
    return words.format(order=one.order.order_id, error=said(one.error))


def _in_words(pieces: dict[str, int]) -> str:
    words = _(", ").join(f"{product} × {number}" for product, number in sorted(pieces.items()))
    return words or _("no pieces")


def _values(event: Event) -> dict[str, object]:
    names = [f.name for f in fields(event) if f.name not in Event.__dataclass_fields__]
    return {name: getattr(event, name) for name in names}


def _picture(one: _Arrival) -> str:
    columns: dict[str, Iterable[object]] = {
        _("field"): _values(one.sent),
        _("as it was sent"): map(repr, _values(one.sent).values()),
    }
    if one.arrived is None:
        return table(columns).html
    columns[_("as it arrived")] = map(repr, _values(one.arrived).values())
    return f"{table(columns).html}{timeline(one.trace)}"


carry_state = exercise(__name__, "carry_state", _judge)
