"""What people write instead, in notebook 02."""

from __future__ import annotations

from lessonkit.course.event_driven import carry_state, owed
from tests.exercises.answers import Right, Wrong, changed

NEEDS = {
    "carry_state": ["setup", "notification-code"],
    "owed": ["setup", "order-service", "cqrs-panel"],
}

FIELD = "    items: tuple[Item, ...]\n"
SENDS = "order.order_id, order.items)"
TAKES = "    await shop.inventory.reserve(event.items, event.order_id)\n"
SUBTRACT = """            subtract = "UPDATE unpaid SET yen = yen - ? WHERE order_id = ?"
            db.execute(subtract, (event.amount, event.order_id))
"""
DELETE = '            db.execute("DELETE FROM unpaid WHERE yen <= 0")\n'
SHIPPED = "            pass  # a parcel is no payment\n"

KEEPS = "            totals[event.order_id] = event.total\n"
FROM_MEMORY = """            totals[event.order_id] -= event.amount
            change = "UPDATE unpaid SET yen = ? WHERE order_id = ?"
            db.execute(change, (totals[event.order_id], event.order_id))
            db.execute("DELETE FROM unpaid WHERE yen <= 0")
"""
LOG_AND_SUM = """    yen = getattr(event, "total", 0) - getattr(event, "amount", 0)
    db.execute("INSERT INTO log VALUES (?, ?)", (event.order_id, yen))
    db.execute("DELETE FROM unpaid")
    db.execute("INSERT INTO unpaid SELECT id, SUM(yen) FROM log GROUP BY id HAVING SUM(yen) > 0")
"""
GONE = '            db.execute("DELETE FROM unpaid WHERE yen <= ?", (event.amount,))\n'

