"""A shop with a seal on its books: only a request to a service may change them.

The audit sees what is in the books. Code that writes there by itself could please the audit without
having repaired anything. So before each effect of a request, and when the run is over, the books
are compared with what they were after the last one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from lessonkit.shop import Answer, CreateOrder, Shop
from lessonkit.shop.customer import OrderFunction

KEEPERS = ("inventory", "payment", "database", "notification")
"""The services that keep books."""


class SealedShop(Shop):
    """A shop that notices when somebody changes its books without a request.

    It is made as a :class:`~lessonkit.shop.Shop` is.

    Attributes
    ----------
    broken
        The services whose seal is broken, and ``"network"`` if its faults were changed.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.broken: dict[str, None] = {}
        self._answers: list[Answer] = []
        self._call = self.network.call
        self.network.call = self._call_sealed  # type: ignore[method-assign]
        self._sealed = self._books()

    async def place_order(
        self, create_order: OrderFunction, command: CreateOrder | None = None
    ) -> Answer:
        """Let a customer order, as every shop does, and remember what the customer was told."""
        answer = await super().place_order(create_order, command)
        self._answers.append(answer)
        return answer

    def look(self) -> list[str]:
        """Compare the books with the seals; return the services whose seal is broken."""
        books = self._books()
        for service, pages in books.items():
            if pages != self._sealed[service]:
                self.broken[service] = None
        self._sealed = books
        if self.customer.answers != self._answers:
            self.broken["customer"] = None
        return list(self.broken)

    async def _call_sealed(
        self, service: str, name: str, handler: Callable[..., Any], *args: Any
    ) -> Any:
        if service in KEEPERS:
            handler = partial(self._effect, service, handler)
        return await self._call(service, name, handler, *args)

    def _effect(self, service: str, handler: Callable[..., Any], *args: Any) -> Any:
        self.look()
        if getattr(handler, "__self__", None) is not getattr(self, service):
            self.broken[service] = None  # somebody else's code under the name of the service
        try:
            return handler(*args)
        finally:
            self._sealed = self._books()

    def _books(self) -> dict[str, object]:
        stock, reservations = self.inventory.stock, self.inventory.reservations
        return {
            "inventory": (dict(stock), [tuple(vars(r).values()) for r in reservations.values()]),
            "payment": [tuple(vars(c).values()) for c in self.payment.captures.values()],
            "database": dict(self.database.orders),
            "notification": list(self.notification.mails),
            "network": [fault for fault, _rng in self.network.faults],
        }
