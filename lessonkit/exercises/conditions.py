"""What may be seen in a case: for the tables of advice, and put together with ``both``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from lessonkit.exercises.advice import Advice, Condition, is_so
from lessonkit.exercises.orders import LONGEST_WAIT
from lessonkit.explorer import Case, Kind
from lessonkit.explorer.case import struck_thing
from lessonkit.shop import Told


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


def reply_lost(what: str) -> Callable[[Case], bool]:
    """Whether this service or operation had its effect, and the caller was not told."""
    return struck(what, Kind.REPLY_LOST, Kind.REPLY_LOST_FOR_GOOD)


def refused(what: str) -> Callable[[Case], bool]:
    """Whether this service or operation said no, and has done nothing."""
    return struck(what, Kind.REFUSED, Kind.REFUSED_FOR_GOOD)


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


CONDITIONS: Final[Mapping[str, Callable[[Any], Condition]]] = {
    "breaks": lambda rules: breaks(*rules),
    "struck": struck,
    "reply_lost": reply_lost,
    "refused": refused,
    "called": called,
}
"""What a line of advice may ask of a case, besides what is so."""

KNOWN: Final[Mapping[str, Condition]] = {
    "on_a_good_day": on_a_good_day,
    "charged_more_than_once": charged_more_than_once,
    "waits_too_long": waits_longer_than(LONGEST_WAIT),
}
"""What its ``when`` may always name."""


def line_of_advice(known: Mapping[str, Condition], words: str, **asked: Any) -> Advice:
    """A line of advice, as TOML has it: what must be so, and what to say then."""
    conditions = [
        is_so(what, {**KNOWN, **known}) if key == "when" else CONDITIONS[key](what)
        for key, what in asked.items()
    ]
    return Advice(both(*conditions), words)
