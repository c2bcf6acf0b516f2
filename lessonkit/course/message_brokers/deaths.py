"""Notebook 03: two workers of one broker, the first of which is going to have bad luck."""

from __future__ import annotations

from asyncio import create_task, get_running_loop
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from lessonkit import current_trace
from lessonkit.course.message_brokers.names import worker_name
from lessonkit.messages import _
from lessonkit.patterns.brokers import CommitFailed, PartitionedLog, Queue, WorkQueue
from lessonkit.shop.process import CRASH

TIMEOUTS = {"kafka": 45.0, "rabbitmq": 120.0, "sqs": 30.0}
"""Seconds after which a silent consumer is given up, unless somebody says otherwise.

RabbitMQ: two heartbeats of 60 s. SQS looks at the message instead: its visibility timeout.
"""


class Worker:
    """A consumer of any broker: it takes one message at a time, and says when it is done."""

    def __init__(
        self, name: str, handled: list[tuple[str, float]], take: Callable[[], Awaitable[Any]]
    ) -> None:
        self.name = name
        self.handled = handled
        self._take = take
        self._done: Callable[[Any], object]
        self._die: Callable[[], object] = _nobody_notices
        self._hang: Callable[[], object] = _nobody_notices
        self._hold: Callable[[Any], object] = _nobody_notices

    async def take(self) -> Any:
        """Wait for a message."""
        while not (found := await self._take()):  # a long poll of SQS may end without one
            pass
        return found[0] if isinstance(found, list) else found

    def finish(self, message: Any) -> None:
        """The work is done: say so to the broker."""
        self.handled.append((self.name, get_running_loop().time()))
        with suppress(CommitFailed):  # Kafka refuses what comes too late
            self._done(message)

    def stand_by(self) -> None:
        """Take the next message, whenever it comes, and handle it at once."""

        async def work_off() -> None:
            self.finish(await self.take())

        self._task = create_task(work_off())  # kept: nobody else does

    def die(self) -> None:
        """The process is killed."""
        self._die()
        current_trace().note(self.name, CRASH)

    def hang(self) -> None:
        """The whole host says nothing more."""
        self._hang()
        current_trace().note(self.name, _("frozen"))

    def needs_longer(self, message: Any) -> None:
        """Tell the broker that somebody is still at work; only SQS wants to hear it."""
        self._hold(message)


def two_workers(kind: str, timeout: float) -> tuple[Worker, Worker]:
    """Two consumers of a new broker that holds one message."""
    handled: list[tuple[str, float]] = []
    one, two = worker_name(1), worker_name(2)
    if kind == "kafka":
        log = PartitionedLog("Kafka", session_timeout=timeout)
        members = log.join("group", one), log.join("group", two)
        log.append("all", "O-001")
        first, second = (Worker(each.name, handled, each.poll) for each in members)
        first._done, second._done = (each.commit for each in members)
        first._die = first._hang = members[0].die
    elif kind == "rabbitmq":
        queue = WorkQueue("RabbitMQ", heartbeat=timeout / 2)  # two of them must be missing
        consumers = queue.consume(one), queue.consume(two)
        queue.publish("O-001")
        first, second = (Worker(each.name, handled, each.get) for each in consumers)
        first._done, second._done = (each.ack for each in consumers)
        first._die, first._hang = consumers[0].die, consumers[0].freeze
    else:
        sqs = Queue("SQS", visibility_timeout=timeout)
        sqs.send("O-001")
        first, second = (
            Worker(name, handled, partial(sqs.receive, name, wait=20)) for name in (one, two)
        )
        first._done = second._done = sqs.delete
        first._hold = partial(sqs.change_visibility, seconds=timeout)
    return first, second


def _nobody_notices(*_given: object) -> None:
    """The broker does not look, or need not be told."""
