"""What people write instead, in notebook 00."""

from __future__ import annotations

from lessonkit.course.start import shorter_wait, stock_back
from tests.exercises.answers import Wrong, changed

NEEDS = {"shorter_wait": ["setup"], "stock_back": ["setup"]}

CANCEL = "            await shop.inventory.cancel_reservation(reserved.reservation_id)\n"

CHARGE = "await shop.payment.charge(command.total, command.payment_method)\n"
MAIL = "        await shop.notification.send_order_confirmation(order)\n"

WRONG = {
    "shorter_wait": [
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
    ],
    "stock_back": [
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
    ],
}
