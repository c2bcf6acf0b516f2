"""Notebook 03: a key that keeps the order and spreads the load, and a consumer that counts once."""

from __future__ import annotations

import asyncio
import inspect
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Self

import pandas as pd

from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.quiz import Option, Question, Quiz
from lessonkit.exercises.result import Counterexample
from lessonkit.faults import stream
from lessonkit.lab import table, tiles
from lessonkit.messages import N_, _
from lessonkit.patterns.brokers import PartitionedLog
from lessonkit.patterns.database import Database
from lessonkit.runner import run

NOTEBOOK = "03-message-brokers"

# --- the key of a parcel -------------------------------------------------------------------------


@dataclass(frozen=True)
class ParcelEvent:
    """Something that the warehouse tells of a parcel.

    Attributes
    ----------
    event_id
        No two events have the same.
    type
        What has happened; one of `STEPS`.
    customer_id
        Whose order it is.
    parcel_id
        Such as ``"O-1007/2"``: the second parcel of the order O-1007.
    """

    event_id: str
    type: str
    customer_id: str
    parcel_id: str


STEPS = ("PackingStarted", "ParcelSent", "LastParcelSent")
"""What happens to every order, in this order."""

PARCELS = (1, 1, 2)
"""With which of its two parcels each step has to do."""

ORDERS = 40
BIG_CUSTOMERS_ORDERS = 28
PARTITIONS = 4
MOST_OF_THE_EVENTS = 0.6
"""No partition may have a larger share than that."""


@dataclass(frozen=True)
class _Sent:
    """An event that was sent, and what became of it."""

    order: str
    step: int
    event: ParcelEvent
    key: Any
    partition: int = -1
    worker: int = 0
    finished: float = 0.0


def _judge_key(key_of: Callable[[ParcelEvent], Any]) -> Counterexample | None:
    sent = [_Sent(order, step, event, key_of(event)) for order, step, event in _events()]
    nobody_has_a_key = all(one.key is None for one in sent)
    if not nobody_has_a_key and not all(isinstance(one.key, str) for one in sent):
        return _no_text(sent)
    handled = run(_work_off(sent)).result
    orders: dict[str, list[_Sent]] = {}
    for one in handled:
        orders.setdefault(one.order, []).append(one)
    mixed = [steps for steps in orders.values() if not _in_order(steps)]
    scattered = [steps for steps in orders.values() if len({one.partition for one in steps}) > 1]
    if mixed:
        words = _(
            "In {number} of {all} orders the steps were finished in the wrong order, and the"
            " customer's mails are mixed up. One of them is {order}."
        )
        said = words.format(number=len(mixed), all=ORDERS, order=mixed[0][0].order)
        return Counterexample(said, _advice_mixed(sent), _steps_table(mixed[0]))
    if scattered:
        words = _(
            "This time it went well. But the events of {order} are in different partitions, and"
            " these know nothing of each other."
        )
        said = words.format(order=scattered[0][0].order)
        return Counterexample(said, _advice_mixed(sent), _steps_table(scattered[0]))
    return _unevenly_spread(handled)


def _events() -> list[tuple[str, int, ParcelEvent]]:
    """Every event, as it is sent: the order's id, the number of the step, and the event."""
    rng = stream(0, "parcels")
    customers = ["C-1"] * BIG_CUSTOMERS_ORDERS
    customers += [f"C-{number + 2}" for number in range(ORDERS - BIG_CUSTOMERS_ORDERS)]
    rng.shuffle(customers)
    moments = []
    for number, customer in enumerate(customers, start=1):
        moment = rng.uniform(0, 40)
        for step in range(len(STEPS)):
            moments.append((moment, f"O-{1000 + number}", step, customer))
            moment += rng.uniform(0.1, 2)
    return [
        (
            order,
            step,
            ParcelEvent(f"E-{number}", STEPS[step], customer, f"{order}/{PARCELS[step]}"),
        )
        for number, (_moment, order, step, customer) in enumerate(sorted(moments), start=1)
    ]


