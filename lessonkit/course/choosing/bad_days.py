"""Eight bad days of the gift shop, each with what to say to somebody whose plan fails on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lessonkit.faults import Fault, Outage, Slow
from lessonkit.messages import N_


@dataclass(frozen=True)
class Day:
    """A day on which something is wrong with one call of the plan.

    Attributes
    ----------
    call
        With which.
    title
        What is wrong.
    advice
        To somebody whose plan fails on this day.
    trouble
        What is wrong with the service; None if it is well, and its answer is no.
    """

    call: str
    title: str
    advice: str
    trouble: Callable[[str], Fault] | None = None

    @property
    def sells(self) -> bool:
        """Whether the customer should get the order on this day."""
        return self.trouble is not None


DAYS = (
    Day(
        "stock",
        N_("the last gift has just been sold"),
        N_(
            'The customer was told "confirmed", and only then did somebody look at the shelf. It'
            " was empty. Which call has to be answered before anybody may say that word?"
        ),
    ),
    Day(
        "fraud check",
        N_("the card is stolen"),
        N_(
            'The answer was "confirmed", and the packing slip was printed before the check was'
            " through: the gift leaves the house, paid with somebody else's card. (Where the check"
            ' takes hours, the shop has to give another answer: "received".)'
        ),
    ),
    Day(
        "delivery day",
        N_("it cannot be there on the day"),
        N_(
            "The page promised a day that nobody had looked up. A birthday present that comes a day"
            " late is not what was ordered. What is part of the answer must be known when the"
            " answer is given."
        ),
    ),
    Day(
        "payment",
        N_("the card is declined"),
        N_(
            'The customer was told "confirmed", and then the card was declined. Yes, payment takes'
            " 200 ms. But slowness is no reason by itself: does the answer depend on the result?"
        ),
    ),
    Day(
        "mail",
        N_("the mail server is down for half an hour"),
        N_(
            "No mail server, no orders: for half an hour this shop sold nothing. The customer wants"
            " the mail, that is true. But does anybody have to wait for it, and would anybody"
            " rather have no order than a late mail?"
        ),
        partial(Outage, start=0.0, end=1800.0),
    ),
    Day(
        "packing slip",
        N_("the printer is without paper for an hour"),
        N_(
            "Stock, card and day were all right, and the order failed for want of paper. The slip"
            " matters, but to the warehouse, and only when it packs. Important is not the same as"
            " urgent."
        ),
        partial(Outage, start=0.0, end=3600.0),
    ),
    Day(
        "points",
        N_("the points service is down for an hour"),
        N_(
            "An order of 5,000 yen was refused because a few points could not be added. Ask what"
            " happens if the points come an hour later."
        ),
        partial(Outage, start=0.0, end=3600.0),
    ),
    Day(
        "analytics",
        N_("analytics takes 3 seconds"),
        N_(
            "The order went through, but the customer waited 3 seconds more, for a number that only"
            " the shop will ever look at. Who needs the result of this call, and when?"
        ),
        partial(Slow, times=60.0),
    ),
)
"""A plan has to stand each of them; the first one that it does not stand is shown."""