WRONG = {
    "carry_state": [
        Wrong(
            "takes the end of the id for the key",
            changed(
                carry_state.answer,
                ("event.items, event.order_id", "event.items, event.order_id[-1]"),
            ),
            "a key that only this order has",
        ),
        Wrong(
            "carries the items and still asks back",
            changed(
                carry_state.answer,
                (
                    TAKES,
                    "    order = await get_order(shop, event.order_id)\n"
                    "    await shop.inventory.reserve(order.items, event.order_id)\n",
                ),
            ),
            "must travel in the event",
        ),
        Wrong(
            "asks the order service and hides that nobody answers",
            changed(
                carry_state.answer,
                (
                    TAKES,
                    "    try:\n"
                    "        order = await get_order(shop, event.order_id)\n"
                    "    except Exception:\n"
                    "        order = event\n"
                    "    await shop.inventory.reserve(order.items, event.order_id)\n",
                ),
            ),
            "must travel in the event",
        ),
        Wrong(
            "reads the order service's database",
            changed(
                carry_state.starter,
                (
                    "await get_order(shop, event.order_id)",
                    "shop.database.orders[event.order_id]",
                ),
            ),
            "on another computer",
        ),
        Wrong(
            "keeps the orders in a dict beside the event",
            "ORDERS = {}\n"
            + changed(
                carry_state.starter,
                (
                    "    return OrderPlaced(order.order_id)\n",
                    "    ORDERS[order.order_id] = order\n    return OrderPlaced(order.order_id)\n",
                ),
                ("await get_order(shop, event.order_id)", "ORDERS[event.order_id]"),
            ),
            "is not there",
        ),
        Wrong(
            "keeps the orders in a dict by the event's id",
            "ORDERS = {}\n"
            + changed(
                carry_state.starter,
                (
                    "    return OrderPlaced(order.order_id)\n",
                    "    event = OrderPlaced(order.order_id)\n"
                    "    ORDERS[event.event_id] = order\n"
                    "    return event\n",
                ),
                ("await get_order(shop, event.order_id)", "ORDERS[event.event_id]"),
            ),
            "is not there",
        ),
        Wrong(
            "carries only the first item",
            changed(
                carry_state.answer,
                (FIELD, "    item: Item\n"),
                (SENDS, "order.order_id, order.items[0])"),
                ("event.items", "(event.item,)"),
            ),
            "several items",
        ),
        Wrong(
            "carries the products and not how many",
            changed(
                carry_state.answer,
                (FIELD, "    products: tuple[str, ...]\n"),
                (SENDS, "order.order_id, tuple(item.product_id for item in order.items))"),
                ("event.items", "tuple(Item(product, 1, 0) for product in event.products)"),
            ),
            "How many of each",
        ),
        Wrong(
            "loses a second line of the same product",
            changed(
                carry_state.answer,
                (FIELD, "    pieces: dict[str, int]\n"),
                (SENDS, "order.order_id, {i.product_id: i.quantity for i in order.items})"),
                ("event.items", "tuple(Item(p, n, 0) for p, n in event.pieces.items())"),
            ),
            "how many lines",
        ),
        Wrong(
            "carries a generator",
            changed(
                carry_state.answer,
                (SENDS, "order.order_id, (item for item in order.items))"),
            ),
            "travels as a text",
        ),
        Wrong(
            "does not say what is in the tuple",
            changed(carry_state.answer, (FIELD, "    items: tuple\n")),
            "keeps no classes",
        ),
        Wrong(
            "says that the items are texts",
            changed(carry_state.answer, (FIELD, "    items: tuple[str, ...]\n")),
            "does not fit the types",
        ),
        Wrong(
            "carries the order as an object",
            changed(
                carry_state.answer,
                (FIELD, "    order: object\n"),
                (SENDS, "order.order_id, order)"),
                ("event.items", "event.order.items"),
            ),
            "keeps no classes",
        ),
        Wrong(
            "does not say what is in the list",
            changed(
                carry_state.answer,
                (FIELD, "    items: list\n"),
                (SENDS, "order.order_id, list(order.items))"),
            ),
            "keeps no classes",
        ),
        Wrong(
            "takes no stock",
            changed(carry_state.answer, (TAKES, "    return event.items\n")),
            "called, and awaited",
        ),
        Wrong(
            "leaves the key out",
            changed(carry_state.answer, ("event.items, event.order_id", "event.items")),
            "came twice",
        ),
        Wrong(
            "takes from the shelf by hand",
            changed(
                carry_state.answer,
                (
                    TAKES,
                    "    for item in event.items:\n"
                    "        shop.inventory.stock[item.product_id] -= item.quantity\n",
                ),
            ),
            "belongs to the service",
        ),
        Wrong(
            "the same key for every order",
            changed(carry_state.answer, ("event.items, event.order_id", 'event.items, "order"')),
            "had this key before",
        ),
        Wrong(
            "the customer as key",
            changed(
                carry_state.answer,
                (FIELD, FIELD + "    customer_id: str\n"),
                (SENDS, "order.order_id, order.items, order.customer_id)"),
                ("event.items, event.order_id", "event.items, event.customer_id"),
            ),
            "had this key before",
        ),
        Wrong(
            "one key for a call per item",
            changed(
                carry_state.answer,
                (
                    TAKES,
                    "    for item in event.items:\n"
                    "        await shop.inventory.reserve((item,), event.order_id)\n",
                ),
            ),
            "go into one call",
        ),
        Wrong(
            "the time as key",
            "import asyncio\n"
            + changed(
                carry_state.answer,
                (
                    "event.items, event.order_id",
                    'event.items, f"{event.order_id} {asyncio.get_running_loop().time()}"',
                ),
            ),
            "came twice",
        ),
        Wrong(
            "what is in it as key",
            changed(
                carry_state.answer,
                ("event.items, event.order_id", "event.items, str(event.items)"),
            ),
            "had this key before",
        ),
        Wrong(
            "the moment of the order as key",
            changed(
                carry_state.answer,
                ("event.items, event.order_id", "event.items, str(event.occurred_at)"),
            ),
            "had this key before",
        ),
        Wrong(
            "a hash as key",
            changed(
                carry_state.answer,
                ("event.items, event.order_id", "event.items, str(hash(event.order_id))"),
            ),
            "comes of `hash()`",
        ),
        Wrong(
            "remembers in a set what has come",
            "seen = set()\n"
            + changed(
                carry_state.answer,
                (
                    TAKES,
                    "    if event.order_id not in seen:\n"
                    "        seen.add(event.order_id)\n"
                    "        await shop.inventory.reserve(event.items)\n",
                ),
            ),
            "a variable or a dict",
        ),
        Wrong(
            "remembers at the function what has come",
            changed(
                carry_state.answer,
                (
                    TAKES,
                    "    if event.order_id in take_stock.__dict__:\n"
                    "        return\n"
                    "    take_stock.__dict__[event.order_id] = True\n"
                    "    await shop.inventory.reserve(event.items)\n",
                ),
            ),
            "a variable or a dict",
        ),
        Wrong(
            "keeps the orders in an object beside the event",
            "class Memory:\n    pass\n\n\nmemory = Memory()\n"
            + changed(
                carry_state.starter,
                (
                    "    return OrderPlaced(order.order_id)\n",
                    "    setattr(memory, order.order_id, order)\n"
                    "    return OrderPlaced(order.order_id)\n",
                ),
                ("await get_order(shop, event.order_id)", "getattr(memory, event.order_id)"),
            ),
            "Only the event is",
        ),
        Wrong(
            "keeps the orders in a namespace by the order's id",
            "from types import SimpleNamespace\n\nbox = SimpleNamespace(orders={})\n"
            + changed(
                carry_state.starter,
                (
                    "    return OrderPlaced(order.order_id)\n",
                    "    event = OrderPlaced(order.order_id)\n"
                    "    box.orders[order.order_id] = order\n"
                    "    return event\n",
                ),
                ("await get_order(shop, event.order_id)", "box.orders[event.order_id]"),
            ),
            "Only the event is",
        ),
        Wrong(
            "keeps the orders in a namespace by the event's id",
            "from types import SimpleNamespace\n\nbox = SimpleNamespace(orders={})\n"
            + changed(
                carry_state.starter,
                (
                    "    return OrderPlaced(order.order_id)\n",
                    "    event = OrderPlaced(order.order_id)\n"
                    "    box.orders[event.event_id] = order\n"
                    "    return event\n",
                ),
                ("await get_order(shop, event.order_id)", "box.orders[event.event_id]"),
            ),
            "Only the event is",
        ),
        Wrong(
            "forgets to wait",
            changed(carry_state.answer, ("    await shop", "    shop")),
            "and awaited",
        ),
        Wrong(
            "takes what the first order had",
            changed(
                carry_state.answer,
                ("event.items,", '(Item("P-1", 2, 2500), Item("P-2", 3, 800)),'),
            ),
            "How many of each",
        ),
        Wrong(
            "takes the money as well",
            changed(
                carry_state.answer,
                (TAKES, TAKES + '    await shop.payment.charge(100, "card", event.order_id)\n'),
            ),
            "has called `payment.charge`",
        ),
        Wrong(
            "asks for something that the warehouse does not have, and hides the error",
            changed(
                carry_state.answer,
                (
                    TAKES,
                    "    try:\n"
                    "        await shop.inventory.reserve((), event.order_id)\n"
                    "    except Exception:\n"
                    "        pass\n",
                ),
            ),
            "Nothing was set aside",
        ),
    ],
    "owed": [
        Wrong(
            "deletes the row at the first payment",
            changed(
                owed.answer,
                (
                    SUBTRACT + DELETE,
                    '            db.execute("DELETE FROM unpaid WHERE order_id = ?",'
                    " (event.order_id,))\n",
                ),
            ),
            "not paid all of it",
        ),
        Wrong(
            "leaves a row with 0 yen",
            changed(owed.answer, (DELETE, "")),
            "says 0 yen",
        ),
        Wrong(
            "keeps those who have paid too much",
            changed(owed.answer, ("yen <= 0", "yen = 0")),
            "says -500 yen",
        ),
        Wrong(
            "counts a parcel as a payment",
            changed(
                owed.answer,
                (
                    SHIPPED,
                    '            db.execute("DELETE FROM unpaid WHERE order_id = ?",'
                    " (event.order_id,))\n",
                ),
            ),
            "not a payment",
        ),
        Wrong(
            "forgets the payments",
            "def still_to_pay(db, event):\n"
            "    if isinstance(event, OrderCreated):\n"
            '        add = "INSERT INTO unpaid VALUES (?, ?)"\n'
            "        db.execute(add, (event.order_id, event.total))\n",
            "as it was before",
        ),
        Wrong(
            "puts the payment in place of what is missing",
            changed(owed.answer, ("yen = yen - ?", "yen = ?")),
            "smaller by",
        ),
        Wrong(
            "forgets which order it is",
            changed(
                owed.answer,
                (" WHERE order_id = ?", ""),
                ("(event.amount, event.order_id)", "(event.amount,)"),
            ),
            "Which rows",
        ),
        Wrong(
            "inserts a second row",
            changed(
                owed.answer,
                (
                    SUBTRACT,
                    '            db.execute("INSERT INTO unpaid VALUES (?, ?)",'
                    " (event.order_id, -event.amount))\n",
                ),
            ),
            "this order has one",
        ),
        Wrong(
            "writes into another table",
            changed(owed.answer, ("INSERT INTO unpaid", "INSERT INTO owed")),
            "The table is `unpaid`",
        ),
        Wrong(
            "ends the transaction",
            changed(owed.answer, (DELETE, DELETE + "            db.commit()\n")),
            "No `commit`",
        ),
        Wrong(
            "remembers in Python",
            "missing = {}\n\n\n"
            "def still_to_pay(db, event):\n"
            "    match event:\n"
            "        case OrderCreated():\n"
            "            missing[event.order_id] = missing.get(event.order_id, 0) + event.total\n"
            "        case PaymentReceived():\n"
            "            missing[event.order_id] -= event.amount\n"
            '    db.execute("DELETE FROM unpaid")\n'
            "    for order_id, yen in missing.items():\n"
            "        if yen > 0:\n"
            '            db.execute("INSERT INTO unpaid VALUES (?, ?)", (order_id, yen))\n',
            "a new process knows",
        ),
        Wrong(
            "writes nothing",
            "def still_to_pay(db, event):\n    return None\n",
            "its whole total",
        ),
        Wrong(
            "remembers the totals in Python",
            "totals = {}\n\n\n"
            + changed(
                owed.answer,
                ("        case OrderCreated():\n", "        case OrderCreated():\n" + KEEPS),
                (SUBTRACT + DELETE, FROM_MEMORY),
            ),
            "a new process knows",
        ),
        Wrong(
            "remembers in a temporary table",
            "def still_to_pay(db, event):\n"
            '    db.execute("CREATE TEMP TABLE IF NOT EXISTS log (id TEXT, yen INTEGER)")\n'
            + LOG_AND_SUM,
            "a new process knows",
        ),
        Wrong(
            "remembers in another table",
            "def still_to_pay(db, event):\n"
            '    db.execute("CREATE TABLE IF NOT EXISTS log (id TEXT, yen INTEGER)")\n'
            + LOG_AND_SUM,
            "when it is made anew",
        ),
        Wrong(
            "goes by the size of the payment, and not by the order",
            changed(
                owed.answer,
                (SUBTRACT, SUBTRACT.replace("            sub", GONE + "            sub", 1)),
            ),
            "another order",
        ),
        Wrong(
            "stops at 0 yen",
            changed(owed.answer, ("yen = yen - ?", "yen = MAX(0, yen - ?)"), (DELETE, "")),
            "says 0 yen",
        ),
        Wrong(
            "adds the payment",
            changed(owed.answer, ("yen = yen - ?", "yen = yen + ?")),
            "smaller by",
        ),
        Wrong(
            "misspells the statement",
            changed(owed.answer, ("UPDATE unpaid SET", "UPDATE unpaid yen")),
            "SQLite cannot do that",
        ),
        Wrong(
            "puts a shipped order back",
            changed(
                owed.answer,
                (
                    SHIPPED,
                    '            put = "INSERT OR IGNORE INTO unpaid VALUES (?, 0)"\n'
                    "            db.execute(put, (event.order_id,))\n",
                ),
            ),
            "not a payment",
        ),
        Wrong(
            "inserts a row for a parcel",
            changed(
                owed.answer,
                (
                    SHIPPED,
                    '            add = "INSERT INTO unpaid VALUES (?, 0)"\n'
                    "            db.execute(add, (event.order_id,))\n",
                ),
            ),
            "What changes a row",
        ),
    ],
}

