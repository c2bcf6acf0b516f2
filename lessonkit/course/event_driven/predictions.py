"""Guesses: who waits for the handlers, what was promised, and what a warehouse packs."""

from __future__ import annotations

from lessonkit.exercises.prediction import Prediction
from lessonkit.messages import N_

guess_wait_for_listeners = Prediction(
    name="guess_wait_for_listeners",
    notebook="02-event-driven",
    text=N_(
        "The three handlers take 100, 200 and 500 ms, the fifth service's 700 ms, and `publish`"
        " waits for all of them. How long does the customer wait?"
    ),
    options=(N_("500 ms"), N_("700 ms"), N_("1,500 ms")),
    answer="700 ms",
    why=N_("The handlers run at the same time, so only the slowest counts."),
)

guess_refused_later = Prediction(
    name="guess_refused_later",
    notebook="02-event-driven",
    text=N_(
        "The order service publishes and does not wait. Then the payment is refused. What"
        " was the customer told?"
    ),
    options=(N_("“confirmed”"), N_("“failed”"), N_("“we do not know yet”")),
    answer="“confirmed”",
    why=N_("The answer went out before anybody had asked for the money."),
)

guess_two_warehouses = Prediction(
    name="guess_two_warehouses",
    notebook="02-event-driven",
    text=N_(
        "The customer orders 2 pieces, and makes it 1 after 50 ms. After 100 ms two warehouses"
        " pack: one asks the order service, one reads the event. What do they pack?"
    ),
    options=(N_("both 1 piece"), N_("both 2 pieces"), N_("the one that asks 1, the other 2")),
    answer="the one that asks 1, the other 2",
    why=N_("Whoever asks hears the newest state; the event keeps what was ordered then."),
)
