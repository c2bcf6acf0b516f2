"""Notebook 03: how a broker is opened and its consumers started. The loops are the notebook's."""

from __future__ import annotations

from asyncio import Task, create_task, sleep
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pandas as pd

from lessonkit import current_trace
from lessonkit.course.message_brokers.names import worker_name
from lessonkit.messages import _
from lessonkit.patterns.brokers import PartitionedLog, Queue, WorkQueue
from lessonkit.shop.process import Process, here
from lessonkit.trace import correlation

Send = Callable[[str | None, str], object]
"""Takes a key and a message."""

Work = Callable[[str, str], Awaitable[object]]
"""What a consumer does with a message; it is given its own name and the message."""

Loop = Callable[..., Any]
"""What a consumer does all day, as the notebook shows it."""

STEPS = "OrderCreated", "PaymentReceived", "OrderShipped"


def open_broker(kind: str, loops: Mapping[str, Loop], partitions: int = 3) -> tuple[Send, Loop]:
    """How to send to a new broker, and the loop that reads from it."""
    if kind == "kafka":
        log = PartitionedLog("Kafka", partitions=partitions)
        return log.append, partial(loops[kind], log)
    if kind == "rabbitmq":
        queue = WorkQueue("RabbitMQ")
        return lambda _key, body: queue.publish(body), partial(loops[kind], queue)
    if kind == "sqs":
        standard = Queue("SQS")
        return lambda _key, body: standard.send(body), partial(loops[kind], standard)
    fifo = Queue("SQS FIFO", fifo=True)

    def send(key: str | None, body: str) -> object:
        return fifo.send(body, group=key or "all", deduplication_id=body)

    return send, partial(loops["sqs"], fifo)


async def start(read: Loop, workers: int, work: Work) -> list[Task[Any]]:
    """Start so many consumers and let them join."""
    tasks = [create_task(read(worker_name(n), work)) for n in range(1, workers + 1)]
    await sleep(0)
    return tasks


def mark_done(worker: str, event: str) -> None:
    """Show in the picture that a worker has finished."""
    current_trace().state(worker, _("done"), event)


def at_work_for(worker: str, order_id: str) -> None:
    """A worker is a process of its own, and what it does from here on belongs to this order."""
    here.set(Process(worker))
    correlation.set(order_id)


def events_of(orders: int) -> Iterator[tuple[str, str]]:
    """The three events of each order, one order after the other."""
    for number in range(1, orders + 1):
        correlation.set(f"O-{number}")  # so that each order has its colour in the picture
        for step in STEPS:
            yield f"O-{number}", step


def dead_letter_broker(
    kind: str, give_up: bool, loops: Mapping[str, Loop]
) -> tuple[Callable[[str], object], Loop, Callable[[], int]]:
    """A broker: how to send to it, its worker's loop, and how many lie in its dead letters."""
    name = _("dead letters")
    if kind == "kafka":
        log, apart = PartitionedLog("Kafka"), PartitionedLog(name)
        loop = partial(loops[kind], log, apart, give_up)
        return partial(log.append, "all"), loop, lambda: sum(apart.ends())
    if kind == "rabbitmq":
        graveyard = WorkQueue(name)
        limits: dict[str, Any] = {"kind": "quorum", "delivery_limit": 2} if give_up else {}
        queue = WorkQueue("RabbitMQ", dead_letter=graveyard, **limits)
        return queue.publish, partial(loops[kind], queue), lambda: graveyard.ready
    fifo = kind == "fifo"
    dead = Queue(name, fifo=fifo)
    limits = {"dead_letter": dead, "max_receives": 3} if give_up else {}
    sqs = Queue("SQS", fifo=fifo, visibility_timeout=0.5, **limits)
    send = partial(sqs.send, group="all") if fifo else sqs.send
    return send, partial(loops["sqs"], sqs), lambda: dead.depth


def arrivals(per_minute: pd.Series[int], every: int) -> list[tuple[str, float]]:
    """One order in so many of a day: its number, and the second at which it comes."""
    minutes = per_minute.index.repeat(per_minute)[every - 1 :: every]
    return [(f"{number}", 60.0 * minute) for number, minute in enumerate(minutes, 1)]