async def _work_off(sent: Sequence[_Sent]) -> list[_Sent]:
    """Send the events to a log with a group of four; what they have finished, in that order."""
    log = PartitionedLog("Kafka", partitions=PARTITIONS)
    by_id = {one.event.event_id: one for one in sent}
    finished: list[_Sent] = []
    all_done = asyncio.Event()

    async def work(worker: int) -> None:
        rng = stream(0, f"worker {worker}")
        member = log.join("mail", f"{worker}")
        while True:
            for record in await member.poll(most=1):
                await asyncio.sleep(rng.uniform(0.05, 0.15))
                member.commit(record)
                one, now = by_id[record.value], asyncio.get_running_loop().time()
                finished.append(
                    replace(one, partition=record.partition, worker=worker, finished=now)
                )
                if len(finished) == len(sent):
                    all_done.set()

    workers = [asyncio.create_task(work(number)) for number in range(1, PARTITIONS + 1)]
    await asyncio.sleep(0)
    for one in sent:
        log.append(one.key, one.event.event_id)
        await asyncio.sleep(0.01)
    await all_done.wait()
    for worker in workers:
        worker.cancel()
    return finished


def _in_order(steps: Sequence[_Sent]) -> bool:
    return [one.step for one in steps] == list(range(len(STEPS)))


def _decides(attribute: str, sent: Sequence[_Sent]) -> bool:
    """Whether the key depends on nothing but this attribute of the event."""
    pairs = {(getattr(one.event, attribute), one.key) for one in sent}
    return len(pairs) == len({value for value, _key in pairs})


def _advice_mixed(sent: Sequence[_Sent]) -> str:
    keys = {one.key for one in sent}
    if keys == {None}:
        return _(
            "Without a key the partitions take turns, and so the events of one order end up in"
            " different ones. What must stay in order needs a key."
        )
    if _decides("type", sent) and len(keys) == len(STEPS):
        return _(
            "All events of one type are together now. But no customer minds which of two orders is"
            " packed first. Between which events does the order matter?"
        )
    if _decides("parcel_id", sent):
        return _(
            "The events of one parcel stay together. But the last parcel has overtaken the first"
            " one of the same order: the two have different keys. What do they have in common?"
        )
    if len(keys) == len(sent):
        return _(
            "Each event has a key of its own, so nothing stays together: it is as if there were"
            " no keys. Events that must not overtake each other need the same one."
        )
    return _(
        "The events of one order have different keys. Only what has the same key stays in order."
    )


def _unevenly_spread(handled: Sequence[_Sent]) -> Counterexample | None:
    events = Counter(one.partition for one in handled)
    fullest, most = max(events.items(), key=lambda item: item[1])
    if most <= MOST_OF_THE_EVENTS * len(handled) and len(events) == PARTITIONS:
        return None
    keys = {one.key for one in handled}
    if len(keys) == 1:
        advice = _(
            "Every event has the same key, and one key goes into one partition: three of the four"
            " workers have nothing to do. Orders that have nothing to do with each other need not"
            " wait for each other. What is the least that must stay in order?"
        )
    elif _decides("customer_id", handled):
        advice = _(
            "The order is kept. But C-1 orders more than all the others together, and one key"
            " cannot be divided. Do two orders of one customer have to wait for each other?"
        )
    else:
        words = _(
            "There are only {number} different keys for {orders} orders. Look at the keys in the"
            " table. The smaller the group that shares a key, the more evenly they spread."
        )
        advice = words.format(number=len(keys), orders=ORDERS)
    words = _(
        "The order is kept, but partition {partition} has {percent} % of the events, and the last"
        " one is finished after {seconds} s."
    )
    percent = f"{100 * most / len(handled):.0f}"
    seconds = f"{max(one.finished for one in handled):.1f}"
    said = words.format(partition=fullest, percent=percent, seconds=seconds)
    return Counterexample(said, advice, _load_picture(handled))


def _no_text(sent: Sequence[_Sent]) -> Counterexample:
    bad = next(one for one in sent if not isinstance(one.key, str))
    kind = type(bad.key).__name__
    said = _("For the event {event}, `key_of` returned no text, but a value of type {kind}.")
    advice = _(
        "A broker computes the partition from the letters of the key, so a key is always a text."
        " Does every way through your function return one?"
    )
    shown = [bad, *(one for one in sent if one is not bad)][:6]
    columns = ["event_id", "type", "customer_id", "parcel_id"]
    rows = [[*(getattr(one.event, name) for name in columns), _shown(one.key)] for one in shown]
    picture = table(pd.DataFrame(rows, columns=[*columns, _("your key")])).html
    return Counterexample(said.format(event=bad.event.event_id, kind=kind), advice, picture)


