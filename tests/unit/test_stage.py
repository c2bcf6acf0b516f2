"""A run on its stage, and two pictures side by side, without a browser."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from xml.etree import ElementTree

import ipywidgets as widgets
import pytest

from lessonkit import CreateOrder, Item, Order, Shop, language, run
from lessonkit.explorer import Case, explore
from lessonkit.lab import Audited, milliseconds, panel, shop_view, spec, tiles, toggle
from lessonkit.lab.panel import Panel
from lessonkit.lab.stage import Stage
from lessonkit.lab.tiles import mark_differences
from lessonkit.lab.timeline import timeline
from lessonkit.trace import Trace

MOMENTS = [0.0, 0.1, 0.3, 0.4, 0.9]


async def two_calls(shop: Shop) -> None:
    await shop.inventory.reserve((Item("P-1", 1, 10),))
    await shop.payment.charge(10, "card")


def a_trace(*times: float) -> Trace:
    trace = Trace()
    for time in times or MOMENTS:
        trace.clock = lambda time=time: time
        trace.state("orders", "at", f"{time * 1000:g}")
    return trace


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    language("en")
    yield
    language("en")


def heading(stage: Stage) -> str:
    """What the column says: the moment."""
    return re.findall(r">(after [^<]*|at the end)<", stage.picture.value)[0]


def press(box: widgets.Box, words: str) -> None:
    """Click the button with these words, wherever it is."""
    (found,) = [
        part
        for part in everything(box)
        if isinstance(part, widgets.Button) and part.description == words
    ]
    assert not found.disabled
    found.click()


def everything(box: widgets.Box) -> Iterator[widgets.Widget]:
    for part in box.children:
        yield part
        if isinstance(part, widgets.Box):
            yield from everything(part)


def test_by_order_each_event_of_one_moment_is_a_step() -> None:
    stage = Stage(a_trace(0.0, 0.0, 0.0, 0.1))
    assert len(stage.moments) == 2  # the three at once, then the last
    stage.scale.value = "order"
    seen = []
    for _ in range(5):
        press(stage, "Step back")
        seen.append(re.findall(r">(at: [^<]*|–)<", stage.picture.value)[-1])
    assert len(stage.moments) == 5
    assert seen == ["at: 0", "at: 0", "at: 0", "–", "–"]
    at_the_start = line_of_now(stage)
    press(stage, "Step forward")
    assert line_of_now(stage) > at_the_start


def line_of_now(stage: Stage) -> float:
    (x,) = re.findall(r'<line x1="([0-9.]+)"[^>]*stroke-width="2"', stage.picture.value)
    return float(x)


def test_by_order_a_moment_between_two_events_is_marked_between_them() -> None:
    stage = Stage(a_trace(0.0, 0.1, 0.3))
    stage.scale.value = "order"
    seen = []
    for ms in (0, 40, 80, 100):
        stage.slider.value = ms
        seen.append(line_of_now(stage))
    assert seen == sorted(set(seen))


def test_a_stage_begins_at_the_end_and_steps_from_event_to_event() -> None:
    stage = Stage(a_trace())
    seen = [heading(stage)]
    for _ in range(5):
        press(stage, "Step back")
        seen.append(heading(stage))
    assert seen == [
        "at the end",
        *(f"after {ms} ms" for ms in (400, 300, 100, 0, 0)),
    ]
    assert ">at: 0<" in stage.picture.value
    press(stage, "Step forward")
    assert heading(stage) == "after 100 ms"


def test_between_two_events_a_step_goes_to_the_next_one_on_either_side() -> None:
    stage = Stage(a_trace())
    stage.slider.value = 350
    assert heading(stage) == "after 350 ms"
    stage.step(-1)
    assert stage.at == pytest.approx(0.3)
    stage.slider.value = 350
    stage.step(1)
    assert stage.at == pytest.approx(0.4)


def test_every_moment_is_reached_to_the_last_bit() -> None:
    times = [number / 7 + 0.1 + 0.2 for number in range(50)]
    stage = Stage(a_trace(*times))
    for time in reversed(times[:-1]):
        stage.step(-1)
        assert f">at: {time * 1000:g}<" in stage.picture.value


def test_play_goes_by_events_and_the_button_says_what_it_does() -> None:
    stage = Stage(a_trace())
    press(stage, "Play")
    assert stage.beat.playing
    stage.beat.value = 0  # what the browser does when it plays from the end
    assert heading(stage) == "after 0 ms"
    stage.beat.value = 2
    assert heading(stage) == "after 300 ms"
    press(stage, "Pause")
    assert not stage.beat.playing
    stage.slider.value = 350  # and the next Play goes on from there
    assert (stage.beat.value, heading(stage)) == (2, "after 350 ms")


def test_another_run_keeps_the_moment_as_far_as_it_goes() -> None:
    stage = Stage(a_trace())
    stage.show(a_trace(0, 2))
    assert heading(stage) == "at the end"
    stage.slider.value = 350
    stage.show(a_trace(0, 1))
    assert heading(stage) == "after 350 ms"
    stage.show(a_trace(0, 0.2))
    assert heading(stage) == "at the end"
    stage.show(Trace())  # nothing happened
    stage.step(-1)
    stage.step(1)
    assert heading(stage) == "at the end"


def test_the_picture_can_be_saved_as_it_is_shown() -> None:
    stage = Stage(a_trace())
    stage.slider.value = 350
    data = re.search(
        r'download="run.svg" href="data:image/svg\+xml;base64,(.*?)"', stage.file.value
    )
    drawing = b64decode(data[1]).decode()
    ElementTree.fromstring(drawing)
    assert "after 350 ms" in drawing
    assert "background:#fff" in drawing


def test_every_control_has_words() -> None:
    stage = Stage(a_trace(), replay="1 x")
    for part in everything(stage):
        if isinstance(part, (widgets.Button, widgets.FloatSlider, widgets.Text, widgets.Dropdown)):
            assert part.description
        elif not isinstance(part, (widgets.Box, widgets.HTML)):
            assert part.layout.display == "none"  # Play: its buttons have no names


def a_case() -> Case:
    return explore(two_calls).cases[1]


def stages(made: Panel) -> list[Stage]:
    return [part for part in everything(made) if isinstance(part, Stage)]


def test_a_scene_returns_runs_and_moving_their_moment_plays_nothing_again() -> None:
    case = a_case()
    made = panel(
        lambda: ["<b>before</b>", run(two_calls(Shop())).trace, "<i>after</i>", case], spec()
    )
    one, two = stages(made)
    assert [type(part).__name__ for part in made.sides.now.children] == [
        *("HTML", "Stage", "HTML", "Stage", "HTML")
    ]
    assert (one.replay.value, two.replay.value) == ("", case.replay)
    assert (one.replay.layout.display, two.replay.layout.display) == ("none", None)
    one.step(-1)
    press(two, "Step back")
    assert made.redraws == 1
    assert heading(one) != "at the end"
    assert isinstance(stages(panel(lambda: a_trace(), spec()))[0], Stage)


def test_a_run_with_its_shop_is_marked_where_the_auditor_complains() -> None:
    def scene(typo: bool) -> object:
        shop = Shop()

        async def create_order(command: CreateOrder) -> Order:
            order = Order.create(command)
            await shop.database.save(order)
            if not typo:
                await shop.inventory.reserve(order.items, order.order_id)
                await shop.payment.charge(order.total, "card", order.order_id)
            await shop.notification.send_order_confirmation(order)
            return order

        return Audited(run(shop.place_order(create_order)).trace, shop)

    made = panel(scene, spec(toggle("typo", "Typo")))
    assert "the auditor complains" not in made.sides.value
    made.set(typo=True)
    assert "the auditor complains" in made.sides.value
    press(made, "Keep this one")
    made.set(typo=False)
    now, kept = made.sides.now.value, made.sides.kept.value
    assert "the auditor complains" in kept
    assert "the auditor complains" not in now


def test_the_number_of_runs_may_change_and_the_moments_stay() -> None:
    made = panel(lambda down: [a_trace()] * (1 + down), spec(toggle("down", "Down")))
    (first,) = stages(made)
    first.slider.value = 350
    made.set(down=True)
    assert stages(made)[0] is first
    assert [heading(stage) for stage in stages(made)] == ["after 350 ms", "at the end"]
    made.set(down=False)
    assert stages(made) == [first]


def compared(mail: float, down: bool) -> list[object]:
    numbers = tiles(("wait", f"{mail:g}", "plain"), ("pieces", "2", "good"))
    return [numbers, a_trace(0, mail)]


def kept_panel() -> Panel:
    made = panel(compared, spec(milliseconds("mail", "Mail", 0.5, high=5), toggle("down", "Down")))
    press(made, "Keep this one")
    made.set(mail=2.0)
    return made


def test_what_is_kept_stays_beside_what_comes_and_the_differences_are_named() -> None:
    made = kept_panel()
    now, kept = made.sides.now, made.sides.kept
    assert (now.stages[0].moments[-1][0], kept.stages[0].moments[-1][0]) == (2.0, 0.5)
    assert "Mail (ms): <b>2,000</b>" in made.sides.head_of_now.value
    assert "Mail (ms): <b>500</b>" in made.sides.head_of_kept.value
    assert "Down" not in made.sides.head_of_now.value
    for half in (now, kept):
        assert half.texts[0].value.count("≠") == 1
        assert "wait ≠" in half.texts[0].value
    made.set(mail=0.5)
    assert "≠" not in made.sides.value
    press(made, "Keep this one")  # replaces
    made.set(mail=0.5, down=True)
    assert "Down: <b>off</b>" in made.sides.head_of_kept.value


def test_what_is_kept_stays_at_its_moment() -> None:
    made = panel(compared, spec(milliseconds("mail", "Mail", 0.5, high=5), toggle("down", "Down")))
    made.sides.now.stages[0].slider.value = 350
    press(made, "Keep this one")
    made.sides.now.stages[0].slider.value = 100
    assert heading(made.sides.kept.stages[0]) == "after 350 ms"


def test_what_is_kept_is_drawn_once() -> None:
    made = kept_panel()
    shown: list[object] = []
    made.sides.kept.stages[0].observe(shown.append)
    made.sides.kept.stages[0].picture.observe(shown.append, "value")
    made.set(mail=3.0)
    assert not shown


def test_only_the_panel_says_that_its_cell_must_be_run() -> None:
    made = kept_panel()
    told = [box for box in (made, *stages(made)) if "live-" in "".join(box._dom_classes)]
    assert told == [made]


def test_what_is_kept_can_be_dropped() -> None:
    made = kept_panel()
    press(made, "Drop the kept one")
    assert stages(made) == made.sides.now.stages
    assert "≠" not in made.sides.value
    with pytest.raises(AssertionError):  # there is nothing to drop
        press(made, "Drop the kept one")


def test_a_stored_panel_shows_all_that_was_shown() -> None:
    made = kept_panel()
    html = made.still
    assert html.count("data:image/svg+xml;base64,") == 2
    assert "Save as SVG" not in html
    assert html.index("<b>2,000</b>") < html.index("<b>500</b>")


def test_a_failing_scene_is_shown_beside_what_was_kept() -> None:
    def scene(down: bool) -> object:
        return a_trace(0, 1 / (1 - down))

    made = panel(scene, spec(toggle("down", "Down")))
    press(made, "Keep this one")
    with pytest.raises(ZeroDivisionError):
        made.set(down=True)
    assert 'role="alert"' in made.picture.value
    assert stages(made) == made.sides.kept.stages


def test_the_scale_is_the_learners_choice() -> None:
    trace = a_trace()
    stage = Stage(trace)
    assert timeline(trace) in stage.picture.value
    for scale in ("time", "order"):
        stage.scale.value = scale
        assert timeline(trace, scale=scale) in stage.picture.value
    stage.scale.set_state({"index": 0})  # what the browser sends: back to the first choice
    assert timeline(trace) in stage.picture.value
    assert stage.scale.index == 0
    assert timeline(trace, scale="time") != timeline(trace, scale="order")


def test_only_tiles_that_differ_are_marked() -> None:
    shop = Shop()
    run(two_calls(shop))
    html = shop_view(shop)
    assert mark_differences(html, html) == html
    marked = mark_differences(html, html.replace(">10<", ">20<"))
    assert marked.count("≠") == 1
    ElementTree.fromstring(f"<div>{marked}</div>")
