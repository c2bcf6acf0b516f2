"""Notebook 09: what the learner guesses before real processes are killed."""

from __future__ import annotations

from lessonkit.exercises.prediction import Prediction
from lessonkit.messages import N_

guess_killed_for_real = Prediction(
    name="guess_killed_for_real",
    notebook="09-real-parts",
    text=N_(
        "Outbox and relay, and a consumer without an inbox: processes are killed for real, again"
        " and again. What will the books say?"
    ),
    options=(
        N_("Some orders have no mail"),
        N_("Some mails have no order"),
        N_("Some orders have two mails"),
        N_("Each order has its one mail"),
    ),
    answer="Some orders have two mails",
    why=N_(
        "What was published or mailed, and not yet marked, is done once more by the next process."
    ),
)

guess_no_keys = Prediction(
    name="guess_no_keys",
    notebook="09-real-parts",
    text=N_(
        "DBOS has a log of every step. Its services know no keys. After all the kills, what has"
        " become of the orders?"
    ),
    options=(
        N_("All are finished, each step done once"),
        N_("All are finished, some steps done twice"),
        N_("Some are left half done"),
    ),
    answer="All are finished, some steps done twice",
    why=N_("The step had its effect, and the process died before the log knew of it."),
)

guess_two_relays = Prediction(
    name="guess_two_relays",
    notebook="09-real-parts",
    text=N_(
        "Two relays share the outbox by `SKIP LOCKED`. Each order has three events, one behind the"
        " other. What comes of it?"
    ),
    options=(
        N_("Some events are published twice"),
        N_("Some events overtake an earlier one of their order"),
        N_("Each event once, each order in its order"),
    ),
    answer="Some events overtake an earlier one of their order",
    why=N_(
        "The second relay skips the row that the first one has, and takes the next one: an event"
        " of the same order."
    ),
)
