"""Nothing lies on anything: the words of a timeline keep off each other and off every arrow."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit import Event, Order, Shop, an_order, audit, explore, language, run
from lessonkit.explorer import Case, run_case
from lessonkit.faults import Crash, Refused
from lessonkit.lab import timeline
from lessonkit.lab.labels import Box
from lessonkit.lab.layout import LARGE, NAME, Lanes
from lessonkit.lab.plan import LANE
from lessonkit.lab.svg import text_width
from lessonkit.lab.timeline import WIDTH
from lessonkit.patterns.bus import InMemoryEventBus
from lessonkit.patterns.bus.delivery import HANDLER_FAILED
from lessonkit.records import Fate, Kind
from lessonkit.shop import CreateOrder, OrderFailed
from lessonkit.shop.audit import Violation
from lessonkit.shop.process import CRASH
from lessonkit.trace import Trace
from tests.unit.saga_shop import ShopWithLog, by_saga, resume
from tests.unit.test_outbox_explored import EventShop, relay_again, with_outbox

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    language("en")
    yield
    language("en")


def shown(root: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """All that is seen without a mouse or a key."""
    if "lessonkit-tip" in root.get("class", "") or root.get("transform"):
        return
    yield root
    for child in root:
        yield from shown(child)


def numbers(element: ElementTree.Element, *names: str) -> list[float]:
    return [float(element.get(name, "0")) for name in names]


def box(text: ElementTree.Element, shrunk: bool = False) -> Box:
    x, y, size = numbers(text, "x", "y", "font-size")
    size = LARGE if shrunk else size
    width = text_width(text.text or "", size)
    left = x - width * {"end": 1.0, "middle": 0.5}.get(text.get("text-anchor", ""), 0.0)
    return Box(left, y - 0.7 * size, left + width, y + 0.2 * size)


def check(picture: str, width: float = WIDTH) -> list[str]:
    """The words of the picture, none of which lies on anything, also where it has to shrink."""
    keep_off(picture, width, shrunk=True)
    return keep_off(picture, width)


def keep_off(picture: str, width: float, shrunk: bool = False) -> list[str]:
    found = [*shown(ElementTree.fromstring(picture))]
    texts = [text for text in found if text.tag == f"{SVG}text"]
    if shrunk:
        texts = [text for text in texts if text.get("class") != "lessonkit-wide"]
    words = {box(text, shrunk): text.text or "" for text in texts}
    assert all(float(text.get("font-size", "0")) >= 12 for text in texts)
    assert len(words) == len(texts)
    for one, other in combinations(words, 2):
        assert not one.meets(other), (words[one], words[other])
    captions = [box(text, shrunk) for text in texts if text.get("paint-order")]
    for one, other in combinations(captions, 2):
        if abs(one.bottom - other.bottom) < 1:  # or they read as one sentence
            assert max(one.left, other.left) - min(one.right, other.right) >= 9
    for element in found:
        if element.get("class") == "lessonkit-arrow":
            line = numbers(element, "x1", "y1", "x2", "y2")
            assert not any(one.is_crossed(*line) for one in words), line
        if element.tag == f"{SVG}polygon" and element.get("points"):
            points = [
                tuple(map(float, point.split(","))) for point in element.get("points").split()
            ]
            xs, ys = zip(*points, strict=True)
            mark = Box(min(xs), min(ys), max(xs), max(ys))
            assert not any(one.meets(mark) for one in words), element.get("points")
    assert all(one.left >= 0 and one.right <= width for one in words)
    return [*words.values()]


# --- scenes like the notebooks' -------------------------------------------------------------------


async def event_driven(shop: Shop) -> None:
    bus = InMemoryEventBus(shop.network)
    order = Order.create(an_order())

    @bus.subscribe(Placed, service="inventory")
    async def reserve(event: Placed) -> None:
        await shop.inventory.reserve(order.items, order.order_id)

    @bus.subscribe(Placed, service="payment")
    async def charge(event: Placed) -> None:
        await shop.payment.charge(order.total, "card", order.order_id)

    @bus.subscribe(Placed, service="notification")
    async def mail(event: Placed) -> None:
        await shop.notification.send_order_confirmation(order)

    async def create_order(command: CreateOrder) -> None:
        await shop.database.save(Order.create(command))
        bus.publish_and_forget(Placed(command.order_id))

    await asyncio.gather(*[shop.place_order(create_order, an_order(n)) for n in (1, 2)])
    await bus.close()


@dataclass(frozen=True)
class Placed(Event):
    order_id: str


def scenes() -> Iterator[Case]:
    yield from explore(event_driven).cases
    yield from explore(by_saga, shop=ShopWithLog, restart=resume).cases[::3]
    yield from explore(with_outbox, shop=EventShop, restart=relay_again).cases[::7]


@pytest.mark.slow
@pytest.mark.parametrize("code", ["en", "ja"])
@pytest.mark.parametrize("scale", ["time", "order"])
def test_in_no_scene_do_words_lie_on_anything(cases: list[Case], scale: str, code: str) -> None:
    language(code)
    for case in cases[code == "ja" :: 2]:
        check(timeline(case.run.trace, scale=scale, complaints=audit(case.shop)))


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    found = [*scenes()]
    assert len(found) > 30, len(found)
    return found


# --- random traces -------------------------------------------------------------------------------

SERVICES = st.sampled_from(["customer", "orders", "payment", "a service with a very long name"])
WORDS = st.sampled_from(["save", "create_order", "PaymentCompleted", "在庫を引き当てる", "x" * 150])
THINGS = st.lists(
    st.tuples(
        st.sampled_from(["send", "send", "end", "end", "state", "note", "crash", "give up"]),
        st.sampled_from([0.0, 0.0, 0.0, 0.001, 0.1, 3.0]),
        SERVICES,
        SERVICES,
        WORDS,
        st.sampled_from(Fate),
        st.sampled_from(Kind),
        st.booleans(),
    ),
    max_size=60,
)


def played(things: list[tuple[Any, ...]]) -> Trace:
    now = 0.0
    trace = Trace(lambda: now)
    for what, pause, one, other, words, fate, kind, flag in things:
        now += pause
        under_way = [m for m in trace.messages if m.ended is None]
        if what == "send":
            asked = trace.messages[0] if trace.messages and kind is Kind.REPLY else None
            order = words if flag else None
            trace.send(one, other, words, kind, correlation=order, reply_to=asked, copy=flag)
        elif what == "end" and under_way:
            under_way[0].error = flag
            trace.end(under_way[0], fate)
        elif what == "give up" and under_way:
            trace.give_up(under_way[0])
        elif what == "state":
            trace.state(one, words, words)
        elif what in ("note", "crash"):
            trace.note(one, CRASH if what == "crash" else words)
    return trace


@settings(deadline=None, max_examples=60)
@given(THINGS, st.sampled_from(["time", "order", None]), st.sampled_from(["en", "ja"]))
def test_in_no_run_do_words_lie_on_anything(things: Any, scale: str | None, code: str) -> None:
    language(code)
    trace = played(things)
    check(timeline(trace, scale=scale))
    check(timeline(trace, scale=scale, at=trace.end_time / 2))


# --- what is drawn -------------------------------------------------------------------------------


def test_words_without_room_can_be_reached_by_the_keyboard() -> None:
    trace = Trace()
    for number in range(80):
        trace.end(trace.send("orders", "payment", f"charge {number}"))
    picture = timeline(trace)
    words = check(picture)
    root = ElementTree.fromstring(picture)
    reached = [group for group in root.iter(f"{SVG}g") if group.get("tabindex") == "0"]
    assert reached
    said = [title.text or "" for group in reached for title in group.iter(f"{SVG}title")]
    for number in range(80):
        what = f"charge {number}"
        assert what in words or any(f"{what}:" in sentence for sentence in said), what


def lanes(picture: str) -> list[str]:
    found = ElementTree.fromstring(picture).iter(f"{SVG}text")
    return [text.text or "" for text in found if text.get("font-size") == str(NAME)]


def test_whoever_is_killed_ends_and_the_next_process_has_a_lane_of_its_own() -> None:
    case = run_case(by_saga, Crash("orders", after=2), shop=ShopWithLog, restart=resume)
    picture = timeline(case.run.trace)
    assert lanes(picture)[1:3] == ["orders #1", "orders #2"]
    died = next(note for note in case.run.trace.notes if note.text == CRASH)
    drawn = Lanes(case.run.trace)
    senders = {
        drawn.sender(message)
        for message in case.run.trace.messages
        if message.sender == "orders" and message.sent_step > died.step
    }
    assert senders == {("orders", 1)}


def test_nobody_is_there_to_send_a_refusal() -> None:
    trace = Trace()
    trace.note("payment", CRASH)
    asked = trace.send("orders", "payment", "charge")
    trace.end(asked, Fate.REFUSED)
    trace.end(trace.send("payment", "orders", "charge", Kind.REPLY, reply_to=asked, error=True))
    assert timeline(trace, scale="order").count("lessonkit-arrow") == 2  # the arrow, its sample
    assert lanes(timeline(trace)).count("payment") == 1


def test_what_happens_at_once_is_drawn_in_its_order_and_what_takes_time_to_scale() -> None:
    def first_times(trace: Trace) -> list[str]:
        return check(timeline(trace))[:3]

    at_once, slow = Trace(), Trace()
    for number in range(9):
        at_once.end(at_once.send("a", "b", "x"))
        slow.clock = lambda number=number: number * 0.1
        slow.end(slow.send("a", "b", "x"))
    assert first_times(at_once)[:2] == ["0", "ms"]
    assert first_times(slow) == ["0", "100", "200"]
    assert timeline(at_once) == timeline(at_once, scale="order")
    assert timeline(slow) == timeline(slow, scale="time")


def test_a_wait_that_is_given_up_a_copy_and_each_order_have_their_marks() -> None:
    case = explore(event_driven, twice=True).find("twice", "inventory.reserve")
    words = check(timeline(case.run.trace))
    assert {"① O-001", "② O-002", "doubled"} <= set(words)

    async def impatient(shop: Shop) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await shop.payment.charge(100, "card")
        await asyncio.sleep(1)

    words = check(timeline(run(impatient(Shop())).trace))
    assert {"waits no longer", "late"} <= set(words)


def test_what_the_auditor_complains_of_is_marked_where_it_happened() -> None:
    async def takes_and_forgets(shop: Shop) -> None:
        async def create_order(command: CreateOrder) -> None:
            await shop.payment.charge(command.total, command.payment_method)

        await shop.place_order(create_order)

    case = run_case(takes_and_forgets)
    picture = timeline(case.run.trace, complaints=audit(case.shop))
    (sentence,) = [each.sentence for each in audit(case.shop) if each.about == "money"]
    assert f"✗ {sentence}" in check(picture)
    (y,) = re.findall(rf'y="([\d.]+)"[^>]*>✗ {sentence}<', picture)
    lane = re.findall(rf'y="([\d.]+)" font-size="{NAME}"[^>]*>payment<', picture)
    assert abs(float(y) - float(lane[0])) < 40


def rings(picture: str) -> list[tuple[float, float]]:
    """Where the auditor complains; the last ring is the legend's."""
    found = ElementTree.fromstring(picture).iter(f"{SVG}circle")
    return [(*numbers(ring, "cx", "cy"),) for ring in found if ring.get("r") == "9"][:-1]


