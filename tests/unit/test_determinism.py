"""The same program gives the same trace in every process, whatever the memory looks like.

LESSONKIT_PYTHONS may list further interpreters, separated as in PATH; they need no packages.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SCENARIO = Path(__file__).with_name("determinism_scenario.py")
LAYOUTS = range(10)
PYTHONS = [sys.executable, *filter(None, os.environ.get("LESSONKIT_PYTHONS", "").split(os.pathsep))]
AFTER_NEST_ASYNCIO = (
    "import nest_asyncio, runpy, sys; nest_asyncio.apply();"
    "runpy.run_path(sys.argv[1], run_name='__main__')"
)

GOLDEN = "bea9024ef4c2ee81"
"""The digest of the scenario's trace. It may change only when the scenario is edited."""


def python(executable: str, *arguments: str, layout: int) -> str:
    environment = {
        **os.environ,
        "LAYOUT": str(layout),
        "PYTHONHASHSEED": str(layout),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [executable, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@cache
def in_fresh_processes(executable: str) -> list[list[str]]:
    """For each layout: the digest in virtual time, and on a stock loop one for each part."""
    with ThreadPoolExecutor(2) as pool:
        start = partial(python, executable, str(SCENARIO), "--stock")
        return [line.split() for line in pool.map(lambda layout: start(layout=layout), LAYOUTS)]


def load_scenario() -> ModuleType:
    spec = importlib.util.spec_from_file_location("determinism_scenario", SCENARIO)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow  # ten processes, for each Python
@pytest.mark.parametrize("executable", PYTHONS)
def test_ten_fresh_processes_give_one_trace(executable: str) -> None:
    digests = [first for first, *_ in in_fresh_processes(executable)]
    assert digests == [GOLDEN] * len(LAYOUTS)


@pytest.mark.slow
@pytest.mark.parametrize("executable", PYTHONS)
def test_on_a_stock_loop_the_same_scenario_gives_many_orders(executable: str) -> None:
    # Otherwise the test above would prove nothing. Each part by itself has other orders.
    stock = [parts for _, *parts in in_fresh_processes(executable)]
    wait, group, all_tasks, as_completed, queue = zip(*stock, strict=True)
    for orders in (wait, group, all_tasks, as_completed, queue):
        assert len(set(orders)) > 1


def test_a_long_lived_process_with_a_running_loop_gives_the_same_trace() -> None:
    scenario = load_scenario()

    async def kernel() -> list[str]:
        others = [asyncio.create_task(asyncio.sleep(0)) for _ in range(100)]
        digests = []
        for layout in range(3):
            junk = scenario.fill_heap(layout)
            digests.append(scenario.in_virtual_time())
            del junk
            await asyncio.sleep(0)
        await asyncio.gather(*others)
        return digests

    assert [scenario.in_virtual_time(), *asyncio.run(kernel())] == [GOLDEN] * 4


def test_a_process_in_which_nest_asyncio_was_applied_gives_the_same_trace() -> None:
    arguments = ("-c", AFTER_NEST_ASYNCIO, str(SCENARIO))
    assert python(sys.executable, *arguments, layout=3) == GOLDEN
