"""Exercise ``points_by_saga``: no order without its points, and no points without an order."""

from __future__ import annotations

from typing import Any

from lessonkit.course.choreography_orchestration.points_shop import (
    TOO_FEW,
    TOO_MANY,
    PointsShop,
    points_view,
    shop_of,
)
from lessonkit.exercises.advice import Advice
from lessonkit.exercises.conditions import both, breaks, on_a_good_day, struck
from lessonkit.exercises.trial import OrderTrial
from lessonkit.exercises.written import exercise
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
    advice=(
        Advice(
            both(on_a_good_day, breaks(TOO_FEW)),
            "On a normal day the order must bring its points, and the books have fewer. See the"
            " log below: which step gives them?",
        ),
        Advice(
            both(lambda case: not case.survived, _has_no_log),
            "The saga has no log: what it could not finish, nobody knows of any more. Its choices"
            " need no change; the steps do.",
        ),
        Advice(
            both(struck("database"), breaks("no order lost")),
            "The customer was told that the order is confirmed, and it could not be saved. After"
            " the pivot nothing is undone any more, and the saving comes after it. What is the"
            " point of no return here: the points, or the saved order?",
        ),
        Advice(
            both(breaks(TOO_MANY), _undone),
            "The order was undone, and its points were not. Look at the log below: which steps are"
            " undone there, and which is not? Its compensation is the opposite of its action.",
        ),
        Advice(
            both(breaks(TOO_FEW), _points_are_optional),
            "The points failed, and the saga went on without them: an `optional` step may be"
            " missing. A mail may be missing; these points are promised.",
        ),
        Advice(
            both(breaks(TOO_FEW), struck("points"), _points_come_first),
            "The points failed, and the saga saved the order all the same: it has not learned of"
            " it. A step says that it failed by the error that it raises.",
        ),
        Advice(
            both(breaks(TOO_FEW), struck("points")),
            "The order was saved, and then the points failed. It was too late to go back: the"
            " saved order is the pivot. What must not be missing is done before it.",
        ),
    ),
)


points_by_saga = exercise(__name__, "points_by_saga", _TRIAL.judge, with_starter=True)
