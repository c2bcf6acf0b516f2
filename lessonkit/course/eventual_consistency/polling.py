"""Polling that waits politely: with a cap, a deadline, no wait for nothing, and chance."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from math import inf

from lessonkit.course.eventual_consistency.pictures import (
    crowd_chart,
    questions_table,
)
from lessonkit.course.eventual_consistency.waiting import (
    ANSWER_TAKES,
    CLIENTS,
    DEADLINE,
    MOST_LATE,
    PATIENCE,
    Wait,
    Waited,
    let_wait,
    per_second,
)
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.tables import columns_html
from lessonkit.messages import N_, _

MOST_QUESTIONS = 30
"""Who asks more often than that within the deadline is a burden."""

MOST_AT_ONCE = CLIENTS // 2
"""Questions in one second, from ``SPREAD_FROM`` on."""

SPREAD_FROM = 5
"""In the first seconds, nobody can be far from the others."""


def _judge_polling(wait: Wait) -> Counterexample | None:
    with _known_dice():
        for confirmed_at in (0.0, 4.0, 20.0, 33.0, 47.0):
            for seed in range(4):
                (waited,) = let_wait(wait, confirmed_at, seed=seed)
                if (found := _explain_confirmed(waited)) is not None:
                    return found
        for seed in range(8):
            (waited,) = let_wait(wait, seed=seed)
            if (found := _explain_never(waited)) is not None:
                return found
        return _explain_herd(let_wait(wait, clients=CLIENTS)) or _explain_dice(wait)


@contextmanager
def _known_dice() -> Iterator[None]:
    """Whoever rolls the dice of the module ``random`` gets the same ones in each check."""
    before = random.getstate()
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(before)


def _explain_confirmed(waited: Waited) -> Counterexample | None:
    _raise_unless_timeout(waited)
    late = min(waited.ended, PATIENCE) - waited.client.confirmed_at
    if waited.error is not None:
        sentence = _(
            "The order was confirmed after {at:g} s. The client gave up after {end:.1f} s."
        )
        advice = _(
            "It gives up too early. The customer is willing to wait for a minute: stop when the"
            " minute is over, not after a number of questions."
        )
    elif late > MOST_LATE + 0.5:
        sentence = _(
            "The order was confirmed after {at:g} s. The customer learned of it {late:.0f} s later."
        )
        if waited.ended == inf:
            sentence = _(
                "The order was confirmed after {at:g} s. {late:.0f} s later, the customer still did"
                " not know of it."
            )
        advice = _(
            "The delays grow without end, and the answer waits until the client asks again. No"
            " delay may be longer than ten seconds: it needs a cap."
        )
    elif waited.returned != "CONFIRMED":
        sentence = _("The order was confirmed after {at:g} s. What came back was {returned!r:.40}.")
        advice = _("As soon as the status is no longer PENDING, return it.")
    else:
        return None
    sentence = sentence.format(
        at=waited.client.confirmed_at, end=waited.ended, late=late, returned=waited.returned
    )
    return Counterexample(sentence, advice, questions_table(waited))


def _raise_unless_timeout(waited: Waited) -> None:
    if waited.error is not None and not isinstance(waited.error, TimeoutError):
        raise waited.error


def _explain_never(waited: Waited) -> Counterexample | None:
    _raise_unless_timeout(waited)
    client = waited.client
    asked = sum(moment <= DEADLINE for moment in client.asked)
    last = client.asked[-1] + ANSWER_TAKES if client.asked else 0.0
    values = {"number": asked, "end": waited.ended, "last": last, "returned": waited.returned}
    if asked > MOST_QUESTIONS:
        sentence = _("The order is not confirmed, and one client asks {number} times in a minute.")
        advice = _(
            "That is hammering: the service is kept busy by questions. Begin with a second, and let"
            " the delay grow from question to question."
        )
    elif waited.ended == inf:
        sentence = _(
            "The order is never confirmed, and after three minutes the client still waits."
        )
        advice = _(
            "It waits for ever. After a minute at the latest it must raise a `TimeoutError`. What"
            " counts is the time of the run, `get_running_loop().time()`: a real clock stands"
            " almost still meanwhile."
        )
    elif waited.error is None:
        sentence = _(
            "The order is never confirmed, and {returned!r:.40} comes back after {end:.0f} s."
        )
        advice = _(
            "Whoever gets this takes it for an answer. That nobody knows is no status: raise a"
            " `TimeoutError`."
        )
    elif waited.ended > DEADLINE + 1:
        sentence = _("The order is never confirmed. The customer learns that after {end:.0f} s.")
        advice = _(
            "That is longer than a minute. A number of attempts does not limit the time: remember"
            " when you began, and look at the clock before you wait again."
        )
    elif waited.ended - last > 0.5:
        sentence = _(
            "The last question was answered after {last:.1f} s, and the wait ended after"
            " {end:.1f} s."
        )
        advice = _(
            "After the last question nobody asks any more, so that wait is for nothing. Look"
            " before each wait: if the next question would come too late, raise the error now."
        )
    else:
        return None
    return Counterexample(sentence.format(**values), advice, questions_table(waited))


def _explain_herd(herd: list[Waited]) -> Counterexample | None:
    crowd = per_second(herd)
    most = max(crowd[SPREAD_FROM:])
    if most <= MOST_AT_ONCE:
        return None
    sentence = _(
        "{clients} clients lost their answer at the same moment. {most} of them ask in the same"
        " second, second {second}."
    ).format(clients=CLIENTS, most=most, second=crowd.index(most, SPREAD_FROM))
    first, second = herd[0].client.asked, herd[1].client.asked
    delays = [round(after - before, 6) for before, after in pairwise(first)]
    if first != second:
        advice = _(
            "The delays differ, but by too little: the crowd stays a crowd. Let each client wait"
            " for a random time between 0 and the delay."
        )
    elif delays[:-1] == sorted(delays[:-1]):
        advice = _(
            "They all wait the same delays, and so they all come back together. Chance is missing:"
            " the jitter."
        )
    else:
        advice = _(
            "The delays look random, but they are the same for every client: each begins with the"
            " same dice. Each client has been given dice of its own: `rng`."
        )
    return Counterexample(sentence, advice, crowd_chart(crowd))


def _explain_dice(wait: Wait) -> Counterexample | None:
    (one,), (other,) = let_wait(wait), let_wait(wait)
    if one.client.asked == other.client.asked:
        return None
    sentence = _("The same client with the same `rng` asked at other moments the second time.")
    advice = _(
        "The randomness must come from `rng`, and from nowhere else. Then a run can be repeated"
        " when something went wrong in it: the module `random` gives other numbers each time."
    )
    picture = columns_html(
        {
            _("question number"): range(1, 7),
            _("first run (s)"): _seconds(one.client.asked),
            _("second run (s)"): _seconds(other.client.asked),
        }
    )
    return Counterexample(sentence, advice, picture)


def _seconds(moments: list[float]) -> list[str]:
    return ([f"{moment:.2f}" for moment in moments] + [""] * 6)[:6]


polite_polling = Exercise(
    name="polite_polling",
    notebook="05-eventual-consistency",
    point=4,
    title=N_("Poll politely"),
    shown=N_(
        "The cap is for those who wait, the deadline for those who wait in vain, and the dice"
        " are for the service."
    ),
    starter="""
