"""The shop: its services, the network between them, its customer, and the audit of its books."""

from lessonkit.shop.audit import Violation, audit, books
from lessonkit.shop.customer import Answer, Customer, Told
from lessonkit.shop.errors import (
    KeyReused,
    NoReply,
    NotFound,
    OrderFailed,
    ServiceRefused,
    ShopError,
)
from lessonkit.shop.network import Network
from lessonkit.shop.orders import CreateOrder, Item, Order, OrderStatus
from lessonkit.shop.shop import LATENCY, STOCK, Shop, an_order

__all__ = [
    "LATENCY",
    "STOCK",
    "Answer",
    "CreateOrder",
    "Customer",
    "Item",
    "KeyReused",
    "Network",
    "NoReply",
    "NotFound",
    "Order",
    "OrderFailed",
    "OrderStatus",
    "ServiceRefused",
    "Shop",
    "ShopError",
    "Told",
    "Violation",
    "an_order",
    "audit",
    "books",
]
