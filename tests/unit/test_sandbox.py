"""The sandbox of notebook 07: its goal can be met, is not met by accident, and is told in words."""

from __future__ import annotations

from itertools import product

import pytest

from lessonkit.course.choosing import views
from lessonkit.course.choosing.sandbox import (
    AFTER,
    MOST_RETRIES,
    OUTBOX,
    SYNC,
    TIMEOUTS,
    Choices,
    trial,
)

MET = [
    Choices(retries, timeout, OUTBOX, key=True)
    for timeout in (0.4, 0.6)
    for retries in range(1, MOST_RETRIES + 1)
]


@pytest.mark.slow
def test_the_goal_is_met_by_these_choices_and_by_no_others() -> None:
    limits, mails = (None, *TIMEOUTS), (SYNC, AFTER, OUTBOX)
    everything = [
        Choices(*choices)
        for choices in product(range(MOST_RETRIES + 1), limits, mails, (False, True))
    ]
    met = [choices for choices in everything if all(trial(choices).met)]
    assert set(met) == set(MET)
    assert (len(met), len(everything)) == (10, 180)  # as the notebook says


@pytest.mark.parametrize(
    ("choices", "missed"),
    [
        (Choices(0, 0.4, OUTBOX, key=True), "confirmed"),
        (Choices(2, None, OUTBOX, key=True), "p99"),
        (Choices(2, 0.25, OUTBOX, key=True), "requests"),
        (Choices(2, 0.4, AFTER, key=True), "bad luck"),
        (Choices(2, 0.4, OUTBOX, key=False), "bad luck"),
    ],
    ids=["no retries", "no timeout", "short timeout", "no outbox", "no key"],
)
def test_each_choice_is_there_for_one_part_of_the_goal(choices: Choices, missed: str) -> None:
    tried = trial(choices)
    parts = dict(zip(("p99", "requests", "confirmed", "bad luck"), tried.met, strict=True))
    assert [part for part, is_met in parts.items() if not is_met] == [missed]
    assert bool(tried.counterexample) == (missed == "bad luck")


def test_whether_a_part_is_met_is_said_by_a_sign_and_in_words() -> None:
    numbers, said = views.goal(trial(Choices(2, 0.4, AFTER, key=True)))
    assert (numbers.count("· met"), numbers.count("· not met")) == (3, 1)
    assert numbers.count("✗") == 1
    assert "its mail is lost" in said
    numbers, said = views.goal(trial(MET[0]))
    assert (numbers.count("· met"), numbers.count("✗")) == (4, 0)
    assert "The goal is met." in said


def test_the_same_choices_come_to_the_same() -> None:
    choices = Choices(3, 0.6, OUTBOX, key=True)
    once = trial(choices)
    trial.__globals__["_trial"].cache_clear()
    assert trial(choices) == once