def _steps_table(steps: Sequence[_Sent]) -> str:
    """One order's events, in the order in which they were finished."""
    rows = [
        (
            f"{one.finished * 1000:,.0f} ms",
            one.event.type,
            one.event.parcel_id,
            _shown(one.key),
            one.partition,
            _("worker {n}").format(n=one.worker),
            "✓" if one.step == place else _("✗ should be number {n}").format(n=one.step + 1),
        )
        for place, one in enumerate(steps)
    ]
    columns = [
        _("finished at"),
        _("event"),
        "parcel_id",
        _("your key"),
        _("partition"),
        _("handled by"),
        _("in order"),
    ]
    return table(pd.DataFrame(rows, columns=columns)).html


def _load_picture(handled: Sequence[_Sent]) -> str:
    """Each partition's events in a tile, and which keys it has."""
    shares, rows = [], []
    for partition in range(PARTITIONS):
        mine = [one for one in handled if one.partition == partition]
        share = len(mine) / len(handled)
        is_bad = not 0 < share <= MOST_OF_THE_EVENTS
        label = _("of the events: partition {number}").format(number=partition)
        shares.append((label, f"{100 * share:.0f} %", "bad" if is_bad else "plain"))
        keys = Counter(one.key for one in mine).most_common(3)
        ended = f"{max(one.finished for one in mine):.1f} s" if mine else "–"
        counted = ", ".join(f"{_shown(key)} ({number})" for key, number in keys) or "–"
        rows.append((partition, len(mine), counted, ended))
    columns = [_("partition"), _("events"), _("most frequent keys"), _("finished after")]
    return tiles(shares) + table(pd.DataFrame(rows, columns=columns)).html


def _shown(key: object) -> str:
    words = repr(key)
    return words if len(words) <= 40 else f"{words[:39]}…"


partition_key = Exercise(
    name="partition_key",
    notebook=NOTEBOOK,
    point=4,
    title=N_("Find the key that keeps each order in order, and keeps everybody busy"),
    starter="""
def key_of(event):
    return event.type
""",
    asks=("key_of",),
    judge=_judge_key,
    hints=(
        N_(
            "Ask of each field: if two events have the same value here, must they stay in order?"
            " And the other way round: if they must stay in order, do they have the same value?"
        ),
        N_(
            "Not a single field will do as it is. One is too narrow, because an order has two"
            " parcels. One is too wide, because a customer has many orders."
        ),
        N_("`O-1007/1` and `O-1007/2` belong together. Which part of the `parcel_id` says so?"),
        N_('`"O-1007/2".split("/")` gives `["O-1007", "2"]`. Return the part that you need.'),
    ),
    answer="""
def key_of(event):
    return event.parcel_id.split("/")[0]
""",
)

# --- points that count once ----------------------------------------------------------------------


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
    PointsMessage("M-1", "C-1", 50),
    PointsMessage("M-2", "C-2", 30),
    PointsMessage("M-3", "C-1", 50),  # an honest one, which looks like M-1
    PointsMessage("M-4", "C-2", 20),
)
MOST_STATEMENTS = 40
"""So many statements of one message are tried; a solution needs about six."""


class _Killed(BaseException):
    """The process is dead. No ``except Exception`` catches that."""


class _MortalCursor(sqlite3.Cursor):
    connection: _MortalConnection

    def execute(self, sql: str, parameters: Any = (), /) -> Self:
        self.connection.before_statement(sql)
        return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Self:
        self.connection.before_statement(sql)
        return super().executemany(sql, parameters)

    def executescript(self, script: str, /) -> sqlite3.Cursor:
        self.connection.before_statement(script)
        return super().executescript(script)


class _MortalConnection(sqlite3.Connection):
    """A connection of a process that is killed just before its n-th statement."""

    left: int | None = None
    is_dead = False
    last_words = ""

    def cursor(self, *_: Any) -> Any:
        return super().cursor(_MortalCursor)

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        return super().cursor(_MortalCursor).execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        return super().cursor(_MortalCursor).executemany(sql, parameters)

    def executescript(self, script: str, /) -> sqlite3.Cursor:
        return super().cursor(_MortalCursor).executescript(script)

    def before_statement(self, sql: str) -> None:
        if self.left is not None and not self.is_dead:
            self.left -= 1
            self.is_dead = self.left == 0
            self.last_words = " ".join(sql.split())
        if self.is_dead:
            raise _Killed


