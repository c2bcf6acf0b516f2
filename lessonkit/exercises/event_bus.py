"""Notebook 06: a bus that no handler can hold up, and one that a handler can leave."""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.trial import run_briefly
from lessonkit.lab import table, timeline
from lessonkit.messages import N_, _, service_name
from lessonkit.patterns.events import Event
from lessonkit.shop import OrderFailed
from lessonkit.trace import Kind, Message, Trace, current_trace

Complaint = tuple[str, str]
"""What went wrong, and where to look."""

Pair = tuple[Callable[..., Any], BaseException | None]
"""A handler, and why it failed."""


@dataclass(frozen=True)
class OrderCreated(Event):
    """What the buses on trial have to tell."""


@dataclass(frozen=True)
class OrderCancelled(Event):
    """Another type of event: whoever wants to hear the one need not want the other."""


def _in_words(error: BaseException | None) -> str:
    if error is None:
        return "None"
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f}"


def _picture(title: str, trace: Trace, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    import pandas as pd

    bold = f'<div style="font-weight: bold; margin: 4px 0">{escape(title)}</div>'
    read = table(pd.DataFrame(rows, columns=list(heads))).html if rows else ""
    drawn = timeline(trace) if trace.messages else ""  # without a message there is nothing to see
    return f"{bold}{drawn}{read}"


# --- isolate the handlers ------------------------------------------------------------------------

LIMIT = 1.0
"""Seconds that a handler may take before it is given up."""

PATIENCE = 2.5
"""Seconds after which it is the judge who gives up ``publish``."""


@dataclass(frozen=True)
class Listener:
    """A handler that behaves as it is told.

    Attributes
    ----------
    lane
        The service that it belongs to.
    seconds
        How long it works; ``math.inf``: it never ends.
    error
        Makes what it raises then.
    plain
        It is a function without ``async``: it is through, or raises, when it is called.
    """

    lane: str
    seconds: float = 0.0
    error: Callable[[], Exception] | None = None
    plain: bool = False

    @property
    def too_slow(self) -> bool:
        """Whether it has to be given up."""
        return self.seconds > LIMIT

    @property
    def healthy(self) -> bool:
        """Whether it does its work, and in time."""
        return self.error is None and not self.too_slow


@dataclass(frozen=True)
class Situation:
    """Who listens, and what else happens.

    Attributes
    ----------
    title
        Says it in a few words. English, marked with ``N_``.
    listeners
        In the order in which they subscribe.
    again
        Publish a second event, and look at that one.
    cancelled
        Seconds after which the publisher is cancelled.
    afterwards
        Seconds to look on after ``publish`` is over.
    """

    title: str
    listeners: tuple[Listener, ...]
    again: bool = False
    cancelled: float | None = None
    afterwards: float = 0.0

    @property
    def longest(self) -> float:
        """Seconds that ``publish`` may take."""
        return min(LIMIT, max((listener.seconds for listener in self.listeners), default=0.0))


def _out_of_stock() -> Exception:
    return OrderFailed("out of stock")


def _typo() -> Exception:
    return AttributeError("'OrderCreated' object has no attribute 'totl'")


def _no_mail_server() -> Exception:
    return ConnectionError("no mail server")


SITUATIONS = (
    Situation(
        N_("Three healthy handlers"),
        (Listener("inventory", 0.1), Listener("notification", 0.5), Listener("points", 0.9)),
        afterwards=1.0,
    ),
    Situation(
        N_("The first handler refuses"),
        (Listener("inventory", 0.02, _out_of_stock), Listener("notification", 0.5)),
    ),
    Situation(
        N_("Plain functions: one fails when it is called, one returns nothing"),
        (
            Listener("points", error=_typo, plain=True),
            Listener("inventory", plain=True),
            Listener("notification", 0.5),
        ),
    ),
    Situation(
        N_("All handlers fail, each at another moment, and the same with the next event"),
        (
            Listener("notification", 0.5, _no_mail_server),
            Listener("inventory", 0.1, _out_of_stock),
            Listener("points", error=_typo, plain=True),
        ),
        again=True,
    ),
    Situation(
        N_("One handler never ends"),
        (Listener("inventory", 0.1), Listener("points", math.inf), Listener("notification", 0.9)),
    ),
    Situation(
        N_("One handler wants to take five seconds"),
        (Listener("inventory", 0.1), Listener("notification", 5.0)),
        afterwards=5.0,
    ),
    Situation(
        N_("The publisher is cancelled after 200 ms"),
        (Listener("inventory", 0.1), Listener("notification", 0.9)),
        cancelled=0.2,
    ),
    Situation(N_("Nobody has subscribed"), ()),
)


class _Telling:
    """A situation, played with the learner's bus.

    Attributes
    ----------
    took
        Seconds until ``publish`` was over; None if it never was.
    outcome
        What it returned, or the error that it raised.
    told, done, failed, cut_off
        Which handlers were called, did their work, raised an error, were stopped, and when.
    raised
        The error of each handler that raised one.
    over
        Whether the situation has been played to its end.
    """

    def __init__(self, bus: Any, situation: Situation) -> None:
        self.bus, self.situation = bus, situation
        self.handlers: dict[str, Callable[..., Any]] = {}
        for listener in situation.listeners:
            self.handlers[listener.lane] = self._handler(listener)
            bus.subscribe("OrderCreated", self.handlers[listener.lane])
        self.over = False

    async def play(self) -> None:
        for _event in range(2 if self.situation.again else 1):
            await self._publish()
        await asyncio.sleep(self.situation.afterwards)
        self.over = True

    async def _publish(self) -> None:
        self.took: float | None = None
        self.outcome: object = None
        self.told: dict[str, float] = {}
        self.done: dict[str, float] = {}
        self.failed: dict[str, float] = {}
        self.cut_off: dict[str, float] = {}
        self.raised: dict[str, Exception] = {}
        self.began = asyncio.get_running_loop().time()
        trace = current_trace()
        asked = trace.send("publisher", "event bus", "publish")
        trace.end(asked)
        call = self.bus.publish(OrderCreated())
        if not asyncio.iscoroutine(call):
            raise TypeError("publish must be declared with 'async def', as in the starting cell")
        publishing = asyncio.create_task(call)
        await asyncio.wait({publishing}, timeout=self.situation.cancelled or PATIENCE)
        if self.situation.cancelled is not None:
            trace.note("publisher", N_("is cancelled"))
            publishing.cancel()
            await asyncio.wait({publishing}, timeout=PATIENCE)
        if not publishing.done():
            trace.note("publisher", N_("still waiting"))
            return
        self.took = self._now()
        if publishing.cancelled():
            self.outcome = asyncio.CancelledError()
        else:
            self.outcome = publishing.exception() or publishing.result()
        self._reply(asked, error=isinstance(self.outcome, BaseException))

    def _handler(self, listener: Listener) -> Callable[..., Any]:
        def plain(_event: Event) -> None:
            called = self._begin(listener)
            self._end(listener, called)

        async def works(_event: Event) -> None:
            called = self._begin(listener)
            try:
                if math.isinf(listener.seconds):
                    await asyncio.get_running_loop().create_future()
                await asyncio.sleep(listener.seconds)
            except asyncio.CancelledError:
                if not self.over:
                    self.cut_off[listener.lane] = self._now()
                    current_trace().note(listener.lane, N_("cut off"))
                    self._reply(called, error=True)
                raise
            self._end(listener, called)

        handler = plain if listener.plain else works
        handler.__name__ = handler.__qualname__ = listener.lane
        return handler

    def _begin(self, listener: Listener) -> Message:
        self.told[listener.lane] = self._now()
        called = current_trace().send("event bus", listener.lane, "OrderCreated")
        current_trace().end(called)
        return called

    def _end(self, listener: Listener, called: Message) -> None:
        self._reply(called, error=listener.error is not None)
        if listener.error is None:
            self.done[listener.lane] = self._now()
            return
        error = listener.error()
        self.failed[listener.lane], self.raised[listener.lane] = self._now(), error
        current_trace().note(listener.lane, f"✗ {type(error).__name__}")
        raise error

    def _reply(self, called: Message, *, error: bool) -> None:
        trace = current_trace()
        back = (called.receiver, called.sender, called.what, Kind.REPLY)
        trace.end(trace.send(*back, reply_to=called, error=error))

    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self.began

    def entry(self, lane: str) -> Pair | None:
        """What the returned list says of this handler; None if nothing."""
        handler = self.handlers[lane]
        return next((pair for pair in self.entries if pair[0] is handler), None)

    def rows(self) -> list[tuple[str, str, str]]:
        """For each handler: who, what came of it, what the returned list says."""
        rows = []
        for listener in self.situation.listeners:
            lane = listener.lane
            came = _("… not done") if lane in self.told else _("not told at all")
            if lane in self.done:
                came = _("✓ done at {ms} ms").format(ms=_ms(self.done[lane]))
            elif lane in self.raised:
                words = _("✗ {error} at {ms} ms")
                error = _in_words(self.raised[lane])
                came = words.format(error=error, ms=_ms(self.failed[lane]))
            elif lane in self.cut_off:
                came = _("cut off at {ms} ms").format(ms=_ms(self.cut_off[lane]))
            said = "–"
            if (entry := self.entry(lane)) is not None:
                said = _in_words(entry[1])
            rows.append((service_name(lane), came, said))
        return rows

    @property
    def is_list(self) -> bool:
        """Whether ``publish`` has returned a list of pairs (handler, error)."""
        return isinstance(self.outcome, list) and all(map(self._is_pair, self.outcome))

    @property
    def entries(self) -> list[Pair]:
        """The list that ``publish`` has returned."""
        return self.outcome if self.is_list else []  # type: ignore[return-value]

    def _is_pair(self, entry: object) -> bool:
        return (
            isinstance(entry, tuple | list)
            and len(entry) == 2
            and any(entry[0] is handler for handler in self.handlers.values())
            and isinstance(entry[1], BaseException | None)
        )


def _judge_isolate(bus: type) -> Counterexample | None:
    for situation in SITUATIONS:
        telling = _Telling(bus(), situation)
        played = run_briefly(telling.play())
        if played.error is not None and not telling.over:
            raise played.error
        if (found := _complaint(telling)) is not None:
            heads = (_("told to"), _("what came of it"), _("in the list"))
            rows = telling.rows()
            return Counterexample(*found, _picture(_(situation.title), played.trace, heads, rows))
        if played.error is not None:
            raise played.error
    return None


def _complaint(telling: _Telling) -> Complaint | None:
    if telling.situation.cancelled is not None:
        return _of_the_cancellation(telling)
    if isinstance(telling.outcome, BaseException):
        return _of_the_error(telling, telling.outcome)
    for of in (_of_the_time, _of_the_handlers, _of_the_list, _of_the_entries):
        if (found := of(telling)) is not None:
            return found
    return None


def _of_the_cancellation(telling: _Telling) -> Complaint | None:
    if isinstance(telling.outcome, asyncio.CancelledError):
        return None
    if isinstance(telling.outcome, BaseException):
        raise telling.outcome
    return (
        _(
            "The publisher was cancelled after 200 ms, and `publish` went on as if nothing had"
            " happened."
        ),
        _(
            "`CancelledError` is no failure of a handler: somebody stops the publisher. `except"
            " Exception` lets it through; `except BaseException` swallows it."
        ),
    )


def _of_the_error(telling: _Telling, error: BaseException) -> Complaint:
    listeners = telling.situation.listeners
    sentence = _("The publisher got an error: {error}").format(error=_in_words(error))
    if not listeners and isinstance(error, LookupError | ValueError):
        return sentence, _(
            "An event that nobody wants to hear is nothing unusual. Then nobody fails, and the"
            " list is empty."
        )
    if isinstance(error, TimeoutError) and any(listener.too_slow for listener in listeners):
        return sentence, _(
            "One second for all of them together: when it is over, the publisher gets an error, and"
            " what came of the healthy ones is lost. Give each handler a second of its own."
        )
    returns_nothing = any(listener.plain and listener.healthy for listener in listeners)
    if isinstance(error, TypeError) and returns_nothing:
        return sentence, _nothing_to_wait_for()
    group = error.exceptions if isinstance(error, BaseExceptionGroup) else (error,)
    if not any(one is raised for one in group for raised in telling.raised.values()):
        raise error  # the learner's own
    if any(listener.plain and listener.error is not None for listener in listeners):
        return sentence, _(
            "This handler is a plain function. It fails while it is called, before there is"
            " anything to wait for. Is the call under guard, too?"
        )
    return sentence, _(
        "A handler's error has gone through to the publisher. Catch it where this one handler is"
        " told; then the others do not notice either."
    )


def _nothing_to_wait_for() -> str:
    return _(
        "One of the handlers is a plain function that returns nothing to wait for. That is no"
        " failure. `inspect.isawaitable(reply)` says whether there is something to wait for."
    )


def _pairs() -> str:
    return _(
        "Return a list of pairs `(handler, error)`: the handler itself and the error itself, one"
        " pair for each handler that has failed."
    )


def _of_the_time(telling: _Telling) -> Complaint | None:
    """Whether publish is over in time."""
    longest = telling.situation.longest
    slow = [listener for listener in telling.situation.listeners if listener.too_slow]
    if telling.took is not None and telling.took <= longest + 0.001:
        return None
    if slow:
        waited = telling.took or PATIENCE
        words = _("The handler of {service} does not end. After {ms} ms the publisher still waits.")
        sentence = words.format(service=service_name(slow[0].lane), ms=_ms(waited))
        return sentence, _(
            "Whoever waits without a limit hangs as soon as one handler hangs. `asyncio.timeout`"
            " and `asyncio.wait_for` set a limit: a second for each handler."
        )
    words = _("The publisher waits {ms} ms. The slowest handler needs only {longest} ms.")
    sentence = words.format(ms=_ms(telling.took or PATIENCE), longest=_ms(longest))
    return sentence, _(
        "The waits add up, because each handler is told only when the one before is through. Tell"
        " them side by side."
    )


def _of_the_handlers(telling: _Telling) -> Complaint | None:
    """Whether everybody was told, and whoever is healthy has done the work."""
    listeners = telling.situation.listeners
    trouble = not all(listener.healthy for listener in listeners)
    for listener in listeners:
        lane, name = listener.lane, service_name(listener.lane)
        if lane not in telling.told:
            sentence = _("The handler of {service} was not told of the event.").format(service=name)
            if not trouble:
                return sentence, _("`publish` has to call every handler that has subscribed.")
            return sentence, _(
                "One handler has failed, and those behind it were not told any more. A failure may"
                " end nothing but its own handler."
            )
        if not listener.healthy:
            continue
        if lane in telling.cut_off:
            words = _("The handler of {service} needs only {ms} ms, and was cut off before.")
            sentence = words.format(service=name, ms=_ms(listener.seconds))
            if not trouble:
                return sentence, _("That was too early: each handler has a whole second.")
            return sentence, _(
                "Somebody else was in trouble, and a healthy handler was stopped along with it. A"
                " limit around all of them does that, and so does a `TaskGroup`. Each handler needs"
                " a guard of its own."
            )
        if telling.done.get(lane, math.inf) > (telling.took or 0.0) + 0.001:
            words = _("`publish` is over after {ms} ms; the handler of {service} is still at work.")
            return words.format(ms=_ms(telling.took or 0.0), service=name), _(
                "Nobody can know yet who fails. What is started with `create_task` must also be"
                " waited for before `publish` returns."
            )
    return None


def _of_the_list(telling: _Telling) -> Complaint | None:
    """Whether the list names those who failed, and nobody else."""
    if not telling.is_list:
        value = re.sub(" at 0x[0-9A-Fa-f]+", "", repr(telling.outcome))
        sentence = _("`publish` returned {value}").format(value=f"{value:.80}")
        return sentence, _pairs()
    for listener in telling.situation.listeners:
        name, entry = service_name(listener.lane), telling.entry(listener.lane)
        if listener.healthy and entry is not None:
            words = _("The handler of {service} did its work, and yet stands in the list: {error}")
            sentence = words.format(service=name, error=_in_words(entry[1]))
            if isinstance(entry[1], TypeError):
                return sentence, _nothing_to_wait_for()
            return sentence, _(
                "Only those who failed belong in the list. Find out for each handler by itself what"
                " came of it."
            )
        if not listener.healthy and entry is None:
            if listener.too_slow:
                words = _("The handler of {service} was given up, and the list does not say so.")
                return words.format(service=name), _(
                    "A handler that does not end has failed as well. Its `TimeoutError` belongs in"
                    " the list."
                )
            words = _("The handler of {service} has failed, and the list does not say so.")
            return words.format(service=name), _(
                "The error was swallowed. That the publisher is left in peace is one half; the"
                " other is that the failure can be seen."
            )
    return None


def _of_the_entries(telling: _Telling) -> Complaint | None:
    """Whether the list says the right thing of each, once, in order, and truly."""
    failing = [listener for listener in telling.situation.listeners if not listener.healthy]
    names = [handler.__name__ for handler, _error in telling.entries]
    wanted = [listener.lane for listener in failing]
    if len(names) > len(wanted):
        words = _("Handlers that failed: {failed}. Entries in the list: {entries}.")
        sentence = words.format(failed=len(wanted), entries=len(names))
        if not telling.situation.again:
            return sentence, _pairs()
        return sentence, _(
            "The failures of the first event are still there. A list belongs to one event: each"
            " `publish` begins with an empty one."
        )
    for listener in failing:
        _handler, error = telling.entry(listener.lane) or (None, None)
        words = _("The list says of the handler of {service}: {error}")
        sentence = words.format(service=service_name(listener.lane), error=_in_words(error))
        if listener.too_slow and not isinstance(error, TimeoutError):
            return sentence, _(
                "`CancelledError` is how a handler is stopped. The limit turns it into a"
                " `TimeoutError`, if nobody catches it inside: `except BaseException` does."
            )
        if not listener.too_slow and error is not telling.raised[listener.lane]:
            return sentence, _("Put the error itself into the list, just as it was raised.")
    if names != wanted:
        words = _("The list has the order {got}. They subscribed in the order {wanted}.")
        sentence = words.format(got=_names(names), wanted=_names(wanted))
        return sentence, _(
            "Whoever fails first stands first. `asyncio.gather` gives its results in the order of"
            " what it was given, whoever is through first."
        )
    for listener in failing:
        if listener.lane in telling.done:
            words = _(
                "The handler of {service} was given up, and at {ms} ms did its work all the same."
            )
            at = _ms(telling.done[listener.lane])
            return words.format(service=service_name(listener.lane), ms=at), _(
                "Not to wait any longer is not to stop. `asyncio.wait` lets the tasks go on that"
                " are not done in time; `cancel()` stops them."
            )
    return None


def _names(lanes: Sequence[str]) -> str:
    return ", ".join(map(service_name, lanes)) or "–"


isolate = Exercise(
    name="isolate",
    notebook="06-event-bus",
    point=2,
    title=N_("A bus that no handler can hold up"),
    starter="""
class PatientBus(OneAfterAnother):
    async def publish(self, event):
        failed = []  # pairs (handler, error)
        for handler in self.handlers.get(event.type, []):
            await handler(event)
        return failed
""",
    asks=("PatientBus",),
    judge=_judge_isolate,
    hints=(
        N_(
            "Write a method that tells one handler and returns what came of it: the error, or None."
            " Everything that can go wrong with this handler stays in there."
        ),
        N_(
            "The call, the waiting and the limit all stand in its `try`. `async with"
            " asyncio.timeout(1):` raises a `TimeoutError` when the second is over, and stops what"
            " is inside."
        ),
        N_(
            "Start this method for all handlers with `asyncio.gather`. Its results come in the"
            " order of the handlers: `zip` puts each handler beside its error."
        ),
    ),
    answer="""
class PatientBus(OneAfterAnother):
    async def publish(self, event):
        handlers = list(self.handlers.get(event.type, []))
        errors = await asyncio.gather(*[self.error_of(handler, event) for handler in handlers])
        return [pair for pair in zip(handlers, errors) if pair[1] is not None]

    async def error_of(self, handler, event):
        try:
            async with asyncio.timeout(1):
                reply = handler(event)
                if inspect.isawaitable(reply):
                    await reply
        except Exception as error:
            return error
""",
)

# --- stop hearing --------------------------------------------------------------------------------

CREATED, CANCELLED = "OrderCreated", "OrderCancelled"


@dataclass(frozen=True)
class Step:
    """Something that happens to a bus.

    Attributes
    ----------
    do
        ``"subscribe"``, ``"unsubscribe"`` or ``"publish"``.
    who
        Whose handler; for ``"publish"`` empty.
    kind
        The type of event.
    during
        For ``"publish"``: what the handler of ``by`` does when it is told.
    by
        See ``during``.
    """

    do: str
    who: str = ""
    kind: str = CREATED
    during: Step | None = None
    by: str = ""


@dataclass(frozen=True)
class Script:
    """Steps, and what to say to somebody with whose bus they go wrong.

    Attributes
    ----------
    title
        What it is about. English, marked with ``N_``, as the others.
    steps
        In their order.
    missing, unwanted
        The advice if somebody does not hear an event, and if somebody hears one without right.
    raises
        The advice if ``unsubscribe`` raises an error.
    methods
        The handlers are methods: written twice, they are equal, but two objects.
    """

    title: str
    steps: tuple[Step, ...]
    missing: str = ""
    unwanted: str = ""
    raises: str = ""
    methods: bool = False


def _subscribe(*who: str, kind: str = CREATED) -> tuple[Step, ...]:
    return tuple(Step("subscribe", one, kind) for one in who)


_THE_OTHERS = N_("The others want to go on hearing: end this one subscription and no other.")
_STILL = N_(
    "After `unsubscribe`, the handler must no longer be in the list for this type of event."
)
_NOT_UNDERWAY = N_(
    "Whoever was subscribed when the event was published hears it. Settle at the beginning of"
    " `publish` who will be told, and stick to that."
)
_LEAVE = Step("unsubscribe", "inventory")
_TELL = Step("publish")

SCRIPTS = (
    Script(
        N_("One of three unsubscribes"),
        (*_subscribe("inventory", "notification", "points"), _TELL, _LEAVE, _TELL),
    ),
    Script(
        N_("A handler that is a method: `page.show`"),
        (*_subscribe("inventory", "notification"), _LEAVE, _TELL),
        unwanted=N_(
            "A method such as `page.show` is a new object each time that it is written. The two are"
            " equal, but not the same: compare with `==`, not with `is`."
        ),
        methods=True,
    ),
    Script(
        N_("The same handler unsubscribes twice"),
        (*_subscribe("inventory", "notification"), _LEAVE, _LEAVE, _TELL),
        raises=N_(
            "The second time there is nothing left to end. That is no mistake of the caller:"
            " look first whether the handler is there."
        ),
    ),
    Script(
        N_("Somebody unsubscribes who never subscribed"),
        (
            *_subscribe("notification"),
            _LEAVE,
            Step("unsubscribe", "inventory", CANCELLED),
            _TELL,
        ),
        raises=N_(
            "Perhaps nobody has ever subscribed to this type of event: then there is not even a"
            " list of handlers for it. `get` with a default helps."
        ),
    ),
    Script(
        N_("A handler that hears two types of events leaves one of them"),
        (
            *_subscribe("inventory", "notification"),
            *_subscribe("inventory", kind=CANCELLED),
            _LEAVE,
            _TELL,
            Step("publish", kind=CANCELLED),
        ),
        missing=N_("`unsubscribe` names a type of event. A subscription to another one stands."),
    ),
    Script(
        N_("A handler that has subscribed twice unsubscribes once"),
        (*_subscribe("inventory", "notification", "inventory"), _TELL, _LEAVE, _TELL),
        missing=N_(
            "All subscriptions of this handler are gone. One `unsubscribe` ends one of them: it was"
            " made twice, so it has to be ended twice."
        ),
    ),
    Script(
        N_("A handler unsubscribes and subscribes again"),
        (*_subscribe("inventory", "notification"), _LEAVE, *_subscribe("inventory"), _TELL),
        missing=N_(
            "Whoever comes back wants to hear again. A list of those who have left never forgets"
            " them; the list of those who are there is enough."
        ),
    ),
    Script(
        N_("A handler unsubscribes itself while it is being told"),
        (
            *_subscribe("inventory", "notification", "points"),
            Step("publish", during=_LEAVE, by="inventory"),
            _TELL,
        ),
        missing=N_(
            "The list became shorter while the loop was walking through it. Everybody behind moved"
            " up by one, and the loop stepped over the next. What could it walk through instead?"
        ),
    ),
    Script(
        N_("A handler unsubscribes another one that has not been told yet"),
        (
            *_subscribe("points", "inventory", "notification"),
            Step("publish", during=_LEAVE, by="points"),
            _TELL,
        ),
        missing=_NOT_UNDERWAY,
    ),
    Script(
        N_("Somebody new subscribes while an event is being told"),
        (
            *_subscribe("inventory", "notification"),
            Step("publish", during=Step("subscribe", "points"), by="inventory"),
            _TELL,
        ),
        unwanted=_NOT_UNDERWAY,
    ),
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

    async def play(self) -> None:
        for step in self.script.steps:
            if step.do == "publish":
                await self._publish(step)
            else:
                self._change(step)
            if self.wrong is not None:
                return

    def _change(self, step: Step, by: str = "") -> None:
        page = self.pages.setdefault(step.who, _Page(step.who, self._hear))
        handler = page.show if self.script.methods else page.handler
        member = (step.kind, step.who)
        words = _("{service} subscribes to {event}")
        if step.do == "unsubscribe":
            words = _("{service} unsubscribes from {event}")
        happened = words.format(service=service_name(step.who), event=step.kind)
        if by:
            happened = "↳ " + happened
        self.rows.append((happened, "", ""))
        if step.do == "subscribe":
            self.bus.subscribe(step.kind, handler)
            self.members.append(member)
        else:
            self._unsubscribe(step.kind, handler, happened)
            if member in self.members:
                self.members.remove(member)
        self.changed[step.who] = None
        if by:
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
            self.rows[-1] = (happened, "", f"✗ {_in_words(error)}")
            words = _("`unsubscribe` raised an error: {error}").format(error=_in_words(error))
            self.wrong = (words, _(self.script.raises))
            return
        if asyncio.iscoroutine(reply):
            reply.close()
            raise TypeError("unsubscribe must be declared with 'def', as in the starting cell")

    async def _publish(self, step: Step) -> None:
        self._show_changes()
        wanted = [who for kind, who in self.members if kind == step.kind]
        self.heard: list[str] = []
        self.during, self.by = step.during, step.by
        row = len(self.rows)
        self.rows.append((step.kind, _names(wanted), ""))
        trace = current_trace()
        trace.end(trace.send("publisher", "event bus", step.kind, Kind.EVENT))
        error: Exception | None = None
        try:
            await self.bus.publish(OrderCreated() if step.kind == CREATED else OrderCancelled())
        except (TypeError, RuntimeError) as raised:
            error = raised
        said = _names(self.heard) + (f" ✗ {_in_words(error)}" if error else "")
        self.rows[row] = (step.kind, _names(wanted), said)
        if error is not None:
            self.wrong = self._of_the_error(error)
        elif Counter(self.heard) != Counter(wanted):
            self.wrong = self._of_the_hearing(wanted)

    def _hear(self, who: str, event: Event) -> None:
        self.heard.append(who)
        trace = current_trace()
        trace.end(trace.send("event bus", who, event.type, Kind.EVENT))
        if self.during is not None and who == self.by:
            during, self.during = self.during, None
            self._change(during, by=who)

    def _of_the_error(self, error: Exception) -> Complaint:
        sentence = _("`publish` raised an error: {error}").format(error=_in_words(error))
        if isinstance(error, TypeError) and "not callable" in str(error):
            return sentence, _(
                "Where the handler stood there is a hole in the list now, and `publish` falls into"
                " it. Take the entry out instead of overwriting it."
            )
        if isinstance(error, RuntimeError) and "changed size" in str(error):
            return sentence, _(
                "A handler has changed the very thing that the loop is walking through. Python"
                " notices that with a set or a dict. What could it walk through instead?"
            )
        raise error

    def _of_the_hearing(self, wanted: list[str]) -> Complaint:
        if missing := list((Counter(wanted) - Counter(self.heard)).elements()):
            current_trace().note(missing[0], N_("✗ not told"))
            words = _("The handler of {service} should have heard the event, and has not.")
            if missing[0] in self.heard:
                words = _(
                    "The handler of {service} should have heard the event twice; it heard it once."
                )
            sentence = words.format(service=service_name(missing[0]))
            return sentence, _(self.script.missing or _THE_OTHERS)
        unwanted = list((Counter(self.heard) - Counter(wanted)).elements())
        current_trace().note(unwanted[0], N_("✗ told"))
        words = _("The handler of {service} has heard an event that was not for it.")
        if unwanted[0] in wanted:
            words = _("The handler of {service} has heard the event once too often.")
        sentence = words.format(service=service_name(unwanted[0]))
        return sentence, _(self.script.unwanted or _STILL)


def _judge_stop_hearing(bus: type) -> Counterexample | None:
    for script in SCRIPTS:
        played = _Played(bus(), script)
        run = run_briefly(played.play())
        if run.error is not None:
            raise run.error
        if played.wrong is not None:
            heads = (_("what happens"), _("should hear it"), _("has heard it"))
            title = _(script.title).replace("`", "")
            return Counterexample(*played.wrong, _picture(title, run.trace, heads, played.rows))
    return None


stop_hearing = Exercise(
    name="stop_hearing",
    notebook="06-event-bus",
    point=2,
    title=N_("A bus that a handler can leave"),
    starter="""
class LeavableBus(OneAfterAnother):
    def unsubscribe(self, kind, handler):
        pass  # yours to write

    async def publish(self, event):
        for handler in self.handlers.get(event.type, []):
            await handler(event)
""",
    asks=("LeavableBus",),
    judge=_judge_stop_hearing,
    hints=(
        N_(
            "The handlers of a type stand in the list `self.handlers[kind]`. A list has a method"
            " that takes out the first entry that is equal to what you give it. What does it do if"
            " there is none?"
        ),
        N_(
            "`publish` walks through the list while its handlers change it. Anybody behind a"
            " removed entry moves up by one, and is passed over."
        ),
        N_(
            "`list(handlers)` makes a copy. Let `publish` walk through a copy, and let"
            " `unsubscribe` change the list itself, `if handler in handlers`."
        ),
    ),
    answer="""
class LeavableBus(OneAfterAnother):
    def unsubscribe(self, kind, handler):
        handlers = self.handlers.get(kind, [])
        if handler in handlers:
            handlers.remove(handler)

    async def publish(self, event):
        for handler in list(self.handlers.get(event.type, [])):
            await handler(event)
""",
)
