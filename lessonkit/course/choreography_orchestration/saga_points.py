"""Exercise ``points_by_saga``: no order without its points, and no points without an order."""

from __future__ import annotations

from typing import Any

from lessonkit.course.choreography_orchestration.points_shop import PointsShop, points_view, shop_of
from lessonkit.exercises.trial import OrderTrial
from lessonkit.exercises.written import advice, exercise
from lessonkit.explorer import Case


async def _resume(shop: Any) -> None:
    if hasattr(shop, "saga") and shop.saga.log is not None:
        await shop.saga.resume()


def _points_are_optional(case: Case) -> bool:
    steps = shop_of(case).front.saga.steps
    return any(step.optional for step in steps if step.name != "mail")


def _undone(case: Case) -> bool:
    return any(not order.stands and not order.money for order in case.ledgers)


def _points_come_first(case: Case) -> bool:
    calls = [what for _who, what in case.shop.network.calls]
    return calls.index("points.give") < calls.index("database.save")


def _has_no_log(case: Case) -> bool:
    return shop_of(case).front.saga.log is None


_TRIAL = OrderTrial(
    program=lambda _flow, direct: direct,
    every_fault=True,
    luck={"crashes": "orders"},
    shop=PointsShop,
    restart=_resume,
    forgiven=["no mail lost"],  # the mail is an optional step, and may be missing for good
    view=points_view,
    advice=advice(
        __name__,
        "points_by_saga",
        points_are_optional=_points_are_optional,
        is_undone=_undone,
        points_come_first=_points_come_first,
        has_no_log=_has_no_log,
    ),
)


points_by_saga = exercise(__name__, "points_by_saga", _TRIAL.judge, with_starter=True)
