"""Notebook 07: what of a new feature belongs in line and what behind, and which pattern for what.

The plan that a learner writes is not compared with another plan. A shop works by it, on eight bad
days, and what comes of it for the customer is what counts.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.quiz import Option, Question, Quiz
from lessonkit.exercises.result import Counterexample
from lessonkit.faults import Fault, Outage, Slow
from lessonkit.lab.timeline import timeline
from lessonkit.lab.views import shop_view, table
from lessonkit.messages import N_, _
from lessonkit.patterns.backoff import Backoff
from lessonkit.runner import run
from lessonkit.shop import Answer, CreateOrder, Order, OrderFailed, Shop, ShopError, Told, audit
from lessonkit.trace import Trace, current_trace

# --- in line or behind: the shop that works by a plan --------------------------------------------

IN_LINE, BEHIND = "in line", "behind"
LONGEST_WAIT = 0.5
"""Seconds that a customer is ready to wait for the answer."""

PATIENCE = Backoff(base=60.0, cap=600.0, jitter=False)
"""How long to wait before what is behind is tried again."""

GIFT_CALLS = (
    "stock",
    "fraud check",
    "delivery day",
    "payment",
    "packing slip",
    "points",
    "mail",
    "analytics",
)
"""What a plan has to place. In line, they are made in this order."""

OWN_SERVICES: Mapping[str, str] = {
    "fraud check": N_("fraud check"),
    "delivery day": N_("delivery"),
    "packing slip": N_("printer"),
    "points": "points",
    "analytics": N_("analytics"),
}
"""The services that gift orders add to the shop, by the entry of the plan that needs them."""


class GiftShop(Shop):
    """A shop that takes gift orders.

    Parameters
    ----------
    no
        The call that is answered with no: ``"stock"``, ``"fraud check"``, ``"delivery day"`` or
        ``"payment"``.
    trouble
        The call whose service is in trouble, and the kind of trouble.
    """

    def __init__(
        self, no: str | None = None, trouble: tuple[str, Callable[[str], Fault]] | None = None
    ) -> None:
        services = {call: _(name) for call, name in OWN_SERVICES.items()}
        faults = []
        if trouble is not None:
            call, kind = trouble
            faults = [kind(services.get(call, "notification"))]
        super().__init__(
            faults=faults,
            stock={"P-1": 0 if no == "stock" else 10},
            declined=("card",) if no == "payment" else (),
            more=dict.fromkeys(services.values(), 0.05),
        )
        self._no = no
        self._services = services
        self._done: Counter[str] = Counter()

    async def ask(self, call: str, command: CreateOrder) -> bool:
        """Make one call of the plan; False if the answer is no."""
        key = command.order_id
        if call == "stock":
            return (await self.inventory.reserve(command.items, key)).success
        if call == "payment":
            return (await self.payment.charge(command.total, command.payment_method, key)).success
        if call == "mail":
            await self.notification.send_order_confirmation(Order.create(command))
            return True
        operation, result = _OPERATIONS[call]
        service = self._services[call]
        return await self.network.call(service, operation, self._answer, call, service, result)

    def _answer(self, call: str, service: str, result: str) -> bool:
        if result:
            self._done[call] += 1
            current_trace().state(service, result, self._done[call])
        return call != self._no


_OPERATIONS = {
    "fraud check": ("check", ""),
    "delivery day": ("look_up", ""),
    "packing slip": ("print", N_("slips")),
    "points": ("add", N_("points given")),
    "analytics": ("count", N_("orders counted")),
}
"""For each call to a service of our own its operation, and what there is one more of then."""


class PlannedOrders:
    """The order service that works by a plan."""

    def __init__(self, shop: GiftShop, plan: Mapping[str, object]) -> None:
        self.shop = shop
        self.in_line = [call for call in GIFT_CALLS if plan[call] == IN_LINE]
        self.behind = [call for call in GIFT_CALLS if plan[call] == BEHIND]
        self.tasks: list[asyncio.Task[None]] = []
        self._to_undo: set[str] = set()

    async def create_order(self, command: CreateOrder) -> Order:
        """Do what is in line, one after the other, and save the order. The rest comes after."""
        try:
            for call in self.in_line:
                await self._do(call, command)
        except ShopError:
            await self._undo(command)
            raise
        order = Order.create(command)
        await self.shop.database.save(order)
        self.tasks = [asyncio.create_task(self._do_behind(c, command)) for c in self.behind]
        return order

    async def _do(self, call: str, command: CreateOrder) -> None:
        self._to_undo.add(call)  # already now: what is under way may take effect
        if not await self.shop.ask(call, command):
            self._to_undo.remove(call)
            raise OrderFailed(f"{call}: no")

    async def _do_behind(self, call: str, command: CreateOrder) -> None:
        attempt = 0
        while True:
            attempt += 1
            try:
                await self._do(call, command)
            except OrderFailed:  # asking again would not help: the order must be taken back
                await self.shop.database.save(Order.create(command).cancelled())
                await self._undo(command)
                return
            except ShopError:
                await asyncio.sleep(PATIENCE.longest(attempt))
            else:
                return

    async def _undo(self, command: CreateOrder) -> None:
        if "payment" in self._to_undo:
            await self.shop.payment.refund_by_key(command.order_id)
        if "stock" in self._to_undo:
            await self.shop.inventory.cancel_by_key(command.order_id)


# --- in line or behind: the bad days -------------------------------------------------------------


@dataclass(frozen=True)
class Day:
    """A day on which something is wrong with one call of the plan.

    Attributes
    ----------
    call
        With which.
    title
        What is wrong.
    advice
        To somebody whose plan fails on this day.
    trouble
        What is wrong with the service; None if it is well, and its answer is no.
    """

    call: str
    title: str
    advice: str
    trouble: Callable[[str], Fault] | None = None

    @property
    def sells(self) -> bool:
        """Whether the customer should get the order on this day."""
        return self.trouble is not None


DAYS = (
    Day(
        "stock",
        N_("the last gift has just been sold"),
        N_(
            'The customer was told "confirmed", and only then did somebody look at the shelf. It'
            " was empty. Which call has to be answered before anybody may say that word?"
        ),
    ),
    Day(
        "fraud check",
        N_("the card is stolen"),
        N_(
            'The answer was "confirmed", and the packing slip was printed before the check was'
            " through: the gift leaves the house, paid with somebody else's card. (Where the check"
            ' takes hours, the shop has to give another answer: "received".)'
        ),
    ),
    Day(
        "delivery day",
        N_("it cannot be there on the day"),
        N_(
            "The page promised a day that nobody had looked up. A birthday present that comes a day"
            " late is not what was ordered. What is part of the answer must be known when the"
            " answer is given."
        ),
    ),
    Day(
        "payment",
        N_("the card is declined"),
        N_(
            'The customer was told "confirmed", and then the card was declined. Yes, payment takes'
            " 200 ms. But slowness is no reason by itself: does the answer depend on the result?"
        ),
    ),
    Day(
        "mail",
        N_("the mail server is down for half an hour"),
        N_(
            "No mail server, no orders: for half an hour this shop sold nothing. The customer wants"
            " the mail, that is true. But does anybody have to wait for it, and would anybody"
            " rather have no order than a late mail?"
        ),
        partial(Outage, start=0.0, end=1800.0),
    ),
    Day(
        "packing slip",
        N_("the printer is without paper for an hour"),
        N_(
            "Stock, card and day were all right, and the order failed for want of paper. The slip"
            " matters, but to the warehouse, and only when it packs. Important is not the same as"
            " urgent."
        ),
        partial(Outage, start=0.0, end=3600.0),
    ),
    Day(
        "points",
        N_("the points service is down for an hour"),
        N_(
            "An order of 5,000 yen was refused because a few points could not be added. Ask what"
            " happens if the points come an hour later."
        ),
        partial(Outage, start=0.0, end=3600.0),
    ),
    Day(
        "analytics",
        N_("analytics takes 3 seconds"),
        N_(
            "The order went through, but the customer waited 3 seconds more, for a number that only"
            " the shop will ever look at. Who needs the result of this call, and when?"
        ),
        partial(Slow, times=60.0),
    ),
)


@dataclass(frozen=True)
class Outcome:
    """What came of a plan on one day."""

    day: Day
    shop: GiftShop
    answer: Answer
    trace: Trace

    @property
    def harm(self) -> str | None:
        """What is bad about it, in a few words; None if nothing is."""
        if self.day.sells and self.answer.told is not Told.CONFIRMED:
            return _("an order lost")
        if (not self.day.sells and self.answer.told is not Told.FAILED) or audit(self.shop):
            return _("not true")
        if self.answer.wait > LONGEST_WAIT + 1e-9:
            return _("too slow")
        return None


def _judge(plan: dict[str, object]) -> Counterexample | None:
    if (unready := _not_ready(plan)) is not None:
        return unready
    outcomes = [_try(plan, day) for day in DAYS]
    bad = [outcome for outcome in outcomes if outcome.harm is not None]
    if not bad:
        return None
    sentence = _("On {bad} of {all} bad days this plan does harm. Here is one: {day}.").format(
        bad=len(bad), all=len(outcomes), day=_(bad[0].day.title)
    )
    return Counterexample(sentence, _(bad[0].day.advice), _picture(outcomes, bad[0]))


def _try(plan: Mapping[str, object], day: Day) -> Outcome:
    if day.trouble is None:
        shop = GiftShop(no=day.call)
    else:
        shop = GiftShop(trouble=(day.call, day.trouble))
    outcome = run(shop.place_order(PlannedOrders(shop, plan).create_order), drain=math.inf)
    return Outcome(day, shop, outcome.result, outcome.trace)


def _not_ready(plan: Mapping[str, object]) -> Counterexample | None:
    """What keeps the shop from working by this plan, if anything does."""
    both = _('Write "in line" or "behind" beside each call, as text in quotes.')
    missing = [call for call in GIFT_CALLS if plan.get(call, ...) is ...]
    strange = [call for call in plan if call not in GIFT_CALLS]
    unknown = [call for call in GIFT_CALLS if call not in missing and not _is_place(plan[call])]
    if strange:
        words = _("`PLAN` has an entry that belongs to no call: {calls}.")
        advice = _("The calls have the names that they have in the starting cell.")
        return Counterexample(words.format(calls=_listed(strange)), advice, _plan_view(plan))
    if unknown:
        words = _("`PLAN` has a word that the shop does not know: {word}, for {calls}.")
        said = words.format(word=f"{plan[unknown[0]]!r:.40}", calls=_listed(unknown[:1]))
        return Counterexample(said, both, _plan_view(plan))
    if missing:
        words = _("Well begun. Still to be decided: {calls}.")
        advice = _(
            'Write "in line" or "behind" beside each call, as text in quotes. When all of them'
            " are there, the shop opens and works by your plan."
        )
        return Counterexample(words.format(calls=_listed(missing)), advice, _plan_view(plan))
    return None


def _is_place(word: object) -> bool:
    return isinstance(word, str) and word in (IN_LINE, BEHIND)


def _listed(calls: list[Any]) -> str:
    return ", ".join(f"`{call}`" for call in calls)


# --- in line or behind: the pictures -------------------------------------------------------------


def _plan_view(plan: Mapping[str, object]) -> str:
    import pandas as pd

    calls = [*GIFT_CALLS, *(call for call in plan if call not in GIFT_CALLS)]
    places = [plan.get(call, ...) for call in calls]
    shown = ["…" if place is ... else str(place) for place in places]
    return table(pd.DataFrame({_("call"): map(str, calls), "PLAN": shown})).html


def _picture(outcomes: list[Outcome], shown: Outcome) -> str:
    import pandas as pd

    rows = [
        {
            _("the bad day"): _(outcome.day.title),
            _("the customer was told"): _(outcome.answer.told),
            _("the customer waited"): f"{outcome.answer.wait * 1000:,.0f} ms",
            _("is that all right?"): "✓" if outcome.harm is None else f"✗ {outcome.harm}",
        }
        for outcome in outcomes
    ]
    title = f'<div style="font-weight: bold; margin: 8px 0 4px">{escape(_(shown.day.title))}</div>'
    books = shop_view(shown.shop)
    return f"{table(pd.DataFrame(rows)).html}{title}{books}{timeline(shown.trace)}"


in_line_or_behind = Exercise(
    name="in_line_or_behind",
    notebook="07-choosing",
    point=6,
    title=N_("Gift orders: what in line, what behind?"),
    starter="""
