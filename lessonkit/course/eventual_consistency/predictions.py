"""Guesses: two writes, a long patience, roll-backs, random pauses, what a relay does twice."""

from __future__ import annotations

from lessonkit.exercises.prediction import Prediction
from lessonkit.messages import N_

guess_which_first = Prediction(
    name="guess_which_first",
    notebook="05-eventual-consistency",
    text=N_(
        "The order is saved and its event is published, one after the other. Which way"
        " round survives more pieces of bad luck?"
    ),
    options=(
        N_("Save first, then publish"),
        N_("Publish first, then save"),
        N_("Neither: both survive the same number"),
    ),
    answer="Neither: both survive the same number",
    why=N_(
        "Each has its own gap between the two writes: one loses the event, the other the order."
    ),
)

guess_rolled_back = Prediction(
    name="guess_rolled_back",
    notebook="05-eventual-consistency",
    text=N_(
        "There are 20 pieces, 20 customers a second, a gap of half a second: 9 customers see"
        " their order rolled back. How many will it be with 40 pieces?"
    ),
    options=(N_("fewer: 4 or 5"), N_("the same: 9"), N_("twice as many: 18")),
    answer="the same: 9",
    why=N_(
        "It happens only at the end: to those who order between the last piece and the moment at"
        " which the page hears of it."
    ),
)

guess_patience = Prediction(
    name="guess_patience",
    notebook="05-eventual-consistency",
    text=N_(
        "The lesson's loop asks ten times. It waits for 1 s after the first question, and then"
        " twice as long each time. The order is never confirmed. After how long is the customer"
        " told?"
    ),
    options=(N_("10 s"), N_("55 s"), N_("17 minutes")),
    answer="17 minutes",
    why=N_("1 + 2 + 4 + … + 512 s. The last wait alone is half of it, and no question follows."),
)

guess_jitter = Prediction(
    name="guess_jitter",
    notebook="05-eventual-consistency",
    text=N_(
        "A thousand clients have lost their answer at the same moment and ask again with"
        " growing pauses. Now each pause is random, between zero and what it was. When"
        " has everybody been served?"
    ),
    options=(N_("Sooner"), N_("At the same time"), N_("Later")),
    answer="Sooner",
    why=N_("They no longer come back in one second, in which most of them are turned away."),
)

guess_relay_twice = Prediction(
    name="guess_relay_twice",
    notebook="05-eventual-consistency",
    text=N_(
        "With outbox and relay, nothing is lost in any of 41 cases of bad luck. In how"
        " many of them does something happen twice?"
    ),
    options=(N_("in none"), N_("in 5"), N_("in 25")),
    answer="in 25",
    why=N_(
        "A relay that sees no reply has to publish again, and the listeners do not"
        " recognise it yet."
    ),
)
