"""Notebook 01: an order service that survives every fault, and a mail that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lessonkit.exercises.advice import Advice
from lessonkit.exercises.conditions import (
    REPLY_LOST,
    both,
    breaks,
    called,
    charged_more_than_once,
    struck,
    waits_longer_than,
)
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.orders import LONGEST_WAIT, TrialShop
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.shopfront import ShopFront
from lessonkit.exercises.trial import OrderTrial
from lessonkit.explorer import Case
from lessonkit.messages import N_
from lessonkit.shop import OrderStatus, Told
from lessonkit.shop.customer import OrderFunction


def _creates_orders(service: type) -> Callable[[ShopFront], OrderFunction]:
    def make(shop: ShopFront) -> OrderFunction:
        create_order: OrderFunction = service(shop).create_order
        return create_order

    return make


# --- survive every single fault ------------------------------------------------------------------


def _judge_survive(service: type, starter: type) -> Counterexample | None:
    return _SURVIVE.judge(_creates_orders(service), _creates_orders(starter))


_SURVIVE = OrderTrial(
    every_fault=True,
    # It asks for the mail once, after the answer is certain. More it cannot promise yet.
    forgiven=["no mail lost"],
    advice=(
        Advice(
            both(breaks("no wrong amount", "no money without an order"), charged_more_than_once),
            "The charge was made more than once. Whoever asks again sends the same idempotency key"
            " with each attempt, and the service answers as before: `charge(..., key)`.",
        ),
        Advice(
            breaks("no order lost"),
            'The customer was told "confirmed", and no order is there. Whoever catches an error'
            " also has to answer it.",
        ),
        Advice(
            both(struck("notification"), breaks("the customer is told the truth")),
            "The order stands, and a mail that failed has turned it into a failure. Let the small"
            " thing fail alone.",
        ),
        Advice(
            both(struck("database", *REPLY_LOST), breaks("the customer is told the truth")),
            "The order was saved, only the reply was lost, and the customer was told that it"
            " failed. Whoever gives up undoes the order as well: save `order.cancelled()`.",
        ),
        Advice(
            both(breaks("no money without an order"), called("payment.refund_by_key")),
            "`refund_by_key` was asked for, and the money is still there: it was not taken under"
            " that key. The doing and the undoing must name the same key.",
        ),
        Advice(
            breaks("no money without an order"),
            "The money was taken, and nobody gives it back. Your key will do for that, also where"
            " no reply came that brings an id: `refund_by_key(key)`.",
        ),
        Advice(
            both(breaks("no stock without an order"), called("inventory.cancel_by_key")),
            "`cancel_by_key` was asked for, and the stock is still set aside: not under that key."
            " The doing and the undoing must name the same key.",
        ),
        Advice(
            breaks("no stock without an order"),
            "The stock is set aside, and nobody puts it back. Your key will do for that, also"
            " where no reply came that brings an id: `cancel_by_key(key)`.",
        ),
    ),
)

survive = Exercise(
    name="survive",
    notebook="01-request-response",
    point=1,
    title=N_("Survive every single fault, and also one that does not go away"),
    practises=N_("idempotency key"),
    grade=3,
    shown=N_(
        "A key that you know before the call is worth more than an id that comes with the reply."
    ),
    starter="""
class MyOrderService(CarefulOrderService):
    async def create_order(self, command):
        key = command.order_id
        reserved = await retry(self.inventory.reserve, command.items, key)
        if not reserved.success:
            raise OrderFailed("out of stock")
        try:
            order = await self.pay_and_save(command, key)
        except ShopError:
            await retry(self.inventory.cancel_reservation, reserved.reservation_id)
            raise
        try:
            await self.notification.send_order_confirmation(order)
        except ShopError:
            pass
        return order

    async def pay_and_save(self, command, key):
        payment = await retry(self.payment.charge, command.total, command.payment_method, key)
        if not payment.success:
            raise OrderFailed("card declined")
        order = Order.create(command, payment.transaction_id)
        try:
            await retry(self.database.save, order)
        except ShopError:
            await retry(self.payment.refund, payment.transaction_id)
            raise
        return order
""",
    asks=("MyOrderService",),
    judge=_judge_survive,
    with_starter=True,
    hints=(
        N_(
            "A call without a reply may have had its effect. Undo it all the same: the services"
            " take the key instead of an id (`cancel_by_key`, `refund_by_key`). To undo what never"
            " happened does no harm."
        ),
        N_(
            "One `try` around everything up to the saving, and one `except ShopError` that undoes"
            " all of it: the order, the money, the stock."
        ),
        N_(
            "A step of the undoing may fail to answer, too. Then the next step must be done all the"
            " same: give each one a `try` of its own. And cancel the order first:"
            " `save(Order.create(command).cancelled())`."
        ),
    ),
    answer="""
