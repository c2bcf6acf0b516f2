"""What can be seen in a case, by its trace and its books: nothing that a judge asks with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from lessonkit.explorer import Case
from lessonkit.records import Fate, Kind, Message
from lessonkit.shop import OrderBooks, OrderStatus, Told

Truth = Callable[[Any], bool]
"""Whether a sentence is true of a run."""


def some(is_so: Callable[[OrderBooks], bool]) -> Truth:
    """Whether that is so for one of the orders."""
    return lambda case: any(map(is_so, case.ledgers))


def every(*truths: Truth) -> Truth:
    return lambda run: all(truth(run) for truth in truths)


def asked(case: Case, what: str) -> list[Message]:
    """The requests to a service, or for an operation, in their order."""
    return [
        one
        for one in case.run.trace.messages
        if one.kind is Kind.REQUEST and f"{one.receiver}.{one.what}.".startswith(f"{what}.")
    ]


def reply_to(case: Case, request: Message) -> Message | None:
    return next((m for m in case.run.trace.messages if m.reply_to == request.number), None)


def got_a_reply(case: Case, request: Message) -> bool:
    reply = reply_to(case, request)
    return reply is not None and reply.fate is Fate.DELIVERED and not reply.error


def failed(case: Case, what: str) -> list[Message]:
    return [one for one in asked(case, what) if not got_a_reply(case, one)]


def something_failed(case: Case) -> bool:
    services = {one.receiver for one in case.run.trace.messages} - {"orders", "customer"}
    return any(failed(case, service) for service in services)


def only_failed(what: str) -> Truth:
    """Whether that failed, and no other service did."""

    def so(case: Case) -> bool:
        services = {one.receiver for one in case.run.trace.messages} - {"orders", "customer"}
        bad = {service for service in services if failed(case, service)}
        return bad == {what.split(".")[0]} and bool(failed(case, what))

    return so


def reply_lost(what: str) -> Truth:
    """Whether one of these had its effect, and the reply never came."""

    def so(case: Case) -> bool:
        replies = [reply_to(case, one) for one in asked(case, what) if one.fate is Fate.DELIVERED]
        return any(one is not None and one.fate is Fate.LOST for one in replies)

    return so


def never_asked(what: str) -> Truth:
    return lambda case: not asked(case, what)


def no_bad_luck(case: Case) -> bool:
    return not case.decisions and not case.faults


def taken_twice(case: Case) -> bool:
    taken = Counter(capture.order_id for capture in case.shop.payment.captures.values())
    return max(taken.values(), default=0) > 1


def taken(case: Case, order_id: str) -> int:
    """Yen that were taken for it, be they given back or not."""
    captures = case.shop.payment.captures.values()
    return sum(capture.amount for capture in captures if capture.order_id == order_id)


def was_told(order: OrderBooks, told: Told) -> bool:
    return told in order.told


def ended_as(order: OrderBooks, told: Told) -> bool:
    return order.told[-1:] == (told,)


def not_there(order: OrderBooks) -> bool:
    return not order.stands


def cancelled(order: OrderBooks) -> bool:
    return order.order is not None and order.order.status is OrderStatus.CANCELLED


def refund_by_key_found_nothing(case: Case) -> bool:
    """Whether it was asked for under a key that nothing was taken under."""
    return bool(case.shop.payment._tombstones)


def cancel_by_key_found_nothing(case: Case) -> bool:
    return bool(case.shop.inventory._tombstones)


def longest_wait(case: Case) -> float:
    """In seconds; it is said with the sentence."""
    return max(answer.wait for answer in case.answers)
