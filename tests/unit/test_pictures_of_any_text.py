"""Whatever a text holds, a picture of it can be read, stays small, and shows the text as a text."""

from __future__ import annotations

import ast
import json
import unicodedata
from base64 import b64decode
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import ipywidgets as widgets
import pandas as pd
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

import lessonkit
from lessonkit import Event, InMemoryEventBus, language, run
from lessonkit.clock.strangers import said
from lessonkit.course import exercises
from lessonkit.course.event_bus.views import console
from lessonkit.exercises.prose import prose, remarks
from lessonkit.exercises.result import Result, Verdict
from lessonkit.exercises.view import result_html
from lessonkit.lab import (
    Mermaid,
    Picture,
    bus_log,
    button,
    charts,
    choice,
    flow_view,
    milliseconds,
    panel,
    probability,
    seed,
    spec,
    svg,
    table,
    tiles,
    timeline,
    toggle,
    whole,
)
from lessonkit.lab.picture import in_phrases
from lessonkit.lab.still import StillBox
from lessonkit.patterns.bus.bus import LOG_LENGTH
from lessonkit.records import Fate, Kind
from lessonkit.shop.network import correlation
from lessonkit.trace import Trace
from lessonkit.words import LONGEST_NAME, LONGEST_TEXT, clean, error_words, escape, fit, together

KNOWN = [
    "",
    " ",
    "_hidden",
    "$x$",
    r"$\frac$ \1 \g<0> \\",
    "#010203 'DejaVu Sans'",
    "]]><!--",
    "wrap: <br> %%{init}%% end",
    "שלום עולם",
    "👩‍👩‍👧‍👦🇯🇵e\u0301\u0301",
    "在庫サービス",
    "x" * 5000,
    "\x00" * 5000,
    "&" * 5000,
    "\n" * 5000,
    "👍" * 5000,
]

ANY_TEXT = st.one_of(
    st.text(st.characters(), max_size=60),  # with halves of surrogate pairs
    st.text("\x00\x07\t\n\r\x1b\x7f\x85\u2028\u202e\u2067\ud800\udfff\ufffe\uffff", max_size=20),
    st.text("<>&\"'`]-!?;#:%{}[]()$\\_^*|/=\n", max_size=30),
    st.sampled_from(KNOWN),
)

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.filterwarnings("ignore:unclosed database"),  # another file's, on Python 3.13
]


@pytest.fixture(autouse=True, scope="module")
def _english() -> Iterator[None]:
    language("en")
    yield
    language("en")


def read(picture: str, most: int) -> ElementTree.Element:
    """The picture as a browser's parser has it, when it is one that can be sent and is small."""
    picture.encode()
    assert not [letter for letter in picture if no_letter(letter)]
    assert len(picture) <= most
    return ElementTree.fromstring(f"<div>{picture}</div>")


def no_letter(letter: str) -> bool:
    kind = unicodedata.category(letter)
    turns = unicodedata.bidirectional(letter) in ("LRE", "RLE", "LRO", "RLO", "LRI", "RLI", "FSI")
    return (kind in ("Cc", "Cs") and letter != "\n") or turns or letter in "\ufffe\uffff"


def twice(make: Callable[[], str]) -> str:
    made = make()
    assert made == make()
    return made


def still_of(shown: Picture | StillBox) -> str:
    """The image that stands in for the drawing in a stored notebook."""
    html = shown._repr_mimebundle_()["text/html"] if isinstance(shown, Picture) else shown.still
    html.encode()
    return b64decode(html.partition("base64,")[2].partition('"')[0]).decode()


def as_shown(element: ElementTree.Element) -> str:
    return "".join(element.itertext())


# --- the one place -------------------------------------------------------------------------------


@given(ANY_TEXT)
@example("a" * LONGEST_NAME)
def test_fit_gives_clean_letters_and_only_a_cut_says_so(text: str) -> None:
    made = fit(text)
    assert len(made) == min(len(text), LONGEST_NAME)
    assert not any(map(no_letter, made))
    assert made.endswith("…") or len(text) <= LONGEST_NAME
    assert fit(made) == made
    for before, after in zip(text[: LONGEST_NAME - 1], made, strict=False):
        assert after == before or no_letter(before) or before in "\u2028\u2029\u202c\u2069"