class _MortalDatabase(Database):
    """The service's database, which outlives the processes that use it."""

    connection: _MortalConnection

    def __init__(self) -> None:
        super().__init__(":memory:")
        self.connection.close()
        self.connection = sqlite3.connect(
            ":memory:", isolation_level=None, factory=_MortalConnection
        )

    def kill_before(self, statement: int | None) -> None:
        self.connection.left = statement
        self.connection.is_dead = False

    def points(self) -> dict[str, int]:
        try:
            return dict(self.execute("SELECT customer, points FROM points ORDER BY customer"))
        except sqlite3.OperationalError:  # there is no such table
            return {}


class _Service:
    """The points service: a database, and the process that works on it just now.

    When the ``with`` block is over, ``has`` is what each customer has in the end.
    """

    def __init__(self, consumer: Callable[[Database], Any]) -> None:
        self.consumer = consumer
        self.db = _MortalDatabase()
        self.process = consumer(self.db)
        self.has: dict[str, int] = {}
        self.should: Counter[str] = Counter()
        self.seen: set[str] = set()
        self.rows: list[tuple[str, str, int, str, str, str]] = []

    def deliver(self, message: PointsMessage) -> None:
        """Let the process handle it, and say that it is done."""
        again = message.id in self.seen
        if not again:
            self.should[message.customer] += message.points
            self.seen.add(message.id)
        try:
            self._handle(message)
        except sqlite3.IntegrityError:
            self._note(message, _("an error"))
            raise
        self._note(message, _("comes again") if again else _("handled"))

    def kill_at(self, message: PointsMessage, statement: int) -> str:
        """Kill the process before its n-th statement; start another, and deliver it again.

        Returns
        -------
        str
            The statement; empty if it came to none: then it died after the work, before it could
            say so to the broker.
        """
        self.db.kill_before(statement)
        with suppress(_Killed):
            self._handle(message)
        was_killed, words = self.db.connection.is_dead, self.db.connection.last_words
        self.restart()
        self.deliver(message)
        return words if was_killed else ""

    def restart(self) -> None:
        """Nothing is left of the process, and of what it had not committed."""
        self.db.kill_before(None)
        self.db.connection.rollback()
        self.process = self.consumer(self.db)

    def __enter__(self) -> _Service:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.kill_before(None)
        self.db.connection.rollback()  # the process may die now, too
        self.has = self.db.points()
        self.db.close()

    @property
    def is_right(self) -> bool:
        """Whether every customer has the right points in the end."""
        return self.has == self.should

    def points_of(self, customer: str) -> int:
        """How many points the customer has in the end."""
        return self.has.get(customer) or 0

    def picture(self) -> str:
        """All deliveries."""
        columns = [
            _("message"),
            _("customer"),
            _("points"),
            _("what happened"),
            _("has"),
            _("should have"),
        ]
        return table(pd.DataFrame(self.rows, columns=columns)).html

    def _handle(self, message: PointsMessage) -> None:
        result = self.process.handle(message)
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError("handle must be declared with 'def', without 'async'")

    def _note(self, message: PointsMessage, what: str) -> None:
        has, should = self.db.points().get(message.customer) or 0, self.should[message.customer]
        mark = "✓" if has == should else "✗"
        row = (message.id, message.customer, message.points, what, f"{mark} {has}", f"{should}")
        self.rows.append(row)


def _judge_points(consumer: Callable[[Database], Any]) -> Counterexample | None:
    return (
        _on_a_quiet_day(consumer)
        or _coming_again(consumer)
        or next(filter(None, (_killed(consumer, message) for message in MESSAGES)), None)
    )


def _on_a_quiet_day(consumer: Callable[[Database], Any]) -> Counterexample | None:
    with _Service(consumer) as service:
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
            with _Service(consumer) as service:
                for message in order:
                    service.deliver(message)
        except sqlite3.IntegrityError as error:
            return _refused(service, first, error)
        if not service.is_right:
            return _counted_wrongly(service, late=order[-1] is first)
    return None


def _refused(service: _Service, message: PointsMessage, error: Exception) -> Counterexample:
    said = _("{id} came a second time, and `handle` raised an error: {error}")
    advice = _(
        "The points are right. But the broker sees only the error, and delivers the message again,"
        " and again: a poison message. For a message that has been handled, there is nothing to do;"
        " return, and say so to the broker."
    )
    return Counterexample(said.format(id=message.id, error=error), advice, service.picture())


