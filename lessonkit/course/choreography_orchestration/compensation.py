"""Exercise ``lost_reply``: a compensation that does not need the reply."""

from __future__ import annotations

from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.trial import OrderTrial, calling
from lessonkit.exercises.written import advice, exercise
from lessonkit.explorer import Case
from lessonkit.messages import _
from lessonkit.records import Kind
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


def _undone(case: Case, service: str) -> float:
    """The moment (seconds) at which this service was last asked to undo something."""
    undoing = ("refund", "cancel", "save")
    asked = [
        m.sent
        for m in case.run.trace.messages
        if m.kind is Kind.REQUEST and m.receiver == service and m.what.startswith(undoing)
    ]
    return max(asked, default=0.0)


_TRIAL = OrderTrial(
    program=calling("execute"),
    every_fault=True,
    forgiven=["no mail lost"],  # a saga that writes nothing down cannot promise a mail
    advice=advice(
        __name__,
        "lost_reply",
        told_that_it_failed=lambda case: case.answers[-1].told is Told.FAILED,
        gives_back_before_the_order_is_cancelled=lambda case: (
            _undone(case, "database") > min(_undone(case, "payment"), _undone(case, "inventory"))
        ),
        puts_back_before_it_refunds=lambda case: (
            _undone(case, "payment") > _undone(case, "inventory")
        ),
    ),
)


lost_reply = exercise(__name__, "lost_reply", _judge_lost_reply, with_starter=True)
