"""What people write instead, in notebook 02."""

from __future__ import annotations

from lessonkit.course.event_driven import carry_state, owed
from tests.exercises.answers import Wrong, changed

NEEDS = {
    "carry_state": ["setup", "notification-code"],
    "owed": ["setup", "event", "sourcing-events"],
}

FIELD = "    items: tuple[Item, ...]\n"
SENDS = "order.order_id, order.items)"
TAKES = "    await shop.inventory.reserve(event.items, event.order_id)\n"
SUBTRACT = """            subtract = "UPDATE unpaid SET yen = yen - ? WHERE order_id = ?"
            db.execute(subtract, (event.amount, event.order_id))
"""
DELETE = '            db.execute("DELETE FROM unpaid WHERE yen <= 0")\n'
SHIPPED = "            pass  # a parcel is no payment\n"

WRONG = {
    "carry_state": [
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
            "travel in the event",
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
            "travel in the event",
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
            "belongs to somebody else",
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
            "kept beside the event",
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
            "kept beside the event",
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
            "how many of each",
        ),
        Wrong(
            "loses a second line of the same product",
            changed(
                carry_state.answer,
                (FIELD, "    pieces: dict[str, int]\n"),
                (SENDS, "order.order_id, {i.product_id: i.quantity for i in order.items})"),
                ("event.items", "tuple(Item(p, n, 0) for p, n in event.pieces.items())"),
            ),
            "two lines",
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
            "does not fit them",
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
            "still has to work",
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
            "Send it a request",
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
            "not all of it",
        ),
        Wrong(
            "leaves a row with 0 yen",
            changed(owed.answer, (DELETE, "")),
            "reminder of 0 yen",
        ),
        Wrong(
            "keeps those who have paid too much",
            changed(owed.answer, ("yen <= 0", "yen = 0")),
            "more than was asked for",
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
            "there is one already",
        ),
        Wrong(
            "writes into another table",
            changed(owed.answer, ("INSERT INTO unpaid", "INSERT INTO owed")),
            "is called `unpaid`",
        ),
        Wrong(
            "ends the transaction",
            changed(owed.answer, (DELETE, DELETE + "            db.commit()\n")),
            "in one transaction",
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
            "outside of the table",
        ),
        Wrong(
            "writes nothing",
            "def still_to_pay(db, event):\n    return None\n",
            "its whole total",
        ),
    ],
}
