"""The network in a learner's hands: one run that stops before each message and asks.

A game is a list of moves, and nothing else. Each move plays the scenario from its start with the
moves so far, to the first message about which nothing has been decided. There the picture is
taken; then the run goes on to its end without more bad luck, so that the audit can say how it would
end. What goes wrong is a :class:`~lessonkit.explorer.decision.Decision`: so the moves are a replay
string, and to undo one is to leave it out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, replace
from typing import Any

from lessonkit.clock.loop import Handle
from lessonkit.explorer.case import Case, Restart, Scenario, as_case, judge
from lessonkit.explorer.decision import NEVER, Decision, Kind
from lessonkit.explorer.loop import ExploringLoop, Pending
from lessonkit.explorer.saved import words_of
from lessonkit.luck import Happening, Leg
from lessonkit.records import Fate
from lessonkit.shop import Shop
from lessonkit.trace import Trace, current_trace


@dataclass(frozen=True, slots=True)
class Move:
    """One click.

    Attributes
    ----------
    lets
        The id of the event that may happen now; ``"end"`` for all that are left.
    decision
        What goes wrong.
    """

    lets: str = ""
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A message (or a wait) that has not come to its end yet, and what can be done to it.

    Attributes
    ----------
    leg, what, process
        See :class:`~lessonkit.luck.Happening`.
    due
        The second at which it comes if nothing holds it back.
    let, hold, lose, double
        The moves that there are for it; None if that cannot be done to it now.
    held
        Whether it is held back.
    """

    leg: Leg
    what: str
    process: str
    due: float
    let: Move | None
    hold: Move | None
    lose: Move | None
    double: Move | None
    held: bool


@dataclass(frozen=True)
class Position:
    """Where a game stands.

    Attributes
    ----------
    under_way
        What has not come to its end yet, the next one first. Nothing, when the run is over.
    trace
        What has happened so far.
    now
        The second at which the run stands.
    kill
        The move that kills the order service; None if nothing has happened yet, or all has.
    case
        How it ends if nothing else goes wrong.
    answered
        Gives the calls, as ``"orders → payment.charge"``, that the usual run does not make: what
        the shop does about what goes wrong.
    """

    under_way: tuple[UnderWay, ...]
    trace: Trace
    now: float
    kill: Move | None
    case: Case
    answered: Callable[[], tuple[str, ...]]

    @property
    def over(self) -> bool:
        """Whether all has happened."""
        return not self.under_way


class _PausingLoop(ExploringLoop):
    """Takes a picture before the first event that no move lets happen, and runs on."""

    def __init__(self, moves: tuple[Move, ...]) -> None:
        super().__init__(decisions_of(moves))
        self.picture: tuple[tuple[UnderWay, ...], Trace, float, Move | None] | None = None
        self._lets = {move.lets for move in moves}
        self._message_of: dict[object, str] = {}  # of a request, or of an event's delivery
        self._requests: dict[str, int] = {}  # for each effect, the number of its request

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Handle:
        handle = super().call_at(when, callback, *args, context=context)
        if isinstance(callback, Happening):
            name = next(reversed(self._waiting))
            request: Any = getattr(callback.step, "__self__", None)  # whose leg it is
            if callback.leg in (Leg.ARRIVE, Leg.EVENT):
                self._message_of[name] = self._message_of[request] = self._sent
            else:
                self._message_of[name] = self._message_of.get(request, "")
            if callback.leg is Leg.EFFECT:
                self._requests[name] = request.message.number
        return handle

    def _next(self) -> Pending:
        event = super()._next()
        if self.picture is None and not self._may_happen(event):
            self.picture = self._taken(event)
        return event

    def _may_happen(self, event: Pending) -> bool:
        # That a request arrives changes nothing yet. And a wait is worth a question only while
        # somebody holds a message back.
        waits = event.leg in (Leg.TIMER, Leg.NO_REPLY)
        return (
            event.id in self._lets
            or NEVER in self._lets
            or event.leg is Leg.ARRIVE
            or (waits and not self._held())
        )

    def _held(self) -> set[str]:
        return self._late.keys() & self._waiting.keys()

    def _taken(self, first: Pending) -> tuple[tuple[UnderWay, ...], Trace, float, Move | None]:
        held = self._held()
        legs = {Leg.EFFECT, Leg.REPLY, Leg.EVENT}
        shown = [
            one
            for one in self._waiting.values()
            if one is first or one.leg in (legs | {Leg.TIMER, Leg.NO_REPLY} if held else legs)
        ]
        shown.sort(key=lambda one: (one is not first, one.id in held, one.when, one.number))
        under_way = tuple(self._as_under_way(one, first, one.id in held) for one in shown)
        trace = current_trace()
        so_far = Trace(messages=[replace(message) for message in trace.messages])
        # About a request is asked when its service would act on it: until then it is under way.
        for one in self._waiting.values():
            if one.leg is Leg.EFFECT:
                request = so_far.messages[self._requests[one.id]]
                request.ended, request.fate = None, Fate.IN_FLIGHT
        so_far.states, so_far.notes = list(trace.states), list(trace.notes)
        last = self.happened[-1].id if self.happened else ""
        kill = Move(decision=Decision(Kind.KILLED, last, service="orders")) if last else None
        return under_way, so_far, self._now, kill

    def _as_under_way(self, one: Pending, first: Pending, held: bool) -> UnderWay:
        message = self._message_of.get(one.id, "")
        decided = {decision.event for decision in self.decisions}
        free = not held and message not in decided and one.id not in decided
        is_call = free and message in {call.id for call in self.calls}
        may_double = free and message in {sent.id for sent in self.messages}
        let = hold = lose = double = None
        if held:
            let = Move(one.id, Decision(Kind.LATE, one.id, self.happened[-1].id))
        elif one is first:
            let = Move(one.id)
        if not held and one.id not in decided:
            hold = Move(decision=Decision(Kind.LATE, one.id, NEVER))
        if is_call and one.leg is Leg.EFFECT:
            lose = Move(decision=Decision(Kind.DOWN, message))
        elif is_call and one.leg is Leg.REPLY:
            lose = Move(one.id, Decision(Kind.REPLY_LOST, message))
        if may_double and one.leg in (Leg.EFFECT, Leg.EVENT):
            double = Move(decision=Decision(Kind.TWICE, message))
        return UnderWay(one.leg, one.what, one.process, one.when, let, hold, lose, double, held)


def decisions_of(moves: tuple[Move, ...]) -> tuple[Decision, ...]:
    """What goes wrong by these moves: to let a held message come only says when it comes."""
    found: dict[tuple[str, str], Decision] = {}
    for move in moves:
        if move.decision is not None:
            found[move.decision.kind, move.decision.event] = move.decision
    return tuple(found.values())


def play(
    scenario: Scenario,
    moves: tuple[Move, ...],
    *,
    shop: Callable[..., Shop] = Shop,
    restart: Restart | None = None,
) -> Position:
    """Where the game stands after these moves.

    Parameters
    ----------
    scenario, shop, restart
        As in :func:`~lessonkit.explorer.explore`.
    moves
        Those that the positions before offered, in their order.
    """

    def answered() -> tuple[str, ...]:
        usual, _ended = judge(scenario, ExploringLoop(), shop, restart)
        return tuple(Counter(map(words_of, outcome.calls)) - Counter(map(words_of, usual.calls)))

    loop = _PausingLoop(moves)
    outcome, ended = judge(scenario, loop, shop, restart)
    case = as_case(outcome, lambda: ended)
    _shop, run = ended
    return Position(*(loop.picture or ((), run.trace, run.elapsed, None)), case, answered)
