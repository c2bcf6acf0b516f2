"""What people write instead, in notebook 04."""

from __future__ import annotations

from lessonkit.course.choreography_orchestration import (
    lost_reply,
    points_by_events,
    points_by_saga,
)
from tests.exercises.answers import Right, Wrong, changed

DANCE = ["services", "choreography-run", "declined", "release"]
NEEDS = {
    "lost_reply": ["setup", "saga-class"],
    "points_by_events": ["setup", *DANCE],
    "points_by_saga": ["setup"],
}

# --- a compensation that does not need the reply -------------------------------------------------

NOTE_STOCK = "        compensations.append(partial(self.inventory.cancel_by_key, key))\n"
RESERVE = "        reserved = await self.inventory.reserve(command.items, key)\n"
NOTE_MONEY = "        compensations.append(partial(self.payment.refund_by_key, key))\n"
CHARGE = "        payment = await self.payment.charge(command.total, command.payment_method, key)\n"
NOTE_ORDER = "        compensations.append(partial(self.database.save, order.cancelled()))\n"
SAVE = "        await self.database.save(order)\n"
NOTE_STOCK_BY_ID = (
    "        undo = partial(self.inventory.cancel_reservation, reserved.reservation_id)\n"
    "        compensations.append(undo)\n"
)
NOTE_MONEY_BY_ID = (
    "        compensations.append(partial(self.payment.refund, payment.transaction_id))\n"
)
RESERVE_WITHOUT_KEY = "        reserved = await self.inventory.reserve(command.items)\n"
RESERVE_ANEW = """
        for attempt in (1, 2, 3):
            compensations.append(partial(self.inventory.cancel_by_key, f"{key}, {attempt}"))
            try:
                reserved = await self.inventory.reserve(command.items, f"{key}, {attempt}")
                break
            except ShopError:
                if attempt == 3:
                    raise
"""
SOMETHING_ELSE = """
        items = (Item("P-2", 2, 2500),)
        reserved = await self.inventory.reserve(items, key)
"""
MAIL = (
    "        try:\n"
    "            await self.notification.send_order_confirmation(order)\n"
    "        except ShopError:\n"
    '            current_trace().note("orders", "the mail failed")\n'
)

