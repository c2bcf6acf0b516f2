"""Make ``busy_day.csv``: the orders of one day, minute by minute. Always the same bytes.

Run it with ``python data/make_busy_day.py``. The day follows a curve through the points of
:data:`CURVE`; chance (seeded) moves each minute up and down as it does where many customers order
independently: by about the square root of what is expected.
"""

from __future__ import annotations

import math
import random
from itertools import pairwise
from pathlib import Path

SEED = 20240101

#: (hour, orders per minute). A quiet night, the rise of the morning, lunch, and a sale at eight.
CURVE = [
    (0.0, 6.0),
    (3.0, 2.0),
    (6.0, 4.0),
    (9.0, 18.0),
    (11.5, 24.0),
    (12.25, 45.0),
    (13.25, 24.0),
    (17.0, 18.0),
    (19.9, 24.0),
    (20.0, 90.0),
    (20.5, 60.0),
    (22.0, 25.0),
    (24.0, 8.0),
]


def expected(minute: int) -> float:
    """Orders expected in this minute of the day: straight lines between the points."""
    hour = minute / 60
    for (start, low), (end, high) in pairwise(CURVE):
        if start <= hour < end:
            return low + (high - low) * (hour - start) / (end - start)
    raise ValueError(f"minute must be 0 to 1439; got {minute!r}")


def orders(minute: int, chance: random.Random) -> int:
    """Orders that came in this minute."""
    mean = expected(minute)
    # Twelve uniform numbers are near enough to a normal one, and the same on every machine, which
    # the logarithm behind random.gauss() need not be.
    deviation = sum(chance.random() for _ in range(12)) - 6
    return max(0, round(mean + math.sqrt(mean) * deviation))


def busy_day() -> str:
    """The whole file."""
    chance = random.Random(SEED)
    rows = [f"{minute},{orders(minute, chance)}\n" for minute in range(24 * 60)]
    return "minute,orders\n" + "".join(rows)


if __name__ == "__main__":
    path = Path(__file__).with_name("busy_day.csv")
    path.write_text(busy_day(), encoding="utf-8", newline="\n")
