"""Notebook 02: an event that carries its state, a read model for money owed, and which is which."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, fields
from functools import partial
from html import escape
from sqlite3 import Connection, DatabaseError, IntegrityError, OperationalError
from typing import TYPE_CHECKING, Any

from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.quiz import Option, Question, Quiz
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.seal import SealedShop
from lessonkit.exercises.trial import first_counterexample, run_briefly
from lessonkit.explorer import Case
from lessonkit.faults import Outage, stream
from lessonkit.lab.timeline import timeline
from lessonkit.lab.views import table
from lessonkit.messages import N_, _
from lessonkit.patterns.bus import InMemoryEventBus
from lessonkit.patterns.database import was_forbidden
from lessonkit.patterns.events import BadEvent, Event, EventTypes
from lessonkit.patterns.eventstore import EventStore, Projection, ProjectionFailed
from lessonkit.runner import Run
from lessonkit.shop import CreateOrder, Item, Order, Shop
from lessonkit.shop.process import here

if TYPE_CHECKING:
    import pandas as pd

NOTEBOOK = "02-event-driven"

# --- an event that carries its state -------------------------------------------------------------

Placed = Callable[[Order], Event]
TakeStock = Callable[[Shop, Event], Awaitable[object]]

AWAY = 0.1
"""From this moment on, in seconds, the order service and its database are away."""

NEW_ID = "E-77"
"""Under this id the event arrives: a dict beside the event, kept by id, will not find it."""


@dataclass(frozen=True)
class _Story:
    """An order, and what becomes of it before the warehouse hears of it.

    ``later`` is what the order has been changed to by then; ``told`` says whether the change had an
    event of its own. The first event arrives ``times`` times.
    """

    items: tuple[Item, ...]
    later: tuple[Item, ...] | None = None
    told: bool = False
    times: int = 1


_TWO_PRODUCTS = (Item("P-1", 2, 2500), Item("P-2", 3, 800))
_STORIES = (
    _Story(_TWO_PRODUCTS),
    _Story(_TWO_PRODUCTS, later=(Item("P-1", 1, 2500),)),
    _Story((Item("P-1", 4, 2500), Item("P-2", 1, 800)), later=(Item("P-2", 5, 800),), told=True),
    _Story((Item("P-1", 1, 2500), Item("P-1", 3, 2000))),
    _Story(_TWO_PRODUCTS, times=2),
)


@dataclass(frozen=True)
class _Day:
    """What has happened in a story: the event as it was sent and as it arrived, and the rest."""

    story: _Story
    shop: SealedShop
    run: Run[object]
    sent: Event
    arrived: Event
    asked: list[str]
    errors: list[BaseException]

    @property
    def taken(self) -> Counter[str]:
        """The pieces of each product that are no longer on the shelf."""
        inventory = self.shop.inventory
        return Counter(inventory.initial) - Counter(inventory.stock)


def _judge_carry_state(
    kind: type[Event], placed: Placed, take_stock: TakeStock
) -> Counterexample | None:
    if (found := _cannot_travel(kind, placed)) is not None:
        return found
    for story in _STORIES:
        day = _live_through(story, kind, placed, take_stock)
        # Nobody may have written into another service's books.
        case = Case((), day.shop, day.run, ())
        found = first_counterexample([case], lambda _case: None) or _explain_carry_state(day)
        if found is not None:
            return found
    return None


def _cannot_travel(kind: type[Event], placed: Placed) -> Counterexample | None:
    types = EventTypes(kind)

    async def make() -> Event:
        return placed(Order.create(_command(_TWO_PRODUCTS)))

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
            "Whoever reads an event has nothing but the types that your class declares. It is not"
            " enough to say that a field holds several things: of what kind is each of them?"
        )
        return Counterexample(sentence.format(error=error), advice, _fields_view(sent))
    return None


def _live_through(story: _Story, kind: type[Event], placed: Placed, take_stock: TakeStock) -> _Day:
    away = [Outage("orders", AWAY), Outage("database", AWAY)]
    shop = SealedShop(latency={"orders": 0.02}, stock={"P-1": 50, "P-2": 50}, faults=away)
    bus = InMemoryEventBus(shop.network)
    bus.subscribe(kind, partial(take_stock, shop), service="inventory")
    sent: list[Event] = []
    arrived: list[Event] = []
    calls_before: list[int] = []

    async def save(items: tuple[Item, ...], told: bool) -> Any:
        order = Order.create(_command(items))
        await shop.database.save(order)
        if told:
            sent.append(placed(order))
        return order

    async def day() -> object:
        await shop.place_order(lambda command: save(command.items, True), _command(story.items))
        if story.later is not None:
            await asyncio.sleep(0.03)
            await shop.network.call("orders", "change_order", save, story.later, story.told)
        await asyncio.sleep(AWAY - asyncio.get_running_loop().time())
        calls_before.append(len(shop.network.calls))
        envelope = json.loads(sent[0].to_json()) | {"id": NEW_ID}
        arrived.append(EventTypes(kind).from_json(json.dumps(envelope)))
        here.set(shop.network.processes["orders"])  # it tells of the order and is gone
        for _number in range(story.times):
            await bus.publish(arrived[0])
        return None

    outcome = run_briefly(day(), drain=1.0)
    if outcome.error is not None:
        raise outcome.error
    calls = shop.network.calls[calls_before[0] :]
    asked = [
        operation
        for _caller, operation, _number in calls
        if operation.startswith(("orders.", "database."))
    ]
    errors = [failed.error for failed in bus.failures if failed.error is not None]
    return _Day(story, shop, outcome, sent[0], arrived[0], asked, errors)


def _command(items: tuple[Item, ...]) -> CreateOrder:
    return CreateOrder("O-001", "C-100", items)


def _explain_carry_state(day: _Day) -> Counterexample | None:
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


def _explain_error(day: _Day, error: BaseException) -> Counterexample:
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


def _advice_pieces(story: _Story, said: Counter[str], taken: Counter[str]) -> str:
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
    if any(taken == _pieces(other.items) for other in _STORIES):
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
    return table(_frame(columns)).html


def _day_view(day: _Day) -> str:
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
    return f"{carried}{table(_frame(columns)).html}{timeline(day.run.trace)}"


def _frame(columns: Mapping[str, list[Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns)


carry_state = Exercise(
    name="carry_state",
    notebook=NOTEBOOK,
    point=2,
    title=N_("From the bell to the parcel"),
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

# --- a read model for a question of one's own ----------------------------------------------------

Apply = Callable[[Connection, Any], object]
Owed = dict[str, int]
"""For each order that is not fully paid the yen that are missing."""

CREATED, PAID, SHIPPED = "OrderCreated", "PaymentReceived", "OrderShipped"

_ORDERS = (
    ((CREATED, 5000), (PAID, 5000), (SHIPPED, 0)),
    ((CREATED, 8000), (PAID, 3000), (PAID, 5000), (SHIPPED, 0)),
    ((CREATED, 2500), (SHIPPED, 0), (PAID, 2500)),
    ((CREATED, 12000), (PAID, 4000), (PAID, 3000)),
    ((CREATED, 3000), (SHIPPED, 0)),
    ((CREATED, 6000), (PAID, 4000), (PAID, 2500), (SHIPPED, 0)),
    ((CREATED, 4500),),
)
"""The life of each order: what happened, and about how many yen it was."""

SEED = 106
"""Of a history in which each mistake shows early, and those that are made more often first."""


@dataclass(frozen=True)
class _Fact:
    """One line of the history: ``yen`` is the total, or what was paid."""

    event: str
    order_id: str
    yen: int


def _shuffled(seed: int) -> tuple[_Fact, ...]:
    """The orders' lives, mixed as they happen to fall."""
    turns = [number for number, life in enumerate(_ORDERS) for _step in life]
    stream(seed, "owed").shuffle(turns)
    lives = [iter(life) for life in _ORDERS]
    names: dict[int, str] = {}
    history = []
    for number in turns:
        event, yen = next(lives[number])
        order_id = names.setdefault(number, f"O-{len(names) + 1:03}")
        history.append(_Fact(event, order_id, yen))
    return tuple(history)


