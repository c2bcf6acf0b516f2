"""The picture of a run: a lane for every process, an arrow for every message.

What became of a message is said twice, in colour and in shape. Words keep off all that is drawn;
those for which there is no room wait for the mouse, or the keyboard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import pairwise

from lessonkit.checks import one_of, positive_number
from lessonkit.lab import arrows, svg
from lessonkit.lab.labels import Box, Sheet, along, beside
from lessonkit.lab.layout import Axis, Lane, Lanes, lie_on_each_other
from lessonkit.lab.legend import SIZE, WAITING, WORK, Legend
from lessonkit.messages import _, service_name
from lessonkit.records import Fate, Kind, Message, Note, StateChange
from lessonkit.shop.audit import Violation
from lessonkit.trace import Trace
from lessonkit.words import escape, fit

WIDTH = 860.0
"""Pixels of the drawing, as long as nobody says otherwise."""

MOST_MESSAGES = 200
"""Only so many messages are drawn: more of them would be a grey wall."""

TOP, LANE, ROW = 40, 64, 26
"""The height of the axis, of a lane, and of a row under the lanes."""

GROWS = 1.75
"""So much wider than it is drawn may the picture be shown, where there is room."""

KEEPERS = {
    "money": "payment",
    "stock": "inventory",
    "order": "database",
    "customer": "customer",
    "mail": "notification",
}
"""Whose books a complaint of the auditor is about."""

LOOK = ".lessonkit-more:focus .lessonkit-tip{visibility:visible}"


def timeline(
    trace: Trace,
    *,
    scale: str | None = None,
    at: float | None = None,
    step: int | None = None,
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
        A moment in seconds: a line marks it, and the right-hand column shows every service's state
        at that moment. Without it, the column shows the state at the end.
    step
        Of what happens at the very moment ``at``, only what happens up to the ``step``-th thing of
        the run.
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
    moment = None if at is None else positive_number("at", at, zero=True)
    positive_number("width", width)
    if scale is not None:
        one_of("scale", scale, ("time", "order"))
    picture = _Timeline(trace, moment, width, scale, complaints, step)
    parts = "".join(picture.parts())
    words = escape(title or picture.title())
    described = " ".join(map(escape, picture.sentences()))
    identity = "t" + hashlib.sha256((words + described + parts).encode()).hexdigest()[:10]
    shown = f"width:100%;max-width:{svg.number(width * GROWS)}px;height:auto;font-family:sans-serif"
    return svg.shape(
        "svg",
        f'<title id="{identity}-t">{words}</title>'
        f'<desc id="{identity}-d">{described}</desc><style>{LOOK}</style>{parts}',
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {svg.number(width)} {svg.number(picture.height)}",
        role="group",  # not img: whoever moves by the keyboard can go into it
        aria_labelledby=f"{identity}-t {identity}-d",
        fill="currentColor",
        style=shown,
    )


def better_scale(trace: Trace, width: float = WIDTH) -> str:
    """Which scale :func:`timeline` chooses by itself."""
    return "order" if _Timeline(trace, None, width, None).axis.by_order else "time"


class _Timeline:
    def __init__(
        self,
        trace: Trace,
        at: float | None,
        width: float,
        scale: str | None,
        complaints: Sequence[Violation] = (),
        step: int | None = None,
    ) -> None:
        self.trace = trace
        self.step = step
        self.complaints = complaints
        self.at = at
        messages, self.states = trace.messages[:MOST_MESSAGES], trace.states[:MOST_MESSAGES]
        self.notes = trace.notes[:MOST_MESSAGES]
        drawn = Trace(messages=messages, states=self.states, notes=self.notes)
        self.lanes = Lanes(drawn)
        self.rows = {lane: number for number, lane in enumerate(self.lanes.all())}
        # A dead process says no more. That nobody is there is the network's word.
        self.messages = [
            message
            for message in messages
            if not self.lanes.is_dead(self.lanes.sender(message), message.sent_step)
        ]
        orders = dict.fromkeys(m.correlation for m in messages if m.correlation is not None)
        self.orders = {
            order: svg.ORDERS[number % len(svg.ORDERS)] for number, order in enumerate(orders)
        }
        self.end = max(trace.end_time, at or 0.0) or 0.001
        self.width = width
        names = [svg.text_width(self.name(lane), 14) for lane in self.rows]
        names += [svg.text_width(row.name, SIZE) for row in trace.rows]
        self.left = min(max([*names, 40.0]), 150.0) + 24
        self.column_x = width - self.column_width() - 4
        self.x_end = self.column_x - 30  # half a label of the axis is wider than it
        self.axis = Axis(drawn, self.end, self.left, self.x_end)
        self.first_row = TOP + LANE * max(len(self.rows), 1) + 8
        self.bottom = self.first_row + ROW * len(trace.rows)
        self.legend = Legend(
            self.messages,
            self.orders,
            killed=bool(self.lanes.died),
            complaints=bool(complaints),
            states=bool(self.states),
            left_out=len(trace.messages) - len(messages),
            top=self.bottom,
            width=width,
        )
        self.height = self.legend.bottom
        self.lines = {message.number: self.ends(message) for message in self.messages}
        if scale == "order" or (scale is None and self.is_hidden_to_scale()):
            self.axis.by_order = True
            self.lines = {message.number: self.ends(message) for message in self.messages}
        self.sheet = Sheet(Box(self.left + 2, TOP - 6, self.column_x - 14, self.first_row))
        self.unsaid: dict[object, str] = {}

    def title(self) -> str:
        if self.axis.by_order:
            return _("What happened, one thing after the other")
        return _("What happened, on a time axis")

    def is_hidden_to_scale(self) -> bool:
        hidden = lie_on_each_other(list(self.lines.values()))
        return self.axis.has_columns and hidden > len(self.lines) / 4

    def y(self, lane: Lane) -> float:
        return TOP + LANE * (self.rows[lane] + 0.5)

    def name(self, lane: Lane) -> str:
        service, life = lane
        if self.lanes.lives(service) == 1:
            return fit(service_name(service))
        return _("{service} #{number}").format(service=fit(service_name(service)), number=life + 1)

    def parts(self) -> Iterator[str]:
        stage = [*self.times(), *self.lane_lines(), *self.bars(), *self.now()]
        for message in self.messages:
            self.keep_off(message)
        marks = [*self.marks()]
        words = [*self.words()]  # they keep off all that comes before
        yield from stage
        for message in sorted(self.messages, key=lambda message: message.error):  # errors on top
            yield self.arrow(message)
        yield from marks
        yield from words
        yield from self.values()
        yield from self.column()
        yield from self.legend.parts
        yield from self.unsaid.values()

    # --- the stage -------------------------------------------------------------------------------

    def times(self) -> Iterator[str]:
        in_seconds = self.end >= 20
        for x, label in self.axis.ticks(in_seconds):
            yield svg.line(x, TOP - 12, x, self.bottom, stroke_opacity=0.13)
            yield svg.text(x, TOP - 18, label, size=SIZE, text_anchor="middle")
        unit = "s" if in_seconds else "ms"
        yield svg.text(self.left - 26, TOP - 18, unit, size=SIZE, text_anchor="end")

    def lane_lines(self) -> Iterator[str]:
        for lane in self.rows:
            y, left, right = self.y(lane), *self.life(lane)
            words = svg.shorten(self.name(lane), 14, self.left - 20)
            yield svg.text(
                self.left - 14, y + 4, words, size=13, font_weight=600, text_anchor="end"
            )
            yield svg.line(left, y, right, y, stroke_opacity=0.5)
            self.sheet.add(Box(left, y - 3, right, y + 3))

    def life(self, lane: Lane) -> tuple[float, float]:
        """From where to where its line goes."""
        born, died = self.lanes.born(lane), self.lanes.died.get(lane)
        left = self.left if born is None else self.axis.x(*born) - 8
        return left, self.x_end if died is None else self.axis.x(*died)

    def bars(self) -> Iterator[str]:
        """Who is busy with a request; and, for those who only ask, how long they wait."""
        answers = {m.reply_to: m for m in self.messages if m.kind is Kind.REPLY}
        receivers = {m.receiver for m in self.messages if m.kind is not Kind.REPLY}
        for message in self.messages:
            answer = answers.get(message.number)
            if message.kind is not Kind.REQUEST:
                continue
            if message.fate is Fate.DELIVERED and message.ended is not None:
                lane = self.lanes.receiver(message)
                until = self.life(lane)[1]
                if answer is not None:
                    until = min(until, self.axis.x(answer.sent, answer.sent_step))
                x = self.axis.x(message.ended, message.ended_step)
                yield self.bar(lane, x, until, **WORK)
            if message.sender not in receivers:
                lane = self.lanes.sender(message)
                until = self.life(lane)[1]
                if answer is not None and answer.ended is not None:
                    until = self.axis.x(answer.ended, answer.ended_step)
                if message.gave_up is not None:
                    until = self.axis.x(message.gave_up, message.gave_up_step)
                yield self.bar(lane, self.lines[message.number][0], until, **WAITING)

    def bar(self, lane: Lane, left: float, right: float, **given: object) -> str:
        y, width = self.y(lane), max(right - left, 3)
        self.sheet.add(Box(left, y - 7, left + width, y + 7))
        return svg.shape("rect", x=left, y=y - 7, width=width, height=14, rx=3, **given)

    def now(self) -> Iterator[str]:
        """The moment that is looked at."""
        if self.at is not None:
            x = self.axis.moment(self.at, self.step)
            yield svg.line(x, TOP - 14, x, self.bottom, stroke_width=2, stroke_opacity=0.6)
            down = f"{x - 6:.1f},{TOP - 14} {x + 6:.1f},{TOP - 14} {x:.1f},{TOP - 6}"
            yield svg.shape("polygon", points=down)

    # --- the rows under the lanes ----------------------------------------------------------------

    def values(self) -> Iterator[str]:
        """A band for each row, cut where its value changes; no time, and so no width, left out."""
        for number, row in enumerate(self.trace.rows):
            y = self.first_row + ROW * (number + 0.5)
            name = svg.shorten(row.name, SIZE, self.left - 20)
            yield svg.text(self.left - 14, y + 4, name, size=SIZE, text_anchor="end")
            places = [*[self.axis.moment(time) for time, _value in row.values], self.x_end]
            for (_time, value), (left, right) in zip(row.values, pairwise(places), strict=True):
                if right - left >= 1:
                    yield self.value(value, left, right, y)
            moment = self.end if self.at is None else self.at
            if known := [value for time, value in row.values if time <= moment]:
                now = svg.shorten(known[-1], SIZE, self.width - self.column_x)
                yield svg.text(self.column_x, y + 4, now, size=SIZE)

    def value(self, value: str, left: float, right: float, y: float) -> str:
        band = svg.shape(
            "rect",
            x=left,
            y=y - 10,
            width=right - left,
            height=20,
            fill_opacity=0.08,
            stroke="currentColor",
            stroke_opacity=0.4,
        )
        if svg.text_width(value, SIZE) + 8 <= right - left:
            return band + svg.text(left + 4, y + 4, value, size=SIZE)
        self.unsaid[value, left, y] = self.tip(value, _spot((left + right) / 2, y), left, y)
        return band

    # --- the messages ----------------------------------------------------------------------------

    def ends(self, message: Message) -> tuple[float, float, float, float]:
        """Where the arrow starts and ends, in pixels. What is lost stops on the way."""
        x1, x2 = self.axis.x(message.sent, message.sent_step), self.x_end
        y1, y2 = self.y(self.lanes.sender(message)), self.y(self.lanes.receiver(message))
        if message.ended is not None:
            x2 = self.axis.x(message.ended, message.ended_step)
        if message.fate is Fate.LOST:
            x2, y2 = x1 + (x2 - x1) * 0.7, y1 + (y2 - y1) * 0.7
        return x1, y1, x2, y2

    def colour(self, message: Message) -> str | None:
        return self.orders.get(message.correlation or "") if len(self.orders) > 1 else None

    def what(self, message: Message) -> str:
        """What is asked; if there are several orders, with the number that the legend explains."""
        known = list(self.orders)
        if len(known) < 2 or message.correlation not in known[: len(svg.NUMBERS)]:
            return message.what
        return f"{svg.NUMBERS[known.index(message.correlation)]} {message.what}"

    def keep_off(self, message: Message) -> None:
        """No words on the arrow and on its marks."""
        _x1, _y1, x2, y2 = line = self.lines[message.number]
        self.sheet.add_line(*line)
        self.sheet.add(Box(x2 - 7, y2 - 7, x2 + 7, y2 + 7))
        if message.error:
            x, y = arrows.error_mark(message, *line)
            self.sheet.add(Box(x - 8, y - 8, x + 8, y + 8))

    def arrow(self, message: Message) -> str:
        words = "" if message.number in self.unsaid else svg.tooltip(sentence(message))
        line = self.lines[message.number]
        return svg.shape("g", words + arrows.arrow(message, *line, self.colour(message)))

    # --- marks and words -------------------------------------------------------------------------

    def marks(self) -> Iterator[str]:
        for change in self.states:
            x, y = self.axis.x(change.time, change.step), self.y_of(change)
            self.sheet.add(Box(x - 7, y - 7, x + 7, y + 7))
            yield svg.diamond(x, y, 6, svg.GREEN, _told(change))
        for lane in self.lanes.died:
            x, y = self.life(lane)[1], self.y(lane)
            self.sheet.add(Box(x - 10, y - 10, x + 10, y + 10))
            yield svg.cross(x, y, 9, svg.RED)
        for message in self.messages:
            if message.gave_up is not None:
                x = self.axis.x(message.gave_up, message.gave_up_step)
                y = self.y(self.lanes.sender(message))
                self.sheet.add(Box(x - 8, y - 9, x + 8, y + 9))
                yield arrows.hourglass(x, y)

        for place in dict.fromkeys(map(self.place_of, self.complaints)):
            if place is not None:
                x, y = place
                self.sheet.add(Box(x - 11, y - 11, x + 11, y + 11))
                yield arrows.complained_of(x, y)

    def y_of(self, record: StateChange | Note) -> float:
        return self.y(self.lanes.at(record.service, record.step))

    def words(self) -> Iterator[str]:
        """Each where there is room, what is rarest first; the rest waits for who comes by."""
        for violation in self.complaints:
            yield from self.complaint(violation)
        for note in self.notes:
            x, y, words = self.axis.x(note.time, note.step), self.y_of(note), _(note.text)
            yield from self.label(words, x, y, (20, -12, 34, -26), bold=True)
        for message in self.messages:
            if message.kind is not Kind.REPLY:
                yield from self.label_of(message)
        for change in self.states:
            x, y = self.axis.x(change.time, change.step), self.y_of(change)
            yield from self.label(_told(change), x, y, (20, 34, -12, -26))

    def place_of(self, violation: Violation) -> tuple[float, float] | None:
        """Where the service that it is about was last at work for the order, or the database was.

        What has not been asked at all has no lane: then it is the order that stands wrongly.
        """
        for keeper in (KEEPERS.get(violation.about), "database"):
            # Of an arrow's numbers: where it ends, or where it starts.
            first = 2 if keeper == "customer" else 0
            points = [
                (self.lines[reply.number][first], self.lines[reply.number][first + 1])
                for reply in self.messages
                if reply.kind is Kind.REPLY
                and keeper == (reply.receiver if keeper == "customer" else reply.sender)
                and reply.correlation == violation.order_id
            ]
            lanes = [lane for lane in self.rows if lane[0] == keeper]
            if lanes:
                return points[-1] if points else (self.x_end, self.y(lanes[-1]))
        return None

    def complaint(self, violation: Violation) -> Iterator[str]:
        """Why there is a ring; without room, for the mouse and the keyboard."""
        place = self.place_of(violation)
        if place is None:
            return
        words = f"✗ {violation.sentence}"
        width = svg.text_width(words, SIZE * 1.12)
        found = self.sheet.place(words, SIZE * 1.12, beside(*place, width, (-12, 20, -26, 34)))
        if found:
            yield svg.text(*found, words, size=SIZE, halo=True, font_weight=600)
        else:
            self.unsaid[violation] = self.tip(violation.sentence, _spot(*place), *place)

    def label_of(self, message: Message) -> Iterator[str]:
        """What is asked, near the one who is asked."""
        _x1, y1, x2, y2 = line = self.lines[message.number]
        words = svg.shorten(self.what(message), SIZE, self.x_end - self.left - 24)
        width = svg.text_width(words, SIZE)
        inwards = (-12, -26, 20, 34) if y1 < y2 else (20, 34, -12, -26)
        places = beside(x2, y2, width, inwards) + along(*line, width)
        found = self.sheet.place(words, SIZE, places)
        if found:
            yield svg.text(*found, words, size=SIZE, halo=True)
        else:
            hit = svg.line(*line, stroke="none", stroke_width=12, pointer_events="stroke")
            self.unsaid[message.number] = self.tip(sentence(message), hit, x2, y2)

    def label(
        self, words: str, x: float, y: float, heights: tuple[float, ...], bold: bool = False
    ) -> Iterator[str]:
        shown = svg.shorten(words, SIZE, self.x_end - self.left - 24)
        size = SIZE * 1.12 if bold else SIZE  # bold letters are that much wider
        places = beside(x, y, svg.text_width(shown, size), heights)
        found = self.sheet.place(shown, size, places)
        if found:
            weight = {"font_weight": 600} if bold else {}
            yield svg.text(*found, shown, size=SIZE, halo=True, **weight)
        else:
            self.unsaid[words, x, y] = self.tip(words, _spot(x, y), x, y)

    def tip(self, words: str, hit: str, x: float, y: float) -> str:
        """Words for which there is no room: the mouse finds them, and so does the keyboard."""
        shown = svg.shorten(words, SIZE, self.width - 24)
        width = svg.text_width(shown, SIZE) + 12
        left = min(max(x - width / 2, 2.0), self.width - width - 2)
        paper = svg.shape(
            "rect", x=left, y=y - 36, width=width, height=20, fill=svg.PAPER, stroke="currentColor"
        )
        tip = paper + svg.text(left + 6, y - 22, shown, size=SIZE)
        tip = svg.shape("g", tip, class_="lessonkit-tip", visibility="hidden")
        given = {"class_": "lessonkit-more", "tabindex": "0", "role": "img"}
        return svg.shape("g", svg.tooltip(words) + hit + tip, **given)

    # --- what the services know ------------------------------------------------------------------

    def column_width(self) -> float:
        """The same for each moment, so that nothing jumps."""
        texts = [_told(change) for change in self.states] + [self.heading()]
        return min(max(svg.text_width(fit(words), SIZE) for words in texts), 180.0)

    def heading(self) -> str:
        if self.at is None:
            return _("at the end")
        return _("after {ms} ms").format(ms=f"{self.at * 1000:,.0f}")

    def column(self) -> Iterator[str]:
        """The state of every service, at the marked moment or at the end."""
        x, moment = self.column_x, self.end if self.at is None else self.at
        yield svg.line(x - 10, TOP - 14, x - 10, self.bottom, stroke_opacity=0.3)
        yield svg.text(x, TOP - 18, self.heading(), size=SIZE, font_weight=600)
        states = self.trace.states_at(moment, self.step)
        so_far = [
            change.step
            for change in self.trace.states
            if change.time <= moment and (self.step is None or change.step <= self.step)
        ]
        for lane in self.rows:
            service = lane[0]
            lives = self.lanes.at(service, max(so_far, default=0)) == lane
            known = list(states.get(service, {}).items()) if lives else []
            y = self.y(lane) + 4 - 8 * (min(len(known), 3) - 1)
            for row, (key, value) in enumerate(known[:3]):
                words = svg.shorten(f"{_(key)}: {_listed(value)}", SIZE, self.width - x)
                yield svg.text(x, y + 16 * row, words, size=SIZE)
            if not known:
                yield svg.text(x, y - 8, "–", size=SIZE)

    # --- in words --------------------------------------------------------------------------------

    def sentences(self) -> Iterator[str]:
        """The run in words, for those who listen instead of looking."""
        for message in self.messages[:30]:
            yield sentence(message)
        for note in self.trace.notes[:30]:
            yield _("{service}, {ms} ms: {note}.").format(
                service=fit(service_name(note.service)), ms=_ms(note.time), note=fit(_(note.text))
            )
        if len(self.trace.messages) > 30:
            left_out = len(self.trace.messages) - 30
            yield _("... and {number} more messages").format(number=f"{left_out:,}")


def sentence(message: Message) -> str:
    """One message in words: from whom to whom, what, when, and what became of it."""
    words = _("{sender} to {receiver}, {what}: sent at {sent} ms, {fate}.")
    if message.kind is Kind.REPLY:
        words = _("{sender} replies to {receiver}, {what}: sent at {sent} ms, {fate}.")
    fates = [_("error")] if message.error else []
    fates.append(_(message.fate))
    return words.format(
        sender=fit(service_name(message.sender)),
        receiver=fit(service_name(message.receiver)),
        what=fit(message.what),
        sent=_ms(message.sent),
        fate=_(", ").join(fates),
    )


def _spot(x: float, y: float) -> str:
    """Nothing to be seen, and yet the mouse finds it."""
    return svg.shape("circle", cx=x, cy=y, r=8, fill="none", pointer_events="all")


def _told(change: StateChange) -> str:
    return f"{_(change.key)}: {_listed(change.value)}"


def _listed(value: str) -> str:
    """A state, which may be a list such as that of the pieces in stock."""
    return _(", ").join(map(_, value.split(", ")))


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f}"
