"""Notebook 05: polling that waits politely, a change with its event, a relay that may be killed."""

from lessonkit.course.eventual_consistency.cancelling import cancel_in_one
from lessonkit.course.eventual_consistency.polling import polite_polling
from lessonkit.course.eventual_consistency.predictions import (
    guess_jitter,
    guess_patience,
    guess_relay_twice,
    guess_rolled_back,
    guess_which_first,
)
from lessonkit.course.eventual_consistency.relaying import relay_safe
from lessonkit.exercises.written import quiz

what_an_outbox_is_for = quiz(__name__, "what_an_outbox_is_for")
what_the_page_says = quiz(__name__, "what_the_page_says")
what_an_inbox_is_for = quiz(__name__, "what_an_inbox_is_for")

__all__ = [
    "cancel_in_one",
    "guess_jitter",
    "guess_patience",
    "guess_relay_twice",
    "guess_rolled_back",
    "guess_which_first",
    "polite_polling",
    "relay_safe",
    "what_an_inbox_is_for",
    "what_an_outbox_is_for",
    "what_the_page_says",
]