def _truth(history: Iterable[_Fact]) -> Owed:
    missing: Counter[str] = Counter()
    for fact in history:
        if fact.event == CREATED:
            missing[fact.order_id] += fact.yen
        elif fact.event == PAID:
            missing[fact.order_id] -= fact.yen
    return dict(+missing)  # the plus leaves out what is not above zero


def _judge_owed(still_to_pay: Apply, types: EventTypes) -> Counterexample | None:
    history = _shuffled(SEED)
    columns = "order_id TEXT PRIMARY KEY, yen INTEGER"
    with (
        EventStore(types) as store,
        closing(Projection("unpaid", store, still_to_pay, columns, path=":memory:")) as view,
    ):
        for number, fact in enumerate(history, start=1):
            store.append(fact.order_id, [_event(types, number, fact)])
        tables: list[Owed] = []
        for number in range(1, len(history) + 1):
            try:
                view.catch_up(most=1)
            except ProjectionFailed as failed:
                return _explain_stop(history[:number], tables[-1] if tables else {}, failed)
            tables.append(_rows(view))
        if (found := _explain_memory(view, tables[-1], history)) is not None:
            return found
    for number, owed in enumerate(tables, start=1):
        if owed != _truth(history[:number]):
            return _explain_owed(history[:number], owed)
    return None


