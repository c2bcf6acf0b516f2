"""What one saga costs: without a log, with one in memory, with one in a file.

Run with ``pytest tests/benchmarks``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from lessonkit import CreateOrder, Saga, SagaLog, Step, an_order, run
from lessonkit.patterns.saga import SagaState


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
