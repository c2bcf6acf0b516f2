"""The order service with an outbox, under every piece of bad luck and every pair; and without one.

One order, and three services that have to hear of it. Every call can fail, come late or come twice,
the order service can be killed after every event, the customer can click twice, and two customers
can want the last pieces.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from lessonkit import (
    Backoff,
    CreateOrder,
    Event,
    EventTypes,
    Inbox,
    Item,
    Order,
    OrderFailed,
    OrderStatus,
    Outbox,
    Relay,
    Shop,
    Told,
    explore,
)
from lessonkit.database import Database
from lessonkit.explorer import Case, Exploration, Kind
from lessonkit.patterns.outbox import OutboxMessage
from lessonkit.shop import NoReply, OutcomeUnknown, ShopError
from lessonkit.shop.network import correlation
from tests.notebook_code import namespace

CONSUMERS = ("inventory", "payment", "notification")
ATTEMPTS = 3


@dataclass(frozen=True)
class OrderEvent(Event):
    order_id: str
    customer_id: str
    items: tuple[Item, ...]
    payment_method: str

    @property
    def command(self) -> CreateOrder:
        return CreateOrder(self.order_id, self.customer_id, self.items, self.payment_method)


class OrderReceived(OrderEvent):
    """It is written down, and not decided yet."""


class OrderConfirmed(OrderEvent):
    """It stands: the pieces are held, the money is taken."""


class OrderCancelled(OrderEvent):
    """Somebody said no: what was done for it is undone."""


EVENTS = {
    OrderStatus.PENDING: OrderReceived,
    OrderStatus.CONFIRMED: OrderConfirmed,
    OrderStatus.CANCELLED: OrderCancelled,
}
TYPES = EventTypes(*EVENTS.values())

WRITE = """
    INSERT INTO orders VALUES (:id, :status)
    ON CONFLICT (id) DO UPDATE SET status = :status
    WHERE status = 'pending' AND :status != 'pending'