def _event(types: EventTypes, number: int, fact: _Fact) -> Event:
    data: dict[str, Any] = {"order_id": fact.order_id}
    if fact.event == CREATED:
        data |= {"customer_id": "C-100", "items": [], "total": fact.yen, "payment_method": "card"}
    elif fact.event == PAID:
        data |= {"amount": fact.yen}
    else:
        data |= {"tracking_id": f"T-{number}"}
    envelope = {"event_id": f"E-{number}", "occurred_at": 3600.0 * number}
    return types.read(fact.event, 1, data, **envelope)


def _rows(view: Projection) -> Owed:
    return {row["order_id"]: row["yen"] for row in view.rows()}


def _explain_stop(
    prefix: tuple[_Fact, ...], before: Owed, failed: ProjectionFailed
) -> Counterexample:
    error, fact = failed.__cause__, prefix[-1]
    if isinstance(error, IntegrityError):
        advice = _(
            "`INSERT` adds a row, and there is one already with this order's number. A payment"
            " changes the row that is there: that is `UPDATE`."
        )
    elif isinstance(error, OperationalError):
        advice = _(
            "SQLite does not understand the statement. The table is called `unpaid`; its columns"
            " are `order_id` and `yen`."
        )
    elif isinstance(error, DatabaseError) and was_forbidden(error):
        advice = _(
            "No `commit`, please. `Projection` stores the table and how far it has read in one"
            " transaction, and ends it by itself."
        )
    else:
        error = error or failed
        error.add_note(f"(at event {len(prefix)}: {fact.event} of {fact.order_id})")
        raise error
    words = _("Event {number}, {event} of {order}, could not be applied: {error}")
    sentence = words.format(number=len(prefix), event=fact.event, order=fact.order_id, error=error)
    return Counterexample(sentence, advice, _owed_view(prefix, before))


def _explain_memory(
    view: Projection, one_by_one: Owed, history: tuple[_Fact, ...]
) -> Counterexample | None:
    """Whether the table comes out differently when it is thrown away and made anew in one go."""
    try:
        view.rebuild()
        anew = _rows(view)
    except ProjectionFailed:
        anew = {}
    if anew == one_by_one:
        return None
    sentence = _("The table was thrown away and made anew from the same events: it is another one.")
    advice = _(
        "Something is remembered outside of the table, and it is still there when the table is"
        " gone. Keep nothing in Python: what you need to know must stand in the table itself."
    )
    ways = {_("read one by one (yen)"): one_by_one, _("made anew (yen)"): anew}
    picture = _owed_table(ways, _truth(history))
    return Counterexample(sentence, advice, picture)


def _explain_owed(prefix: tuple[_Fact, ...], yours: Owed) -> Counterexample:
    last = prefix[-1]
    words = _("After event {number}, {event} of {order}, the table is wrong for the first time.")
    sentence = words.format(number=len(prefix), event=last.event, order=last.order_id)
    return Counterexample(sentence, _advice_owed(prefix, yours), _owed_view(prefix, yours))


