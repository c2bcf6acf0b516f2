"""The same string gives the same run in every process, whatever its hash seed or its Python.

LESSONKIT_PYTHONS may list further interpreters, separated as in PATH; they need no packages.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHONS = [sys.executable, *filter(None, os.environ.get("LESSONKIT_PYTHONS", "").split(os.pathsep))]
PROCESSES = 20

GOLDEN = "78e4683199690153"
"""It may change only when the saga, the shop or the search is changed."""


def in_a_fresh_process(executable: str, seed: int) -> str:
    environment = {
        **os.environ,
        "LESSONKIT_LANGUAGE": "en",
        "PYTHONHASHSEED": str(seed),
        "PYTHONPATH": str(ROOT),
    }
    command = [executable, "-m", "tests.unit.replay_scenario"]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow  # twenty processes, for each Python
@pytest.mark.parametrize("executable", PYTHONS)
def test_twenty_processes_replay_the_same_runs(executable: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda seed: in_a_fresh_process(executable, seed), range(PROCESSES)))
    assert found == [GOLDEN] * PROCESSES
