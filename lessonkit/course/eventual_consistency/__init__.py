"""Notebook 05: polling that waits politely, a change with its event, a relay that may be killed."""

from lessonkit.course.eventual_consistency.cancelling import cancel_in_one as cancel_in_one
from lessonkit.course.eventual_consistency.polling import polite_polling as polite_polling
from lessonkit.course.eventual_consistency.relaying import relay_safe as relay_safe
from lessonkit.exercises.written import prediction, quiz

guess_which_first = prediction(__name__, "guess_which_first")
guess_rolled_back = prediction(__name__, "guess_rolled_back")
guess_patience = prediction(__name__, "guess_patience")
guess_jitter = prediction(__name__, "guess_jitter")
guess_relay_twice = prediction(__name__, "guess_relay_twice")
what_an_outbox_is_for = quiz(__name__, "what_an_outbox_is_for")
what_the_page_says = quiz(__name__, "what_the_page_says")
what_an_inbox_is_for = quiz(__name__, "what_an_inbox_is_for")
