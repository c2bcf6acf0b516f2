"""What a learner sees: timeline, tiles, charts, pictures."""

from __future__ import annotations

import asyncio
import math
import re
from base64 import b64decode
from collections.abc import Iterator
from html import unescape
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import Item, Order, Shop, an_order, explore, language, run
from lessonkit.explorer import replay
from lessonkit.faults import Crash, Down, Refused, ReplyLost
from lessonkit.lab import Mermaid, Picture, case_view, charts, shop_view, table, tiles, timeline
from lessonkit.lab.picture import SCROLLED
from lessonkit.lab.svg import round_step, shorten, text_width
from lessonkit.records import Fate, Kind
from lessonkit.shop import CreateOrder
from lessonkit.trace import Trace, current_trace

SVG = "{http://www.w3.org/2000/svg}"
NASTY = "<script>alert(1)</script>\"'&;\n#"


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    language("en")
    yield
    language("en")


def plain(shop: Shop, command: CreateOrder | None = None):
    async def create_order(command: CreateOrder) -> Order:
        await shop.inventory.reserve(command.items)
        payment = await shop.payment.charge(command.total, command.payment_method)
        order = Order.create(command, payment.transaction_id)
        await shop.database.save(order)
        await shop.notification.send_order_confirmation(order)
        return order

    return shop.place_order(create_order, command)


def trace_of(*faults: object) -> Trace:
    return run(plain(Shop(faults=faults))).trace


def texts(svg: str) -> list[str]:
    """All words but those that wait for a picture that has to shrink."""
    svg = re.sub(r'<g class="lessonkit-more lessonkit-narrow".*?</g></g>', "", svg)
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


# --- timeline ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "faults", [(), (Refused("payment"),), (ReplyLost("payment"),), (Crash("orders", after=2),)]
)
@pytest.mark.parametrize("code", ["en", "ja"])
def test_the_timeline_is_well_formed_and_speaks_to_screen_readers(faults, code) -> None:
    language(code)
    root = ElementTree.fromstring(timeline(trace_of(*faults), at=0.1))
    assert root.get("role") == "group"
    first, second = root.get("aria-labelledby").split()
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert (title.get("id"), desc.get("id")) == (first, second)
    assert title.text
    assert "payment" in desc.text or "決済" in desc.text


def test_the_same_run_gives_the_same_picture_and_another_run_another() -> None:
    assert timeline(trace_of()) == timeline(trace_of())
    assert timeline(trace_of()) != timeline(trace_of(Refused("payment")))


def test_every_service_has_a_lane_and_every_call_its_name() -> None:
    shown = texts(timeline(trace_of()))
    for name in ("customer", "orders", "inventory", "payment", "database", "notification"):
        assert name in shown
    for call in ("create_order", "reserve", "charge", "save", "send_order_confirmation"):
        assert call in shown


def test_arrows_are_to_scale() -> None:
    trace = Trace()
    for sent, ended in ((0.0, 0.25), (0.5, 1.0)):
        trace.clock = lambda now=sent: now
        message = trace.send("a", "b", "work", Kind.EVENT)
        trace.clock = lambda now=ended: now
        trace.end(message)
    lines = [
        line
        for line in ElementTree.fromstring(timeline(trace, scale="time")).iter(f"{SVG}line")
        if line.get("stroke-width") == "2.2"
    ]
    (first_start, first_end), (second_start, second_end) = (
        (float(line.get("x1")), float(line.get("x2"))) for line in lines[:2]
    )
    unit = second_end - first_start
    assert first_end - first_start == pytest.approx(unit / 4, abs=0.2)
    assert second_start - first_start == pytest.approx(unit / 2, abs=0.2)


def test_every_fate_has_its_own_shape_as_well_as_a_colour() -> None:
    def look(fate: Fate) -> set[str]:
        trace = Trace()
        message = trace.send("a", "b", "x", Kind.EVENT)
        trace.end(message, fate)
        picture = timeline(trace)
        return set(re.findall(r'stroke-dasharray="[^"]*"|<poly\w+|<path|stroke-width="4"', picture))

    shapes = [frozenset(look(fate)) for fate in Fate]
    assert len(set(shapes)) == len(shapes)


