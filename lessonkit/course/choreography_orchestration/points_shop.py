"""A shop that gives points, and the picture of a trial in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from lessonkit.course.choreography_orchestration.order import ORDER
from lessonkit.exercises.old_trial import Explain, first_counterexample
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.seal import SealedShop
from lessonkit.explorer import Case
from lessonkit.lab import flow_view, table, tiles
from lessonkit.lab.views import case_view
from lessonkit.messages import N_, _
from lessonkit.patterns.bus import InMemoryEventBus
from lessonkit.patterns.saga import Saga, SagaLog
from lessonkit.shop import CreateOrder
from lessonkit.shop.network import Network
from lessonkit.trace import current_trace

POINTS = ORDER.total // 100
"""What the order of all trials is worth."""


class PointsService:
    """A point for every hundred yen, by the id of the order: what comes twice is done once.

    Points that were taken back stay taken back, even if the request to give them comes late.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._given: dict[str, int] = {}

    @property
    def total(self) -> int:
        """How many points the customers have."""
        return sum(self._given.values())

    async def give(self, order: CreateOrder) -> None:
        """Give the points for this order."""
        await self._network.call("points", "give", self._give, order)

    async def take_back(self, order: CreateOrder) -> None:
        """Take the points of this order back. If none were given, none will be."""
        await self._network.call("points", "take_back", self._take_back, order)

    def _give(self, order: CreateOrder) -> None:
        self._given.setdefault(order.order_id, order.total // 100)
        self._show()

    def _take_back(self, order: CreateOrder) -> None:
        self._given[order.order_id] = 0
        self._show()

    def _show(self) -> None:
        current_trace().state("points", N_("points"), self.total)


class PointsShop(SealedShop):
    """A sealed shop with a points service.

    Attributes
    ----------
    bus, saga
        What directs it, put here by the notebook's ``choreography`` or ``order_saga``.
    """

    bus: InMemoryEventBus | None = None
    saga: Saga | None = None

    def __init__(self, **given: Any) -> None:
        super().__init__(more={"points": 0.05}, **given)
        self._points = PointsService(self.network)
        self.seal("points", self._points, lambda: self._points.total)

    @property
    def points(self) -> PointsService:
        """Gives points and takes them back."""
        return self._points


def shop_of(case: Case) -> PointsShop:
    """The shop of a case, which was run in a :class:`PointsShop`."""
    return cast(PointsShop, case.shop)


def first_with_points(
    cases: list[Case], explain: Explain, sentence: str = ""
) -> Counterexample | None:
    """As :func:`first_counterexample`, and the picture shows the points and the flow, too."""
    found = first_counterexample(cases, explain, _view)
    return replace(found, sentence=sentence) if found is not None and sentence else found


def _view(case: Case) -> str:
    shop = shop_of(case)
    due = POINTS if case.ledgers[0].stands else 0
    figures, flow = [(_("points at the end"), shop.points.total, due)], ""
    if shop.bus is not None:
        figures = [(_("points at the end"), shop.points.total, 0)]
        if isinstance(case.run.result, int):
            figures.insert(0, (_("points before the return"), case.run.result, due))
        flow = flow_view(shop.bus, ORDER.order_id)
    elif shop.saga is not None and isinstance(shop.saga.log, SagaLog):
        flow = table(shop.saga.log.to_frame(ORDER.order_id)).html
    shown = tiles((label, str(n), "good" if n == wanted else "bad") for label, n, wanted in figures)
    return f"{shown}{case_view(case)}{flow}"
