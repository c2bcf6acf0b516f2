"""What people write instead, in notebook 01."""

from __future__ import annotations

from lessonkit.exercises.request_response import mail_behind, survive
from tests.exercises.answers import Wrong, changed

NEEDS = {
    "survive": ["setup", "order-service", "retry", "careful"],
    "mail_behind": ["setup", "order-service"],
}

MAIL = "        await self.notification.send_order_confirmation(order)\n"
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
            "swallowed",
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
            "something is missing",
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
