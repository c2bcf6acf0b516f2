"""The shop: its services, the network between them, its customer, and the audit of its books."""

from lessonkit.shop.audit import OrderBooks, Violation, audit, books, remarks
from lessonkit.shop.customer import Answer, Customer
from lessonkit.shop.errors import (
    KeyReused,
    NoReply,
    NotFound,
    OrderFailed,
    OutcomeUnknown,
    ServiceRefused,
    ShopError,
)
from lessonkit.shop.network import Network
from lessonkit.shop.orders import CreateOrder, Item, Order, OrderStatus, Told
from lessonkit.shop.shop import LATENCY, STOCK, Keeper, Shop, an_order

__all__ = [
    "LATENCY",
    "STOCK",
    "Answer",
    "CreateOrder",
    "Customer",
    "Item",
    "Keeper",
    "KeyReused",
    "Network",
    "NoReply",
    "NotFound",
    "Order",
    "OrderBooks",
    "OrderFailed",
    "OrderStatus",
    "OutcomeUnknown",
    "ServiceRefused",
    "Shop",
    "ShopError",
    "Told",
    "Violation",
    "an_order",
    "audit",
    "books",
    "remarks",
]