def _advice_owed(prefix: tuple[_Fact, ...], yours: Owed) -> str:
    last, before, expected = prefix[-1], _truth(prefix[:-1]), _truth(prefix)
    order = last.order_id
    if {**yours, order: 0} != {**expected, order: 0}:
        return _(
            "The event is about one order, and the row of another one has changed. Which rows does"
            " your statement concern? `WHERE` says it."
        )
    if last.event == CREATED:
        return _("When an order has been created, its whole total is missing.")
    if last.event == SHIPPED:
        return _(
            "A parcel is not a payment. Whether an order has been shipped does not matter for the"
            " question how much is missing."
        )
    mine = yours.get(order)
    if mine is None:
        return _(
            "The customer has paid, but not all of it. How much is still missing then? The row may"
            " only go when nothing is."
        )
    if mine == before.get(order):
        return _("A payment came, and the row is as it was before.")
    if order not in expected and mine == 0:
        return _(
            "Nothing is missing any more, and the order still stands in the list of those who owe"
            " something. Whoever reads the list would send a reminder of 0 yen."
        )
    if order not in expected and mine < 0:
        return _(
            "This customer has paid more than was asked for. Nothing is missing, so the order does"
            " not belong in the list."
        )
    return _("The row is there, its number is not right. A payment makes it smaller by `amount`.")


def _owed_view(prefix: tuple[_Fact, ...], yours: Owed) -> str:
    """The history up to the event in question, and beside it the table, yours and as expected."""
    history: dict[str, list[Any]] = {
        "": list(range(1, len(prefix) + 1)),
        _("event"): [fact.event for fact in prefix],
        _("order"): [fact.order_id for fact in prefix],
        _("yen"): [f"{fact.yen:,}" if fact.yen else "" for fact in prefix],
    }
    left = table(_frame(history)).html
    right = _owed_table({_("yours (yen)"): yours}, _truth(prefix))
    look = "display: flex; flex-wrap: wrap; gap: 12px 48px; align-items: flex-start"
    return f'<div style="{look}"><div>{left}</div><div>{right}</div></div>'


def _owed_table(tables: Mapping[str, Owed], expected: Owed) -> str:
    shown = {**tables, _("expected (yen)"): expected}
    orders = sorted({str(order) for owed in shown.values() for order in owed})
    columns: dict[str, list[Any]] = {_("order"): orders}
    for name, owed in shown.items():
        columns[name] = [_yen(owed, order) for order in orders]
    columns[""] = [
        "✓" if all(owed.get(order) == expected.get(order) for owed in shown.values()) else "✗"
        for order in orders
    ]
    return table(_frame(columns)).html


def _yen(owed: Owed, order: str) -> str:
    if order not in owed:
        return _("no row")
    yen = owed[order]
    return f"{yen:,}" if isinstance(yen, int) else repr(yen)


owed = Exercise(
    name="owed",
    notebook=NOTEBOOK,
    point=2,
    title=N_("Who has not paid, and how much is missing?"),
    starter="""
def still_to_pay(db, event):
    match event:
        case OrderCreated():
            db.execute("INSERT INTO unpaid VALUES (?, ?)", (event.order_id, event.total))
        case PaymentReceived():
            pass
        case OrderShipped():
            pass
""",
    asks=("still_to_pay", "types"),
    judge=_judge_owed,
    hints=(
        N_(
            "Two of the three events change the answer to the question. Which one has nothing to do"
            " with it?"
        ),
        N_(
            "A payment changes the row of its order: `UPDATE unpaid SET yen = ... WHERE order_id ="
            " ?`. In SQL the new value may be computed from the old one."
        ),
        N_(
            "After the `UPDATE`, the row may have come down to zero or below. Then it must go: a"
            " second statement, `DELETE FROM unpaid WHERE ...`."
        ),
    ),
    answer="""
def still_to_pay(db, event):
    match event:
        case OrderCreated():
            db.execute("INSERT INTO unpaid VALUES (?, ?)", (event.order_id, event.total))
        case PaymentReceived():
            subtract = "UPDATE unpaid SET yen = yen - ? WHERE order_id = ?"
            db.execute(subtract, (event.amount, event.order_id))
            db.execute("DELETE FROM unpaid WHERE yen <= 0")
        case OrderShipped():
            pass  # a parcel is no payment
""",
)

# --- which of the four ---------------------------------------------------------------------------

NOTIFICATION = N_("Event notification")
STATE_TRANSFER = N_("Event-carried state transfer")
SOURCING = N_("Event sourcing")
CQRS = N_("CQRS")