def test_letters_of_every_language_stay_and_odd_white_space_is_a_blank() -> None:
    for text in ("在庫", "שלום", "می\u200cخواهم", "👩‍👩‍👧", "e\u0301", "two\nlines"):
        assert clean(text) == text
    assert clean("a\tb\rc\x0bd\u2028e") == "a b c d e"
    assert clean("a\x00b\ud800c\u202ed") == "a\ufffdb\ufffdc\ufffdd"


@given(ANY_TEXT)
def test_escaped_words_come_back_from_an_element_and_from_an_attribute(text: str) -> None:
    wanted = fit(text, LONGEST_TEXT)
    assert as_shown(read(escape(text), 6 * LONGEST_TEXT)) == wanted
    element = read(f'<b title="{escape(text)}"/>', 7 * LONGEST_TEXT)[0]
    assert element.get("title") == wanted.replace("\n", " ")


def test_an_error_that_cannot_say_what_it_is_has_a_name_at_least() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert error_words(Mute()) == "Mute: …"
    assert error_words(ValueError("a\x00")) == "ValueError: a\ufffd"
    assert len(error_words(ValueError("x" * 10_000_000))) < LONGEST_TEXT


def test_no_picture_escapes_by_itself() -> None:
    package = Path(lessonkit.__file__).parent
    ours = [(package / name).rglob("*.py") for name in ("lab", "course")]
    for path in [*chain(*ours), package / "mermaid.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert "html" not in names, f"{path.name}: escape comes from lessonkit.words"


def test_nothing_says_where_in_memory_it_lies_nor_has_room_for_it() -> None:
    class Failed(Exception):
        """It says what it is as Python's objects do."""

    places = "0x7f11f1", "0x7faa0bd3c8"  # their letters are not equally wide
    objects = [f"<generator object all_of.<genexpr> at {place}>" for place in places]
    assert fit(objects[0]) == "<generator object all_of.<genexpr>>"
    assert fit(f"{'x' * (LONGEST_NAME - 8)} at 0x7f11f1") == "x" * (LONGEST_NAME - 8)
    assert fit("at 0x, and at 0") == "at 0x, and at 0"
    for draw in (
        lambda one: table({"sent": [one]}).html,
        lambda one: tiles((one, one, "plain")),
        lambda one: timeline(a_trace("a", "b", *[one] * 4)),
        lambda one: console([], Failed(one)),
        lambda one: said(Failed(one)),
    ):
        first, second = map(draw, objects)
        assert first == second


@given(ANY_TEXT, st.floats(1, 200))
def test_shortened_words_fit_and_one_letter_more_would_not(text: str, width: float) -> None:
    words, made = fit(text), svg.shorten(text, 11, width)
    if made != words:
        assert made.endswith("…")
        assert words.startswith(made[:-1])
        assert made == "…" or svg.text_width(made, 11) <= width
        assert svg.text_width(f"{words[: len(made)]}…", 11) > width


def test_a_long_name_is_measured_a_few_times_and_not_once_a_letter(monkeypatch: Any) -> None:
    measured = []
    text_width = svg.text_width
    monkeypatch.setattr(
        svg,
        "text_width",
        lambda words, size: measured.append(len(words)) or text_width(words, size),
    )
    svg.shorten("x" * 1_000_000, 11, 300)
    assert len(measured) < 10
    assert sum(measured) < 10 * LONGEST_NAME


# --- the timeline and Mermaid --------------------------------------------------------------------


def a_trace(*words: str) -> Trace:
    trace = Trace()
    sender, receiver, what, key, value, note = words
    asked = trace.send(sender, receiver, what, correlation=what)
    trace.end(asked, Fate.LATE)
    trace.end(trace.send(receiver, sender, what, Kind.REPLY, reply_to=asked, error=True))
    trace.state(receiver, key, value)
    trace.note(receiver, note)
    return trace


SIX_TEXTS = st.tuples(*[ANY_TEXT] * 6)


@settings(deadline=None)
@given(SIX_TEXTS, ANY_TEXT, st.sampled_from([10, 300, 900]))
def test_a_timeline_can_be_read_whatever_it_names(words: Any, title: str, width: int) -> None:
    trace = a_trace(*words)
    drawn = read(twice(lambda: timeline(trace, at=0.1, title=title, width=width)), 60_000)
    assert drawn[0].tag.endswith("svg")
    ElementTree.fromstring(still_of(Picture(timeline(trace))))
    trace.digest()
    assert json.loads(trace.to_json())["notes"][0]["service"] is not None


def test_a_lane_shows_the_name_and_the_tooltip_the_words() -> None:
    words = as_shown(read(timeline(a_trace("a", "b\x1b", "[31mred", "k", "v", "n\x00")), 20_000))
    assert "b\ufffd" in words
    assert "a to b\ufffd, [31mred: sent at 0 ms" in words


def test_a_run_with_very_many_names_is_drawn_in_part() -> None:
    trace = Trace()
    for number in range(3000):
        trace.send(f"a{number}", f"b{number}", "x" * 5000)
        trace.state(f"c{number}", "key", "&" * 5000)
        trace.note(f"d{number}", "\x00" * 5000)
    read(timeline(trace), 3_500_000)
    assert len(trace.to_mermaid()) < 50_000


@given(SIX_TEXTS)
def test_a_mermaid_line_is_one_line_with_nothing_that_could_be_markup(words: Any) -> None:
    trace = a_trace(*words)
    source = twice(trace.to_mermaid)
    assert Mermaid(trace).source == source
    read(source.replace("&", ""), 1500)
    heads = ("participant p", "p0->>", "p1-->>", "p0-->>", "Note over p")
    first, *lines = source.split("\n")
    assert first == "sequenceDiagram"
    assert len(lines) == len(trace.services) + 3
    for line in lines:
        assert line.strip().startswith(heads)
        said = line.partition(" as " if "participant" in line else ": ")[2]
        assert said.strip()
        assert not set(said) & set('<>%{}[]"$\\|:')
        assert said.count("#") == said.count(";")


def test_the_longest_diagram_that_can_be_made_is_one_that_mermaid_takes() -> None:
    trace = Trace()
    for number in range(300):
        trace.state(f"{number}" + "x" * 100, "k", "v")
        trace.send(f"{number}a" + "x" * 100, f"{number}b" + "x" * 100, "x" * 100)
    assert 30_000 < len(trace.to_mermaid()) < 50_000
    assert "... and 200 more messages" in trace.to_mermaid()


def test_a_diagram_without_some_of_its_notes_does_not_speak_of_messages() -> None:
    trace = Trace()
    for _ in range(150):
        trace.note("a", "n")
    assert trace.to_mermaid().endswith("Note over p0: ...")


# --- bus -----------------------------------------------------------------------------------------


def a_bus(kind: str, service: str, error: str) -> InMemoryEventBus:
    bus = InMemoryEventBus()

    def fails(event: Event) -> None:
        raise type(fit(error).replace("\ufffd", "?"), (Exception,), {})(error)

    async def main() -> None:
        correlation.set("O-1")
        bus.subscribe(Event, fails, service=service)
        await bus.publish(type(kind, (Event,), {})())

    run(main())
    return bus


NAMES = ANY_TEXT.filter(lambda text: text and "\x00" not in text and text.isprintable())


@settings(deadline=None)
@given(NAMES, ANY_TEXT.filter(bool), ANY_TEXT)
def test_what_a_bus_told_can_be_read_whatever_it_told(kind: str, service: str, error: str) -> None:
    bus = a_bus(kind, service, error)
    shown = as_shown(read(twice(lambda: bus_log(bus)), 40_000))
    assert fit(kind, LONGEST_TEXT) in shown
    flow = as_shown(read(twice(lambda: flow_view(bus, "O-1")), 40_000))
    assert fit(service) in flow
    assert fit(error, LONGEST_TEXT // 2) in flow
    assert fit(error, LONGEST_TEXT // 2) in shown


def test_a_long_error_leaves_room_for_its_name_and_its_moment() -> None:
    bus = a_bus("Ordered", "s" * 5000, "x" * 5000)
    for picture, end in ((bus_log(bus), "x… at 0 ms"), (flow_view(bus, "O-1"), "x…, at 0 ms")):
        shown = as_shown(read(picture, 10_000))
        assert end in shown
        assert f"{fit('x' * 5000)}: xxx" in shown


@given(ANY_TEXT)
def test_an_order_of_which_nobody_heard(order: str) -> None:
    words = as_shown(read(flow_view(InMemoryEventBus(), order), 1000))
    assert words == f"The bus has heard nothing of {fit(order)}."


def a_chain(links: int) -> InMemoryEventBus:
    bus = InMemoryEventBus()

    async def main() -> None:
        correlation.set("O-1")
        for number in range(links):
            cause = f"E-{number - 1}" if number else None
            bus.publish_and_forget(Event(event_id=f"E-{number}", causation_id=cause))
        await bus.close()

    run(main())
    return bus


def test_a_flow_longer_than_python_calls_deep_is_shown_link_by_link() -> None:
    lines = read(flow_view(a_chain(3000), "O-1"), 2_000_000)[0]
    assert len(lines) == 2 * LOG_LENGTH
    assert "E-500 " in as_shown(lines[0])
    assert "E-2999 " in as_shown(lines[-2])
    assert "padding-left: 3998.4em" in (lines[-2].get("style") or "")


# --- tiles, tables, buttons, panels --------------------------------------------------------------


@given(ANY_TEXT, ANY_TEXT)
def test_tiles_of_any_text(label: str, value: str) -> None:
    shown = as_shown(read(twice(lambda: tiles((label, value, "good"))), 30_000))
    assert shown == f"✓ {fit(value, LONGEST_TEXT)}{fit(label, LONGEST_TEXT)}"


@settings(deadline=None)
@example(column="", cell="a_name")
@given(ANY_TEXT, ANY_TEXT)
def test_a_table_of_any_text(column: str, cell: str) -> None:
    frame = pd.DataFrame({column: pd.Series([cell, 1], dtype=object)})
    html = twice(lambda: table(frame)._repr_mimebundle_()["text/html"])
    read(html.replace("&nbsp;", " ").replace("<wbr>", "<wbr/>"), 30_000)  # as XML has it
    assert list(frame.columns) == [column]


def test_a_cell_shows_at_most_so_many_letters() -> None:
    assert LONGEST_TEXT - 10 < table(pd.DataFrame({"a": ["x" * 5000]})).html.count("x") < 2100


def test_a_table_of_very_many_rows_is_shown_in_part() -> None:
    assert table(pd.DataFrame({"a": range(100_000)})).html.count("<tr>") < 1010


def test_what_a_scene_or_an_action_draws_itself_is_clean_too() -> None:
    drawing = '<svg style="">\x00\ud800</svg>'
    made = panel(lambda: drawing, spec())
    assert made.picture.value == clean(in_phrases(drawing))
    shown = widgets.HTML(drawing)
    for stored in (Picture(drawing), made, StillBox([shown], [shown], "")):
        assert "\ufffd\ufffd" in as_shown(ElementTree.fromstring(still_of(stored)))
    pressed = button("b", lambda show: show(drawing))
    pressed.press()
    assert pressed.picture.value == clean(drawing)
    wrong = button("b", lambda show: show(5))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="show must get a string of SVG or HTML; got 5"):
        wrong.press()


def all_texts(box: StillBox) -> Iterator[str]:
    """Every text of a widget and of what stands in it, as it is sent to the page."""
    left: list[Any] = [box]
    while left:
        widget = left.pop()
        left += getattr(widget, "children", ())
        for value in widget.get_state().values():
            yield from [
                text
                for text in (value if isinstance(value, tuple) else [value])
                if isinstance(text, str)
            ]


@settings(deadline=None, max_examples=25)
@given(ANY_TEXT)
def test_a_panel_of_any_text(text: str) -> None:
    made = panel(
        lambda **values: svg.text(0, 0, text),
        spec(
            toggle("off", text),
            probability("share", text, 0.5),
            milliseconds("ms", text, 0.1, high=1),
            whole("n", text, 1, low=0, high=2),
            choice("menu", text, {1: text, 2: "b"}, 1),
            seed("seed", text),
            presets={text: {"n": 2}},
            hint=text,
        ),
    )
    pressed = button(text, print)
    assert pressed.words == fit(f"Button({text})")
    for shown in [*all_texts(made), *all_texts(pressed)]:
        assert not any(map(no_letter, shown))
        assert len(shown) < 20_000
    for element in (made.picture, made.children[0]):
        read(element.value, 20_000)


@given(ANY_TEXT)
def test_an_apology_for_any_error(text: str) -> None:
    def scene(off: bool) -> str:
        if off:
            raise ValueError(text)
        return ""

    made = panel(scene, spec(toggle("off", "off")))
    with pytest.raises(ValueError):  # noqa: PT011
        made.set(off=True)
    assert (
        as_shown(read(made.picture.value, 10_000)) == f"ValueError: {fit(text, LONGEST_TEXT // 2)}"
    )


# --- charts --------------------------------------------------------------------------------------


def drawn_words(chart: str) -> list[str]:
    return [as_shown(element) for element in read(chart, 100_000).iter() if "text" in element.tag]


@pytest.mark.parametrize("text", KNOWN, ids=range(len(KNOWN)))
def test_a_chart_writes_a_text_as_it_is(text: str) -> None:
    charts_of(text, text, text)


@settings(deadline=None, max_examples=15, phases=[Phase.generate])  # to shrink takes minutes
@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_charts_of_any_texts(title: str, name: str, label: str) -> None:
    charts_of(title, name, label)


def charts_of(title: str, name: str, label: str) -> None:
    lines = twice(
        lambda: charts.lines(
            [1, 2], {name: [3, 4]}, mark=(1, 3, label), title=title, xlabel=label, ylabel=name
        )
    )
    histogram = charts.histogram([0.1, 0.2], marks={name: 0.1}, title=title, xlabel=label)
    for chart, texts in ((lines, (title, name, label)), (histogram, (title, f"{fit(name)}: 100"))):
        words = "\n".join(drawn_words(chart))
        for text in texts:
            for line in fit(text).split("\n"):
                assert line.strip() in words
        root = read(chart, 100_000)[0]
        assert root.get("aria-label") == fit(title, LONGEST_TEXT).replace("\n", " ")
        assert as_shown(root[0]) == fit(title, LONGEST_TEXT)


def test_a_series_that_begins_with_an_underscore_is_in_the_legend() -> None:
    chart = charts.lines([1], {"_a": [1], "b": [2]}, title="t", xlabel="x", ylabel="y")
    assert {"_a", "b"} <= set(drawn_words(chart))


@settings(deadline=None)
@given(ANY_TEXT)
def test_the_words_of_an_exercise_with_any_text(text: str) -> None:
    read(prose(text), 10 * len(text) + 100)
    read(remarks([text]), 10 * len(text) + 100)
    result = Result(Verdict.NOT_YET, text, text, trouble=text, printed=text)
    read(result_html(exercises()[0], result), 60 * len(text) + 5_000)


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("3,000 msで待つ", "3,000\u00a0msで待つ"),
        ("after 3,000 ms", "after 3,000\u00a0ms"),
        ("12 misses", "12 misses"),
        ("OrderCreated が届く", "OrderCreated\u00a0が届く"),
        ("places: 4", "places:\u00a04"),
        ("4か所", "4か\u2060所"),
        ("O-001", "O-\u2060001"),
        ("at-least-once", "at-least-once"),
    ],
)
def test_a_line_keeps_what_belongs_together(words: str, kept: str) -> None:
    assert together(words) == kept
