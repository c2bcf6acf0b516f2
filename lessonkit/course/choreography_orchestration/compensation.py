"""Exercise ``lost_reply``: a compensation that does not need the reply."""

from __future__ import annotations

from lessonkit.exercises.advice import Advice
from lessonkit.exercises.conditions import (
    REPLY_LOST,
    both,
    breaks,
    called,
    charged_more_than_once,
    struck,
)
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.trial import OrderTrial, calling
from lessonkit.exercises.written import exercise
from lessonkit.explorer import Case
from lessonkit.messages import _
from lessonkit.records import Kind as MessageKind
from lessonkit.shop import Told


def _judge_lost_reply(saga: type, starter: type) -> Counterexample | None:
    try:
        return _TRIAL.judge(saga, starter)
    except (UnboundLocalError, NameError) as error:
        if "is not defined" not in str(error):  # that would be a slip of the pen
            error.add_note(
                _(
                    "Your code needs something that only the reply brings. What do you know"
                    " already before you ask, and does the service take it for undoing?"
                )
            )
        raise


def _undone_when(case: Case) -> dict[str, float]:
    """For each service, the moment (seconds) at which it was last asked to undo something."""
    return {
        message.receiver: message.sent
        for message in case.run.trace.messages
        if message.kind is MessageKind.REQUEST
        and (message.receiver == "database" or message.what.startswith(("refund", "cancel")))
    }


def _all_was_undone(case: Case) -> bool:
    # Only when the saving has lost its reply, all three were done and are undone.
    return struck("database.save", *REPLY_LOST)(case) and case.answers[-1].told is Told.FAILED


def _gives_back_before_the_order_is_cancelled(case: Case) -> bool:
    undone = _undone_when(case)
    return undone["database"] > min(undone.get("payment", 0.0), undone.get("inventory", 0.0))


def _puts_back_before_it_refunds(case: Case) -> bool:
    undone = _undone_when(case)
    return undone.get("payment", 0.0) > undone.get("inventory", 0.0)


_TRIAL = OrderTrial(
    program=calling("execute"),
    every_fault=True,
    forgiven=["no mail lost"],  # a saga that writes nothing down cannot promise a mail
    advice=(
        Advice(
            breaks("no order lost"),
            "No order stands, and the customer was told that it is confirmed. If the error ended"
            " in your `except`: after the undoing it must be raised again.",
        ),
        Advice(
            both(breaks("no wrong amount", "no money without an order"), charged_more_than_once),
            "The money was taken more than once. Whoever asks again must send the same key again.",
        ),
        Advice(
            both(struck("notification"), breaks("no mail without an order")),
            "Only the mail's reply was lost, and the order was undone for it. The mail stands"
            " outside of what can be undone.",
        ),
        Advice(
            both(
                struck("database", *REPLY_LOST),
                breaks(
                    "the customer is told the truth",
                    "no order without its money",
                    "no order without its stock",
                ),
            ),
            "The saving did happen; only its reply was lost. So the order stands, while all the"
            " rest was undone. The saving needs a compensation as well, noted before it. An order"
            " can be saved once more, in another state.",
        ),
        Advice(
            both(breaks("no money without an order"), called("payment.refund_by_key")),
            "`refund_by_key` was sent, and the money is still there: it was not taken under that"
            " key. The doing and the undoing must name the same key.",
        ),
        Advice(
            both(breaks("no stock without an order"), called("inventory.cancel_by_key")),
            "`cancel_by_key` was sent, and the stock is still set aside: not under that key. The"
            " doing and the undoing must name the same key.",
        ),
        Advice(
            both(breaks("no money without an order"), struck("payment.charge", *REPLY_LOST)),
            "The money was taken, the reply was lost, and no undoing was sent. A compensation that"
            " is noted below the call is not reached then, and an id does not come. With a key of"
            " your own it can be noted before: `refund_by_key`.",
        ),
        Advice(
            both(breaks("no stock without an order"), struck("inventory.reserve", *REPLY_LOST)),
            "The stock was set aside, the reply was lost, and no undoing was sent. A compensation"
            " that is noted below the call is not reached then, and an id does not come. With a"
            " key of your own it can be noted before: `cancel_by_key`.",
        ),
        Advice(
            both(_all_was_undone, _gives_back_before_the_order_is_cancelled),
            "In the end everything is undone, but the giving back begins before the order is"
            " cancelled: in between, an order stands whose money or stock is gone. What was done"
            " last is undone first.",
        ),
        Advice(
            both(_all_was_undone, _puts_back_before_it_refunds),
            "In the end everything is undone, but the stock goes back before the money. What was"
            " done last is undone first: the order, then the money, then the stock.",
        ),
    ),
)


lost_reply = exercise(__name__, "lost_reply", _judge_lost_reply, with_starter=True)
