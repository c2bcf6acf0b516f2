"""Guesses: two writes, random pauses, and what a relay does twice."""

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
