"""Exercise ``points_by_saga``: no order without its points, and no points without an order."""

from __future__ import annotations

from typing import Any

from lessonkit.course.choreography_orchestration.points_shop import PointsShop, points_view
from lessonkit.exercises.trial import OrderTrial
from lessonkit.exercises.written import order_exercise
from lessonkit.explorer import Case


async def _resume(shop: Any) -> None:
    if hasattr(shop, "saga") and shop.saga.log is not None:
        await shop.saga.resume()


def _points_come_first(case: Case) -> bool:
    calls = [what for _who, what in case.shop.network.calls]
    return calls.index("points.give") < calls.index("database.save")


points_by_saga = order_exercise(
    __name__,
    "points_by_saga",
    OrderTrial(
        program=lambda _flow, direct: direct,
        every_fault=True,
        luck={"crashes": "orders"},
        shop=PointsShop,
        restart=_resume,
        forgiven=["no mail lost"],  # the mail is an optional step, and may be missing for good
        view=points_view,
    ),
    points_are_optional=lambda case: any(
        step.optional for step in case.shop.front.saga.steps if step.name != "mail"
    ),
    is_undone=lambda case: any(not one.stands and not one.money for one in case.ledgers),
    points_come_first=_points_come_first,
    has_no_log=lambda case: case.shop.front.saga.log is None,
)
