"""A learner's order service on all kinds of days, and under all kinds of bad luck.

One order at first, then three, one after the other: the first customer's; the same again, by
another customer; and much later something else, by the first one. First on days on which nothing
fails, then under every single piece of bad luck. The simplest run in which it does not do what it
should is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from lessonkit.exercises.advice import Advice, first_advice
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.shopfront import ShopFront
from lessonkit.explorer import Case, Decision, Exploration, Kind, explore, run_case
from lessonkit.explorer.case import struck_thing
from lessonkit.faults import AnyFault, Slow
from lessonkit.lab.views import case_view
from lessonkit.messages import N_, _
from lessonkit.runner import Run, run
from lessonkit.shop import LATENCY, STOCK, CreateOrder, Item, Shop, Told
from lessonkit.shop.customer import OrderFunction

LONGEST_WAIT = LATENCY["inventory"] + LATENCY["payment"] + 0.001
"""Seconds that a customer has to wait for stock and payment in any case, and a bit."""

ORDERS: Final = (
    CreateOrder("O-001", "C-100", (Item("P-1", 2, 2500),)),
    CreateOrder("O-002", "C-200", (Item("P-1", 2, 2500),)),
    CreateOrder("O-003", "C-100", (Item("P-1", 1, 1900), Item("P-2", 3, 700)), "points card"),
)
"""What is ordered: the second is like the first, of another customer; the third is unlike both."""

PAUSE: Final = 60.0
"""Seconds between two orders: later than any limit of time that somebody counts from zero."""

CALLS_FAIL: Final[dict[str, Any]] = {"late": 0, "twice": False, "crashes": None, "customers": False}
"""What :func:`~lessonkit.explorer.explore` is told to leave out, where only calls fail."""


class TrialShop(Shop):
    """A shop whose programs are on trial.

    Attributes
    ----------
    front
        What they get of it.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.front = ShopFront(self, self.services())

    def services(self) -> dict[str, object]:
        """The services that a program may call."""
        names = ("inventory", "payment", "database", "notification")
        return {name: getattr(self, name) for name in names}


Play = Callable[[Any, TrialShop, Sequence[CreateOrder]], Coroutine[Any, Any, object]]


# --- days on which nothing fails -----------------------------------------------------------------


@dataclass(frozen=True)
class Day:
    """A day in the shop.

    Attributes
    ----------
    sentence
        What is said of it, if the service does not do then what it should.
    told
        What each customer is to be told.
    advice
        To somebody whose customers are told something else.
    orders, faults, stock
        What is ordered, what is slow, what lies on the shelf.
    """

    sentence: str
    told: Told
    advice: str
    orders: tuple[CreateOrder, ...] = ORDERS[:1]
    faults: tuple[AnyFault, ...] = ()
    stock: Mapping[str, int] | None = None


NORMAL = Day(
    N_("Even without a fault, it does not do what it should."),
    Told.CONFIRMED,
    N_(
        "On a normal day the order must go through. A shop that sells nothing is honest, but"
        " closed."
    ),
)
SLOW = Day(
    N_("On a day on which every service takes three times as long, it does not do what it should."),
    Told.CONFIRMED,
    N_("The services are slow, but none of them fails: the order must go through."),
    faults=tuple(Slow(service, times=3) for service in LATENCY if service != "orders"),
)
SOLD_OUT = Day(
    N_("On a day on which the shelf is empty, it does not do what it should."),
    Told.FAILED,
    N_(
        "The warehouse answers that there is not enough, and the customer is to hear that the order"
        " has failed. Look at `success`: this no is an answer, not an error."
    ),
    stock=dict.fromkeys(STOCK, 1),
)
DECLINED = Day(
    N_("With a card that is declined, it does not do what it should."),
    Told.FAILED,
    N_(
        "The payment service declines the card, and the customer is to hear that the order has"
        " failed. Look at `success`: this no is an answer, not an error."
    ),
    orders=(replace(ORDERS[0], payment_method="expired card"),),
)
THREE_ORDERS = Day(
    N_(
        "With three orders of two customers, one after the other, it does not do what it should."
        " The first one alone goes through."
    ),
    Told.CONFIRMED,
    N_(
        "The second order is like the first, of another customer. The third is the first customer's"
        " again, two minutes later, with other products, another amount, another way of paying."
        " Which of them does your code take for another one?"
    ),
    orders=ORDERS,
)
EVERY_DAY: Final = (NORMAL, SLOW, SOLD_OUT, DECLINED)


async def one_after_the_other(
    make: Callable[[Any], OrderFunction], shop: TrialShop, orders: Sequence[CreateOrder]
) -> None:
    """Let the customers order at one service, with a pause between them."""
    create_order = make(shop.front)
    for number, order in enumerate(orders):
        await asyncio.sleep(PAUSE if number else 0)
        await shop.place_order(create_order, order)


