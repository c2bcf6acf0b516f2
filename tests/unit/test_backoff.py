"""How long the next attempt has to wait."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessonkit.faults import stream
from lessonkit.patterns.backoff import Backoff

RNG = stream(0, "backoff")


def test_ten_doublings_from_one_second_are_seventeen_minutes() -> None:
    lesson = Backoff(base=1.0, cap=math.inf, jitter=False)
    delays = [lesson.delay(attempt, RNG) for attempt in range(1, 11)]
    assert delays == [2.0**n for n in range(10)]
    assert sum(delays) / 60 == pytest.approx(17.05)


@given(
    attempt=st.integers(1, 100_000),
    base=st.floats(0.001, 1000),
    factor=st.floats(1, 10),
    cap=st.floats(0.001, 1000),
    seed=st.integers(0, 99),
)
def test_no_delay_is_longer_than_the_cap_nor_negative(
    attempt: int, base: float, factor: float, cap: float, seed: int
) -> None:
    backoff = Backoff(base, factor, cap)
    assert 0 <= backoff.delay(attempt, stream(seed, "x")) <= backoff.longest(attempt) <= cap


def test_jitter_spreads_those_who_failed_together() -> None:
    delays = {Backoff().delay(5, stream(client, "x")) for client in range(100)}
    assert len(delays) == 100
    assert {Backoff(jitter=False).delay(5, stream(client, "x")) for client in range(100)} == {1.6}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"base": 0}, "base must be a number above 0"),
        ({"base": math.inf}, "base must be a number above 0, and finite"),
        ({"factor": 0.5}, "factor must be 1 or more; got 0.5"),
        ({"cap": math.nan}, "cap must be a number above 0"),
        ({"jitter": 1}, "jitter must be True or False; got 1"),
    ],
)
def test_bad_input_is_named(arguments: dict[str, float], words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        Backoff(**arguments)  # type: ignore[arg-type]


def test_attempts_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="attempt must be 1 or more; got 0"):
        Backoff().delay(0, RNG)
