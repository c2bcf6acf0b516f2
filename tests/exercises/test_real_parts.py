"""Notebook 09 where nothing can be started: one sentence says why, and the stored figures stand."""

from __future__ import annotations

import pickle
import sys

import pytest

from lessonkit.course.real_parts import here
from lessonkit.course.real_parts.stored import Counted, measured
from lessonkit.course.real_parts.views import CASES, HEADS
from lessonkit.messages import language
from lessonkit.real.extra import need
from lessonkit.real.server import ServerUnavailable
from lessonkit.real.travel import OrderCreated, Traveller


def missing() -> Counted:
    need("a_package_that_nobody_has")
    return {}


def unavailable() -> Counted:
    raise ServerUnavailable("the disk is full; make room")


@pytest.mark.parametrize("part", HEADS)
def test_the_stored_figures_have_a_column_and_their_cases_a_translation(part: str) -> None:
    stored = measured(part)
    assert {"case", *next(iter(stored.values()))} == set(HEADS[part])
    assert set(stored) <= set(CASES)


@pytest.mark.parametrize(
    ("play", "sentence"),
    [
        (missing, 'the real parts are not installed on this machine (pip install -e ".[real]").'),
        (unavailable, "Nothing was started: the disk is full; make room."),
    ],
)
def test_it_says_why_and_shows_what_was_measured_before(play: object, sentence: str) -> None:
    shown = here.beside_before("sagas", play).html  # type: ignore[arg-type]
    assert sentence in shown.replace("&quot;", '"')
    assert "Just now" not in shown
    assert f"<td>{measured('sagas')['without keys']['orders']}</td>" in shown


def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LESSONKIT_REAL", "off")
    assert "LESSONKIT_REAL is off" in here.beside_before("sagas", unavailable).html


def test_a_browser_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "emscripten")
    shown = here.beside_before("sagas", unavailable).html
    assert "Nothing was started: a browser cannot run servers." in shown


def test_what_was_found_stands_above_the_stored_figures() -> None:
    shown = here.beside_before("waits", lambda: {"my own way": {"mean_ms": 7.4, "longest_ms": 9}})
    now, before = shown.html.split("Measured before, on ")
    assert "<td>my own way</td>" in now
    assert "<td>7.4</td>" in now
    assert "<td>asks every 500\N{NO-BREAK SPACE}ms</td>" in before
    language("ja")
    try:
        assert "以前の測定" in here.beside_before("waits", missing).html
    finally:
        language("en")


def test_other_errors_are_not_hidden() -> None:
    def wrong() -> Counted:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        here.beside_before("sagas", wrong)


def take(places: list[object], order_id: str) -> None:
    places.append(OrderCreated(order_id))


def test_a_function_travels_as_its_source() -> None:
    sent = pickle.dumps(Traveller.of(take))
    assert b"def take" in sent
    places: list[OrderCreated] = []
    pickle.loads(sent)(places, "O-1")
    assert [event.order_id for event in places] == ["O-1"]