class MyOrderService(CarefulOrderService):
    async def create_order(self, command):
        try:
            order = await self.reserve_pay_and_save(command)
        except ShopError:
            await self.undo(command)
            raise
        try:
            await self.notification.send_order_confirmation(order)
        except ShopError:
            pass
        return order

    async def reserve_pay_and_save(self, command):
        key = command.order_id
        reserved = await retry(self.inventory.reserve, command.items, key)
        if not reserved.success:
            raise OrderFailed("out of stock")
        payment = await retry(self.payment.charge, command.total, command.payment_method, key)
        if not payment.success:
            raise OrderFailed("card declined")
        order = Order.create(command, payment.transaction_id)
        await retry(self.database.save, order)
        return order

    async def undo(self, command):
        key = command.order_id
        for step in (
            (self.database.save, Order.create(command).cancelled()),
            (self.payment.refund_by_key, key),
            (self.inventory.cancel_by_key, key),
        ):
            try:
                await retry(*step)
            except ShopError:
                pass  # no reply: it may have happened, and the next step must be done anyway
""",
)

# --- take the mail off the customer's wait -------------------------------------------------------


def _judge_mail_behind(service: type, starter: type) -> Counterexample | None:
    return _MAIL_BEHIND.judge(_creates_orders(service), _creates_orders(starter))


def _confirmed(case: Case) -> bool:
    return all(answer.told is Told.CONFIRMED for answer in case.answers)


def _cancelled(case: Case) -> bool:
    orders = [ledger.order for ledger in case.ledgers]
    return any(order is not None and order.status is OrderStatus.CANCELLED for order in orders)


def _mail_service_is_well(case: Case) -> bool:
    return not struck("notification")(case)


_MAIL_BEHIND = OrderTrial(
    shop=partial(TrialShop, latency={"notification": 5.0}),
    advice=(
        Advice(
            waits_longer_than(LONGEST_WAIT),
            "The customer still waits for {run.answers[0].wait_ms} ms. Something that is awaited"
            " is waited for; `asyncio.create_task(...)` starts it and goes on.",
        ),
        Advice(
            both(struck("notification"), _cancelled),
            "The mail has failed, and so the order was cancelled. Let the small thing fail alone.",
        ),
        Advice(
            breaks("no mail without an order"),
            "A confirmation was mailed for an order that does not exist. The mail may only be"
            " started when the order has been saved.",
        ),
        Advice(
            both(struck("notification"), lambda case: case.run.error is not None),
            "The mail has failed in the background, and nobody took notice of the error. A task"
            " needs a `try` of its own.",
        ),
        Advice(
            both(_confirmed, _mail_service_is_well, breaks("no mail lost")),
            "The order is confirmed, the mail service is well, and still no mail goes out.",
        ),
    ),
)

mail_behind = Exercise(
    name="mail_behind",
    notebook="01-request-response",
    point=1,
    title=N_("Take the mail out of the customer's wait"),
    practises=N_("asynchronous call"),
    grade=2,
    shown=N_(
        "The customer waits for 300 ms, and a mail that fails fails alone. But the task lives"
        " in the memory of the process. What if that dies? Notebook 05 has the answer."
    ),
    starter="""
class QuickOrderService(OrderService):
    async def create_order(self, command):
        reserved = await self.inventory.reserve(command.items)
        if not reserved.success:
            raise OrderFailed("out of stock")
        payment = await self.payment.charge(command.total, command.payment_method)
        if not payment.success:
            await self.inventory.cancel_reservation(reserved.reservation_id)
            raise OrderFailed("card declined")
        order = Order.create(command, payment.transaction_id)
        await self.database.save(order)
        await self.notification.send_order_confirmation(order)
        return order
""",
    asks=("QuickOrderService",),
    judge=_judge_mail_behind,
    with_starter=True,
    hints=(
        N_("Which line makes the customer wait, though nobody needs its result?"),
        N_(
            "`asyncio.create_task(coroutine)` starts a coroutine and does not wait for it. Keep the"
            " task in an attribute: asyncio itself does not hold on to its tasks."
        ),
        N_(
            "What a task raises reaches nobody. Write a small method `mail(order)` that sends the"
            " mail and catches ShopError, and start that."
        ),
    ),
    answer="""
class QuickOrderService(OrderService):
    async def create_order(self, command):
        reserved = await self.inventory.reserve(command.items)
        if not reserved.success:
            raise OrderFailed("out of stock")
        payment = await self.payment.charge(command.total, command.payment_method)
        if not payment.success:
            await self.inventory.cancel_reservation(reserved.reservation_id)
            raise OrderFailed("card declined")
        order = Order.create(command, payment.transaction_id)
        await self.database.save(order)
        self.background = asyncio.create_task(self.mail(order))
        return order

    async def mail(self, order):
        try:
            await self.notification.send_order_confirmation(order)
        except ShopError:
            pass  # the order stands all the same; its mail is lost
""",
)
