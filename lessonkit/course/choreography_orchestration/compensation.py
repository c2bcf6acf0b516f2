"""Exercise ``lost_reply``: a compensation that does not need the reply."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from lessonkit.course.choreography_orchestration.order import (
    ORDER,
    WITH_EXPIRED_CARD,
    operations,
)
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.old_trial import (
    every_single_fault,
    first_counterexample,
    forgive_lost_mail,
    rules_broken,
    what_the_audit_says,
)
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.seal import SealedShop
from lessonkit.explorer import Case, run_case
from lessonkit.faults import ReplyLost
from lessonkit.lab import timeline
from lessonkit.lab.views import case_view
from lessonkit.messages import N_, _
from lessonkit.records import Kind
from lessonkit.runner import run
from lessonkit.shop import CreateOrder, Shop, Told

UNDOING = {"payment": "payment.refund_by_key", "inventory": "inventory.cancel_by_key"}


def _judge_lost_reply(saga: type[Any]) -> Counterexample | None:
    def buy(shop: Shop, command: CreateOrder = ORDER) -> Awaitable[object]:
        return shop.place_order(saga(shop).execute, command)

    try:
        cases = every_single_fault(buy, crashes=None, for_good=True)
        declined = run_case(partial(buy, command=WITH_EXPIRED_CARD), shop=SealedShop)
    except NameError as error:
        if "is not defined" in str(error):  # a slip of the pen
            raise
        return _asked_too_early(buy, error)
    used = {operation for case in cases for operation in operations(case)}
    explain = partial(_explain_lost_reply, used)
    return (
        # A saga that writes nothing down cannot promise a mail.
        first_counterexample(map(forgive_lost_mail, cases), explain)
        or _explain_declined(declined)
        or _undone_in_the_wrong_order(cases)
    )


def _asked_too_early(buy: Callable[[Shop], Any], error: NameError) -> Counterexample:
    """Someone notes a compensation with an id that only the reply will bring."""
    picture = ""
    for faults in ([], [ReplyLost("inventory.reserve")], [ReplyLost("payment.charge")]):
        shop = SealedShop(faults=faults)
        outcome = run(buy(shop), keep_error=True, drain=math.inf)
        if isinstance(outcome.error, NameError):
            picture = timeline(outcome.trace)
            break
    sentence = _("Your code needs something that only the reply brings: {error}.")
    advice = _(
        "Before the call there is no reply, and so no id. What do you know already, before you ask,"
        " and does the service take it for undoing?"
    )
    return Counterexample(sentence.format(error=error), advice, picture)


def _explain_declined(case: Case) -> Counterexample | None:
    if case.survived and case.shop.customer.answers[0].told is Told.FAILED:
        return None
    sentence = _("The card has expired, and the order does not end as a failure.")
    advice = _(
        "A card that is declined raises no error: it is an answer. Look at `success`, as before."
    )
    return Counterexample(sentence, advice, case_view(case))


def _explain_lost_reply(used: set[str], case: Case) -> str | None:
    answer, order = case.answers[0], case.ledgers[0]
    broken = rules_broken(case)
    if not case.faults and not (answer.told is Told.CONFIRMED and order.stands and order.mails):
        return _(
            "On a normal day the order must go through: confirmed, paid, saved, with a mail. Undo"
            " only when something has failed."
        )
    if not broken or not case.faults:
        return what_the_audit_says(case)
    if "no order lost" in broken:
        return _(
            "Everything was undone, and still the customer was told that the order is confirmed:"
            " the error ended in your `except`. After the undoing it must be raised again."
        )
    if "no wrong amount" in broken and len(case.shop.payment.captures) > 1:
        return _(
            "The money was taken more than once. Whoever asks again must send the same key again."
        )
    if case.title.startswith("notification") and answer.told is Told.FAILED:
        return _(
            "Only the mail has failed, and the order was undone for it. The mail stands outside of"
            " what can be undone."
        )
    if case.title.startswith("database") and answer.told is Told.FAILED and order.stands:
        return _(
            "The saving did happen; only its reply was lost. So the order stands, while all the"
            " rest was undone. The saving needs a compensation as well, noted before it. An order"
            " can be saved once more, in another state."
        )
    if broken & {"no money without an order", "no stock without an order"}:
        return _left_behind("payment" if order.money else "inventory", case, used)
    return what_the_audit_says(case)


def _left_behind(service: str, case: Case, used: set[str]) -> str:
    """Why money or stock stays behind: by which key, noted when, or by no key at all."""
    undoing = UNDOING[service]
    if undoing in operations(case):
        words = _(
            "`{undoing}` was sent, and found nothing: nothing was ever done under that key. The"
            " doing and the undoing must name the same key."
        )
    elif undoing in used:
        words = _(
            "`{undoing}` is the right way to undo it, but here it was never sent. The call raised"
            " its error, and the line below it, which notes the compensation, was not reached."
        )
    else:
        words = _(
            "It happened, and the reply with its id was lost. Without the id you cannot undo it."
            " With a key of your own you can: `{undoing}`."
        )
    return words.format(undoing=undoing)


def _undone_in_the_wrong_order(cases: list[Case]) -> Counterexample | None:
    # Only when the saving has lost its reply, all three were done and are undone.
    lost = [ReplyLost("database.save", call=1), ReplyLost("database.save")]
    for case in cases:
        undone = case.shop.customer.answers[0].told is Told.FAILED
        found = _order_of_the_undoing(case) if undone and case.faults[0] in lost else None
        if found is not None:
            return found
    return None


def _order_of_the_undoing(case: Case) -> Counterexample | None:
    sent: dict[str, float] = {}
    for message in case.run.trace.messages:
        if message.kind is not Kind.REQUEST:
            continue
        if message.receiver == "database" or message.what.startswith(("refund", "cancel")):
            sent[message.receiver] = message.sent
    order, money, stock = (sent.get(name, 0.0) for name in ("database", "payment", "inventory"))
    if order > min(money, stock):
        advice = _(
            "At {early} ms the giving back begins, and only at {late} ms the order is cancelled. In"
            " between an order stands that nobody has paid for. What was done last is undone first."
        ).format(early=f"{min(money, stock) * 1000:,.0f}", late=f"{order * 1000:,.0f}")
    elif money > stock:
        advice = _(
            "The stock goes back before the money. What was done last is undone first: the order,"
            " then the money, then the stock."
        )
    else:
        return None
    sentence = _("In the end everything is undone, but in the wrong order: {fault}")
    # Just before the last thing is undone, it shows what should have come before.
    picture = timeline(case.run.trace, at=max(order, money) - 0.001)
    return Counterexample(sentence.format(fault=case.title), advice, picture)


lost_reply = Exercise(
    name="lost_reply",
    notebook="04-choreography-orchestration",
    point=3,
    title=N_("Undo it even if its reply was lost"),
    shown=N_("First note how to undo it, then do it: then a lost reply leaves nothing behind."),
    starter="""
