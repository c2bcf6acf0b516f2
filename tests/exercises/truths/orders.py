"""What the auditor and the days say, of any program that creates orders."""

from __future__ import annotations

from lessonkit.clock import DeadlockError
from lessonkit.explorer import Case, Kind
from lessonkit.faults import Slow
from lessonkit.shop import Told
from lessonkit.shop.orders import pieces_of
from tests.exercises.truths.seen import (
    Truth,
    asked,
    ended_as,
    every,
    got_a_reply,
    no_bad_luck,
    not_there,
    some,
    was_told,
)


def _waits_for_what_never_happens(case: Case) -> bool:
    killed = any(one.kind is Kind.KILLED for one in case.decisions)
    return not killed and isinstance(case.run.error, DeadlockError)


def _nobody_placed_it(case: Case) -> bool:
    placed = {(one.order_id, one.customer_id) for one in case.shop.customer.placed}
    kept = {(one.order_id, one.customer_id) for one in case.shop.database.orders.values()}
    return not kept <= placed


def _is_another_order(case: Case) -> bool:
    placed = {one.order_id: one for one in case.shop.customer.placed}
    return any(
        kept.order_id in placed
        and (pieces_of(kept.items), kept.total)
        != (pieces_of(placed[kept.order_id].items), placed[kept.order_id].total)
        for kept in case.shop.database.orders.values()
    )


def _not_all_confirmed(case: Case) -> bool:
    return any(answer.told is not Told.CONFIRMED for answer in case.answers)


def _said_no(what: str) -> Truth:
    """Whether it was asked, answered, took nothing, and the customer heard of no failure."""

    def so(case: Case) -> bool:
        answered = any(got_a_reply(case, one) for one in asked(case, what))
        books = {
            "inventory.reserve": case.shop.inventory.reservations,
            "payment.charge": case.shop.payment.captures,
        }
        return answered and not books[what] and case.answers[0].told is not Told.FAILED

    return so


TRUE: dict[str, Truth] = {
    "The customer still waits for an answer, and none will come": every(
        some(lambda order: len(order.told) == 0), _waits_for_what_never_happens
    ),
    "The order stands, and the customer was told that it failed. Whoever gives up": some(
        lambda order: order.stands and (ended_as(order, Told.FAILED) or order.regrets > 0)
    ),
    "An order stands": _nobody_placed_it,
    "The order that was saved is not the one that was placed": _is_another_order,
    "What was set aside is not what the customer ordered": some(
        lambda order: order.stands and not order.pieces.keys() <= order.wanted.keys()
    ),
    "More pieces are set aside than were ordered": some(
        lambda order: order.stands and any(n > order.wanted[p] for p, n in order.pieces.items())
    ),
    "Fewer pieces are set aside than were ordered": some(
        lambda order: 0 < order.held < sum(order.wanted.values())
    ),
    "More was taken than the customer has agreed to": some(
        lambda order: order.money > order.total > 0
    ),
    "The money was not taken in the way that the customer had chosen": some(
        lambda order: (
            order.ordered is not None
            and {*order.methods} > set()
            and {*order.methods} != {order.ordered.payment_method}
        )
    ),
    'The customer was told "confirmed", and no order is there.': some(
        lambda order: was_told(order, Told.CONFIRMED) and not_there(order)
    ),
    "No order stands, and money was taken": some(
        lambda order: not_there(order) and order.money > 0
    ),
    "No order stands, and pieces are set aside": some(
        lambda order: not_there(order) and order.held > 0
    ),
    "A mail says that the order is confirmed": some(
        lambda order: not_there(order) and order.confirmations > 0
    ),
    "The order stands, and not all of its money": some(
        lambda order: order.stands and order.money < order.total
    ),
    "The order stands, and nothing is set aside": some(
        lambda order: order.stands and order.held == 0
    ),
    "The order stands, and no mail about it has gone out": some(
        lambda order: order.stands and order.confirmations == 0
    ),
    "The order that was saved names a charge that was made for another": lambda case: any(
        order.transaction_id in case.shop.payment.captures
        and case.shop.payment.captures[order.transaction_id].order_id != order.order_id
        for order in case.shop.database.orders.values()
    ),
    "Nobody has told the customer how the order ended": some(
        lambda order: (
            not {Told.CONFIRMED, Told.FAILED} & {*order.told}
            and order.confirmations == order.regrets == 0
        )
    ),
    # --- the days ---
    "On a normal day the order must go through": every(no_bad_luck, _not_all_confirmed),
    "The services are slow, but none of them fails": every(
        lambda case: case.faults != () and all(isinstance(one, Slow) for one in case.faults),
        _not_all_confirmed,
    ),
    "The warehouse answers that there is not enough": _said_no("inventory.reserve"),
    "The payment service declines the card": _said_no("payment.charge"),
    "The second order is like the first": every(
        no_bad_luck, _not_all_confirmed, lambda case: len(case.shop.customer.placed) == 4
    ),
    "While one order waits for a reply, the other goes on": every(
        no_bad_luck, lambda case: len(case.shop.customer.placed) == 2
    ),
}
