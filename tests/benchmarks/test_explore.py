"""What an exploration costs, in orders that SimPy simulates in the same process.

Run with ``pytest tests/benchmarks -s``. SimPy's order is four timed calls, without a trace, faults
or books. On a machine on which it takes 125 µs, a thousand runs of the repaired saga may take 10 s:
80 of SimPy's orders for each run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import simpy

from lessonkit import explore
from tests.unit.saga_shop import ShopWithLog, by_saga, resume

MOST_ORDERS_A_RUN = 80
ROUNDS = 2


def process_time(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def thousand_orders_in_simpy() -> None:
    environment = simpy.Environment()

    def call(seconds: float) -> Iterator[Any]:
        for share in (0.1, 0.8, 0.1):
            yield environment.timeout(seconds * share)

    def order() -> Iterator[Any]:
        for seconds in (0.1, 0.2, 0.0, 0.5):
            yield environment.process(call(seconds))

    for _ in range(1_000):
        environment.process(order())
    environment.run()


def test_one_late_message_with_every_single_fault_of_the_repaired_saga() -> None:
    saga = partial(explore, by_saga, shop=ShopWithLog, restart=resume)
    narrow = partial(saga, twice=False, crashes=None, customers=False, pairs=True)
    found = narrow()
    assert found.counterexamples == ()
    ratios = []
    for _ in range(ROUNDS):
        simulated = process_time(thousand_orders_in_simpy) / 1_000
        ratios.append(process_time(narrow) / found.runs / simulated)
    print(
        f"{found.summary} A run costs as much as {min(ratios):.0f} to {max(ratios):.0f} of SimPy's"
        " orders."
    )
    assert min(ratios) < MOST_ORDERS_A_RUN
