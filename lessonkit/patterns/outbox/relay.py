"""The relay: takes the messages out of an outbox and publishes them, each at least once.

This is the plain one, a *polling publisher*: it looks for what is not published, publishes one
message after the other, and marks them. If it dies in between, the next one publishes some of them
a second time. That cannot be helped, because publishing and marking are two places; an inbox
absorbs it (:mod:`lessonkit.patterns.outbox.inbox`).

Within an aggregate the order is kept: a message that fails is tried again and again, and holds up
those behind it. It does not promise to give up (if they fill a whole batch, they hold up everybody
else as well), nor to work side by side with another one: a
:class:`~lessonkit.patterns.outbox.lease.Relay` does both.

Source: Chris Richardson, *Microservices Patterns*, 2018, chapter 3, "Polling publisher".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import KW_ONLY, dataclass, field

from lessonkit.checks import function, instance_of, positive_number, whole_number
from lessonkit.clock.strangers import FAILURES, OwnTask, said
from lessonkit.patterns.events.event import now as usual_clock
from lessonkit.patterns.outbox.outbox import Outbox, OutboxMessage

Publish = Callable[[OutboxMessage], Awaitable[object]]
"""Hands a message on. When it returns, the message has arrived; when it raises, perhaps not."""


@dataclass
class Progress:
    """How far a relay has come with a batch: what is published, and per aggregate what failed."""

    published: list[int] = field(default_factory=list)
    failures: dict[str, tuple[OutboxMessage, str]] = field(default_factory=dict)


@dataclass(eq=False)
class PollingPublisher:
    """Publishes what is in an outbox, for itself alone.

    Parameters
    ----------
    outbox
        Where the messages are.
    publish
        ``async def publish(message)``.
    batch
        How many messages to take at once.
    clock
        Gives the time in seconds, the same for all relays of an outbox. By default the time of the
        run, or outside of a run the seconds since 1970.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    """

    outbox: Outbox
    publish: Publish
    _: KW_ONLY
    batch: int = 100
    clock: Callable[[], float] = usual_clock

    def __post_init__(self) -> None:
        instance_of("outbox", self.outbox, Outbox, "an Outbox(...)")
        function("publish", self.publish)
        whole_number("batch", self.batch, low=1)
        function("clock", self.clock)

    async def run(self, poll: float = 0.1) -> None:
        """Publish for ever; when there is nothing to do, look again every ``poll`` seconds.

        Raises
        ------
        DatabaseUnavailable
            If the database cannot be used. Nothing is lost: start the relay again.
        """
        while True:
            await self.drain(poll)
            await asyncio.sleep(poll)

    async def drain(self, poll: float = 0.1) -> int:
        """Publish until nothing is left but what is parked, and what stands behind that.

        Returns
        -------
        int
            How many messages were published.
        """
        positive_number("poll", poll)
        total = 0
        while self.outbox.any_waiting:
            published = await self.run_once()
            total += published
            await asyncio.sleep(0 if published else poll)
        return total

    async def run_once(self) -> int:
        """Take one batch, publish it, mark what is published, and say how many that were.

        Raises
        ------
        TypeError
            If ``publish`` is not declared with ``async def``.
        DatabaseUnavailable
            If the database cannot be used. What was published and could not be marked will be
            published again.
        """
        progress = Progress()
        try:
            await self.publish_in_order(self.outbox.unpublished(self.batch), progress)
        finally:  # also if we are cancelled: what has been published is not published again
            self.outbox.mark_published(progress.published, self.now())
        return len(progress.published)

    async def publish_in_order(self, messages: Iterable[OutboxMessage], progress: Progress) -> None:
        """Publish one after the other. Behind what has failed, nothing of its aggregate."""
        own = OwnTask()
        for message in messages:
            if message.aggregate in progress.failures:
                continue
            try:
                work = self.publish(message)
                is_async = hasattr(work, "__await__")
                if is_async:
                    await work
            except FAILURES as error:
                if own.is_to_stop():  # whatever the publisher has made of that
                    raise asyncio.CancelledError from error
                progress.failures[message.aggregate] = message, said(error)
                continue
            if not is_async:
                raise TypeError(f"publish must be declared with async def; got {self.publish!r}")
            progress.published.append(message.id)
            if own.is_to_stop():
                raise asyncio.CancelledError

    def now(self) -> float:
        """The time by the relay's clock."""
        return positive_number("what clock() returns", self.clock(), zero=True)
