"""What the exercises of notebook 00 say."""

from __future__ import annotations

from lessonkit.explorer import Case
from lessonkit.shop import Told
from tests.exercises.truths.seen import (
    Truth,
    every,
    failed,
    longest_wait,
    no_bad_luck,
    not_there,
    some,
    something_failed,
    was_told,
)


def _not_in_the_database(case: Case) -> bool:
    ids = [order.order_id for order in case.shop.customer.placed]
    return any(order_id not in case.shop.database.orders for order_id in ids)


def _put_back(case: Case) -> bool:
    return not all(one.held for one in case.shop.inventory.reservations.values())


TRUE: dict[str, Truth] = {
    "There is no order in the database any more": _not_in_the_database,
    "The customer has an order and has not paid": some(
        lambda order: order.stands and order.money == 0
    ),
    "No stock is set aside for the order": some(lambda order: order.stands and order.held == 0),
    "The customer still waits for {run": lambda case: longest_wait(case) > 0.301,
    "Nothing has failed, and the stock of the order": every(
        no_bad_luck, _put_back, lambda case: case.ledgers[0].stands and case.ledgers[0].held == 0
    ),
    "The order has failed, and the customer was told": every(
        something_failed,
        some(lambda order: was_told(order, Told.CONFIRMED) and not_there(order)),
    ),
    "The stock is still set aside. Which line puts it back": every(
        lambda case: bool(failed(case, "payment.charge")),
        some(lambda order: not_there(order) and order.held > 0),
    ),
}
