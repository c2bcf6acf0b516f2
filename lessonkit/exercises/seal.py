"""A shop with a seal on its books: only a request to a service may change them.

The audit sees what is in the books. Code that writes there by itself could please the audit without
having repaired anything. So before each effect of a request, and when the run is over, the books
are compared with what they were after the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from lessonkit.shop import Answer, CreateOrder, Shop
from lessonkit.shop.customer import OrderFunction


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
        self._placed: list[CreateOrder] = []
        self._answers: list[Answer] = []
        self._on_order: Callable[[CreateOrder], Sequence[CreateOrder]] | None = None
        self._owners: dict[str, object] = {}
        self._read: dict[str, Callable[[], object]] = {}
        self._sealed: dict[str, object] = {}
        self._call = self.network.call
        self.network.call = self._call_sealed  # type: ignore[method-assign]
        self._ask = self.customer._ask
        self.customer._ask = self._ask_and_remember  # type: ignore[method-assign]

        stock, payment = self.inventory, self.payment
        self.seal("inventory", stock, lambda: (dict(stock.stock), _rows(stock.reservations)))
        self.seal("payment", payment, lambda: _rows(payment.captures))
        self.seal("database", self.database, lambda: dict(self.database.orders))
        self.seal("notification", self.notification, lambda: list(self.notification.mails))
        self.seal("network", self.network, lambda: [fault for fault, _rng in self.network.faults])

    def seal(self, service: str, owner: object, read: Callable[[], object]) -> None:
        """Put the books of a service under seal.

        Parameters
        ----------
        service
            Its name in the network.
        owner
            The object whose methods may write there, when a request asks for it.
        read
            Gives a copy of what stands in the books.
        """
        self._owners[service] = owner
        self._read[service] = read
        self._sealed[service] = read()

    async def place_order(
        self, create_order: OrderFunction, command: CreateOrder | None = None
    ) -> Answer:
        """Let a customer order, as every shop does."""
        if self.customer.on_order not in (None, self._joined_by):
            self._on_order, self.customer.on_order = self.customer.on_order, self._joined_by
        return await super().place_order(create_order, command)

    def look(self) -> list[str]:
        """Compare the books with the seals; return the services whose seal is broken."""
        for service, read in self._read.items():
            if (pages := read()) != self._sealed[service]:
                self.broken[service] = None
                self._sealed[service] = pages
        if (self.customer.placed, self.customer.answers) != (self._placed, self._answers):
            self.broken["customer"] = None
        return list(self.broken)

    # --- who may write ---------------------------------------------------------------------------

    async def _ask_and_remember(self, create_order: OrderFunction, command: CreateOrder) -> Answer:
        self._placed.append(command)
        answer = await self._ask(create_order, command)
        self._answers.append(answer)
        return answer

    def _joined_by(self, command: CreateOrder) -> Sequence[CreateOrder]:
        # The explorer lets others order as well, and may leave only the last pieces on the shelf.
        self.look()
        others = self._on_order(command) if self._on_order is not None else ()
        self._seal_anew()
        return others

    async def _call_sealed(
        self, service: str, name: str, handler: Callable[..., Any], *args: Any
    ) -> Any:
        if service in self._owners:
            handler = partial(self._effect, service, handler)
        return await self._call(service, name, handler, *args)

    def _effect(self, service: str, handler: Callable[..., Any], *args: Any) -> Any:
        self.look()
        if getattr(handler, "__self__", None) is not self._owners[service]:
            self.broken[service] = None  # somebody else's code under the name of the service
        try:
            return handler(*args)
        finally:
            self._seal_anew()

    def _seal_anew(self) -> None:
        self._sealed = {name: read() for name, read in self._read.items()}


def _rows(book: Mapping[str, object]) -> list[tuple[object, ...]]:
    return [tuple(vars(row).values()) for row in book.values()]
