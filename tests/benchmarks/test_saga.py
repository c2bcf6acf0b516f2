"""How long it takes to explore the saga with all its choices, and what one saga costs.

Run with ``pytest tests/benchmarks``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from lessonkit import CreateOrder, Saga, SagaLog, SagaState, Step, an_order, explore, run
from tests.unit.saga_shop import ShopWithLog, by_saga, resume

SINGLE_FAULTS = 0.5
PAIRS = 10.0


def test_exploring_every_single_fault_of_the_saga(benchmark: BenchmarkFixture) -> None:
    found = benchmark(explore, by_saga, shop=ShopWithLog, restart=resume)
    print(f"{found.survived} of {found.tried} faults survived")
    assert found.survived == found.tried == 21
    assert benchmark.stats.stats.min < SINGLE_FAULTS


def test_exploring_every_pair_of_faults_of_the_saga(benchmark: BenchmarkFixture) -> None:
    found = benchmark.pedantic(
        explore, (by_saga,), {"shop": ShopWithLog, "restart": resume, "pairs": True}, rounds=3
    )
    print(f"{found.survived} of {found.tried} pairs of faults survived")
    assert found.survived == found.tried == 260
    assert benchmark.stats.stats.min < PAIRS


@pytest.mark.parametrize("kind", ["no log", "memory", "file"])
def test_a_thousand_sagas_of_four_steps(
    benchmark: BenchmarkFixture, kind: str, tmp_path: Path
) -> None:
    async def do(command: CreateOrder) -> None: ...

    steps = [Step(name, do, do) for name in ("reserve", "charge", "save", "mail")]
    places = {"memory": ":memory:", "file": tmp_path / "saga.db"}
    log = None if kind == "no log" else SagaLog(places[kind])
    saga = Saga("create order", steps, compensate_before=True, log=log)
    number = 0

    async def a_thousand() -> None:
        nonlocal number
        for _ in range(1000):
            number += 1
            order = an_order(number)
            assert (await saga.execute(order.order_id, order)).state is SagaState.COMPLETED

    benchmark.pedantic(lambda: run(a_thousand()), rounds=3)
