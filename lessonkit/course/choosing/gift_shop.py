"""A shop for gift orders, and its order service, which works by the learner's plan."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import count
from typing import Final

from lessonkit.faults import Fault
from lessonkit.files import toml_beside
from lessonkit.messages import _
from lessonkit.patterns.backoff import Backoff
from lessonkit.shop import CreateOrder, Order, OrderFailed, Shop, ShopError
from lessonkit.trace import current_trace

IN_LINE, BEHIND = "synchronous", "asynchronous"
"""What a plan can say of a call: made before the answer, or after it."""

PATIENCE = Backoff(base=60.0, cap=600.0, jitter=False)
"""How long to wait before an asynchronous call is tried again."""

GIFT_CALLS: Final[Mapping[str, Mapping[str, str]]] = toml_beside(__file__, "calls.toml")
"""What a plan has to place, in the order in which synchronous calls are made."""


class GiftShop(Shop):
    """A shop that takes gift orders.

    Parameters
    ----------
    call
        The call with which something is wrong.
    trouble
        What is wrong with its service; None if that is well, and its answer is no.
    """

    def __init__(self, call: str = "", trouble: Callable[[str], Fault] | None = None) -> None:
        services = {one: _(of["service"]) for one, of in GIFT_CALLS.items() if of}
        no = "" if trouble else call
        super().__init__(
            faults=[trouble(services.get(call, "notification"))] if trouble else [],
            stock={"P-1": 0 if no == "stock" else 10},
            declined=("card",) if no == "payment" else (),
            more=dict.fromkeys(services.values(), 0.05),
        )
        self._no, self._services = no, services
        self._done: Counter[str] = Counter()

    async def ask(self, call: str, command: CreateOrder) -> bool:
        """Make one call of the plan; False if the answer is no."""
        key = command.order_id
        if call == "stock":
            return (await self.inventory.reserve(command.items, key)).success
        if call == "payment":
            return (await self.payment.charge(command.total, command.payment_method, key)).success
        if call == "mail":
            await self.notification.send_order_confirmation(Order.create(command))
            return True
        operation = GIFT_CALLS[call]["operation"]
        return await self.network.call(self._services[call], operation, self._answer, call)

    def _answer(self, call: str) -> bool:
        if counts := GIFT_CALLS[call].get("counts"):
            self._done[call] += 1
            current_trace().state(self._services[call], counts, self._done[call])
        return call != self._no


class PlannedOrders:
    """The order service that works by a plan."""

    def __init__(self, shop: GiftShop, plan: Mapping[str, object]) -> None:
        self.shop = shop
        self.in_line = [call for call in GIFT_CALLS if plan[call] == IN_LINE]
        self.behind = [call for call in GIFT_CALLS if plan[call] == BEHIND]
        self.tasks: list[asyncio.Task[None]] = []
        self._to_undo: set[str] = set()

    async def create_order(self, command: CreateOrder) -> Order:
        """Do the synchronous calls one by one, and save the order. The rest comes after."""
        try:
            for call in self.in_line:
                await self._do(call, command)
        except ShopError:
            await self._undo(command)
            raise
        order = Order.create(command)
        await self.shop.database.save(order)
        self.tasks = [asyncio.create_task(self._do_behind(c, command)) for c in self.behind]
        return order

    async def _do(self, call: str, command: CreateOrder) -> None:
        self._to_undo.add(call)  # already now: what is under way may take effect
        if not await self.shop.ask(call, command):
            self._to_undo.remove(call)
            raise OrderFailed(f"{call}: no")

    async def _do_behind(self, call: str, command: CreateOrder) -> None:
        for attempt in count(1):
            try:
                await self._do(call, command)
                break
            except OrderFailed:  # asking again would not help: the order must be taken back
                await self.shop.database.save(Order.create(command).cancelled())
                await self._undo(command)
                break
            except ShopError:
                await asyncio.sleep(PATIENCE.longest(attempt))

    async def _undo(self, command: CreateOrder) -> None:
        if "payment" in self._to_undo:
            await self.shop.payment.refund_by_key(command.order_id)
        if "stock" in self._to_undo:
            await self.shop.inventory.cancel_by_key(command.order_id)