LOST_REPLY = [
    Wrong(
        "notes it before the call, by the id of the reply",
        changed(
            lost_reply.starter,
            (NOTE_STOCK_BY_ID, ""),
            (RESERVE_WITHOUT_KEY, NOTE_STOCK_BY_ID + RESERVE_WITHOUT_KEY),
        ),
        "only the reply brings",
    ),
    Wrong(
        "notes a function that asks for the id later",
        changed(
            lost_reply.answer,
            (
                NOTE_STOCK,
                "        compensations.append(\n"
                "            lambda: self.inventory.cancel_reservation(reserved.reservation_id)\n"
                "        )\n",
            ),
        ),
        "only the reply brings",
    ),
    Wrong(
        "undoes by the id, if there is one",
        changed(
            lost_reply.answer,
            (
                NOTE_STOCK,
                "        reserved = None\n\n"
                "        async def put_back():\n"
                "            if reserved is not None:\n"
                "                id = reserved.reservation_id\n"
                "                await self.inventory.cancel_reservation(id)\n\n"
                "        compensations.append(put_back)\n",
            ),
        ),
        "With a key of your own",
    ),
    Wrong(
        "notes it by key, but after the call",
        changed(
            lost_reply.answer,
            (NOTE_STOCK + RESERVE, RESERVE + NOTE_STOCK),
            (NOTE_MONEY + CHARGE, CHARGE + NOTE_MONEY),
        ),
        "was set aside, the reply was lost",
    ),
    Wrong(
        "has keys in the undoing and none in the doing",
        changed(
            lost_reply.answer, (RESERVE, RESERVE_WITHOUT_KEY), (CHARGE, CHARGE.replace(", key", ""))
        ),
        "must name the same key",
    ),
    Wrong(
        "undoes in the order of the doing",
        changed(lost_reply.answer, ("reversed(compensations)", "compensations")),
        "was done last is undone first",
    ),
    Wrong(
        "notes the order first, and so cancels it last",
        changed(
            lost_reply.answer,
            (NOTE_ORDER, ""),
            (
                NOTE_STOCK,
                NOTE_ORDER.replace("order.cancelled", "Order.create(command).cancelled")
                + NOTE_STOCK,
            ),
        ),
        "whose money or stock is gone",
    ),
    Wrong(
        "puts the stock back, then cancels the order, and refunds at last",
        changed(
            lost_reply.answer,
            ("reversed(compensations)", "compensations"),
            (NOTE_ORDER, NOTE_ORDER.replace("append(", "insert(1, ")),
        ),
        "whose money or stock is gone",
    ),
    Wrong(
        "undoes the stock before the money",
        changed(
            lost_reply.answer,
            (NOTE_MONEY + CHARGE, CHARGE),
            (NOTE_STOCK + RESERVE, NOTE_MONEY + NOTE_STOCK + RESERVE),
        ),
        "the stock goes back before the money",
    ),
    Wrong(
        "swallows the exception",
        changed(lost_reply.answer, ("            raise\n", "            return None\n")),
        "must be raised again",
    ),
    Wrong(
        "forgets that the reply of the saving can be lost as well",
        changed(lost_reply.answer, (NOTE_ORDER, "")),
        "The saving did happen",
    ),
    Wrong(
        "notes the cancelled order after the saving",
        changed(lost_reply.answer, (NOTE_ORDER + SAVE, SAVE + NOTE_ORDER)),
        "The saving did happen",
    ),
    Wrong(
        "charges under another key",
        changed(lost_reply.answer, (CHARGE, CHARGE.replace("key)", "key + ' again')"))),
        "was not taken under that key",
    ),
    Wrong(
        "gives the money back by the id of the reply",
        changed(
            lost_reply.answer,
            (NOTE_MONEY, ""),
            (
                NOTE_ORDER,
                "        refund = self.payment.refund\n"
                "        compensations.append(partial(refund, payment.transaction_id))\n"
                + NOTE_ORDER,
            ),
        ),
        "money was taken, the reply was lost",
    ),
    Wrong(
        "has one key for all",
        changed(lost_reply.answer, ("key = command.order_id", "key = 'key'")),
        "goes wrong, and what of it",
    ),
    Wrong(
        "takes the customer for the key",
        changed(lost_reply.answer, ("key = command.order_id", "key = command.customer_id")),
        "goes wrong, and what of it",
    ),
    Wrong(
        "takes what was ordered for the key",
        changed(lost_reply.answer, ("key = command.order_id", "key = repr(command.items)")),
        "not all of its money",
    ),
    Wrong(
        "undoes the order for a mail",
        changed(
            lost_reply.answer,
            (MAIL, ""),
            (SAVE, SAVE + "        await self.notification.send_order_confirmation(order)\n"),
        ),
        "Only the mail's reply was lost",
    ),
    Wrong(
        "takes a declined card for money",
        changed(
            lost_reply.answer,
            (
                '        if not payment.success:\n            raise OrderFailed("card declined")\n',
                "",
            ),
        ),
        "declines the card",
    ),
    Wrong(
        "asks again without a key",
        changed(
            lost_reply.answer,
            (
                CHARGE,
                "        for attempt in range(3):\n"
                "            try:\n"
                "                payment = await self.payment.charge(\n"
                "                    command.total, command.payment_method\n"
                "                )\n"
                "                break\n"
                "            except ShopError:\n"
                "                if attempt == 2:\n"
                "                    raise\n",
            ),
        ),
        "more than once",
    ),
    Wrong(
        "asks again with a new key each time, and undoes them all",
        changed(lost_reply.answer, (NOTE_STOCK + RESERVE, RESERVE_ANEW)),
        "sends the same key",
    ),
    Wrong(
        "asks again for stock without a key",
        changed(
            lost_reply.answer,
            (
                NOTE_STOCK + RESERVE,
                RESERVE_ANEW.replace('command.items, f"{key}, {attempt}"', "command.items"),
            ),
        ),
        "must name the same key",
    ),
    Wrong(
        "reserves once more under another key",
        changed(
            lost_reply.answer,
            (RESERVE, RESERVE + RESERVE.replace("key", "key * 2")),
            (NOTE_STOCK, NOTE_STOCK + NOTE_STOCK.replace("key))", "key * 2))")),
        ),
        "More pieces are set aside",
    ),
    Wrong(
        "reserves something else",
        changed(lost_reply.answer, (RESERVE, SOMETHING_ELSE)),
        "not what the customer ordered",
    ),
    Wrong(
        "sells nothing",
        "class PreparedSaga(CreateOrderSaga):\n"
        "    async def execute(self, command):\n"
        "        raise OrderFailed('closed')\n",
        "On a normal day",
    ),
]

# --- points by events ----------------------------------------------------------------------------

