"""Notebook 01: an order service that survives every fault, and a mail that nobody waits for."""

from __future__ import annotations

from functools import partial

from lessonkit.exercises.conditions import struck
from lessonkit.exercises.orders import TrialShop
from lessonkit.exercises.trial import OrderTrial, calling
from lessonkit.exercises.written import advice, exercise
from lessonkit.shop import OrderStatus, Told

# --- survive every single fault ------------------------------------------------------------------


_SURVIVE = OrderTrial(
    program=calling("create_order"),
    every_fault=True,
    # It asks for the mail once, after the answer is certain. More it cannot promise yet.
    forgiven=["no mail lost"],
    advice=advice(__name__, "survive"),
)

survive = exercise(__name__, "survive", _SURVIVE.judge, with_starter=True)

# --- take the mail off the customer's wait -------------------------------------------------------


_MAIL_BEHIND = OrderTrial(
    program=calling("create_order"),
    shop=partial(TrialShop, latency={"notification": 5.0}),
    advice=advice(
        __name__,
        "mail_behind",
        cancelled=lambda case: any(
            one.order is not None and one.order.status is OrderStatus.CANCELLED
            for one in case.ledgers
        ),
        nobody_saw_the_error=lambda case: case.run.error is not None,
        confirmed=lambda case: all(one.told is Told.CONFIRMED for one in case.answers),
        mail_service_failed=struck("notification"),
    ),
)

mail_behind = exercise(__name__, "mail_behind", _MAIL_BEHIND.judge, with_starter=True)