"""


class EventShop(Shop):
    """A shop whose order service has a database of its own, and whose consumers have inboxes.

    Databases in memory stand for the disks: they survive the processes.
    """

    def __init__(self, *, has_inboxes: bool = True, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.disk = Database(":memory:")
        self.disk.execute("CREATE TABLE orders (id TEXT PRIMARY KEY, status TEXT)")
        self.outbox = Outbox(self.disk)
        self.keepers.append(self.outbox)
        self.has_inboxes = has_inboxes
        self.inboxes = {name: Inbox(Database(":memory:"), name) for name in CONSUMERS}
        self.relays: list[asyncio.Task[int]] = []

    # --- the order service's database ------------------------------------------------------------

    async def write(self, operation: str, command: CreateOrder, status: OrderStatus) -> OrderStatus:
        """Ask the database to keep this status of the order; learn which one it has."""
        now: OrderStatus = await self.network.call(
            "database", operation, self._write, command, status
        )
        return now

    def _write(self, command: CreateOrder, status: OrderStatus) -> OrderStatus:
        """Store the order and its event together. What has been decided stays decided."""
        order_id = command.order_id
        with self.disk.transaction() as tx:
            if tx.execute(WRITE, {"id": order_id, "status": status}).rowcount:
                texts = order_id, command.customer_id, command.items, command.payment_method
                self.outbox.add(tx, EVENTS[status](*texts), key=order_id)
                self.database._save(replace(Order.create(command), status=status))  # for the audit
        row = self.disk.execute("SELECT status FROM orders WHERE id = ?", (order_id,)).fetchone()
        return OrderStatus(row[0])

    # --- the relay -------------------------------------------------------------------------------

    async def relay(self) -> int:
        backoff = Backoff(base=0.1, jitter=False)
        # In the end it parks what fails for good: the outbox then owes it.
        relay = Relay(self.outbox, self.publish, lease=5, backoff=backoff, attempts=ATTEMPTS)
        return await relay.drain(poll=1)

    async def publish(self, message: OutboxMessage) -> None:
        """Tell it to everybody whom it concerns. If all of them agree, the order stands."""
        event = TYPES.from_json(message.body)
        assert isinstance(event, OrderEvent)
        correlation.set(event.order_id)  # a relay works for one order after the other
        status = OrderStatus.CONFIRMED
        try:
            for operation, work in self.listeners(event).items():
                service, name = operation.split(".")
                await self.network.call(service, name, self._hear, service, message.id, work)
        except OrderFailed:
            status = OrderStatus.CANCELLED
        if isinstance(event, OrderReceived):
            await self.write("decide", event.command, status)

    def listeners(self, event: OrderEvent) -> dict[str, Callable[[], object]]:
        """What each consumer does when it hears of it."""
        key = event.order_id
        if isinstance(event, OrderReceived):
            return {
                "inventory.reserve": lambda: self._reserve(event.command),
                "payment.charge": lambda: self._charge(event.command),
            }
        if isinstance(event, OrderConfirmed):
            return {"notification.send_order_confirmation": lambda: self.notification._send(event)}
        return {
            "payment.refund_by_key": lambda: self.payment._refund_by_key(key),
            "inventory.cancel_by_key": lambda: self.inventory._cancel_by_key(key),
            "notification.send_regret": lambda: self.notification._send(event, Told.FAILED),
        }

    def _hear(self, service: str, message_id: int, work: Callable[[], object]) -> None:
        if self.has_inboxes:
            self.inboxes[service].handle(message_id, lambda tx: work())
        else:
            work()

    # Who says no raises: the inbox then keeps nothing, and only a yes is ever remembered.

    def _reserve(self, command: CreateOrder) -> None:
        if not self.inventory._reserve(command.items, self._key(command)).success:
            raise OrderFailed("out of stock")

    def _charge(self, command: CreateOrder) -> None:
        method = command.payment_method
        if not self.payment._charge(command.total, method, self._key(command)).success:
            raise OrderFailed("card declined")

    def _key(self, command: CreateOrder) -> str | None:
        return command.order_id if self.has_inboxes else None


async def with_outbox(shop: EventShop) -> None:
    """The customer learns at once that the order has come in, and by mail what became of it."""

    async def ask(operation: str, command: CreateOrder, status: OrderStatus) -> OrderStatus | None:
        for _ in range(ATTEMPTS):
            with suppress(ShopError):
                return await shop.write(operation, command, status)
        return None

    async def create_order(command: CreateOrder) -> None:
        status = await ask("save", command, OrderStatus.PENDING)
        if status is None:  # it may be there or not; if it can be cancelled, that is certain
            status = await ask("cancel", command, OrderStatus.CANCELLED)
        # Whatever this request has come to know: what is on the disk goes its way.
        shop.relays.append(asyncio.create_task(shop.relay()))
        if status is None:  # nothing is known, and nobody could keep a promise
            raise NoReply("orders")
        if status is OrderStatus.CANCELLED:
            raise OrderFailed("the order is cancelled")
        if status is OrderStatus.PENDING:
            raise OutcomeUnknown("the order has come in; a mail will follow")

    await shop.place_order(create_order)


async def relay_again(shop: EventShop) -> None:
    await shop.relay()


async def only_start(shop: EventShop) -> None:
    """A consumer has nothing to make up for."""


async def tell_all(shop: Shop, command: CreateOrder) -> None:
    await shop.inventory.reserve(command.items)
    await shop.payment.charge(command.total, command.payment_method)
    await shop.notification.send_order_confirmation(command)


async def commit_then_publish(shop: Shop) -> None:
    async def create_order(command: CreateOrder) -> None:
        await shop.database.save(Order.create(command))
        await tell_all(shop, command)

    await shop.place_order(create_order)


async def publish_then_commit(shop: Shop) -> None:
    async def create_order(command: CreateOrder) -> None:
        await tell_all(shop, command)
        await shop.database.save(Order.create(command))

    await shop.place_order(create_order)


def tried(**keywords: Any) -> Exploration:
    usual: dict[str, Any] = {"shop": EventShop, "restart": relay_again}
    return explore(with_outbox, **(usual | keywords))


def outcome_of(exploration: Exploration) -> tuple[int, int]:
    return exploration.survived, exploration.tried


def rules(case: Case) -> list[str]:
    return [violation.rule for violation in case.violations]


def mails(case: Case) -> tuple[int, int]:
    """How many say that an order stands, and how many that nothing came of it."""
    ledgers = case.ledgers
    return sum(one.confirmations for one in ledgers), sum(one.regrets for one in ledgers)


def stands(case: Case) -> int:
    return sum(one.stands for one in case.ledgers)


def lasts(case: Case) -> bool:
    return any(decision.kind.endswith("-for-good") for decision in case.decisions)


def killed(case: Case) -> bool:
    return any(decision.kind is Kind.KILLED for decision in case.decisions)


@pytest.fixture(scope="module")
def single() -> Exploration:
    return tried()


def test_with_outbox_and_inboxes_every_single_piece_of_bad_luck_is_survived(
    single: Exploration,
) -> None:
    assert single.complete
    assert single.counterexamples == ()
    assert single.tried > 70


@pytest.mark.parametrize("service", [*CONSUMERS, "database"])
def test_each_of_the_other_services_may_be_killed_as_well(service: str) -> None:
    exploration = tried(crashes=service, restart=only_start)
    assert exploration.counterexamples == ()
    assert any(killed(case) for case in exploration.cases)


def test_every_order_is_decided_and_the_customer_hears_of_it_once(single: Exploration) -> None:
    for case in single.cases:
        assert not [remark for remark in case.remarks if remark.rule == "more than one mail"]
        for order in case.ledgers:
            if order.order is not None and not order.owed:
                assert order.order.status is not OrderStatus.PENDING
                assert order.confirmations + order.regrets == 1
            # What is left to do was struck for good, or was written when its process had died.
            assert not order.owed or lasts(case) or killed(case)


def test_an_inbox_has_something_to_absorb(single: Exploration) -> None:
    shop = single.find("twice", "payment.charge").shop
    assert isinstance(shop, EventShop)
    assert [inbox.duplicates for inbox in shop.inboxes.values()] == [0, 1, 0]


def test_of_two_customers_who_want_the_last_pieces_one_gets_them_and_both_hear_of_it(
    single: Exploration,
) -> None:
    case = single.find("last-pieces")
    assert (stands(case), mails(case)) == (1, (1, 1))
    assert {answer.told for answer in case.answers} == {Told.UNKNOWN}
    assert sum(order.money for order in case.ledgers) == 5000


def test_two_clicks_are_one_order(single: Exploration) -> None:
    case = single.find("clicks-twice")
    assert (stands(case), mails(case)) == (1, (1, 0))


@pytest.mark.parametrize("kind", ["refused", "lost", "reply-lost"])
def test_an_order_that_gets_no_reply_for_good_is_cancelled_and_stays_so(
    single: Exploration, kind: str
) -> None:
    case = single.find(f"{kind}-for-good", "database.save")
    assert [answer.told for answer in case.answers] == [Told.FAILED]
    assert (stands(case), mails(case)) == (0, (0, 1))


def test_if_the_card_is_declined_everything_is_undone() -> None:
    exploration = tried(shop=partial(EventShop, declined=["card"]))
    assert exploration.counterexamples == ()
    usual = exploration.find()
    assert (stands(usual), mails(usual)) == (0, (0, 1))
    reservation = usual.shop.inventory.reservations["R-1"]
    assert not reservation.held


@pytest.mark.slow
def test_with_outbox_and_inboxes_every_pair_is_survived() -> None:
    exploration = tried(pairs=True)
    assert exploration.complete
    assert exploration.counterexamples == ()
    assert exploration.tried > 3500


@pytest.mark.slow
def test_so_it_is_with_the_order_service_of_the_notebook() -> None:
    names = namespace("05-eventual-consistency", "setup", "inbox-code")
    usual = {"shop": names["shops"].ShopWithInboxes, "restart": names["new_process"]}
    exploration = explore(names["with_inboxes"], pairs=True, **usual)
    assert exploration.counterexamples == ()
    assert exploration.tried == 4052  # as it says there


def test_committed_first_an_order_can_stand_that_nobody_hears_of() -> None:
    exploration = explore(commit_then_publish)
    assert outcome_of(exploration) == (8, 25)
    assert rules(exploration.find("killed", "database.save")) == [
        "no order without its money",
        "no order without its stock",
        "no mail lost",
    ]


def test_published_first_there_can_be_effects_of_an_order_that_does_not_stand() -> None:
    exploration = explore(publish_then_commit)
    assert outcome_of(exploration) == (8, 25)
    assert rules(exploration.find("killed", "notification.send_order_confirmation")) == [
        "no money without an order",
        "no stock without an order",
        "no mail without an order",
    ]


def test_an_outbox_without_inboxes_has_effects_twice() -> None:
    exploration = tried(shop=partial(EventShop, has_inboxes=False))
    assert outcome_of(exploration) == (36, 79)
    assert rules(exploration.find("reply-lost", "payment.charge")) == [
        "no wrong amount",
        "no piece too many",
    ]