HEARS = '    @bus.subscribe(events.PaymentCompleted, service="points")\n'
BACK = (
    '    @bus.subscribe(OrderReturned, service="points")\n'
    "    async def take_back(event):\n"
    "        await ask(shop.points.take_back, event.command)\n"
)
WAITING = """
def sell(shop, command=None):
    shop.bus = InMemoryEventBus(shop.network)
    orders = dance.OrderService(shop, shop.bus, dance.again)
    mine = (inventory_service, payment_service, notification_service, release_on_failure, my_points)
    for service in mine:
        service(shop, shop.bus, dance.again)

    async def create_order(command):
        await orders.create_order(command)
        await dance.again(shop.points.give, command)

    return shop.place_order(create_order, command)
"""
SELL = points_by_events.answer[points_by_events.answer.index("def sell") :]

POINTS_BY_EVENTS = [
    Wrong(
        "takes back when it is paid",
        changed(
            points_by_events.answer,
            ("bus.subscribe(OrderReturned", "bus.subscribe(events.PaymentCompleted"),
        ),
        "taken back before the order came back",
    ),
    Wrong(
        "hears that the order was created",
        changed(points_by_events.answer, ("PaymentCompleted", "OrderCreated")),
        "which one does it lack",
    ),
    Wrong(
        "hears everything",
        changed(points_by_events.answer, ("PaymentCompleted", "OrderEvent")),
        "which one does it lack",
    ),
    Wrong(
        "hangs on the mail",
        changed(points_by_events.answer, ("PaymentCompleted", "NotificationSent")),
        "hang on an event",
    ),
    Wrong(
        "does not ask again",
        changed(
            points_by_events.answer,
            ("ask(shop.points.give, event.command)", "shop.points.give(event.command)"),
            ("ask(shop.points.take_back, event.command)", "shop.points.take_back(event.command)"),
        ),
        "gave up after one attempt",
    ),
    Wrong(
        "asks again only for giving",
        changed(
            points_by_events.answer,
            ("ask(shop.points.take_back, event.command)", "shop.points.take_back(event.command)"),
        ),
        "The taking back failed once",
    ),
    Wrong(
        "never takes back",
        changed(points_by_events.answer, (BACK, "")),
        "who heard",
    ),
    Wrong(
        "takes back when the payment fails",
        changed(
            points_by_events.answer, ("OrderReturned, service", "events.PaymentFailed, service")
        ),
        "who heard",
    ),
    Wrong(
        "gives in both handlers",
        changed(points_by_events.answer, ("shop.points.take_back,", "shop.points.give,")),
        "given once more",
    ),
    Wrong(
        "counts what it has heard",
        changed(
            points_by_events.answer,
            (
                "        await ask(shop.points.give, event.command)\n",
                "        seen.append(event.event_id)\n"
                "        call = shop.points.give if len(seen) == 1 else shop.points.take_back\n"
                "        await ask(call, event.command)\n",
            ),
            (HEARS, "    seen = []\n\n" + HEARS),
        ),
        "do not count",
    ),
    Wrong(
        "lets another service do it",
        changed(
            points_by_events.answer,
            (HEARS, "    @bus.subscribe(events.PaymentCompleted)\n"),
        ),
        "process of another service",
    ),
    Wrong(
        "sets stock aside a second time",
        changed(
            points_by_events.answer,
            (
                "        await ask(shop.points.give, event.command)\n",
                "        await ask(shop.points.give, event.command)\n"
                "        await ask(shop.inventory.reserve, event.command.items)\n",
            ),
        ),
        "More pieces are set aside",
    ),
    Wrong(
        "lets the customer wait for the points",
        changed(points_by_events.answer, (SELL.strip(), WAITING.strip())),
        "keeps nobody waiting",
    ),
    Wrong(
        "lets nobody ask again",
        changed(points_by_events.answer, ("ask=dance.again, ", "")),
        "nobody puts back",
    ),
    Wrong(
        "leaves the points out",
        changed(points_by_events.answer, ("my_points, ask", "ask")),
        "Which event says",
    ),
    Wrong(
        "sells nothing",
        changed(
            points_by_events.answer,
            (
                SELL.strip(),
                "def sell(shop, command=None):\n"
                "    async def create_order(command):\n"
                "        raise OrderFailed('closed')\n\n"
                "    shop.bus = InMemoryEventBus(shop.network)\n"
                "    return shop.place_order(create_order, command)\n",
            ),
        ),
        "must go through",
    ),
    Wrong(
        "lets another service take back",
        changed(
            points_by_events.answer,
            ('(OrderReturned, service="points")', '(OrderReturned, service="inventory")'),
        ),
        "or takes them back",
    ),
    Wrong(
        "gives at two events, and never takes back",
        changed(
            points_by_events.answer,
            (BACK, ""),
            (HEARS, '    @bus.subscribe(events.InventoryReserved, service="points")\n' + HEARS),
        ),
        "who heard",
    ),
]