def test_the_column_shows_what_is_known_at_the_moment() -> None:
    trace = trace_of()
    early, late = texts(timeline(trace, at=0.15)), texts(timeline(trace))
    assert "after 150 ms" in early
    # Once as a label on the lane, and once more in the column when it is known.
    assert early.count("yen taken: 5,000") == 1
    assert late.count("yen taken: 5,000") == 2
    assert early.count("stock: P-1 8, P-2 5") == 2
    assert "at the end" in late


def test_the_timeline_speaks_japanese() -> None:
    language("ja")
    shown = texts(timeline(trace_of()))
    assert "在庫サービス" in shown
    assert "回答: 確定" in shown


def test_a_run_without_messages_still_has_a_picture() -> None:
    ElementTree.fromstring(timeline(Trace()))


def test_only_so_many_messages_are_drawn_and_the_rest_is_counted() -> None:
    trace = Trace()
    for _ in range(5000):
        trace.end(trace.send("a", "b", "x"))
    picture = timeline(trace)
    assert len(picture) < 200_000
    assert "... and 4,800 more messages" in texts(picture)


def test_a_long_run_is_shown_in_seconds() -> None:
    trace = Trace(clock=lambda: 3600.0)
    trace.note("a", "late")
    assert "s" in texts(timeline(trace))


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), "1", True])
def test_a_moment_that_is_none_is_refused(wrong) -> None:
    with pytest.raises((TypeError, ValueError), match=r"at must be a number"):
        timeline(trace_of(), at=wrong)


def test_names_from_a_learner_cannot_break_out() -> None:
    trace = Trace()
    trace.end(trace.send(NASTY, "b", NASTY, correlation=NASTY))
    trace.state(NASTY, NASTY, NASTY)
    trace.note(NASTY, NASTY)
    picture = timeline(trace, title=NASTY)
    ElementTree.fromstring(picture)
    assert "<script" not in picture


# --- Mermaid -------------------------------------------------------------------------------------


def test_mermaid_has_every_participant_and_message_in_order() -> None:
    source = trace_of().to_mermaid().splitlines()
    assert source[0] == "sequenceDiagram"
    assert source[1].strip() == "participant p0 as customer"
    arrows = [line.strip() for line in source if ">>" in line]
    assert arrows[:3] == [
        "p0->>p1: create_order",
        "p1->>p2: reserve",
        "p2-->>p1: reserve",
    ]
    assert len(arrows) == 10


def test_mermaid_shows_what_was_lost_and_who_crashed() -> None:
    lost = trace_of(Down("payment")).to_mermaid()
    assert "p1-xp3: charge (lost)" in lost
    assert "Note over p1: crash" in trace_of(Crash("orders", after=1)).to_mermaid()


def test_mermaid_escapes_what_would_be_markup() -> None:
    trace = Trace()
    trace.send(NASTY, "b", NASTY)
    source = trace.to_mermaid()
    assert "<" not in source
    assert len(source.splitlines()) == 4


def test_a_long_diagram_is_cut_and_says_so() -> None:
    trace = Trace()
    for _ in range(300):
        trace.send("a", "b", "x")
    assert "... and 200 more messages" in trace.to_mermaid()


def test_the_mermaid_output_has_the_type_that_jupyterlab_draws() -> None:
    assert set(Mermaid(trace_of())._repr_mimebundle_()) == {"text/markdown", "text/plain"}


# --- tiles, views, tables ------------------------------------------------------------------------


def test_tiles_show_value_label_and_a_mark_beside_the_colour() -> None:
    html = tiles(("mails", "3", "good"), ("wait", "<b>", "bad"))
    assert "✓" in html
    assert "✗" in html
    assert "<b>" not in html
    ElementTree.fromstring(html)


def test_an_unknown_kind_of_tile_is_refused() -> None:
    with pytest.raises(ValueError, match="kind of a tile must be one of good, bad, stopped, plain"):
        tiles(("mails", "3", "green"))


