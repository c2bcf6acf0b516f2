"""A process that executes sagas until it is killed; see test_saga_kills.py.

``python saga_victim.py FOLDER`` reads a seed per line and forks a child that first resumes whatever
it finds in the folder, and then takes new orders until somebody kills it. (A fork, because a fresh
Python takes longer to start than it is left to live.)
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from lessonkit import CreateOrder, OrderFailed, Saga, SagaLog, Step, an_order
from lessonkit.database import Database
from lessonkit.faults import stream
from lessonkit.patterns.backoff import Backoff
from lessonkit.shop import NoReply, ServiceRefused

TABLES = (
    "CREATE TABLE IF NOT EXISTS effects (service TEXT, key TEXT, state TEXT,"
    " PRIMARY KEY (service, key))",
    "CREATE TABLE IF NOT EXISTS ledger (service TEXT, key TEXT, pieces INTEGER)",
)
SERVICES = ("inventory", "payment", "orders", "notification")
AT_ONCE = 3


class Services:
    """Four services that go by keys. The ledger has a row for each thing that really happened."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path)
        for table in TABLES:
            self.database.execute(table)

    def do(self, service: str, key: str) -> None:
        """Once per key; never, if it has been undone before it came."""
        self._change(service, key, wanted=None, state="done", pieces=1)

    def undo(self, service: str, key: str) -> None:
        self._change(service, key, wanted="done", state="undone", pieces=-1)

    def _change(self, service: str, key: str, wanted: str | None, state: str, pieces: int) -> None:
        with self.database.transaction() as db:
            found = db.execute(
                "SELECT state FROM effects WHERE service = ? AND key = ?", (service, key)
            ).fetchone()
            now = found and found[0]
            if now == wanted:
                db.execute("INSERT INTO ledger VALUES (?, ?, ?)", (service, key, pieces))
            if now in (wanted, None):
                db.execute("INSERT OR REPLACE INTO effects VALUES (?, ?, ?)", (service, key, state))


def make_saga(services: Services, log: SagaLog, rng: random.Random | None) -> Saga:
    """The order saga; with ``rng``, its calls take time and fail now and then."""

    def call(
        change: Callable[[str, str], None], service: str, declines: float = 0.0
    ) -> Callable[[CreateOrder], Awaitable[None]]:
        async def request(command: CreateOrder) -> None:
            if rng is None:
                change(service, command.order_id)
                return
            await asyncio.sleep(rng.uniform(0, 0.001))
            if rng.random() < declines:
                raise OrderFailed(f"{service} says no")
            if rng.random() < 0.1:
                raise ServiceRefused(service)
            change(service, command.order_id)
            await asyncio.sleep(rng.uniform(0, 0.001))
            if rng.random() < 0.1:
                raise NoReply(service)

        return request

    do, undo = services.do, services.undo
    return Saga(
        "order",
        [
            Step("reserve", call(do, "inventory"), call(undo, "inventory")),
            Step("charge", call(do, "payment", 0.2), call(undo, "payment")),
            Step("save", call(do, "orders", 0.1), call(undo, "orders"), pivot=True),
            Step("mail", call(do, "notification")),
        ],
        compensate_before=True,
        attempts=2,
        backoff=Backoff(base=0.001, cap=0.002),
        compensation_attempts=2,
        log=log,
    )


async def work(folder: Path, seed: int) -> None:
    with SagaLog(folder / "saga.db") as log:
        saga = make_saga(Services(folder / "services.db"), log, stream(seed, "victim"))
        print(os.getpid(), flush=True)
        await saga.resume()
        while True:
            (known,) = log.database.execute("SELECT count(*) FROM sagas").fetchone()
            orders = [an_order(known + number) for number in range(1, AT_ONCE + 1)]
            await asyncio.gather(*(saga.execute(order.order_id, order) for order in orders))


def main(folder: Path) -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(work(folder, int(line)))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