PLAN = {
    "stock": ...,
    "fraud check": ...,
    "delivery day": ...,
    "payment": ...,
    "packing slip": ...,
    "points": ...,
    "mail": ...,
    "analytics": ...,
}
""",
    asks=("PLAN",),
    judge=_judge,
    hints=(
        N_(
            "Take one call after the other, and imagine that it says no. Is the answer to the"
            " customer another one then?"
        ),
        N_(
            "Then imagine that it says nothing at all, for an hour. Would the customer rather have"
            " no order, or an order for which this one thing comes later?"
        ),
        N_(
            "Four calls can say no to an order: the shelf, the check, the calendar, the bank."
            " Paper, points, mails and statistics cannot."
        ),
    ),
    answer="""
PLAN = {
    "stock": "in line",
    "fraud check": "in line",
    "delivery day": "in line",
    "payment": "in line",
    "packing slip": "behind",
    "points": "behind",
    "mail": "behind",
    "analytics": "behind",
}
""",
)

# --- which pattern for which need ----------------------------------------------------------------

which_style = Quiz(
    name="which_style",
    notebook="07-choosing",
    point=6,
    title=N_("Which pattern for which need?"),
    module=__name__,
    questions=(
        Question(
            N_(
                "An order was saved. Then the process died, and nobody has ever heard of the order."
                " What does this shop need?"
            ),
            (
                Option(
                    N_("A broker that is never down"),
                    N_(
                        "The broker was well. The process died between the saving and the"
                        " publishing, so the broker was never told."
                    ),
                ),
                Option(
                    N_("Publish first, save afterwards"),
                    N_(
                        "Then it dies the other way round: everybody hears of an order that does"
                        " not exist."
                    ),
                ),
                Option(
                    N_("An outbox: order and event in one transaction"),
                    N_(
                        "Right. Both are stored, or neither. A relay then tells it, as often as it"
                        " takes, even if it is a new process that does so."
                    ),
                    right=True,
                ),
                Option(
                    N_("A compensation for the order"),
                    N_("There is nothing to undo: the order stands. It only has to be told."),
                ),
            ),
        ),
        Question(
            N_(
                "When a later step fails, the money has to go back. And support wants to see at any"
                " time where an order stands."
            ),
            (
                Option(
                    N_("Orchestration: a saga with a log"),
                    N_(
                        "Right. It knows what has been done and how to undo it, and its log is the"
                        " one place to look."
                    ),
                    right=True,
                ),
                Option(
                    N_("Choreography: each service listens to the others"),
                    N_(
                        "It can give the money back, too. But where the order stands is written"
                        " nowhere: support would have to gather it from every service."
                    ),
                ),
                Option(
                    N_("Retries, until every step succeeds"),
                    N_(
                        "Retries help when a service is down for a while. A step that is refused"
                        " for good has to be undone."
                    ),
                ),
                Option(
                    N_("One transaction over all services"),
                    N_(
                        "Each service has a database of its own, and the bank has one, too. Nobody"
                        " can hold all of them in one transaction."
                    ),
                ),
            ),
        ),
        Question(
            N_(
                "A voucher is redeemed at the till. It must count only once, even if two tills try"
                " it in the same second. How does the till find out?"
            ),
            (
                Option(
                    N_("It keeps a copy of all vouchers, updated by events"),
                    N_(
                        "A copy lags behind. In the same second both tills find the voucher valid,"
                        " and both accept it."
                    ),
                ),
                Option(
                    N_("It publishes VoucherUsed, and goes on"),
                    N_(
                        "Then the customer leaves before anybody can say no. The till's next step"
                        " depends on the answer."
                    ),
                ),
                Option(
                    N_("It publishes a question, and waits for an answering event"),
                    N_(
                        "That is a call in two parts: it waits as long as a call, and is harder to"
                        " follow."
                    ),
                ),
                Option(
                    N_("It asks the voucher service to redeem it, and waits"),
                    N_(
                        "Right: request-response. One service decides, in one place, and the till"
                        " knows at once."
                    ),
                    right=True,
                ),
            ),
        ),
        Question(
            N_(
                "The auditor asks who changed a price last March, when, and from what to what."
                " Today's table shows only today's price."
            ),
            (
                Option(
                    N_("CQRS: a table of its own for reading"),
                    N_(
                        "It shows the present in another form. What was never stored cannot be read"
                        " from it either."
                    ),
                ),
                Option(
                    N_("Event sourcing: the changes are what is stored"),
                    N_(
                        "Right. Every change stays, with its time and its author, and the price of"
                        " any day can be computed from them."
                    ),
                    right=True,
                ),
                Option(
                    N_("Two more columns: changed_by and changed_at"),
                    N_("They know the last change. The next one overwrites them, March included."),
                ),
                Option(
                    N_("A log file beside the table"),
                    N_(
                        "Two places, two writes: one of them can fail, and nobody notices. Then the"
                        " auditor has two truths."
                    ),
                ),
            ),
        ),
        Question(
            N_(
                'The page "My orders" gathers from seven tables each time it is opened, and has'
                " become slow. It may be a second behind."
            ),
            (
                Option(
                    N_("Event sourcing"),
                    N_(
                        "That is about what is stored. By itself it makes reading slower: a list"
                        " would have to go through the whole history."
                    ),
                ),
                Option(
                    N_("Seven calls at the same time"),
                    N_(
                        "The page is then as slow as the slowest of them, and it is down when any"
                        " of them is."
                    ),
                ),
                Option(
                    N_("CQRS: a read model, kept up to date by events"),
                    N_(
                        "Right. The page reads one table that has just the form it needs. It lags"
                        " a little, and here it may."
                    ),
                    right=True,
                ),
            ),
        ),
        Question(
            N_(
                "The reply of a consumer was lost, so the broker delivered the event again. The"
                " customer has paid twice."
            ),
            (
                Option(
                    N_("An inbox, or the event's id as idempotency key"),
                    N_(
                        "Right. Delivered at least once, and effective once: the second time it is"
                        " recognised, and nothing happens."
                    ),
                    right=True,
                ),
                Option(
                    N_("Switch off the second delivery"),
                    N_(
                        "Then a lost event stays lost. You would exchange a double charge for one"
                        " that is missing."
                    ),
                ),
                Option(
                    N_("An outbox at the sender"),
                    N_(
                        "It makes sure that the event is not lost. It is itself a reason why events"
                        " come twice."
                    ),
                ),
                Option(
                    N_("A broker that delivers exactly once"),
                    N_(
                        "Without the reply no broker can know whether the money has been taken."
                        " Only the one who takes it can."
                    ),
                ),
            ),
        ),
    ),
)
