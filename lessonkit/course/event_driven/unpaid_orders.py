"""Exercise ``owed``: a read model for a question of one's own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from sqlite3 import Connection, IntegrityError, OperationalError
from typing import Any

from lessonkit.database.interface import NotYourTransaction
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.tables import columns_html
from lessonkit.faults import stream
from lessonkit.messages import N_, _
from lessonkit.patterns.events import Event, EventTypes
from lessonkit.patterns.eventstore.projections import Projection, ProjectionFailed
from lessonkit.patterns.eventstore.store import EventStore

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
    envelope = {"id": f"E-{number}", "time": 3600.0 * number}
    return types.from_json(json.dumps({"type": fact.event, "version": 1, **envelope, "data": data}))


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
    elif isinstance(error, NotYourTransaction):
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
    left = columns_html(history)
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
    return columns_html(columns)


def _yen(owed: Owed, order: str) -> str:
    if order not in owed:
        return _("no row")
    yen = owed[order]
    return f"{yen:,}" if isinstance(yen, int) else repr(yen)


owed = Exercise(
    name="owed",
    notebook="02-event-driven",
    point=2,
    title=N_("Who has not paid, and how much is missing?"),
    shown=N_("The question was new, and the events were old: that is what a history is good for."),
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
