"""What the exercises of notebook 06 say."""

from __future__ import annotations

import sqlite3
from dataclasses import fields
from typing import Any

from lessonkit.database.interface import NotYourTransaction
from lessonkit.patterns.events import BadEvent, Event
from lessonkit.records import Kind
from lessonkit.shop.errors import KeyReused
from tests.exercises.truths.seen import Truth

# --- carry_state ---------------------------------------------------------------------------------


def _own(event: Event) -> list[str]:
    """The event's own fields, as Python shows them."""
    names = {one.name for one in fields(event)} - {one.name for one in fields(Event)}
    return [f"{name}: {getattr(event, name)!r}" for name in sorted(names)]


def _asked(one: Any) -> list[tuple[str, str]]:
    requests = [m for m in one.trace.messages if m.kind is Kind.REQUEST]
    return [(m.receiver, m.what) for m in requests]


def _answered_without_taking(one: Any) -> bool:
    replies = [m for m in one.trace.messages if m.kind is Kind.REPLY and m.what == "reserve"]
    moved = [state for state in one.trace.states if state.service == "inventory"]
    return any(not reply.error for reply in replies) and not moved


CARRY_STATE: dict[str, Truth] = {
    "In one process it works": lambda one: one.apart and (one.error or one.taken != one.ordered),
    "What was sent does not fit": lambda one: (
        one.arrived is None and isinstance(one.error, BadEvent)
    ),
    "An event travels as a text": lambda one: (
        one.arrived is None and not isinstance(one.error, BadEvent)
    ),
    "The listener has called": lambda one: any(who != "inventory" for who, _what in _asked(one)),
    "JSON keeps no classes": lambda one: (
        one.error is not None and one.arrived is not None and _own(one.sent) != _own(one.arrived)
    ),
    "The warehouse has had this key before": lambda one: (
        isinstance(one.error, KeyReused) or _answered_without_taking(one)
    ),
    "Nothing was set aside": lambda one: not one.taken,
    "It came twice, and stock was taken twice": lambda one: (
        one.again and all(one.taken[product] == 2 * n for product, n in one.ordered.items())
    ),
    "The order has several items": lambda one: (
        len(one.ordered) > 1 and any(one.taken[product] == 0 for product in one.ordered)
    ),
    "The products are right, the pieces are not": lambda one: (
        {*+one.taken} == {*one.ordered} and one.taken != one.ordered
    ),
}

# --- owed ----------------------------------------------------------------------------------------


def _missing(one: Any) -> int:
    """Yen that are missing of the event's order by now, by the history."""
    from lessonkit.course.event_driven.unpaid_orders import HISTORY

    mine = [(event, yen) for event, order, yen in HISTORY[: one.number] if order == one.order]
    return sum(yen if event == "OrderCreated" else -yen for event, yen in mine)


def _other_rows(one: Any) -> bool:
    orders = {*one.table, *one.before} - {one.order}
    return any(one.table.get(order) != one.before.get(order) for order in orders)


def _row(one: Any) -> object:
    return one.table.get(one.order, "no row")


OWED: dict[str, Truth] = {
    "The program was started again meanwhile": lambda one: one.anew and one.number > 3,
    "`INSERT` adds a row, and this order has one": lambda one: (
        "UNIQUE" in str(one.error) and one.order in one.before
    ),
    "SQLite cannot do that": lambda one: isinstance(one.error, sqlite3.OperationalError),
    "No `commit`, please": lambda one: isinstance(one.error, NotYourTransaction),
    "The row of another order has changed": _other_rows,
    "When an order has been created": lambda one: (
        one.event == "OrderCreated" and _row(one) != _missing(one)
    ),
    "A parcel is not a payment": lambda one: (
        one.event == "OrderShipped" and one.table != one.before
    ),
    "The customer has not paid all of it yet": lambda one: (
        _missing(one) > 0 and _row(one) == "no row" and one.order in one.before
    ),
    "A payment came, and the row is as it was": lambda one: (
        one.event == "PaymentReceived" and one.table == one.before
    ),
    "Nothing is missing any more": lambda one: _missing(one) <= 0 and _row(one) != "no row",
    "The row is there, its number is not right": lambda one: (
        one.event == "PaymentReceived" and _row(one) not in ("no row", _missing(one))
    ),
}

TRUE = CARRY_STATE | OWED
