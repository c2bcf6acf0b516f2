"""What may be seen in a case: for the tables of advice, and put together with ``both``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from lessonkit.explorer import Case, Kind
from lessonkit.explorer.case import struck_thing
from lessonkit.shop import Told

REPLY_LOST: Final = (Kind.REPLY_LOST, Kind.REPLY_LOST_FOR_GOOD)
"""For :func:`struck`: it had its effect, and the caller was not told."""


def breaks(*rules: str) -> Callable[[Case], bool]:
    """Whether the audit finds one of these rules broken in a case."""

    def is_broken(case: Case) -> bool:
        return any(violation.rule in rules for violation in case.violations)

    return is_broken


def struck(what: str, *kinds: Kind) -> Callable[[Case], bool]:
    """Whether bad luck of one of these kinds (or any) struck this service or operation (or any)."""

    def is_struck(case: Case) -> bool:
        return any(
            not what or f"{struck_thing(one, case.events)}.".startswith(f"{what}.")
            for one in case.decisions
            if not kinds or one.kind in kinds
        )

    return is_struck


def called(operation: str) -> Callable[[Case], bool]:
    """Whether somebody has called this operation, as ``"payment.refund"``."""
    return lambda case: any(what == operation for _who, what in case.shop.network.calls)


def on_a_good_day(case: Case) -> bool:
    """Whether nothing was slow, and nothing failed."""
    return not case.decisions and not case.faults


def waits_longer_than(seconds: float) -> Callable[[Case], bool]:
    """Whether a customer who got the order waited for longer than that, and nothing was slow."""

    def has_waited(case: Case) -> bool:
        waits = [one.wait for one in case.answers if one.told is Told.CONFIRMED]
        return on_a_good_day(case) and max(waits, default=0.0) > seconds

    return has_waited


def charged_more_than_once(case: Case) -> bool:
    """Whether money was taken twice for one order, be it given back or not."""
    orders = [capture.order_id for capture in case.shop.payment.captures.values()]
    return len(orders) > len(set(orders))


def both(*conditions: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Whether all of these are so: of a case, or of another kind of run."""
    return lambda run: all(condition(run) for condition in conditions)
