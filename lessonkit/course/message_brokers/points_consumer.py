"""A consumer that gives the points of each message once, at whatever moment it is killed."""

from __future__ import annotations

import inspect
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lessonkit.database import Database
from lessonkit.exercises.advice import first_counterexample
from lessonkit.exercises.mortal import Disk, Killed, Process, Storage
from lessonkit.exercises.program import Program
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.tables import rows_html
from lessonkit.exercises.written import advice, exercise
from lessonkit.messages import N_, _


@dataclass(frozen=True)
class PointsMessage:
    """A message: so many loyalty points for a customer.

    Attributes
    ----------
    id
        The message's own. If the same message comes twice, it has the same id.
    customer
        Who gets them.
    points
        How many.
    """

    id: str
    customer: str
    points: int


MESSAGES = (
    PointsMessage("M-7", "C-1", 50),
    PointsMessage("M-2", "C-2", 30),
    PointsMessage("M-17", "C-1", 50),  # an honest one, which looks like the first
    PointsMessage("M-1", "C-2", 20),
)
"""What the service gets, in this order."""

MOST_STEPS = 40
"""So many moments of the work on a message are tried; a solution has about six."""

QUIET, AGAIN, KILLED = (
    N_("Each message came once, and nobody was killed."),
    N_("{run.hit} came a second time."),
    N_("The process was killed with {run.hit} in hand, after {run.step}. {run.hit} came again."),
)


@dataclass
class _Run:
    """What a points service did with messages, until it ended.

    Attributes
    ----------
    hit, late
        The id of the message that came again, and whether others came in between.
    step, all_done
        After which step the process was killed, and whether that was the last one.
    error, at_start
        What `handle` raised when the message came again, or else the new process when it started.
    rows
        For each delivery the message, what its customer had then and should have had.
    steps
        How many steps the work on each message took.
    has, should
        The points of each customer, when all processes had ended.
    """

    sentence: str
    hit: str = ""
    late: bool = False
    all_done: bool = False
    step: str = ""
    error: sqlite3.Error | None = None
    at_start: bool = False
    rows: list[tuple[PointsMessage, int, int]] = field(default_factory=list)
    steps: dict[str, int] = field(default_factory=dict)
    has: dict[str, int] = field(default_factory=dict)
    should: Counter[str] = field(default_factory=Counter)


def _judge_points(consumer: type) -> Counterexample | None:
    return first_counterexample(_runs(Program(consumer)), ADVICE, _picture)


def _runs(program: Program) -> Iterator[_Run]:
    first = MESSAGES[0]
    quiet = _play(program, _Run(QUIET), MESSAGES)
    yield quiet
    yield _play(program, _Run(AGAIN, first.id), (first, *MESSAGES))
    yield _play(program, _Run(AGAIN, first.id, late=True), (*MESSAGES, first))
    for hit in MESSAGES:
        last = min(quiet.steps[hit.id], MOST_STEPS)
        for step in (last, *range(1, last)):
            yield _play(program, _Run(KILLED, hit.id, all_done=step == last), MESSAGES, step)


def _play(
    program: Program, run: _Run, messages: Sequence[PointsMessage], dies_after: int | None = None
) -> _Run:
    todo, wire, consumer = list(messages), list[PointsMessage](), None
    with Storage(isolation_level=None) as storage:
        disk = storage.start_process()
        while todo:
            message = todo.pop(0)
            is_new = message.id not in run.steps
            run.should[message.customer] += message.points if is_new else 0
            try:
                consumer = consumer or program.start()(_database(disk))
                is_hit = is_new and message.id == run.hit
                disk.process = Process(dies_after if is_hit else None)
                wire.append(replace(message))  # it comes as a copy; no two are in one place
                _handle(consumer, wire[-1])
                if disk.process.dead:  # the consumer may have swallowed even that
                    raise Killed
            except Killed:
                todo.insert(0, message)
                run.step, run.steps[message.id] = disk.process.stopped_at, 0
                disk.close()
                disk, consumer = storage.start_process(), None
                continue
            except sqlite3.Error as error:
                if is_new:
                    raise
                run.error, run.at_start, todo = error, consumer is None, []
            run.steps[message.id] = len(disk.process.done)
            has = _points(storage).get(message.customer, 0)
            run.rows.append((message, has, run.should[message.customer]))
        disk.close()  # the process may die now, too
        run.has = _points(storage)
    return run


def _database(disk: Disk) -> Database:
    database = Database(":memory:")
    database.close()
    database.connection = disk
    return database


def _handle(consumer: Any, message: PointsMessage) -> None:
    result = consumer.handle(message)
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError("handle must be declared with 'def', without 'async'")


def _points(storage: Storage) -> dict[str, int]:
    try:
        return dict(storage.look("SELECT customer, sum(points) FROM points GROUP BY customer"))
    except sqlite3.OperationalError:  # there is no such table
        return {}


def _picture(run: _Run) -> str:
    rows = [(one.id, one.customer, one.points, has, should) for one, has, should in run.rows]
    rows += [(_("the end"), name, "", run.has.get(name, 0), n) for name, n in run.should.items()]  # type: ignore[misc]
    heads = [_("message"), _("customer"), _("points"), _("has now"), _("should have")]
    return rows_html(heads, rows)


ADVICE = advice(
    __name__,
    "points_once",
    is_quiet=lambda run: run.sentence == QUIET,
    nobody_was_killed=lambda run: run.sentence == AGAIN,
    is_wrong=lambda run: run.has != run.should,
    has_nothing=lambda run: not any(run.has.values()),
    # Nothing but the third message is missing: the one that looks like the first.
    drops_the_twin=lambda run: [has for _message, has, _should in run.rows] == [50, 30, 50, 50],
    too_many=lambda run: any(has > run.should[customer] for customer, has in run.has.items()),
)

points_once = exercise(__name__, "points_once", _judge_points)
