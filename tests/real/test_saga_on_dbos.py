"""The order flow's steps as a workflow of DBOS: what they do, and what is left of them by kills."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from lessonkit import Step
from lessonkit.database import DatabaseUnavailable
from lessonkit.shop.errors import OrderFailed, ServiceRefused
from tests.real.installed import need_or_skip

need_or_skip("dbos")

from lessonkit.real import saga_kills  # noqa: E402
from lessonkit.real.dbos_saga import dbos, launched, on_dbos, tell_the_time  # noqa: E402
from lessonkit.real.saga_kills import Order, Services, kill_and_count  # noqa: E402


def order_flow(do: Services) -> list[Step]:
    """The steps of notebook 09."""
    return [
        Step("reserve", do.reserve, do.put_back),
        Step("charge", do.charge),
        Step("save", do.save, pivot=True),
        Step("mail", do.mail),
    ]


def execute(folder: Path, steps: Sequence[Step], *orders: Order) -> list[str]:
    """Let DBOS execute the saga for each of the orders, and return how it ended."""
    ended = []

    async def main() -> None:
        for order in orders:
            with dbos.SetWorkflowID(order.order_id):
                handle = await dbos.DBOS.start_workflow_async(saga, order)
            ended.append(await handle.get_result())

    with launched(folder, steps) as saga:
        asyncio.run(main())
    return ended


class Doing:
    """Steps that note what they do, and fail as often as they are told."""

    def __init__(self, **failures: int) -> None:
        self.failures, self.done = failures, []  # type: tuple[dict[str, int], list[str]]

    def step(self, name: str, *, optional: bool = False, pivot: bool = False) -> Step:
        async def action(command: object) -> None:
            self._do(name)

        async def compensation(command: object) -> None:
            self._do(f"undo_{name}")

        return Step(name, action, compensation, optional, pivot)

    def _do(self, name: str) -> None:
        self.done.append(name)
        if self.failures.get(name, 0):
            self.failures[name] -= 1
            raise ServiceRefused(name)


def test_all_steps_or_what_was_done_undone(tmp_path: Path) -> None:
    services = Services(tmp_path, keys=True)
    orders = Order("O-1"), Order("O-2", card_is_declined=True), Order("O-1")
    # The third is the first once more: DBOS knows it by its id, and does nothing.
    assert execute(tmp_path, order_flow(services), *orders) == [
        *("completed", "compensated", "completed"),
    ]
    assert services.done() == [
        *(("reserve", "O-1"), ("charge", "O-1"), ("save", "O-1"), ("mail", "O-1")),
        *(("reserve", "O-2"), ("put_back", "O-2")),
    ]


def test_the_last_one_is_undone_first_also_if_that_must_be_tried_again(tmp_path: Path) -> None:
    do = Doing(c=1, undo_b=2)
    assert execute(tmp_path, [do.step("a"), do.step("b"), do.step("c")], Order("O-1")) == [
        "compensated"
    ]
    assert do.done == ["a", "b", "c", "undo_c", "undo_b", "undo_b", "undo_b", "undo_a"]


def test_an_optional_step_may_fail(tmp_path: Path) -> None:
    do = Doing(b=1)
    steps = [do.step("a"), do.step("b", optional=True), do.step("c")]
    assert execute(tmp_path, steps, Order("O-1")) == ["completed"]
    assert do.done == ["a", "b", "c"]


def test_behind_the_pivot_it_only_goes_forward(tmp_path: Path) -> None:
    do = Doing(b=2)
    steps = [do.step("a", pivot=True), do.step("b")]
    assert execute(tmp_path, steps, Order("O-1")) == ["completed"]
    assert do.done == ["a", "b", "b", "b"]


def test_a_mistake_in_a_step_is_no_failure_of_the_shop(tmp_path: Path) -> None:
    async def broken(command: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        execute(tmp_path, [Step("a", broken)], Order("O-1"))


def test_steps_that_are_none() -> None:
    with pytest.raises(ValueError, match="steps must be"):
        on_dbos([])


def test_an_old_sqlite_can_tell_the_time_as_dbos_asks_for_it() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        tell_the_time(connection, None)
        assert connection.execute("SELECT unixepoch('subsec') * 1000").fetchone()[0] > 1e12


def test_a_log_that_cannot_be_used_says_what_to_do(tmp_path: Path) -> None:
    steps = [Doing().step("a")]
    (tmp_path / "dbos.sqlite").write_text("Dear diary, " * 1000)
    with pytest.raises(DatabaseUnavailable, match=r"dbos.sqlite' cannot be used .*move the file"):
        execute(tmp_path, steps)
    with pytest.raises(DatabaseUnavailable, match="its folder must exist and be writable"):
        execute(tmp_path / "nowhere", steps)


# --- killed --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_after_thirty_kills_every_order_has_come_to_its_end_and_nothing_was_done_twice(
    tmp_path: Path,
) -> None:
    counted = kill_and_count(tmp_path, True, 30, order_flow)
    assert counted["finished"] == counted["orders"] >= 30  # each process has begun one
    assert (counted["half"], counted["twice"]) == (0, 0)


@pytest.mark.slow
def test_without_keys_the_log_finishes_it_and_does_some_of_it_twice(tmp_path: Path) -> None:
    for number in range(15):  # which moment a kill hits is the machine's affair
        folder = tmp_path / str(number)
        folder.mkdir()
        counted = kill_and_count(folder, False, 8, order_flow)
        assert counted["finished"] == counted["orders"]
        assert counted["half"] == 0
        if counted["twice"]:
            return
    pytest.fail("nothing was done twice in 120 kills")


def test_it_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    services = Services(tmp_path, keys=False)

    class Nobody:
        said = ("O-1", "O-2", "O-3")

        def __init__(self, *_: object) -> None: ...
        def __enter__(self) -> Nobody:
            return self

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(saga_kills, "process", Nobody)
    monkeypatch.setattr(saga_kills, "LONGEST", 0)
    with closing(sqlite3.connect(services.path)) as books, books:
        rows = [("reserve", "O-1"), ("charge", "O-1")]  # half
        rows += [("reserve", "O-2"), ("put_back", "O-2"), ("put_back", "O-2")]  # twice
        rows += [(what, "O-3") for what in ("reserve", "charge", "save", "mail")]
        rows += [(what, "O-4") for what in ("reserve", "put_back")]  # DBOS has not finished it
        books.executemany("INSERT INTO done VALUES (?, ?)", rows)
    counted = kill_and_count(tmp_path, False, 1, order_flow)
    assert counted == {"kills": 1, "orders": 4, "finished": 3, "half": 1, "twice": 1}


def test_a_declined_card_takes_no_money(tmp_path: Path) -> None:
    services = Services(tmp_path, keys=True)
    with pytest.raises(OrderFailed):
        asyncio.run(services.charge(Order("O-1", card_is_declined=True)))
    assert services.done() == []


KERNEL = """
import sys, time
from pathlib import Path
from lessonkit.real.saga_kills import process, shop
from tests.real.test_saga_on_dbos import order_flow
if __name__ == "__main__":
    with process(shop, Path(sys.argv[1]), True, order_flow, 1) as victim:
        print(victim.pid, flush=True)
        time.sleep(600)
"""


def test_it_listens_nowhere_and_is_gone_when_the_kernel_is_killed(tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    (tmp_path / "kernel.py").write_text(KERNEL)
    kernel = subprocess.Popen(
        [sys.executable, str(tmp_path / "kernel.py"), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        text=True,
    )
    with kernel:
        assert kernel.stdout is not None
        victim = psutil.Process(int(kernel.stdout.readline()))
        listening = [one for one in victim.net_connections() if one.status == psutil.CONN_LISTEN]
        kernel.kill()
    assert listening == []
    psutil.wait_procs([victim], timeout=60)
    assert not victim.is_running()
