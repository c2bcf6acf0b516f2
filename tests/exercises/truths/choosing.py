"""What the exercise of notebook 07 says of a plan on one bad day."""

from __future__ import annotations

from typing import Any

from lessonkit.records import Fate, Kind, Message
from lessonkit.shop import Told
from tests.exercises.truths.seen import Truth


def _requests(outcome: Any, operation: str) -> list[Message]:
    found = outcome.trace.messages
    return [one for one in found if one.kind is Kind.REQUEST and one.what == operation]


def _told_before(operation: str) -> Truth:
    """Whether the customer was told "confirmed" before that was asked, and it is not so."""

    def so(outcome: Any) -> bool:
        confirmed = outcome.answer.told is Told.CONFIRMED
        asked = min(one.sent for one in _requests(outcome, operation))
        return confirmed and asked >= outcome.answer.answered

    return so


def _failed_for(operation: str) -> Truth:
    """Whether that failed, and with it the order."""

    def so(outcome: Any) -> bool:
        bad = [one for one in _requests(outcome, operation) if one.fate is not Fate.DELIVERED]
        return outcome.answer.told is Told.FAILED and bool(bad)

    return so


TRUE: dict[str, Truth] = {
    'The customer was told "confirmed", and only then did': _told_before("reserve"),
    'The answer was "confirmed", and only then was the card': _told_before("check"),
    "The page promised a day that nobody had looked up": _told_before("look_up"),
    'The customer was told "confirmed", and then the card was declined': _told_before("charge"),
    "No mail server, no orders": _failed_for("send_order_confirmation"),
    "The order failed for want of paper": _failed_for("print"),
    "An order was refused because points": _failed_for("add"),
    "The customer waited 3 seconds more": lambda outcome: outcome.answer.wait > 3.0,
}
