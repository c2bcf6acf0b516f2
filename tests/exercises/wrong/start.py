"""What people write instead, in notebook 00."""

from __future__ import annotations

from lessonkit.exercises.start import stock_back
from tests.exercises.answers import Wrong, changed

NEEDS = {"stock_back": ["setup"]}

CANCEL = "            await shop.inventory.cancel_reservation(reserved.reservation_id)\n"

WRONG = {
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
    ]
}
