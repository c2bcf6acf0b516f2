"""A producer whose send can fail, and the three answers to it.

A message on its way to the broker can be lost, and so can the broker's word that it has arrived.

- *Fire and forget*: the producer waits for no word. What is lost is lost, and nobody knows.
- *Confirmed* (Kafka's ``acks=all``, RabbitMQ's publisher confirms): without it, it sends again.
  Nothing is lost; but if only the word was, the message is there twice.
- *Idempotent* (Kafka's default since 3.0): each message carries a number, and the broker drops what
  it has already. RabbitMQ's queues know no such thing: there the consumer must be idempotent.

No producer helps against a program that sends twice by itself, for instance after a restart: to the
broker these are two messages.

Sources: Apache Kafka documentation, "Producer Configs" (``acks``, ``enable.idempotence``,
``retries``); KIP-98; RabbitMQ documentation, "Consumer Acknowledgements and Publisher Confirms".
"""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Iterable

from lessonkit.checks import one_of, positive_number, whole_number
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.partitioned_log import PartitionedLog
from lessonkit.patterns.brokers.work_queue import WorkQueue
from lessonkit.records import Fate
from lessonkit.shop.network import correlation

LOSSES = ("nothing", "request", "reply")


class NotConfirmed(RuntimeError):
    """The broker never said that it has the message. It may have it all the same."""


class Producer:
    """Sends messages to a broker over a network that loses some.

    Parameters
    ----------
    broker
        A :class:`PartitionedLog` or a :class:`WorkQueue`.
    losses
        What the network loses of each attempt, one after the other: ``"request"``, ``"reply"`` or
        ``"nothing"``. After the last one it loses nothing more.
    confirms
        Whether to wait for the broker's word, and to send again without it.
    idempotent
        Whether the broker drops what it has already. Only a log can, and only with ``confirms``.
    retries, timeout
        How often to send again, and the seconds to wait for the word each time.

    Raises
    ------
    TypeError, ValueError
        If one of these is not what it should be.
    """

    def __init__(
        self,
        broker: PartitionedLog | WorkQueue,
        *,
        losses: Iterable[str] = (),
        confirms: bool = True,
        idempotent: bool = False,
        retries: int = 5,
        timeout: float = 1.0,
    ) -> None:
        if not isinstance(broker, PartitionedLog | WorkQueue):
            raise TypeError(f"broker must be a PartitionedLog or a WorkQueue; got {broker!r}")
        if idempotent and not (confirms and isinstance(broker, PartitionedLog)):
            raise ValueError(
                f"idempotent needs confirms and a PartitionedLog; got {confirms!r} and {broker!r}"
            )
        self._losses = iter([one_of("losses", loss, LOSSES) for loss in losses])
        self.broker = broker
        self.confirms = confirms
        self.idempotent = idempotent
        self.retries = whole_number("retries", retries)
        self.timeout = positive_number("timeout", timeout)
        self._numbers = 0
        self._arrived: set[int] = set()  # the broker remembers these, by the producer's own id

    async def send(self, body: str, key: str | None = None) -> None:
        """Send a message; ``key`` is what must stay in order (only a log looks at it).

        Raises
        ------
        NotConfirmed
            If no word came after the last attempt.
        TypeError, ValueError
            If the broker does not take such a message.
        """
        self._numbers += 1
        number = self._numbers
        for _ in range(1 + self.retries):
            loss = next(self._losses, "nothing")
            if loss == "request":
                self._lose(common.sender(), self.broker.name, body)
            else:
                self._arrive(number, body, key)
            if not self.confirms:
                return
            if loss == "nothing":
                self._arrived.discard(number)  # it will not be sent again
                return
            if loss == "reply":
                self._lose(self.broker.name, common.sender(), body)
            await sleep(self.timeout)
        raise NotConfirmed(
            f"{self.broker.name!r} did not confirm {common.label(body)!r} in"
            f" {1 + self.retries} attempts; it may have it"
        )

    def _arrive(self, number: int, body: str, key: str | None) -> None:
        if self.idempotent and number in self._arrived:
            return
        if isinstance(self.broker, PartitionedLog):
            self.broker.append(key, body)
        else:
            self.broker.publish(body)
        if self.idempotent:
            self._arrived.add(number)

    def _lose(self, source: str, target: str, body: str) -> None:
        common.trace_ended(common.trace_set_out(source, target, body, correlation.get()), Fate.LOST)
