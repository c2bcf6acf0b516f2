"""Polling that waits politely: with a cap, a deadline, no wait for nothing, and chance."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from operator import sub

from lessonkit.exercises.advice import first_counterexample
from lessonkit.exercises.program import Program
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.shopfront import Client
from lessonkit.exercises.tables import rows_html
from lessonkit.exercises.trial import run_briefly
from lessonkit.exercises.written import advice, exercise
from lessonkit.faults import stream
from lessonkit.messages import N_, _

ENDS = {0.0: "CONFIRMED", 4.0: "CONFIRMED", 20.0: "CANCELLED", 47.0: "CONFIRMED", inf: "PENDING"}
"""After so many seconds the order becomes this; the customer may know ``MOST_LATE`` s later."""

MOST_LATE, DEADLINE, MOST_QUESTIONS = 10.0, 60.0, 30
"""Seconds; seconds until the customer is told that nobody knows; questions until then."""

CLIENTS, MOST_AT_ONCE, SPREAD_FROM = 300, 150, 5
"""Questions in one second, from this second on. Before, nobody can be far from the others."""

PATIENCE, A_BIT = 3 * DEADLINE, 0.5
"""After so many seconds nobody watches a client any more; what is no delay in a client's life."""

Wait = Callable[..., Awaitable[object]]
"""What is on trial: ``wait_for_confirmation(client, order_id, rng)``."""


@dataclass
class _Waiting:
    """A client waits for its order, which is decided some time later, or never.

    Attributes
    ----------
    asked, answers
        When it asked, in seconds from the beginning of the wait, and what came back.
    others
        The other orders that it asked for.
    lasted, returned
        When the wait ended, and with what; a TimeoutError is returned here, too.
    """

    order: str
    decided: float = inf
    takes: float = 0.02
    asked: list[float] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    others: list[object] = field(default_factory=list)
    lasted: float = PATIENCE
    returned: object = N_("still waiting")

    async def get_status(self, order_id: str) -> str:
        """PENDING, until the order is decided."""
        self.asked.append(self._clock() - self._start)
        self.others += [] if order_id == self.order else [order_id]
        if self.takes:
            await asyncio.sleep(self.takes)
        is_decided = self._clock() - self._start >= self.decided
        self.answers.append(ENDS[self.decided] if is_decided else "PENDING")
        return self.answers[-1]

    async def _watch(self, wait: Wait, seed: int) -> None:
        self._clock = asyncio.get_running_loop().time
        self._start = self._clock()
        answer = wait(Client("orders", self), self.order, stream(seed, "client"))
        waiting = asyncio.ensure_future(answer)
        await asyncio.wait({waiting}, timeout=PATIENCE)
        if waiting.done():
            self.lasted = self._clock() - self._start
            try:
                self.returned = waiting.result()
            except TimeoutError as error:
                self.returned = error
        waiting.cancel()

    @property
    def gave_up(self) -> bool:
        return isinstance(self.returned, TimeoutError)


class _Crowd:
    """Many clients at once. The first three wait for the same order, two with the same dice."""

    def __init__(self, clients: list[_Waiting]) -> None:
        self.clients = clients
        asked = Counter(int(moment) for client in clients for moment in client.asked)
        self.per_second = [asked[second] for second in range(int(DEADLINE))]
        self.most = max(self.per_second[SPREAD_FROM:])


def _judge_polling(wait: Wait) -> Counterexample | None:
    program = Program(wait)
    with _known_dice():
        return first_counterexample(
            _alone(program.start()), ADVICE, _questions, _sentence
        ) or first_counterexample(_together(program), CROWD_ADVICE, _crowd_chart, _crowd_sentence)


@contextmanager
def _known_dice() -> Iterator[None]:
    """Whoever rolls the dice of the module ``random`` gets the same ones in each check."""
    before = random.getstate()
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(before)


