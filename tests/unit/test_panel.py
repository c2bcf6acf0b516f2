"""Panels without a browser: move a control, read the picture."""

from __future__ import annotations

import asyncio
import json
import math

import ipywidgets as widgets
import pytest

from lessonkit import current_trace
from lessonkit.lab import (
    button,
    choice,
    milliseconds,
    panel,
    probability,
    seed,
    spec,
    toggle,
    whole,
)
from lessonkit.lab.picture import in_phrases
from tests.unit.real_loop import run_for_real


def show_values(**values: object) -> str:
    return json.dumps(values)


def all_controls() -> list:
    return [
        milliseconds("mail", "Mail takes", 0.5, high=5),
        probability("p", "Probability", 0.1),
        toggle("down", "Payment is down"),
        choice("style", "Style", {1: "one", "b": "two"}, "b"),
        whole("n", "Services", 4, low=1, high=10),
        seed(),
    ]


def test_the_scene_gets_every_control_by_name_and_in_seconds() -> None:
    made = panel(show_values, spec(*all_controls()))
    expected = {
        "mail": 0.5,
        "p": 0.1,
        "down": False,
        "style": "b",
        "n": 4,
        "seed": 0,
    }
    assert made.values == expected
    assert json.dumps(expected) in made.picture.value


def test_a_choice_that_is_none_can_be_read_in_the_menu() -> None:
    made = panel(show_values, spec(choice("limit", "Limit", {None: "no limit", 1: "1 s"}, None)))
    assert made.values == {"limit": None}
    assert made.controls["limit"].widget.label == "no limit"
    made.set(limit=1)
    press(made, "Reset")
    assert made.values == {"limit": None}


def test_moving_a_control_redraws_at_once() -> None:
    made = panel(show_values, spec(*all_controls()))
    made.controls["mail"].widget.value = 2500
    made.controls["down"].widget.value = True
    assert '"mail": 2.5' in made.picture.value
    assert '"down": true' in made.picture.value
    assert made.redraws == 3


def test_a_preset_sets_several_controls_and_draws_once() -> None:
    made = panel(
        show_values, spec(*all_controls(), presets={"Bad day": {"mail": 5.0, "down": True}})
    )
    press(made, "Bad day")
    assert (made.values["mail"], made.values["down"]) == (5.0, True)
    assert made.redraws == 2


def test_reset_goes_back_to_the_first_values() -> None:
    made = panel(show_values, spec(*all_controls()))
    first = made.values
    made.set(mail=1.0, p=0.9, down=True, style=1, n=9, seed=7)
    assert made.values != first
    press(made, "Reset")
    assert made.values == first


def press(made: widgets.VBox, words: str) -> None:
    boxes = [box for box in made.children if isinstance(box, widgets.Box)]
    buttons = [b for box in boxes for b in box.children if isinstance(b, widgets.Button)]
    next(b for b in buttons if b.description == words).click()


def test_the_newest_value_wins_and_none_queue_up() -> None:
    def busy(mail: float) -> str:
        # While the first picture is drawn, the learner moves on three times.
        if made_so_far and not moved:
            moved.append(True)
            for value in (1000, 2000, 3000):
                made_so_far[0].controls["mail"].widget.value = value
        return f"{mail}"

    moved: list[bool] = []
    made_so_far: list = []
    made = panel(busy, spec(milliseconds("mail", "Mail", 0.5, high=5)))
    made_so_far.append(made)
    made.controls["mail"].widget.value = 700
    assert "3.0" in made.picture.value
    assert made.redraws == 3


def test_an_error_in_the_scene_is_shown_and_raised_and_the_panel_lives_on() -> None:
    def scene(down: bool) -> str:
        if down:
            raise RuntimeError("<i>the shop burned down</i>")
        return "fine"

    made = panel(scene, spec(toggle("down", "Down")))
    with pytest.raises(RuntimeError, match="burned"):
        made.controls["down"].widget.value = True
    assert "RuntimeError: &lt;i&gt;the shop burned down" in made.picture.value
    assert 'role="alert"' in made.picture.value
    made.controls["down"].widget.value = False
    assert "fine" in made.picture.value


def test_a_scene_that_fails_at_once_fails_in_its_cell() -> None:
    with pytest.raises(ZeroDivisionError):
        panel(lambda down: str(1 / 0), spec(toggle("down", "Down")))


def test_a_scene_may_return_several_parts_but_only_text() -> None:
    assert panel(lambda: ["a", "b"], spec()).picture.value == in_phrases("a") + in_phrases("b")
    with pytest.raises(TypeError, match=r"scene must return strings.*got None"):
        panel(lambda: [None], spec())


