"""Notebook 01: an order service that survives every fault, and a mail that nobody waits for."""

from __future__ import annotations

from functools import partial

from lessonkit.exercises.advice import Advice
from lessonkit.exercises.conditions import (
    REPLY_LOST,
    both,
    breaks,
    called,
    charged_more_than_once,
    struck,
    waits_longer_than,
)
from lessonkit.exercises.orders import LONGEST_WAIT, TrialShop
from lessonkit.exercises.trial import OrderTrial, calling
from lessonkit.exercises.written import exercise
from lessonkit.explorer import Case
from lessonkit.shop import OrderStatus, Told

# --- survive every single fault ------------------------------------------------------------------


_SURVIVE = OrderTrial(
    program=calling("create_order"),
    every_fault=True,
    # It asks for the mail once, after the answer is certain. More it cannot promise yet.
    forgiven=["no mail lost"],
    advice=(
        Advice(
            both(breaks("no wrong amount", "no money without an order"), charged_more_than_once),
            "The charge was made more than once. Whoever asks again sends the same idempotency key"
            " with each attempt, and the service answers as before: `charge(..., key)`.",
        ),
        Advice(
            breaks("no order lost"),
            'The customer was told "confirmed", and no order is there. Whoever catches an error'
            " also has to answer it.",
        ),
        Advice(
            both(struck("notification"), breaks("the customer is told the truth")),
            "The order stands, and a mail that failed has turned it into a failure. Let the small"
            " thing fail alone.",
        ),
        Advice(
            both(struck("database", *REPLY_LOST), breaks("the customer is told the truth")),
            "The order was saved, only the reply was lost, and the customer was told that it"
            " failed. Whoever gives up undoes the order as well: save `order.cancelled()`.",
        ),
        Advice(
            both(breaks("no money without an order"), called("payment.refund_by_key")),
            "`refund_by_key` was asked for, and the money is still there: it was not taken under"
            " that key. The doing and the undoing must name the same key.",
        ),
        Advice(
            breaks("no money without an order"),
            "The money was taken, and nobody gives it back. Your key will do for that, also where"
            " no reply came that brings an id: `refund_by_key(key)`.",
        ),
        Advice(
            both(breaks("no stock without an order"), called("inventory.cancel_by_key")),
            "`cancel_by_key` was asked for, and the stock is still set aside: not under that key."
            " The doing and the undoing must name the same key.",
        ),
        Advice(
            breaks("no stock without an order"),
            "The stock is set aside, and nobody puts it back. Your key will do for that, also"
            " where no reply came that brings an id: `cancel_by_key(key)`.",
        ),
    ),
)

survive = exercise(__name__, "survive", _SURVIVE.judge, with_starter=True)

# --- take the mail off the customer's wait -------------------------------------------------------


def _confirmed(case: Case) -> bool:
    return all(answer.told is Told.CONFIRMED for answer in case.answers)


def _cancelled(case: Case) -> bool:
    orders = [ledger.order for ledger in case.ledgers]
    return any(order is not None and order.status is OrderStatus.CANCELLED for order in orders)


def _mail_service_is_well(case: Case) -> bool:
    return not struck("notification")(case)


_MAIL_BEHIND = OrderTrial(
    program=calling("create_order"),
    shop=partial(TrialShop, latency={"notification": 5.0}),
    advice=(
        Advice(
            waits_longer_than(LONGEST_WAIT),
            "The customer still waits for {run.longest_wait_ms} ms. Something that is awaited"
            " is waited for; `asyncio.create_task(...)` starts it and goes on.",
        ),
        Advice(
            both(struck("notification"), _cancelled),
            "The mail has failed, and so the order was cancelled. Let the small thing fail alone.",
        ),
        Advice(
            breaks("no mail without an order"),
            "A confirmation was mailed for an order that does not exist. The mail may only be"
            " started when the order has been saved.",
        ),
        Advice(
            both(struck("notification"), lambda case: case.run.error is not None),
            "The mail has failed in the background, and nobody took notice of the error. A task"
            " needs a `try` of its own.",
        ),
        Advice(
            both(_confirmed, _mail_service_is_well, breaks("no mail lost")),
            "The order is confirmed, the mail service is well, and still no mail goes out.",
        ),
    ),
)

mail_behind = exercise(__name__, "mail_behind", _MAIL_BEHIND.judge, with_starter=True)
