"""A consumer that gives the points of each message once, at whatever moment it is killed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lessonkit.course.message_brokers.points_service import (
    MESSAGES,
    PointsMessage,
    PointsService,
    saying_done,
)
from lessonkit.database import Database
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.tables import rows_html
from lessonkit.messages import N_, _

MOST_MOMENTS = 40
"""So many moments of the work on one message are tried; a solution has about seven."""


def _judge_points(consumer: Callable[[Database], Any]) -> Counterexample | None:
    return (
        _on_a_quiet_day(consumer)
        or _coming_again(consumer)
        or next(filter(None, (_killed(consumer, message) for message in MESSAGES)), None)
    )


def _on_a_quiet_day(consumer: Callable[[Database], Any]) -> Counterexample | None:
    with PointsService(consumer) as service:
        for message in MESSAGES:
            service.deliver(message)
    if service.is_right:
        return None
    said = _("Each message came once, nobody was killed, and still the points are wrong.")
    c_1, c_2 = (service.points_of(customer) for customer in ("C-1", "C-2"))
    if not any(service.has.values()):
        advice = _(
            "Nobody has got any points. They belong in the table `points`: one row for each"
            " customer, and its transaction must be committed when `handle` returns."
        )
    elif (c_1, c_2) == (service.should["C-1"] - MESSAGES[2].points, service.should["C-2"]):
        advice = _(
            "M-1 and M-3 look alike: the same customer, as many points. But they are two messages,"
            " for two orders. By what can you tell a message that comes again from another one that"
            " only looks like it?"
        )
    else:
        advice = _(
            "A message adds its points to those that the customer has already. Look at the first"
            " row in which the two numbers differ."
        )
    return Counterexample(said, advice, service.picture())


def _coming_again(consumer: Callable[[Database], Any]) -> Counterexample | None:
    first = MESSAGES[0]
    for order in ((first, first, *MESSAGES[1:]), (*MESSAGES, first)):
        try:
            with PointsService(consumer) as service:
                for message in order:
                    service.deliver(message)
        except sqlite3.IntegrityError as error:
            return _refused(service, first, error)
        if not service.is_right:
            return _counted_wrongly(service, late=order[-1] is first)
    return None


def _refused(service: PointsService, message: PointsMessage, error: Exception) -> Counterexample:
    said = _("{id} came a second time, and `handle` raised an error: {error}")
    advice = _(
        "The points are right. But the broker sees only the error, and delivers the message again,"
        " and again: a poison message. For a message that has been handled, there is nothing to do;"
        " return, and say so to the broker."
    )
    return Counterexample(said.format(id=message.id, error=error), advice, service.picture())


def _counted_wrongly(service: PointsService, late: bool) -> Counterexample:
    said = _("The broker has delivered M-1 twice, and C-1 has {has} points instead of {should}.")
    has, should = service.points_of("C-1"), service.should["C-1"]
    if has < should:
        advice = _(
            "This is a new shop with an empty database, and your consumer remembers the ids of"
            " another one: a class attribute or a global variable belongs to the whole program."
            " What has been handled belongs in the database."
        )
    elif late:
        advice = _(
            "The second time came late, with other messages in between. It is not enough to"
            " remember the last one."
        )
    else:
        advice = _(
            "Nothing tells the second time from the first. Every message has an `id`, and it is the"
            " same when the message comes again. Where could the consumer write it down?"
        )
    return Counterexample(said.format(has=has, should=should), advice, service.picture())


def _killed(consumer: Callable[[Database], Any], hit: PointsMessage) -> Counterexample | None:
    """Kill the process at each moment at which it has ``hit`` in its hands."""
    moments: list[tuple[str, PointsService]] = []
    for done, next_step in enumerate(_steps(consumer, hit)[:MOST_MOMENTS]):
        with PointsService(consumer) as service:
            for message in MESSAGES:
                if message is not hit:
                    service.deliver(message)
                    continue
                try:
                    service.kill_after(done, message)
                except sqlite3.OperationalError as error:
                    if "already exists" not in str(error):
                        raise
                    return _cannot_start_again(service, error)
                except sqlite3.IntegrityError as error:
                    return _refused(service, message, error)
        moments.append((next_step, service))
    harmed = [(step, service) for step, service in moments if not service.is_right]
    if not harmed:
        return None
    _step, service = harmed[0]
    sentence = _(
        "The process was killed while it had {id} in hand, and then {id} came again. This goes"
        " wrong at {harm} of {all} moments: {customer} has {has} points instead of {should}."
    ).format(
        id=hit.id,
        harm=len(harmed),
        all=len(moments),
        customer=hit.customer,
        has=service.points_of(hit.customer),
        should=service.should[hit.customer],
    )
    return Counterexample(sentence, _advice_killed(harmed, hit), _moments_table(moments, hit))


def _steps(consumer: Callable[[Database], Any], hit: PointsMessage) -> list[str]:
    with PointsService(consumer) as service:
        for message in MESSAGES[: MESSAGES.index(hit)]:
            service.deliver(message)
        return service.steps_of(hit)


def _advice_killed(harmed: Sequence[tuple[str, PointsService]], hit: PointsMessage) -> str:
    customer = hit.customer
    if any(service.points_of(customer) < service.should[customer] for _step, service in harmed):
        return _(
            "Points are lost. The id was committed, and then the process died before the points"
            " were. When the message comes again, it counts as handled. What must never be stored"
            " without the other?"
        )
    if any(step == saying_done() for step, _service in harmed):
        return _(
            "The points were committed, but the new process knows nothing of it. An attribute of"
            " the object dies with the process. What has survived the kill?"
        )
    return _(
        "Points count twice. They were committed, and the process died before the id was. Two"
        " commits one after the other leave a gap between them, however narrow it is."
    )


def _cannot_start_again(service: PointsService, error: Exception) -> Counterexample:
    said = _("The process was killed, and a new one could not start: {error}").format(error=error)
    advice = _(
        "The database outlives the process, with its tables. `__init__` must get on with tables"
        " that are there already: `CREATE TABLE IF NOT EXISTS`."
    )
    rows = [(name, _("is there already")) for name in _tables(service)]
    heads = [_("table in the database"), _("what the new process finds")]
    picture = rows_html(heads, rows)
    return Counterexample(said, advice, picture)


def _tables(service: PointsService) -> Iterator[str]:
    select = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    return (name for (name,) in service.db.connection.look(select))


def _moments_table(moments: Sequence[tuple[str, PointsService]], hit: PointsMessage) -> str:
    rows = []
    for number, (step, service) in enumerate(moments, start=1):
        has, should = service.points_of(hit.customer), service.should[hit.customer]
        moment = step if len(step) <= 70 else f"{step[:69]}…"
        rows.append((number, moment, f"{'✓' if has == should else '✗'} {has}", should))
    customer_has = _("{customer} has").format(customer=hit.customer)
    columns = ["", _("killed just before"), customer_has, _("should have")]
    return rows_html(columns, rows)


points_once = Exercise(
    name="points_once",
    notebook="03-message-brokers",
    point=4,
    title=N_("Let every message count once, whenever the process is killed"),
    shown=N_(
        "The id and the work in one transaction: then a message may come as often as it likes."
    ),
    starter="""
