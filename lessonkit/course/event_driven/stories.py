"""Orders that the warehouse hears of too late to ask: the stories that an event is tried in."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from types import MethodType
from typing import Any

from lessonkit.exercises.old_trial import run_briefly
from lessonkit.exercises.seal import SealedShop
from lessonkit.faults import Outage
from lessonkit.patterns.bus import InMemoryEventBus
from lessonkit.patterns.events import Event, EventTypes
from lessonkit.runner import Run
from lessonkit.shop import CreateOrder, Item, Order, Shop
from lessonkit.shop.process import here
from lessonkit.shop.services import Database

Placed = Callable[[Order], Event]
"""The learner's: makes the event that tells of an order."""

TakeStock = Callable[[Shop, Event], Awaitable[object]]
"""The learner's: the warehouse's handler of this event."""

AWAY = 0.1
"""From this moment on, in seconds, the order service and its database are away."""

NEW_ID = "E-77"
"""Under this id the event arrives: a dict beside the event, kept by id, will not find it."""


@dataclass(frozen=True)
class Story:
    """An order, and what becomes of it before the warehouse hears of it.

    ``later`` is what the order has been changed to by then; ``told`` says whether the change had an
    event of its own. The first event arrives ``times`` times.
    """

    items: tuple[Item, ...]
    later: tuple[Item, ...] | None = None
    told: bool = False
    times: int = 1


TWO_PRODUCTS = (Item("P-1", 2, 2500), Item("P-2", 3, 800))
"""What is ordered where nothing else matters."""

STORIES = (
    Story(TWO_PRODUCTS),
    Story(TWO_PRODUCTS, later=(Item("P-1", 1, 2500),)),
    Story((Item("P-1", 4, 2500), Item("P-2", 1, 800)), later=(Item("P-2", 5, 800),), told=True),
    Story((Item("P-1", 1, 2500), Item("P-1", 3, 2000))),
    Story(TWO_PRODUCTS, times=2),
)
"""In the order in which an event is tried; the first one that goes wrong is shown."""


@dataclass(frozen=True)
class Day:
    """What has happened in a story: the event as it was sent and as it arrived, and the rest."""

    story: Story
    shop: SealedShop
    run: Run[object]
    sent: Event
    arrived: Event
    asked: list[str]
    errors: list[BaseException]

    @property
    def taken(self) -> Counter[str]:
        """The pieces of each product that are no longer on the shelf."""
        inventory = self.shop.inventory
        return Counter(inventory.initial) - Counter(inventory.stock)


def live_through(story: Story, kind: type[Event], placed: Placed, take_stock: TakeStock) -> Day:
    """Play a story: order, perhaps change the order, and let the event arrive too late to ask."""
    away = [Outage("orders", AWAY), Outage("database", AWAY)]
    shop = SealedShop(latency={"orders": 0.02}, stock={"P-1": 50, "P-2": 50}, faults=away)
    bus = InMemoryEventBus(shop.network)
    bus.subscribe(kind, partial(take_stock, shop), service="inventory")
    sent: list[Event] = []
    arrived: list[Event] = []
    calls_before: list[int] = []

    async def create(command: CreateOrder) -> Order:
        order = Order.create(command)
        await shop.database.save(order)
        sent.append(placed(order))
        return order

    async def change(items: tuple[Item, ...], told: bool) -> Any:
        order = Order.create(command_for(items))
        replace = MethodType(_replace, shop.database)  # no other order may be saved under its id
        await shop.network.call("database", "replace", replace, order)
        if told:
            sent.append(placed(order))
        return order

    async def day() -> object:
        await shop.place_order(create, command_for(story.items))
        if story.later is not None:
            await asyncio.sleep(0.03)
            await shop.network.call("orders", "change_order", change, story.later, story.told)
        await asyncio.sleep(AWAY - asyncio.get_running_loop().time())
        calls_before.append(len(shop.network.calls))
        envelope = json.loads(sent[0].to_json()) | {"id": NEW_ID}
        arrived.append(EventTypes(kind).from_json(json.dumps(envelope)))
        here.set(shop.network.processes["orders"])  # it tells of the order and is gone
        for _number in range(story.times):
            await bus.publish(arrived[0])
        return None

    outcome = run_briefly(day(), drain=1.0)
    if outcome.error is not None:
        raise outcome.error
    calls = shop.network.calls[calls_before[0] :]
    asked = [
        operation
        for _caller, operation, _number in calls
        if operation.startswith(("orders.", "database."))
    ]
    errors = [failed.error for failed in bus.failures if failed.error is not None]
    return Day(story, shop, outcome, sent[0], arrived[0], asked, errors)


def _replace(database: Database, order: Order) -> None:
    database.orders[order.order_id] = order


def command_for(items: tuple[Item, ...]) -> CreateOrder:
    """The command for an order of these items; all stories are about this one order."""
    return CreateOrder("O-001", "C-100", items)
