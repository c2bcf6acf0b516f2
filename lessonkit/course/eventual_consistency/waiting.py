"""Clients that wait for the confirmation of their order, each in the learner's own way."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import inf

from lessonkit.exercises.trial import run_briefly
from lessonkit.faults import stream

MOST_LATE = 10.0
"""So many seconds after the confirmation the customer has to know of it, at the latest."""

DEADLINE = 60.0
"""After so many seconds the customer is told that nobody knows."""

CLIENTS = 300
"""So many lose their answer at the same moment."""

ANSWER_TAKES = 0.02
"""So many seconds pass before the service has answered."""

PATIENCE = 3 * DEADLINE
"""After so many seconds nobody watches a client any more."""

Wait = Callable[..., Awaitable[object]]
"""What is on trial: ``wait_for_confirmation(client, order_id, rng)``."""


class Client:
    """Answers with the status of an order that is confirmed at some moment, or never.

    Attributes
    ----------
    confirmed_at
        That moment, in seconds; infinite if it never comes.
    asked
        The moments of the questions, in seconds.
    answers
        What came back, one for each question that was answered.
    """

    def __init__(self, confirmed_at: float) -> None:
        self.confirmed_at = confirmed_at
        self.asked: list[float] = []
        self.answers: list[str] = []

    async def get_status(self, order_id: str) -> str:
        """PENDING or CONFIRMED, after ``ANSWER_TAKES`` seconds."""
        clock = asyncio.get_running_loop().time
        self.asked.append(clock())
        await asyncio.sleep(ANSWER_TAKES)
        status = "CONFIRMED" if clock() >= self.confirmed_at else "PENDING"
        self.answers.append(status)
        return status


@dataclass(frozen=True)
class Waited:
    """One client's wait, and what came of it.

    Attributes
    ----------
    client
        The one that waited.
    ended
        When, in seconds; infinite if it still waits.
    returned, error
        What was returned or raised.
    """

    client: Client
    ended: float
    returned: object = None
    error: BaseException | None = None


def let_wait(
    wait: Wait, confirmed_at: float = inf, clients: int = 1, seed: int = 0
) -> list[Waited]:
    """Let so many clients wait from the same moment on, each with random numbers of its own.

    Parameters
    ----------
    wait
        How each of them waits.
    confirmed_at
        When all the orders are confirmed, in seconds.
    clients
        How many there are.
    seed
        Where the random numbers come from.
    """

    async def one(number: int) -> Waited:
        client = Client(confirmed_at)
        answer = wait(client, "O-001", stream(seed + number, "client"))
        task = asyncio.ensure_future(answer)
        await asyncio.wait({task}, timeout=PATIENCE)
        if not task.done():
            task.cancel()
            return Waited(client, inf)
        ended = asyncio.get_running_loop().time()
        if (error := task.exception()) is not None:
            return Waited(client, ended, error=error)
        return Waited(client, ended, task.result())

    async def everybody() -> list[Waited]:
        return await asyncio.gather(*[one(number) for number in range(clients)])

    herd: list[Waited] = run_briefly(everybody()).result
    return herd


def per_second(herd: list[Waited]) -> list[int]:
    """How many questions come in each second before the deadline."""
    asked = Counter(int(moment) for waited in herd for moment in waited.client.asked)
    return [asked[second] for second in range(int(DEADLINE))]
