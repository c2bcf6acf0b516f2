"""What to say about each rule of the audit that is broken.

Each judge has its own words for what it is about. These are for everything else, and above all for
books that have something else than what was ordered.
"""

from __future__ import annotations

from typing import Final

from lessonkit.exercises.advice import Advice, first_advice
from lessonkit.exercises.conditions import breaks
from lessonkit.exercises.orders import ANOTHERS_MONEY
from lessonkit.explorer import Case
from lessonkit.shop import Told


def what_the_audit_says(case: Case) -> str | None:
    """What to say about the rules that are broken in a case; None if none is."""
    if case.survived:
        return None
    return first_advice(WHAT_THE_AUDIT_SAYS, case) or case.violations[0].sentence


def _nobody_told_the_customer(case: Case) -> bool:
    silent = breaks("the customer learns how it ended", "no mail lost")
    return silent(case) and all(
        {Told.CONFIRMED, Told.FAILED}.isdisjoint(order.told) for order in case.ledgers
    )


WHAT_THE_AUDIT_SAYS: Final = (
    Advice(
        breaks("the customer gets an answer"),
        "The customer still waits for an answer, and none will come: your code waits for something"
        " that never happens now.",
    ),
    Advice(
        breaks("the customer is told the truth"),
        "The order stands, and the customer was told that it failed. Whoever gives up cancels the"
        " order first: save `order.cancelled()`.",
    ),
    Advice(
        breaks("no order that nobody placed"),
        "An order stands that nobody has placed: its id or its customer is another one."
        " `Order.create(command)` takes both of the command.",
    ),
    Advice(
        breaks("the order says what was ordered", "the order has the right total"),
        "The order that was saved is not the one that was placed. Make it of the command, and"
        " change nothing in it: `Order.create(command, ...)`.",
    ),
    Advice(
        breaks("no wrong product"),
        "What was set aside is not what the customer ordered. The command says what it must be:"
        " `command.items`.",
    ),
    Advice(
        breaks("no piece too many"),
        "More pieces are set aside than were ordered. Whoever asks again sends the same key with"
        " each attempt, and the warehouse answers as before: `reserve(..., key)`.",
    ),
    Advice(
        breaks("no piece too few"),
        "Fewer pieces are set aside than were ordered. The command says how many: `command.items`.",
    ),
    Advice(
        breaks("no wrong amount"),
        "More was taken than the customer has agreed to. What the order costs is in"
        " `command.total`, and it is to be taken once: whoever asks again sends the same key.",
    ),
    Advice(
        breaks("paid as the customer wanted"),
        "The money was not taken in the way that the customer had chosen. It is in"
        " `command.payment_method`.",
    ),
    Advice(
        breaks("no order lost"),
        'The customer was told "confirmed", and no order is there.',
    ),
    Advice(
        breaks("no money without an order"),
        "No order stands, and money was taken for it that nobody gives back.",
    ),
    Advice(
        breaks("no stock without an order"),
        "No order stands, and pieces are set aside for it that nobody puts back.",
    ),
    Advice(
        breaks("no mail without an order"),
        "A mail says that the order is confirmed, and no order is there.",
    ),
    Advice(
        breaks("no order without its money"),
        "The order stands, and not all of its money is there. What it costs is in `command.total`.",
    ),
    Advice(
        breaks("no order without its stock"),
        "The order stands, and nothing is set aside for it.",
    ),
    Advice(
        _nobody_told_the_customer,
        "Nobody has told the customer how the order ended: not in the answer, and not in a mail.",
    ),
    Advice(
        breaks("no mail lost"),
        "The order stands, and no mail about it has gone out. Nothing will send it any more.",
    ),
    Advice(
        breaks(ANOTHERS_MONEY),
        "The order that was saved names a charge that was made for another one. Which one was made"
        " for it, the reply says: `payment.transaction_id`.",
    ),
)
