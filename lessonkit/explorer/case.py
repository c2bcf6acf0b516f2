"""One run under its bad luck, and what the audit says about it."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2s
from typing import Any

from lessonkit.clock import BackgroundTaskError, DeadlockError
from lessonkit.explorer.decision import Decision, Event, Kind, decode, encode, in_words
from lessonkit.explorer.loop import ExploringLoop
from lessonkit.faults import AnyFault
from lessonkit.luck import Leg
from lessonkit.messages import _
from lessonkit.runner import Run, run_on
from lessonkit.shop import (
    Answer,
    CreateOrder,
    OrderBooks,
    Shop,
    ShopError,
    Violation,
    audit,
    books,
    remarks,
)
from lessonkit.shop.orders import pieces_of

Scenario = Callable[[Shop], Awaitable[object]]
"""Something that happens in a fresh shop, as in ``lambda shop: shop.place_order(create_order)``."""

Restart = Callable[[Shop], Coroutine[Any, Any, object]]
"""What a new process of a killed service does first: its relay, its saga log."""

Ended = tuple[Shop, Run[object]]
"""A shop after its run, and the run."""


@dataclass(frozen=True)
class Outcome:
    """What is kept of a run: enough to judge it, to go on from it, and to run it again."""

    decisions: tuple[Decision, ...]
    happened: tuple[Event, ...]
    calls: tuple[Event, ...]
    messages: tuple[Event, ...]
    orders: tuple[Event, ...]
    key: str
    violations: tuple[Violation, ...]
    remarks: tuple[Violation, ...]
    ledgers: tuple[OrderBooks, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Case:
    """One run under its bad luck, and what the audit says about it.

    Attributes
    ----------
    decisions
        What went wrong; the fewest that lead to this run.
    faults
        The faults that the shop itself was made with.
    violations, remarks
        What the audit says.
    ledgers
        What each service knew of each order at the end.
    answers
        What the customers were told.
    """

    decisions: tuple[Decision, ...]
    faults: tuple[AnyFault, ...]
    violations: tuple[Violation, ...]
    remarks: tuple[Violation, ...]
    ledgers: tuple[OrderBooks, ...]
    answers: tuple[Answer, ...]
    events: dict[str, Event]
    again: Callable[[], Ended]

    def __repr__(self) -> str:
        return f"Case({self.title!r}, survived={self.survived})"

    @property
    def survived(self) -> bool:
        """Whether the shop is honest after all."""
        return not self.violations

    @property
    def title(self) -> str:
        """What went wrong, in words."""
        words = [in_words(one, self.events) for one in (*self.decisions, *self.faults)]
        return " + ".join(words) or _("no fault")

    @property
    def longest_wait_ms(self) -> str:
        """How long the customer waited who waited longest, in milliseconds, for the screen."""
        return max(self.answers, key=lambda answer: answer.wait).wait_ms

    @property
    def replay(self) -> str:
        """A short string that gives the same run anywhere; see :func:`replay`."""
        return encode(self.decisions)

    @property
    def shop(self) -> Shop:
        """The shop after the run. It is run again, if need be: nobody keeps all shops."""
        return self.again()[0]

    @property
    def run(self) -> Run[object]:
        """The run with its trace; run again, if need be."""
        return self.again()[1]


def run_case(
    scenario: Scenario,
    *luck: AnyFault | Decision,
    shop: Callable[..., Shop] = Shop,
    restart: Restart | None = None,
) -> Case:
    """Run ``scenario`` once, under this bad luck, and audit it.

    Parameters
    ----------
    scenario
        Called with a fresh shop; returns the coroutine to run.
    luck
        Faults that the shop is made with, or decisions of another case. A decision about an event
        that does not occur decides nothing.
    shop, restart
        As in :func:`~lessonkit.explorer.explore`.

    Raises
    ------
    Exception
        What the scenario raised, unless it is a :class:`ShopError` or a timeout; a note says in
        which case.
    """
    decisions = tuple(one for one in luck if isinstance(one, Decision))
    faults = tuple(one for one in luck if not isinstance(one, Decision))
    outcome, ended = judge(scenario, ExploringLoop(decisions), shop, restart, faults)
    return as_case(outcome, lambda: ended, faults)


def replay(
    text: str,
    scenario: Scenario,
    *,
    shop: Callable[..., Shop] = Shop,
    restart: Restart | None = None,
) -> Case:
    """Run ``scenario`` once more under the bad luck of an earlier case.

    Parameters
    ----------
    text
        The ``replay`` of that case.
    scenario, shop, restart
        The same that were explored.

    Raises
    ------
    TypeError, ValueError
        If the text cannot be read, or speaks of an event that does not occur in this scenario.
    """
    decisions = decode(text)
    case = run_case(scenario, *decisions, shop=shop, restart=restart)
    for decision in decisions:
        if decision.event not in case.events:
            raise ValueError(
                f"replay: {str(decision)!r} speaks of an event that does not occur here; was it"
                " another scenario, or another shop?"
            )
    return case


def judge(
    scenario: Scenario,
    loop: ExploringLoop,
    shop: Callable[..., Shop],
    restart: Restart | None,
    faults: tuple[AnyFault, ...] = (),
) -> tuple[Outcome, Ended]:
    """Run the scenario under the decisions of the loop, and have it audited."""
    ours = shop(faults=faults)

    def kill(service: str) -> None:
        if ours.network.processes[service].alive:
            ours.network.kill(service)

    def start_again(service: str) -> None:
        if restart is not None:
            loop.create_task(ours.restart(service, restart(ours)))

    async def play() -> object:
        return await scenario(ours)

    loop.kill, ours.network.on_kill = kill, start_again
    ours.customer.on_order = partial(_joined_by, loop, ours)
    # What is on its way when the scenario ends arrives before the audit looks at the books.
    kept: Run[object] = run_on(loop, play(), drain=math.inf)
    outcome = Outcome(
        loop.decisions,
        loop.in_order(),
        tuple(loop.calls),
        tuple(loop.messages),
        tuple(loop.orders),
        _key(loop),
        tuple(audit(ours)),
        tuple(remarks(ours)),
        tuple(books(ours)),
        tuple(ours.customer.answers),
    )
    unlucky = bool(loop.decisions or faults)
    if kept.error is not None and not _is_what_may_happen(kept.error, unlucky):
        title = as_case(outcome, lambda: (ours, kept), faults).title
        kept.error.add_note(_("(while exploring the case: {case})").format(case=title))
        raise kept.error
    return outcome, (ours, kept)


def as_case(
    outcome: Outcome, again: Callable[[], Ended], faults: tuple[AnyFault, ...] = ()
) -> Case:
    """What a learner sees of an outcome."""
    ids = {name for one in outcome.decisions for name in (one.event, one.after)}
    events = (*outcome.happened, *outcome.messages, *outcome.orders, *outcome.calls)
    return Case(
        outcome.decisions,
        faults,
        outcome.violations,
        outcome.remarks,
        outcome.ledgers,
        outcome.answers,
        {event.id: event for event in events if event.id in ids},
        again,
    )


def _key(loop: ExploringLoop) -> str:
    """The same for two runs if every process saw the same events in the same order.

    (Mazurkiewicz traces: events that have nothing to do with each other may change places.)
    """
    seen: dict[str, list[str]] = {}
    for event in loop.happened:
        for place in event.touched:
            seen.setdefault(place, []).append(event.id)
    lines = [f"{place} {' '.join(ids)}" for place, ids in sorted(seen.items())]
    lines += [f"{call} {failure}" for call, failure in loop.struck]
    return blake2s("\n".join(lines).encode(), digest_size=16).hexdigest()


def _joined_by(loop: ExploringLoop, shop: Shop, command: CreateOrder) -> list[CreateOrder]:
    """What is ordered at the same moment as ``command``, by bad luck."""
    others = []
    for kind in loop.joins(command.order_id):
        if kind is Kind.CLICKS_TWICE:
            others.append(command)
        else:
            shelf = shop.inventory
            for product, pieces in pieces_of(command.items).items():
                shelf.initial[product] = shelf.stock[product] = pieces
            names = f"{command.order_id}-B", f"{command.customer_id}-B"
            others.append(replace(command, order_id=names[0], customer_id=names[1]))
    return others


def _is_what_may_happen(error: BaseException, unlucky: bool) -> bool:
    # A call that fails under a fault is what we are here for; a mistake in the program is not. And
    # whoever waits for ever because of bad luck is a finding: the customer gets no answer.
    if isinstance(error, BackgroundTaskError):
        return all(_is_what_may_happen(one, unlucky) for one in error.errors)
    return isinstance(error, ShopError | TimeoutError) or (
        unlucky and isinstance(error, DeadlockError)
    )


def struck_thing(decision: Decision, events: dict[str, Event]) -> str:
    """What a decision strikes: an operation, an event, a service, or the customers."""
    event = events.get(decision.event)
    if decision.kind is Kind.KILLED:
        return decision.service
    if event is None or event.leg is Leg.ORDER:
        return "customer"
    return event.what if event.leg is not Leg.TIMER else event.process
