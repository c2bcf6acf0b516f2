"""A learner's order service on all kinds of days, and under all kinds of bad luck.

One order at first, then four, one after the other, and then two at the same moment. First on days
on which nothing fails, then under every single piece of bad luck. The simplest run in which it does
not do what it should is shown. Each run has a process of its own, which knows nothing of another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from lessonkit.exercises.advice import Advice, first_advice
from lessonkit.exercises.audit_advice import DONE_WRONG, what_the_audit_says
from lessonkit.exercises.orders import (
    AT_ONCE,
    EVERY_DAY,
    FOUR_ORDERS,
    ORDERS,
    TWO_AT_ONCE,
    Day,
    TrialShop,
    all_at_once,
    one_after_the_other,
)
from lessonkit.exercises.program import Program
from lessonkit.exercises.result import Counterexample
from lessonkit.explorer import Case, Decision, Exploration, Kind, explore, run_case
from lessonkit.explorer.case import struck_thing
from lessonkit.lab.views import case_view
from lessonkit.messages import N_, _
from lessonkit.runner import Run, run
from lessonkit.shop import CreateOrder, Shop, Told
from lessonkit.shop.customer import OrderFunction

CALLS_FAIL: Final[dict[str, Any]] = {"late": 0, "twice": False, "crashes": None, "customers": False}
"""What :func:`~lessonkit.explorer.explore` is told to leave out, where only calls fail."""

TWO_MAILS: Final = "more than one mail"

Play = Callable[[Any, TrialShop, Sequence[CreateOrder]], Coroutine[Any, Any, object]]


@dataclass(frozen=True, kw_only=True)
class OrderTrial:
    """What is asked of a program that creates orders.

    Attributes
    ----------
    advice
        What to say about a :class:`~lessonkit.explorer.Case`, before anything general is said. A
        line also says that the case is a bad one, even if the audit has nothing to say.
    every_fault
        Whether the audit must be content under every bad luck. If not, only where it is content
        with the starting cell: whatever that does well must stay. (Where it is not, nothing may be
        *done wrongly* that the starting cell does not do.)
    luck
        What :func:`~lessonkit.explorer.explore` is to try besides calls that fail.
    shop
        Makes the shop.
    restart
        What a new process of a killed service does first; called with the shop's front.
    days
        Days on which the program must do well, though the starting cell does not.
    forgiven
        Names of rules of the audit that nobody can keep yet at this point of the course, when
        something fails.
    goal
        Names of rules that the exercise is about: the starting cell need not keep them.
    counts
        Whether a case with bad luck is asked for.
    program
        Called with what was handed in. What it returns creates an order, once it has got a shop's
        front; or it is whatever ``play`` takes.
    play
        Lets the customers of a shop order; called with the program, the shop and the orders.
    together
        The same, at the same moment; None if it is not tried.
    view
        Draws a case, as SVG and HTML.
    """

    advice: Sequence[Advice] = ()
    every_fault: bool = False
    luck: Mapping[str, Any] = field(default_factory=dict)
    shop: Callable[..., TrialShop] = TrialShop
    restart: Callable[[Any], Coroutine[Any, Any, object]] | None = None
    days: Collection[Day] = ()
    forgiven: Collection[str] = ()
    goal: Collection[str] = ()
    counts: Callable[[Case], bool] = lambda _case: True
    program: Callable[..., Any] = lambda handed_in: handed_in
    play: Play = one_after_the_other
    together: Play | None = all_at_once
    view: Callable[[Case], str] = case_view

    def judge(self, *answers: Any) -> Counterexample | None:
        """The simplest case in which the program falls short; None if there is none.

        Parameters
        ----------
        answers
            What was handed in, and then the same of the starting cell.
        """
        half = len(answers) // 2
        program, starter = Program(*answers[:half]), Program(*answers[half:])
        return next(filter(None, self._trials(program, starter)), None)

    def _trials(self, program: Program, starter: Program) -> Iterator[Counterexample | None]:
        yield from (self._on(day, program, starter) for day in EVERY_DAY)
        luck = {**CALLS_FAIL, **self.luck}
        may_fail: MayFail = {}
        if not self.every_fault:
            usual = self._explore(luck, ORDERS[:1], starter).alike
            may_fail = {
                _bad_luck(one): _broken(like) for one, like in usual if not self._copes(like)
            }
        yield self._under(self._explore(luck, ORDERS[:1], program).cases[1:], may_fail)
        yield self._on(FOUR_ORDERS, program, starter)
        yield self._under(self._strike(ORDERS[-1], ORDERS, self.play, program), may_fail)
        if self.together is not None:
            yield self._on(TWO_AT_ONCE, program, starter, self.together)
            yield self._under(self._strike(AT_ONCE[0], AT_ONCE, self.together, program), may_fail)

    def _on(
        self, day: Day, program: Program, starter: Program, play: Play | None = None
    ) -> Counterexample | None:
        shop = self.shop if day.stock is None else partial(self.shop, stock=day.stock)

        def case_of(anybody: Program) -> Case:
            scenario = partial(self._play, anybody, day.orders, play or self.play)
            return self._forgive(run_case(scenario, *day.faults, shop=shop))

        usual = case_of(starter)
        if day not in self.days and not (self._copes(usual) and _told(usual) == {day.told}):
            return None  # the starting cell does not cope with this day either
        case = case_of(program)
        said = first_advice(self.advice, case)
        if said is None and _told(case) != {day.told}:
            said = _(day.advice)
        said = said or what_the_audit_says(case) or _says_of_mails(case, usual)
        if said is None:
            return None
        if day in (FOUR_ORDERS, TWO_AT_ONCE) and said != _(day.advice):
            # One order alone has gone through. So what went wrong is only half of what to say.
            said = f"{_(day.advice)} {said}"
        return Counterexample(_(day.sentence), said, self.view(case))

    def _under(self, found: Iterable[Case], may_fail: MayFail) -> Counterexample | None:
        cases = [self._forgive(case) for case in found if self.counts(case)]
        harmed = [
            (case, said)
            for case in cases
            if (said := self._says(case, may_fail.get(_bad_luck(case)))) is not None
        ]
        if not harmed:
            return None
        case, said = harmed[0]
        sentence = _("{failed} of {tried} faults do harm. Here is one of them: {fault}").format(
            failed=len(harmed), tried=len(cases), fault=case.title
        )
        return Counterexample(sentence, said, self.view(case))

    def _explore(
        self, luck: Mapping[str, Any], orders: Sequence[CreateOrder], program: Program
    ) -> Exploration:
        scenario = partial(self._play, program, orders, self.play)
        restart = None if self.restart is None else partial(_in_front, self.restart)
        found = explore(scenario, shop=self.shop, restart=restart, **luck)
        if found.ended == "interrupt":  # then it may lack just the case that would do harm
            raise KeyboardInterrupt
        return found

    def _strike(
        self, order: CreateOrder, orders: Sequence[CreateOrder], play: Play, program: Program
    ) -> Iterator[Case]:
        # Only its calls, and each once: what fails with any order was found with the first.
        scenario = partial(self._play, program, orders, play)
        quiet = explore(scenario, shop=self.shop, faults=False, **CALLS_FAIL)
        for call in quiet.outcome(()).calls:
            if call.order == order.order_id:
                for kind in (Kind.REFUSED, Kind.DOWN, Kind.REPLY_LOST):
                    yield run_case(scenario, Decision(kind, call.id), shop=self.shop)

    def _play(
        self, program: Program, orders: Sequence[CreateOrder], play: Play, shop: Shop
    ) -> Coroutine[Any, Any, object]:
        assert isinstance(shop, TrialShop)
        return play(self.program(*program.start_all()), shop, orders)

    def _copes(self, starter: Case) -> bool:
        return all(one.rule in self.goal for one in self._forgive(starter).violations)

    def _says(self, case: Case, may_break: Collection[str] | None) -> str | None:
        if _harmed_another(case):
            return _(HARMED_ANOTHER)
        # The starting cell may break some rules here.
        excused = may_break is not None and not _broken(case) & DONE_WRONG - set(may_break)
        said = first_advice(self.advice, case)
        return said if said is not None or excused else what_the_audit_says(case)

    def _forgive(self, case: Case) -> Case:
        if not case.decisions:
            return case  # nothing has failed
        # A lost mail is not forgiven if it was the only word that the order stands.
        known = {answer.order_id for answer in case.answers if answer.told is Told.CONFIRMED}
        left = [
            one
            for one in case.violations
            if one.rule not in self.forgiven or one.order_id not in known
        ]
        return replace(case, violations=tuple(left))


MayFail = Mapping[tuple[str, ...], Collection[str]]
"""Under what bad luck the starting cell breaks which rules."""


def calling(method: str) -> Callable[[Any], Callable[[Any], OrderFunction]]:
    """For ``program``, where a class is handed in: the method that creates an order."""
    return lambda service: lambda shop: getattr(service(shop), method)


HARMED_ANOTHER = N_(
    "What struck one order has harmed another one. A fixed id, or whatever your code keeps in"
    " `self` or elsewhere outside of the function, belongs to all orders."
)
MAILED_TWICE = N_("Nothing has failed, and the customer got more than one mail for the order.")


def _harmed_another(case: Case) -> bool:
    """Whether bad luck struck a call for one order, and another order came to harm."""
    struck = {case.events[one.event].order for one in case.decisions if one.event in case.events}
    harmed = {one.order_id for one in case.violations if one.order_id is not None}
    if None in struck:  # nobody knows for which order that was
        return False
    return bool(struck) and bool(harmed - struck)


def _says_of_mails(case: Case, usual: Case) -> str | None:
    # A mail that comes twice is no lie. But where nothing failed, nothing can excuse it.
    case_has, usual_has = ({one.rule for one in like.remarks} for like in (case, usual))
    return _(MAILED_TWICE) if TWO_MAILS in case_has - usual_has else None


def _broken(case: Case) -> frozenset[str]:
    return frozenset(one.rule for one in case.violations)


def _bad_luck(case: Case) -> tuple[str, ...]:
    """What struck what, whichever call of it that was."""
    return tuple(f"{one.kind} {struck_thing(one, case.events)}" for one in case.decisions)


def _told(case: Case) -> set[Told]:
    return {answer.told for answer in case.answers}


async def _in_front(restart: Callable[[Any], Coroutine[Any, Any, object]], shop: Shop) -> None:
    assert isinstance(shop, TrialShop)
    await restart(shop.front)


def run_briefly(main: Any, **options: Any) -> Run[Any]:
    """Run a learner's coroutine with limits that end a runaway early.

    What it raises is kept in ``Run.error``, unless it is a deadlock or a runaway.
    """
    if not asyncio.iscoroutine(main):
        raise TypeError(f"this must be a coroutine, from a function with 'async def'; got {main!r}")
    limits = {"step_limit": 200_000, "steps_per_instant": 50_000, "keep_error": True}
    return run(main, **(limits | options))
