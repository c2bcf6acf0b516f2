"""The events of notebook 04. Each carries the customer's command: nobody has to ask back."""

from __future__ import annotations

from dataclasses import dataclass

from lessonkit.patterns.events import Event
from lessonkit.shop import CreateOrder


@dataclass(frozen=True)
class OrderEvent(Event):
    """Something that happened to an order."""

    command: CreateOrder


class OrderCreated(OrderEvent):
    """The order is written down, and pending."""


class InventoryReserved(OrderEvent):
    """The pieces are set aside."""


class InventoryReservationFailed(OrderEvent):
    """There were not enough pieces."""


@dataclass(frozen=True)
class PaymentCompleted(OrderEvent):
    """The card was charged."""

    transaction_id: str


class PaymentFailed(OrderEvent):
    """The card was declined."""


class NotificationSent(OrderEvent):
    """The confirmation was mailed."""


class OrderConfirmed(OrderEvent):
    """The order is decided, and stands. Only the repaired flow says so."""


class OrderCancelled(OrderEvent):
    """The order is decided, and does not stand. Only the repaired flow says so."""