which_pattern = Quiz(
    name="which_pattern",
    notebook=NOTEBOOK,
    point=2,
    title=N_("Which of the four patterns is it?"),
    module=__name__,
    questions=(
        Question(
            N_("A web page shows prices. They belong to another service, which publishes this:"),
            code="""@dataclass(frozen=True)
class PriceChanged(Event):
    product_id: str
    price: int


async def handle(event):
    prices[event.product_id] = event.price""",
            options=(
                Option(
                    NOTIFICATION,
                    N_(
                        "A notification would only say which product it is, and the page would have"
                        " to call back for the price. Here nobody calls: the price has come along."
                    ),
                ),
                Option(
                    STATE_TRANSFER,
                    N_(
                        "The event brings what the listener needs, and the page keeps a copy of its"
                        " own. It can show prices while the other service is away. In return, the"
                        " copy may be a little old."
                    ),
                    right=True,
                ),
                Option(
                    SOURCING,
                    N_(
                        "Nobody keeps the events here: the listener overwrites the old price, and"
                        " yesterday's is gone. In event sourcing the events are kept, and the price"
                        " is computed from them."
                    ),
                ),
                Option(
                    CQRS,
                    N_(
                        "Close, as there is a copy to read from. But CQRS is about shape: a table"
                        " made for a question, beside the one that is written to. Here a value is"
                        " passed on as it is, so that nobody has to ask for it."
                    ),
                ),
            ),
        ),
        Question(
            N_(
                "A bank account has no field for its balance. Whoever wants to know it adds up all"
                " deposits and withdrawals, from the first day on."
            ),
            options=(
                Option(
                    NOTIFICATION,
                    N_(
                        "A notification is sent to others. Here nobody is told anything: it is"
                        " about how the account itself is stored."
                    ),
                ),
                Option(
                    STATE_TRANSFER,
                    N_(
                        "There, a state is sent along so that others need not ask. Here there is no"
                        " state to send: it comes about only when somebody adds up."
                    ),
                ),
                Option(
                    SOURCING,
                    N_(
                        "The deposits and withdrawals are the data; the balance is computed from"
                        " them. So the balance of any day in the past can be had as well."
                    ),
                    right=True,
                ),
                Option(
                    CQRS,
                    N_(
                        "The two often go together: a table of balances, kept up from the events,"
                        " would be CQRS. But here there is no second table to read from."
                    ),
                ),
            ),
        ),
        Question(
            N_("A customer has moved. This is how the shop's card service hears of it:"),
            code="""@dataclass(frozen=True)
class AddressChanged(Event):
    customer_id: str


async def handle(event):
    customer = await call("customers", "get", event.customer_id)
    await print_new_card(customer.name, customer.address)""",
            options=(
                Option(
                    NOTIFICATION,
                    N_(
                        "The event only says for whom something has changed. The listener asks"
                        " back, gets the newest address, and needs the customer service to be"
                        " there at that moment."
                    ),
                    right=True,
                ),
                Option(
                    STATE_TRANSFER,
                    N_(
                        "Then the new address would be in the event, and the line with `call` would"
                        " not be needed."
                    ),
                ),
                Option(
                    SOURCING,
                    N_(
                        "From these events nobody could compute an address: there is none in them."
                        " In event sourcing the events hold everything, as there is nothing else."
                    ),
                ),
                Option(
                    CQRS,
                    N_(
                        "The listener reads where the address is also written. CQRS would give"
                        " reading a table of its own."
                    ),
                ),
            ),
        ),
        Question(
            N_(
                "Reviews are written into one table, as before. The page with the best-rated"
                " products reads another table, which a background program keeps up to date."
            ),
            options=(
                Option(
                    NOTIFICATION,
                    N_(
                        "How the background program hears of a new review is not said here; a"
                        " notification might be the way. What is described is that writing and"
                        " reading are separated."
                    ),
                ),
                Option(
                    STATE_TRANSFER,
                    N_(
                        "There, data are sent along so that others need not ask. Here the same data"
                        " have two shapes: one for writing, and one made for a question."
                    ),
                ),
                Option(
                    SOURCING,
                    N_(
                        "The reviews are in an ordinary table, not in a log of events. CQRS can be"
                        " had without event sourcing."
                    ),
                ),
                Option(
                    CQRS,
                    N_(
                        "Write here, read there. The page is quick, since its table is made just"
                        " for it. And for a moment after each new review it is behind."
                    ),
                    right=True,
                ),
            ),
        ),
    ),
)
