"""The order service with an outbox, under every fault and every pair of faults; and without one.

One order, and three services that have to hear of it. The order service calls its database and each
of the three; every call can fail in four ways, and the order service can be killed after each.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lessonkit import (
    Backoff,
    Case,
    Crash,
    CreateOrder,
    Event,
    Exploration,
    Inbox,
    Order,
    Outbox,
    OutboxMessage,
    Relay,
    ReplyLost,
    Shop,
    ShopError,
    an_order,
    explore,
)
from lessonkit.patterns.database import Database
from lessonkit.shop.network import correlation

CONSUMERS = ("inventory", "payment", "notification")


class EventShop(Shop):
    """A shop whose order service has a database of its own, and whose consumers have inboxes.

    Databases in memory stand for the disks: they survive the processes.
    """

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.disk = Database(":memory:")
        self.disk.execute("CREATE TABLE orders (order_id TEXT PRIMARY KEY, body TEXT)")
        self.outbox = Outbox(self.disk)
        self.inboxes = {name: Inbox(Database(":memory:"), name) for name in CONSUMERS}
        self.tasks: list[asyncio.Task[Any]] = []
        self.command: CreateOrder = an_order()

    async def save(self, order: Order, event: Event | None = None) -> None:
        """Ask the database to write the order, and the event if there is one."""
        await self.network.call("database", "save", self._save, order, event)

    def _save(self, order: Order, event: Event | None) -> None:
        with self.disk.transaction() as tx:
            values = (order.order_id, repr(order))
            new = tx.execute("INSERT OR IGNORE INTO orders VALUES (?, ?)", values).rowcount
            if new and event is not None:
                self.outbox.add(tx, event, key=order.order_id)
        self.database._save(order)  # for the audit, which reads the books of the shop

    def effects(self, order: Order) -> dict[str, tuple[str, Callable[[], object]]]:
        """What each consumer does when it hears of the order. Without an inbox: each time."""
        return {
            "inventory": ("reserve", lambda: self.inventory._reserve(order.items, None)),
            "payment": ("charge", lambda: self.payment._charge(order.total, "card", None)),
            "notification": ("send_order_confirmation", lambda: self.notification._send(order)),
        }

    async def tell_all(self, order: Order, message_id: int | None = None) -> None:
        """Tell each consumer; those with an inbox look at the id."""
        token = correlation.set(order.order_id)
        for consumer, (operation, effect) in self.effects(order).items():
            handle: Callable[[], object] = effect
            if message_id is not None:
                inbox = self.inboxes[consumer]
                handle = lambda inbox=inbox, effect=effect: inbox.handle(  # type: ignore[misc] # noqa: E731
                    message_id, lambda tx: effect()
                )
            await self.network.call(consumer, operation, handle)
        correlation.reset(token)

    async def publish(self, message: OutboxMessage) -> None:
        assert json.loads(message.body)["type"] == message.type == "Event"
        await self.tell_all(Order.create(self.command), message.id)

    async def publish_without_inbox(self, message: OutboxMessage) -> None:
        await self.tell_all(Order.create(self.command))

    def relay(self, publish: Callable[[OutboxMessage], Awaitable[None]]) -> Relay:
        return Relay(self.outbox, publish, lease=30, backoff=Backoff(base=1, jitter=False))


async def with_outbox(shop: EventShop, inbox: bool = True) -> None:
    async def create_order(command: CreateOrder) -> None:
        shop.command = command
        while True:  # until it is certain: the same order is stored only once
            try:
                await shop.save(Order.create(command), Event())
                break
            except ShopError:
                await asyncio.sleep(0.1)
        relay = shop.relay(shop.publish if inbox else shop.publish_without_inbox)
        shop.tasks.append(asyncio.create_task(relay.drain()))  # a thread of the same process

    await shop.place_order(create_order)


async def restart_relay(shop: EventShop) -> None:
    await shop.relay(shop.publish).drain()


async def without_inbox(shop: EventShop) -> None:
    await with_outbox(shop, inbox=False)


async def commit_then_publish(shop: EventShop) -> None:
    async def create_order(command: CreateOrder) -> None:
        order = Order.create(command)
        await shop.save(order)
        await shop.tell_all(order)

    await shop.place_order(create_order)


async def publish_then_commit(shop: EventShop) -> None:
    async def create_order(command: CreateOrder) -> None:
        order = Order.create(command)
        await shop.tell_all(order)
        await shop.save(order)

    await shop.place_order(create_order)


def tried(scenario: Any, pairs: bool = False, **keywords: Any) -> Exploration:
    return explore(scenario, shop=EventShop, pairs=pairs, **keywords)


def outcome_of(exploration: Exploration) -> tuple[int, int]:
    return exploration.survived, exploration.tried


def rules(case: Case) -> list[str]:
    return [violation.rule for violation in case.violations]


def mails(case: Case) -> int:
    return len(case.shop.notification.mails)


@pytest.mark.parametrize("crashes", ["orders", *CONSUMERS])
def test_with_outbox_and_inbox_every_single_fault_is_survived(crashes: str) -> None:
    exploration = tried(with_outbox, restart=restart_relay, crashes=crashes)
    assert exploration.counterexamples == ()
    assert exploration.tried == {"orders": 21}.get(crashes, 17)
    for case in exploration.cases:
        assert isinstance(case.shop, EventShop)
        orders = case.shop.disk.execute("SELECT COUNT(*) FROM orders").fetchone()[0]
        assert mails(case) == orders == (0 if Crash("orders", after=0) in case.faults else 1)
        assert case.shop.outbox.pending == 0


def test_with_outbox_and_inbox_every_pair_of_faults_is_survived() -> None:
    exploration = tried(with_outbox, pairs=True, restart=restart_relay)
    assert exploration.counterexamples == ()
    assert outcome_of(exploration) == (310, 310)
    assert all(mails(case) == len(case.shop.database.orders) for case in exploration.cases)
    absorbed = [
        sum(inbox.duplicates for inbox in case.shop.inboxes.values())  # type: ignore[attr-defined]
        for case in exploration.cases
    ]
    assert max(absorbed) >= 2  # there was something to absorb


def test_committed_first_an_order_can_stand_that_nobody_hears_of() -> None:
    exploration = tried(commit_then_publish)
    assert outcome_of(exploration) == (9, 21)
    killed = exploration.find(Crash("orders", after=1))  # right after the commit
    assert rules(killed) == ["no order without its money", "no order without its stock"]
    assert outcome_of(tried(commit_then_publish, pairs=True)) == (28, 67)


def test_published_first_there_can_be_effects_of_an_order_that_does_not_stand() -> None:
    exploration = tried(publish_then_commit)
    assert outcome_of(exploration) == (8, 21)
    killed = exploration.find(Crash("orders", after=3))  # right before the commit
    assert rules(killed) == [
        "no money without an order",
        "no stock without an order",
        "no mail without an order",
    ]
    assert outcome_of(tried(publish_then_commit, pairs=True)) == (21, 67)


def test_an_outbox_without_an_inbox_has_effects_twice() -> None:
    async def restart(shop: EventShop) -> None:
        await shop.relay(shop.publish_without_inbox).drain()

    exploration = tried(without_inbox, restart=restart)
    assert outcome_of(exploration) == (15, 21)
    lost = exploration.find(ReplyLost("payment.charge", call=1))
    assert rules(lost) == ["no wrong amount"]
    assert outcome_of(tried(without_inbox, pairs=True, restart=restart)) == (142, 310)
