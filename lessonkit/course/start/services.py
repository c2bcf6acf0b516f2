"""Notebook 00: a first exercise that shows how exercises work, and a first repair."""

from __future__ import annotations

from typing import Any

from lessonkit.exercises.advice import Advice
from lessonkit.exercises.conditions import (
    REFUSED,
    both,
    breaks,
    called,
    on_a_good_day,
    struck,
    waits_longer_than,
)
from lessonkit.exercises.orders import LONGEST_WAIT, TrialShop
from lessonkit.exercises.trial import OrderTrial
from lessonkit.exercises.written import exercise
from lessonkit.explorer import Case
from lessonkit.shop import OrderStatus


class NightMailShop(TrialShop):
    """Somebody else sends this shop's mails, all at once at night: so none of them is lost."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.keepers.append(self)

    def owes(self, order_id: str) -> bool:
        """Whether this order stands, and so gets its mail tonight."""
        order = self.database.orders.get(order_id)
        return order is not None and order.status is OrderStatus.CONFIRMED


def _nothing_saved(case: Case) -> bool:
    return not case.shop.database.orders


def _nothing_paid(case: Case) -> bool:
    return any(order.stands and not order.money for order in case.ledgers)


# --- a shorter wait ------------------------------------------------------------------------------


_SHORTER_WAIT = OrderTrial(
    shop=NightMailShop,
    advice=(
        Advice(
            both(breaks("no order lost"), _nothing_saved),
            "There is no order in the database any more. Which line saved it?",
        ),
        Advice(
            both(breaks("no order without its money"), _nothing_paid),
            "The customer has an order and has not paid for it. The charge has to stay.",
        ),
        Advice(
            breaks("no order without its stock"),
            "No stock is set aside for the order. The reservation has to stay.",
        ),
        Advice(
            waits_longer_than(LONGEST_WAIT),
            "The customer still waits for {run.longest_wait_ms} ms. Look at the picture: which"
            " call is the longest, and which line makes it?",
        ),
    ),
)

shorter_wait = exercise(__name__, "shorter_wait", _SHORTER_WAIT.judge, with_starter=True)

# --- put the stock back --------------------------------------------------------------------------


_STOCK_BACK = OrderTrial(
    shop=NightMailShop,
    advice=(
        Advice(
            both(
                on_a_good_day,
                called("inventory.cancel_reservation"),
                lambda case: case.ledgers[0].stands and not case.ledgers[0].held,
            ),
            "Nothing has failed, and the stock of the order is not set aside any more. Put the"
            " items back only when something has failed.",
        ),
        Advice(
            both(struck(""), breaks("no order lost")),
            "The order has failed, and the customer was told that it is confirmed. Whoever catches"
            " an error must raise it again, or nobody learns of it: a bare `raise` does that.",
        ),
        Advice(
            both(struck("payment.charge", *REFUSED), breaks("no stock without an order")),
            "The stock is still set aside. Which line puts it back, and is that line reached when"
            " `charge` raises its error?",
        ),
    ),
)

stock_back = exercise(__name__, "stock_back", _STOCK_BACK.judge, with_starter=True)
