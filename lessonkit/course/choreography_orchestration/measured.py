"""What notebook 04 measures: what a choice adds, two faults at once, and where one has to look."""

from __future__ import annotations

import math
from asyncio import timeout
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any, NamedTuple

from lessonkit.course.choreography_orchestration import dance, steered
from lessonkit.course.choreography_orchestration.steered import Program
from lessonkit.exercises.trial import CALLS_FAIL
from lessonkit.explorer import Case, Exploration, explore, run_case
from lessonkit.explorer.decision import Decision, Kind
from lessonkit.faults import AnyFault, Crash, Refused, ReplyLost, Slow
from lessonkit.messages import _
from lessonkit.patterns.events import Event
from lessonkit.patterns.saga.progress import What
from lessonkit.runner import run
from lessonkit.shop import Answer, CreateOrder, Shop, Told, audit

Places = Coroutine[Any, Any, Answer]

Directs = Callable[[Shop], Program]
"""Makes an order service of a shop."""

MOMENTS = [0.04 + 0.05 * number for number in range(6)]
"""When a saga is cancelled from outside (seconds): all before the order is saved."""

TOO_SLOW = Slow("payment.charge", times=100)
"""A charge that takes twenty seconds."""


def same_luck(case: Case, found: Exploration) -> tuple[Decision, ...]:
    """The bad luck of a case in another flow, where it strikes other events, of the same words."""
    there = (one.decisions for one, _alike in found.alike if one.title == case.title)
    return next(there, case.decisions)


# --- two faults at once --------------------------------------------------------------------------


class Pairs(NamedTuple):
    """What is left of an exploration of pairs: its cases would fill the memory."""

    survived: int
    tried: int
    about: frozenset[str]
    owed: int


def pairs(scenario: Callable[[Shop], Places], restart: Any) -> Pairs:
    """One and two failing calls at once."""
    found = explore(scenario, restart=restart, pairs=True, **CALLS_FAIL)
    about = frozenset(wrong.about for case in found.cases for wrong in case.violations)
    owed = sum(case.survived and _owes(case) for case in found.cases)
    return Pairs(found.survived, found.tried, about, owed)


def both_in_pairs() -> tuple[Pairs, Pairs]:
    """The repaired choreography and the saga with all choices, under two faults at once."""
    return pairs(dance.repaired, dance.say_again), pairs(_with_all_choices, steered.resume)


# --- what each choice adds -----------------------------------------------------------------------


class Row(NamedTuple):
    """A saga under test: what it survives, and what its customers have of it.

    How many cancellations it survives and how long its customer waits (seconds) is None where only
    an exploration was made.
    """

    survived: int
    tried: int
    confirmed: int
    owed: int
    cancellations: int | None = None
    wait: float | None = None


def choices(*ends: tuple[Directs, Exploration]) -> list[Row]:
    """The first saga, then three choices on top of one another, then the last saga.

    Parameters
    ----------
    ends
        The first and the last one, each with its exploration.
    """
    first, last = ends
    by_key = partial(steered.order_saga, keys=True, first=True)
    with_log = partial(by_key, log=True)
    with_pivot = partial(with_log, pivot=True)
    between = [
        # Each of them waits for one thing at a time: no message can come in another order.
        _explored(explore(partial(_place, saga), restart=steered.resume, late=0))
        for saga in (by_key, with_log, with_pivot)
    ]
    return [_row(*first), *between, _row(*last)]


def _place(directs: Directs, shop: Shop) -> Places:
    return shop.place_order(directs(shop))


def _explored(found: Exploration) -> Row:
    failing = list(calls_failing(found))
    confirmed = sum(case.answers[0].told is Told.CONFIRMED for case in failing)
    return Row(found.survived, found.tried, confirmed, sum(map(_owes, failing)))


def _row(directs: Directs, found: Exploration) -> Row:
    slow = run(_place(directs, Shop(faults=[TOO_SLOW])), drain=math.inf)
    survives = [survives_cancelling(directs, moment) for moment in MOMENTS]
    wait = round(slow.result.wait, 1)
    return _explored(found)._replace(cancellations=sum(survives), wait=wait)


def calls_failing(found: Exploration) -> Iterator[Case]:
    """The runs in which a call fails: as many for each saga, for each is counted."""
    for luck, case in found.alike:
        if luck.decisions[0].kind.startswith(("refused", "lost", "reply-lost")):
            yield case


def _owes(case: Case) -> bool:
    return case.ledgers[0].owed


def survives_cancelling(directs: Directs, moment: float) -> bool:
    """Whether the books are right if the caller loses patience after so many seconds."""

    async def impatient(command: CreateOrder) -> None:
        async with timeout(moment):
            await create_order(command)

    shop = Shop()
    create_order = directs(shop)
    run(shop.place_order(impatient), drain=math.inf)
    return not audit(shop)


class Luck(NamedTuple):
    """An entry in the menu of the choices: its words, and what goes wrong."""

    words: str
    strikes: tuple[AnyFault | Decision, ...]


def bad_luck(found: Exploration) -> list[Luck]:
    """An exploration's cases without late messages, and three that only some choices deal with."""
    punctual = [case for case in found.cases if Kind.LATE not in [d.kind for d in case.decisions]]
    return [
        *(Luck(case.title, case.decisions) for case in punctual),
        Luck(
            _("never charged, and putting back refused"),
            (Refused("payment.charge"), Refused("inventory.cancel_by_key", call=1)),
        ),
        Luck(
            _("killed, and the refund's reply lost"),
            (Crash("orders", after=2), ReplyLost("payment.refund_by_key", call=1)),
        ),
        Luck(_("the charge takes 20 seconds"), (TOO_SLOW,)),
    ]


# --- who knows whom, and what one has to read ----------------------------------------------------


CALLS = ("inventory.reserve", "payment.charge", "database.save", "notification")
"""What an order needs. In the comparison each is refused in turn, for good."""


class Style(NamedTuple):
    """What the comparison says of a style."""

    knows: int
    places: int
    touched: int
    survived: int
    follow: int


def both_styles() -> tuple[Style, Style]:
    """The two repaired flows: whom the order service calls, and where one has to look."""
    dances = partial(run_case, dance.repaired, restart=dance.say_again)
    sagas = partial(run_case, _with_all_choices, restart=steered.resume)
    no_card = Refused("payment.charge")
    danced: Any = dances(no_card).shop
    directed: Any = sagas(no_card).shop
    (*_before, failure) = danced.bus.failures
    log = directed.saga.log.history("O-001")
    return (
        _style(dances, touched=0, follow=_steps_to_the_cause(failure.event, danced.bus)),
        _style(sagas, touched=1, follow=[row.what for row in log].count(What.NOT_DONE)),
    )


def _with_all_choices(shop: Shop) -> Places:
    return shop.place_order(steered.complete_saga(shop))


def _style(under: Callable[..., Case], *, touched: int, follow: int) -> Style:
    knows = under().run.trace.who_knows_whom()
    senders = {sender for sender, _receiver in knows} - {"customer", "event bus"}
    called = {receiver for sender, receiver in knows if sender == "orders"}
    survived = sum(under(Refused(call)).survived for call in CALLS)
    return Style(len(called), len(senders), touched, survived, follow)


def _steps_to_the_cause(event: Event | None, bus: Any) -> int:
    by_id = {event.event_id: event for _time, event in bus.published}
    steps = 0
    while event is not None:
        steps, event = steps + 1, by_id.get(event.causation_id)
    return steps