# --- points by a saga ----------------------------------------------------------------------------

STEP = '        Step("points", points.give, points.take_back),\n'
SAVED = '        Step("save", do.save, do.cancel, pivot=pivot),\n'
MAILED = '        Step("mail", do.mail, optional=True),\n'

POINTS_BY_SAGA = [
    Wrong(
        "after the pivot, with a compensation",
        changed(points_by_saga.answer, (STEP + SAVED, SAVED + STEP)),
        "too late to go back",
    ),
    Wrong(
        "before the pivot, without a compensation",
        changed(points_by_saga.answer, (STEP, '        Step("points", points.give),\n')),
        "which steps are undone there",
    ),
    Wrong(
        "optional",
        changed(
            points_by_saga.answer,
            (STEP, STEP.replace("take_back)", "take_back, optional=True)")),
        ),
        "these points are promised",
    ),
    Wrong(
        "gives instead of taking back",
        changed(points_by_saga.answer, (STEP, STEP.replace("take_back", "give"))),
        "the opposite of its action",
    ),
    Wrong(
        "makes the points the pivot",
        changed(
            points_by_saga.answer,
            (STEP, STEP.replace("take_back)", "take_back, pivot=pivot)")),
            (SAVED, SAVED.replace(", pivot=pivot", "")),
        ),
        "point of no return",
    ),
    Wrong(
        "only moves what was there behind the mail",
        changed(
            points_by_saga.starter,
            ('        Step("points", points.give),\n', ""),
            (MAILED, '        Step("points", points.give),\n' + MAILED),
        ),
        "too late to go back",
    ),
    Wrong(
        "gives no points",
        changed(points_by_saga.answer, (STEP, "")),
        "On a normal day",
    ),
    Wrong(
        "turns the log off",
        changed(
            points_by_saga.answer,
            ("complete_saga(shop, ", "order_saga(shop, **steered.EVERYTHING | {'log': False}, "),
        ),
        "The saga has no log",
    ),
    Wrong(
        "never saves the order",
        changed(points_by_saga.answer, (SAVED, "")),
        "and no order is there",
    ),
    Wrong(
        "keeps the failure of the points to itself",
        changed(
            points_by_saga.answer,
            (
                "    return [\n",
                "    async def give(order):\n"
                "        try:\n"
                "            await points.give(order)\n"
                "        except Exception:\n"
                "            pass\n\n"
                "    return [\n",
            ),
            ("points.give, points.take_back", "give, points.take_back"),
        ),
        "it has not learned of it",
    ),
]

WRONG = {
    "lost_reply": LOST_REPLY,
    "points_by_events": POINTS_BY_EVENTS,
    "points_by_saga": POINTS_BY_SAGA,
}

# --- right ones, in other styles -----------------------------------------------------------------

SEED = "        key = command.order_id\n"

