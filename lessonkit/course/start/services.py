"""Notebook 00: a first exercise that shows how exercises work, and a first repair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lessonkit.exercises.advice import Advice
from lessonkit.exercises.conditions import both, breaks, on_a_good_day, struck, waits_longer_than
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.orders import LONGEST_WAIT, TrialShop
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.shopfront import ShopFront
from lessonkit.exercises.trial import OrderTrial
from lessonkit.messages import N_
from lessonkit.shop import OrderStatus
from lessonkit.shop.customer import OrderFunction

Make = Callable[[ShopFront], OrderFunction]


class NightMailShop(TrialShop):
    """Somebody else sends this shop's mails, all at once at night: so none of them is lost."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.keepers.append(self)

    def owes(self, order_id: str) -> bool:
        """Whether this order stands, and so gets its mail tonight."""
        order = self.database.orders.get(order_id)
        return order is not None and order.status is OrderStatus.CONFIRMED


# --- a shorter wait ------------------------------------------------------------------------------


def _judge_shorter_wait(quick_call: Make, starter: Make) -> Counterexample | None:
    return _SHORTER_WAIT.judge(quick_call, starter)


_SHORTER_WAIT = OrderTrial(
    shop=NightMailShop,
    advice=(
        Advice(
            breaks("no order lost"),
            "There is no order in the database any more. Which line saved it?",
        ),
        Advice(
            breaks("no order without its money"),
            "The customer has an order and has not paid for it. The charge has to stay.",
        ),
        Advice(
            breaks("no order without its stock"),
            "No stock is set aside for the order. The reservation has to stay.",
        ),
        Advice(
            waits_longer_than(LONGEST_WAIT),
            "The customer still waits for {run.answers[0].wait_ms} ms. Look at the picture: which"
            " call is the longest, and which line makes it?",
        ),
    ),
)

shorter_wait = Exercise(
    name="shorter_wait",
    notebook="00-start",
    point=1,
    title=N_("A shorter wait"),
    practises=N_("synchronous call"),
    shown=N_("The customer waits for 300 ms. All that it took was to ask who needs the answer."),
    starter="""
def quick_call(shop):
    async def create_order(command):
        await shop.inventory.reserve(command.items)
        payment = await shop.payment.charge(command.total, command.payment_method)
        order = Order.create(command, payment.transaction_id)
        await shop.database.save(order)
        await shop.notification.send_order_confirmation(order)
        return order

    return create_order
""",
    asks=("quick_call",),
    judge=_judge_shorter_wait,
    with_starter=True,
    hints=(
        N_("Each `await` is a wait. Which of the four is for the mail?"),
        N_("Delete the line with `send_order_confirmation`, and run the cell again."),
    ),
    answer="""
def quick_call(shop):
    async def create_order(command):
        await shop.inventory.reserve(command.items)
        payment = await shop.payment.charge(command.total, command.payment_method)
        order = Order.create(command, payment.transaction_id)
        await shop.database.save(order)
        return order

    return create_order
""",
)

# --- put the stock back --------------------------------------------------------------------------


def _judge_stock_back(put_back: Make, starter: Make) -> Counterexample | None:
    return _STOCK_BACK.judge(put_back, starter)


_STOCK_BACK = OrderTrial(
    shop=NightMailShop,
    advice=(
        Advice(
            both(on_a_good_day, lambda case: case.ledgers[0].stands and not case.ledgers[0].held),
            "Nothing has failed, and the stock of the order is not set aside any more. Put the"
            " items back only when something has failed.",
        ),
        Advice(
            breaks("no order lost"),
            "The order has failed, and the customer was told that it is confirmed. Whoever catches"
            " an error must raise it again, or nobody learns of it: a bare `raise` does that.",
        ),
        Advice(
            both(struck("payment.charge"), breaks("no stock without an order")),
            "The stock is still set aside. Which line puts it back, and is that line reached when"
            " `charge` raises its error?",
        ),
    ),
)

stock_back = Exercise(
    name="stock_back",
    notebook="00-start",
    point=1,
    title=N_("Put the stock back"),
    practises=N_("compensation"),
    shown=N_("Whoever takes something must know how to put it back. Notebook 01 has more of that."),
    starter="""
def put_back(shop):
    async def create_order(command):
        reserved = await shop.inventory.reserve(command.items)
        payment = await shop.payment.charge(command.total, command.payment_method)
        order = Order.create(command, payment.transaction_id)
        await shop.database.save(order)
        return order

    return create_order
""",
    asks=("put_back",),
    judge=_judge_stock_back,
    with_starter=True,
    hints=(
        N_("A refused call raises an error at its `await`. Which line should notice it?"),
        N_("Put `try:` before the charge and `except Exception:` after it."),
        N_(
            "In the `except`: `await shop.inventory.cancel_reservation(reserved.reservation_id)`,"
            " and then `raise`, so that the customer learns of it."
        ),
    ),
    answer="""
def put_back(shop):
    async def create_order(command):
        reserved = await shop.inventory.reserve(command.items)
        try:
            payment = await shop.payment.charge(command.total, command.payment_method)
        except Exception:
            await shop.inventory.cancel_reservation(reserved.reservation_id)
            raise
        order = Order.create(command, payment.transaction_id)
        await shop.database.save(order)
        return order

    return create_order
""",
)