def _counted_wrongly(service: _Service, late: bool) -> Counterexample:
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
    moments: list[tuple[str, _Service]] = []
    for statement in range(1, MOST_STATEMENTS + 1):
        killed_before = ""
        with _Service(consumer) as service:
            for message in MESSAGES:
                if message is not hit:
                    service.deliver(message)
                    continue
                try:
                    killed_before = service.kill_at(message, statement)
                except sqlite3.OperationalError as error:
                    if "already exists" not in str(error):
                        raise
                    return _cannot_start_again(service, error)
                except sqlite3.IntegrityError as error:
                    return _refused(service, message, error)
        moments.append((killed_before, service))
        if not killed_before:
            break
    harmed = [(words, service) for words, service in moments if not service.is_right]
    if not harmed:
        return None
    _words, service = harmed[0]
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


def _advice_killed(harmed: Sequence[tuple[str, _Service]], hit: PointsMessage) -> str:
    customer = hit.customer
    if any(service.points_of(customer) < service.should[customer] for _words, service in harmed):
        return _(
            "Points are lost. The id was committed, and then the process died before the points"
            " were. When the message comes again, it counts as handled. What must never be stored"
            " without the other?"
        )
    if any(not words for words, _service in harmed):
        return _(
            "The points were committed, but the new process knows nothing of it. An attribute of"
            " the object dies with the process. What has survived the kill?"
        )
    return _(
        "Points count twice. They were committed, and the process died before the id was. Two"
        " commits one after the other leave a gap between them, however narrow it is."
    )


def _cannot_start_again(service: _Service, error: Exception) -> Counterexample:
    said = _("The process was killed, and a new one could not start: {error}").format(error=error)
    advice = _(
        "The database outlives the process, with its tables. `__init__` must get on with tables"
        " that are there already: `CREATE TABLE IF NOT EXISTS`."
    )
    rows = [(name, _("is there already")) for name in _tables(service.db)]
    picture = table(
        pd.DataFrame(rows, columns=[_("table in the database"), _("what the new process finds")])
    ).html
    return Counterexample(said, advice, picture)


def _tables(db: Database) -> Iterator[str]:
    for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"):
        yield name


def _moments_table(moments: Sequence[tuple[str, _Service]], hit: PointsMessage) -> str:
    rows = []
    for number, (words, service) in enumerate(moments, start=1):
        has, should = service.points_of(hit.customer), service.should[hit.customer]
        moment = words if len(words) <= 70 else f"{words[:69]}…"
        moment = moment or _("(“done” is said to the broker)")
        rows.append((number, moment, f"{'✓' if has == should else '✗'} {has}", should))
    customer_has = _("{customer} has").format(customer=hit.customer)
    columns = ["", _("killed just before"), customer_has, _("should have")]
    return table(pd.DataFrame(rows, columns=columns)).html


