"""Exercise ``isolate``: a bus that no handler can hold up."""

from __future__ import annotations

import asyncio
import math
import re

from lessonkit.course.event_bus.pictures import Complaint, in_ms, in_words, listed, picture
from lessonkit.course.event_bus.situations import PATIENCE, SITUATIONS
from lessonkit.course.event_bus.telling import Telling
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.trial import run_briefly
from lessonkit.messages import N_, _, service_name


def _judge_isolate(bus: type) -> Counterexample | None:
    for situation in SITUATIONS:
        telling = Telling(bus(), situation)
        played = run_briefly(telling.play())
        if played.error is not None and not telling.over:
            raise played.error
        if (found := _complaint(telling)) is not None:
            heads = (_("told to"), _("what came of it"), _("in the list"))
            rows = telling.rows()
            return Counterexample(*found, picture(_(situation.title), played.trace, heads, rows))
        if played.error is not None:
            raise played.error
    return None


def _complaint(telling: Telling) -> Complaint | None:
    if telling.situation.cancelled is not None:
        return _of_the_cancellation(telling)
    if isinstance(telling.outcome, BaseException):
        return _of_the_error(telling, telling.outcome)
    for of in (_of_the_time, _of_the_handlers, _of_the_list, _of_the_entries):
        if (found := of(telling)) is not None:
            return found
    return None


def _of_the_cancellation(telling: Telling) -> Complaint | None:
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


def _of_the_error(telling: Telling, error: BaseException) -> Complaint:
    listeners = telling.situation.listeners
    sentence = _("The publisher got an error: {error}").format(error=in_words(error))
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


def _of_the_time(telling: Telling) -> Complaint | None:
    """Whether publish is over in time."""
    longest = telling.situation.longest
    slow = [listener for listener in telling.situation.listeners if listener.too_slow]
    if telling.took is not None and telling.took <= longest + 0.001:
        return None
    if slow:
        waited = telling.took or PATIENCE
        words = _("The handler of {service} does not end. After {ms} ms the publisher still waits.")
        sentence = words.format(service=service_name(slow[0].lane), ms=in_ms(waited))
        return sentence, _(
            "Whoever waits without a limit hangs as soon as one handler hangs. `asyncio.timeout`"
            " and `asyncio.wait_for` set a limit: a second for each handler."
        )
    words = _("The publisher waits {ms} ms. The slowest handler needs only {longest} ms.")
    sentence = words.format(ms=in_ms(telling.took or PATIENCE), longest=in_ms(longest))
    return sentence, _(
        "The waits add up, because each handler is told only when the one before is through. Tell"
        " them side by side."
    )


def _of_the_handlers(telling: Telling) -> Complaint | None:
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
            sentence = words.format(service=name, ms=in_ms(listener.seconds))
            if not trouble:
                return sentence, _("That was too early: each handler has a whole second.")
            return sentence, _(
                "Somebody else was in trouble, and a healthy handler was stopped along with it. A"
                " limit around all of them does that, and so does a `TaskGroup`. Each handler needs"
                " a guard of its own."
            )
        if telling.done.get(lane, math.inf) > (telling.took or 0.0) + 0.001:
            words = _("`publish` is over after {ms} ms; the handler of {service} is still at work.")
            return words.format(ms=in_ms(telling.took or 0.0), service=name), _(
                "Nobody can know yet who fails. What is started with `create_task` must also be"
                " waited for before `publish` returns."
            )
    return None


def _of_the_list(telling: Telling) -> Complaint | None:
    """Whether the list names those who failed, and nobody else."""
    if not telling.is_list:
        value = re.sub(" at 0x[0-9A-Fa-f]+", "", repr(telling.outcome))
        sentence = _("`publish` returned {value}").format(value=f"{value:.80}")
        return sentence, _pairs()
    for listener in telling.situation.listeners:
        name, entry = service_name(listener.lane), telling.entry(listener.lane)
        if listener.healthy and entry is not None:
            words = _("The handler of {service} did its work, and yet stands in the list: {error}")
            sentence = words.format(service=name, error=in_words(entry[1]))
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


def _of_the_entries(telling: Telling) -> Complaint | None:
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
        sentence = words.format(service=service_name(listener.lane), error=in_words(error))
        if listener.too_slow and not isinstance(error, TimeoutError):
            return sentence, _(
                "`CancelledError` is how a handler is stopped. The limit turns it into a"
                " `TimeoutError`, if nobody catches it inside: `except BaseException` does."
            )
        if not listener.too_slow and error is not telling.raised[listener.lane]:
            return sentence, _("Put the error itself into the list, just as it was raised.")
    if names != wanted:
        words = _("The list has the order {got}. They subscribed in the order {wanted}.")
        sentence = words.format(got=listed(names), wanted=listed(wanted))
        return sentence, _(
            "Whoever fails first stands first. `asyncio.gather` gives its results in the order of"
            " what it was given, whoever is through first."
        )
    for listener in failing:
        if listener.lane in telling.done:
            words = _(
                "The handler of {service} was given up, and at {ms} ms did its work all the same."
            )
            at = in_ms(telling.done[listener.lane])
            return words.format(service=service_name(listener.lane), ms=at), _(
                "Not to wait any longer is not to stop. `asyncio.wait` lets the tasks go on that"
                " are not done in time; `cancel()` stops them."
            )
    return None


isolate = Exercise(
    name="isolate",
    notebook="06-event-bus",
    point=2,
    title=N_("A bus that no handler can hold up"),
    shown=N_(
        "Whoever hangs, the publisher waits for one second at most. What was stopped is not "
        "done, and the list says so."
    ),
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