def diamonds(picture: str) -> set[tuple[float, float]]:
    found = ElementTree.fromstring(picture).iter(f"{SVG}polygon")
    points = [[*map(float, re.split("[ ,]", each.get("points", "")))] for each in found]
    return {(ends[0], ends[3]) for ends in points if len(ends) == 8}


@pytest.mark.parametrize("scale", ["time", "order"])
def test_a_ring_is_round_what_was_changed_and_else_where_it_was_asked(scale: str) -> None:
    async def lies(shop: Shop) -> None:
        async def create_order(command: CreateOrder) -> None:
            await shop.payment.charge(command.total, command.payment_method)
            raise OrderFailed("no reason")

        await shop.place_order(create_order)

    case = run_case(lies)
    picture = timeline(case.run.trace, scale=scale, complaints=audit(case.shop))
    assert rings(picture)
    assert set(rings(picture)) <= diamonds(picture)

    case = run_case(lies, Refused("payment.charge"))
    picture = timeline(
        case.run.trace, scale=scale, complaints=[Violation("a rule", "money", "O-001", "said")]
    )
    ends = [
        numbers(line, "x2", "y2") for line in ElementTree.fromstring(picture).iter(f"{SVG}line")
    ]
    assert [*rings(picture)[0]] in ends


def test_a_customer_waits_until_told_also_that_there_is_no_answer() -> None:
    case = run_case(by_saga, Crash("orders", after=2), shop=ShopWithLog, restart=resume)
    for scale in ("time", "order"):
        picture = ElementTree.fromstring(timeline(case.run.trace, scale=scale))
        bars = [bar for bar in picture.iter(f"{SVG}rect") if bar.get("stroke-dasharray") == "3 3"]
        x, width, y = numbers(bars[0], "x", "width", "y")
        ends = [(round(x + width, 1), y + 7)]
        assert ends == [
            (round(cx, 1), cy)
            for cx, cy in diamonds(timeline(case.run.trace, scale=scale))
            if cy == y + 7
        ]


