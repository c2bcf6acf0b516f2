"""Three customers in a row: enough for events to stand in line."""

from __future__ import annotations

import asyncio

from lessonkit.shop import Shop, an_order
from lessonkit.shop.customer import OrderFunction

APART = 0.03
"""Seconds between one customer and the next."""


async def three_customers(shop: Shop, create_order: OrderFunction) -> None:
    """Let three customers order, each 30 ms after the one before, and wait for their answers."""

    async def one(number: int) -> None:
        await asyncio.sleep(APART * number)
        await shop.place_order(create_order, an_order(number + 1))

    await asyncio.gather(*[one(number) for number in range(3)])