def test_the_shop_view_says_what_the_audit_says() -> None:
    honest = Shop()
    run(plain(honest))
    assert "The books balance." in shop_view(honest)
    shop = Shop(faults=[ReplyLost("payment")])
    run(plain(shop))
    assert "5,000 yen were taken, but there is no order." in shop_view(shop)


def words_of(html: str) -> str:
    return re.sub(r"<[^>]*>|\s+", " ", html)


def values(html: str) -> dict[str, str]:
    """The tiles of a view: what each is called, and what it says."""
    cells = ElementTree.fromstring(f"<all>{html}</all>")[0]
    rows = [[text.strip() for text in tile.itertext() if text.strip()] for tile in cells]
    return {label: value for *_mark, value, label in rows}


def test_the_shop_view_shows_side_by_side_what_was_ordered_held_and_taken() -> None:
    shop = Shop()

    async def three_pieces(command: CreateOrder) -> None:
        await shop.inventory.reserve((Item("P-1", 3, 2500),))
        await shop.payment.charge(7500, "card")
        await shop.database.save(Order.create(command))
        for _ in range(2):
            await shop.notification.send_order_confirmation(command)

    async def two_orders() -> None:
        await shop.place_order(three_pieces)
        await plain(shop, an_order(2))

    run(two_orders())
    view = shop_view(shop)
    shown = values(view)
    assert shown["ordered"] == "4 pieces, 10,000 yen"
    assert (shown["pieces held"], shown["yen taken"], shown["mails"]) == ("5", "12,500", "3")
    assert (shown["orders"], shown["the customer was told"]) == ("2", "confirmed")
    said = words_of(view)
    assert "✗ O-001: too many pieces are held: 3 × P-1 for an order of 2 × P-1." in said
    assert "✗ O-001: 7,500 yen were taken for an order of 5,000 yen." in said
    assert "• O-001: the customer got 2 mails for one order: a nuisance, no lie." in said
    assert "O-002" not in said
    assert "The books balance." not in said


def test_that_an_order_failed_and_that_its_customer_was_told_so_are_two_signs() -> None:
    def signs(*faults: object) -> list[list[str]]:
        shop = Shop(faults=faults)
        run(plain(shop))
        cells = ElementTree.fromstring(f"<all>{shop_view(shop)}</all>")[0]
        shown = [[text.strip() for text in tile.itertext() if text.strip()] for tile in cells]
        return shown[1:3]

    told, truth = "the customer was told", "told the truth"
    assert signs() == [["confirmed", told], ["✓", "yes", truth]]
    assert signs(Refused("inventory")) == [["⊘", "failed", told], ["✓", "yes", truth]]
    mail_refused = signs(Refused("notification"))
    assert mail_refused == [["⊘", "failed", told], ["✗", "no", truth]]


def test_a_mail_that_is_owed_leaves_the_books_in_balance_and_one_that_is_lost_does_not() -> None:
    class Owing:
        def owes(self, order_id: str) -> bool:
            return True

    async def no_mail(command: CreateOrder) -> None:
        await shop.inventory.reserve(command.items)
        await shop.payment.charge(command.total, command.payment_method)
        await shop.database.save(Order.create(command))

    shop = Shop()
    run(shop.place_order(no_mail))
    lost = words_of(shop_view(shop))
    assert "✗ O-001: the order stands, but its mail is lost" in lost
    assert "The books balance." not in lost
    shop.keepers.append(Owing())
    owed = words_of(shop_view(shop))
    assert "✓ The books balance." in owed
    assert "• O-001: the mail is owed." in owed


def test_what_somebody_calls_his_product_cannot_break_out_of_the_view() -> None:
    shop = Shop(stock={NASTY: 1})
    run(plain(shop, CreateOrder(NASTY, NASTY, (Item(NASTY, 1, 1),))))
    shop.inventory.reservations.clear()
    view = shop_view(shop)
    assert "<script" not in view
    ElementTree.fromstring(f"<all>{view}</all>")


def test_a_case_is_shown_with_its_title_its_run_and_how_to_see_it_again() -> None:
    exploration = explore(plain)
    case = exploration.find("reply-lost", "payment.charge")
    view = case_view(case)
    assert case.title in view
    assert "5,000 yen were taken, but there is no order." in view
    assert "<svg" in view
    (text,) = re.findall(r'replay\("(.*?)", scenario\)', unescape(view))
    assert text == case.replay
    again = replay(text, plain)
    assert (again.title, again.violations) == (case.title, case.violations)
    assert "replay(" not in case_view(exploration.find())  # there is no bad luck to come back


