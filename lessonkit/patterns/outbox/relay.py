"""The relay: takes the messages out of an outbox and publishes them, each at least once.

It takes a batch under a *lease*, publishes one message after the other, and marks them. If it dies
in between, the lease expires and another relay takes them: some of them a second time. That cannot
be helped, because publishing and marking are two places; an inbox absorbs it
(:mod:`lessonkit.patterns.outbox.inbox`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from lessonkit.checks import positive_number, some_text, whole_number
from lessonkit.clock.strangers import FAILURES, OwnTask, said
from lessonkit.faults import stream
from lessonkit.patterns.backoff import Backoff
from lessonkit.patterns.events.event import now as usual_clock
from lessonkit.patterns.outbox.outbox import Lease, Outbox
from lessonkit.patterns.outbox.table import PARKED, OutboxMessage

Publish = Callable[[OutboxMessage], Awaitable[object]]
"""Hands a message on. When it returns, the message has arrived; when it raises, perhaps not."""


@dataclass
class _Progress:
    """How far a relay has come with a batch."""

    upto: int = 0
    failures: dict[str, tuple[OutboxMessage, str]] = field(default_factory=dict)


class Relay:
    """Publishes what is in an outbox. Several may do so side by side.

    Within an aggregate the order is kept: a message that fails holds up those behind it, and no
    other aggregate. After ``attempts`` failures it is parked, and they stay behind it until
    somebody decides: ``outbox.unpark(id)`` or ``outbox.drop(id)``.

    Parameters
    ----------
    outbox
        Where the messages are.
    publish
        ``async def publish(message)``.
    batch
        How many messages to take at once.
    lease
        For how many seconds they are taken. What is not published by then, another relay may take.
    backoff
        How long to wait after each failure of a message.
    attempts
        How many failures a message may have.
    name
        Of this relay: two relays of different names wait for different times (jitter).
    clock
        Gives the time in seconds, the same for all relays of an outbox. By default the time of the
        run, or outside of a run the seconds since 1970.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of these.
    """

    def __init__(
        self,
        outbox: Outbox,
        publish: Publish,
        *,
        batch: int = 100,
        lease: float = 30.0,
        backoff: Backoff = Backoff(),  # noqa: B008  (it never changes)
        attempts: int = 10,
        name: str = "relay-1",
        clock: Callable[[], float] = usual_clock,
    ) -> None:
        if not isinstance(outbox, Outbox):
            raise TypeError(f"outbox must be an Outbox(...); got {outbox!r}")
        for word, function in (("publish", publish), ("clock", clock)):
            if not callable(function):
                raise TypeError(f"{word} must be a function; got {function!r}")
        if not isinstance(backoff, Backoff):
            raise TypeError(f"backoff must be a Backoff(...); got {backoff!r}")
        self.outbox = outbox
        self.name = some_text("name", name)
        self._publish = publish
        self._batch = whole_number("batch", batch, low=1)
        self._lease = positive_number("lease", lease)
        self._backoff = backoff
        self._attempts = whole_number("attempts", attempts, low=1)
        self._clock = clock
        self._rng = stream(0, name)

    async def run(self, poll: float = 0.1) -> None:
        """Publish for ever; when there is nothing to do, look again every ``poll`` seconds.

        Raises
        ------
        DatabaseUnavailable
            If the database cannot be used. Nothing is lost: start the relay again.
        """
        positive_number("poll", poll)
        while True:
            published = await self.run_once()
            await asyncio.sleep(0 if published else poll)

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
        """Take one batch, publish it, and mark what came of it.

        If this is cancelled, what has been published is marked, and the rest stays leased: whether
        the message in hand has arrived, nobody knows.

        Returns
        -------
        int
            How many messages were published and marked. A message whose lease was taken over in
            the meantime is not marked, and does not count.

        Raises
        ------
        TypeError
            If ``publish`` is not declared with ``async def``.
        DatabaseUnavailable
            If the database cannot be used. What was published and could not be marked will be
            published again.
        """
        lease = self.outbox.lease(self._now(), self._lease, self._batch)
        if not lease.messages:
            return 0
        progress = _Progress()
        try:
            # A relay whose lease has expired must not go on: another one may be at work already,
            # and have come further.
            async with asyncio.timeout(self._lease):
                await self._publish_in_order(lease.messages, progress)
        except TimeoutError:
            first = lease.messages[0]
            if not progress.upto and not progress.failures:  # it had all the time of the lease
                why = f"TimeoutError: not published within {self._lease:g} s, the lease"
                progress.failures[first.aggregate] = (first, why)
        except (asyncio.CancelledError, TypeError):
            self._mark(lease, progress)
            raise
        return self._mark(lease, progress)

    async def _publish_in_order(self, messages: list[OutboxMessage], progress: _Progress) -> None:
        publish, failures = self._publish, progress.failures
        own = OwnTask()
        for message in messages:
            if message.aggregate in failures:
                continue
            why = None
            try:
                work = publish(message)
                awaitable = hasattr(work, "__await__")
                if awaitable:
                    await work
            except FAILURES as error:
                why = said(error)
            if own.is_to_stop():  # whatever the publisher has made of that
                if why is None:
                    progress.upto = message.id
                raise asyncio.CancelledError
            if why is not None:
                failures[message.aggregate] = (message, why)
            elif not awaitable:
                raise TypeError(f"publish must be declared with async def; got {publish!r}")
            else:
                progress.upto = message.id

    def _now(self) -> float:
        return positive_number("what clock() returns", self._clock(), zero=True)

    def _mark(self, lease: Lease, progress: _Progress) -> int:
        """Mark what came of the batch, all in one transaction."""
        outbox, token, now = self.outbox, lease.token, self._now()
        with outbox.database.transaction():
            for message, error in progress.failures.values():
                retry_at = PARKED
                if message.attempts + 1 < self._attempts:
                    retry_at = now + self._backoff.delay(message.attempts + 1, self._rng)
                outbox.mark_failed(token, message.id, retry_at, error)
            return outbox.mark_published(token, progress.upto, now)
