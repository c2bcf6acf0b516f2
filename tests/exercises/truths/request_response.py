"""What the exercises of notebook 01 say."""

from __future__ import annotations

from lessonkit.clock import BackgroundTaskError
from lessonkit.shop import Told
from tests.exercises.truths.seen import (
    Truth,
    cancel_by_key_found_nothing,
    cancelled,
    ended_as,
    every,
    failed,
    longest_wait,
    not_there,
    only_failed,
    refund_by_key_found_nothing,
    reply_lost,
    some,
    taken_twice,
    was_told,
)

MONEY_LEFT = some(lambda order: not_there(order) and order.money > 0)
STOCK_LEFT = some(lambda order: not_there(order) and order.held > 0)
STANDS_AND_FAILED = some(lambda order: order.stands and ended_as(order, Told.FAILED))

TRUE: dict[str, Truth] = {
    "The charge was made more than once": taken_twice,
    'The customer was told "confirmed", and no order is there. Whoever': some(
        lambda order: was_told(order, Told.CONFIRMED) and not_there(order)
    ),
    "The order stands, and a mail that failed": every(
        only_failed("notification"), STANDS_AND_FAILED
    ),
    "The order was saved, only the reply was lost": every(
        reply_lost("database.save"), only_failed("database"), STANDS_AND_FAILED
    ),
    "`refund_by_key` was asked for": every(MONEY_LEFT, refund_by_key_found_nothing),
    "The money was taken, and nobody gives it back": MONEY_LEFT,
    "`cancel_by_key` was asked for": every(STOCK_LEFT, cancel_by_key_found_nothing),
    "The stock is set aside, and nobody puts it back": STOCK_LEFT,
    # --- mail_behind ---
    "The customer still waits for {run": lambda case: longest_wait(case) > 0.301,
    "The mail has failed, and so the order was cancelled": every(
        only_failed("notification"), some(cancelled)
    ),
    "A confirmation was mailed for an order that does not exist": some(
        lambda order: not_there(order) and order.confirmations > 0
    ),
    "The mail has failed in the background": every(
        only_failed("notification"),
        lambda case: isinstance(case.run.error, BackgroundTaskError),
    ),
    "The order is confirmed, the mail service is well": every(
        lambda case: not failed(case, "notification"),
        some(
            lambda order: (
                order.stands and ended_as(order, Told.CONFIRMED) and order.confirmations == 0
            )
        ),
    ),
}