RIGHT = {
    "carry_state": [
        Right(
            "a method of the class",
            """\
@dataclass(frozen=True)
class OrderPlaced(Event):
    order_id: str
    items: tuple[Item, ...]

    @classmethod
    def of(cls, order):
        return cls(order.order_id, order.items)


placed = OrderPlaced.of


async def take_stock(shop, event):
    await shop.inventory.reserve(event.items, event.order_id)
""",
        ),
        Right(
            "a list",
            """
@dataclass(frozen=True)
class OrderPlaced(Event):
    order_id: str
    items: list[Item]


def placed(order):
    return OrderPlaced(order_id=order.order_id, items=list(order.items))


async def take_stock(shop, event):
    items = tuple(event.items)
    return await shop.inventory.reserve(items, key=event.order_id)
""",
        ),
        Right(
            "the whole order",
            """
@dataclass(frozen=True)
class OrderPlaced(Event):
    order: Order


def placed(order):
    return OrderPlaced(order)


async def take_stock(shop, event):
    order = event.order
    await shop.inventory.reserve(order.items, order.order_id)
""",
        ),
        Right(
            "lines of its own, and a helper",
            """
@dataclass(frozen=True)
class Line:
    product: str
    pieces: int


@dataclass(frozen=True)
class OrderPlaced(Event):
    order_id: str
    lines: tuple[Line, ...]

    @classmethod
    def of(cls, order):
        return cls(order.order_id, tuple(Line(i.product_id, i.quantity) for i in order.items))


def placed(order):
    return OrderPlaced.of(order)


def as_items(lines):
    for line in lines:
        match line:
            case Line(product, pieces):
                yield Item(product, pieces, 0)


async def take_stock(shop, event):
    await shop.inventory.reserve(tuple(as_items(event.lines)), event.order_id)
""",
        ),
        Right(
            "how many pieces of each product",
            """
from collections import Counter


@dataclass(frozen=True)
class OrderPlaced(Event):
    order_id: str
    pieces: dict[str, int]


def placed(order):
    pieces = Counter()
    for item in order.items:
        pieces[item.product_id] += item.quantity
    return OrderPlaced(order.order_id, dict(pieces))


async def take_stock(shop, event):
    wanted = [Item(product, number, 1) for product, number in event.pieces.items()]
    await shop.inventory.reserve(tuple(wanted), event.order_id)
""",
        ),
        Right(
            "a text of its own",
            """
from dataclasses import asdict
from json import dumps, loads


@dataclass(frozen=True)
class OrderPlaced(Event):
    order_id: str
    items: str


def placed(order):
    return OrderPlaced(order.order_id, dumps([asdict(item) for item in order.items]))


async def take_stock(shop, event):
    items = tuple(Item(**item) for item in loads(event.items))
    await shop.inventory.reserve(items, event.order_id)
""",
        ),
        Right(
            "the event's id as key",
            changed(
                carry_state.answer, ("event.items, event.order_id", "event.items, event.event_id")
            ),
        ),
        Right(
            "the correlation id as key",
            changed(
                carry_state.answer,
                ("event.items, event.order_id", "event.items, event.correlation_id"),
            ),
        ),
        Right(
            "tuples in a tuple, a default, a check of the type",
            """
@dataclass(frozen=True, kw_only=True, slots=True)
class OrderPlaced(Event):
    order_id: str
    lines: tuple[tuple[str, int, int], ...] = ()


def placed(order):
    lines = tuple((i.product_id, i.quantity, i.unit_price) for i in order.items)
    return OrderPlaced(order_id=order.order_id, lines=lines)


async def take_stock(shop, event):
    if not isinstance(event, OrderPlaced):
        return
    try:
        items = tuple(Item(*line) for line in event.lines)
        result = await shop.inventory.reserve(items, "order " + event.order_id)
    finally:
        pass
    assert result.success
""",
        ),
        Right(
            "a call and a key for each line",
            changed(
                carry_state.answer,
                (
                    TAKES,
                    "    for number, item in enumerate(event.items):\n"
                    '        await shop.inventory.reserve((item,), f"{event.order_id}/{number}")\n',
                ),
            ),
        ),
        Right(
            "gathered, and with keys that the event brings along",
            """
import asyncio
from dataclasses import field


@dataclass(frozen=True)
class OrderPlaced(Event):
    order_id: str
    items: tuple[Item, ...] = field(default_factory=tuple)
    key: str = ""


def placed(order):
    return OrderPlaced(order.order_id, order.items, key=f"{order.customer_id} {order.order_id}")


class Warehouse:
    def __init__(self, shop):
        self.reserve = shop.inventory.reserve

    async def handle(self, event):
        await asyncio.gather(self.reserve(event.items, event.key))


async def take_stock(shop, event):
    await Warehouse(shop).handle(event)
""",
        ),
    ],
    "owed": [
        Right(
            "an object that can be called",
            """\
class Unpaid:
    def __call__(self, db, event):
        getattr(self, event.type)(db, event)

    def OrderCreated(self, db, event):
        db.execute("INSERT INTO unpaid VALUES (?, ?)", (event.order_id, event.total))

    def PaymentReceived(self, db, event):
        subtract = "UPDATE unpaid SET yen = yen - ? WHERE order_id = ?"
        db.execute(subtract, (event.amount, event.order_id))
        db.execute("DELETE FROM unpaid WHERE yen <= 0")

    def OrderShipped(self, db, event):
        pass


still_to_pay = Unpaid()
""",
        ),
        Right(
            "one function per type of event",
            """\
from functools import singledispatch


@singledispatch
def handle(event, db):
    pass


@handle.register
def _(event: OrderCreated, db):
    db.execute("INSERT INTO unpaid VALUES (?, ?)", (event.order_id, event.total))


@handle.register
def _(event: PaymentReceived, db):
    subtract = "UPDATE unpaid SET yen = yen - ? WHERE order_id = ?"
    db.execute(subtract, (event.amount, event.order_id))
    db.execute("DELETE FROM unpaid WHERE yen <= 0")


def still_to_pay(db, event):
    handle(event, db)
""",
        ),
        Right(
            "looks, and decides in Python",
            """
def still_to_pay(db, event):
    if isinstance(event, OrderCreated):
        missing = event.total
    elif isinstance(event, PaymentReceived):
        row = db.execute("SELECT yen FROM unpaid WHERE order_id = ?", [event.order_id]).fetchone()
        if row is None:
            return
        missing = row[0] - event.amount
    else:
        return
    db.execute("DELETE FROM unpaid WHERE order_id = ?", [event.order_id])
    if missing > 0:
        db.execute("INSERT INTO unpaid (order_id, yen) VALUES (?, ?)", [event.order_id, missing])
""",
        ),
        Right(
            "deletes first, and changes what is left",
            """
def still_to_pay(db, event):
    match event:
        case OrderCreated(order_id=order_id, total=total):
            db.execute("INSERT INTO unpaid VALUES (?, ?)", (order_id, total))
        case PaymentReceived(order_id=order_id, amount=amount):
            gone = "DELETE FROM unpaid WHERE order_id = ? AND yen <= ?"
            db.execute(gone, (order_id, amount))
            less = "UPDATE unpaid SET yen = yen - ? WHERE order_id = ?"
            db.execute(less, (amount, order_id))
""",
        ),
        Right(
            "one function for each type of event",
            """
def created(db, event):
    values = {"order": event.order_id, "yen": event.total}
    db.execute("INSERT INTO unpaid VALUES (:order, :yen)", values)


def paid(db, event):
    db.execute(
        "UPDATE unpaid SET yen = yen - :yen WHERE order_id = :order",
        {"order": event.order_id, "yen": event.amount},
    )
    db.execute("DELETE FROM unpaid WHERE yen < 1")


WHAT_TO_DO = {OrderCreated: created, PaymentReceived: paid}


def still_to_pay(db, event):
    if (work := WHAT_TO_DO.get(type(event))) is not None:
        work(db, event)
""",
        ),
        Right(
            "one number for both",
            """
def still_to_pay(db, event):
    yen = getattr(event, "total", 0) - getattr(event, "amount", 0)
    if yen > 0:
        db.execute("REPLACE INTO unpaid VALUES (?, ?)", (event.order_id, yen))
    elif yen < 0:
        db.execute("UPDATE unpaid SET yen = yen + ? WHERE order_id = ?", (yen, event.order_id))
        db.execute("DELETE FROM unpaid WHERE order_id = ? AND yen <= 0", (event.order_id,))
""",
        ),
        Right(
            "an upsert, and the total from the items",
            """
def still_to_pay(db, event):
    change = 0
    match event:
        case OrderCreated():
            change = sum(item.quantity * item.unit_price for item in event.items)
        case PaymentReceived():
            change = -event.amount
        case OrderShipped():
            return
    cursor = db.cursor()
    cursor.execute(
        "INSERT INTO unpaid VALUES (?, ?)"
        " ON CONFLICT (order_id) DO UPDATE SET yen = yen + excluded.yen",
        (event.order_id, change),
    )
    cursor.execute("DELETE FROM unpaid WHERE yen <= 0")
    return cursor.rowcount
""",
        ),
        Right(
            "goes by the fields, and by what the statement returns",
            """
from contextlib import suppress
from dataclasses import fields


def still_to_pay(db, event):
    known = {field.name for field in fields(event)}
    if "total" in known:
        db.executemany("INSERT INTO unpaid VALUES (?, ?)", [(event.order_id, event.total)])
    if "amount" in known:
        with suppress(TypeError):
            sql = "UPDATE unpaid SET yen = yen - ? WHERE order_id = ? RETURNING yen"
            (left,) = db.execute(sql, (event.amount, event.order_id)).fetchone()
            if left <= 0:
                db.execute("DELETE FROM unpaid WHERE order_id = ?", (event.order_id,))
""",
        ),
    ],
}
