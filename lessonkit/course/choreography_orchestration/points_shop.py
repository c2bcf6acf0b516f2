"""A shop that gives points, and the picture of a trial in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from lessonkit.course.choreography_orchestration.views import what_directed
from lessonkit.exercises.orders import TrialShop
from lessonkit.explorer import Case
from lessonkit.lab import tiles
from lessonkit.lab.views import case_view
from lessonkit.messages import N_, _
from lessonkit.shop import CreateOrder, OrderBooks, Violation, books
from lessonkit.shop.network import Network
from lessonkit.trace import current_trace

TOO_FEW, TOO_MANY = "no order without its points", "no points without an order"


def points_of(order: CreateOrder) -> int:
    """A point for every hundred yen."""
    return order.total // 100


class PointsService:
    """Gives points by the id of the order: what comes twice is done once.

    Points that were taken back stay taken back, even if the request to give them comes late.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self.given: dict[str, int] = {}

    async def give(self, order: CreateOrder) -> None:
        """Give the points for this order."""
        await self._network.call("points", "give", self._give, order)

    async def take_back(self, order: CreateOrder) -> None:
        """Take the points of this order back. If none were given, none will be."""
        await self._network.call("points", "take_back", self._take_back, order)

    def _give(self, order: CreateOrder) -> None:
        self.given.setdefault(order.order_id, points_of(order))
        self._show()

    def _take_back(self, order: CreateOrder) -> None:
        self.given[order.order_id] = 0
        self._show()

    def _show(self) -> None:
        current_trace().state("points", N_("points"), sum(self.given.values()))


class PointsShop(TrialShop):
    """A shop with a points service, and with rules about it."""

    def __init__(self, **given: Any) -> None:
        super().__init__(more={"points": 0.05}, **given)

    def services(self) -> dict[str, object]:
        """The services that a program may call."""
        self.points = PointsService(self.network)
        return {**super().services(), "points": self.points}

    def due(self, order: OrderBooks) -> int:
        """How many points the order should have brought by now."""
        return points_of(order.ordered) if order.stands and order.ordered else 0

    def own_rules(self) -> Iterator[Violation]:
        """No order without its points, and no points without an order."""
        yield from super().own_rules()
        for order in books(self):
            points, due = self.points.given.get(order.order_id, 0), self.due(order)
            if points < due:
                words = _("{order}: it should bring {due} points, and brings {points}.")
            elif points > due and not order.owed:
                words = _("{order}: {points} points were given, and {due} are due.")
            else:
                continue
            said = words.format(order=order.order_id, points=points, due=due)
            rule = TOO_FEW if points < due else TOO_MANY
            yield Violation(rule, "order", order.order_id, said)


def points_view(case: Case) -> str:
    """The points, the case, and what directed it: the flow of its events, or the saga's log."""
    shop = cast(PointsShop, case.shop)
    due = sum(map(shop.due, books(shop)))
    points = sum(shop.points.given.values())
    kind = "good" if points == due else "bad"
    shown = tiles((_("points at the end"), str(points), kind))
    directed = what_directed(shop.front, case.ledgers[0].order_id)
    return f"{shown}{case_view(case)}{directed}"
