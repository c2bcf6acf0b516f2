"""Exercise ``isolate``: a bus that no handler can hold up."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator

from lessonkit.course.event_bus.pictures import picture
from lessonkit.course.event_bus.situations import PLAIN, SITUATIONS, Listener
from lessonkit.course.event_bus.telling import Telling
from lessonkit.exercises.advice import Advice, first_counterexample
from lessonkit.exercises.conditions import both
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.trial import run_briefly
from lessonkit.exercises.written import exercise
from lessonkit.messages import N_, _

Condition = Callable[[Telling], bool]


def _judge_isolate(bus: type) -> Counterexample | None:
    return first_counterexample(_tellings(bus), _ADVICE, _picture, _sentence)


def _tellings(bus: type) -> Iterator[Telling]:
    for situation in SITUATIONS:
        telling = Telling(bus(), situation)
        played = run_briefly(telling.play())
        if played.error is not None and not telling.over:
            raise played.error
        yield telling
        for error in (telling.error, played.error):  # the learner's own, if nothing was said of it
            if error is not None and not isinstance(error, asyncio.CancelledError):
                raise error


def _sentence(telling: Telling) -> str:
    words = _("{situation}: your bus does not do then what it should.")
    return words.format(situation=_(telling.situation.title))


def _picture(telling: Telling) -> str:
    heads = (_("told to"), _("what came of it"), _("in the list"))
    return picture(_(telling.situation.title), telling.trace, heads, telling.rows())


# --- what may be seen ----------------------------------------------------------------------------


def _any_listener(is_so: Callable[[Telling, Listener], bool]) -> Condition:
    return lambda telling: any(is_so(telling, one) for one in telling.situation.listeners)


def _raised(*kinds: type[BaseException]) -> Condition:
    return lambda telling: isinstance(telling.error, kinds)


def _in_trouble(telling: Telling) -> bool:
    return telling.situation.trouble


def _somebody_listens(telling: Telling) -> bool:
    return bool(telling.situation.listeners)


def _too_late(telling: Telling) -> bool:
    if telling.situation.cancelled is not None:
        return False
    return telling.took is None or telling.took > telling.situation.longest + 0.001


def _not_at_work_any_more(telling: Telling) -> bool:
    return telling.error is None and telling.took is not None


_returns_nothing_to_wait_for = _any_listener(lambda _t, one: one.form == PLAIN and one.healthy)
_a_plain_ones_error_went_through = _any_listener(
    lambda t, one: one.form == PLAIN and t.error in t.raised.get(one.lane, ())
)
_somebody_is_slow = _any_listener(lambda _t, one: one.too_slow)
_somebody_was_not_told = _any_listener(lambda t, one: t.told[one.lane] < one.times)
_told_once_and_not_twice = _any_listener(lambda t, one: 0 < t.told[one.lane] < one.times)
_a_healthy_one_was_stopped = _any_listener(lambda t, one: one.healthy and one.lane in t.cut_off)
_a_healthy_one_is_still_at_work = _any_listener(
    lambda t, one: one.healthy and t.done.get(one.lane, 9.9) > (t.took or 0.0) + 0.001
)
_a_healthy_one_is_in_the_list = _any_listener(
    lambda t, one: one.healthy and bool(t.errors_of(one.lane))
)
_a_slow_one_is_not_in_the_list = _any_listener(
    lambda t, one: one.too_slow and not t.errors_of(one.lane)
)
_one_that_failed_is_not_in_the_list = _any_listener(
    lambda t, one: one.error is not None and len(t.errors_of(one.lane)) < one.times
)
_a_slow_one_has_another_error = _any_listener(
    lambda t, one: (
        one.too_slow and not all(isinstance(e, TimeoutError) for e in t.errors_of(one.lane))
    )
)
_a_slow_one_is_said_to_be_cancelled = _any_listener(
    lambda t, one: one.too_slow and any(map(_is_cancelled, t.errors_of(one.lane)))
)
_not_the_error_itself = _any_listener(
    lambda t, one: (
        one.error is not None
        and any(e is not r for e, r in zip(t.errors_of(one.lane), t.raised[one.lane], strict=False))
    )
)
_one_that_hangs_was_not_stopped = _any_listener(
    lambda t, one: one.too_slow and t.told[one.lane] > 0 and one.lane not in t.cut_off
)
_a_slow_one_goes_on = _any_listener(lambda t, one: one.too_slow and one.lane in t.done)


def _says_type_error(telling: Telling) -> bool:
    return any(_cannot_wait(error) for _handler, error in telling.entries)


def _cannot_wait(error: BaseException | None) -> bool:
    # "object str can't be used in 'await' expression"; "a coroutine was expected, got 'sent'"
    return isinstance(error, TypeError) and re.search("await|coroutine", str(error)) is not None


def _is_cancelled(error: BaseException | None) -> bool:
    return isinstance(error, asyncio.CancelledError)


_NOTHING_TO_WAIT_FOR = N_(
    "One of the handlers is a plain function that returns nothing to wait for. That is no"
    " failure. `inspect.isawaitable(reply)` says whether there is something to wait for."
)
_PAIRS = N_(
    "Return a list of pairs `(handler, error)`: the handler itself and the error itself, one"
    " pair for each time that a handler has failed."
)
_ITSELF = N_("Put the error itself into the list, just as it was raised.")

_ADVICE = (
    Advice(
        both(lambda t: t.situation.cancelled is not None, lambda t: t.error is None),
        "The publisher was cancelled after 200 ms, and `publish` went on as if nothing had"
        " happened. `CancelledError` is no failure of a handler: somebody stops the publisher."
        " `except Exception` lets it through; `except BaseException` swallows it.",
    ),
    Advice(
        both(lambda t: t.situation.cancelled is not None, _one_that_hangs_was_not_stopped),
        "The publisher was cancelled, and a handler that never ends goes on: nobody stops it any"
        " more. Whoever starts a task also ends it, if need be in a `finally`.",
    ),
    Advice(
        lambda t: t.is_mixed_up,
        "Another event was published meanwhile, and its failure stands in this list. What belongs"
        " to one `publish` must not be kept in `self`: all that are under way share it.",
    ),
    Advice(
        both(_raised(LookupError, ValueError), lambda t: not t.situation.listeners),
        "The publisher got an error: {run.error_words}. An event that nobody wants to hear is"
        " nothing unusual. Then nobody fails, and the list is empty.",
    ),
    Advice(
        both(_raised(TimeoutError), _somebody_is_slow),
        "A limit was over, and the publisher got the error: what came of the healthy ones is lost."
        " Give each handler a second of its own, and catch its `TimeoutError` there.",
    ),
    Advice(
        both(lambda t: _cannot_wait(t.error), _returns_nothing_to_wait_for), _NOTHING_TO_WAIT_FOR
    ),
    Advice(
        _a_plain_ones_error_went_through,
        "The publisher got an error: {run.error_words}. This handler is a plain function. It fails"
        " while it is called, before there is anything to wait for. Is the call under guard, too?",
    ),
    Advice(
        lambda t: t.is_a_handlers_error,
        "The publisher got an error: {run.error_words}. A handler's error has gone through. Catch"
        " it where this one handler is told; then the others do not notice either.",
    ),
    Advice(
        both(_too_late, _somebody_is_slow, lambda t: t.took is None),
        "After {run.took_ms} ms the publisher still waits. Whoever waits without a limit hangs as"
        " soon as one handler hangs. `asyncio.timeout` and `asyncio.wait_for` set a limit: a"
        " second for each handler.",
    ),
    Advice(
        both(_too_late, _somebody_is_slow),
        "The publisher waited {run.took_ms} ms. A handler that takes longer than a second is given"
        " up after one second.",
    ),
    Advice(
        both(_too_late, _somebody_listens),
        "The publisher waits {run.took_ms} ms, longer than the slowest handler needs. The waits"
        " add up if each handler is told only when the one before is through. Tell them side by"
        " side.",
    ),
    Advice(
        both(_not_at_work_any_more, _told_once_and_not_twice),
        "A handler that has subscribed twice was told once. `publish` calls each one as often as"
        " it has subscribed.",
    ),
    Advice(
        both(_not_at_work_any_more, _somebody_was_not_told, _in_trouble),
        "One handler has failed, and not all of the others were told. A failure may end nothing"
        " but its own handler.",
    ),
    Advice(
        both(_not_at_work_any_more, _somebody_was_not_told),
        "Not every handler was told of the event. `publish` has to call every one that has"
        " subscribed.",
    ),
    Advice(
        both(_not_at_work_any_more, _a_healthy_one_was_stopped, _in_trouble),
        "Somebody else was in trouble, and a healthy handler was stopped along with it. A limit"
        " around all of them does that, and so does a `TaskGroup`. Each handler needs a guard of"
        " its own.",
    ),
    Advice(
        both(_not_at_work_any_more, _a_healthy_one_was_stopped),
        "A handler was stopped too early: each one has a whole second.",
    ),
    Advice(
        both(_not_at_work_any_more, _a_healthy_one_is_still_at_work),
        "`publish` is over, and a handler is still at work: nobody can know yet who fails. What is"
        " started must also be waited for before `publish` returns; and what a plain function"
        " hands back may be something to wait for.",
    ),
    Advice(both(_not_at_work_any_more, lambda t: not t.is_list), _PAIRS),
    Advice(
        both(_a_healthy_one_is_in_the_list, _says_type_error, _returns_nothing_to_wait_for),
        _NOTHING_TO_WAIT_FOR,
    ),
    Advice(
        _a_healthy_one_is_in_the_list,
        "A handler did its work, and yet stands in the list. Only those who failed belong there."
        " Find out for each handler by itself what came of it.",
    ),
    Advice(
        both(_not_at_work_any_more, _a_slow_one_is_not_in_the_list),
        "A handler was given up, and the list does not say so. A handler that does not end has"
        " failed as well. Its `TimeoutError` belongs in the list.",
    ),
    Advice(
        both(_not_at_work_any_more, _one_that_failed_is_not_in_the_list),
        "A handler has failed, and the list does not say so each time. That the publisher is left"
        " in peace is one half; the other is that the failure can be seen.",
    ),
    Advice(
        lambda t: len(t.names) > len(t.wanted) and t.situation.again,
        "The failures of the first event are still there. A list belongs to one event: each"
        " `publish` begins with an empty one.",
    ),
    Advice(lambda t: len(t.names) > len(t.wanted), _PAIRS),
    Advice(
        both(_not_at_work_any_more, _a_slow_one_is_said_to_be_cancelled),
        "`CancelledError` is how a handler is stopped. The limit turns it into a `TimeoutError`,"
        " if nobody catches it inside: `except BaseException` does.",
    ),
    Advice(both(_not_at_work_any_more, _not_the_error_itself), _ITSELF),
    Advice(both(_not_at_work_any_more, _a_slow_one_has_another_error), _ITSELF),
    Advice(
        lambda t: t.error is None and t.names != t.wanted,
        "The list is to have the order in which they subscribed, whoever fails first."
        " `asyncio.gather` gives its results in the order of what it was given.",
    ),
    Advice(
        both(_not_at_work_any_more, _a_slow_one_goes_on),
        "A handler was given up, and did its work all the same. Not to wait any longer is not to"
        " stop. `asyncio.wait` lets the tasks go on that are not done in time; `cancel()` stops"
        " them.",
    ),
)


isolate = exercise(__name__, "isolate", _judge_isolate)