class PreparedSaga(CreateOrderSaga):
    async def execute(self, command):
        compensations = []
        try:
            order = await self.reserve_pay_and_save(command, compensations)
        except Exception:
            for compensate in reversed(compensations):
                try:
                    await compensate()
                except ShopError:
                    current_trace().note("orders", "compensation failed")
            raise
        try:
            await self.notification.send_order_confirmation(order)
        except ShopError:
            current_trace().note("orders", "the mail failed")
        return order

    async def reserve_pay_and_save(self, command, compensations):
        reserved = await self.inventory.reserve(command.items)
        if not reserved.success:
            raise OrderFailed("out of stock")
        undo = partial(self.inventory.cancel_reservation, reserved.reservation_id)
        compensations.append(undo)

        payment = await self.payment.charge(command.total, command.payment_method)
        if not payment.success:
            raise OrderFailed("card declined")
        compensations.append(partial(self.payment.refund, payment.transaction_id))

        order = Order.create(command, payment.transaction_id)
        await self.database.save(order)
        return order
""",
    asks=("PreparedSaga",),
    judge=_judge_lost_reply,
    hints=(
        N_(
            "When a reply is lost, the call raises an error. Which line below it is then never"
            " reached? It would have to stand above the call."
        ),
        N_(
            "Above the call there is no id yet. But there is a key, the id of the order:"
            " `reserve(items, key)` and `charge(total, method, key)` take it, and `cancel_by_key`"
            " and `refund_by_key` undo whatever was done under it."
        ),
        N_(
            "The saving can lose its reply as well. Note its compensation before it, too: save"
            " `order.cancelled()`. It was noted last, so it is undone first."
        ),
    ),
    answer="""
class PreparedSaga(CreateOrderSaga):
    async def execute(self, command):
        compensations = []
        try:
            order = await self.reserve_pay_and_save(command, compensations)
        except Exception:
            for compensate in reversed(compensations):
                try:
                    await compensate()
                except ShopError:
                    current_trace().note("orders", "compensation failed")
            raise
        try:
            await self.notification.send_order_confirmation(order)
        except ShopError:
            current_trace().note("orders", "the mail failed")
        return order

    async def reserve_pay_and_save(self, command, compensations):
        key = command.order_id
        compensations.append(partial(self.inventory.cancel_by_key, key))
        reserved = await self.inventory.reserve(command.items, key)
        if not reserved.success:
            raise OrderFailed("out of stock")

        compensations.append(partial(self.payment.refund_by_key, key))
        payment = await self.payment.charge(command.total, command.payment_method, key)
        if not payment.success:
            raise OrderFailed("card declined")

        order = Order.create(command, payment.transaction_id)
        compensations.append(partial(self.database.save, order.cancelled()))
        await self.database.save(order)
        return order
""",
)
