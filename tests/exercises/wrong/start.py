"""What people write instead, in notebook 00."""

from __future__ import annotations

from lessonkit.course.start import shorter_wait, stock_back
from tests.exercises.answers import Right, Wrong, changed

NEEDS = {"shorter_wait": ["setup"], "stock_back": ["setup"]}

CANCEL = "            await shop.inventory.cancel_reservation(reserved.reservation_id)\n"

CHARGE = "await shop.payment.charge(command.total, command.payment_method)\n"
MAIL = "        await shop.notification.send_order_confirmation(order)\n"

WRONG = {
    "shorter_wait": [
        Wrong(
            "names the charge of the first order",
            changed(shorter_wait.answer, ("payment.transaction_id", '"T-1"')),
            "names a charge",
        ),
        Wrong(
            "deletes the charge",
            changed(
                shorter_wait.starter,
                (f"        payment = {CHARGE}", ""),
                ("command, payment.transaction_id", "command"),
            ),
            "not paid",
        ),
        Wrong(
            "deletes the saving with the mail",
            changed(shorter_wait.answer, ("        await shop.database.save(order)\n", "")),
            "Which line saved it",
        ),
        Wrong(
            "deletes the reservation",
            changed(
                shorter_wait.answer,
                ("        await shop.inventory.reserve(command.items)\n", ""),
            ),
            "The reservation has to stay",
        ),
        Wrong(
            "sends the mail before the saving",
            changed(
                shorter_wait.answer,
                (
                    "        await shop.database.save(order)\n",
                    MAIL + "        await shop.database.save(order)\n",
                ),
            ),
            "800 ms",
        ),
        Wrong(
            "charges twice",
            changed(
                shorter_wait.answer,
                (f"        payment = {CHARGE}", 2 * f"        payment = {CHARGE}"),
            ),
            "still waits for 500 ms",
        ),
        Wrong(
            "charges one yen",
            changed(shorter_wait.answer, ("command.total", "1")),
            "not all of its money",
        ),
        Wrong(
            "takes everybody's money from the same card",
            changed(shorter_wait.answer, ("command.payment_method", "'card'")),
            "had chosen",
        ),
        Wrong(
            "saves an order of its own",
            "from lessonkit import an_order\n"
            + changed(shorter_wait.answer, ("Order.create(command,", "Order.create(an_order(),")),
            "and no order is there",
        ),
        Wrong(
            "reserves what the first customer wanted",
            "from lessonkit import an_order\n"
            + changed(shorter_wait.answer, ("reserve(command.items)", "reserve(an_order().items)")),
            "More pieces are set aside",
        ),
        Wrong(
            "does not await the saving",
            changed(
                shorter_wait.answer,
                ("await shop.database.save(order)", "shop.database.save(order)"),
            ),
            "Which line saved it",
        ),
        Wrong(
            "waits for the mail, and not for long enough",
            changed(
                shorter_wait.starter,
                (
                    MAIL,
                    "        mail = shop.notification.send_order_confirmation(order)\n"
                    "        await asyncio.wait_for(mail, 0.4)\n",
                ),
            ),
            "must go through",
        ),
        Wrong(
            "saves it for another customer",
            changed(
                shorter_wait.answer,
                ("save(order)", "save(Order(**{**vars(order), 'customer_id': 'C-1'}))"),
            ),
            "its id or its customer",
        ),
        Wrong(
            "waits for the mail of whoever pays by points card",
            changed(
                shorter_wait.answer,
                (
                    "        return order",
                    "        if command.payment_method == 'points card':\n    "
                    + MAIL
                    + "        return order",
                ),
            ),
            "still waits for 800 ms",
        ),
    ],
    "stock_back": [
        Wrong(
            "asks again without a key",
            """\
def put_back(shop):
    async def create_order(command):
        reserved = await shop.inventory.reserve(command.items)
        for attempt in range(3):
            try:
                payment = await shop.payment.charge(command.total, command.payment_method)
                break
            except Exception:
                if attempt == 2:
                    await shop.inventory.cancel_reservation(reserved.reservation_id)
                    raise
        order = Order.create(command, payment.transaction_id)
        await shop.database.save(order)
        return order

    return create_order
""",
            "More was taken",
        ),
        Wrong(
            "keeps what is set aside outside of the function",
            """\
def put_back(shop):
    now = {}

    async def create_order(command):
        now["reserved"] = await shop.inventory.reserve(command.items)
        try:
            payment = await shop.payment.charge(command.total, command.payment_method)
        except Exception:
            await shop.inventory.cancel_reservation(now["reserved"].reservation_id)
            raise
        order = Order.create(command, payment.transaction_id)
        await shop.database.save(order)
        return order

    return create_order
""",
            "has harmed another one",
        ),
        Wrong(
            "swallows the exception",
            changed(stock_back.answer, ("            raise\n", "            return None\n")),
            "raise it again",
        ),
        Wrong(
            "only passes the error on",
            changed(stock_back.answer, (CANCEL, "            pass\n")),
            "still set aside",
        ),
        Wrong(
            "puts the stock back always",
            changed(
                stock_back.answer,
                (
                    "        except Exception:\n" + CANCEL + "            raise\n",
                    "        finally:\n" + CANCEL,
                ),
            ),
            "only when something has failed",
        ),
        Wrong(
            "looks at a result that never comes",
            changed(
                stock_back.starter,
                (
                    "        order = Order",
                    "        if not payment.success:\n"
                    "            await shop.inventory.cancel_reservation(reserved.reservation_id)\n"
                    "            raise OrderFailed('no payment')\n"
                    "        order = Order",
                ),
            ),
            "is that line reached",
        ),
        Wrong(
            "catches the error of the reservation as well",
            changed(
                stock_back.answer,
                ("            raise\n", "            return Order.create(command)\n"),
            ),
            "raise it again",
        ),
        Wrong(
            "puts back by an id of the first order",
            changed(stock_back.answer, ("reserved.reservation_id", "'R-1'")),
            "has harmed another one",
        ),
        Wrong(
            "does not await the putting back",
            changed(stock_back.answer, ("await shop.inventory.cancel", "shop.inventory.cancel")),
            "still set aside",
        ),
        Wrong(
            "charges first, and then reserves",
            changed(
                stock_back.starter,
                (f"        payment = {CHARGE}", ""),
                ("        reserved = await", f"        payment = {CHARGE}        reserved = await"),
            ),
            "money was taken for it that nobody gives back",
        ),
        Wrong(
            "puts the pieces on the shelf by hand",
            changed(
                stock_back.answer,
                (CANCEL, "            shop.inventory.stock['P-1'] += 2\n"),
            ),
            "what a service knows belongs to the service",
        ),
        Wrong(
            "does not await the saving",
            changed(stock_back.answer, ("await shop.database.save", "shop.database.save")),
            "and no order is there",
        ),
        Wrong(
            "sets nothing aside",
            changed(
                stock_back.answer,
                ("        reserved = await shop.inventory.reserve(command.items)\n", ""),
                (CANCEL, "            pass\n"),
            ),
            "nothing is set aside",
        ),
    ],
}

