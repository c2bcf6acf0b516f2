"""The order flow on DBOS, in a process that is really killed (SIGKILL), again and again.

The services keep their books in a SQLite file. With a key they look first whether they have done
what they are asked to do, in the transaction in which they do it: that is an inbox.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partialmethod
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from lessonkit.checks import whole_number
from lessonkit.database import Database
from lessonkit.faults import stream
from lessonkit.patterns.outbox import Inbox
from lessonkit.patterns.saga.progress import Step
from lessonkit.real.dbos_saga import dbos, launched
from lessonkit.real.victims import process
from lessonkit.shop.errors import OrderFailed

WAY: Final = 0.02
"""Seconds that a service's reply is under way: it has been done, and DBOS does not know yet."""
LONGEST: Final = 1.0
"""Seconds of work before a process is killed."""
DECLINED: Final = 4
"""Each fourth card is declined."""
WHOLE: Final = ({"reserve", "charge", "save", "mail"}, {"reserve", "put_back"})
"""What may have been done in the end: all of it; or, with a declined card, and undone."""


@dataclass(frozen=True)
class Order:
    """The command."""

    order_id: str
    card_is_declined: bool = False


class Services:
    """What the steps do: 04's inventory, payment, orders and notification, with books on a disk."""

    def __init__(self, folder: Path, keys: bool) -> None:
        self.path, self.keys = folder / "shop.sqlite", keys
        with closing(Database(self.path)) as database:
            database.execute("CREATE TABLE IF NOT EXISTS done (what TEXT, order_id TEXT)")

    async def _do(self, what: str, order: Order) -> None:
        def work(tx: Any) -> None:
            tx.execute("INSERT INTO done VALUES (?, ?)", (what, order.order_id))

        with closing(Database(self.path, timeout=60)) as database:
            if self.keys:
                Inbox(database, what).handle(order.order_id, work)
            else:
                work(database)
        await asyncio.sleep(WAY)

    # Set the goods aside, undo that, save the order, send the confirmation.
    reserve = partialmethod(_do, "reserve")
    put_back = partialmethod(_do, "put_back")
    save = partialmethod(_do, "save")
    mail = partialmethod(_do, "mail")

    async def charge(self, order: Order) -> None:
        """Charge the card."""
        if order.card_is_declined:
            raise OrderFailed("card declined")
        await self._do("charge", order)

    def done(self) -> list[tuple[str, str]]:
        """What was done, and for which order."""
        with closing(Database(self.path)) as database:
            return database.fetch("SELECT what, order_id FROM done ORDER BY rowid")


Flow = Callable[[Services], list[Step]]
"""The steps, from what can be done."""


def shop(folder: Path, keys: bool, flow: Flow, seed: int, ready: Connection) -> None:
    """Take orders until killed; behind their back DBOS goes on with those of the dead."""

    async def take_orders() -> None:
        for number in count(1):
            order = Order(f"O-{seed}-{number}", number % DECLINED == 0)
            with dbos.SetWorkflowID(order.order_id):
                handle = await dbos.DBOS.start_workflow_async(saga, order)
            if number == 1:  # so that there is an order, however slow the machine is
                ready.send("at work")
            await handle.get_result()

    with launched(folder, flow(Services(folder, keys))) as saga:
        asyncio.run(take_orders())


def recover(folder: Path, keys: bool, flow: Flow, ready: Connection) -> None:
    """Take no more orders; say when those of the dead have come to their end."""
    with launched(folder, flow(Services(folder, keys))):
        while dbos.DBOS.list_workflows(status=["PENDING", "ENQUEUED"]):
            time.sleep(0.05)
        finished = dbos.DBOS.list_workflows(status="SUCCESS")
        ready.send([workflow.workflow_id for workflow in finished])
        time.sleep(600)  # until killed, as everybody here


def kill_and_count(folder: Path, keys: bool, kills: int, flow: Flow) -> dict[str, float]:
    """Let a process take orders and kill it, so many times; then let a last one recover the rest.

    Parameters
    ----------
    folder
        An empty one, for the log and the books.
    keys
        Whether the services go by idempotency keys.
    kills
        How often.
    flow
        The steps. It travels into other processes.

    Returns
    -------
    dict
        How many ``"kills"`` there were; how many ``"orders"`` were begun, how many DBOS has
        brought to their end (``"finished"``), how many were left with neither all of it done nor
        all of it undone (``"half"``), and how many had something done ``"twice"``.

    Raises
    ------
    TypeError, ValueError
        If ``kills`` is none.
    """
    whole_number("kills", kills, low=1)
    rng = stream(0, f"saga kills {keys}")
    for seed in range(kills):
        with process(shop, folder, keys, flow, seed):
            time.sleep(rng.uniform(0, LONGEST))
    with process(recover, folder, keys, flow) as last:
        finished = last.said
    orders: dict[str, list[str]] = {}
    for what, order_id in Services(folder, keys).done():
        orders.setdefault(order_id, []).append(what)
    return {
        "kills": kills,
        "orders": len(orders),
        "finished": len(orders.keys() & set(finished)),
        "half": sum(set(steps) not in WHOLE for steps in orders.values()),
        "twice": sum(len(set(steps)) < len(steps) for steps in orders.values()),
    }
