"""Notebook 01: an order service that survives every fault, and a mail that nobody waits for."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial

from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.seal import SealedShop
from lessonkit.exercises.trial import (
    LONGEST_WAIT,
    every_single_fault,
    first_counterexample,
    forgive_lost_mail,
    rules_broken,
    what_the_audit_says,
)
from lessonkit.explorer import Case, Scenario
from lessonkit.messages import N_, _
from lessonkit.shop import Shop, Told


def _order_with(service: type) -> Scenario:
    def scenario(shop: Shop) -> Awaitable[object]:
        return shop.place_order(service(shop).create_order)

    return scenario


def _sells(case: Case) -> bool:
    """Whether the customer got what was ordered, with a mail."""
    order = case.ledgers[0]
    return order.told == (Told.CONFIRMED,) and order.stands and order.mails == 1


# --- survive every single fault ------------------------------------------------------------------


def _judge_survive(service: type) -> Counterexample | None:
    cases = every_single_fault(_order_with(service), for_good=True)
    # It asks for the mail once, after the answer is certain. More it cannot promise yet.
    return first_counterexample(map(forgive_lost_mail, cases), _explain_survive)


def _explain_survive(case: Case) -> str | None:
    if not case.faults and not _sells(case):
        return _(
            "On a normal day the order must go through: confirmed, paid, saved, with a mail. A shop"
            " that sells nothing is honest, but closed."
        )
    if case.survived:
        return None
    return _advice_survive(case) if case.faults else what_the_audit_says(case)


def _advice_survive(case: Case) -> str | None:
    broken = rules_broken(case)
    order = case.ledgers[0]
    charges = len(case.shop.payment.captures)
    if charges > 1 and ("no wrong amount" in broken or not order.stands):
        return _(
            "The charge was made more than once. Whoever asks again sends the same idempotency key"
            " with each attempt, and the service answers as before: `charge(..., key)`."
        )
    if "no order lost" in broken:
        return _(
            'An error was swallowed: the customer was told "confirmed", and no order is there.'
            " Catching an error is only half; it also has to be answered."
        )
    if "the customer is told the truth" in broken:
        if case.title.startswith("notification"):
            return _(
                "The order stands, and a mail that failed has turned it into a failure. Let the"
                " small thing fail alone."
            )
        if not case.title.startswith("database"):
            return what_the_audit_says(case)
        return _(
            "The order was saved, only the reply was lost, and then everything was undone but the"
            " order itself. Undo that as well: save `order.cancelled()`."
        )
    undone = broken & {"no order without its money", "no order without its stock"}
    if undone and case.title.startswith("database"):
        return _(
            "The reply of the saving was lost, so the order may stand. Before money or stock go"
            " back, the order must be cancelled: save `order.cancelled()`."
        )
    if "no money without an order" in broken:
        return _(
            "The money was taken, and nobody gives it back. If no reply came, you have no"
            " transaction id to refund. But you have the key: `refund_by_key(key)`."
        )
    if "no stock without an order" in broken:
        return _(
            "The stock is set aside, and nobody puts it back. If no reply came, you have no"
            " reservation id. But you have the key: `cancel_by_key(key)`."
        )
    return what_the_audit_says(case)


survive = Exercise(
    name="survive",
    notebook="01-request-response",
    point=1,
    title=N_("Survive every single fault, and also one that does not go away"),
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


def _judge_mail_behind(service: type) -> Counterexample | None:
    slow_mail = partial(SealedShop, latency={"notification": 5.0})
    cases = every_single_fault(_order_with(service), shop=slow_mail)
    return first_counterexample(cases, _explain_mail_behind)


def _explain_mail_behind(case: Case) -> str | None:
    answer, order = case.answers[0], case.ledgers[0]
    if not case.faults:
        if answer.wait > LONGEST_WAIT:
            return _(
                "The customer still waits for the mail. Something that is awaited is waited for;"
                " `asyncio.create_task(...)` starts it and goes on."
            )
        if not _sells(case):
            return _(
                "The answer comes in time, but something is missing: the order must be confirmed,"
                " saved, and its mail must go out, though later."
            )
        return what_the_audit_says(case)
    broken = rules_broken(case)
    if "no mail without an order" in broken:
        return _(
            "A confirmation was mailed for an order that does not exist. The mail may only be"
            " started when the order has been saved."
        )
    if case.title.startswith("notification") and answer.told is not Told.CONFIRMED:
        return _("The mail has failed, and so the customer was told that the order has failed.")
    if case.run.error is not None:
        return _(
            "The mail has failed in the background, and nobody took notice of the error. A task"
            " needs a `try` of its own."
        )
    mail_is_well = not case.title.startswith("notification")
    if answer.told is Told.CONFIRMED and not order.mails and mail_is_well:
        return _("The order is confirmed, the mail service is well, and still no mail goes out.")
    return None


mail_behind = Exercise(
    name="mail_behind",
    notebook="01-request-response",
    point=1,
    title=N_("Take the mail out of the customer's wait"),
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
        order = Order.create(command, payment.transaction_id)
        await self.database.save(order)
        await self.notification.send_order_confirmation(order)
        return order
""",
    asks=("QuickOrderService",),
    judge=_judge_mail_behind,
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
