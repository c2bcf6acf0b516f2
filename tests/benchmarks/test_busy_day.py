"""What the busy day of notebook 07 costs, in each style, as it grows to 100,000 orders.

Run with ``pytest tests/benchmarks/test_busy_day.py -s``. Each day is played in a process of its
own, so that one day's memory does not hide the next one's. The code is the notebook's.

The shop keeps its size while the orders grow: with 100,000 of them its one line of mails is busy
beyond midnight. That is part of the work, and must not cost more per order either.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SIZES = (1_000, 10_000, 100_000)
STYLES = ("RequestResponse", "EventDriven", "Hybrid")
MOST = 1.5
"""An order of the largest day may cost so many times as much as one of the smallest."""

ONE_DAY = """
import gc, json, math, resource, sys, time
import pandas as pd
from lessonkit import run
from lessonkit.course.choosing.day import shop_of_the_day
from tests.notebook_code import namespace

style, orders = sys.argv[1], int(sys.argv[2])
notebook = namespace("07-choosing", "setup", "day-run")
per_minute = pd.read_csv("data/busy_day.csv")
day = [
    60 * (minute + k / number)
    for minute, number in zip(per_minute["minute"], per_minute["orders"], strict=True)
    for k in range(number)
]
day.append(24 * 3600.0)


def moment(share):  # when this share of the day's orders has come
    place, rest = divmod(share * (len(day) - 1), 1)
    return day[int(place)] + rest * (day[int(place) + 1] - day[int(place)])


moments = [moment(number / orders) for number in range(orders)]
notebook["run_the_day"](notebook[style], moments[:: max(1, orders // 100)])  # warm up
shop = shop_of_the_day(orders)
work = notebook["the_day"](shop, notebook[style](shop), moments)
gc.collect()
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
run(work, drain=math.inf, record=False, step_limit=10**9)
seconds = time.process_time() - start
kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
stand = sum(order.status == "confirmed" for order in shop.database.orders.values())
print(json.dumps({"seconds": seconds, "kilobytes": kilobytes, "stand": stand}))
"""


def play(style: str, orders: int) -> dict[str, float]:
    command = [sys.executable, "-c", ONE_DAY, style, str(orders)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, float] = json.loads(done.stdout)
    return result


def best_of(style: str, orders: int) -> dict[str, float]:
    # A short day is soon disturbed by whatever else the machine does: play it several times.
    days = [play(style, orders) for _ in range(3 if orders < 100_000 else 1)]
    return {name: min(day[name] for day in days) for name in days[0]}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("style", STYLES)
def test_the_busy_day_grows_with_its_orders_and_no_faster(
    benchmark: Any, style: str, capsys: pytest.CaptureFixture[str]
) -> None:
    days = benchmark.pedantic(
        lambda: {orders: best_of(style, orders) for orders in SIZES}, rounds=1
    )
    with capsys.disabled():
        print(f"\n{style:<17}{'seconds':>9}{'µs/order':>10}{'MB':>8}{'kB/order':>10}")
        for orders, day in days.items():
            each, kb = day["seconds"] / orders * 1e6, day["kilobytes"] / orders
            total = f"{day['seconds']:>9.2f}{each:>10.0f}"
            print(f"{orders:>17,}{total}{day['kilobytes'] / 1000:>8.0f}{kb:>10.1f}")
    smallest, largest = SIZES[0], SIZES[-1]
    for what in ("seconds", "kilobytes"):
        ratio = (days[largest][what] / largest) / (days[smallest][what] / smallest)
        benchmark.extra_info[f"{what} per order, largest/smallest"] = round(ratio, 2)
        assert ratio <= MOST, what
    # Every card that is not declined leads to an order; event-driven confirms the others as well.
    for orders, day in days.items():
        assert day["stand"] >= orders - orders // 50
