"""A process with sagas under way is killed, a hundred times, and each saga comes to its end.

``SIGKILL`` takes the process away between two instructions: between a step and its row in the log,
in the middle of a compensation, in the middle of a resume.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lessonkit import Saga, SagaLog, Step, run
from lessonkit.database import Database
from lessonkit.faults import stream
from lessonkit.patterns.saga import SagaState
from lessonkit.patterns.saga.progress import What
from tests.unit.saga_victim import SERVICES, Services, make_saga

KILLS = 100
VICTIM = Path(__file__).with_name("saga_victim.py")
LONGEST = 0.05
"""Seconds of work before the process is killed."""


class Victim:
    """A program that starts children one after the other; each is killed."""

    def __init__(self, folder: Path) -> None:
        self.parent = subprocess.Popen(
            [sys.executable, str(VICTIM), str(folder)],
            cwd=VICTIM.parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self, seeds: range) -> None:
        """Start a child for each seed, and kill it after a while."""
        parent, rng = self.parent, stream(seeds.start, "kills")
        assert parent.stdin is not None
        assert parent.stdout is not None
        for number in seeds:
            print(number, file=parent.stdin, flush=True)
            child = parent.stdout.readline()
            assert child, self.end()
            time.sleep(rng.uniform(0, LONGEST))
            os.kill(int(child), signal.SIGKILL)
            assert int(parent.stdout.readline()) == -signal.SIGKILL, self.end()

    def end(self) -> str:
        """Let the program end; return what it had to complain of."""
        return self.parent.communicate()[1]


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    one = Victim(tmp_path)
    yield one
    one.end()


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


def test_after_each_of_a_hundred_kills_every_saga_comes_to_its_end(
    victim: Victim, tmp_path: Path
) -> None:
    unfinished, first = 0, 0
    states: Counter[SagaState] = Counter()
    # On a slow machine a process comes less far before it is killed: then it takes more of them.
    while (
        first < KILLS
        or states[SagaState.COMPLETED] <= KILLS / 4
        or states[SagaState.COMPENSATED] <= KILLS / 8
        or unfinished <= 10
    ):
        victim.kill(range(first, first + 10))
        first += 10
        states = check(tmp_path)
        unfinished += states.total() - states[SagaState.COMPLETED] - states[SagaState.COMPENSATED]
        resume(tmp_path)
        states = check(tmp_path)
        assert set(states) <= {SagaState.COMPLETED, SagaState.COMPENSATED}
    with SagaLog(tmp_path / "saga.db") as log:
        resumed = log.database.execute(
            "SELECT count(*) FROM saga_log WHERE what = 'resumed' GROUP BY saga_id"
        ).fetchall()
    assert (2,) in resumed  # some were killed once more while they were resumed


def test_this_would_notice_a_charge_that_was_never_given_back(
    victim: Victim, tmp_path: Path
) -> None:
    given_back = "FROM ledger WHERE service = 'payment' AND pieces < 0"
    services = Database(tmp_path / "services.db")
    # Whether a kill strikes between charge and saving is a matter of luck: until one does.
    for kill in range(100):
        victim.kill(range(kill, kill + 1))
        resume(tmp_path)
        if services.execute(f"SELECT 1 {given_back}").fetchone():
            break
    services.execute(f"DELETE {given_back}")
    services.close()
    with pytest.raises(AssertionError):
        check(tmp_path)


# --- two processes resume one saga ---------------------------------------------------------------

LONG = 60.0


def resume_in_a_process(path: Path, name: str, came: dict[str, Any], answers: Any) -> None:
    """Resume; whoever is first waits in the middle of it until the other one has come as well."""

    async def act(command: dict[str, int]) -> None: ...

    async def undo(command: dict[str, int]) -> None:
        came[name].set()
        if name == "first":
            assert came["second"].wait(LONG)

    with SagaLog(path, dict) as log:
        results = asyncio.run(Saga("s", [Step("a", act, undo), Step("b", act)], log=log).resume())
    answers.put((name, [str(result.state) for result in results]))


def test_of_two_processes_that_resume_one_saga_one_ends_it_and_the_other_stops(
    tmp_path: Path,
) -> None:
    path = tmp_path / "saga.db"
    with SagaLog(path, dict) as log:
        log.start("s", "O-001", {"yen": 5000})
        log.write("O-001", 1, What.BEGUN, "a", None)
        log.write("O-001", 1, What.DONE, "a", None)
    context = multiprocessing.get_context("fork")
    came, answers = {name: context.Event() for name in ("first", "second")}, context.Queue()
    processes = [
        context.Process(target=resume_in_a_process, args=(path, name, came, answers))
        for name in came
    ]
    processes[0].start()
    assert came["first"].wait(LONG)  # it has begun to undo
    processes[1].start()
    said = dict(answers.get(timeout=LONG) for _ in processes)
    for process in processes:
        process.join(LONG)
    assert said == {"first": [], "second": ["compensated"]}
    with SagaLog(path, dict) as log:
        assert log.state("O-001") is SagaState.COMPENSATED
        whats = [entry.what for entry in log.history("O-001")]
    assert whats[-4:] == [What.RESUMED, What.COMPENSATING, What.UNDONE, What.COMPENSATED]
    assert (whats.count(What.RESUMED), whats.count(What.UNDONE)) == (2, 1)
