"""Notebook 00: a first exercise that shows how exercises work, and a first repair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.seal import SealedShop
from lessonkit.exercises.trial import LONGEST_WAIT, first_counterexample, what_the_audit_says
from lessonkit.explorer import Case, run_case
from lessonkit.faults import Refused
from lessonkit.messages import N_, _
from lessonkit.shop import OrderStatus, Shop, Told


class NightMailShop(SealedShop):
    """Somebody else sends this shop's mails, all at once at night: so none of them is lost."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.keepers.append(self)

    def owes(self, order_id: str) -> bool:
        """Whether this order stands, and so gets its mail tonight."""
        order = self.database.orders.get(order_id)
        return order is not None and order.status is OrderStatus.CONFIRMED


# --- a shorter wait ------------------------------------------------------------------------------


def _judge_shorter_wait(quick_call: Callable[[Shop], Callable[..., Any]]) -> Counterexample | None:
    case = run_case(lambda shop: shop.place_order(quick_call(shop)), shop=NightMailShop)
    return first_counterexample([case], _explain_shorter_wait)


def _explain_shorter_wait(case: Case) -> str | None:
    answer, order = case.answers[0], case.ledgers[0]
    if not order.stands:
        return _("There is no order in the database any more. Which line saved it?")
    if not order.money:
        return _("The customer has an order and has not paid. The charge has to stay.")
    if not order.held:
        return _("No stock is set aside for the order. The reservation has to stay.")
    if answer.wait > LONGEST_WAIT:
        return _(
            "The customer still waits for {ms} ms. Look at the picture: which call is the longest,"
            " and which line makes it?"
        ).format(ms=f"{answer.wait * 1000:.0f}")
    return what_the_audit_says(case)


shorter_wait = Exercise(
    name="shorter_wait",
    notebook="00-start",
    point=1,
    title=N_("A shorter wait"),
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


def _judge_stock_back(put_back: Callable[[Shop], Callable[..., Any]]) -> Counterexample | None:
    def scenario(shop: Shop) -> Any:
        return shop.place_order(put_back(shop))

    cases = [
        run_case(scenario, *faults, shop=NightMailShop)
        for faults in ([], [Refused("payment")], [Refused("inventory")])
    ]
    return first_counterexample(cases, _explain_stock_back)


def _explain_stock_back(case: Case) -> str | None:
    answer, order = case.answers[0], case.ledgers[0]
    if not case.faults:
        if answer.told is not Told.CONFIRMED or not order.held:
            return _(
                "On a normal day the customer must get the order, and its stock must stay set"
                " aside. Put the items back only when something has failed."
            )
        return what_the_audit_says(case)
    if answer.told is Told.CONFIRMED:
        return _(
            "The order has failed, and the customer was told that it is confirmed. Whoever catches"
            " an error must raise it again, or nobody learns of it: a bare `raise` does that."
        )
    if order.held:
        return _(
            "The stock is still set aside. Which line puts it back, and is that line reached when"
            " `charge` raises its error?"
        )
    return what_the_audit_says(case)


stock_back = Exercise(
    name="stock_back",
    notebook="00-start",
    point=1,
    title=N_("Put the stock back"),
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
