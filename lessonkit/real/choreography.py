"""Orders through the handlers of a choreography, in memory and on a real broker: nothing differs.

What subscribes the handlers is given as one function, and knows neither bus::

    def by_events(shop, bus):
        orders = dance.CarefulOrderService(shop, bus, dance.again)
        for service in (dance.inventory, dance.payment, dance.notification):
            service(shop, bus, dance.again)
        return orders.create_order

    play_orders(by_events)         # in memory, in virtual time
    play_orders(by_events, url)    # on the broker, in real seconds
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from lessonkit.patterns.bus import InMemoryEventBus
from lessonkit.real.bus import RealEventBus
from lessonkit.runner import run
from lessonkit.shop import CreateOrder, Item, OrderStatus, Shop, audit
from lessonkit.shop.customer import OrderFunction
from lessonkit.trace import Trace

Services = Callable[[Any, Any], OrderFunction]
"""Lets the handlers subscribe, given a shop and a bus; returns what takes an order."""
SECONDS_TO_SETTLE: Final = 20.0
"""How long the auditor's complaints may be only that something is still under way."""
ORDERS: Final = tuple(
    CreateOrder(f"O-{number:03}", f"C-{number:03}", (Item("P-1", pieces, 2500),), how)
    for number, (pieces, how) in enumerate(
        [(2, "card"), (1, "card"), (2, "expired card"), (2, "card"), (20, "card"), (1, "card")], 1
    )
)
"""Six orders at once; the third card is declined, and of the fifth there are not so many pieces."""


@dataclass(frozen=True)
class Played:
    """What became of the orders: how many orders, events and so on; and who has asked whom what."""

    counts: dict[str, float]
    trace: Trace


def play_orders(services: Services, url: str | None = None) -> Played:
    """Let customers order, all at once, and wait until it is settled what becomes of that.

    Parameters
    ----------
    services
        Lets the handlers subscribe; see above.
    url
        Of a broker; None for the bus in memory. Nothing of it stays there.

    Raises
    ------
    ServerUnavailable
        If there is no such broker, or it dies.
    """
    shop = Shop()
    bus: Any = InMemoryEventBus(shop.network)
    if url is not None:
        bus = RealEventBus(url, shop.network, f"orders-{secrets.token_hex(4)}")
    place = services(shop, bus)

    async def order() -> None:
        await asyncio.gather(*(shop.place_order(place, command) for command in ORDERS))

    async def in_memory() -> None:
        await order()
        await bus.close()

    async def on_broker() -> None:
        async with bus:
            await order()
            await _settle(shop)
        await bus.remove()

    if url is None:
        trace = run(in_memory(), drain=SECONDS_TO_SETTLE).trace
    else:
        trace = run(on_broker(), wall=True).trace
    books = [order.status for order in shop.database.orders.values()]
    counts: dict[str, float] = {
        "orders": len(books),
        "confirmed": books.count(OrderStatus.CONFIRMED),
        "cancelled": books.count(OrderStatus.CANCELLED),
        "events": len(bus.published),
        "deliveries": len(bus.log),
        "failures": len(bus.failures),
        "complaints": len(audit(shop)),
    }
    return Played(counts, trace)


async def _settle(shop: Shop) -> None:
    # Nobody sees on a broker whether all is done. But the books say it.
    deadline = asyncio.get_running_loop().time() + SECONDS_TO_SETTLE
    while audit(shop) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.05)