def test_a_table_shows_all_of_its_text() -> None:
    long = "x" * 300
    html = table(pd.DataFrame({"a": [long]}))._repr_mimebundle_()["text/html"]
    assert long in html


# --- charts --------------------------------------------------------------------------------------


def a_histogram() -> str:
    return charts.histogram(
        [0.1, 0.2, 0.2, 0.9], marks={"p50": 0.2, "p99": 0.9}, title="待ち <b>", xlabel="ms"
    )


def test_the_same_figures_give_the_same_bytes() -> None:
    assert a_histogram() == a_histogram()


def read_chart(chart: str) -> tuple[ElementTree.Element, list[list[str]]]:
    """The drawing, and the rows of the table below it."""
    drawing, details = ElementTree.fromstring(f"<div>{chart.replace(' xmlns=', ' it=')}</div>")
    rows = [["".join(cell.itertext()) for cell in row] for row in details.iter("tr")]
    return drawing, rows


def test_charts_take_the_page_colour_and_their_numbers_can_be_read() -> None:
    lines = charts.lines(
        [1, 2], {"式": [0.9, 0.8]}, mark=(1, 0.9, "m"), title="t", xlabel="x", ylabel="y"
    )
    for chart in (a_histogram(), lines):
        drawing, _rows = read_chart(chart)
        assert drawing.get("role") == "img"
        assert drawing[0].text == drawing.get("aria-label") != ""
        assert drawing.get("fill") == "currentColor"
        # In the cell that is left beside JupyterLab's side bar in a window of 1,000 pixels.
        shrunk = 564 / float(drawing.get("viewBox", "").split()[2])
        assert float(drawing.get("font-size", 0)) * shrunk >= 12
    assert "p99: 900 ms" in a_histogram()
    assert read_chart(a_histogram())[1][1:] == [
        ["100 – 120", "1"], ["200 – 220", "2"], ["900 – 920", "1"]
    ]  # fmt: skip
    assert read_chart(lines)[1] == [["x", "式"], ["1", "0.9000"], ["2", "0.8000"]]


def test_a_long_tail_is_cut_and_named() -> None:
    waits = [0.5 + 0.0005 * n for n in range(999)] + [60.0]
    drawing, rows = read_chart(charts.histogram(waits, title="t", xlabel="x"))
    assert "1 more, up to 60,000 ms →" in "".join(drawing.itertext())
    assert rows[-1][0].endswith("– 60,000")
    assert sum(int(count) for _between, count in rows[1:]) == 1000
    assert len(rows) > 20  # the rest is not one bar


NUMBERS = st.floats(-1e6, 1e6) | st.integers(-50, 50)
NAMES = st.sampled_from(["p50", "a rather long name of a thing", "在庫サービスの長い列", "_"])


@settings(deadline=None, max_examples=100)
@given(st.lists(NUMBERS, min_size=1), st.lists(st.tuples(NAMES, NUMBERS), max_size=6))
def test_no_words_of_a_chart_touch_each_other(x: list[float], named: list[Any]) -> None:
    marks = {f"{name}{number}": at for number, (name, at) in enumerate(named)}
    titles = {"title": "How long a thousand customers wait", "xlabel": "waiting time (ms)"}
    series = {name: [at * number for number in range(len(x))] for name, at in marks.items()}
    mark = (x[0], x[0], "now")
    for chart in (
        charts.histogram(x, marks=marks, **titles),
        charts.lines(x, series, mark=mark, ylabel="share of orders", **titles),
    ):
        drawing, _rows = read_chart(chart)
        left, top, width, height = map(float, drawing.get("viewBox", "").split())
        size = float(drawing.get("font-size", 0))
        boxes: list[tuple[float, float, float, float]] = []
        for text in drawing.iter("text"):
            wide = text_width(text.text or "", size)
            anchor = {"middle": 0.5, "end": 1.0}.get(text.get("text-anchor", ""), 0.0)
            x1, y2 = float(text.get("x", 0)) - anchor * wide, float(text.get("y", 0))
            boxes.append((x1, y2 - size, x1 + wide, y2))
        for number, (x1, y1, x2, y2) in enumerate(boxes):
            assert left - 1 <= x1 <= x2 <= left + width + 1
            assert top <= y1 <= y2 <= top + height
            for a1, b1, a2, b2 in boxes[:number]:
                assert a2 <= x1 or x2 <= a1 or b2 <= y1 or y2 <= b1
        lines = [line for line in drawing.findall("line") if line.get("stroke-width") == "2"]
        for drawn in lines:  # of a mark
            at, above = float(drawn.get("x1", 0)), float(drawn.get("y1", 0))
            assert not [box for box in boxes if box[0] < at < box[2] and above < box[1] < 0]


