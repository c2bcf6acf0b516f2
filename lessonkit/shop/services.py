"""The services of the shop. Each keeps its own state and changes it in one go.

A public method is the client's side: it sends the request and waits. The method of the same name
with an underscore is the server's side: it runs where the state is, when the request arrives.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from lessonkit.checks import some_text, whole_number
from lessonkit.messages import N_
from lessonkit.shop.errors import KeyReused, NotFound
from lessonkit.shop.network import Network
from lessonkit.shop.orders import (
    Item,
    Order,
    OrderStatus,
    Told,
    check_items,
    check_order,
    pieces_of,
)
from lessonkit.trace import correlation, current_trace


@dataclass(slots=True)
class Reservation:
    """Stock that is set aside, and for which order."""

    reservation_id: str
    order_id: str | None
    items: tuple[Item, ...]
    held: bool = True


@dataclass(frozen=True)
class ReserveResult:
    """The warehouse's answer. Without ``success`` nothing was set aside."""

    success: bool
    reservation_id: str | None = None


class Inventory:
    """The warehouse: pieces on the shelf, and reservations."""

    def __init__(self, network: Network, stock: Mapping[str, int]) -> None:
        self._network = network
        self.initial = dict(stock)
        self.stock = dict(stock)
        self.reservations: dict[str, Reservation] = {}
        self._by_key: dict[str, str] = {}
        self._tombstones: set[str] = set()

    async def reserve(self, items: tuple[Item, ...], key: str | None = None) -> ReserveResult:
        """Set items aside. The same ``key`` again gives the same answer, not a second reservation.

        That answer is given even if the reservation has been cancelled since: who wants to reserve
        anew needs a new key.

        Raises
        ------
        TypeError, ValueError
            If ``items`` is not a tuple of at least one :class:`~lessonkit.shop.orders.Item`.
        NotFound
            If the warehouse has no such product.
        KeyReused
            If the key was used for other items.
        """
        return await self._network.call("inventory", "reserve", self._reserve, items, key)

    async def cancel_reservation(self, reservation_id: str) -> None:
        """Put the items back on the shelf. To do it twice does no harm."""
        await self._network.call(
            "inventory", "cancel_reservation", self._cancel_reservation, reservation_id
        )

    async def cancel_by_key(self, key: str) -> None:
        """Undo what ``reserve`` with this key has done, or will do.

        For a caller that has had no reply and knows no reservation id. If no such request has come,
        the key is marked (a *tombstone*): should the request arrive late, nothing is set aside.
        """
        some_text("key", key)
        await self._network.call("inventory", "cancel_by_key", self._cancel_by_key, key)

    def _reserve(self, items: tuple[Item, ...], key: str | None) -> ReserveResult:
        wanted = pieces_of(check_items("items", items))
        if key is not None:
            some_text("key", key)
        for product in wanted:
            if product not in self.stock:
                raise NotFound(f"no product {product!r}; there are {', '.join(self.stock)}")
        if key in self._by_key:
            reserved = pieces_of(self.reservations[self._by_key[key]].items)
            if reserved != wanted:
                raise KeyReused(f"key {key!r} was used for other items")
            return ReserveResult(True, self._by_key[key])
        if key in self._tombstones:
            return ReserveResult(False)
        if any(self.stock[product] < pieces for product, pieces in wanted.items()):
            return ReserveResult(False)
        reservation_id = f"R-{len(self.reservations) + 1}"
        self.reservations[reservation_id] = Reservation(reservation_id, correlation.get(), items)
        self._move(items, -1)
        if key is not None:
            self._by_key[key] = reservation_id
        return ReserveResult(True, reservation_id)

    def _cancel_reservation(self, reservation_id: str) -> None:
        reservation = self.reservations.get(reservation_id)
        if reservation is None:
            raise NotFound(f"no reservation {reservation_id!r}")
        if reservation.held:
            reservation.held = False
            self._move(reservation.items, +1)

    def _cancel_by_key(self, key: str) -> None:
        if key in self._by_key:
            self._cancel_reservation(self._by_key[key])
        else:
            self._tombstones.add(key)

    def _move(self, items: tuple[Item, ...], sign: int) -> None:
        for item in items:
            self.stock[item.product_id] += sign * item.quantity
        left = ", ".join(f"{product} {pieces}" for product, pieces in self.stock.items())
        current_trace().state("inventory", N_("stock"), left)


@dataclass(slots=True)
class Capture:
    """Money taken from a customer, in yen, how it was paid, and for which order."""

    transaction_id: str
    order_id: str | None
    amount: int
    method: str
    refunded: bool = False


@dataclass(frozen=True)
class ChargeResult:
    """The payment service's answer. Without ``success`` no money was taken."""

    success: bool
    transaction_id: str | None = None


