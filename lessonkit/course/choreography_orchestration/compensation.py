"""Exercise ``lost_reply``: a compensation that does not need the reply."""

from __future__ import annotations

from lessonkit.exercises.conditions import reply_lost
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.trial import OrderTrial, calling
from lessonkit.exercises.written import advice, exercise
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
    return reply_lost("database.save")(case) and case.answers[-1].told is Told.FAILED


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
    advice=advice(
        __name__,
        "lost_reply",
        all_was_undone=_all_was_undone,
        gives_back_before_the_order_is_cancelled=_gives_back_before_the_order_is_cancelled,
        puts_back_before_it_refunds=_puts_back_before_it_refunds,
    ),
)


lost_reply = exercise(__name__, "lost_reply", _judge_lost_reply, with_starter=True)
