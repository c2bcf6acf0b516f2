"""A relay that may be killed at any moment, and loses nothing and keeps the order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, takewhile

from lessonkit.exercises.advice import first_counterexample
from lessonkit.exercises.mortal import Killed, Storage
from lessonkit.exercises.program import Program
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.tables import rows_html
from lessonkit.exercises.trial import run_briefly
from lessonkit.exercises.written import advice, exercise
from lessonkit.messages import N_, _
from lessonkit.shop import NoReply, ServiceRefused

EVENTS = [f"E-{number}" for number in range(1, 13)]
TWINS = [*EVENTS[:2], "E-2", *EVENTS[3:-1], "E-2"]
BATCH, MOST_CALLS = 10, 12

OUTBOX_TABLE = """
    CREATE TABLE outbox (id INTEGER PRIMARY KEY, body TEXT, published INTEGER DEFAULT 0);
    INSERT INTO outbox VALUES (3, 'E-0', 1);
"""
# Without ORDER BY the order of the rows is left to the database. This one takes the liberty.
NEWEST_FIRST = "PRAGMA reverse_unordered_selects = ON"

QUIET, KILLED, REFUSED, REPLY_LOST, NEVER_ARRIVED = (
    N_("Twelve events are unpublished, and nothing goes wrong. The relay is called every second."),
    N_("The relay was killed after {run.step}. A new one went on."),
    N_("The broker refuses the first five attempts to publish {run.event}."),
    N_("{run.event} went out, but the broker's reply was lost, once."),
    N_("No reply came for {run.event}, once: it had not reached the broker."),
)


@dataclass
class _Run:
    """What a relay has published until nothing was left to do, in one life or in two.

    Attributes
    ----------
    attempts
        In their order: which event, and whether it went out.
    per_call
        How many events each call has published.
    unmarked
        The events that have no mark in the end.
    """

    sentence: str
    event: str = ""
    bodies: list[str] = field(default_factory=lambda: EVENTS)
    step: str = ""
    attempts: list[tuple[str, bool]] = field(default_factory=list)
    per_call: list[int] = field(default_factory=list)
    unmarked: list[str] = field(default_factory=list)

    @property
    def sent(self) -> list[str]:
        return [body for body, is_out in self.attempts if is_out]

    @property
    def lost(self) -> list[str]:
        return list((Counter(self.bodies) - Counter(self.sent)).elements())

    @property
    def again(self) -> list[str]:
        return list((Counter(self.sent) - Counter(self.bodies)).elements())

    @property
    def is_in_order(self) -> bool:
        if self.bodies is TWINS:  # no body says which of the two it is
            return self.sent == TWINS or bool(self.lost or self.again)
        places = [self.bodies.index(body) for body in self.sent if body in self.bodies]
        return places == sorted(places)


def _judge_relay(relay_batch: Callable[..., Awaitable[object]]) -> Counterexample | None:
    return first_counterexample(_runs(Program(relay_batch)), ADVICE, _picture)


def _runs(program: Program) -> Iterator[_Run]:
    yield _deliver(program, _Run(QUIET))
    kills = (_deliver(program, _Run(KILLED), dies_after=step) for step in count(1))
    yield from takewhile(lambda run: run.step, kills)  # so long as there are so many steps
    for sentence in (REFUSED, REPLY_LOST, NEVER_ARRIVED):
        for event in (EVENTS[0], EVENTS[2], EVENTS[-1]):
            yield _deliver(program, _Run(sentence, event))
    yield _deliver(program, _Run(QUIET, bodies=TWINS))


def _deliver(program: Program, run: _Run, **when: int) -> _Run:
    """Let the relay work until all is published; if it is killed, a new one goes on."""
    error = ServiceRefused if run.sentence == REFUSED else NoReply
    failures = [error("broker")] * (5 if run.sentence == REFUSED else 1)

    async def publish(body: str) -> None:
        if body not in (*run.bodies, "E-0"):
            raise ValueError(f"no event of the outbox has the body {body!r}")
        await asyncio.sleep(0.05)
        failure = failures.pop() if failures and body == run.event else None
        with disk.process.doing(_("publish {event}").format(event=body)):
            run.attempts.append((body, failure is None or run.sentence == REPLY_LOST))
        if failure is not None:
            raise failure

    async def live() -> None:
        relay_batch = program.start()
        with suppress(Killed):
            for _call in range(MOST_CALLS):
                before = len(run.sent)
                with suppress(ServiceRefused, NoReply):
                    await relay_batch(disk, publish)
                run.per_call.append(len(run.sent) - before)
                if not storage.look("SELECT 1 FROM outbox WHERE NOT published"):
                    return
                await asyncio.sleep(1)

    rows = ", ".join(f"({10 + 3 * n}, '{body}')" for n, body in enumerate(run.bodies))
    tables = f"{OUTBOX_TABLE}; INSERT INTO outbox (id, body) VALUES {rows}"
    with Storage(tables, NEWEST_FIRST) as storage:
        disk = storage.start_process(**when)
        _none = run_briefly(live()).result
        if disk.process.dead:
            run.step = disk.process.stopped_at
            disk.close()
            disk = storage.start_process()
            _none = run_briefly(live()).result
        disk.close()
        left = storage.look("SELECT body FROM outbox WHERE NOT published ORDER BY id")
        run.unmarked = [body for (body,) in left]
    return run


def _picture(run: _Run) -> str:
    def attempts(*which: object) -> str:
        found = [str(n) for n, attempt in enumerate(run.attempts, 1) if attempt == which]
        return _(", ").join(found if len(found) < 7 else [*found[:5], "…"])

    rows = [
        (body, attempts(body, True), attempts(body, False), "✗" if body in run.unmarked else "✓")
        for body in run.bodies
    ]
    heads = [_("event"), _("published, attempt number"), _("failed, attempt number"), _("marked")]
    return rows_html(heads, rows)


ADVICE = advice(
    __name__,
    "relay_safe",
    is_quiet=lambda run: run.sentence == QUIET,
    mixes_the_twins=lambda run: run.bodies is TWINS and (run.lost or not run.is_in_order),
    is_marked_and_lost=lambda run: run.lost and not {*run.lost} & {*run.unmarked},
    several_again=lambda run: len({*run.again}) > 1,
    takes_other_than_ten=lambda run: run.per_call != [BATCH, len(EVENTS) - BATCH],
    is_unfinished=lambda run: run.lost or run.unmarked or len(run.again) > 1,
)

relay_safe = exercise(__name__, "relay_safe", _judge_relay)