points_once = Exercise(
    name="points_once",
    notebook=NOTEBOOK,
    point=4,
    title=N_("Let every message count once, whenever the process is killed"),
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

# --- which broker? -------------------------------------------------------------------------------

KAFKA, RABBITMQ, SQS = N_("Kafka"), N_("RabbitMQ"), N_("SQS/SNS")
CALL = N_("No broker: a call")

which_broker = Quiz(
    name="which_broker",
    notebook=NOTEBOOK,
    point=6,
    title=N_("Which broker for which task?"),
    questions=(
        Question(
            N_(
                "The accountants have found a mistake in their program. They want to read the"
                " orders of the last five days once more, and next month another team wants to read"
                " along."
            ),
            (
                Option(
                    KAFKA,
                    N_(
                        "Yes. Reading takes nothing out of the log, and each group has a bookmark"
                        " of its own. In the run the reader moved it back and got O-001 to O-003"
                        " once more. But mind the seven days: after ten, the newcomer found"
                        " nothing."
                    ),
                    right=True,
                ),
                Option(
                    RABBITMQ,
                    N_(
                        "What is acknowledged is gone. In the run the second reading brought None,"
                        " where Kafka gave all three records again."
                    ),
                ),
                Option(
                    SQS,
                    N_(
                        "A second team can get a queue of its own, for what comes from now on. But"
                        " what is deleted is gone: of ten messages the newcomer found the five that"
                        " nobody had handled."
                    ),
                ),
                Option(
                    CALL,
                    N_(
                        "A call can ask for what is stored now. Nobody keeps the calls of last"
                        " week, so nobody can hear them once more."
                    ),
                ),
            ),
        ),
        Question(
            N_(
                "A small shop on AWS makes an invoice as a PDF for each order. Now and then one"
                " fails, and the others must not wait for it. There is nobody to run servers."
            ),
            (
                Option(
                    KAFKA,
                    N_(
                        "The failing one would block its partition: in the run only one of four"
                        " healthy messages got through. Dead letters are work of your own, and"
                        " so are servers and partitions."
                    ),
                ),
                Option(
                    RABBITMQ,
                    N_(
                        "Tried again, the failing one went back to the head of the queue, and one"
                        " of four healthy messages got through. Dead letters after three attempts"
                        " help with that. But the server is still yours to run."
                    ),
                ),
                Option(
                    SQS,
                    N_(
                        "Yes. In the run the other messages overtook the broken one: all four were"
                        " handled, and after three attempts it lay in the dead letters. And the"
                        " servers are somebody else's."
                    ),
                    right=True,
                ),
                Option(
                    CALL,
                    N_(
                        "Then the order would wait for its PDF, and fail with it. Nobody needs the"
                        " invoice at once: it may be made a little later, if somebody keeps the"
                        " job."
                    ),
                ),
            ),
        ),
        Question(
            N_(
                "The customer types in a coupon code. The page shows the new price within a second,"
                " and without it the customer cannot go on."
            ),
            (
                Option(
                    KAFKA,
                    N_(
                        "In no run on this page did a consumer answer the producer. You would need"
                        " a second topic for the answers, and the customer would wait all the same."
                    ),
                ),
                Option(
                    RABBITMQ,
                    N_(
                        "The question would be kept well, as long as it takes. But that helps"
                        " nobody who stands there and waits. And the answer would need a second"
                        " queue."
                    ),
                ),
                Option(
                    SQS,
                    N_(
                        "If the worker dies with the question in hand, the next one sees it after"
                        " 30 s, as in the run. By then the customer has gone."
                    ),
                ),
                Option(
                    CALL,
                    N_(
                        "Yes. Who cannot go on without the answer waits in any case. A broker turns"
                        " “too many at once” into “a little later”, and here later is too late. A"
                        " call that fails says so at once."
                    ),
                    right=True,
                ),
            ),
        ),
        Question(
            N_(
                "In our own data centre, workers check photos, each for one to ten minutes. If one"
                " dies, another takes over at once. One that is only slow is left in peace."
            ),
            (
                Option(
                    KAFKA,
                    N_(
                        "In the run the second worker came 45 s after the death. And whatever lies"
                        " behind a ten-minute job in its partition waits, even if another worker is"
                        " idle."
                    ),
                ),
                Option(
                    RABBITMQ,
                    N_(
                        "Yes. It holds the connection, so it noticed the death at once, and the"
                        " slow worker's message was handled once. And each worker more makes it"
                        " faster: 80 messages a second with eight."
                    ),
                    right=True,
                ),
                Option(
                    SQS,
                    N_(
                        "It cannot tell the dead from the slow. With a timeout of 30 s the message"
                        " of the slow worker was handled twice; with one of ten minutes a death"
                        " costs ten minutes. And it exists on AWS only."
                    ),
                ),
                Option(
                    CALL,
                    N_(
                        "Somebody would hold the line for ten minutes, and if the worker dies, the"
                        " job is lost unless the caller asks again. A broker keeps it."
                    ),
                ),
            ),
        ),
        Question(
            N_(
                "In our own data centre there is a team for servers. The events of an order must"
                " be handled in order, but one consumer is too slow: four are to share the work."
            ),
            (
                Option(
                    KAFKA,
                    N_(
                        "Yes. With the order as key, all six orders stayed in order, though three"
                        " consumers worked. Four partitions keep four busy. A fifth has work only"
                        " with more partitions, so think of their number beforehand."
                    ),
                    right=True,
                ),
                Option(
                    RABBITMQ,
                    N_(
                        "A queue keeps its order with one consumer. With three, four of six orders"
                        " were mixed up, because each took the next message and its own time."
                    ),
                ),
                Option(
                    SQS,
                    N_(
                        "SQS FIFO could do it, with the order as its group: all six stayed in"
                        " order. But it exists on AWS only. And plain SQS mixed up four of six."
                    ),
                ),
                Option(
                    CALL,
                    N_(
                        "With calls the one who tells waits for the slow one each time. Nothing is"
                        " kept either: whoever is away when the call comes has missed it."
                    ),
                ),
            ),
        ),
    ),
    module=__name__,
)