RIGHT = {
    "lost_reply": [
        Right(
            "notes functions of its own",
            changed(
                lost_reply.answer,
                (
                    NOTE_STOCK,
                    "        async def put_back():\n"
                    "            await self.inventory.cancel_by_key(key)\n\n"
                    "        compensations.append(put_back)\n",
                ),
            ),
        ),
        Right(
            "notes lambdas",
            changed(
                lost_reply.answer,
                (
                    "partial(self.payment.refund_by_key, key)",
                    "lambda: self.payment.refund_by_key(key)",
                ),
            ),
        ),
        Right(
            "has a key for each service",
            changed(
                lost_reply.answer,
                (NOTE_STOCK, NOTE_STOCK.replace("key))", 'f"stock {key}"))')),
                (RESERVE, RESERVE.replace("key)", 'f"stock {key}")')),
            ),
        ),
        Right(
            "keeps an exit stack",
            """
from contextlib import AsyncExitStack


class PreparedSaga(CreateOrderSaga):
    async def execute(self, command):
        async with AsyncExitStack() as undo:
            order = await self.reserve_pay_and_save(command, undo)
            undo.pop_all()
        try:
            await self.notification.send_order_confirmation(order)
        except ShopError:
            pass
        return order

    async def quietly(self, call, *args):
        try:
            await call(*args)
        except ShopError:
            pass

    async def reserve_pay_and_save(self, command, undo):
        key = command.order_id
        undo.push_async_callback(self.quietly, self.inventory.cancel_by_key, key)
        reserved = await self.inventory.reserve(command.items, key)
        if not reserved.success:
            raise OrderFailed("out of stock")
        undo.push_async_callback(self.quietly, self.payment.refund_by_key, key)
        payment = await self.payment.charge(command.total, command.payment_method, key)
        if not payment.success:
            raise OrderFailed("card declined")
        order = Order.create(command, payment.transaction_id)
        undo.push_async_callback(self.quietly, self.database.save, order.cancelled())
        await self.database.save(order)
        return order
""",
        ),
        Right(
            "asks again with the same key",
            changed(
                lost_reply.answer,
                (
                    RESERVE,
                    "        for attempt in range(3):\n"
                    "            try:\n"
                    "                reserved = await self.inventory.reserve(command.items, key)\n"
                    "                break\n"
                    "            except ShopError:\n"
                    "                if attempt == 2:\n"
                    "                    raise\n",
                ),
            ),
        ),
        Right(
            "puts all three in front",
            changed(
                lost_reply.answer,
                (NOTE_STOCK, ""),
                (NOTE_MONEY, ""),
                (NOTE_ORDER, ""),
                (
                    SEED,
                    SEED
                    + NOTE_STOCK
                    + NOTE_MONEY
                    + NOTE_ORDER.replace("order.cancelled", "Order.create(command).cancelled"),
                ),
            ),
        ),
    ],
    "points_by_events": [
        Right(
            "gives its handlers other names",
            points_by_events.answer.replace("def give(", "def on_payment(").replace(
                "def take_back(", "def on_return("
            ),
        ),
        Right(
            "asks again by itself",
            changed(
                points_by_events.answer,
                (
                    "        await ask(shop.points.give, event.command)\n",
                    "        for _attempt in range(5):\n"
                    "            try:\n"
                    "                return await shop.points.give(event.command)\n"
                    "            except ShopError:\n"
                    "                await sleep(0.2)\n",
                ),
            ),
        ),
        Right(
            "subscribes without a decorator",
            changed(
                points_by_events.answer,
                (BACK, BACK.replace('    @bus.subscribe(OrderReturned, service="points")\n', "")),
                (
                    "\n\ndef sell",
                    '    bus.subscribe(OrderReturned, service="points")(take_back)\n\n\ndef sell',
                ),
            ),
        ),
        Right(
            "has one handler for both",
            """
class OrderReturned(events.OrderEvent): ...


def my_points(shop, bus, ask=dance.once):
    async def hear(event):
        returned = isinstance(event, OrderReturned)
        await ask(shop.points.take_back if returned else shop.points.give, event.command)

    for kind in (events.PaymentCompleted, OrderReturned):
        bus.subscribe(kind, service="points")(hear)


"""
            + SELL,
        ),
        Right(
            "remembers what it has given, and asks all the same",
            changed(
                points_by_events.answer,
                (HEARS, "    given = set()\n\n" + HEARS),
                (
                    "        await ask(shop.points.give, event.command)\n",
                    "        await ask(shop.points.give, event.command)\n"
                    "        given.add(event.command.order_id)\n",
                ),
            ),
        ),
        Right(
            "takes back when the payment fails as well",
            changed(
                points_by_events.answer,
                (BACK, BACK + BACK.replace("OrderReturned", "events.PaymentFailed")),
            ),
        ),
    ],
    "points_by_saga": [
        Right(
            "gives the points first",
            changed(
                points_by_saga.answer,
                (STEP, ""),
                ('        Step("reserve"', STEP + '        Step("reserve"'),
            ),
        ),
        Right(
            "gives the points between stock and money",
            changed(
                points_by_saga.answer,
                (STEP, ""),
                ('        Step("charge"', STEP + '        Step("charge"'),
            ),
        ),
        Right(
            "calls the step something else", points_by_saga.answer.replace('"points"', '"bonus"')
        ),
        Right(
            "names its arguments",
            changed(
                points_by_saga.answer,
                ("points.give, points.take_back", "points.give, compensation=points.take_back"),
            ),
        ),
        Right(
            "builds the list on its own",
            """
def my_flow(do, pivot):
    steps = steered.order_flow(do, pivot)
    bonus = Step("points", do.shop.points.give, do.shop.points.take_back)
    place = [step.name for step in steps].index("save")
    return [*steps[:place], bonus, *steps[place:]]


"""
            + points_by_saga.answer[points_by_saga.answer.index("def direct") :],
        ),
    ],
}
