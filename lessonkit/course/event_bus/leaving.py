"""Exercise ``stop_hearing``: a bus that a handler can leave."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from lessonkit.course.event_bus.events import OrderCancelled, OrderCreated
from lessonkit.course.event_bus.pictures import Complaint, in_words, listed, picture
from lessonkit.course.event_bus.scripts import CREATED, SCRIPTS, Script, Step
from lessonkit.exercises.advice import first_advice
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.trial import run_briefly
from lessonkit.exercises.written import advice, exercise
from lessonkit.messages import N_, _, service_name
from lessonkit.patterns.events import Event
from lessonkit.records import Kind
from lessonkit.trace import current_trace

_NOBODY_LEFT = N_(
    "Nobody has left yet: each handler hears the event as often as it has subscribed to it, as with"
    " the bus of the starting cell."
)
_OF_THE_ERROR = advice(
    __name__,
    "stop_hearing",
    "error_advice",
    is_of_a_hole=lambda error: isinstance(error, TypeError) and "not callable" in str(error),
    is_of_a_change=lambda error: isinstance(error, RuntimeError) and "changed size" in str(error),
)


class _Page:
    """One who listens. Its method ``show`` is a handler."""

    def __init__(self, who: str, hear: Callable[[str, Event], None]) -> None:
        self.who, self._hear = who, hear
        self.handler = self.show

    async def show(self, event: Event) -> None:
        self._hear(self.who, event)
        await asyncio.sleep(0.1)


class _Played:
    """A script, played with the learner's bus up to where it goes wrong.

    Attributes
    ----------
    rows
        For each step: what happened, who should hear of it, who did.
    wrong
        What went wrong, and where to look; None if nothing did.
    """

    def __init__(self, bus: Any, script: Script) -> None:
        self.bus, self.script = bus, script
        self.pages: dict[str, _Page] = {}
        self.members: list[tuple[str, str]] = []
        self.changed: dict[str, None] = {}
        self.rows: list[tuple[str, str, str]] = []
        self.wrong: Complaint | None = None
        self.has_changed = False

    async def play(self) -> None:
        for step in self.script.steps:
            if step.publishes:
                await self._publish(step)
            else:
                self._change(step)
            if self.wrong is not None:
                return

    def _change(self, step: Step) -> None:
        page = self.pages.setdefault(step.who, _Page(step.who, self._hear))
        handler = page.show if self.script.methods else page.handler
        member = (step.kind, step.who)
        words = _("{service} subscribes to {event}")
        if step.sign == "-":
            words = _("{service} unsubscribes from {event}")
        happened = words.format(service=service_name(step.who), event=step.kind)
        if step.by:
            happened = "↳ " + happened
        self.rows.append((happened, "", ""))
        if step.sign == "+":
            self.bus.subscribe(step.kind, handler)
            self.members.append(member)
        else:
            self._unsubscribe(step.kind, handler, happened)
            if member in self.members:
                self.members.remove(member)
        self.changed[step.who] = None
        self.has_changed |= bool(step.by) or step.sign == "-"
        if step.by:
            self._show_changes()

    def _show_changes(self) -> None:
        for who in self.changed:
            number = sum(member == who for _kind, member in self.members)
            current_trace().state(who, N_("subscriptions"), number)
        self.changed.clear()

    def _unsubscribe(self, kind: str, handler: Callable[..., Any], happened: str) -> None:
        try:
            reply = self.bus.unsubscribe(kind, handler)
        except (ValueError, LookupError) as error:
            if not self.script.raises:
                raise
            self.rows[-1] = (happened, "", f"✗ {in_words(error)}")
            words = _("`unsubscribe` raised an error: {error}").format(error=in_words(error))
            self.wrong = (words, _(self.script.raises))
            return
        if asyncio.iscoroutine(reply):
            reply.close()
            raise TypeError("unsubscribe must be declared with 'def', as in the starting cell")

    async def _publish(self, step: Step) -> None:
        self._show_changes()
        wanted = [who for kind, who in self.members if kind == step.kind]
        self.heard: list[str] = []
        self.during = step if step.sign else None
        row = len(self.rows)
        self.rows.append((step.kind, listed(wanted), ""))
        trace = current_trace()
        trace.end(trace.send("publisher", "event bus", step.kind, Kind.EVENT))
        error: Exception | None = None
        try:
            await self.bus.publish(OrderCreated() if step.kind == CREATED else OrderCancelled())
        except (TypeError, RuntimeError) as raised:
            error = raised
        said = listed(self.heard) + (f" ✗ {in_words(error)}" if error else "")
        self.rows[row] = (step.kind, listed(wanted), said)
        if error is not None:
            self.wrong = self._of_the_error(error)
        elif Counter(self.heard) != Counter(wanted):
            self.wrong = self._of_the_hearing(wanted)

    def _hear(self, who: str, event: Event) -> None:
        self.heard.append(who)
        trace = current_trace()
        trace.end(trace.send("event bus", who, event.type, Kind.EVENT))
        if self.during is not None and who == self.during.by:
            during, self.during = self.during, None
            self._change(during)

    def _of_the_error(self, error: Exception) -> Complaint:
        if (said := first_advice(_OF_THE_ERROR, error)) is None:
            raise error
        return _("`publish` raised an error: {error}").format(error=in_words(error)), said

    def _of_the_hearing(self, wanted: list[str]) -> Complaint:
        # Before anybody leaves, or comes while an event is told, it is no fault of the script's.
        alike = "" if self.has_changed else _NOBODY_LEFT
        if missing := list((Counter(wanted) - Counter(self.heard)).elements()):
            current_trace().note(missing[0], N_("✗ not told"))
            words = _("The handler of {service} should have heard the event, and has not.")
            if missing[0] in self.heard:
                words = _(
                    "The handler of {service} should have heard the event twice; it heard it once."
                )
            sentence = words.format(service=service_name(missing[0]))
            return sentence, _(alike or self.script.missing)
        unwanted = list((Counter(self.heard) - Counter(wanted)).elements())
        current_trace().note(unwanted[0], N_("✗ told"))
        words = _("The handler of {service} has heard an event that was not for it.")
        if unwanted[0] in wanted:
            words = _("The handler of {service} has heard the event once too often.")
        sentence = words.format(service=service_name(unwanted[0]))
        return sentence, _(alike or self.script.unwanted)


def _judge_stop_hearing(bus: type) -> Counterexample | None:
    for script in SCRIPTS:
        played = _Played(bus(), script)
        run = run_briefly(played.play())
        if run.error is not None:
            raise run.error
        if played.wrong is not None:
            heads = (_("what happens"), _("should hear it"), _("has heard it"))
            title = _(script.title).replace("`", "")
            return Counterexample(*played.wrong, picture(title, run.trace, heads, played.rows))
    return None


stop_hearing = exercise(__name__, "stop_hearing", _judge_stop_hearing)
