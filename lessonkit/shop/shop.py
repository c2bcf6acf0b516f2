"""The shop that every notebook builds on: its services, its customer, and what goes wrong."""

from __future__ import annotations

from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from lessonkit.checks import one_of, whole_number
from lessonkit.faults import AnyFault, Latency, as_latency, check_faults
from lessonkit.shop.customer import Answer, Customer, OrderFunction
from lessonkit.shop.network import Network
from lessonkit.shop.orders import CreateOrder, Item
from lessonkit.shop.services import Database, Inventory, Notification, Payment

T = TypeVar("T")


class Keeper(Protocol):
    """Something that outlives the process, and knows what is still to be done for an order."""

    def owes(self, order_id: str) -> bool:
        """Whether something is left to do for this order, is written down, and can be taken up."""
        ...


LATENCY: Mapping[str, float] = {
    "orders": 0.0,
    "inventory": 0.1,
    "payment": 0.2,
    "database": 0.0,
    "notification": 0.5,
}
"""Seconds that a call to each service takes: the lesson's 100, 200 and 500 ms."""

STOCK: Mapping[str, int] = {"P-1": 10, "P-2": 5}
"""Pieces on the shelf of each product when the shop opens."""


class Shop:
    """Orders, inventory, payment and notification, with one network between them.

    Parameters
    ----------
    latency
        Seconds (or a latency distribution) for the services that differ from :data:`LATENCY`.
    faults
        What goes wrong, as in ``[Refused("payment"), Crash("orders", after=2)]``.
    stock
        Pieces of each product on the shelf.
    declined
        Payment methods that the payment service does not accept.
    more
        Services of your own, each with its latency, as in ``{"points": 0.05}``: what they do, they
        do through ``shop.network.call("points", ...)``.
    seed
        Everything random comes from it: the same seed gives the same run.

    Attributes
    ----------
    keepers
        Outboxes, saga logs: whatever knows, after the run, what is still to be done. The audit asks
        them whether what is missing is owed or lost.

    Raises
    ------
    TypeError, ValueError
        For an unknown service, a latency that is none, a fault that is none, negative stock, or a
        service of your own that has the name of one of the shop's.
    """

    def __init__(
        self,
        *,
        latency: Mapping[str, Latency | float] | None = None,
        faults: Sequence[AnyFault] = (),
        stock: Mapping[str, int] = STOCK,
        declined: Collection[str] = ("expired card",),
        more: Mapping[str, Latency | float] | None = None,
        seed: int = 0,
    ) -> None:
        given = {} if latency is None else latency
        own = {} if more is None else more
        for word, value in (("latency", given), ("stock", stock), ("more", own)):
            if not isinstance(value, Mapping):
                raise TypeError(f"{word} must be a dict by name, as in {{'a': 1}}; got {value!r}")
        if isinstance(declined, str):
            raise TypeError(f"declined must be a list of payment methods; got {declined!r}")
        for name in given:
            one_of("the service in latency", name, LATENCY)
        latencies = {
            name: as_latency(f"latency of {name}", given.get(name, LATENCY[name]))
            for name in LATENCY
        }
        for name, seconds in own.items():
            if not isinstance(name, str) or not name or name in (*LATENCY, "customer"):
                raise ValueError(f"more must name new services; got {name!r}")
            latencies[name] = as_latency(f"latency of {name}", seconds)
        for product, pieces in stock.items():
            whole_number(f"stock of {product}", pieces)
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise TypeError(f"seed must be a whole number, got {seed!r}")
        faults = check_faults(faults, list(latencies))

        self.network = Network(latencies, faults, seed)
        self.customer = Customer(self.network)
        self.inventory = Inventory(self.network, stock)
        self.payment = Payment(self.network, declined)
        self.database = Database(self.network)
        self.notification = Notification(self.network)
        self.keepers: list[Keeper] = []
        self._check_operations(faults)

    def own_rules(self) -> Iterable[Any]:
        """What is wrong in the books of services that only this shop has (Violations)."""
        return ()

    def _check_operations(self, faults: Sequence[AnyFault]) -> None:
        # A fault at an operation that does not exist would never strike, and nobody would know.
        for fault in faults:
            service, _, operation = getattr(fault, "target", "").partition(".")
            if operation and service != "orders" and service in LATENCY:
                own = [name for name in vars(type(getattr(self, service))) if name[0] != "_"]
                one_of(f"the operation in {fault!r}", operation, own)

    async def place_order(
        self, create_order: OrderFunction, command: CreateOrder | None = None
    ) -> Answer:
        """Let a customer order. The order service runs ``create_order(command)`` for it.

        Returns
        -------
        Answer
            What the customer was told, and after how long.
        """
        return await self.customer.order(create_order, command or an_order())

    async def restart(self, service: str, work: Coroutine[Any, Any, T]) -> T:
        """Start a killed ``service`` again; the new process does ``work`` first."""
        return await self.network.restart(service, work)


def an_order(number: int = 1) -> CreateOrder:
    """The order of all examples: two pieces of P-1 at 2,500 yen, 5,000 yen in all."""
    return CreateOrder(f"O-{number:03}", "C-100", (Item("P-1", 2, 2500),))
