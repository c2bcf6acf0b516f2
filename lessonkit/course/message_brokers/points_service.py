"""The points service: a database, and a process that works on it until it is killed."""

from __future__ import annotations

import inspect
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lessonkit.database import Database
from lessonkit.exercises.mortal import Disk, Killed, Process
from lessonkit.exercises.tables import rows_html
from lessonkit.messages import _


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
"""What the service gets, in this order."""


def saying_done() -> str:
    """The last step of the work on a message, in words."""
    return _("(“done” is said to the broker)")


class _MortalDatabase(Database):
    """The service's database, which outlives the processes that use it."""

    connection: Disk

    def __init__(self) -> None:
        super().__init__(":memory:")
        self.connection.close()
        self.connection = sqlite3.connect(":memory:", isolation_level=None, factory=Disk)

    def points(self) -> dict[str, int]:
        select = "SELECT customer, points FROM points ORDER BY customer"
        try:
            return dict(self.connection.look(select))
        except sqlite3.OperationalError:  # there is no such table
            return {}


class PointsService:
    """The points service: a database, and the consumer that works on it just now.

    Parameters
    ----------
    make_consumer
        Makes one; each new process begins with that.

    Attributes
    ----------
    should
        How many points each customer should have by now.
    has
        What each customer has in the end, when the ``with`` block is over.
    """

    def __init__(self, make_consumer: Callable[[Database], Any]) -> None:
        self.make_consumer = make_consumer
        self.db = _MortalDatabase()
        self.consumer = make_consumer(self.db)
        self.has: dict[str, int] = {}
        self.should: Counter[str] = Counter()
        self.seen: set[str] = set()
        self.rows: list[tuple[str, str, int, str, str, str]] = []

    def deliver(self, message: PointsMessage) -> None:
        """Let the consumer handle it, and say that it is done."""
        again = message.id in self.seen
        if not again:
            self.should[message.customer] += message.points
            self.seen.add(message.id)
        try:
            self._work_on(message)
        except sqlite3.IntegrityError:
            self._note(message, _("an error"))
            raise
        self._note(message, _("comes again") if again else _("handled"))

    def steps_of(self, message: PointsMessage) -> list[str]:
        """All that is done with it, if nobody is killed: each statement, and saying "done"."""
        process = self.db.connection.process = Process()
        self._work_on(message)
        return process.done

    def kill_after(self, steps: int, message: PointsMessage) -> None:
        """Kill the process after so many steps of the work on it, and deliver it to another."""
        self.db.connection.process = Process(dies_after=steps)
        with suppress(Killed):
            self._work_on(message)
        self.db.connection.start_process()
        self.consumer = self.make_consumer(self.db)
        self.deliver(message)

    def __enter__(self) -> PointsService:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.connection.start_process()  # the process may die now, too
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
            _("has now"),
            _("should have"),
        ]
        return rows_html(columns, self.rows)

    def _work_on(self, message: PointsMessage) -> None:
        result = self.consumer.handle(message)
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError("handle must be declared with 'def', without 'async'")
        with self.db.connection.process.doing(saying_done()):
            pass  # the broker hears of it, and the disk does not

    def _note(self, message: PointsMessage, what: str) -> None:
        has, should = self.db.points().get(message.customer) or 0, self.should[message.customer]
        mark = "✓" if has == should else "✗"
        row = (message.id, message.customer, message.points, what, f"{mark} {has}", f"{should}")
        self.rows.append(row)
