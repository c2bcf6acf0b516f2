"""Notebook 03: two workers of one broker, the first of which is going to have bad luck."""

from __future__ import annotations

from asyncio import create_task, get_running_loop
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
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


def _nobody_notices(*_given: object) -> None:
    """The broker does not look, or need not be told."""


@dataclass
class Worker:
    """A consumer of any broker: it takes one message at a time, and says when it is done.

    Attributes
    ----------
    name
        What it is called in the picture.
    handled
        Who has handled the message, and when: either of them.
    receive, done, killed, frozen
        What it does at its broker.
    needs_longer
        Tells the broker that somebody is still at work; only SQS wants to hear it.
    """

    name: str
    handled: list[tuple[str, float]]
    receive: Callable[[], Awaitable[Any]]
    done: Callable[[Any], object]
    killed: Callable[[], object] = _nobody_notices
    frozen: Callable[[], object] = _nobody_notices
    needs_longer: Callable[[Any], object] = _nobody_notices

    async def take(self) -> Any:
        """Wait for a message."""
        while not (found := await self.receive()):  # a long poll of SQS may end without one
            pass
        return found[0] if isinstance(found, list) else found

    def finish(self, message: Any) -> None:
        """The work is done: say so to the broker."""
        self.handled.append((self.name, get_running_loop().time()))
        with suppress(CommitFailed):  # Kafka refuses what comes too late
            self.done(message)

    def stand_by(self) -> None:
        """Take the next message, whenever it comes, and handle it at once."""

        async def work_off() -> None:
            self.finish(await self.take())

        self._task = create_task(work_off())  # kept: nobody else does

    def die(self) -> None:
        """The process is killed."""
        self.killed()
        current_trace().note(self.name, CRASH)

    def hang(self) -> None:
        """The whole host says nothing more."""
        self.frozen()
        current_trace().note(self.name, _("frozen"))


def two_workers(kind: str, timeout: float) -> list[Worker]:
    """Two consumers of a new broker that holds one message."""
    handled: list[tuple[str, float]] = []
    names = worker_name(1), worker_name(2)
    if kind == "kafka":
        log = PartitionedLog("Kafka", session_timeout=timeout)
        members = [log.join("group", name) for name in names]
        log.append("all", "O-001")
        return [Worker(m.name, handled, m.poll, m.commit, m.die, m.die) for m in members]
    if kind == "rabbitmq":
        queue = WorkQueue("RabbitMQ", heartbeat=timeout / 2)  # two of them must be missing
        consumers = [queue.consume(name) for name in names]
        queue.publish("O-001")
        return [Worker(c.name, handled, c.get, c.ack, c.die, c.freeze) for c in consumers]
    sqs = Queue("SQS", visibility_timeout=timeout)
    sqs.send("O-001")
    longer = partial(sqs.change_visibility, seconds=timeout)
    polls = {name: partial(sqs.receive, name, wait=20) for name in names}
    return [
        Worker(name, handled, poll, sqs.delete, needs_longer=longer) for name, poll in polls.items()
    ]
