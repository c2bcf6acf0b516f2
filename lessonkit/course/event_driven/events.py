"""Notebook 02: what happens to an order after it was created, and what the shop knows besides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lessonkit.messages import _
from lessonkit.patterns.events import Event, EventTypes
from lessonkit.patterns.eventstore.store import EventStore
from lessonkit.shop import Item


@dataclass(frozen=True)
class PaymentReceived(Event):
    """The customer has paid, perhaps only a part."""

    order_id: str
    amount: int


@dataclass(frozen=True)
class OrderShipped(Event):
    """The parcel has left the warehouse."""

    order_id: str
    tracking_id: str


def at(number: int, clock: str, *, day: int = 1) -> dict[str, Any]:
    """When an event occurred, as in ``at(1, "10:00")``, and which one it is."""
    hours, minutes = map(int, clock.split(":"))
    seconds = 3600.0 * (24 * (day - 1) + hours) + 60.0 * minutes
    return {"event_id": f"E-{number}", "occurred_at": seconds}


def product_names() -> dict[str, str]:
    """How the shop calls its products."""
    return {"P-1": _("teapot"), "P-2": _("tea bowl")}


def home() -> tuple[str, str, str, str]:
    """Where the customer lives: postal code, prefecture, city and line."""
    return "100-0001", _("Tokyo"), _("Chiyoda-ku"), _("1-1 Chiyoda")


def five_orders(created: Callable[..., Event], types: EventTypes) -> EventStore:
    """A store with five orders of two products in it."""
    store = EventStore(types)
    ordered = [("P-1", 2), ("P-2", 1), ("P-1", 1), ("P-1", 3), ("P-2", 2)]
    for number, (product, pieces) in enumerate(ordered, start=1):
        lines = (Item(product, pieces, 2500),)
        data = f"O-{number:03}", "C-100", lines, 2500 * pieces, "card"
        store.append(data[0], [created(*data, **at(number, f"{number}:00"))])
    return store