def test_the_hint_is_shown_and_escaped() -> None:
    made = panel(show_values, spec(hint="a < b"))
    assert "a &lt; b" in made.children[0].value


def test_a_stored_panel_has_a_still_picture() -> None:
    made = panel(lambda: '<svg xmlns="http://www.w3.org/2000/svg"></svg>', spec())
    assert "data:image/svg+xml;base64," in made.still
    assert "Run this cell to use it." in made.still
    assert "object at 0x" not in made.words


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: milliseconds("x", "X", -0.1, high=1), r"x must lie between 0.0 and 1; got -0.1"),
        (lambda: milliseconds("x", "X", math.nan, high=1), "x must lie between"),
        (lambda: milliseconds("x", "X", 0.5, low=2, high=1), "low must be below high"),
        (lambda: milliseconds("x", "X", 0.5, high=1, step=0), "step must be a number above 0"),
        (lambda: probability("p", "P", 1.5), r"p must be a probability between 0 and 1; got 1.5"),
        (lambda: probability("p", "P", 0.5, high=2), "high must be a probability"),
        (lambda: whole("n", "N", 2.5, low=1, high=3), "n must be a whole number"),
        (lambda: whole("n", "N", 9, low=1, high=3), "n must lie between 1 and 3; got 9"),
        (lambda: toggle("t", "T", "yes"), "t must be True or False; got 'yes'"),
        (lambda: choice("c", "C", {1: "one"}, 2), "c must be one of 1; got 2"),
        (lambda: seed(value=-1), "seed must be 0 or more; got -1"),
        (lambda: panel("not a function", spec()), "scene must be a function"),
        (lambda: panel(show_values, seed()), r"a panel needs what spec\(\) makes; got "),
        (lambda: spec(widgets.IntSlider()), "a control must come from"),
        (lambda: spec(seed(), seed()), "two controls are called 'seed'"),
        (
            lambda: spec(seed(), presets={"a": {"sed": 1}}),
            "no control is called 'sed'; there are seed",
        ),
        (lambda: panel(show_values, spec(seed())).set(sed=1), "no control is called 'sed'"),
        (lambda: button("b", None), "action must be a function"),
    ],
)
def test_bad_input_is_named(make, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_a_button_shows_what_its_action_shows_and_cannot_be_pressed_twice() -> None:
    pressed: list[bool] = []

    def action(show) -> None:
        pressed.append(made.button.disabled)
        made.press()  # as an impatient learner does
        show("done")

    made = button("Go", action)
    made.button.click()
    assert pressed == [True]
    assert made.picture.value == "done"
    assert made.button.disabled is False


def test_a_button_can_be_pressed_again_after_an_error() -> None:
    def action(show) -> None:
        raise RuntimeError("no")

    made = button("Go", action)
    with pytest.raises(RuntimeError, match="no"):
        made.press()
    assert made.button.disabled is False


def test_a_button_that_waits_lets_the_kernel_go_on() -> None:
    async def kernel() -> None:
        go_on = asyncio.Event()

        async def action(show) -> None:
            show("wait")
            await go_on.wait()
            current_trace().note("learner", "has waited")  # it is a run
            show("done")

        made = button("Go", action)
        made.press()
        made.press()
        assert made.button.disabled
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (made.picture.value, made.button.disabled) == ("wait", True)
        go_on.set()
        await made.work
        assert (made.picture.value, made.button.disabled) == ("done", False)

    run_for_real(kernel())


def test_a_button_that_waited_in_vain_says_so_and_can_be_pressed_again() -> None:
    async def kernel() -> None:
        async def action(show) -> None:
            raise RuntimeError("no <stock>")

        made = button("Go", action)
        made.press()
        logged: list[object] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: logged.append(context["exception"]))
        await asyncio.wait([made.work])
        await asyncio.sleep(0)
        assert "no &lt;stock&gt;" in made.picture.value
        assert made.button.disabled is False
        assert isinstance(made.work.exception(), RuntimeError)
        assert made.work.exception() in logged

    run_for_real(kernel())


def test_a_menu_whose_options_are_long_has_a_row_for_itself() -> None:
    options = {1: "payment.charge: reply lost after the effect", 2: "none"}
    long, short = choice("a", "Bad luck", options, 1), choice("b", "Style", {1: "one"}, 1)
    made = panel(show_values, spec(long, short))
    whole_row = [
        "lessonkit-whole-row" in control.widget._dom_classes for control in made.controls.values()
    ]
    assert whole_row == [True, False]
