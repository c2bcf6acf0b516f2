"""Notebook 01: an order service that survives every fault, and a mail that nobody waits for."""

from __future__ import annotations

from functools import partial

from lessonkit.exercises.conditions import struck, waits_longer_than
from lessonkit.exercises.orders import LONGEST_WAIT, TrialShop
from lessonkit.exercises.trial import OrderTrial, calling
from lessonkit.exercises.written import advice, exercise
from lessonkit.explorer import Case
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


def _confirmed(case: Case) -> bool:
    return all(answer.told is Told.CONFIRMED for answer in case.answers)


def _cancelled(case: Case) -> bool:
    orders = [ledger.order for ledger in case.ledgers]
    return any(order is not None and order.status is OrderStatus.CANCELLED for order in orders)


def _nobody_saw_the_error(case: Case) -> bool:
    return case.run.error is not None


def _mail_service_is_well(case: Case) -> bool:
    return not struck("notification")(case)


_MAIL_BEHIND = OrderTrial(
    program=calling("create_order"),
    shop=partial(TrialShop, latency={"notification": 5.0}),
    advice=advice(
        __name__,
        "mail_behind",
        waits_too_long=waits_longer_than(LONGEST_WAIT),
        cancelled=_cancelled,
        nobody_saw_the_error=_nobody_saw_the_error,
        confirmed=_confirmed,
        mail_service_is_well=_mail_service_is_well,
    ),
)

mail_behind = exercise(__name__, "mail_behind", _MAIL_BEHIND.judge, with_starter=True)
