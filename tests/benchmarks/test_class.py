"""A class on two processors: what each learner's kernel needs, alone and with nineteen others.

Every kernel runs a whole notebook and hands in the solutions of its exercises. Printed are the
memory of a kernel (what it does not share with the others) and how long each check took.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from jupyter_client.manager import KernelManager

from lessonkit.course import exercises

FOLDER = Path(__file__).parents[2] / "notebooks" / "en"
LEARNERS = 20


@dataclass(frozen=True)
class Learner:
    """What one kernel needed: megabytes of its own, and seconds."""

    megabytes: float
    notebook: float
    checks: dict[str, float]
    solved: list[str]


@contextmanager
def kernel(progress: Path) -> Iterator[KernelManager]:
    manager = KernelManager(kernel_name="python3")
    environment = {**os.environ, "LESSONKIT_PROGRESS": str(progress)}
    manager.start_kernel(cwd=str(FOLDER), env=environment)
    try:
        yield manager
    finally:
        manager.shutdown_kernel(now=True)


def learn(notebook: str, progress: Path) -> Learner:
    """Run every cell of the notebook, then hand in the solution of each exercise."""
    cells = json.loads((FOLDER / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    own = [exercise for exercise in exercises() if exercise.notebook == notebook]
    with kernel(progress) as manager:
        client = manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=120)
        began = time.monotonic()
        for source in code:
            reply = client.execute_interactive(source, timeout=300, output_hook=lambda _: None)
            assert reply["content"]["status"] == "ok", reply["content"]
        took = time.monotonic() - began
        checks = {}
        for exercise in own:
            source = exercise.cell.replace(exercise.starter.strip(), exercise.answer.strip())
            began = time.monotonic()
            client.execute_interactive(source, timeout=60, output_hook=lambda _: None)
            checks[exercise.name] = time.monotonic() - began
        process = psutil.Process(manager.provisioner.pid)
        megabytes = process.memory_full_info().uss / 1e6
        client.stop_channels()
    entries = json.loads(progress.read_text(encoding="utf-8"))["exercises"]
    return Learner(megabytes, took, checks, [name for name in entries if entries[name]["solved"]])


@pytest.mark.parametrize("learners", [1, LEARNERS])
@pytest.mark.parametrize("notebook", ["01-request-response", "04-choreography-orchestration"])
def test_a_class_at_once(tmp_path: Path, notebook: str, learners: int) -> None:
    with ThreadPoolExecutor(learners) as pool:
        files = [tmp_path / f"{number}.json" for number in range(learners)]
        found = list(pool.map(lambda file: learn(notebook, file), files))
    names = sorted(exercise.name for exercise in exercises() if exercise.notebook == notebook)
    for learner in found:
        assert learner.solved == names  # nobody is told "too slow" because others work as well
    checks = [seconds for learner in found for seconds in learner.checks.values()]
    print(
        f"\n{notebook}, {learners} at once:"
        f" {statistics.mean(one.megabytes for one in found):.0f} MB each"
        f" (most {max(one.megabytes for one in found):.0f});"
        f" whole notebook {statistics.median(one.notebook for one in found):.1f} s;"
        f" a check {statistics.median(checks) * 1000:.0f} ms (longest {max(checks) * 1000:.0f})"
    )
