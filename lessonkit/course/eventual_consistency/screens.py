"""Notebook 05: what customers see in the gap, on a page that reads a copy or promises at once."""

from __future__ import annotations

from asyncio import gather, get_running_loop, sleep
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from lessonkit.faults import stream
from lessonkit.messages import _
from lessonkit.runner import run
from lessonkit.shop import CreateOrder, Item, Order, Shop, an_order
from lessonkit.trace import current_trace

ONE_PIECE = (Item("P-1", 1, 2500),)
SECONDS, OFTEN = 4, 20
"""So long a sale lasts, and so often in a second somebody looks at it."""

Way = Callable[["Website", str, int], Awaitable[Order | None]]
"""How a page finds an order: ``way(site, order_id, version)``."""


class Website:
    """Shows orders from a copy of its own, which is ``behind`` seconds behind."""

    def __init__(self, shop: Shop, behind: float) -> None:
        self.shop, self.behind = shop, behind
        self.copy: dict[str, Order] = {}
        self.version = 0

    async def create_order(self, command: CreateOrder) -> int:
        """Save the order. The customer gets its version number: "you are the n-th order"."""
        order = Order.create(command)
        await self.shop.database.save(order)
        version = len(self.shop.database.orders)
        get_running_loop().call_later(self.behind, self._hear, order, version)
        return version

    def _hear(self, order: Order, version: int) -> None:
        self.copy[order.order_id], self.version = order, version
        current_trace().state(_("website"), _("orders"), version)

    async def ask_the_writer(self, order_id: str) -> Order | None:
        """What the order service itself says."""
        find = self.shop.database.orders.get
        return await self.shop.network.call("orders", "get_order", find, order_id)


async def order_and_look(site: Website, number: int, look: float, way: Way) -> tuple[bool, float]:
    """Let a customer order, and look for it: whether it is found, and how long the page takes."""
    version: int = await site.shop.network.call(
        "orders", "create_order", site.create_order, an_order(number)
    )
    await sleep(look)
    clock, order_id = get_running_loop().time, f"O-{number:03}"
    asked = clock()
    found = await way(site, order_id, version)
    current_trace().state("customer", _("page"), order_id if found else _("no such order"))
    return found is not None, clock() - asked


def fifty_customers(way: Way) -> tuple[list[tuple[bool, float]], int]:
    """They look after 0 to 1 s; the copy is 0.5 s behind. And how often the writer was asked."""
    site = Website(Shop(latency={"orders": 0.02}), behind=0.5)
    rng = stream(0, "customers")
    looks = [rng.uniform(0, 1) for _customer in range(50)]

    async def all_of_them() -> list[tuple[bool, float]]:
        return await gather(
            *[order_and_look(site, number, look, way) for number, look in enumerate(looks, 1)]
        )

    pages = run(all_of_them()).result
    return pages, sum(
        operation == "orders.get_order" for _who, operation in site.shop.network.calls
    )


@dataclass
class Sale:
    """What a page knows of the shelf, and what became of those who came.

    Attributes
    ----------
    left
        Pieces, as far as the page knows.
    came_of_it
        How many customers met which end.
    samples
        Orders that were shown, and orders that were true, at each look.
    """

    left: int
    came_of_it: Counter[str] = field(default_factory=Counter)
    samples: list[tuple[int, int]] = field(default_factory=list)


def sell(
    customer: Callable[[Shop, Sale], Awaitable[None]], pieces: int, per_second: int, gap: float
) -> Sale:
    """Customers come, each after the same time, for pieces of which there are only so many."""
    shop, sale = Shop(stock={"P-1": pieces}, latency={"inventory": gap}), Sale(pieces)

    async def one(number: int) -> None:
        await sleep(number / per_second)
        await customer(shop, sale)

    async def look() -> None:
        for _time in range(OFTEN * SECONDS):
            sale.samples.append((sale.came_of_it["ordered"], len(shop.inventory.reservations)))
            await sleep(1 / OFTEN)

    async def all_of_them() -> None:
        await gather(look(), *[one(number) for number in range(per_second * SECONDS)])

    run(all_of_them())
    return sale
