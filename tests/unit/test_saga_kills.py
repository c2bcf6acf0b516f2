"""A process with sagas under way is killed, a hundred times, and each saga comes to its end.

``SIGKILL`` takes the process away between two instructions: between a step and its row in the log,
in the middle of a compensation, in the middle of a resume.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from lessonkit import SagaLog, SagaState, run
from lessonkit.faults import stream
from lessonkit.patterns.database import Database
from tests.unit.saga_victim import SERVICES, Services, make_saga

KILLS = 100
VICTIM = Path(__file__).with_name("saga_victim.py")
LONGEST = 0.05
"""Seconds of work before the process is killed."""


def kill_again_and_again(folder: Path, first: int, kills: int) -> None:
    rng = stream(first, "kills")
    with subprocess.Popen(
        [sys.executable, str(VICTIM), str(folder)],
        cwd=VICTIM.parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        assert parent.stderr is not None
        endings = []
        for number in range(first, first + kills):
            print(number, file=parent.stdin, flush=True)
            child = parent.stdout.readline()
            if not child:
                break
            time.sleep(rng.uniform(0, LONGEST))
            os.kill(int(child), signal.SIGKILL)
            endings.append(int(parent.stdout.readline()))
        parent.stdin.close()
        errors = parent.stderr.read()
    assert endings == [-signal.SIGKILL] * kills, errors


def check(folder: Path) -> Counter[SagaState]:
    """Look at the books: what each finished saga says must have happened, once."""
    states: Counter[SagaState] = Counter()
    with SagaLog(folder / "saga.db") as log:
        assert log.database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        services = Database(folder / "services.db")
        rows = services.execute("SELECT service, key, pieces FROM ledger").fetchall()
        services.close()
        done = Counter((service, key) for service, key, pieces in rows if pieces > 0)
        balance: Counter[tuple[str, str]] = Counter()
        for service, key, pieces in rows:
            balance[service, key] += pieces
        assert set(done.values()) <= {1}  # nothing was ever done twice
        known = [key for (key,) in log.database.execute("SELECT saga_id FROM sagas")]
        assert {key for _, key in done} <= set(known)  # and nothing without a saga
        for saga_id in known:
            state = log.state(saga_id)
            assert state is not None
            states[state] += 1
            happened = [balance[service, saga_id] for service in SERVICES]
            if state is SagaState.COMPLETED:
                assert happened == [1, 1, 1, 1], saga_id
            if state is SagaState.COMPENSATED:
                assert happened == [0, 0, 0, 0], saga_id
    return states


def resume(folder: Path) -> None:
    with SagaLog(folder / "saga.db") as log:
        services = Services(folder / "services.db")
        run(make_saga(services, log, None).resume())
        services.database.close()


def test_after_each_of_a_hundred_kills_every_saga_comes_to_its_end(tmp_path: Path) -> None:
    unfinished = 0
    for first in range(0, KILLS, 10):
        kill_again_and_again(tmp_path, first, 10)
        states = check(tmp_path)
        unfinished += states.total() - states[SagaState.COMPLETED] - states[SagaState.COMPENSATED]
        resume(tmp_path)
        states = check(tmp_path)
        assert set(states) <= {SagaState.COMPLETED, SagaState.COMPENSATED}
    assert states[SagaState.COMPLETED] > KILLS / 4
    assert states[SagaState.COMPENSATED] > KILLS / 8
    assert unfinished > 10
    with SagaLog(tmp_path / "saga.db") as log:
        resumed = log.database.execute(
            "SELECT count(*) FROM saga_log WHERE what = 'resumed' GROUP BY saga_id"
        ).fetchall()
    assert (2,) in resumed  # some were killed once more while they were resumed


def test_this_would_notice_a_charge_that_was_never_given_back(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, 0, 5)
    resume(tmp_path)
    services = Database(tmp_path / "services.db")
    services.execute("DELETE FROM ledger WHERE service = 'payment' AND pieces < 0")
    services.close()
    with pytest.raises(AssertionError):
        check(tmp_path)
