"""What the exercises of notebook 04 say."""

from __future__ import annotations

from typing import Any

from lessonkit.explorer import Case, Kind
from lessonkit.shop import OrderBooks, Told
from tests.exercises.truths.request_response import MONEY_LEFT, STOCK_LEFT
from tests.exercises.truths.seen import (
    Truth,
    asked,
    cancel_by_key_found_nothing,
    cancelled,
    ended_as,
    every,
    failed,
    longest_wait,
    never_asked,
    no_bad_luck,
    not_there,
    only_failed,
    refund_by_key_found_nothing,
    reply_lost,
    some,
    taken,
    taken_twice,
    was_told,
)

# --- lost_reply ----------------------------------------------------------------------------------


def _everything_undone(case: Case) -> bool:
    last = case.ledgers[-1]
    return cancelled(last) and last.money == last.held == 0 and ended_as(last, Told.FAILED)


def _first(case: Case, *what: str) -> float:
    """After how many things in the run the last order's first request of these was sent."""
    order_id = case.ledgers[-1].order_id
    found = [m.sent_step for one in what for m in asked(case, one) if m.correlation == order_id]
    return min(found, default=float("inf"))


def _given_back_before_cancelled(case: Case) -> bool:
    order_id = case.ledgers[-1].order_id
    saves = [m.sent_step for m in asked(case, "database.save") if m.correlation == order_id]
    back = _first(case, "payment.refund", "payment.refund_by_key", *_PUT_BACK)
    return min(saves) < back < max(saves)


_PUT_BACK = "inventory.cancel_reservation", "inventory.cancel_by_key"


def _stock_back_before_money(case: Case) -> bool:
    return _first(case, *_PUT_BACK) < _first(case, "payment.refund", "payment.refund_by_key")


# --- points --------------------------------------------------------------------------------------


def _points(case: Any, order: OrderBooks) -> int:
    return case.shop.points.given.get(order.order_id, 0)


def _returned_at(case: Case, order_id: str) -> float:
    """When the order came back: six seconds after it was placed and answered."""
    return next(one.answered for one in case.answers if one.order_id == order_id) + 5.999


def _gives(case: Case, order: OrderBooks) -> list[float]:
    found = asked(case, "points.give")
    return [m.sent for m in found if m.correlation == order.order_id]


def _any(is_so: Any) -> Truth:
    return lambda case: any(is_so(case, order) for order in case.ledgers)


def _given_late(case: Case, order: OrderBooks) -> bool:
    """Whether the points were given when the order had come back."""
    return any(sent > _returned_at(case, order.order_id) for sent in _gives(case, order))


def _never_given_in_time(case: Case, order: OrderBooks) -> bool:
    until = _returned_at(case, order.order_id)
    requests = [m for m in asked(case, "points.give") if m.correlation == order.order_id]
    good = [m for m in requests if m not in failed(case, "points.give")]
    # Other than this, only points that were taken back before the order came back are missing.
    early = [m.sent for m in asked(case, "points.take_back") if m.correlation == order.order_id]
    return not any(m.sent < until for m in good) or min(early, default=until) < until


def _keeps_its_points(case: Case, order: OrderBooks) -> bool:
    return order.stands and _points(case, order) > 0


def _paid(case: Case, order: OrderBooks) -> bool:
    return order.stands and taken(case, order.order_id) >= order.total


def _others_do_it(case: Case) -> bool:
    return any(m.sender != "points" for m in asked(case, "points"))


def _step(case: Any, name: str) -> Any:
    """The step of the saga that calls this operation."""
    return next((s for s in case.shop.front.saga.steps if s.name == name), None)


def _saved_before_points(case: Case) -> bool:
    saves, gives = asked(case, "database.save"), asked(case, "points.give")
    return bool(saves) and (not gives or saves[0].sent_step < gives[0].sent_step)


def _saves_after_the_pivot(case: Any) -> bool:
    steps = case.shop.front.saga.steps
    pivots = [number for number, one in enumerate(steps) if one.pivot]
    saving = [number for number, one in enumerate(steps) if one.name == "save"]
    return bool(pivots and saving) and saving[0] > pivots[0]


def _sent(case: Case, receiver: str | None, what: str) -> list[float]:
    messages = case.run.trace.messages
    return [m.sent for m in messages if m.what == what and receiver in (None, m.receiver)]


