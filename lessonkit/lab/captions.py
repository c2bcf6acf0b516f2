"""The words in the picture of a run: each where there is room, the rest on demand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from lessonkit.lab import svg
from lessonkit.lab.labels import Box, Sheet, along, beside
from lessonkit.lab.layout import LARGE, SIZE, Line
from lessonkit.lab.plan import TOP, Plan, Spot
from lessonkit.lab.said import sentence, told
from lessonkit.messages import _
from lessonkit.patterns.bus.delivery import HANDLER_FAILED
from lessonkit.records import Kind, Message
from lessonkit.shop.audit import Violation


class Captions:
    """Finds a place for words.

    Attributes
    ----------
    sheet
        What is drawn where; words keep off it.
    waiting
        Words for which there is no room: the mouse finds them, and so does the keyboard. By the
        number of the message that they are about, or by what they say and where.
    if_narrow
        Words for which there is no room if the picture has to shrink.
    numbered
        Whether any words carry the number of an order, which the legend then explains.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.sheet = Sheet(Box(plan.left + 2, TOP - 6, plan.width - 4, plan.first_row))
        self.waiting: dict[object, str] = {}
        self.if_narrow: list[str] = []
        self.numbered = False
        self.piles: defaultdict[Line, list[Message]] = defaultdict(list)
        for message in plan.messages:
            if message.kind is not Kind.REPLY:
                self.piles[plan.lines[message.number]].append(message)

    def all(self, complaints: Sequence[Violation]) -> Iterator[str]:
        """What is rarest chooses first."""
        self.shrunk = self.sheet.copy()
        for violation in complaints:
            if spot := self.plan.complained_of(violation):
                shown, heights = f"✗ {violation.sentence}", (-12, 22, -21, 30)
                yield self._say(shown, violation.sentence, spot, heights, bold=True)
        for note in self.plan.notes:
            if note.text == HANDLER_FAILED:  # the mark on its arrow says so, and the legend
                continue
            words, heights = _(note.text), (22, -12, 30, -21)
            yield self._say(self._short(words), words, self.plan.spot(note), heights, bold=True)
        for message in self.plan.messages:
            if message.kind is not Kind.REPLY:
                yield self._ask(message)
        for change in self.plan.states:
            words, heights = told(change), (22, 30, -12, -21)
            yield self._say(self._short(words), words, self.plan.spot(change), heights)

    def _ask(self, message: Message) -> str:
        """What is asked, near the one who is asked."""
        _x1, y1, x2, y2 = line = self.plan.lines[message.number]
        words, orders = message.what, list(self.plan.orders)
        pile = self.piles[line]
        if len(pile) > 1:  # they lie on one another, and only the last one can be seen
            if message is not pile[-1]:
                self.wait(sentence(message), (x2, y2), message.number)
                return ""
            what = words if {other.what for other in pile} == {words} else ""
            words = f"{what} × {len(pile)}".strip()
        elif len(orders) > 1 and message.correlation in orders[: len(svg.NUMBERS)]:
            # With the number that the legend explains.
            words = f"{svg.NUMBERS[orders.index(message.correlation)]} {words}"
        here, beyond = ((-12, -21), (22, 30)) if y1 < y2 else ((22, 30), (-12, -21))
        # A call may stand beyond the lane, under the bar of its work. An event there would read as
        # another one's.
        on_its_side = message.kind is Kind.EVENT and y1 != y2
        heights = here if on_its_side else here + beyond
        shown, in_full = self._short(words), sentence(message)
        said = self._say(shown, in_full, (x2, y2), heights, number=message.number)
        self.numbered |= bool(said) and words.startswith(tuple(svg.NUMBERS))
        return said

    def _short(self, words: str) -> str:
        return svg.shorten(words, SIZE, self.plan.right - self.plan.left - 24)

    def _say(
        self,
        shown: str,
        in_full: str,
        spot: Spot,
        heights: Sequence[float],
        *,
        bold: bool = False,
        number: int | None = None,
    ) -> str:
        size = SIZE * 1.12 if bold else SIZE  # bold letters are that much wider
        places = beside(*spot, heights)
        if number is not None:
            places += along(*self.plan.lines[number])
        found = self.sheet.place(shown, size, places)
        if found is None:
            self.wait(in_full, spot, number)
            return ""
        x, y, anchor = found
        look: dict[str, object] = {"text_anchor": anchor} | ({"font_weight": 600} if bold else {})
        if self.shrunk.place(shown, size * LARGE / SIZE, [found]) != found:
            look["class_"] = "lessonkit-wide"
            self.wait_if_narrow(in_full, spot, number)
        return svg.text(x, y, shown, size=SIZE, halo=True, **look)

    def wait(self, words: str, spot: Spot, number: int | None = None) -> None:
        """Show the words to those who come by: to the spot, or to the arrow with this number."""
        key = (words, spot) if number is None else number
        self.waiting[key] = self._on_demand(words, spot, number)

    def wait_if_narrow(self, words: str, spot: Spot, number: int | None = None) -> None:
        """The same, where the picture has to shrink."""
        words = svg.shorten(words, SIZE, 2 * self.plan.width)
        self.if_narrow.append(self._on_demand(words, spot, number, "lessonkit-narrow"))

    def _on_demand(self, words: str, spot: Spot, number: int | None, look: str = "") -> str:
        x, y = spot
        shown = _in_lines(words, self.plan.width - 24)
        width = max(svg.text_width(line, LARGE) for line in shown) + 12
        top = y - 16 - 20 * len(shown)
        left = min(max(x - width / 2, 2.0), self.plan.width - width - 2)
        paper = svg.shape(
            "rect",
            x=left,
            y=top,
            width=width,
            height=20 * len(shown),
            fill=svg.PAPER,
            stroke="currentColor",
        )
        said = [
            svg.text(left + 6, top + 14 + 20 * n, line, size=SIZE) for n, line in enumerate(shown)
        ]
        tip = svg.shape("g", "".join([paper, *said]), class_="lessonkit-tip", visibility="hidden")
        # Nothing to be seen, and yet the mouse finds it.
        hit = svg.shape("circle", cx=x, cy=y, r=8, fill="none", pointer_events="all")
        if number is not None:
            line = self.plan.lines[number]
            hit = svg.line(*line, stroke="none", stroke_width=12, pointer_events="stroke")
        given = {"class_": f"lessonkit-more {look}".strip(), "tabindex": "0", "role": "img"}
        return svg.shape("g", svg.tooltip(words) + hit + tip, **given)


def _in_lines(words: str, width: float) -> list[str]:
    """The words in one line, or if they are too wide in two."""
    if svg.text_width(words, LARGE) <= width:
        return [words]
    middle = len(words) * 2 // 3
    cut = 1 + max(words.rfind(" ", 0, middle), words.rfind("、", 0, middle))
    parts = (words[:cut], words[cut:]) if cut else (words,)
    return [svg.shorten(part, LARGE, width) for part in parts]
