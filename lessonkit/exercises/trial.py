"""The learner's order service under every fault, in a shop whose books are sealed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.seal import SealedShop
from lessonkit.explorer import Case, Restart, Scenario, explore, run_case
from lessonkit.faults import Down, Refused, ReplyLost
from lessonkit.lab.views import case_view
from lessonkit.messages import _, service_name
from lessonkit.runner import Run, run
from lessonkit.shop import LATENCY

LONGEST_WAIT = LATENCY["inventory"] + LATENCY["payment"] + 0.001
"""Seconds that a customer has to wait for stock and payment in any case, and a bit."""

Explain = Callable[[Case], str | None]
"""What to say to somebody whose code fails in this case; None if it does not fail."""


def every_single_fault(
    scenario: Scenario,
    *,
    shop: Callable[..., SealedShop] = SealedShop,
    restart: Restart | None = None,
    crashes: str | None = None,
    for_good: bool = False,
) -> list[Case]:
    """The scenario without a fault, then under each single one.

    Parameters
    ----------
    scenario, shop, restart, crashes
        As in :func:`lessonkit.explorer.explore`.
    for_good
        Also let each operation fail at every call, not only at one.
    """
    cases = list(explore(scenario, shop=shop, restart=restart, crashes=crashes).cases)
    if for_good:
        operations = dict.fromkeys(fault.target for case in cases for fault in _calls_of(case))
        for operation in operations:
            for kind in (Refused, Down, ReplyLost):
                cases.append(run_case(scenario, kind(operation), shop=shop, restart=restart))
    return cases


def _calls_of(case: Case) -> Iterator[Refused]:
    return (fault for fault in case.faults if isinstance(fault, Refused))


def first_counterexample(
    cases: Iterable[Case], explain: Explain, view: Callable[[Case], str] = case_view
) -> Counterexample | None:
    """The first case that ``explain`` has something to say about, as a counterexample.

    A broken seal comes before everything else: books that were changed by hand prove nothing.

    Parameters
    ----------
    cases
        Whose shops are :class:`~lessonkit.exercises.seal.SealedShop` s.
    explain
        Says what is wrong with a case; None if it is all right.
    view
        Draws the case, as SVG and HTML.
    """
    cases = list(cases)
    for case in cases:
        if (found := broken_seal(case, view)) is not None:
            return found
    failing = [(case, advice) for case in cases if (advice := explain(case)) is not None]
    if not failing:
        return None
    case, advice = failing[0]
    sentence = _("Even without a fault, it does not do what it should.")
    if case.faults:
        sentence = _("{failed} of {tried} faults do harm. Here is one of them: {fault}").format(
            failed=len(failing), tried=len(cases) - 1, fault=case.title
        )
    return Counterexample(sentence, advice, view(case))


def broken_seal(case: Case, view: Callable[[Case], str] = case_view) -> Counterexample | None:
    """The case as a counterexample if somebody has changed its books by hand; else None."""
    broken = case.shop.look() if isinstance(case.shop, SealedShop) else []
    if not broken:
        return None
    sentence = _("{service}: the books were changed, and nobody had asked the service for it.")
    advice = _(
        "A service's data belong to the service. Nobody else can reach them in a real shop: not"
        " even to put them right. Send it a request."
    )
    return Counterexample(sentence.format(service=service_name(broken[0])), advice, view(case))


def run_briefly(main: Any, **options: Any) -> Run[Any]:
    """Run a learner's coroutine with limits that end a runaway early.

    What it raises is kept in ``Run.error``, unless it is a deadlock or a runaway.
    """
    if not asyncio.iscoroutine(main):
        raise TypeError(f"this must be a coroutine, from a function with 'async def'; got {main!r}")
    limits = {"step_limit": 200_000, "steps_per_instant": 50_000, "keep_error": True}
    return run(main, **(limits | options))
