"""A verdict, its sentence and its picture are the same in every process, however it fares."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def digests(hash_seed: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.exercises.digests"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="Windows cannot stop a process")
def test_two_processes_agree_though_one_is_stopped_again_and_again() -> None:
    first, second = digests("1"), digests("2")
    with first, second:
        while second.poll() is None:
            time.sleep(1)
            second.send_signal(signal.SIGSTOP)
            time.sleep(2)
            second.send_signal(signal.SIGCONT)
        got = [process.communicate()[0].splitlines() for process in (first, second)]
    assert len(got[0]) >= 17
    assert got[0] == got[1]