# --- the trial -----------------------------------------------------------------------------------


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
        with the starting cell: whatever that does well must stay.
    luck
        What :func:`~lessonkit.explorer.explore` is to try besides calls that fail.
    shop
        Makes the shop.
    restart
        What a new process of a killed service does first; called with the shop's front.
    days
        Days on which the program must do well, though the starting cell does not.
    forgiven
        Names of rules of the audit that nobody can keep yet at this point of the course.
    goal
        Names of rules that the exercise is about: the starting cell need not keep them.
    counts
        Whether a case with bad luck is asked for.
    play
        Lets the customers of a shop order; called with the program, the shop and the orders.
    view
        Draws a case, as SVG and HTML.
    """

    advice: Sequence[Advice]
    every_fault: bool = False
    luck: Mapping[str, Any] = field(default_factory=dict)
    shop: Callable[..., TrialShop] = TrialShop
    restart: Callable[[Any], Coroutine[Any, Any, object]] | None = None
    days: Collection[Day] = ()
    forgiven: Collection[str] = ()
    goal: Collection[str] = ()
    counts: Callable[[Case], bool] = lambda _case: True
    play: Play = one_after_the_other
    view: Callable[[Case], str] = case_view

    def judge(self, program: Any, starter: Any) -> Counterexample | None:
        """The simplest case in which the program falls short; None if there is none.

        Parameters
        ----------
        program
            Called with a shop's front, returns what creates an order there; or whatever ``play``
            takes.
        starter
            The same for the starting cell.
        """
        return next(filter(None, self._trials(program, starter)), None)

    def _trials(self, program: Any, starter: Any) -> Iterator[Counterexample | None]:
        yield from (self._on(day, program, starter) for day in EVERY_DAY)
        luck = {**CALLS_FAIL, **self.luck}
        may_fail: set[tuple[str, ...]] = set()
        if not self.every_fault:
            usual = self._explore(luck, ORDERS[:1], starter).alike
            may_fail = {_bad_luck(one) for one, like in usual if not self._copes(like)}
        yield self._under(self._explore(luck, ORDERS[:1], program).cases[1:], may_fail)
        yield self._on(THREE_ORDERS, program, starter)
        yield self._under(self._strike_the_last_order(program), may_fail)

    def _on(self, day: Day, program: Any, starter: Any) -> Counterexample | None:
        shop = self.shop if day.stock is None else partial(self.shop, stock=day.stock)

        def case_of(anybody: Any) -> Case:
            scenario = partial(self._play, anybody, day.orders)
            return self._forgive(run_case(scenario, *day.faults, shop=shop))

        usual = case_of(starter)
        if day not in self.days and not (self._copes(usual) and _told(usual) == {day.told}):
            return None  # the starting cell does not cope with this day either
        case = case_of(program)
        said = first_advice(self.advice, case)
        if said is None and _told(case) != {day.told}:
            said = _(day.advice)
        said = said or what_the_audit_says(case)
        return None if said is None else Counterexample(_(day.sentence), said, self.view(case))

    def _under(
        self, found: Iterable[Case], may_fail: Collection[tuple[str, ...]]
    ) -> Counterexample | None:
        cases = [self._forgive(case) for case in found if self.counts(case)]
        harmed = [
            (case, said)
            for case in cases
            if (said := self._says(case, _bad_luck(case) in may_fail)) is not None
        ]
        if not harmed:
            return None
        case, said = harmed[0]
        sentence = _("{failed} of {tried} faults do harm. Here is one of them: {fault}").format(
            failed=len(harmed), tried=len(cases), fault=case.title
        )
        return Counterexample(sentence, said, self.view(case))

    def _explore(
        self, luck: Mapping[str, Any], orders: Sequence[CreateOrder], program: Any
    ) -> Exploration:
        scenario = partial(self._play, program, orders)
        restart = None if self.restart is None else partial(_in_front, self.restart)
        return explore(scenario, shop=self.shop, restart=restart, **luck)

    def _strike_the_last_order(self, program: Any) -> Iterator[Case]:
        # Only its calls, and each once: what fails with any order was found with the first.
        scenario = partial(self._play, program, ORDERS)
        quiet = explore(scenario, shop=self.shop, faults=False, **CALLS_FAIL)
        for call in quiet.runner.outcome(()).calls:
            if call.order == ORDERS[-1].order_id:
                for kind in (Kind.REFUSED, Kind.DOWN, Kind.REPLY_LOST):
                    yield run_case(scenario, Decision(kind, call.id), shop=self.shop)

    def _play(
        self, program: Any, orders: Sequence[CreateOrder], shop: Shop
    ) -> Coroutine[Any, Any, object]:
        assert isinstance(shop, TrialShop)
        return self.play(program, shop, orders)

    def _copes(self, starter: Case) -> bool:
        return all(one.rule in self.goal for one in self._forgive(starter).violations)

    def _says(self, case: Case, may_fail: bool) -> str | None:
        said = first_advice(self.advice, case)
        return said if said is not None or may_fail else what_the_audit_says(case)

    def _forgive(self, case: Case) -> Case:
        # A lost mail is not forgiven if it was the only word that the order stands.
        known = {answer.order_id for answer in case.answers if answer.told is Told.CONFIRMED}
        left = [
            one
            for one in case.violations
            if one.rule not in self.forgiven or one.order_id not in known
        ]
        return replace(case, violations=tuple(left))


def _bad_luck(case: Case) -> tuple[str, ...]:
    """What struck what, whichever call of it that was."""
    return tuple(f"{one.kind} {struck_thing(one, case.events)}" for one in case.decisions)


def _told(case: Case) -> set[Told]:
    return {answer.told for answer in case.answers}


async def _in_front(restart: Callable[[Any], Coroutine[Any, Any, object]], shop: Shop) -> None:
    assert isinstance(shop, TrialShop)
    await restart(shop.front)


# --- what every judge says -----------------------------------------------------------------------


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
    return lambda case: any(what == operation for _who, what, _number in case.shop.network.calls)


def on_a_good_day(case: Case) -> bool:
    """Whether nothing was slow, and nothing failed."""
    return not case.decisions and not case.faults


def waits_longer_than(seconds: float) -> Callable[[Case], bool]:
    """Whether a customer who got the order waited for longer than that, and nothing was slow."""

    def has_waited(case: Case) -> bool:
        waits = [one.wait for one in case.answers if one.told is Told.CONFIRMED]
        return on_a_good_day(case) and max(waits, default=0.0) > seconds

    return has_waited


def both(*conditions: Callable[[Case], bool]) -> Callable[[Case], bool]:
    """Whether all of these are so."""
    return lambda case: all(condition(case) for condition in conditions)


def what_the_audit_says(case: Case) -> str | None:
    """What to say about the rules that are broken in a case; None if none is.

    Each judge has its own words for what it is about. These are for everything else, and above all
    for books that have something else than what was ordered.
    """
    if case.survived:
        return None
    return first_advice(WHAT_THE_AUDIT_SAYS, case) or case.violations[0].sentence


WHAT_THE_AUDIT_SAYS: Final = (
    Advice(
        breaks("the customer gets an answer"),
        N_(
            "The customer still waits for an answer, and none will come: your code waits for"
            " something that never happens now."
        ),
    ),
    Advice(
        breaks("the customer is told the truth"),
        N_(
            "The order stands, and the customer was told that it failed. Whoever gives up cancels"
            " the order first: save `order.cancelled()`."
        ),
    ),
    Advice(
        breaks("no order that nobody placed"),
        N_(
            "An order stands under an id under which nobody has ordered. `Order.create(command)`"
            " takes the id of the command."
        ),
    ),
    Advice(
        breaks("the order says what was ordered", "the order has the right total"),
        N_(
            "The order that was saved is not the one that was placed. Make it of the command, and"
            " change nothing in it: `Order.create(command, ...)`."
        ),
    ),
    Advice(
        breaks("no wrong product"),
        N_(
            "What was set aside is not what the customer ordered. The command says what it must be:"
            " `command.items`."
        ),
    ),
    Advice(
        breaks("no piece too many"),
        N_(
            "More pieces are set aside than were ordered. Whoever asks again sends the same key"
            " with each attempt, and the warehouse answers as before: `reserve(..., key)`."
        ),
    ),
    Advice(
        breaks("no piece too few"),
        N_(
            "Fewer pieces are set aside than were ordered. The command says how many:"
            " `command.items`."
        ),
    ),
    Advice(
        breaks("no wrong amount"),
        N_(
            "More was taken than the customer has agreed to. What the order costs is in"
            " `command.total`, and it is to be taken once: whoever asks again sends the same key."
        ),
    ),
    Advice(
        breaks("paid as the customer wanted"),
        N_(
            "The money was not taken in the way that the customer had chosen. It is in"
            " `command.payment_method`."
        ),
    ),
    Advice(
        breaks("no order lost"),
        N_('The customer was told "confirmed", and no order is there.'),
    ),
    Advice(
        breaks("no money without an order"),
        N_("No order stands, and money was taken for it that nobody gives back."),
    ),
    Advice(
        breaks("no stock without an order"),
        N_("No order stands, and pieces are set aside for it that nobody puts back."),
    ),
    Advice(
        breaks("no mail without an order"),
        N_("A mail says that the order is confirmed, and no order is there."),
    ),
    Advice(
        breaks("no order without its money"),
        N_(
            "The order stands, and not all of its money was taken. What it costs is in"
            " `command.total`."
        ),
    ),
    Advice(
        breaks("no order without its stock"),
        N_("The order stands, and nothing is set aside for it."),
    ),
    Advice(
        breaks("the customer learns how it ended", "no mail lost"),
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
