"""Notebook 00: a first exercise that shows how exercises work, and a first repair."""

from __future__ import annotations

from typing import Any

from lessonkit.exercises.orders import TrialShop
from lessonkit.exercises.trial import OrderTrial
from lessonkit.exercises.written import order_exercise
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


# --- a shorter wait ------------------------------------------------------------------------------


shorter_wait = order_exercise(
    __name__,
    "shorter_wait",
    OrderTrial(shop=NightMailShop),
    nothing_saved=lambda case: not case.shop.database.orders,
    nothing_paid=lambda case: any(one.stands and not one.money for one in case.ledgers),
)

# --- put the stock back --------------------------------------------------------------------------


stock_back = order_exercise(
    __name__,
    "stock_back",
    OrderTrial(shop=NightMailShop),
    stands_without_its_stock=lambda case: case.ledgers[0].stands and not case.ledgers[0].held,
)
