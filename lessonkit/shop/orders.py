"""What an order is: the command that asks for it, and the record that is kept of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from lessonkit.checks import some_text, whole_number
from lessonkit.messages import N_


@dataclass(frozen=True, slots=True)
class Item:
    """``quantity`` pieces of a product at ``unit_price`` yen each."""

    product_id: str
    quantity: int
    unit_price: int

    def __post_init__(self) -> None:
        some_text("product_id", self.product_id)
        whole_number("quantity", self.quantity, low=1)
        whole_number("unit_price", self.unit_price, low=0)


def check_items(name: str, items: object) -> tuple[Item, ...]:
    """Return ``items`` if it is a tuple of at least one item.

    Raises
    ------
    TypeError, ValueError
        If it is none.
    """
    if not isinstance(items, tuple) or not items:
        raise ValueError(f"{name} must be a tuple of at least one item; got {items!r}")
    for item in items:
        if not isinstance(item, Item):
            raise TypeError(f"{name} must be Item objects; got {item!r}")
    return items


def pieces_of(items: Iterable[Item]) -> dict[str, int]:
    """How many pieces of each product, in the order of the products' names."""
    pieces: dict[str, int] = {}
    for item in sorted(items, key=lambda item: item.product_id):
        pieces[item.product_id] = pieces.get(item.product_id, 0) + item.quantity
    return pieces


@dataclass(frozen=True)
class CreateOrder:
    """The command: a customer wants these items, paid in this way."""

    order_id: str
    customer_id: str
    items: tuple[Item, ...]
    payment_method: str = "card"

    def __post_init__(self) -> None:
        some_text("order_id", self.order_id)
        check_items("items", self.items)

    @property
    def total(self) -> int:
        """What the customer has to pay, in yen."""
        return sum(item.quantity * item.unit_price for item in self.items)


class Told(StrEnum):
    """What the customer was told about an order."""

    CONFIRMED = N_("confirmed")
    FAILED = N_("failed")
    UNKNOWN = N_("we do not know yet")
    NOTHING = N_("no answer")


class OrderStatus(StrEnum):
    """Whether an order stands: only a confirmed one does."""

    PENDING = N_("pending")  #: written down, and not yet decided
    CONFIRMED = N_("confirmed")
    CANCELLED = N_("cancelled")


@dataclass(frozen=True)
class Order:
    """An order as the database keeps it."""

    order_id: str
    customer_id: str
    items: tuple[Item, ...]
    total: int
    transaction_id: str
    status: OrderStatus = OrderStatus.CONFIRMED

    @classmethod
    def create(cls, command: CreateOrder, transaction_id: str = "") -> Order:
        """A confirmed order from the command and the payment that goes with it, if there is one."""
        return cls(
            command.order_id, command.customer_id, command.items, command.total, transaction_id
        )

    @classmethod
    def pending(cls, command: CreateOrder) -> Order:
        """An order from the command that does not stand yet."""
        return replace(cls.create(command), status=OrderStatus.PENDING)

    def confirmed(self, transaction_id: str) -> Order:
        """The same order, confirmed, with the payment that goes with it."""
        return replace(self, transaction_id=transaction_id, status=OrderStatus.CONFIRMED)

    def cancelled(self) -> Order:
        """The same order, cancelled."""
        return replace(self, status=OrderStatus.CANCELLED)

    def is_same_purchase(self, other: Order) -> bool:
        """Whether both are about the same purchase, however far each has come."""
        return (self.order_id, self.customer_id, pieces_of(self.items), self.total) == (
            other.order_id,
            other.customer_id,
            pieces_of(other.items),
            other.total,
        )


def check_order(order: object) -> Order:
    """Return ``order`` if it is an order.

    Raises
    ------
    TypeError
        If it is none.
    """
    if not isinstance(order, Order):
        raise TypeError(f"order must be an Order, such as Order.create(command); got {order!r}")
    return order
