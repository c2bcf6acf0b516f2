"""Where things stand in the picture of a run: a lane for every life of a process, and when."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from lessonkit.lab.svg import round_step, text_width
from lessonkit.records import Fate, Kind, Message
from lessonkit.shop.process import CRASH
from lessonkit.trace import Trace

Lane = tuple[str, int]
"""A service, and the how-manieth life of its process: 0, 1, ..."""

Moment = tuple[float, int]
"""The seconds since the start of the run, and the how-manieth thing of the run it was."""

SIZE, NAME = 13, 14
"""Of the letters, and of those of a name, in pixels."""

LARGE = 15.4
"""Of all of them where the picture has to shrink: so they still have 12 pixels on the screen."""

NARROWEST = 6.0
"""A column of fewer pixels cannot be told from the next one."""

ALIKE = 4.0
"""Two lines that are fewer pixels apart look like one."""

Line = tuple[float, float, float, float]
"""From x, y to x, y."""


class Lanes:
    """Which process it was: one that was killed ends, and what it does later is another one's work.

    Attributes
    ----------
    born, died
        When a life began and ended, for those that did not begin or end with the run.
    """

    def __init__(self, trace: Trace) -> None:
        self.requests = {message.number: message for message in trace.messages}
        self.died: dict[Lane, Moment] = {}
        self.born: dict[Lane, Moment] = {}
        self._births: dict[str, list[int]] = {service: [-1] for service in trace.services}
        for step, time, service, is_death in sorted(_lives(trace)):
            births = self._births[service]
            lane = service, len(births) - 1
            if is_death:
                self.died.setdefault(lane, (time, step))
            elif lane in self.died:
                births.append(step)
                self.born[service, len(births) - 1] = time, step

    def all(self) -> list[Lane]:
        """From top to bottom."""
        return [
            (name, life) for name, births in self._births.items() for life in range(len(births))
        ]

    def at(self, service: str, step: int) -> Lane:
        """Its process at this step: the last one that had done something by then."""
        return service, bisect_right(self._births[service], step) - 1

    def is_dead(self, lane: Lane, step: int) -> bool:
        """Whether it had died before this step."""
        return lane in self.died and self.died[lane][1] < step

    def sender(self, message: Message) -> Lane:
        """Whose message it is."""
        return self.at(message.sender, message.sent_step)

    def receiver(self, message: Message) -> Lane:
        """To whom it goes; a reply, to nobody but the one who has asked."""
        if message.kind is Kind.REPLY and message.reply_to in self.requests:
            return self.sender(self.requests[message.reply_to])
        arrived = message.fate in (Fate.DELIVERED, Fate.LATE, Fate.REFUSED)
        return self.at(message.receiver, message.ended_step if arrived else message.sent_step)


def _lives(trace: Trace) -> Iterator[tuple[int, float, str, bool]]:
    """Signs of death (True) and of life. A refusal is none: where nobody lives, the net refuses."""
    for note in trace.notes:
        if note.text == CRASH:
            yield note.step, note.time, note.service, True
    for change in trace.states:
        yield change.step, change.time, change.service, False
    for message in trace.messages:
        if message.kind is not Kind.REPLY:
            yield message.sent_step, message.sent, message.sender, False
            if message.ended is not None and message.fate in (Fate.DELIVERED, Fate.LATE):
                yield message.ended_step, message.ended, message.receiver, False


class Axis:
    """Where a moment stands between the left and the right: by the time, or by the order.

    Parameters
    ----------
    trace
        What is drawn.
    end
        The last moment, in seconds.
    left, right
        Between which pixels.

    Attributes
    ----------
    by_order
        False: twice as long is twice as wide. True: everything that happens has a column of its
        own, with a little air where time passes; only a message that takes no time needs no second
        one.
    """

    def __init__(self, trace: Trace, end: float, left: float, right: float) -> None:
        self.end, self.left, self.right = end, left, right
        found = sorted(events(trace))
        at_once = {message.ended_step for message in trace.messages if takes_no_time(message)}
        position, before, places = 0.0, 0.0, []
        for time, step in found:
            if step not in at_once:
                position += 1.0 + 0.8 * (time > before)
            before = time
            places.append(position)
        self._times = [time for time, _step in found]
        unit = (right - left) / (position + 1)
        self._places = [left + unit * place for place in places]
        self._columns = {step: x for (_, step), x in zip(found, self._places, strict=True)}
        self.by_order = False
        self.has_columns = unit >= NARROWEST

    def _to_scale(self, time: float) -> float:
        return self.left + (self.right - self.left) * time / self.end

    def x(self, time: float, step: int) -> float:
        """Where what happened as the ``step``-th thing, at ``time``, is drawn."""
        return self._columns[step] if self.by_order else self._to_scale(time)

    def moment(self, time: float, step: int | None = None) -> float:
        """Where a moment is: after all that has happened by then, or after one certain thing."""
        if not self.by_order:
            return self._to_scale(time)
        if step is not None:  # the 0th thing is the start
            return self._columns.get(step, self.left) + NARROWEST / 2
        done = bisect_right(self._times, time)
        x, since = (self._places[done - 1], self._times[done - 1]) if done else (self.left, 0.0)
        if done == len(self._times):
            return self.right if time > since else (x + self.right) / 2
        share = (time - since) / (self._times[done] - since)
        # Exactly at the moment of the last thing: a little behind it.
        return x + (self._places[done] - x) * (0.2 + 0.6 * share)

    def ticks(self, seconds: bool) -> Iterator[tuple[float, str]]:
        """Where which time is written, in seconds or else in milliseconds."""
        if self.by_order:
            free_from = self.left - 30
            for time in sorted(set(self._times)):
                x = self._places[bisect_left(self._times, time)]
                label = f"{time:.4g}" if seconds else f"{round(time * 1000, 1):,g}"
                half = text_width(label, LARGE) / 2
                if x - half > free_from:
                    free_from = x + half + 6
                    yield x, label
            return
        if not any(self._times) and self.end <= 0.001:  # a millisecond in which nothing happens
            yield self.left, "0"
            return
        widest = text_width(f"{self.end * (1 if seconds else 1000):,.0f}", LARGE) + 10
        step = round_step(self.end, min(8, max(1, int((self.right - self.left) / widest))))
        for tick in range(int(self.end / step + 1e-9) + 1):
            label = f"{tick * step:g}" if seconds else f"{round(tick * step * 1000, 6):,g}"
            yield self._to_scale(tick * step), label


def lie_on_each_other(lines: list[Line]) -> int:
    """How many of the lines run along another one, so that the two look like one."""
    # From top to bottom, whichever way the message went; within a lane nothing is hidden.
    falls = sorted(line if line[1] < line[3] else line[2:] + line[:2] for line in lines)
    found = set()
    for number, (x1, y1, x2, y2) in enumerate(falls):
        for other in range(number + 1, len(falls)):
            x3, y3, x4, y4 = falls[other]
            if x3 > max(x1, x2) + ALIKE:
                break
            top, bottom = max(y1, y3), min(y2, y4)
            if top < bottom and all(
                abs(_x_at(y, x1, y1, x2, y2) - _x_at(y, x3, y3, x4, y4)) < ALIKE
                for y in (top, bottom)
            ):
                found |= {number, other}
    return len(found)


def _x_at(y: float, x1: float, y1: float, x2: float, y2: float) -> float:
    return x1 + (x2 - x1) * (y - y1) / (y2 - y1)


def takes_no_time(message: Message) -> bool:
    """Whether it has ended as it set out, before anything else could happen."""
    return message.ended == message.sent and message.ended_step == message.sent_step + 1


def events(trace: Trace) -> Iterator[Moment]:
    """When something happens that is drawn."""
    for message in trace.messages:
        yield message.sent, message.sent_step
        if message.ended is not None:
            yield message.ended, message.ended_step
        if message.gave_up is not None:
            yield message.gave_up, message.gave_up_step
    yield from ((change.time, change.step) for change in trace.states)
    yield from ((note.time, note.step) for note in trace.notes)
