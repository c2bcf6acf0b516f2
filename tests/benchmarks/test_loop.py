"""How much a step of virtual time costs: ours, asyncio's own loop, looptime, SimPy.

Run with ``pytest tests/benchmarks``. A *sleep* is the unit: every order sleeps three times. The
loops are compared in one process, in alternating rounds, by the best process time of each.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import looptime
import pytest
import simpy

from lessonkit.runner import run

ORDERS = 10_000
SLEEPS = 3
FEW_ORDERS = 1_000  # for looptime with distinct deadlines
ROUNDS = 7


def seconds(distinct: bool, order: int, step: int) -> float:
    return 1 + (order * SLEEPS + step) * 1e-6 if distinct else 1.0


async def place(order: int, distinct: bool) -> None:
    for step in range(SLEEPS):
        await asyncio.sleep(seconds(distinct, order, step))


async def place_all(distinct: bool, orders: int) -> None:
    await asyncio.gather(*(place(order, distinct) for order in range(orders)))


class BareLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, with the least that makes its time virtual."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        select = self._selector.select  # type: ignore[attr-defined]

        def jump(timeout: float | None) -> Any:
            if timeout:
                self.now += timeout
            return select(0)

        self._selector.select = jump  # type: ignore[attr-defined]

    def time(self) -> float:
        return self.now


def on_bare_loop(distinct: bool, orders: int = ORDERS) -> None:
    loop = BareLoop()
    loop.run_until_complete(place_all(distinct, orders))
    loop.close()


def on_our_loop(distinct: bool, orders: int = ORDERS) -> None:
    run(place_all(distinct, orders))


def on_looptime(distinct: bool, orders: int = FEW_ORDERS) -> None:
    loop = looptime.new_event_loop(start=0)
    loop.run_until_complete(place_all(distinct, orders))
    assert loop.time() > SLEEPS - 0.001  # it took virtual seconds
    loop.close()


def in_simpy(distinct: bool, orders: int = ORDERS) -> None:
    environment = simpy.Environment()

    def place(order: int) -> Iterator[Any]:
        for step in range(SLEEPS):
            yield environment.timeout(seconds(distinct, order, step))

    for order in range(orders):
        environment.process(place(order))
    environment.run()


CANDIDATES: dict[str, tuple[Callable[[bool, int], None], int]] = {
    "ours": (on_our_loop, ORDERS),
    "bare": (on_bare_loop, ORDERS),
    "simpy": (in_simpy, ORDERS),
    "looptime": (on_looptime, FEW_ORDERS),
}
DISTINCT = pytest.mark.parametrize("distinct", [False, True], ids=["equal", "distinct"])


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    # run() switches it off by itself; the others get the same help.
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def sleeps_per_second(distinct: bool, rounds: int = ROUNDS) -> dict[str, float]:
    best = dict.fromkeys(CANDIDATES, float("inf"))
    for number in range(rounds):
        for name, (execute, orders) in CANDIDATES.items():
            if name == "looptime" and number >= 2:  # two rounds are enough for ten times as slow
                continue
            with no_garbage_collection():
                start = time.process_time()
                execute(distinct, orders)
                best[name] = min(best[name], time.process_time() - start)
    return {name: SLEEPS * CANDIDATES[name][1] / best[name] for name in CANDIDATES}


@DISTINCT
@pytest.mark.parametrize("candidate", CANDIDATES)
def test_sleeps(benchmark: Any, candidate: str, distinct: bool) -> None:
    execute, orders = CANDIDATES[candidate]
    benchmark.group = "distinct deadlines" if distinct else "equal deadlines"
    with no_garbage_collection():
        benchmark.pedantic(execute, (distinct, orders), rounds=2 if candidate == "looptime" else 5)
    benchmark.extra_info["orders"] = orders
    if benchmark.stats is not None:  # None with --benchmark-disable
        benchmark.extra_info["sleeps_per_second"] = round(
            SLEEPS * orders / benchmark.stats.stats.min
        )


@DISTINCT
def test_ours_keeps_up(benchmark: Any, distinct: bool, capsys: pytest.CaptureFixture[str]) -> None:
    speeds = benchmark.pedantic(sleeps_per_second, (distinct,), rounds=1)
    benchmark.group = "comparison"
    benchmark.extra_info.update({name: round(speed) for name, speed in speeds.items()})
    ratios = {name: speeds["ours"] / speed for name, speed in speeds.items()}
    benchmark.extra_info.update({f"ours/{name}": round(r, 3) for name, r in ratios.items()})
    with capsys.disabled():
        print(f"\n{'distinct' if distinct else 'equal'} deadlines, sleeps per second:")
        for name, speed in speeds.items():
            print(f"  {name:<9}{speed:>12,.0f}   ours/{name} = {ratios[name]:.2f}")
    assert ratios["bare"] >= 0.9
    if distinct:
        assert ratios["looptime"] >= 10
