"""The shop: its services, the network between them, its customer, and the audit of its books."""

from lessonkit.shop.audit import OrderBooks as OrderBooks
from lessonkit.shop.audit import Violation as Violation
from lessonkit.shop.audit import audit as audit
from lessonkit.shop.audit import books as books
from lessonkit.shop.audit import remarks as remarks
from lessonkit.shop.customer import Answer as Answer
from lessonkit.shop.customer import Customer as Customer
from lessonkit.shop.errors import KeyReused as KeyReused
from lessonkit.shop.errors import NoReply as NoReply
from lessonkit.shop.errors import NotFound as NotFound
from lessonkit.shop.errors import OrderFailed as OrderFailed
from lessonkit.shop.errors import OutcomeUnknown as OutcomeUnknown
from lessonkit.shop.errors import ServiceRefused as ServiceRefused
from lessonkit.shop.errors import ShopError as ShopError
from lessonkit.shop.network import Network as Network
from lessonkit.shop.orders import CreateOrder as CreateOrder
from lessonkit.shop.orders import Item as Item
from lessonkit.shop.orders import Order as Order
from lessonkit.shop.orders import OrderStatus as OrderStatus
from lessonkit.shop.orders import Told as Told
from lessonkit.shop.shop import LATENCY as LATENCY
from lessonkit.shop.shop import STOCK as STOCK
from lessonkit.shop.shop import Keeper as Keeper
from lessonkit.shop.shop import Shop as Shop
from lessonkit.shop.shop import an_order as an_order
