"""Polling: ask again and again, less and less often, until the answer is there.

That is how a client waits for a result that comes later. Without a cap on the delays it soon asks
too rarely; without jitter a thousand clients ask in the same moment; without a deadline the user
waits for longer than a user does.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from lessonkit.checks import function, instance_of, plain_function, positive_number, whole_number
from lessonkit.clock.strangers import OwnTask, call_plain
from lessonkit.patterns.backoff import Backoff

T = TypeVar("T")

DOUBLING: Final = Backoff(base=1.0, cap=math.inf, jitter=False)
"""The lesson's delays: 1, 2, 4, 8, ... seconds."""


class PollingTimeout(TimeoutError):
    """The answer did not come. ``attempts`` is how many times was asked, in ``seconds`` in all."""

    def __init__(self, attempts: int, seconds: float) -> None:
        self.attempts, self.seconds = attempts, seconds
        asked = "once" if attempts == 1 else f"{attempts} times"
        super().__init__(f"asked {asked} in {seconds:.3f} s, and it was not done")


async def poll_until(
    ask: Callable[[], Awaitable[T]],
    is_done: Callable[[T], object],
    *,
    attempts: int = 10,
    backoff: Backoff = DOUBLING,
    deadline: float | None = None,
    rng: random.Random | None = None,
) -> T:
    """Call ``await ask()`` until ``is_done(answer)``, with a growing delay between two questions.

    After the last question there is no delay: nobody would ask any more.

    Parameters
    ----------
    ask
        ``async def ask()``; returns the answer so far, such as the status of an order.
    is_done
        Says whether this is the answer that was waited for.
    attempts
        How many times to ask.
    backoff
        The delays. The default is the lesson's: 1, 2, 4, ... seconds, no cap, no jitter.
    deadline
        After so many seconds it is over, in the middle of a question if need be. If the next delay
        would not end before, it is over at once. None for no deadline.
    rng
        Where the jitter comes from; each client needs its own, such as
        ``lessonkit.faults.stream(seed, client)``.

    Returns
    -------
    object
        The answer that is done.

    Raises
    ------
    PollingTimeout
        If there is none after all attempts, or at the deadline.
    TypeError, ValueError
        If an argument is none of these.
    Exception
        What ``ask`` raised.
    """
    function("ask", ask)
    plain_function("is_done", is_done)
    whole_number("attempts", attempts, low=1)
    instance_of("backoff", backoff, Backoff)
    latest = math.inf if deadline is None else positive_number("deadline", deadline)
    if rng is not None or backoff.jitter:
        instance_of("rng", rng, random.Random, "a random.Random of the client's own (jitter)")
    clock = asyncio.get_running_loop().time
    start = clock()
    own = OwnTask()
    try:
        async with asyncio.timeout(deadline) as limit:
            for asked in range(1, attempts + 1):
                answer = await own.call("ask", ask)
                if call_plain("is_done", is_done, answer):
                    return answer
                if asked < attempts:
                    delay = backoff.delay(asked, rng or random.Random(0))
                    if clock() - start + delay >= latest:
                        break
                    await asyncio.sleep(delay)
    except TimeoutError:
        if not limit.expired():
            raise  # it was a question that took too long for somebody else
    raise PollingTimeout(asked, clock() - start)
