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
from dataclasses import dataclass, field

from lessonkit.checks import instance_of, one_of, positive_number, whole_number
from lessonkit.patterns.brokers import message as common
from lessonkit.patterns.brokers.partitioned_log import Log
from lessonkit.patterns.brokers.work_queue import BasicQueue
from lessonkit.records import Fate
from lessonkit.trace import correlation


class NotConfirmed(RuntimeError):
    """The broker never said that it has the message. It may have it all the same."""


@dataclass(eq=False, kw_only=True)
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

    broker: Log | BasicQueue = field(kw_only=False)
    losses: Iterable[str] = ()
    confirms: bool = True
    idempotent: bool = False
    retries: int = 5
    timeout: float = 1.0

    def __post_init__(self) -> None:
        instance_of("broker", self.broker, Log | BasicQueue, "a PartitionedLog or a WorkQueue")
        if self.idempotent and not (self.confirms and isinstance(self.broker, Log)):
            raise ValueError(f"idempotent needs confirms and a PartitionedLog; got {self!r}")
        accepted = ["nothing", "request", "reply"]
        self._losses = iter([one_of("losses", loss, accepted) for loss in self.losses])
        whole_number("retries", self.retries)
        positive_number("timeout", self.timeout)

    async def send(self, body: str, key: str | None = None) -> None:
        """Send a message; ``key`` is what must stay in order (only a log looks at it).

        Raises
        ------
        NotConfirmed
            If no word came after the last attempt.
        TypeError, ValueError
            If the broker does not take such a message.
        """
        here, there, order = common.sender(), self.broker.name, correlation.get()
        arrived = False
        for _ in range(1 + self.retries):
            loss = next(self._losses, "nothing")
            if loss == "request":
                common.trace_ended(common.trace_set_out(here, there, body, order), Fate.LOST)
            elif not (arrived and self.idempotent):  # a broker knows it again by its number
                if isinstance(self.broker, Log):
                    self.broker.append(key, body)
                else:
                    self.broker.publish(body)
                arrived = True
            if not self.confirms or loss == "nothing":
                return
            if loss == "reply":
                common.trace_ended(common.trace_set_out(there, here, body, order), Fate.LOST)
            await sleep(self.timeout)
        tries = 1 + self.retries
        raise NotConfirmed(f"{there!r} did not confirm {common.label(body)!r} in {tries} attempts")