class Payment:
    """Takes money and gives it back. ``declined`` names the payment methods it does not accept."""

    def __init__(self, network: Network, declined: Collection[str] = ()) -> None:
        self._network = network
        self._declined = frozenset(declined)
        self.captures: dict[str, Capture] = {}
        self._by_key: dict[str, str] = {}
        self._tombstones: set[str] = set()
        self._balance = 0

    async def charge(self, amount: int, method: str, key: str | None = None) -> ChargeResult:
        """Take ``amount`` yen. The same idempotency ``key`` again does not take it again.

        It repeats its first answer, even if the money has been refunded since: who wants to charge
        anew needs a new key.

        Raises
        ------
        TypeError, ValueError
            If ``amount`` is not a whole number of yen above zero, or ``method`` no text.
        KeyReused
            If the key was used for another amount or another method.
        """
        return await self._network.call("payment", "charge", self._charge, amount, method, key)

    async def refund(self, transaction_id: str) -> None:
        """Give the money of one charge back. To do it twice does no harm."""
        await self._network.call("payment", "refund", self._refund, transaction_id)

    async def refund_by_key(self, key: str) -> None:
        """Give back what ``charge`` with this key has taken, or will take.

        For a caller that has had no reply and knows no transaction id. If no such request has come,
        the key is marked (a *tombstone*): should the request arrive late, no money is taken.
        """
        some_text("key", key)
        await self._network.call("payment", "refund_by_key", self._refund_by_key, key)

    def _charge(self, amount: int, method: str, key: str | None) -> ChargeResult:
        # Before anything is on the books: what no payment service takes must leave no trace there.
        whole_number("amount", amount, low=1)
        some_text("method", method)
        if key is not None:
            some_text("key", key)
        if key in self._by_key:
            capture = self.captures[self._by_key[key]]
            if (capture.amount, capture.method) != (amount, method):
                before = f"{capture.amount} yen by {capture.method!r}"
                raise KeyReused(f"key {key!r} was used for {before}, not {amount} by {method!r}")
            return ChargeResult(True, capture.transaction_id)
        if key in self._tombstones:
            return ChargeResult(False)
        if method in self._declined:
            return ChargeResult(False)
        transaction_id = f"T-{len(self.captures) + 1}"
        self.captures[transaction_id] = Capture(transaction_id, correlation.get(), amount, method)
        if key is not None:
            self._by_key[key] = transaction_id
        self._book(amount)
        return ChargeResult(True, transaction_id)

    def _refund(self, transaction_id: str) -> None:
        if transaction_id not in self.captures:
            raise NotFound(f"no charge {transaction_id!r}")
        capture = self.captures[transaction_id]
        if not capture.refunded:
            capture.refunded = True
            self._book(-capture.amount)

    def _refund_by_key(self, key: str) -> None:
        if key in self._by_key:
            self._refund(self._by_key[key])
        else:
            self._tombstones.add(key)

    def _book(self, amount: int) -> None:
        self._balance += amount
        current_trace().state("payment", N_("yen taken"), f"{self._balance:,}")


class Database:
    """The order service's own database: what is saved here survives a crash of the service."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.orders: dict[str, Order] = {}

    async def save(self, order: Order) -> None:
        """Keep the order; one of the same id is replaced, but what is decided stays decided.

        A cancelled order is a tombstone, too: a request that arrives late does not revive it. And
        one that says "pending" late does not undo what was confirmed since.

        Raises
        ------
        TypeError
            If it is no order.
        KeyReused
            If the id belongs to somebody else's order, or to one of other items or another total.
        """
        await self._network.call("database", "save", self._save, order)

    def _save(self, order: Order) -> None:
        check_order(order)
        before = self.orders.get(order.order_id)
        if before is not None:
            if not before.is_same_purchase(order):
                raise KeyReused(f"the order id {order.order_id!r} belongs to another order")
            if before.status is OrderStatus.CANCELLED or order.status is OrderStatus.PENDING:
                return
        self.orders[order.order_id] = order
        if order.status is (before or order).status is OrderStatus.CONFIRMED:
            current_trace().state("database", N_("orders"), len(self.orders))
        else:  # it was not decided at once: what counts is what became of it
            current_trace().state("database", order.order_id, order.status)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that went out, when (in seconds), and what the customer can read there."""

    order_id: str
    customer_id: str
    says: Told = Told.CONFIRMED
    sent: float = field(default=0.0, compare=False, repr=False)


class Ordered(Protocol):
    """What knows whose order it is: an order, a command, an event."""

    @property
    def order_id(self) -> str:
        """The order's id."""
        ...

    @property
    def customer_id(self) -> str:
        """Whose order it is."""
        ...


class Notification:
    """Sends mails. What is sent is sent."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.mails: list[Mail] = []

    async def send_order_confirmation(self, order: Ordered) -> None:
        """Tell the customer by mail that the order stands."""
        await self._network.call("notification", "send_order_confirmation", self._send, order)

    async def send_regret(self, order: Ordered) -> None:
        """Tell the customer by mail that nothing has come of the order."""
        await self._network.call("notification", "send_regret", self._send, order, Told.FAILED)

    def _send(self, order: Ordered, says: Told = Told.CONFIRMED) -> None:
        trace = current_trace()
        self.mails.append(Mail(order.order_id, order.customer_id, says, trace.clock()))
        trace.state("notification", N_("mails"), len(self.mails))
