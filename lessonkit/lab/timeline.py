"""The picture of a run: a lane for every service, an arrow for every message, all to scale.

What became of a message is said twice, in colour and in shape. The dots are moved by the browser
itself (SVG's ``animateMotion``), so the picture needs no program to go with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from lessonkit.checks import positive_number
from lessonkit.lab import svg
from lessonkit.lab.arrows import LOOKS, arrow, dot
from lessonkit.messages import _, service_name
from lessonkit.records import Fate, Kind, Message
from lessonkit.shop.process import CRASH
from lessonkit.trace import Trace
from lessonkit.words import escape, fit

MOST_MESSAGES = 200
"""Only so many messages are drawn: more of them would be a grey wall."""

LEFT, RIGHT, TOP, LANE, BOTTOM = 132, 190, 40, 58, 30
SHOW_SECONDS = 6.0
"""How long the dots need for the whole run, in real seconds."""


def timeline(
    trace: Trace, *, at: float | None = None, width: float = 900, title: str | None = None
) -> str:
    """Draw a run as an SVG.

    Parameters
    ----------
    trace
        What happened.
    at
        A moment in seconds: a line marks it, and the right-hand column shows every service's state
        at that moment. Without it, the column shows the state at the end.
    width
        Pixels of the drawing; it shrinks with the page.
    title
        What a screen reader calls the picture.

    Raises
    ------
    TypeError, ValueError
        If ``at`` is no number, or negative.
    """
    moment = None if at is None else positive_number("at", at, zero=True)
    positive_number("width", width)
    picture = _Timeline(trace, moment, width)
    parts = "".join(picture.parts())
    words = escape(title or _("What happened, on a time axis"))
    described = " ".join(map(escape, picture.sentences()))
    identity = "t" + hashlib.sha256((words + described + parts).encode()).hexdigest()[:10]
    return svg.shape(
        "svg",
        f'<title id="{identity}-t">{words}</title>'
        f'<desc id="{identity}-d">{described}</desc>'
        "<style>@media (prefers-reduced-motion:reduce){.lessonkit-dot{display:none}}</style>"
        + parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {svg.number(width)} {svg.number(picture.height)}",
        role="img",
        aria_labelledby=f"{identity}-t {identity}-d",
        fill="currentColor",
        style=f"width:100%;max-width:{svg.number(width)}px;height:auto;font-family:sans-serif",
    )


class _Timeline:
    def __init__(self, trace: Trace, at: float | None, width: float) -> None:
        self.trace = trace
        self.at = at
        self.messages = trace.messages[:MOST_MESSAGES]
        self.states_drawn = trace.states[:MOST_MESSAGES]
        self.notes_drawn = trace.notes[:MOST_MESSAGES]
        drawn = Trace(messages=self.messages, states=self.states_drawn, notes=self.notes_drawn)
        self.lane = {service: number for number, service in enumerate(drawn.services)}
        self.end = max(trace.end_time, at or 0.0) or 0.001
        self.x_end = width - RIGHT - 14
        self.width = width
        self.height = TOP + LANE * max(len(self.lane), 1) + BOTTOM
        self.said: list[tuple[str, float, float]] = []
        self.crashes = {note.service: note.time for note in trace.notes if note.text == CRASH}

    def x(self, time: float) -> float:
        return LEFT + (self.x_end - LEFT) * time / self.end

    def y(self, service: str) -> float:
        return TOP + LANE * (self.lane[service] + 0.5)

    def shorten(self, words: str, size: float) -> str:
        """So much of the words as fits between the first and the last moment."""
        return svg.shorten(words, size, self.x_end - LEFT - 24)

    def parts(self) -> Iterator[str]:
        yield from self.axis()
        yield from self.lanes()
        yield from self.bars()
        for message in sorted(self.messages, key=lambda message: message.error):  # errors on top
            yield self.arrow(message)
        yield from self.labels()
        yield from self.states()
        yield from self.notes()
        yield from self.dots()
        yield from self.column()
        yield from self.legend()

    # --- the stage -------------------------------------------------------------------------------

    def axis(self) -> Iterator[str]:
        in_seconds = self.end >= 20
        step = svg.round_step(self.end, 8)
        bottom = self.height - BOTTOM
        for tick in range(int(self.end / step + 1e-9) + 1):
            x = self.x(tick * step)
            yield svg.line(x, TOP - 12, x, bottom, stroke_opacity=0.13)
            label = f"{tick * step:g}" if in_seconds else f"{round(tick * step * 1000, 6):,g}"
            # The last one must not run into the column's heading.
            anchor = "middle" if x < self.x_end - 20 else "end"
            yield svg.text(x, TOP - 18, label, text_anchor=anchor, opacity=0.75)
        yield svg.text(LEFT - 14, TOP - 18, "s" if in_seconds else "ms", text_anchor="end")

    def lanes(self) -> Iterator[str]:
        for service in self.lane:
            y = self.y(service)
            words = svg.shorten(service_name(service), 12.5, LEFT - 18)
            yield svg.text(LEFT - 14, y + 4, words, size=12.5, font_weight=600, text_anchor="end")
            died = self.x(min(self.crashes.get(service, self.end), self.end))
            yield svg.line(LEFT, y, died, y, stroke_opacity=0.5)
            if service in self.crashes:
                yield svg.line(
                    died, y, self.x_end, y, stroke=svg.RED, stroke_dasharray="2 6", stroke_width=1.5
                )

    def bars(self) -> Iterator[str]:
        """Who is busy with a request; and, for those who only ask, how long they wait."""
        answers = {m.reply_to: m for m in self.messages if m.kind is Kind.REPLY}
        receivers = {m.receiver for m in self.messages if m.kind is not Kind.REPLY}
        for message in self.messages:
            answer = answers.get(message.number)
            if message.kind is not Kind.REQUEST:
                continue
            if message.fate is Fate.DELIVERED and message.ended is not None:
                until = answer.sent if answer else self.end
                until = min(until, self.crashes.get(message.receiver, until))
                yield self.bar(message.receiver, message.ended, until, fill_opacity=0.22)
            if message.sender not in receivers:
                got = answer.ended if answer and answer.ended is not None else self.end
                yield self.bar(
                    message.sender,
                    message.sent,
                    got,
                    fill="none",
                    stroke="currentColor",
                    stroke_dasharray="3 3",
                    stroke_opacity=0.6,
                )

    def bar(self, service: str, start: float, end: float, **given: object) -> str:
        x = self.x(start)
        width = max(self.x(end) - x, 3)
        return svg.shape("rect", x=x, y=self.y(service) - 7, width=width, height=14, rx=3, **given)

    # --- the messages ----------------------------------------------------------------------------

    def ends(self, message: Message) -> tuple[float, float, float, float]:
        """Where the arrow starts and ends, in pixels. What is lost stops on the way."""
        ended = message.ended if message.ended is not None else self.end
        x1, y1 = self.x(message.sent), self.y(message.sender)
        x2, y2 = self.x(ended), self.y(message.receiver)
        if message.fate is Fate.LOST:
            x2, y2 = x1 + (x2 - x1) * 0.7, y1 + (y2 - y1) * 0.7
        return x1, y1, x2, y2

    def arrow(self, message: Message) -> str:
        return svg.shape("g", svg.tooltip(sentence(message)) + arrow(message, *self.ends(message)))

    def labels(self) -> Iterator[str]:
        """What is asked, above the lane of the one who is asked."""
        free_from: dict[str, float] = {}
        for message in self.messages:
            if message.kind is Kind.REPLY:
                continue
            x = self.ends(message)[2] + 4
            what = self.shorten(message.what, 11)
            width = svg.text_width(what, 11)
            x = min(x, max(self.x_end - width, LEFT))
            if x >= free_from.get(message.receiver, 0.0):
                free_from[message.receiver] = x + width + 4
                yield svg.text(x, self.y(message.receiver) - 12, what, halo=True)

    def dots(self) -> Iterator[str]:
        """A dot that travels along each message, all on one common clock."""
        if len(self.messages) > 60:
            return
        for message in self.messages:
            ended = message.ended if message.ended is not None else self.end
            # The last tenth of the show is a pause; a message without duration still shows.
            start = 0.9 * message.sent / self.end
            stop = max(0.9 * ended / self.end, start + 0.02)
            yield dot(message, *self.ends(message), start, stop, SHOW_SECONDS)

    # --- what the services know ------------------------------------------------------------------

    def states(self) -> Iterator[str]:
        free_from: dict[str, float] = {}
        for change in self.states_drawn:
            x, y = self.x(change.time), self.y(change.service)
            words = f"{_(change.key)}: {_(change.value)}"
            yield svg.diamond(x, y, 6, svg.GREEN, words)
            words = self.shorten(words, 10.5)
            width = svg.text_width(words, 10.5)
            left = min(x - 5, max(self.x_end - width, LEFT))
            if left >= free_from.get(change.service, 0.0):
                free_from[change.service] = left + width + 4
                self.said.append((change.service, left, left + width))
                yield svg.text(left, y + 20, words, size=10.5, halo=True)

    def notes(self) -> Iterator[str]:
        free_from: dict[str, float] = {}
        for note in self.notes_drawn:
            x, y = self.x(note.time), self.y(note.service)
            if note.text == CRASH:
                yield svg.cross(x, y, 9, svg.RED)
            words = self.shorten(_(note.text), 11)
            width = svg.text_width(words, 11)
            left = min(x + 12, self.x_end - width - 12)
            if left >= free_from.get(note.service, 0.0):
                free_from[note.service] = left + width + 4
                taken = any(
                    service == note.service and start < left + width and left < end
                    for service, start, end in self.said
                )
                below = 32 if taken else 20  # where no state is written already
                yield svg.text(left, y + below, words, fill=svg.RED, font_weight=600)

    def column(self) -> Iterator[str]:
        """The state of every service, at the marked moment or at the end."""
        x = self.width - RIGHT
        heading = _("at the end")
        if self.at is not None:
            heading = _("after {ms} ms").format(ms=f"{self.at * 1000:,.0f}")
            line_x = self.x(self.at)
            yield svg.line(line_x, TOP - 14, line_x, self.height - BOTTOM, stroke_width=2)
            down = f"{line_x - 6:.1f},{TOP - 14} {line_x + 6:.1f},{TOP - 14} {line_x:.1f},{TOP - 6}"
            yield svg.shape("polygon", points=down)
        yield svg.line(x - 8, TOP - 14, x - 8, self.height - BOTTOM, stroke_opacity=0.3)
        yield svg.text(x, TOP - 18, heading, font_weight=600)
        states = self.trace.states_at(self.end if self.at is None else self.at)
        for service in self.lane:
            known = list(states.get(service, {}).items())
            y = self.y(service) + 4 - 7 * (min(len(known), 3) - 1)
            for row, (key, value) in enumerate(known[:3]):
                words = svg.shorten(f"{_(key)}: {_(value)}", 12, RIGHT - 4)
                yield svg.text(x, y + 15 * row, words, size=12)
            if not known:
                yield svg.text(x, y - 7, "–", opacity=0.5)

    # --- in words --------------------------------------------------------------------------------

    def legend(self) -> Iterator[str]:
        """A sample of every kind of arrow that occurs, and of the other marks."""
        samples = [
            (_(fate), _sample(fate))
            for fate in LOOKS
            if any(m.fate is fate and m.kind is not Kind.REPLY for m in self.messages)
        ]
        for fate in LOOKS:
            if any(m.fate is fate and m.kind is Kind.REPLY for m in self.messages):
                words = _("reply")
                if fate is not Fate.DELIVERED:
                    words = f"{words}: {_(fate)}"
                samples.append((words, _sample(fate, Kind.REPLY)))
        if any(m.error for m in self.messages):
            samples.append((_("error"), _sample(Fate.DELIVERED, Kind.REPLY, error=True)))
        if self.trace.states:
            samples.append((_("change of state"), svg.diamond(13, -4, 6, svg.GREEN, "")))
        left_out = len(self.trace.messages) - len(self.messages)
        if left_out:
            more = _("... and {number} more messages").format(number=f"{left_out:,}")
            samples.append((more, ""))
        x, y = float(LEFT), self.height - 10
        for words, drawn in samples:
            yield svg.shape("g", drawn, transform=f"translate({svg.number(x)} {svg.number(y)})")
            yield svg.text(x + 36, y, words)
            x += 36 + svg.text_width(words, 11) + 18

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
        fate=", ".join(fates),
    )


def _sample(fate: Fate, kind: Kind = Kind.REQUEST, error: bool = False) -> str:
    return arrow(Message(0, "", "", "", kind, 0.0, 0.0, fate, error=error), 0, -4, 26, -4)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f}"
