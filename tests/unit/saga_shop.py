"""The order saga of the tests: the lesson's, and the one with every choice turned on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from lessonkit import CreateOrder, Order, OrderFailed, Saga, SagaLog, Shop, Step
from lessonkit.patterns.backoff import Backoff
from lessonkit.patterns.saga import SagaState
from lessonkit.shop import ShopError


class ShopWithLog(Shop):
    """The saga log is on the disk of the order service: a crash leaves it as it is."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.log = SagaLog(":memory:", CreateOrder)
        self.keepers.append(self.log)


def order_steps(shop: Shop) -> list[Step]:
    """Every step and every compensation goes by the key of the order."""

    async def reserve(command: CreateOrder) -> str | None:
        reserved = await shop.inventory.reserve(command.items, key=command.order_id)
        if not reserved.success:
            raise OrderFailed("out of stock")
        return reserved.reservation_id

    async def cancel(command: CreateOrder) -> None:
        await shop.inventory.cancel_by_key(command.order_id)

    async def charge(command: CreateOrder) -> str | None:
        payment = await shop.payment.charge(
            command.total, command.payment_method, key=command.order_id
        )
        if not payment.success:
            raise OrderFailed("card declined")
        return payment.transaction_id

    async def refund(command: CreateOrder) -> None:
        await shop.payment.refund_by_key(command.order_id)

    async def save(command: CreateOrder) -> None:
        await shop.database.save(Order.create(command))

    async def save_as_cancelled(command: CreateOrder) -> None:
        await shop.database.save(Order.create(command).cancelled())

    async def mail(command: CreateOrder) -> None:
        await shop.notification.send_order_confirmation(Order.create(command))

    return [
        Step("reserve", reserve, cancel),
        Step("charge", charge, refund),
        Step("save", save, save_as_cancelled, pivot=True),
        Step("mail", mail),
    ]


def order_saga(shop: ShopWithLog, **choices: Any) -> Saga:
    everything: dict[str, Any] = {
        "compensate_before": True,
        "attempts": 3,
        "backoff": Backoff(base=0.1, cap=2.0),
        "compensation_attempts": 5,
        "shield": True,
        "step_timeout": 1.0,
        "timeout": 10.0,
        "log": shop.log,
    }
    return Saga("create order", order_steps(shop), **(everything | choices))


async def by_saga(shop: ShopWithLog, command: CreateOrder | None = None) -> None:
    """A customer orders; the order service answers with what came of the saga."""
    saga = order_saga(shop)

    async def create_order(command: CreateOrder) -> None:
        (await saga.execute(command.order_id, command)).check()

    await shop.place_order(create_order, command)


async def resume(shop: ShopWithLog) -> None:
    """What a new process of the order service does first."""
    for result in await order_saga(shop).resume():
        if result.state is SagaState.COMPENSATED:
            # Whoever was told "we do not know yet" is waiting to hear how it ended.
            command = shop.log.command("create order", result.saga_id)
            with suppress(ShopError):
                await shop.notification.send_regret(command)


async def by_lesson(shop: Shop, command: CreateOrder | None = None) -> None:
    """The lesson's CreateOrderSaga, as it stands there."""

    async def create_order(command: CreateOrder) -> Order:
        order = Order.create(command)
        compensations: list[Callable[[], Awaitable[None]]] = []
        try:
            reservation = await shop.inventory.reserve(command.items)
            if not reservation.success:
                raise OrderFailed("out of stock")
            reservation_id = reservation.reservation_id or ""
            compensations.append(lambda: shop.inventory.cancel_reservation(reservation_id))

            payment = await shop.payment.charge(command.total, command.payment_method)
            if not payment.success:
                raise OrderFailed("card declined")
            transaction_id = payment.transaction_id or ""
            compensations.append(lambda: shop.payment.refund(transaction_id))

            order = Order.create(command, transaction_id)
            await shop.database.save(order)

            try:
                await shop.notification.send_order_confirmation(order)
            except ShopError as error:
                print("the mail failed:", error)
            return order
        except Exception:
            for compensate in reversed(compensations):
                try:
                    await compensate()
                except Exception as error:
                    print("a compensation failed:", error)
            raise

    await shop.place_order(create_order, command)
