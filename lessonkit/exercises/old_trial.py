"""The learner's order service under every fault, in a shop whose books are sealed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.seal import SealedShop
from lessonkit.explorer import Case, Restart, Scenario, run_case
from lessonkit.faults import AnyFault, Crash, Down, Refused, ReplyLost, Slow
from lessonkit.lab.views import case_view
from lessonkit.messages import N_, _, service_name
from lessonkit.runner import Run, run
from lessonkit.shop import LATENCY, Shop, Told
from lessonkit.shop.customer import ORDER_OPERATION

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
    """The scenario without a fault, then under each single one, in the order of the calls.

    Parameters
    ----------
    scenario, shop, restart
        As in :func:`lessonkit.explorer.run_case`.
    crashes
        The service whose process is killed after each of its steps; None for no kills.
    for_good
        Also let each operation fail at every call, not only at one.
    """
    case_with = partial(run_case, scenario, shop=shop, restart=restart)
    first = case_with()
    return [first, *map(case_with, _faults_at(first.shop.network.calls, crashes, for_good))]


def _faults_at(
    calls: Iterable[tuple[str, str, int]], crashes: str | None, for_good: bool
) -> Iterator[AnyFault]:
    # Not the explorer's search: a judge wants the same few faults, in the same order, each time.
    steps = 0
    operations: dict[str, None] = {}
    if crashes is not None:
        yield Crash(crashes, after=0)
    for caller, operation, number in calls:
        if operation != ORDER_OPERATION:  # the customer's order is where it all begins
            operations[operation] = None
            for kind in (Refused, Down, ReplyLost, Slow):
                yield kind(operation, call=number)
        if caller == crashes:
            steps += 1
            yield Crash(crashes, after=steps)
    for operation in operations if for_good else ():
        for kind in (Refused, Down, ReplyLost):
            yield kind(operation)


def forgive_lost_mail(case: Case) -> Case:
    """The case for a judge whose learner cannot promise a mail yet.

    Who does not write down that a mail is owed may lose it. The audit says so, rightly; but the
    remedy comes only with notebook 05. So this one rule, "no mail lost", is forgiven here, and
    nothing else is. It is not forgiven if the mail was the only word that the order stands.
    """
    known = {answer.order_id for answer in case.answers if answer.told is Told.CONFIRMED}
    left = [v for v in case.violations if not (v.rule == "no mail lost" and v.order_id in known)]
    return replace(case, violations=tuple(left))


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
        if (found := broken_seal(case.shop, partial(view, case))) is not None:
            return found
    failing = [
        (case, advice)
        for case in cases
        if (advice := _no_answer(case) or explain(case)) is not None
    ]
    if not failing:
        return None
    case, advice = failing[0]
    sentence = _("Even without a fault, it does not do what it should.")
    if case.faults:
        sentence = _("{failed} of {tried} faults do harm. Here is one of them: {fault}").format(
            failed=len(failing), tried=len(cases) - 1, fault=case.title
        )
    return Counterexample(sentence, advice, view(case))


def broken_seal(shop: Shop, view: Callable[[], str]) -> Counterexample | None:
    """What to show to somebody who has changed a shop's books by hand; None if nobody has.

    Parameters
    ----------
    shop
        After its run.
    view
        Draws the run, as SVG and HTML. It is called only if there is something to show.
    """
    broken = shop.look() if isinstance(shop, SealedShop) else []
    if not broken:
        return None
    sentence = _("{service}: the books were changed, and nobody had asked the service for it.")
    advice = _(
        "A service's data belong to the service. Nobody else can reach them in a real shop: not"
        " even to put them right. Send it a request."
    )
    return Counterexample(sentence.format(service=service_name(broken[0])), advice, view())


# --- what every judge says -----------------------------------------------------------------------


def _no_answer(case: Case) -> str | None:
    if "the customer gets an answer" not in rules_broken(case):
        return None
    return _(
        "The customer still waits for an answer, and none will come: your code waits for something"
        " that never happens now."
    )


def rules_broken(case: Case) -> set[str]:
    """The names of the rules that the audit finds broken in a case."""
    return {violation.rule for violation in case.violations}


def what_the_audit_says(case: Case) -> str | None:
    """What to say about the rules that are broken in a case; None if none is.

    Each judge has its own words for what it is about. These are for everything else, and above all
    for books that have something else than what was ordered.
    """
    if case.survived:
        return None
    broken = rules_broken(case)
    advice = (_(words) for rules, words in _ADVICE if broken & rules)
    return next(advice, case.violations[0].sentence)


_ADVICE = (
    (
        {"the customer is told the truth"},
        N_(
            "The order stands, and the customer was told that it failed. Whoever gives up cancels"
            " the order first: save `order.cancelled()`."
        ),
    ),
    (
        {"no order that nobody placed"},
        N_(
            "An order stands under an id under which nobody has ordered. `Order.create(command)`"
            " takes the id of the command."
        ),
    ),
    (
        {"the order says what was ordered", "the order has the right total"},
        N_(
            "The order that was saved is not the one that was placed. Make it of the command, and"
            " change nothing in it: `Order.create(command, ...)`."
        ),
    ),
    (
        {"no wrong product"},
        N_(
            "What was set aside is not what the customer ordered. The command says what it must be:"
            " `command.items`."
        ),
    ),
    (
        {"no piece too many"},
        N_(
            "More pieces are set aside than were ordered. Whoever asks again sends the same key"
            " with each attempt, and the warehouse answers as before: `reserve(..., key)`."
        ),
    ),
    (
        {"no piece too few"},
        N_(
            "Fewer pieces are set aside than were ordered. The command says how many:"
            " `command.items`."
        ),
    ),
    (
        {"no wrong amount"},
        N_(
            "More was taken than the customer has agreed to. What the order costs is in"
            " `command.total`, and it is to be taken once: whoever asks again sends the same key."
        ),
    ),
    (
        {"paid as the customer wanted"},
        N_(
            "The money was not taken in the way that the customer had chosen. It is in"
            " `command.payment_method`."
        ),
    ),
    (
        {"no order without its money"},
        N_(
            "The order stands, and not all of its money was taken. What it costs is in"
            " `command.total`."
        ),
    ),
    (
        {"no order without its stock"},
        N_("The order stands, and nothing is set aside for it."),
    ),
    (
        {"the customer learns how it ended", "no mail lost"},
        N_(
            "Nobody has told the customer how the order ended: not in the answer, and not in a"
            " mail."
        ),
    ),
)


def run_briefly(main: Any, **options: Any) -> Run[Any]:
    """Run a learner's coroutine with limits that end a runaway early.

    What it raises is kept in ``Run.error``, unless it is a deadlock or a runaway.
    """
    if not asyncio.iscoroutine(main):
        raise TypeError(f"this must be a coroutine, from a function with 'async def'; got {main!r}")
    limits = {"step_limit": 200_000, "steps_per_instant": 50_000, "keep_error": True}
    return run(main, **(limits | options))
