"""``import lessonkit`` with the names that a notebook begins with: at most 0.25 s."""

from __future__ import annotations

import subprocess
import sys

from pytest_benchmark.fixture import BenchmarkFixture

LIMIT = 0.25
CODE = """
import time
start = time.perf_counter()
import lessonkit
lessonkit.run, lessonkit.Shop, lessonkit.explore
print(time.perf_counter() - start)
"""


def test_import(benchmark: BenchmarkFixture) -> None:
    def seconds() -> float:
        shown = subprocess.run([sys.executable, "-c", CODE], capture_output=True, check=True)
        return float(shown.stdout)

    taken = [benchmark.pedantic(seconds, rounds=1)] + [seconds() for _ in range(9)]
    benchmark.extra_info["median_seconds"] = sorted(taken)[5]
    assert sorted(taken)[5] < LIMIT
