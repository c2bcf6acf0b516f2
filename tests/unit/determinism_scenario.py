"""A run that is full of sets of tasks and of equal deadlines; prints what came of it.

test_determinism.py starts it in many fresh processes. LAYOUT, a number in the environment, decides
how the heap looks before the run begins, so that objects have other addresses in every process.
With ``--stock``, the same coroutines run once more on asyncio's own loop and tasks.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import sys
from collections.abc import Callable
from typing import Any

Note = Callable[[str, str], None]


def fill_heap(layout: int) -> list[Any]:
    """Allocate, throw half of it away in a random order, and return what is to be kept."""
    dice = random.Random(layout)
    makers: list[Callable[[int], Any]] = [
        bytes,
        bytearray,
        lambda size: [None] * size,
        lambda size: tuple(range(size)),
        lambda size: dict.fromkeys(range(size)),
        lambda size: set(range(size)),
        lambda size: type(f"Junk{size}", (), {})(),
        lambda size: asyncio.Event(),
    ]
    junk = [dice.choice(makers)(dice.randrange(600)) for _ in range(500 + 700 * layout)]
    dice.shuffle(junk)
    return junk[::2]


async def job(note: Note, name: str, seconds: float) -> str:
    try:
        await asyncio.sleep(seconds)
        note(name, "done")
    except asyncio.CancelledError:
        note(name, "cancelled")
        raise
    return name


async def failing(seconds: float) -> None:
    await asyncio.sleep(seconds)
    raise LookupError("no such item")


def jobs(note: Note, group: str, count: int = 12, seconds: float = 1.0) -> list[asyncio.Task[str]]:
    names = [f"{group}{number}" for number in range(count)]
    return [asyncio.create_task(job(note, name, seconds), name=name) for name in names]


async def use_wait(note: Note) -> None:
    tasks = jobs(note, "wait")
    done, pending = await asyncio.wait(
        [*tasks, *jobs(note, "slow", seconds=2.0)], return_when=asyncio.FIRST_COMPLETED
    )
    note("done", " ".join(task.get_name() for task in done))
    note("pending", " ".join(task.get_name() for task in pending))
    for task in pending:
        task.cancel()
    await asyncio.wait(pending)


async def use_task_group(note: Note) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(12):
                group.create_task(job(note, f"member{number}", 5.0), name=f"member{number}")
            group.create_task(failing(1.0))
    except* LookupError as error:
        note("group", str(error.exceptions))


async def use_all_tasks(note: Note) -> None:
    tasks = jobs(note, "task", seconds=5.0)
    await asyncio.sleep(1.0)
    everybody = [task for task in asyncio.all_tasks() if task in tasks]
    note("all_tasks", " ".join(task.get_name() for task in everybody))
    for task in everybody:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def use_as_completed(note: Note) -> None:
    for first in asyncio.as_completed(jobs(note, "task")):
        note("as_completed", await first)
    for first in asyncio.as_completed([job(note, f"bare{number}", 1.0) for number in range(12)]):
        note("as_completed", await first)


async def use_queue(note: Note) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(maxsize=2)

    async def consume(name: str) -> None:
        try:
            while True:
                note(name, str(await queue.get()))
                await asyncio.sleep(0.3)
                queue.task_done()
        finally:
            note(name, "goes home")

    consumers = {asyncio.create_task(consume(f"consumer{number}")) for number in range(8)}
    for number in range(12):
        await queue.put(number)
        await asyncio.sleep(0.1)
    await queue.join()
    for consumer in consumers:
        consumer.cancel()
    await asyncio.wait(consumers)


PARTS = (use_wait, use_task_group, use_all_tasks, use_as_completed, use_queue)


async def everything(note: Note) -> None:
    for part in PARTS:
        note("part", part.__name__)
        await part(note)


def in_virtual_time() -> str:
    from lessonkit.runner import run
    from lessonkit.trace import current_trace

    async def main() -> None:
        await everything(current_trace().note)
        await use_patterns()

    return run(main()).trace.digest()


async def use_patterns() -> None:
    """Many handlers on one bus, and two consumers on each broker, all at the same moments."""
    from lessonkit.patterns.brokers import PartitionedLog, Queue, Topic, WorkQueue
    from lessonkit.patterns.bus import InMemoryEventBus
    from lessonkit.patterns.events import Event

    bus = InMemoryEventBus()
    for number in range(12):
        seconds = 1.0 if number % 2 else 0.0
        bus.subscribe(Event, lambda event, seconds=seconds: asyncio.sleep(seconds))
    for _ in range(3):
        bus.publish_and_forget(Event())
    await bus.close()

    log, work, sqs = PartitionedLog("log", partitions=3), WorkQueue("work"), Queue("queue")
    topic = Topic("topic")
    topic.subscribe(sqs)

    async def read(name: str) -> None:
        member, consumer = log.join("group", name), work.consume(name)
        while True:
            await member.poll(most=1)
            member.commit()
            message = await consumer.get()
            assert message is not None
            await asyncio.sleep(0.5)
            consumer.ack(message)
            for received in await sqs.receive(name):
                sqs.delete(received)

    readers = {asyncio.create_task(read(f"reader{number}")) for number in range(2)}
    for number in range(12):
        log.append(f"key{number}", f"{number}")
        work.publish(f"{number}")
        topic.publish(f"{number}")
    await asyncio.sleep(60)
    for reader in readers:
        reader.cancel()


def on_a_stock_loop() -> str:
    class StockLoop(asyncio.SelectorEventLoop):
        """asyncio's own loop and tasks; only the waiting is left out."""

        def __init__(self) -> None:
            super().__init__()
            self.now = 0.0
            self._clock_resolution = 1e-9  # equal deadlines are one instant here too
            select = self._selector.select  # type: ignore[attr-defined]

            def jump(timeout: float | None) -> Any:
                self.now += timeout or 0.0
                return select(0)

            self._selector.select = jump  # type: ignore[attr-defined]

        def time(self) -> float:
            return self.now

    # Orders only. In each part by itself, so that the control test can say which part varies.
    notes: list[tuple[str, str]] = []
    with asyncio.Runner(loop_factory=StockLoop) as runner:
        runner.run(everything(lambda who, text: notes.append((who, text))))
    starts = [number for number, (who, _) in enumerate(notes) if who == "part"]
    parts = [notes[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]
    return " ".join(hashlib.sha256(repr(part).encode()).hexdigest()[:8] for part in parts)


if __name__ == "__main__":
    kept = fill_heap(int(os.environ["LAYOUT"]))
    print(in_virtual_time(), *([on_a_stock_loop()] if "--stock" in sys.argv else []))
