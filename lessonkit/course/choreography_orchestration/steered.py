"""The saga of notebook 04 with its choices: each can be on or off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from lessonkit.course.choreography_orchestration.dance import again
from lessonkit.patterns.backoff import Backoff
from lessonkit.patterns.saga import Saga, SagaLog, SagaResult, SagaState, Step
from lessonkit.shop import CreateOrder, Order, OrderFailed

Program = Callable[[CreateOrder], Awaitable[None]]
"""What the customer asks: places an order, or says why not."""

Flow = Callable[["OrderActions", bool], Sequence[Step]]
"""The steps, from what can be done, and whether there is a pivot."""

CHOICES: Final = ("keys", "first", "log", "pivot", "retries", "steadfast", "limits")
"""What can be chosen for a saga, each on or off."""

EVERYTHING: Final = dict.fromkeys(CHOICES, True)
"""For :func:`order_saga`."""


class OrderActions:
    """What the saga's steps do, and how each is undone: by key, or by what the reply said."""

    def __init__(self, shop: Any, keys: bool) -> None:
        self.shop, self.keys = shop, keys
        self.replies: dict[tuple[str, str], str] = {}  # for each call and order

    async def reserve(self, order: CreateOrder) -> None:
        """Set the pieces aside."""
        key = order.order_id if self.keys else None
        reserved = await self.shop.inventory.reserve(order.items, key)
        if not reserved.success:
            raise OrderFailed("out of stock")
        if not self.keys:
            self.replies["reserve", order.order_id] = reserved.reservation_id

    async def put_back(self, order: CreateOrder) -> None:
        """Undo :meth:`reserve`. Without keys that takes its reply."""
        if self.keys:
            await self.shop.inventory.cancel_by_key(order.order_id)
        elif reservation := self.replies.get(("reserve", order.order_id)):
            await self.shop.inventory.cancel_reservation(reservation)

    async def charge(self, order: CreateOrder) -> None:
        """Take the money."""
        key = order.order_id if self.keys else None
        payment = await self.shop.payment.charge(order.total, order.payment_method, key)
        if not payment.success:
            raise OrderFailed("card declined")
        if not self.keys:
            self.replies["charge", order.order_id] = payment.transaction_id

    async def refund(self, order: CreateOrder) -> None:
        """Undo :meth:`charge`."""
        if self.keys:
            await self.shop.payment.refund_by_key(order.order_id)
        elif transaction := self.replies.get(("charge", order.order_id)):
            await self.shop.payment.refund(transaction)

    async def save(self, order: CreateOrder) -> None:
        """Save the order: from here on it stands."""
        await self.write(Order.create(order, order.order_id))

    async def cancel(self, order: CreateOrder) -> None:
        """Undo :meth:`save`: an order is saved once more, in another state."""
        await self.write(Order.create(order).cancelled())

    async def write(self, order: Order) -> None:
        """Ask the database to keep the order as it is now."""
        await self.shop.database.save(order)

    async def mail(self, order: CreateOrder) -> None:
        """Mail the confirmation. Nothing undoes that."""
        await self.shop.notification.send_order_confirmation(order)


def order_flow(do: OrderActions, pivot: bool) -> list[Step]:
    """The four steps of the notebook."""
    return [
        Step("reserve", do.reserve, do.put_back),
        Step("charge", do.charge, do.refund),
        Step("save", do.save, do.cancel, pivot=pivot),
        # Before there is a pivot, a mail that fails would undo the order. So it may fail.
        Step("mail", do.mail, optional=not pivot),
    ]


def order_saga(
    shop: Any,
    keys: bool = False,
    first: bool = False,
    log: bool = False,
    pivot: bool = False,
    retries: bool = False,
    steadfast: bool = False,
    limits: bool = False,
    flow: Flow = order_flow,
) -> Program:
    """Direct the order with a saga that has these choices."""
    shop.saga = Saga(
        "order",
        flow(OrderActions(shop, keys), pivot),
        compensate_before=first,
        log=SagaLog() if log else None,  # in memory, but it stands for a disk: it survives the kill
        attempts=3 if retries else 1,
        backoff=Backoff(base=0.1, cap=1.0, jitter=True),
        compensation_attempts=5 if steadfast else 1,
        shield=steadfast,
        step_timeout=1.0 if limits else None,
        timeout=3.0 if limits else None,
    )
    return directed_by(shop)


def complete_saga(shop: Any, flow: Flow = order_flow) -> Program:
    """Direct the order with a saga that has all choices."""
    chosen: dict[str, Any] = EVERYTHING | {"flow": flow}
    return order_saga(shop, **chosen)


def directed_by(shop: Any) -> Program:
    """How the customer of this shop is answered: by ``shop.saga``."""
    if shop.saga.log is not None:
        shop.keepers.append(shop.saga.log)  # the audit asks it what is still owed

    async def create_order(command: CreateOrder) -> None:
        result = await shop.saga.execute(command.order_id, command)
        result.check()  # raises OrderFailed if all is undone, OutcomeUnknown if not yet

    return create_order


async def resume(shop: Any) -> list[SagaResult]:
    """What a new process does: drive on what the log knows, and tell who was told "not yet"."""
    ended: list[SagaResult] = [] if shop.saga.log is None else await shop.saga.resume()
    for saga in ended:
        if saga.state is SagaState.COMPENSATED:
            order = shop.saga.log.command("order", saga.saga_id)
            await again(shop.notification.send_regret, order)
    return ended
