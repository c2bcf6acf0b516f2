"""What an event costs on its way through each broker: published, received, acknowledged.

Run with ``pytest tests/benchmarks/test_brokers.py``. The cost per event must not grow with their
number: all of a broker's work is done with queues, heaps and dicts, never by a search.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lessonkit.patterns.brokers import PartitionedLog, Queue, Topic, WorkQueue
from lessonkit.runner import run

COUNTS = [1_000, 10_000, 100_000]
ROUNDS = {1_000: 20, 10_000: 5, 100_000: 3}
MOST_GROWTH = 1.5
"""How many times as much an event may cost among 100,000 as among 1,000."""


def body(number: int) -> str:
    return f'{{"type": "OrderCreated", "order_id": "O-{number}"}}'


async def through_kafka(events: int) -> None:
    log = PartitionedLog("orders", partitions=3)
    member = log.join("inventory", "worker-1")
    for number in range(events):
        log.append(f"O-{number}", body(number))
    got = 0
    while got < events:
        got += len(await member.poll())
        member.commit()
    assert log.lag("inventory") == 0


async def through_rabbitmq(events: int) -> None:
    queue = WorkQueue("mail")
    consumer = queue.consume("worker-1")
    for number in range(events):
        queue.publish(body(number))
    for _ in range(events):
        message = await consumer.get()
        assert message is not None
        consumer.ack(message)
    assert queue.ready == queue.unacked == 0


async def through_sqs(events: int, *, fifo: bool = False) -> None:
    topic, queue = Topic("OrderEvents", fifo=fifo), Queue("Inventory", fifo=fifo)
    topic.subscribe(queue)
    for number in range(events):
        topic.publish(body(number), group=f"C-{number % 100}" if fifo else None)
    got = 0
    while got < events:
        messages = await queue.receive("worker-1", most=10)
        for message in messages:
            queue.delete(message)
        got += len(messages)
    assert queue.depth == queue.in_flight == 0


async def through_sqs_fifo(events: int) -> None:
    await through_sqs(events, fifo=True)


async def hand_to_hand(events: int) -> None:
    """A consumer that waits for each message: the work queue with nothing in stock."""
    queue = WorkQueue("mail")
    consumer = queue.consume("worker-1")

    async def work() -> None:
        for _ in range(events):
            message = await consumer.get()
            assert message is not None
            consumer.ack(message)

    worker = asyncio.create_task(work())
    for number in range(events):
        queue.publish(body(number))
        await asyncio.sleep(1)
    await worker


BROKERS: dict[str, Callable[[int], Awaitable[None]]] = {
    "kafka": through_kafka,
    "rabbitmq": through_rabbitmq,
    "rabbitmq, one by one": hand_to_hand,
    "sns, sqs": through_sqs,
    "sns, sqs fifo": through_sqs_fifo,
}


def microseconds_per_event(broker: str) -> dict[int, float]:
    best = dict.fromkeys(COUNTS, float("inf"))
    for events in COUNTS:
        for _ in range(ROUNDS[events]):
            gc.collect()
            start = time.process_time()
            run(BROKERS[broker](events))  # type: ignore[arg-type]
            best[events] = min(best[events], time.process_time() - start)
    return {events: seconds / events * 1e6 for events, seconds in best.items()}


@pytest.mark.parametrize("broker", BROKERS)
def test_the_cost_of_an_event_does_not_grow(
    benchmark: Any, broker: str, capsys: pytest.CaptureFixture[str]
) -> None:
    costs = benchmark.pedantic(microseconds_per_event, (broker,), rounds=1)
    benchmark.group = "brokers"
    benchmark.extra_info.update({str(events): round(cost, 2) for events, cost in costs.items()})
    growth = costs[100_000] / costs[1_000]
    with capsys.disabled():
        figures = "".join(f"{cost:>9.2f} µs at {events:,}" for events, cost in costs.items())
        print(f"\n{broker:<22}{figures}   growth {growth:.2f}")
    assert growth <= MOST_GROWTH