def test_of_arrows_on_one_another_the_last_says_how_many_they_are() -> None:
    trace = Trace()
    for number in range(70):  # too many for a column each
        trace.end(trace.send("a", "b", "x" if number < 69 else "last", correlation="O-1"))
    assert check(timeline(trace, scale="time")).count("× 70") == 1
    for message in trace.messages:
        message.what = "x"
    assert "x × 70" in check(timeline(trace, scale="time"))


def test_a_legend_explains_the_numbers_of_orders_only_where_they_stand() -> None:
    trace = Trace()
    for order in ("O-1", "O-1", "O-2", "O-2"):
        trace.end(trace.send("a", "b", "tell", Kind.EVENT, correlation=order))
    assert [name for name in check(timeline(trace, scale="order")) if "O-1" in name] == ["① O-1"]
    assert "① O-1" not in timeline(trace, scale="time")  # all four lie on one another
    assert "O-1" in timeline(trace, scale="time")


@pytest.mark.parametrize("lanes_away", range(1, 9))
def test_a_lost_message_ends_half_way_between_two_lanes(lanes_away: int) -> None:
    trace = Trace()
    for number in range(9):
        trace.note(f"s{number}", "here")
    trace.end(trace.send("s0", f"s{lanes_away}", "tell"), Fate.LOST)
    root = ElementTree.fromstring(timeline(trace))
    (arrow,) = [one for one in shown(root) if one.get("class") == "lessonkit-arrow"]
    y1, y2 = numbers(arrow, "y1", "y2")
    gone = (y2 - y1) / LANE
    assert gone % 1 == pytest.approx(0.5)
    assert gone < lanes_away


def test_who_tells_himself_something_at_once_tells_nobody() -> None:
    trace = Trace()
    trace.end(trace.send("a", "a", "x", Kind.EVENT))
    assert "x" not in check(timeline(trace))


def test_a_handler_that_failed_is_a_mark_and_no_words_elsewhere() -> None:
    case = explore(event_driven).find("refused", "payment.charge")
    assert HANDLER_FAILED in [note.text for note in case.run.trace.notes]
    words = check(timeline(case.run.trace))
    assert words.count("handler failed") == 1  # the legend's


def test_an_unknown_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="scale"):
        timeline(Trace(), scale="place")