class PointsConsumer:
    def __init__(self, db):
        self.db = db
        db.execute("CREATE TABLE IF NOT EXISTS points (customer TEXT PRIMARY KEY, points INTEGER)")

    def handle(self, message):
        with self.db.transaction() as tx:
            tx.execute("INSERT OR IGNORE INTO points VALUES (?, 0)", [message.customer])
            add = "UPDATE points SET points = points + ? WHERE customer = ?"
            tx.execute(add, [message.points, message.customer])
""",
    asks=("PointsConsumer",),
    judge=_judge_points,
    hints=(
        N_(
            "You need a second table with the ids of the messages that have been handled. Make it"
            " in `__init__`, with `IF NOT EXISTS`: after a kill it is there already."
        ),
        N_(
            "Whatever stands in one `with self.db.transaction()` is stored together or not at all."
            " So the points and the id belong in the same one."
        ),
        N_(
            'To ask whether an id is there: `tx.execute("SELECT 1 FROM handled WHERE id = ?",'
            " [message.id]).fetchone()` gives None if it is not. And a `return` out of the `with`"
            " block is all right."
        ),
    ),
    answer="""
class PointsConsumer:
    def __init__(self, db):
        self.db = db
        db.execute("CREATE TABLE IF NOT EXISTS points (customer TEXT PRIMARY KEY, points INTEGER)")
        db.execute("CREATE TABLE IF NOT EXISTS handled (id TEXT PRIMARY KEY)")

    def handle(self, message):
        with self.db.transaction() as tx:
            if tx.execute("SELECT 1 FROM handled WHERE id = ?", [message.id]).fetchone():
                return
            tx.execute("INSERT INTO handled VALUES (?)", [message.id])
            tx.execute("INSERT OR IGNORE INTO points VALUES (?, 0)", [message.customer])
            add = "UPDATE points SET points = points + ? WHERE customer = ?"
            tx.execute(add, [message.points, message.customer])
""",
)
