"""Notebook 00: a first exercise that shows how exercises work, and a first repair."""

from __future__ import annotations

from typing import Any

from lessonkit.exercises.conditions import waits_longer_than
from lessonkit.exercises.orders import LONGEST_WAIT, TrialShop
from lessonkit.exercises.trial import OrderTrial
from lessonkit.exercises.written import advice, exercise
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


def _stands_without_its_stock(case: Case) -> bool:
    return case.ledgers[0].stands and not case.ledgers[0].held


# --- a shorter wait ------------------------------------------------------------------------------


_SHORTER_WAIT = OrderTrial(
    shop=NightMailShop,
    advice=advice(
        __name__,
        "shorter_wait",
        nothing_saved=_nothing_saved,
        nothing_paid=_nothing_paid,
        waits_too_long=waits_longer_than(LONGEST_WAIT),
    ),
)

shorter_wait = exercise(__name__, "shorter_wait", _SHORTER_WAIT.judge, with_starter=True)

# --- put the stock back --------------------------------------------------------------------------


_STOCK_BACK = OrderTrial(
    shop=NightMailShop,
    advice=advice(__name__, "stock_back", stands_without_its_stock=_stands_without_its_stock),
)

stock_back = exercise(__name__, "stock_back", _STOCK_BACK.judge, with_starter=True)
