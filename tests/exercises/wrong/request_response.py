"""What people write instead, in notebook 01."""

from __future__ import annotations

from lessonkit.course.request_response import mail_behind, survive
from tests.exercises.answers import Right, Wrong, changed

NEEDS = {
    "survive": ["setup", "order-service", "retry", "careful"],
    "mail_behind": ["setup", "order-service"],
}

MAIL = "        await self.notification.send_order_confirmation(order)\n"
RESERVE = "        reserved = await retry(self.inventory.reserve, command.items, key)\n"
RESERVE_ANEW = """
        self.keys = []

        async def reserve_anew(items):
            self.keys.append(f"{key}, attempt {len(self.keys) + 1}")
            return await self.inventory.reserve(items, self.keys[-1])

        reserved = await retry(reserve_anew, command.items)
"""
SOMETHING_ELSE = """
        items = tuple(replace(item, product_id="P-2") for item in command.items)
        reserved = await retry(self.inventory.reserve, items, key)
"""
CHARGE = "payment = await retry(self.payment.charge, command.total, command.payment_method, key)"
UNDONE = "            (self.database.save, Order.create(command).cancelled()),\n"
SOLD_OUT = '        if not reserved.success:\n            raise OrderFailed("out of stock")\n'
PUT_BACK = "            await self.inventory.cancel_reservation(reserved.reservation_id)\n"
CANCEL = "await self.database.save(order.cancelled())"
WRONG = {
    "survive": [
        Wrong(
            "sends no mail",
            changed(
                survive.answer,
                (
                    "            await self.notification.send_order_confirmation(order)\n",
                    "            pass\n",
                ),
            ),
            "no mail about it",
        ),
        Wrong(
            "takes the end of the id for the key",
            survive.answer.replace("key = command.order_id", "key = command.order_id[-1]"),
            "Which of them goes wrong",
        ),
        Wrong(
            "takes customer and amount for the key",
            survive.answer.replace(
                "key = command.order_id", 'key = f"{command.customer_id} {command.total}"'
            ),
            "Which of them goes wrong",
        ),
        Wrong(
            "retries without a key",
            changed(
                survive.answer,
                (
                    "command.total, command.payment_method, key)",
                    "command.total, command.payment_method)",
                ),
            ),
            "made more than once",
        ),
        Wrong(
            "swallows the exception",
            changed(
                survive.answer,
                (
                    "            await self.undo(command)\n            raise\n",
                    "            return None\n",
                ),
            ),
            "also has to answer it",
        ),
        Wrong(
            "does not undo the order",
            changed(survive.answer, (UNDONE, "")),
            "cancelled()",
        ),
        Wrong(
            "lets the mail decide",
            changed(
                survive.answer,
                (
                    f"        try:\n    {MAIL}        except ShopError:\n            pass\n",
                    MAIL,
                ),
            ),
            "fail alone",
        ),
        Wrong(
            "gives the money back only if it has the transaction id",
            changed(survive.answer, ("            (self.payment.refund_by_key, key),\n", "")),
            "refund_by_key",
        ),
        Wrong(
            "forgets the stock",
            changed(survive.answer, ("            (self.inventory.cancel_by_key, key),\n", "")),
            "cancel_by_key",
        ),
        Wrong(
            "reserves without a key",
            changed(survive.answer, (RESERVE, RESERVE.replace(", key", ""))),
            "must name the same key",
        ),
        Wrong(
            "makes a new key for each attempt, and undoes them all",
            changed(
                survive.answer,
                (RESERVE, RESERVE_ANEW),
                (
                    "            (self.inventory.cancel_by_key, key),\n",
                    "            *((self.inventory.cancel_by_key, one) for one in self.keys),\n",
                ),
            ),
            "sends the same key",
        ),
        Wrong(
            "reserves once more under another key",
            changed(
                survive.answer,
                (RESERVE, RESERVE + RESERVE.replace("key", "f'{key}-2'")),
                (
                    "            (self.inventory.cancel_by_key, key),\n",
                    "            (self.inventory.cancel_by_key, key),\n"
                    "            (self.inventory.cancel_by_key, f'{key}-2'),\n",
                ),
            ),
            "More pieces are set aside",
        ),
        Wrong(
            "reserves something else",
            "from dataclasses import replace\n"
            + changed(survive.answer, (RESERVE, SOMETHING_ELSE)),
            "not what the customer ordered",
        ),
        Wrong(
            "reserves too little",
            "from dataclasses import replace\n"
            + changed(
                survive.answer,
                (RESERVE, SOMETHING_ELSE.replace('product_id="P-2"', "quantity=1")),
            ),
            "Fewer pieces",
        ),
        Wrong(
            "takes too much",
            changed(survive.answer, (CHARGE, CHARGE.replace("command.total", "2 * command.total"))),
            "More was taken",
        ),
        Wrong(
            "takes too little",
            changed(survive.answer, (CHARGE, CHARGE.replace("command.total", "1"))),
            "not all of its money",
        ),
        Wrong(
            "takes it by another card",
            changed(survive.answer, (CHARGE, CHARGE.replace("command.payment_method", "'mine'"))),
            "had chosen",
        ),
        Wrong(
            "saves another total",
            "from dataclasses import replace\n"
            + changed(
                survive.answer,
                (
                    "        await retry(self.database.save, order)\n",
                    "        order = replace(order, total=1)\n"
                    "        await retry(self.database.save, order)\n",
                ),
            ),
            "not the one that was placed",
        ),
        Wrong(
            "waits for ever when the mail fails",
            changed(
                survive.answer, ("            pass\n", "            await asyncio.Event().wait()\n")
            ),
            "none will come",
        ),
        Wrong(
            "sells nothing",
            "class MyOrderService(CarefulOrderService):\n"
            "    async def create_order(self, command):\n"
            "        raise OrderFailed('closed')\n",
            "closed",
        ),
        Wrong(
            "charges under another key",
            changed(survive.answer, (CHARGE, CHARGE.replace("key)", "key + ' again')"))),
            "was not taken under that key",
        ),
        Wrong(
            "takes the customer for the key",
            changed(
                survive.answer.replace("key = command.order_id", "key = command.customer_id"),
            ),
            "goes wrong, and what of it",
        ),
        Wrong(
            "takes what was ordered for the key",
            survive.answer.replace("key = command.order_id", "key = repr(command.items)"),
            "not all of its money",
        ),
        Wrong(
            "takes the amount for the key",
            survive.answer.replace("key = command.order_id", "key = str(command.total)"),
            "not all of its money",
        ),
        Wrong(
            "has one key for all",
            survive.answer.replace("key = command.order_id", "key = 'key'"),
            "goes wrong, and what of it",
        ),
        Wrong(
            "sells what is not there",
            survive.answer.replace("if not reserved.success:", "if reserved is None:"),
            "there is not enough",
        ),
        Wrong(
            "gives up for good two minutes after midnight",
            changed(
                survive.answer,
                (
                    "        try:\n            order = await self.reserve",
                    "        if asyncio.get_running_loop().time() > 30:\n"
                    "            raise OrderFailed('too late')\n"
                    "        try:\n            order = await self.reserve",
                ),
            ),
            "goes wrong, and what of it",
        ),
        Wrong(
            "reads in the warehouse's books",
            changed(
                survive.answer,
                (
                    "        reserved = await retry",
                    "        if self.inventory.stock['P-1'] < 2:\n"
                    "            raise OrderFailed('out of stock')\n"
                    "        reserved = await retry",
                ),
            ),
            "what a service knows belongs to the service",
        ),
    ],
    "mail_behind": [
        Wrong(
            "mails twice",
            changed(
                mail_behind.answer,
                (
                    "        self.background = ",
                    "        self.first = asyncio.create_task(self.mail(order))\n"
                    "        self.background = ",
                ),
            ),
            "more than one mail",
        ),
        Wrong(
            "a worker that a failed mail ends",
            """\
class QuickOrderService(OrderService):
    def __init__(self, shop):
        super().__init__(shop)
        self.queue, self.worker = asyncio.Queue(), None

    async def create_order(self, command):
        reserved = await self.inventory.reserve(command.items)
        if not reserved.success:
            raise OrderFailed("out of stock")
        payment = await self.payment.charge(command.total, command.payment_method)
        if not payment.success:
            await self.inventory.cancel_reservation(reserved.reservation_id)
            raise OrderFailed("card declined")
        order = Order.create(command, payment.transaction_id)
        await self.database.save(order)
        self.queue.put_nowait(order)
        self.worker = self.worker or asyncio.create_task(self.work())
        return order

    async def work(self):
        try:
            while True:
                await self.notification.send_order_confirmation(await self.queue.get())
        except ShopError:
            pass
""",
            "has harmed another one",
        ),
        Wrong(
            "one order for all mails",
            """\
class QuickOrderService(OrderService):
    async def create_order(self, command):
        reserved = await self.inventory.reserve(command.items)
        if not reserved.success:
            raise OrderFailed("out of stock")
        payment = await self.payment.charge(command.total, command.payment_method)
        if not payment.success:
            await self.inventory.cancel_reservation(reserved.reservation_id)
            raise OrderFailed("card declined")
        self.order = Order.create(command, payment.transaction_id)
        await self.database.save(self.order)
        self.background = asyncio.create_task(self.mail())
        return self.order

    async def mail(self):
        await asyncio.sleep(1)
        try:
            await self.notification.send_order_confirmation(self.order)
        except ShopError:
            pass
""",
            "While one order waits",
        ),
        Wrong(
            "sends the mail first",
            changed(
                mail_behind.answer,
                ("        self.background = asyncio.create_task(self.mail(order))\n", ""),
                (
                    "        await self.database.save(order)\n",
                    "        self.background = asyncio.create_task(self.mail(order))\n"
                    "        await self.database.save(order)\n",
                ),
            ),
            "does not exist",
        ),
        Wrong(
            "leaves the mail out",
            changed(mail_behind.starter, (MAIL, "")),
            "no mail goes out",
        ),
        Wrong(
            "lets the task's error go unseen",
            changed(
                mail_behind.starter,
                (
                    MAIL,
                    "        send = self.notification.send_order_confirmation\n"
                    "        self.background = asyncio.create_task(send(order))\n",
                ),
            ),
            "in the background",
        ),
        Wrong(
            "waits for the task",
            changed(
                mail_behind.answer,
                ("        return order\n", "        await self.background\n        return order\n"),
            ),
            "still waits",
        ),
        Wrong(
            "looks at no answer of the warehouse",
            changed(
                mail_behind.answer,
                (SOLD_OUT, ""),
            ),
            "there is not enough",
        ),
        Wrong(
            "looks at no answer of the payment service",
            changed(
                mail_behind.answer,
                (
                    "        if not payment.success:\n"
                    "            await self.inventory.cancel_reservation(reserved.reservation_id)\n"
                    '            raise OrderFailed("card declined")\n',
                    "",
                ),
            ),
            "declines the card",
        ),
        Wrong(
            "leaves the stock where it is when the card is declined",
            changed(
                mail_behind.answer,
                (PUT_BACK, ""),
            ),
            "set aside for it",
        ),
        Wrong(
            "saves in the background as well",
            changed(
                mail_behind.answer,
                (
                    "        await self.database.save(order)\n",
                    "        self.saving = asyncio.create_task(self.database.save(order))\n",
                ),
            ),
            "does not exist",
        ),
        Wrong(
            "mails only the first order",
            changed(
                mail_behind.answer,
                (
                    "        self.background = asyncio",
                    "        if not hasattr(self, 'background'):\n"
                    "            self.background = asyncio",
                ),
            ),
            "no mail goes out",
        ),
        Wrong(
            "undoes the order when the mail fails",
            changed(
                mail_behind.answer,
                (
                    "            pass  #",
                    "            await self.database.save(order.cancelled())  #",
                ),
            ),
            "so the order was cancelled",
        ),
    ],
}

