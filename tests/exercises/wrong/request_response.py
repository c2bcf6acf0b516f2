"""What people write instead, in notebook 01."""

from __future__ import annotations

from lessonkit.course.request_response import mail_behind, survive
from tests.exercises.answers import Wrong, changed

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
WRONG = {
    "survive": [
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
    ],
    "mail_behind": [
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
    ],
}