def _alone(wait: Wait) -> Iterator[_Waiting]:
    async def some_time() -> None:
        await asyncio.sleep(700.0 * (seed % 2))
        await client._watch(wait, seed)

    for decided in ENDS:
        for seed in range(4):
            client = _Waiting(f"O-{seed + 7}", decided)
            _none = run_briefly(some_time()).result
            yield client


def _together(program: Program) -> Iterator[_Crowd]:
    async def everybody() -> None:
        await asyncio.gather(
            *[one._watch(program.start(), max(n, 1)) for n, one in enumerate(crowd)]
        )

    crowd = [_Waiting(f"O-{max(number, 2)}", takes=0.0) for number in range(CLIENTS)]
    _none = run_briefly(everybody()).result
    yield _Crowd(crowd)


def _sentence(client: _Waiting) -> str:
    words = _("After {one.decided:g} s the order is {end}. The wait lasted {one.lasted:.1f} s.")
    if client.decided == inf:
        words = _("The order is never decided. {asked} questions come in {one.lasted:.1f} s.")
    return words.format(one=client, end=ENDS[client.decided], asked=len(client.asked))


def _questions(client: _Waiting) -> str:
    found = zip(client.asked, client.answers, strict=False)
    rows = [(f"{moment:.2f}", answer) for moment, answer in found]
    end = "TimeoutError" if client.gave_up else _(str(client.returned)[:40])
    last = (f"{client.lasted:.2f}", _("the end: {what}").format(what=end))
    shown = rows if len(rows) < 14 else [*rows[:12], ("…", "…")]
    return rows_html([_("asked after (s)"), _("answer")], [*shown, last])


def _crowd_sentence(crowd: _Crowd) -> str:
    words = _("{all} clients lost their answer at once. In second {second}, {most} questions come.")
    second = crowd.per_second.index(crowd.most, SPREAD_FROM)
    return words.format(all=CLIENTS, second=second, most=crowd.most)


def _crowd_chart(crowd: _Crowd) -> str:
    from lessonkit.lab import charts

    lines = {_("your clients"): crowd.per_second, _("at most"): [MOST_AT_ONCE] * int(DEADLINE)}
    title = _("Questions per second; the order is not decided")
    seconds = list(range(int(DEADLINE)))
    return charts.lines(seconds, lines, title=title, xlabel=_("time (s)"), ylabel=_("questions"))


ADVICE = advice(
    __name__,
    "polite_polling",
    is_never_decided=lambda run: run.decided == inf,
    hammers=lambda run: sum(moment <= DEADLINE for moment in run.asked) > MOST_QUESTIONS,
    is_early=lambda run: run.lasted < min(run.decided, DEADLINE - MOST_LATE),
    is_late=lambda run: run.lasted > run.decided + MOST_LATE + A_BIT,
    pauses_too_long=lambda run: max(map(sub, run.asked, [0.0, *run.asked])) > MOST_LATE + A_BIT,
    misses_the_end=lambda run: run.lasted > run.decided and {*run.answers} <= {"PENDING"},
    returns_the_end=lambda run: (
        run.returned == ENDS[run.decided]
        and run.decided <= run.lasted <= run.decided + MOST_LATE + A_BIT
    ),
    never_ends=lambda run: run.lasted == PATIENCE,
    takes_too_long=lambda run: run.lasted > DEADLINE + 1,
    waits_for_nothing=lambda run: run.lasted - max(run.asked) > A_BIT,
)
CROWD_ADVICE = advice(
    __name__,
    "polite_polling",
    "crowd_advice",
    ignores_the_dice=lambda crowd: crowd.clients[0].asked == crowd.clients[2].asked,
    has_dice_of_its_own=lambda crowd: crowd.clients[0].asked != crowd.clients[1].asked,
    most_are_too_many=lambda crowd: crowd.most > MOST_AT_ONCE,
)

polite_polling = exercise(__name__, "polite_polling", _judge_polling)
