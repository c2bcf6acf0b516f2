"""The search: every piece of bad luck, one at a time, then two, the fewest first.

Nothing is listed by hand. A run without bad luck shows what there is: calls, messages, events,
customers. Each of them is struck, one run each. For two at a time, each such run shows what its bad
luck gave rise to (a retry, a compensation, a new process), and the second one strikes there.

A message may be late without bound. But it need be held back only behind events that touch what it
touches itself: to come behind any other makes no difference to anybody. So it is held back once
until nothing else can happen, to learn behind what it can come, and then let go after each of
those. (Mazurkiewicz: traces; Emmi, Qadeer and Rakamarić, "Delay-bounded scheduling", POPL 2011.)
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import chain, combinations, dropwhile

from lessonkit.checks import one_of, true_or_false, whole_number
from lessonkit.explorer.case import Case, Ended, Outcome, Restart, Scenario, as_case, judge
from lessonkit.explorer.decision import CUSTOMERS, FAILS, NEVER, Decision, Event, Kind
from lessonkit.explorer.exploration import Exploration
from lessonkit.explorer.loop import PATIENCE, ExploringLoop
from lessonkit.explorer.progress import Progress
from lessonkit.luck import Leg
from lessonkit.shop import Shop

EVENTS_MORE = 40
"""How many more events than in the run without bad luck may happen while something is late."""

MOST_AT_ONCE = 9
"""So many decisions fit into a replay string."""


def explore(
    scenario: Scenario,
    *,
    shop: Callable[..., Shop] = Shop,
    restart: Restart | None = None,
    faults: bool = True,
    late: int = 1,
    twice: bool = True,
    crashes: str | None = "orders",
    customers: bool = True,
    pairs: bool = False,
    limit: int = 20_000,
    processes: int = 1,
) -> Exploration:
    """Run ``scenario`` without bad luck, then once under every single piece of it; audit each run.

    What is tried: each call is refused, lost, or loses its reply, once and from then on for good;
    each message is late without bound, behind each event that it can come behind and that touches
    what it touches; each message is delivered twice (a request, an event of a bus, a message of
    which a broker never hears that it is done); the process is killed after every event; the
    customer clicks twice, and two customers want the last pieces.

    What is not tried: a message that is late by a certain time (a limit of time that fits by luck
    is found by a late message as well), one that is late for longer than 40 events more than the
    run without bad luck has (then it comes, or a program that polls would never end), a broker's
    message that is late (who reads a queue decides when), a process that is killed between two
    lines that wait for nothing, a disk that forgets, and more than two kinds at a time. Runs in
    which every process sees the same events in the same order are one run, and count once.

    Parameters
    ----------
    scenario
        Called with a fresh shop for each run; returns the coroutine to run.
    shop
        Makes the shop; called with ``faults=()``; ``functools.partial(Shop, seed=1)`` will do.
    restart
        When a process is killed, a new one of the same service starts and runs this.
    faults
        Whether calls fail.
    late
        How many messages at most are late in one run, up to nine. A program's own waiting may be
        late as well: a process that gets no processor. A small scenario has all its orders tried
        before a large number is reached; the exploration says so.
    twice
        Whether messages are delivered twice: requests, and the deliveries of a bus.
    crashes
        The service whose process is killed; None for no kills.
    customers
        Whether somebody clicks twice, and whether two want the last pieces.
    pairs
        Also try every second piece of bad luck with every first, unless one of the two alone is a
        counterexample: then the other is not needed for it.
    limit
        After so many runs the search ends. The exploration says so.
    processes
        How many processors to use. The answer is the same. (Not on Windows: it cannot fork.)

    Returns
    -------
    Exploration
        The case without bad luck first, then those with one piece of it, then those with two.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these, or the scenario does not return a coroutine.
    Exception
        What the scenario raised in a case, unless it is a :class:`~lessonkit.shop.ShopError` or a
        timeout; a note says which case. Ctrl-C gives what was found so far.
    """
    if whole_number("late", late) > MOST_AT_ONCE:
        raise ValueError(f"late must be {MOST_AT_ONCE} at most; got {late!r}")
    whole_number("limit", limit, low=1)
    whole_number("processes", processes, low=1)
    for name, value in (("faults", faults), ("twice", twice), ("customers", customers)):
        true_or_false(name, value)
    if crashes is not None:
        one_of("crashes", crashes, shop().network.processes)
    search = Search(scenario, shop, restart, faults, late, twice, crashes, customers, pairs, limit)
    return search.run(processes)


@dataclass(eq=False)
class Search:
    """One exploration on its way."""

    scenario: Scenario
    shop: Callable[..., Shop]
    restart: Restart | None
    faults: bool
    late: int
    twice: bool
    crashes: str | None
    customers: bool
    pairs: bool
    limit: int
    patience: int = PATIENCE

    def judge(self, decisions: tuple[Decision, ...]) -> tuple[Outcome, Ended]:
        """Run the scenario once under these decisions."""
        loop = ExploringLoop(decisions, self.patience)
        return judge(self.scenario, loop, self.shop, self.restart)

    def outcome(self, decisions: tuple[Decision, ...]) -> Outcome:
        """What comes of it."""
        return self.judge(decisions)[0]

    def run(self, processes: int) -> Exploration:
        """Try everything that the budget allows, level by level."""
        # Only the last one is kept: a shop with open databases is large.
        again = lru_cache(maxsize=1)(lambda decisions: self.judge(decisions)[1])
        first = self.outcome(())
        self.patience = len(first.happened) + EVENTS_MORE
        cases = {first.key: as_case(first, partial(again, ()))}
        alike: list[tuple[Case, Case]] = []
        tried: set[frozenset[Decision]] = set()
        broken: set[frozenset[Decision]] = set()
        runs, ended, depth = 1, "", 0
        level = [first]
        most = max(2 if self.pairs else 1, self.late)
        try:
            with Progress() as progress, self._workers(processes) as expand:
                while level and depth < most and not ended:
                    depth += 1
                    units = list(self._next_units(level, tried, broken))
                    level = []
                    for number, found in enumerate(expand(units), 1):
                        runs += len(found)
                        for outcome in found:
                            if _is_needless(outcome.decisions, broken):
                                continue
                            case = as_case(outcome, partial(again, outcome.decisions))
                            like = cases.setdefault(outcome.key, case)
                            if like is not case:  # what has come of it is kept once
                                case = replace(like, decisions=case.decisions, events=case.events)
                            alike.append((case, like))
                            if outcome.violations:
                                broken.add(frozenset(outcome.decisions))
                            elif like is case:
                                level.append(outcome)
                        progress.show(depth, number, len(units), runs)
                        if runs >= self.limit:
                            ended = "limit"
                            break
        except KeyboardInterrupt:
            ended = "interrupt"
        every = tuple(cases.values())
        return Exploration(every, tuple(alike), runs, depth, self.late, ended, self.outcome)

    def _next_units(
        self,
        level: list[Outcome],
        tried: set[frozenset[Decision]],
        broken: set[frozenset[Decision]],
    ) -> Iterator[tuple[Outcome, Decision]]:
        """The runs of a level with one decision more: each set of decisions once."""
        for outcome in level:
            for unit in self._units(outcome):
                decisions = (*outcome.decisions, unit)
                if frozenset(decisions) not in tried and self._allows(decisions):
                    tried.add(frozenset(decisions))
                    if not _is_needless(decisions, broken):
                        yield outcome, unit

    def _allows(self, decisions: tuple[Decision, ...]) -> bool:
        """Whether a run may have all of these at once."""
        kinds = Counter(decision.kind for decision in decisions)
        return (
            (self.pairs or len(decisions) <= 1 or len(decisions) == kinds[Kind.LATE])
            and kinds[Kind.LATE] <= self.late
            and sum(kinds[kind] for kind in CUSTOMERS) <= 1
            and len(decisions) <= MOST_AT_ONCE
        )

    def _units(self, outcome: Outcome) -> Iterator[Decision]:
        """What could go wrong (besides) in a run; a late event stands for all its places."""
        decided = {decision.event for decision in outcome.decisions}
        if self.customers and not outcome.decisions:
            for order in outcome.orders:
                yield from (Decision(kind, order.id) for kind in CUSTOMERS)
        if self.faults:
            for call in outcome.calls:
                if call.id not in decided:
                    yield from (Decision(kind, call.id) for kind in FAILS)
        if (service := self.crashes) is not None:  # once it has begun, whoever acts
            begun = dropwhile(lambda event: event.process != service, outcome.happened)
            yield from (Decision(Kind.KILLED, event.id, service=service) for event in begun)
        if self.twice:
            for message in outcome.messages:
                if message.id not in decided:
                    yield Decision(Kind.TWICE, message.id)
        if self.late:
            for event in outcome.happened:
                if event.leg not in (Leg.ARRIVE, Leg.KILL) and event.id not in decided:
                    yield Decision(Kind.LATE, event.id, NEVER)

    def _expand(self, outcome: Outcome, unit: Decision) -> list[Outcome]:
        """The runs that one more decision stands for."""
        before = outcome.decisions
        held = self.outcome((*before, unit))
        if unit.kind is not Kind.LATE:
            return [held]
        places = [
            self.outcome((*before, replace(unit, after=other.id)))
            for other in _behind_what(held, outcome, unit.event)
        ]
        return [*places, _last_place(held, unit)]

    @contextmanager
    def _workers(
        self, processes: int
    ) -> Iterator[Callable[[Sequence[tuple[Outcome, Decision]]], Iterator[list[Outcome]]]]:
        if processes == 1:
            yield lambda units: (self._expand(*unit) for unit in units)
            return
        if "fork" not in multiprocessing.get_all_start_methods():
            raise ValueError(f"processes must be 1 on this system; got {processes!r}")
        # A scenario is a function of a notebook: no other process could import it. One that is
        # forked has it already.
        _forked.append(self)
        context = multiprocessing.get_context("fork")
        pool = ProcessPoolExecutor(processes, mp_context=context)
        try:
            yield lambda units: pool.map(_expand_forked, units, chunksize=8)
        finally:
            _forked.pop()
            pool.shutdown(cancel_futures=True)


def _is_needless(decisions: tuple[Decision, ...], broken: set[frozenset[Decision]]) -> bool:
    """Whether a part of these is a counterexample already: then the rest is not needed for it."""
    parts = chain.from_iterable(combinations(decisions, n) for n in range(1, len(decisions)))
    return any(frozenset(part) in broken for part in parts)


_forked: list[Search] = []


def _expand_forked(unit: tuple[Outcome, Decision]) -> list[Outcome]:
    return _forked[-1]._expand(*unit)


def _last_place(held: Outcome, unit: Decision) -> Outcome:
    """The run in which the event came last of all, told by the event that it came behind."""
    ids = [event.id for event in held.happened]
    place = ids.index(unit.event) if unit.event in ids else 0
    if not place:  # it was called off, and never came
        return held
    behind = replace(unit, after=ids[place - 1])
    return replace(held, decisions=(*held.decisions[:-1], behind))


def _behind_what(held: Outcome, before: Outcome, name: str) -> list[Event]:
    """The events behind which the event can come, and which it could tell apart."""
    ids = [event.id for event in held.happened]
    usual = [event.id for event in before.happened].index(name)
    end = ids.index(name) if name in ids else len(ids)
    event = held.happened[end] if name in ids else before.happened[usual]
    return [
        other
        for other in held.happened[usual:end]
        if other.leg is not Leg.ARRIVE and other.touched & event.touched
    ]
