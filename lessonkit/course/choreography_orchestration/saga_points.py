"""Exercise ``points_by_saga``: no order without its points, and no points without an order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from lessonkit.course.choreography_orchestration.order import operations
from lessonkit.course.choreography_orchestration.points_shop import (
    POINTS,
    PointsShop,
    first_with_points,
    shop_of,
)
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.old_trial import every_single_fault, forgive_lost_mail
from lessonkit.exercises.result import Counterexample
from lessonkit.explorer import Case
from lessonkit.messages import N_, _
from lessonkit.patterns.saga import Saga
from lessonkit.shop import Shop, Told


def _judge_points_by_saga(
    _flow: object, direct: Callable[[Shop], Awaitable[object]]
) -> Counterexample | None:
    cases = every_single_fault(
        direct, shop=PointsShop, restart=_resume, crashes="orders", for_good=True
    )
    # The mail is an optional step, and may be missing for good.
    return first_with_points([*map(forgive_lost_mail, cases)], _explain_points_by_saga)


async def _resume(shop: Shop) -> None:
    saga = _shop_saga(shop)
    if saga is not None and saga.log is not None:
        await saga.resume()


def _shop_saga(shop: Shop) -> Saga | None:
    return cast(PointsShop, shop).saga


def _explain_points_by_saga(case: Case) -> str | None:
    shop = shop_of(case)
    answer, order = case.answers[0], case.ledgers[0]
    points = shop.points.total
    if not case.faults and not (
        answer.told is Told.CONFIRMED and order.stands and order.mails and points == POINTS
    ):
        words = _(
            "On a normal day the order must go through, and bring {points} points; now it brings"
            " {given}."
        )
        return words.format(points=POINTS, given=points)
    if answer.told is Told.CONFIRMED and not order.stands:
        return _(
            "The customer was told that the order is confirmed, and it could not be saved. After"
            " the pivot nothing is undone any more, and the saving comes after it. What is the"
            " point of no return here: the points, or the saved order?"
        )
    if points and not order.stands and not order.owed:
        if operations(case).count("points.give") > 1:
            return _(
                "The order was undone, and the points were given once more instead of taken"
                " back. The compensation is the opposite of the action."
            )
        return _(
            "The order was undone, and its points were not. Look at the log below: which steps are"
            " undone there, and which is not? That one has no compensation."
        )
    if order.stands and not points:
        if _is_optional(shop):
            return _(
                "The points failed at each attempt, and the saga went on without them: an"
                " `optional` step may be missing. A mail may be missing; these points are promised."
            )
        return _(
            "The order was saved, and then the points failed at each attempt. It was too late to go"
            " back: the saved order is the pivot. What must not be missing is done before it."
        )
    if not case.survived:
        return _(
            "The points are right, but the books are not. The other steps, and the choices of the"
            " saga, need no change."
        )
    return None


def _is_optional(shop: PointsShop) -> bool:
    return shop.saga is not None and any(
        step.optional for step in shop.saga.steps if step.name != "mail"
    )


points_by_saga = Exercise(
    name="points_by_saga",
    notebook="04-choreography-orchestration",
    point=3,
    title=N_("Points by a saga: no order without them, and none without an order"),
    shown=N_("What is promised belongs before the pivot, and needs a way back."),
    starter="""
def my_flow(do, pivot):
    points = do.shop.points
    return [
        Step("reserve", do.reserve, do.put_back),
        Step("charge", do.charge, do.refund),
        Step("save", do.save, do.cancel, pivot=pivot),
        Step("mail", do.mail, optional=True),
        Step("points", points.give),
    ]


def direct_with_points(shop):
    choices = ["keys", "first", "log", "pivot", "retries", "steadfast", "limits"]
    return shop.place_order(order_saga(shop, **dict.fromkeys(choices, True), flow=my_flow))
""",
    asks=("my_flow", "direct_with_points"),
    judge=_judge_points_by_saga,
    hints=(
        N_(
            "When the points fail for good, can the saga still go back? Up to the pivot it can."
            " Which step is the pivot, and where does yours stand?"
        ),
        N_(
            "Before the pivot, every step can be undone. The third argument of `Step` says how, and"
            " the points service has `take_back`."
        ),
        N_(
            "One line between `charge` and `save`: the name, the action, its compensation. Not"
            " optional, and the pivot stays where it is."
        ),
    ),
    answer="""
def my_flow(do, pivot):
    points = do.shop.points
    return [
        Step("reserve", do.reserve, do.put_back),
        Step("charge", do.charge, do.refund),
        Step("points", points.give, points.take_back),
        Step("save", do.save, do.cancel, pivot=pivot),
        Step("mail", do.mail, optional=True),
    ]


def direct_with_points(shop):
    choices = ["keys", "first", "log", "pivot", "retries", "steadfast", "limits"]
    return shop.place_order(order_saga(shop, **dict.fromkeys(choices, True), flow=my_flow))
""",
)