def test_charts_refuse_what_they_cannot_draw() -> None:
    with pytest.raises(ValueError, match="at least one number"):
        charts.histogram([], title="t", xlabel="x")
    with pytest.raises(ValueError, match="series 'a' must have 2 values"):
        charts.lines([1, 2], {"a": [1]}, title="t", xlabel="x", ylabel="y")
    with pytest.raises(ValueError, match="series must be finite numbers; got nan"):
        charts.lines([1, 2], {"a": [1, math.nan]}, title="t", xlabel="x", ylabel="y")


# --- pictures ------------------------------------------------------------------------------------


def test_where_two_stand_side_by_side_none_shrinks() -> None:
    one, half = timeline(trace_of()), timeline(trace_of(), width=560)
    assert 'class="lessonkit-run lessonkit-shrinks"' in one
    assert 'class="lessonkit-run"' in half
    assert "min-width:516.9px" in half  # its letters still have 12 pixels there


def test_a_picture_carries_a_still_for_pages_that_show_no_drawing() -> None:
    html = Picture(timeline(trace_of()))._repr_mimebundle_()["text/html"]
    (data,) = re.findall(r'<img class="lessonkit-still" alt="" src="data:[^,]*,([^"]*)"', html)
    still = b64decode(data).decode()
    ElementTree.fromstring(still)
    assert "background:#fff" in still
    # On the page it is scrolled rather than smaller than legible; an image shrinks as a whole.
    assert f'<div style="font-size:0px;container-type:inline-size;{SCROLLED}"><svg' in html
    assert "min-width:545.5px" in html
    assert "min-width" not in still


def test_a_chart_has_a_still_too() -> None:
    html = Picture(a_histogram())._repr_mimebundle_()["text/html"]
    (data,) = re.findall(r'src="data:[^,]*,([^"]*)"', html)
    ElementTree.fromstring(b64decode(data).decode())


def test_a_picture_is_made_of_strings() -> None:
    with pytest.raises(TypeError, match=r"each part must be a string.*got None"):
        Picture("a", None)  # type: ignore[arg-type]


# --- small things --------------------------------------------------------------------------------


def test_round_steps_are_1_2_or_5() -> None:
    for span in (0.001, 0.8, 1.2, 5.3, 61.0, 3600.0):
        step = round_step(span, 8)
        assert span / step <= 8
        assert f"{step:e}"[0] in "125"


def test_japanese_letters_are_wide_and_long_words_are_shortened() -> None:
    assert text_width("在庫", 10) == 20
    assert text_width("ab", 10) < 20
    assert shorten("a" * 100, 10, 50).endswith("…")
    assert shorten("ab", 10, 50) == "ab"


def test_a_message_under_way_is_drawn_to_the_end_of_the_run() -> None:
    async def main() -> None:
        current_trace().send("a", "b", "x")
        await asyncio.sleep(1)
        current_trace().note("a", "done")

    assert "in flight" in texts(timeline(run(main()).trace))


def test_words_are_as_wide_on_every_python() -> None:
    # Added up one by one, these letters come to a sum that rounds differently.
    words = "O-001: 5,000 yen were taken, but there is no order."
    assert text_width(words, 13) == 13 * math.fsum(text_width(letter, 1) for letter in words)