async def wait_for_confirmation(client, order_id, rng):
    delay = 1.0
    while True:
        status = await client.get_status(order_id)
        if status != "PENDING":
            return status
        await sleep(delay)
        delay *= 2
""",
    asks=("wait_for_confirmation",),
    judge=_judge_polling,
    hints=(
        N_(
            "Four things are missing: a longest delay, a deadline, no wait after the last question,"
            " and chance."
        ),
        N_(
            "`min(..., 10.0)` keeps a delay below ten seconds. And remember at the start what time"
            " it is: `get_running_loop().time()`."
        ),
        N_(
            "Do not wait for `delay` itself, but for a random part of it: `rng.uniform(0, delay)`."
            " Roll the dice once per question, and keep the number."
        ),
        N_(
            "Before you sleep: if the time since the start plus this wait is more than 60 seconds,"
            " `raise TimeoutError`."
        ),
    ),
    answer="""
async def wait_for_confirmation(client, order_id, rng):
    clock = get_running_loop().time
    start = clock()
    delay = 1.0
    while True:
        status = await client.get_status(order_id)
        if status != "PENDING":
            return status
        wait = rng.uniform(0, delay)
        if clock() - start + wait > 60:  # nobody would ask after this wait
            raise TimeoutError("the order was not confirmed within a minute")
        await sleep(wait)
        delay = min(2 * delay, 10.0)
""",
)
