"""Notebook 01: an order service that survives every fault, and a mail that nobody waits for."""

from __future__ import annotations

from functools import partial

from lessonkit.exercises.conditions import struck
from lessonkit.exercises.orders import TrialShop
from lessonkit.exercises.trial import OrderTrial, calling
from lessonkit.exercises.written import order_exercise
from lessonkit.shop import OrderStatus, Told

# --- survive every single fault ------------------------------------------------------------------


survive = order_exercise(
    __name__,
    "survive",
    OrderTrial(
        program=calling("create_order"),
        every_fault=True,
        # It asks for the mail once, after the answer is certain. More it cannot promise yet.
        forgiven=["no mail lost"],
    ),
)

# --- take the mail off the customer's wait -------------------------------------------------------


mail_behind = order_exercise(
    __name__,
    "mail_behind",
    OrderTrial(
        program=calling("create_order"),
        shop=partial(TrialShop, latency={"notification": 5.0}),
    ),
    cancelled=lambda case: any(
        one.order is not None and one.order.status is OrderStatus.CANCELLED for one in case.ledgers
    ),
    nobody_saw_the_error=lambda case: case.run.error is not None,
    confirmed=lambda case: all(one.told is Told.CONFIRMED for one in case.answers),
    mail_service_failed=struck("notification"),
)
