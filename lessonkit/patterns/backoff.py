"""Backoff: how long to wait before the next attempt.

The delay doubles from attempt to attempt, so that a service in trouble is not asked more and more
often. Two things make it fit for use. A *cap*: ten doublings from one second are 17 minutes. And
*jitter*: without it, a thousand clients that failed together come back together.

Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("full jitter").
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from lessonkit.checks import positive_number, true_or_false, whole_number


@dataclass(frozen=True)
class Backoff:
    """Delays that grow.

    Parameters
    ----------
    base
        Seconds before the second attempt.
    factor
        By how much each delay is longer than the one before.
    cap
        No delay is longer than this many seconds; ``math.inf`` for no cap.
    jitter
        Wait for a random time between 0 and the delay instead of all of it.

    Raises
    ------
    TypeError, ValueError
        If one of them is no number, or out of range.
    """

    base: float = 0.1
    factor: float = 2.0
    cap: float = 10.0
    jitter: bool = True

    def __post_init__(self) -> None:
        positive_number("base", self.base)
        if positive_number("factor", self.factor) < 1:
            raise ValueError(f"factor must be 1 or more; got {self.factor!r}")
        positive_number("cap", self.cap, infinite=True)
        true_or_false("jitter", self.jitter)

    def longest(self, attempt: int) -> float:
        """The longest delay (seconds) after the ``attempt``-th attempt, counted from 1."""
        whole_number("attempt", attempt, low=1)
        try:
            return min(self.cap, self.base * self.factor ** (attempt - 1))
        except OverflowError:  # so many doublings that no float holds them
            return self.cap

    def delay(self, attempt: int, rng: random.Random) -> float:
        """How many seconds to wait after the ``attempt``-th attempt, counted from 1.

        Parameters
        ----------
        attempt
            How many attempts have been made.
        rng
            Where the jitter comes from, such as :func:`lessonkit.faults.stream`.
        """
        longest = self.longest(attempt)
        return rng.uniform(0, longest) if self.jitter else longest
