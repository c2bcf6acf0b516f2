"""Asking again and again: how often, for how long, and what is said at the end."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessonkit import Backoff, poll_until, run
from lessonkit.faults import stream
from lessonkit.patterns.polling import PollingTimeout

CAPPED = Backoff(base=1, cap=5, jitter=False)


def an_order(
    confirmed_at: float, takes: float = 0.0
) -> tuple[Callable[[], Awaitable[str]], list[float]]:
    """Something to ask, and the moments at which it was asked."""
    asked: list[float] = []

    async def status() -> str:
        asked.append(asyncio.get_running_loop().time())
        await asyncio.sleep(takes)
        return "CONFIRMED" if asyncio.get_running_loop().time() >= confirmed_at else "PENDING"

    return status, asked


def is_done(status: str) -> bool:
    return status != "PENDING"


def test_it_asks_with_doubling_delays_until_the_answer_is_there() -> None:
    status, asked = an_order(confirmed_at=6)
    outcome = run(poll_until(status, is_done))
    assert (outcome.result, outcome.elapsed) == ("CONFIRMED", 7.0)
    assert asked == [0.0, 1.0, 3.0, 7.0]


def test_an_answer_that_is_there_at_once_costs_no_delay() -> None:
    status, asked = an_order(confirmed_at=0)
    assert run(poll_until(status, is_done)).elapsed == 0
    assert asked == [0.0]


def test_after_the_last_question_nobody_waits() -> None:
    status, asked = an_order(confirmed_at=math.inf)
    outcome = run(poll_until(status, is_done), keep_error=True)
    assert isinstance(outcome.error, PollingTimeout)
    assert (outcome.error.attempts, outcome.error.seconds) == (10, 511.0)
    assert str(outcome.error) == "asked 10 times in 511.000 s, and it was not done"
    assert len(asked) == 10


def test_with_a_cap_no_delay_is_longer() -> None:
    status, asked = an_order(confirmed_at=math.inf)
    run(poll_until(status, is_done, attempts=6, backoff=CAPPED), keep_error=True)
    assert asked == [0, 1, 3, 7, 12, 17]


def test_with_jitter_a_thousand_clients_do_not_return_together() -> None:
    async def main() -> set[float]:
        moments: set[float] = set()

        async def client(number: int) -> None:
            status, asked = an_order(confirmed_at=math.inf)
            jitter = Backoff(base=1, cap=5)
            with pytest.raises(PollingTimeout):
                await poll_until(
                    status, is_done, attempts=2, backoff=jitter, rng=stream(1, f"client {number}")
                )
            moments.update(asked[1:])

        await asyncio.gather(*map(client, range(1000)))
        return moments

    moments = run(main()).result
    assert len(moments) == 1000
    assert max(moments) <= 1


def test_if_the_next_delay_would_not_end_before_the_deadline_it_is_over_at_once() -> None:
    status, asked = an_order(confirmed_at=math.inf)
    outcome = run(poll_until(status, is_done, deadline=10), keep_error=True)
    assert asked == [0, 1, 3, 7]
    assert isinstance(outcome.error, PollingTimeout)
    assert (outcome.error.attempts, outcome.error.seconds) == (4, 7.0)


def test_a_question_that_hangs_ends_at_the_deadline() -> None:
    async def hangs() -> str:
        await asyncio.sleep(1000)
        return "CONFIRMED"

    outcome = run(poll_until(hangs, is_done, deadline=3), keep_error=True)
    assert outcome.elapsed == 3
    assert str(outcome.error) == "asked once in 3.000 s, and it was not done"


@given(
    confirmed_at=st.floats(0, 200),
    takes=st.floats(0, 3),
    attempts=st.integers(1, 12),
    deadline=st.floats(0.1, 100),
    cap=st.floats(0.1, 100),
    jitter=st.booleans(),
    seed=st.integers(0, 99),
)
def test_it_never_lasts_longer_than_the_deadline_nor_asks_too_often(
    confirmed_at: float,
    takes: float,
    attempts: int,
    deadline: float,
    cap: float,
    jitter: bool,
    seed: int,
) -> None:
    status, asked = an_order(confirmed_at, takes)
    backoff = Backoff(base=1, cap=cap, jitter=jitter)
    polling = poll_until(
        status,
        is_done,
        attempts=attempts,
        backoff=backoff,
        deadline=deadline,
        rng=stream(seed, "client"),
    )
    outcome = run(polling, keep_error=True)
    assert outcome.elapsed <= deadline
    assert len(asked) <= attempts
    longest = sum(backoff.longest(attempt) for attempt in range(1, attempts))
    assert outcome.elapsed <= longest + attempts * takes + 1e-9
    if outcome.error is None:
        assert outcome.elapsed >= confirmed_at or confirmed_at == 0
    else:
        assert isinstance(outcome.error, PollingTimeout)
        assert outcome.error.attempts == len(asked)
        assert outcome.error.seconds == outcome.elapsed


def test_an_error_of_the_question_is_raised_a_timeout_of_its_own_too() -> None:
    async def broken() -> str:
        raise TimeoutError("the service is too slow")

    with pytest.raises(TimeoutError, match="too slow") as caught:
        run(poll_until(broken, is_done, deadline=100))
    assert not isinstance(caught.value, PollingTimeout)


async def pending() -> str:
    return "PENDING"


async def is_done_later(status: str) -> bool:
    return True


REFUSED: dict[str, tuple[Callable[[], Awaitable[object]], type[Exception], str]] = {
    "no question": (lambda: poll_until(None, is_done), TypeError, "ask must be a function"),  # type: ignore[arg-type]
    "no test": (lambda: poll_until(pending, True), TypeError, "is_done must be a plain function"),  # type: ignore[arg-type]
    "not async": (lambda: poll_until(lambda: "x", is_done), TypeError, "ask must be declared"),  # type: ignore[arg-type,return-value]
    "async test": (
        lambda: poll_until(pending, is_done_later),
        TypeError,
        "is_done must be a plain",
    ),
    "no attempts": (lambda: poll_until(pending, is_done, attempts=0), ValueError, "attempts must"),
    "half": (lambda: poll_until(pending, is_done, attempts=1.5), TypeError, "attempts must be"),  # type: ignore[arg-type]
    "no backoff": (lambda: poll_until(pending, is_done, backoff=1), TypeError, "backoff must be"),  # type: ignore[arg-type]
    "no time": (lambda: poll_until(pending, is_done, deadline=0), ValueError, "deadline must be"),
    "no rng": (lambda: poll_until(pending, is_done, backoff=Backoff()), TypeError, "rng must be"),
    "a seed": (lambda: poll_until(pending, is_done, rng=3), TypeError, "rng must be a random"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_named_at_the_door(name: str) -> None:
    act, error, says = REFUSED[name]

    async def main() -> None:
        await act()

    with pytest.raises(error, match=says):
        run(main())
