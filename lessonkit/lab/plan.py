"""Where everything in the picture of a run stands, before a line of it is drawn."""

from __future__ import annotations

from lessonkit.lab import svg
from lessonkit.lab.layout import LARGE, Axis, Lane, Lanes, Line, lie_on_each_other, takes_no_time
from lessonkit.lab.said import in_ms, told
from lessonkit.messages import _, service_name
from lessonkit.records import Fate, Kind, Message, Note, StateChange
from lessonkit.shop.audit import Violation
from lessonkit.trace import Trace
from lessonkit.words import fit

MOST_MESSAGES = 200
"""Only so many messages are drawn: more of them would be a grey wall."""

TOP, LANE, ROW = 40, 60, 34
"""The height of the axis, of a lane, and of a row under the lanes, in pixels."""

LINE = 15.3
"""From one line of words to the next one, in pixels."""

MOST_STATES = 3
"""Only so much of what a service knows stands under its name."""

Spot = tuple[float, float]

KEEPERS = {
    "money": "payment",
    "stock": "inventory",
    "order": "database",
    "customer": "customer",
    "mail": "notification",
}
"""Whose books a complaint of the auditor is about."""


class Plan:
    """The lanes, the axis, the two ends of every arrow; all in pixels.

    Parameters
    ----------
    trace
        The run.
    end
        The last moment of the picture, in seconds.
    width
        Of the picture.
    scale
        As in :func:`~lessonkit.lab.timeline.timeline`.

    Attributes
    ----------
    messages, states, notes
        What of the run is drawn.
    lines
        For the number of each message: from where to where it goes.
    left, right
        Where the lanes begin and end; left of them stands who it is, and what everybody knows.
    """

    def __init__(self, trace: Trace, end: float, width: float, scale: str | None) -> None:
        self.trace, self.end, self.width = trace, end, width
        drawn = first_of(trace)
        self.states, self.notes = drawn.states, drawn.notes
        self.lanes = Lanes(drawn)
        self.numbers = {lane: number for number, lane in enumerate(self.lanes.all())}
        # A dead process says no more. That nobody is there is the network's word. And who tells
        # himself something at once tells nobody.
        self.messages = [
            message
            for message in drawn.messages
            if not self.lanes.is_dead(self.lanes.sender(message), message.sent_step)
            and not (message.sender == message.receiver and takes_no_time(message))
        ]
        orders = dict.fromkeys(m.correlation for m in drawn.messages if m.correlation is not None)
        self.orders = {
            order: svg.ORDERS[number % len(svg.ORDERS)] for number, order in enumerate(orders)
        }
        # As wide as it ever gets: so nothing jumps when the moment moves.
        bold = [heading(None), heading(end), *map(self.name, self.numbers)]
        bold += [row.name for row in trace.rows]
        said = [
            *map(told, trace.states),
            *(value for row in trace.rows for _at, value in row.values),
        ]
        wide = [svg.text_width(fit(words), LARGE) for words in [*bold, *said]]
        self.left = min(max(wide), 240.0) + 12
        self.right = width - 30  # half a label of the axis is wider than it
        self.first_row = TOP + LANE * max(len(self.numbers), 1) + 8
        self.bottom = self.first_row + ROW * len(trace.rows)
        self.axis = Axis(drawn, end, self.left, self.right)
        self.lines = self._lines()
        if scale == "order" or (scale is None and self._is_hidden_to_scale()):
            self.axis.by_order = True
            self.lines = self._lines()

    def _is_hidden_to_scale(self) -> bool:
        hidden = lie_on_each_other(list(self.lines.values()))
        return self.axis.has_columns and hidden > len(self.lines) / 4

    def _lines(self) -> dict[int, Line]:
        return {message.number: self._ends(message) for message in self.messages}

    def _ends(self, message: Message) -> Line:
        x1, x2 = self.axis.x(message.sent, message.sent_step), self.right
        y1, y2 = self.y(self.lanes.sender(message)), self.y(self.lanes.receiver(message))
        if message.ended is not None:
            x2 = self.axis.x(message.ended, message.ended_step)
        if message.fate is Fate.LOST:  # it stops on the way, half-way between two lanes
            lanes = abs(y2 - y1) / LANE
            share = (int(lanes * 0.7) + 0.5) / lanes if lanes else 0.7
            x2, y2 = x1 + (x2 - x1) * share, y1 + (y2 - y1) * share
        return x1, y1, x2, y2

    def name(self, lane: Lane) -> str:
        """What the lane is called; the processes of one service are numbered."""
        service, life = lane
        if (service, 1) not in self.numbers:
            return fit(service_name(service))
        return _("{service} #{number}").format(service=fit(service_name(service)), number=life + 1)

    def y(self, lane: Lane) -> float:
        """How far down the lane runs."""
        return TOP + LANE * (self.numbers[lane] + 0.5)

    def heads(self, lane: Lane) -> float:
        """How far down its name stands: above all that its service will ever know."""
        known = {change.key for change in self.trace.states if change.service == lane[0]}
        return self.y(lane) + 4 - LINE / 2 * min(len(known), MOST_STATES)

    def life(self, lane: Lane) -> tuple[float, float]:
        """From where to where the lane goes."""
        born, died = self.lanes.born.get(lane), self.lanes.died.get(lane)
        left = self.left if born is None else self.axis.x(*born) - 8
        return left, self.right if died is None else self.axis.x(*died)

    def spot(self, record: StateChange | Note) -> Spot:
        """Where something happened to a service."""
        lane = self.lanes.at(record.service, record.step)
        return self.axis.x(record.time, record.step), self.y(lane)

    def given_up(self, message: Message) -> Spot | None:
        """Where the sender waits no longer for the reply."""
        if message.gave_up is None:
            return None
        x = self.axis.x(message.gave_up, message.gave_up_step)
        return x, self.y(self.lanes.sender(message))

    def waits(self, message: Message, answer: Message | None) -> tuple[float, float]:
        """From where to where its sender waits for the answer."""
        begins, ends = self.lines[message.number][0], self.life(self.lanes.sender(message))[1]
        if given_up := self.given_up(message):
            return begins, given_up[0]
        if answer is not None and answer.ended is not None:
            return begins, self.axis.x(answer.ended, answer.ended_step)
        # A customer who is told something, and not by an answer, has learnt that none will come.
        answered = {other.ended for other in self.messages if other.receiver == message.sender}
        told = (
            self.spot(change)[0]
            for change in self.states
            if change.service == message.sender
            and change.step > message.sent_step
            and change.time not in answered
        )
        return begins, next(told, ends)

    def complained_of(self, violation: Violation) -> Spot | None:
        """What the service that it is about has last changed for the order, or the database has.

        If that was nothing, where it was asked. What has not been asked at all has no lane: then it
        is the order that stands wrongly.
        """
        for keeper in (KEEPERS.get(violation.about), "database"):
            asks = keeper == "customer"  # the others are asked
            replies = [
                reply
                for reply in self.messages
                if reply.kind is Kind.REPLY
                and keeper == (reply.receiver if asks else reply.sender)
                and reply.correlation == violation.order_id
            ]
            lanes = [lane for lane in self.numbers if lane[0] == keeper]
            if replies:
                return self._told(replies[-1]) if asks else self._done(replies[-1])
            if lanes:
                return self.right, self.y(lanes[-1])
        return None

    def _told(self, reply: Message) -> Spot:
        told = [
            change
            for change in self.states
            if change.service == reply.receiver and change.step > reply.ended_step > 0
        ]
        return self.spot(told[0]) if told else self.lines[reply.number][2:]

    def _done(self, reply: Message) -> Spot:
        asked = [m for m in self.messages if m.number == reply.reply_to]
        since = asked[0].ended_step if asked else 0
        done = [
            change
            for change in self.states
            if change.service == reply.sender and since < change.step < reply.sent_step
        ]
        if done:
            return self.spot(done[-1])
        return self.lines[asked[0].number][2:] if asked else self.lines[reply.number][:2]


def first_of(trace: Trace) -> Trace:
    """As much of the run as is drawn."""
    most = slice(MOST_MESSAGES)
    return Trace(messages=trace.messages[most], states=trace.states[most], notes=trace.notes[most])


def heading(moment: float | None) -> str:
    """What stands above the services' state at a moment (in seconds); None for the end."""
    return _("at the end") if moment is None else _("after {ms} ms").format(ms=in_ms(moment))
