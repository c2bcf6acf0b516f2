"""Notebook 05: polling that waits politely, a change with its event, a relay that may be killed."""

from lessonkit.course.eventual_consistency.cancelling import cancel_in_one
from lessonkit.course.eventual_consistency.polling import polite_polling
from lessonkit.course.eventual_consistency.predictions import (
    guess_jitter,
    guess_relay_twice,
    guess_which_first,
)
from lessonkit.course.eventual_consistency.relaying import relay_safe

__all__ = [
    "cancel_in_one",
    "guess_jitter",
    "guess_relay_twice",
    "guess_which_first",
    "polite_polling",
    "relay_safe",
]