TRUE: dict[str, Truth] = {
    "No order stands, and the customer was told that it is confirmed": some(
        lambda order: not_there(order) and was_told(order, Told.CONFIRMED)
    ),
    "The money was taken more than once": taken_twice,
    "Only the mail's reply was lost": every(
        reply_lost("notification"),
        only_failed("notification"),
        some(lambda order: order.confirmations > 0 and cancelled(order)),
    ),
    "The saving did happen; only its reply was lost": every(
        reply_lost("database.save"),
        some(lambda order: order.stands and order.money == order.held == 0),
    ),
    "`refund_by_key` was sent": every(MONEY_LEFT, refund_by_key_found_nothing),
    "`cancel_by_key` was sent": every(STOCK_LEFT, cancel_by_key_found_nothing),
    "The money was taken, the reply was lost": every(
        MONEY_LEFT,
        reply_lost("payment.charge"),
        never_asked("payment.refund"),
        never_asked("payment.refund_by_key"),
    ),
    "The stock was set aside, the reply was lost": every(
        STOCK_LEFT, reply_lost("inventory.reserve"), *map(never_asked, _PUT_BACK)
    ),
    "In the end everything is undone, but the giving back begins": every(
        _everything_undone, _given_back_before_cancelled
    ),
    "In the end everything is undone, but the stock goes back": every(
        _everything_undone, _stock_back_before_money
    ),
    # --- points_by_events ---
    "The customer now waits {run": lambda case: no_bad_luck(case) and longest_wait(case) > 0.301,
    "It is the process of another service": _others_do_it,
    "Nothing was bought, and the customer has got points": every(
        lambda case: all(map(not_there, case.ledgers)),
        _any(lambda case, order: _points(case, order) > 0),
    ),
    "The points were taken back before the order came back": every(
        no_bad_luck,
        lambda case: (
            min(_sent(case, "points", "take_back"), default=9e9)
            < min(_sent(case, None, "OrderReturned"), default=9e9)
        ),
    ),
    "The order is paid, and its points are not there": every(
        no_bad_luck, _any(lambda c, o: _paid(c, o) and _never_given_in_time(c, o))
    ),
    "When the order comes back, the points are given once more": every(
        no_bad_luck, _any(lambda c, o: _keeps_its_points(c, o) and _given_late(c, o))
    ),
    "The order came back, and the customer keeps the points": every(
        no_bad_luck, _any(_keeps_its_points)
    ),
    "Something came twice": every(
        lambda case: [one.kind for one in case.decisions] == [Kind.TWICE],
        _any(lambda c, o: _keeps_its_points(c, o) or _never_given_in_time(c, o)),
    ),
    "Only the mail fails, and the points fail with it": every(
        only_failed("notification"),
        _any(lambda c, o: o.stands and _never_given_in_time(c, o)),
    ),
    "The points service failed once to answer": every(
        only_failed("points"),
        _any(lambda c, o: o.stands and len(_gives(c, o)) == 1 and _points(c, o) == 0),
    ),
    "The taking back failed once": every(
        only_failed("points.take_back"),
        lambda case: len(failed(case, "points.take_back")) == 1,
        _any(_keeps_its_points),
    ),
    # --- points_by_saga ---
    "On a normal day the order must bring its points": every(
        no_bad_luck, _any(lambda c, o: o.stands and _points(c, o) < o.total // 100)
    ),
    "The saga has no log": lambda case: case.shop.front.saga.log is None,
    "The customer was told that the order is confirmed, and it could not": every(
        lambda case: bool(failed(case, "database.save")),
        _saves_after_the_pivot,
        some(lambda order: was_told(order, Told.CONFIRMED) and not_there(order)),
    ),
    "The order was undone, and its points were not": _any(
        lambda c, o: not_there(o) and _points(c, o) > 0 == o.money and taken(c, o.order_id) > 0
    ),
    "The points failed, and the saga saved the order": every(
        lambda case: bool(failed(case, "points.give")),
        lambda case: not _saved_before_points(case),
        _any(lambda c, o: o.stands and _points(c, o) == 0),
    ),
    "The points failed, and the saga went on without them": every(
        lambda case: bool(failed(case, "points")),
        lambda case: _step(case, "points").optional,
        _any(lambda c, o: o.stands and _points(c, o) == 0),
    ),
    "The order was saved, and then the points failed": every(
        lambda case: bool(failed(case, "points.give")),
        _saved_before_points,
        _any(lambda c, o: o.stands and _points(c, o) == 0),
    ),
}
