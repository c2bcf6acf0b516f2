"""The picture of a run: a lane for every process, an arrow for every message.

What became of a message is said twice, in colour and in shape. Words keep off all that is drawn;
those for which there is no room wait for the mouse, or the keyboard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from lessonkit.checks import one_of, positive_number
from lessonkit.lab import arrows, svg
from lessonkit.lab.captions import Captions
from lessonkit.lab.labels import Box
from lessonkit.lab.layout import LARGE, NAME, SIZE, Lane
from lessonkit.lab.legend import WAITING, WORK, legend
from lessonkit.lab.plan import LINE, MOST_STATES, ROW, TOP, Plan, Spot, heading
from lessonkit.lab.said import sentence, sentences, state, told
from lessonkit.messages import _
from lessonkit.records import Fate, Kind, Row
from lessonkit.shop.audit import Violation
from lessonkit.trace import Trace
from lessonkit.words import escape

WIDTH = 700.0
"""Pixels of the drawing, as long as nobody says otherwise.

So narrow that nothing has to shrink beside JupyterLab's side bar in a window of 1,100 pixels.
"""

GROWS, SHRINKS = 2.15, 12 / LARGE
"""So much wider and narrower than it is drawn may the picture be shown.

Narrower still, and its letters could not be read: it is scrolled then.
"""

# In a wide box the picture grows, and its letters need not grow as much. In a narrow one it
# shrinks, and they do not: words that have no room then wait for the mouse or the keyboard.
LOOK = f""".lessonkit-more:focus .lessonkit-tip{{visibility:visible}}
.lessonkit-narrow{{display:none}}
@container(min-width:960px){{.lessonkit-run text{{font-size:10.5px}}}}
@container(max-width:{WIDTH * 12 / SIZE:.0f}px){{.lessonkit-shrinks text{{font-size:{LARGE}px}}
.lessonkit-shrinks .lessonkit-wide{{display:none}}
.lessonkit-shrinks .lessonkit-narrow{{display:inline}}}}"""


def timeline(
    trace: Trace,
    *,
    scale: str | None = None,
    at: float | None = None,
    width: float = WIDTH,
    title: str | None = None,
    complaints: Sequence[Violation] = (),
) -> str:
    """Draw a run as an SVG.

    Parameters
    ----------
    trace
        What happened.
    scale
        ``"time"``: how long it took, to scale. ``"order"``: what came first, with a column for
        everything that happened. None: by the order if to scale more than a quarter of the arrows
        would run along another one, and the columns are wide enough to be told apart.
    at
        A moment in seconds: a line marks it, and under its name stands every service's state at
        that moment. Without it, the state at the end.
    width
        Pixels of the drawing; it grows and shrinks with the page.
    title
        What a screen reader calls the picture.
    complaints
        What :func:`~lessonkit.shop.audit` says: each is marked where it happened.

    Raises
    ------
    TypeError, ValueError
        If ``at`` is no number, or negative, or ``scale`` is none of the two.
    """
    until = 0.0 if at is None else positive_number("at", at, zero=True)
    positive_number("width", width)
    if scale is not None:
        one_of("scale", scale, ("time", "order"))
    return Drawing(trace, scale, width, title, complaints, until=until).at(at)


class Drawing:
    """A run, drawn once: then a line can mark each of its moments.

    Parameters
    ----------
    trace, scale, width, title, complaints
        As in :func:`timeline`.
    until
        The last moment that will be marked, if it is later than the end of the run.

    Attributes
    ----------
    by_order
        Which scale it has.
    """

    def __init__(
        self,
        trace: Trace,
        scale: str | None,
        width: float,
        title: str | None,
        complaints: Sequence[Violation],
        *,
        until: float = 0.0,
    ) -> None:
        self.trace = trace
        self.plan = plan = Plan(trace, max(trace.end_time, until) or 0.001, width, scale)
        self.by_order = plan.axis.by_order
        self.captions = Captions(plan)
        # All marks before the first word: it keeps off them.
        self._below = "".join([*self._times(), *self._lanes(), *self._bars()])
        marks = [*self._marks(complaints)]
        words = [*self.captions.all(complaints)]
        self._above = "".join([*self._arrows(), *marks, *words, *self._rows()])
        samples, self._bottom = legend(plan, bool(complaints), self.captions.numbered)
        self._last = samples + "".join([*self.captions.waiting.values(), *self.captions.if_narrow])
        what = _("What happened, on a time axis")
        if self.by_order:
            what = _("What happened, one thing after the other")
        self._title = escape(title or what)
        self._described = " ".join(map(escape, sentences(trace, plan.messages)))

    def at(self, moment: float | None, step: int | None = None) -> str:
        """The picture as SVG, with a line at this moment (in seconds); None for the end.

        Of what happens at that very moment, only what happens up to the ``step``-th thing of the
        run.
        """
        now, column = self._now(moment, step), self._column(moment, step)
        parts = "".join([self._below, *now, self._above, *column, self._last])
        words = self._title + self._described + parts
        identity = "t" + hashlib.sha256(words.encode()).hexdigest()[:10]
        shrinks = self.plan.width == WIDTH  # one of two side by side is narrow enough
        shares = SHRINKS if shrinks else 12 / SIZE, GROWS
        least, most = (svg.number(self.plan.width * share) for share in shares)
        look = f"min-width:{least}px;width:100%;max-width:{most}px;height:auto"
        return svg.shape(
            "svg",
            f'<title id="{identity}-t">{self._title}</title>'
            f'<desc id="{identity}-d">{self._described}</desc><style>{LOOK}</style>{parts}',
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {svg.number(self.plan.width)} {svg.number(self._bottom)}",
            role="group",  # not img: whoever moves by the keyboard can go into it
            aria_labelledby=f"{identity}-t {identity}-d",
            class_="lessonkit-run lessonkit-shrinks" if shrinks else "lessonkit-run",
            fill="currentColor",
            style=f"{look};font-family:sans-serif",
        )

    # --- the stage -------------------------------------------------------------------------------

    def _times(self) -> Iterator[str]:
        in_seconds = self.plan.end >= 20
        for x, label in self.plan.axis.ticks(in_seconds):
            yield svg.line(x, TOP - 12, x, self.plan.bottom, stroke_opacity=0.13)
            yield svg.text(x, TOP - 18, label, size=SIZE, text_anchor="middle")
        unit = _("s") if in_seconds else "ms"
        yield svg.text(self.plan.left - 26, TOP - 18, unit, size=SIZE, text_anchor="end")

    def _lanes(self) -> Iterator[str]:
        for lane in self.plan.numbers:
            y, (left, right) = self.plan.y(lane), self.plan.life(lane)
            yield self._beside(self.plan.heads(lane), self.plan.name(lane), NAME, font_weight=600)
            yield svg.line(left, y, right, y, stroke_opacity=0.5)
            self._keep_off(left, y - 3, right, y + 3)

    def _bars(self) -> Iterator[str]:
        """Who is busy with a request; and, for those who only ask, how long they wait."""
        lanes, x = self.plan.lanes, self.plan.axis.x
        answers = {m.reply_to: m for m in self.plan.messages if m.kind is Kind.REPLY}
        receivers = {m.receiver for m in self.plan.messages if m.kind is not Kind.REPLY}
        for message in self.plan.messages:
            answer = answers.get(message.number)
            if message.kind is not Kind.REQUEST:
                continue
            if message.fate is Fate.DELIVERED and message.ended is not None:
                lane = lanes.receiver(message)
                until = self.plan.life(lane)[1]
                if answer is not None:
                    until = min(until, x(answer.sent, answer.sent_step))
                yield self._bar(lane, x(message.ended, message.ended_step), until, **WORK)
            if message.sender not in receivers:
                begins, until = self.plan.waits(message, answer)
                yield self._bar(lanes.sender(message), begins, until, **WAITING)

    def _bar(self, lane: Lane, left: float, right: float, **given: object) -> str:
        y, width = self.plan.y(lane), max(right - left, 3)
        self._keep_off(left, y - 7, left + width, y + 7)
        return svg.shape("rect", x=left, y=y - 7, width=width, height=14, rx=3, **given)

    # --- what happens on it ----------------------------------------------------------------------

    def _arrows(self) -> Iterator[str]:
        colours = self.plan.orders if len(self.plan.orders) > 1 else {}
        for message in sorted(self.plan.messages, key=lambda message: message.error):  # those last
            words = svg.tooltip(sentence(message))
            if message.number in self.captions.waiting:
                words = ""
            line = self.plan.lines[message.number]
            drawn = arrows.arrow(message, *line, colours.get(message.correlation or ""))
            yield svg.shape("g", words + drawn)

    def _marks(self, complaints: Sequence[Violation]) -> Iterator[str]:
        for message in self.plan.messages:
            line = self.plan.lines[message.number]
            self.captions.sheet.add_line(*line)
            self._keep_round(line[2:], 7)
            if message.error:
                self._keep_round(arrows.error_mark(message, *line), 8)
        for change in self.plan.states:
            spot = self._keep_round(self.plan.spot(change), 7)
            yield svg.diamond(*spot, 6, svg.GREEN, told(change))
        for lane in self.plan.lanes.died:
            spot = self._keep_round((self.plan.life(lane)[1], self.plan.y(lane)), 10)
            yield svg.cross(*spot, 9, svg.RED)
        for message in self.plan.messages:
            if given_up := self.plan.given_up(message):
                yield arrows.hourglass(*self._keep_round(given_up, 9))
        for place in dict.fromkeys(map(self.plan.complained_of, complaints)):
            if place is not None:
                yield arrows.complained_of(*self._keep_round(place, 11))

    def _keep_round(self, spot: Spot, radius: float) -> Spot:
        x, y = spot
        self._keep_off(x - radius, y - radius, x + radius, y + radius)
        return spot

    def _keep_off(self, left: float, top: float, right: float, bottom: float) -> None:
        """No words here."""
        self.captions.sheet.add(Box(left, top, right, bottom))

    def _rows(self) -> Iterator[str]:
        """A band for each row, cut where its value changes; no time, and so no width, left out."""
        end = self.plan.right
        for row, y in self._places_of_rows():
            yield self._beside(y - 4, row.name, NAME, font_weight=600)
            places = [*[self.plan.axis.moment(time) for time, _value in row.values], end]
            for (_time, value), (left, right) in zip(row.values, pairwise(places), strict=True):
                if right - left < 1:
                    continue
                yield svg.shape(
                    "rect",
                    x=left,
                    y=y - 10,
                    width=right - left,
                    height=20,
                    fill_opacity=0.08,
                    stroke="currentColor",
                    stroke_opacity=0.4,
                )
                middle, room = ((left + right) / 2, y), right - left - 8
                if svg.text_width(value, LARGE) <= room:
                    yield svg.text(left + 4, y + 4, value, size=SIZE)
                elif svg.text_width(value, SIZE) <= room:
                    yield svg.text(left + 4, y + 4, value, size=SIZE, class_="lessonkit-wide")
                    self.captions.wait_if_narrow(value, middle)
                else:
                    self.captions.wait(value, middle)

    # --- at one moment ---------------------------------------------------------------------------

    def _now(self, moment: float | None, step: int | None) -> Iterator[str]:
        if moment is not None:
            x = self.plan.axis.moment(moment, step)
            yield svg.line(x, TOP - 14, x, self.plan.bottom, stroke_width=2, stroke_opacity=0.6)
            down = f"{x - 6:.1f},{TOP - 14} {x + 6:.1f},{TOP - 14} {x:.1f},{TOP - 6}"
            yield svg.shape("polygon", points=down)

    def _column(self, moment: float | None, step: int | None) -> Iterator[str]:
        """What everybody knows, and what the rows say."""
        time = self.plan.end if moment is None else moment
        for row, y in self._places_of_rows():
            if known := [value for since, value in row.values if since <= time]:
                yield self._beside(y - 4 + LINE, known[-1], SIZE)
        yield self._beside(TOP - 3, heading(moment), SIZE, font_weight=600)
        so_far = [
            change.step
            for change in self.trace.states
            if change.time <= time and (step is None or change.step <= step)
        ]
        states = self.trace.states_at(time, step)
        every_state = {change.service for change in self.trace.states}
        for lane in self.plan.numbers:
            lives = self.plan.lanes.at(lane[0], max(so_far, default=0)) == lane
            known = [state(*each) for each in states.get(lane[0], {}).items()] if lives else []
            knows = lane[0] in every_state
            for number, words in enumerate(known[:MOST_STATES] or ["–"] * knows, 1):
                yield self._beside(self.plan.heads(lane) + LINE * number, words, SIZE)

    def _beside(self, y: float, words: str, size: float, **given: Any) -> str:
        """Words left of the lanes."""
        x = self.plan.left - 10
        return svg.text(
            x, y, svg.shorten(words, LARGE, x - 1), size=size, text_anchor="end", **given
        )

    def _places_of_rows(self) -> Iterator[tuple[Row, float]]:
        for number, row in enumerate(self.trace.rows):
            yield row, self.plan.first_row + ROW * (number + 0.5)