# --- right ones, in other styles -----------------------------------------------------------------

UNDO_STEPS = """    async def undo(self, command):
        key = command.order_id
        for step in (
            (self.database.save, Order.create(command).cancelled()),
            (self.payment.refund_by_key, key),
            (self.inventory.cancel_by_key, key),
        ):
            try:
                await retry(*step)
            except ShopError:
                pass  # no reply: it may have happened, and the next step must be done anyway
"""
CHARGE_QUICKLY = (
    "        payment = await self.payment.charge(command.total, command.payment_method)\n"
)
IN_THE_BACKGROUND = "        self.background = asyncio.create_task(self.mail(order))\n"

RIGHT = {
    "survive": [
        Right(
            "undoes step by step, each with its own try",
            changed(
                survive.answer,
                (
                    UNDO_STEPS,
                    """    async def undo(self, command):
        await self.try_to(self.database.save, Order.create(command).cancelled())
        await self.try_to(self.payment.refund_by_key, command.order_id)
        await self.try_to(self.inventory.cancel_by_key, command.order_id)

    async def try_to(self, call, *args):
        try:
            await retry(call, *args)
        except ShopError:
            pass
""",
                ),
            ),
        ),
        Right(
            "undoes in reverse what it has noted",
            """
from functools import partial


class MyOrderService(CarefulOrderService):
    async def create_order(self, command):
        key, undo = command.order_id, []
        try:
            undo.append(partial(self.inventory.cancel_by_key, key))
            reserved = await retry(self.inventory.reserve, command.items, key)
            if not reserved.success:
                raise OrderFailed("out of stock")
            undo.append(partial(self.payment.refund_by_key, key))
            paid = await retry(self.payment.charge, command.total, command.payment_method, key)
            if not paid.success:
                raise OrderFailed("card declined")
            order = Order.create(command, paid.transaction_id)
            undo.append(partial(self.database.save, order.cancelled()))
            await retry(self.database.save, order)
        except ShopError:
            for step in reversed(undo):
                try:
                    await retry(step)
                except ShopError:
                    continue
            raise
        try:
            await retry(self.notification.send_order_confirmation, order)
        except ShopError:
            pass
        return order
""",
        ),
        Right(
            "asks more often",
            survive.answer.replace("await retry(*step)", "await retry(*step, times=6)"),
        ),
        Right(
            "has keys of its own for stock and money",
            survive.answer.replace("command.items, key", "command.items, key + '/stock'")
            .replace("command.payment_method, key)", "command.payment_method, key + '/money')")
            .replace("refund_by_key, key)", "refund_by_key, key + '/money')")
            .replace("cancel_by_key, key)", "cancel_by_key, key + '/stock')"),
        ),
        Right(
            "mails in the background",
            changed(
                survive.answer,
                (
                    "        try:\n"
                    "            await self.notification.send_order_confirmation(order)\n"
                    "        except ShopError:\n"
                    "            pass\n"
                    "        return order\n",
                    "        self.task = asyncio.create_task(self.mail(order))\n"
                    "        return order\n"
                    "\n"
                    "    async def mail(self, order):\n"
                    "        try:\n"
                    "            await self.notification.send_order_confirmation(order)\n"
                    "        except ShopError:\n"
                    "            pass\n",
                ),
            ),
        ),
    ],
    "mail_behind": [
        Right(
            "has the try in a function of the method",
            changed(
                mail_behind.answer,
                (
                    IN_THE_BACKGROUND,
                    """
        async def mail():
            try:
                await self.notification.send_order_confirmation(order)
            except ShopError:
                pass

        self.background = asyncio.ensure_future(mail())
""",
                ),
            ),
        ),
        Right(
            "suppresses the error",
            "from contextlib import suppress\n"
            + changed(
                mail_behind.answer,
                (
                    "        try:\n"
                    "            await self.notification.send_order_confirmation(order)\n"
                    "        except ShopError:\n"
                    "            pass  # the order stands all the same; its mail is lost\n",
                    "        with suppress(ShopError):\n"
                    "            await self.notification.send_order_confirmation(order)\n",
                ),
            ),
        ),
        Right(
            "looks at the error when the task is done",
            changed(
                mail_behind.starter,
                (
                    MAIL,
                    "        send = self.notification.send_order_confirmation\n"
                    "        self.background = asyncio.create_task(send(order))\n"
                    "        self.background.add_done_callback(lambda task: task.exception())\n",
                ),
            ),
        ),
        Right(
            "keeps its tasks in a set",
            changed(
                mail_behind.answer,
                (
                    IN_THE_BACKGROUND,
                    "        task = asyncio.create_task(self.mail(order))\n"
                    "        tasks.add(task)\n"
                    "        task.add_done_callback(tasks.discard)\n",
                ),
            )
            + "\n\ntasks = set()\n",
        ),
        Right(
            "asks again for the mail",
            changed(
                mail_behind.answer,
                (
                    "        try:\n"
                    "            await self.notification.send_order_confirmation(order)\n"
                    "        except ShopError:\n",
                    "        for _attempt in range(3):\n"
                    "            try:\n"
                    "                await self.notification.send_order_confirmation(order)\n"
                    "                return\n"
                    "            except ShopError:\n"
                    "                await asyncio.sleep(1)\n"
                    "        else:\n",
                ),
            ),
        ),
    ],
}