FIRST_WORDS = "def quick_call(shop):\n"
RIGHT = {
    "shorter_wait": [
        Right(
            "keeps the mail's line as a comment",
            changed(shorter_wait.starter, (MAIL, MAIL.replace("await", "# await"))),
        ),
        Right(
            "gives its parts other names",
            changed(
                shorter_wait.answer,
                ("payment = await", "paid = await"),
                ("payment.transaction_id", "paid.transaction_id"),
            ),
        ),
        Right(
            "returns nothing",
            changed(shorter_wait.answer, ("        return order\n", "")),
        ),
        Right(
            "is a class",
            """
class Quick:
    def __init__(self, shop):
        self.shop = shop

    async def __call__(self, command):
        await self.shop.inventory.reserve(command.items)
        paid = await self.shop.payment.charge(command.total, command.payment_method)
        await self.shop.database.save(Order.create(command, paid.transaction_id))


def quick_call(shop):
    return Quick(shop)
""",
        ),
        Right(
            "sends the mail in the background all the same",
            changed(
                shorter_wait.starter,
                (
                    MAIL,
                    "        tasks.append(asyncio.create_task(mail(order)))\n",
                ),
                (
                    FIRST_WORDS,
                    FIRST_WORDS
                    + """    tasks = []

    async def mail(order):
        await shop.notification.send_order_confirmation(order)

""",
                ),
            ),
        ),
        Right(
            "reserves and charges with a key",
            changed(
                shorter_wait.answer,
                ("reserve(command.items)", "reserve(command.items, command.order_id)"),
                ("command.payment_method)", "command.payment_method, command.order_id)"),
            ),
        ),
    ],
    "stock_back": [
        Right(
            "catches what the services refuse",
            """\
from lessonkit.shop import ServiceRefused


def put_back(shop):
    async def create_order(command):
        reserved = await shop.inventory.reserve(command.items)
        try:
            payment = await shop.payment.charge(command.total, command.payment_method)
        except ServiceRefused:
            await shop.inventory.cancel_reservation(reserved.reservation_id)
            raise
        order = Order.create(command, payment.transaction_id)
        await shop.database.save(order)
        return order

    return create_order
""",
        ),
        Right(
            "catches everything",
            changed(stock_back.answer, ("except Exception:", "except BaseException:")),
        ),
        Right(
            "raises an error of its own",
            changed(
                stock_back.answer,
                ("except Exception:", "except Exception as error:"),
                ("            raise\n", "            raise OrderFailed('not paid') from error\n"),
            ).replace("def put_back", "from lessonkit import OrderFailed\n\n\ndef put_back"),
        ),
        Right(
            "charges in a function of its own",
            """
def put_back(shop):
    async def charge(command, reserved):
        try:
            return await shop.payment.charge(command.total, command.payment_method)
        except Exception as error:
            await shop.inventory.cancel_reservation(reserved.reservation_id)
            raise error

    async def create_order(command):
        reserved = await shop.inventory.reserve(command.items)
        payment = await charge(command, reserved)
        order = Order.create(command, payment.transaction_id)
        await shop.database.save(order)
        return order

    return create_order
""",
        ),
        Right(
            "remembers in a variable whether it is paid",
            """
def put_back(shop):
    async def create_order(command):
        reserved = await shop.inventory.reserve(command.items)
        paid = None
        try:
            paid = await shop.payment.charge(command.total, command.payment_method)
        finally:
            if paid is None:
                await shop.inventory.cancel_reservation(reserved.reservation_id)
        order = Order.create(command, paid.transaction_id)
        await shop.database.save(order)
        return order

    return create_order
""",
        ),
        Right(
            "has a helper for the putting back",
            """
class Reserved:
    def __init__(self, shop, items):
        self.shop, self.items = shop, items

    async def __aenter__(self):
        self.reserved = await self.shop.inventory.reserve(self.items)

    async def __aexit__(self, kind, error, traceback):
        if kind is not None:
            await self.shop.inventory.cancel_reservation(self.reserved.reservation_id)


def put_back(shop):
    async def create_order(command):
        async with Reserved(shop, command.items):
            payment = await shop.payment.charge(command.total, command.payment_method)
        order = Order.create(command, payment.transaction_id)
        await shop.database.save(order)
        return order

    return create_order
""",
        ),
        Right(
            "puts back by the key",
            changed(
                stock_back.answer,
                ("reserve(command.items)", "reserve(command.items, command.order_id)"),
                ("cancel_reservation(reserved.reservation_id)", "cancel_by_key(command.order_id)"),
            ),
        ),
    ],
}
