"""Notebook 05: clients that ask how their orders stand, one by itself and a thousand at once."""

from __future__ import annotations

from asyncio import get_running_loop
from collections import Counter
from heapq import heappop, heappush

from lessonkit.faults import stream
from lessonkit.patterns.backoff import Backoff


class Client:
    """Asks for the status of an order that nobody ever confirms.

    Attributes
    ----------
    asked
        When it has asked (in seconds).
    """

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def get_status(self, order_id: str) -> str:
        """How the order stands."""
        self.asked.append(get_running_loop().time())
        return "PENDING"


def herd(clients: int, outage: float, capacity: int, backoff: Backoff) -> Counter[int]:
    """Requests in each second: all the clients lost their answer at the same moment, at 0 s.

    Parameters
    ----------
    clients
        How many there are. Each throws dice of its own.
    outage
        For so many seconds nobody gets an answer.
    capacity
        How many get one in each second after that.
    backoff
        How long a client waits after each attempt.
    """
    asked: Counter[int] = Counter()
    served: Counter[int] = Counter()
    dice = [stream(number, "client") for number in range(clients)]
    waiting = [(0.0, 1, number) for number in range(clients)]  # when, which attempt, who
    while waiting:
        now, attempt, number = heappop(waiting)
        second = int(now)
        asked[second] += 1
        if second >= outage and served[second] < capacity:
            served[second] += 1
        else:
            again = now + backoff.delay(attempt, dice[number])
            heappush(waiting, (again, attempt + 1, number))
    return asked
