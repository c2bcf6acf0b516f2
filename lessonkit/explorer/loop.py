"""A loop that lets one run have bad luck: something comes late, or twice, or not at all.

The ordinary loop takes the timer with the earliest deadline. This one does the same, except where a
decision says otherwise, and it writes down what happened in which order. The clock is the later of
what it was and the deadline: a message that was held back makes nothing else wait.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from lessonkit.clock import DeadlockError, RunawayError, VirtualTimeLoop
from lessonkit.clock.loop import Handle
from lessonkit.clock.strangers import FAILURES
from lessonkit.explorer.decision import CUSTOMERS, FAILS, GIVES_UP, Decision, Event, Kind
from lessonkit.faults import Failure
from lessonkit.luck import Happening, Leg
from lessonkit.shop.customer import ORDER_OPERATION
from lessonkit.shop.process import here
from lessonkit.trace import correlation

CUSTOMER = "customer"

PATIENCE = 1_000
"""So many events may happen while something is held back; then it comes at last."""


@dataclass(slots=True)
class Pending:
    """An event that has not happened yet."""

    id: str
    leg: Leg
    what: str
    process: str
    order: str | None
    when: float = 0.0
    number: int = 0
    handle: Handle | None = None
    waited: float = 0.0
    touched: set[str] = field(default_factory=set)


class ExploringLoop(VirtualTimeLoop):
    """A virtual-time loop under some decisions.

    Parameters
    ----------
    decisions
        What goes wrong.
    patience
        How many events may happen before whatever is held back comes at last.

    Attributes
    ----------
    kill
        Called with a service whose process is to die. It must be set before the run.
    happened
        The events so far, in the order in which they happened.
    calls, messages, orders
        What could have had bad luck: each call, each message that could come twice, each order of a
        customer.
    struck
        The calls that failed, and how.
    """

    def __init__(self, decisions: Iterable[Decision] = (), patience: int = PATIENCE) -> None:
        super().__init__()
        self.luck = self
        self.kill: Callable[[str], None] = lambda service: None
        self.happened: list[Pending] = []
        self.calls: list[Event] = []
        self.messages: list[Event] = []
        self.orders: list[Event] = []
        self.struck: list[tuple[str, Failure]] = []
        self.decisions = tuple(decisions)
        self._patience = patience
        self._late = {one.event: one.after for one in self.decisions if one.kind is Kind.LATE}
        self._fails = {one.event: FAILS[one.kind] for one in self.decisions if one.kind in FAILS}
        self._twice = {one.event for one in self.decisions if one.kind is Kind.TWICE}
        self._kills = [one for one in self.decisions if one.kind is Kind.KILLED]
        self._fails_for_good: dict[str, Failure] = {}
        self._now_first: list[str] = []
        self._waiting: dict[str, Pending] = {}
        self._names: Counter[tuple[str, ...]] = Counter()
        self._ids: set[str] = set()
        self._nth: Counter[str] = Counter()
        self._things: dict[int, tuple[object, str]] = {}
        self._sent = ""  # the message that is being sent
        self._current = Pending("start", Leg.ORDER, "", CUSTOMER, None)

    # --- names -----------------------------------------------------------------------------------

    def _name(self, *label: str, cause: str | None = None) -> str:
        """An id made of the event that is the cause (the present one), the label and a number."""
        key = (self._current.id if cause is None else cause, *label)
        while True:
            self._names[key] += 1
            name = _short("\n".join((*key, str(self._names[key]))))
            if name not in self._ids:  # thirty bits: two of some hundred events may be alike
                self._ids.add(name)
                return name

    # --- what the shop and the bus ask -----------------------------------------------------------

    def failure(self, caller: str, operation: str, order: str | None) -> Failure | None:
        """How the call fails that is made now, if it does."""
        self._sent = name = self._name("call", operation, caller, order or "")
        self._nth[operation] += 1
        call = Event(name, Leg.ARRIVE, operation, caller, order, self._nth[operation])
        if operation == ORDER_OPERATION:
            return None  # the customer's order is where it all begins
        self.calls.append(call)
        self.messages.append(call)
        failure, for_good = self._fails.get(name, (None, False))
        if for_good and failure is not None:
            self._fails_for_good[operation] = failure
        failure = failure or self._fails_for_good.get(operation)
        if failure is not None:
            self.struck.append((name, failure))
        return failure

    def comes_twice(self, leg: Leg, what: str, process: str, order: str | None) -> bool:
        """Whether the message that is sent now is delivered a second time."""
        if leg is not Leg.ARRIVE:  # a request has its name already: that of its call
            self._sent = self._name("message", what, process, order or "")
            self.messages.append(Event(self._sent, leg, what, process, order))
        return self._sent in self._twice

    def joins(self, order: str) -> list[Kind]:
        """What other customers do at the moment at which this order is placed."""
        name = self._name("order", order)
        self.orders.append(Event(name, Leg.ORDER, order, CUSTOMER, order))
        return [one.kind for one in self.decisions if one.event == name and one.kind in CUSTOMERS]

    def touch(self, thing: object) -> None:
        """Note that whatever happens now reads or changes ``thing``."""
        number = f"#{len(self._things)}"
        # The thing is kept, for its id is its own only as long as it lives.
        self._current.touched.add(self._things.setdefault(id(thing), (thing, number))[1])

    # --- timers ----------------------------------------------------------------------------------

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Handle:
        """Set a timer; it becomes an event with a name."""
        if not when < math.inf:
            raise ValueError(f"a timer needs a finite time, in seconds; got {when!r}")
        context = copy_context() if context is None else context
        handle = Handle(callback, args, context, when)
        if isinstance(callback, Happening):
            leg, what = callback.leg, callback.what
            process, order = callback.process, callback.order
        else:
            leg, what = Leg.TIMER, ""
            process, order = _owner(context), context.get(correlation)
        name = self._name(leg, what, process, order or "")
        if _is_timeout(callback):
            what = GIVES_UP
        self._timers_set = number = self._timers_set + 1
        waited = when - self._now
        event = Pending(name, leg, what, process, order, when, number, handle, waited)
        if leg is not Leg.ARRIVE:  # to arrive changes nothing yet
            event.touched.add(_place(process, order))
        self._waiting[name] = event
        return handle

    def _jump_to_next_timer(self) -> None:
        for one in self._kills:
            if one.event == self._current.id:
                self._kills.remove(one)
                self._die(one.service)
                return
        waiting = self._waiting
        gone = [name for name, one in waiting.items() if one.handle and not one.handle.callback]
        for name in gone:
            del waiting[name]
        if not waiting:
            raise DeadlockError(
                f"deadlock at {self._now:.3f} s: every task waits and no timer is set",
                self.who_waits(),
            )
        event = self._next()
        if event.when > self.time_limit:
            raise RunawayError(
                f"the run wants to go on to {event.when:.3f} s; its limit is"
                f" {self.time_limit:.3f} s",
                self.who_waits(),
            )
        del waiting[event.id]
        self._now = max(self._now, event.when)
        self._steps_before_now = self.steps
        if event.handle is not None:
            self._queue.append(event.handle)
        self._begin(event)

    def _next(self) -> Pending:
        waiting = self._waiting
        while self._now_first:
            name = self._now_first.pop(0)
            if name in waiting:
                return waiting[name]
        if len(self.happened) > self._patience:  # nothing is late for ever
            self._late.clear()
        free = [one for name, one in waiting.items() if name not in self._late]
        # If nothing else can happen, what was held back comes at last.
        return min(free or waiting.values(), key=lambda one: (one.when, one.number))

    def _begin(self, event: Pending) -> None:
        self._current = event
        self.happened.append(event)
        if self._late:
            for held in [held for held, after in self._late.items() if after == event.id]:
                del self._late[held]
                self._now_first.append(held)

    def _die(self, service: str) -> None:
        # Not named after the event before it: what that was makes no difference to the dead.
        name = self._name(Leg.KILL, service, cause="")
        self._begin(Pending(name, Leg.KILL, "", service, None, self._now, touched={service}))
        self.kill(service)

    def _run_this_instant(self) -> None:
        queue = self._queue
        most = min(self.step_limit, self._steps_before_now + self.steps_per_instant)
        while queue and not self._stopping:
            if self.steps >= most:
                self._raise_too_many_steps()
            self.steps += 1
            handle = queue.popleft()
            callback = handle.callback
            if callback is None or (self.is_dead and self.is_dead(handle)):
                continue
            if not isinstance(callback, Happening):
                context = handle.context
                self._current.touched.add(_place(_owner(context), context.get(correlation)))
            try:
                handle.context.run(callback, *handle.args)
            except FAILURES as error:
                self.failures.append(error)

    def close(self) -> None:
        """Forget what has not happened."""
        self._waiting.clear()
        self._things.clear()
        super().close()

    def in_order(self) -> tuple[Event, ...]:
        """What happened, in the order in which it happened."""
        nth: Counter[tuple[str, str, str]] = Counter()
        events = []
        for one in self.happened:
            kind = one.leg, one.what, one.process
            nth[kind] += 1
            number = 1 if one.leg is Leg.TIMER else nth[kind]
            parts = one.id, *kind, one.order, number, one.waited, frozenset(one.touched)
            events.append(Event(*parts))
        return tuple(events)


@lru_cache(maxsize=20_000)  # most events of a run are those of the run before
def _short(text: str) -> str:
    digest = hashlib.blake2s(text.encode(), digest_size=5).digest()
    return base64.b32encode(digest).decode().lower()[:6]


def _owner(context: Context) -> str:
    process = context.get(here)
    return CUSTOMER if process is None else process.name


def _place(process: str, order: str | None) -> str:
    # Two customers have nothing to do with each other, two orders of one service have.
    return f"{CUSTOMER} {order or ''}" if process == CUSTOMER else process


def _is_timeout(callback: Callable[..., Any]) -> bool:
    # asyncio.timeout() and, before Python 3.12, asyncio.wait_for().
    return getattr(callback, "__name__", "") in ("_on_timeout", "_release_waiter")
