"""Exercise ``isolate``: a bus that no handler can hold up."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from operator import is_not

from lessonkit.course.event_bus.pictures import picture
from lessonkit.course.event_bus.situations import PLAIN, SITUATIONS, Listener
from lessonkit.course.event_bus.telling import Telling
from lessonkit.exercises.advice import first_counterexample
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.trial import run_briefly
from lessonkit.exercises.written import advice, exercise
from lessonkit.messages import _


def _cannot_wait(error: BaseException | None) -> bool:
    # "object str can't be used in 'await' expression"; "a coroutine was expected, got 'sent'"
    return isinstance(error, TypeError) and re.search("await|coroutine", str(error)) is not None


def _of_any(is_so: Callable[[Telling, Listener], bool]) -> Callable[[Telling], bool]:
    return lambda seen: any(is_so(seen, one) for one in seen.situation.listeners)


_OF_A_LISTENER: Mapping[str, Callable[[Telling, Listener], bool]] = {
    "somebody_listens": lambda _seen, _one: True,
    "somebody_is_slow": lambda _seen, one: one.too_slow,
    "somebody_was_not_told": lambda seen, one: seen.told[one.lane] < one.times,
    "somebody_was_told_too_seldom": lambda seen, one: 0 < seen.told[one.lane] < one.times,
    "somebody_returns_nothing_to_wait_for": lambda _seen, one: one.form == PLAIN and one.healthy,
    "a_plain_ones_error_went_through": lambda seen, one: (
        one.form == PLAIN and seen.error in seen.raised.get(one.lane, ())
    ),
    "a_healthy_one_was_stopped": lambda seen, one: one.healthy and one.lane in seen.cut_off,
    "a_healthy_one_is_at_work": lambda seen, one: (
        one.healthy and seen.done.get(one.lane, 9.9) > (seen.took or 0.0) + 0.001
    ),
    "a_healthy_one_is_listed": lambda seen, one: one.healthy and bool(seen.errors_of(one.lane)),
    "one_that_failed_is_not_listed": lambda seen, one: (
        one.error is not None and len(seen.errors_of(one.lane)) < one.times
    ),
    "lists_another_error": lambda seen, one: (
        one.error is not None
        and any(map(is_not, seen.errors_of(one.lane), seen.raised.get(one.lane, ())))
    ),
    "a_slow_one_is_not_listed": lambda seen, one: one.too_slow and not seen.errors_of(one.lane),
    "a_slow_one_has_another_error": lambda seen, one: (
        one.too_slow and not all(isinstance(e, TimeoutError) for e in seen.errors_of(one.lane))
    ),
    "a_slow_one_is_listed_as_cancelled": lambda seen, one: (
        one.too_slow
        and any(isinstance(e, asyncio.CancelledError) for e in seen.errors_of(one.lane))
    ),
    "one_that_hangs_was_not_stopped": lambda seen, one: (
        one.too_slow and seen.told[one.lane] > 0 and one.lane not in seen.cut_off
    ),
    "a_slow_one_goes_on": lambda seen, one: one.too_slow and one.lane in seen.done,
}
"""What may be so of one who listens; the advice asks whether it is so of any."""

_ADVICE = advice(
    __name__,
    "isolate",
    "advice",
    raised_of_nothing=lambda seen: isinstance(seen.error, LookupError | ValueError),
    ran_out_of_time=lambda seen: isinstance(seen.error, TimeoutError),
    raised_nothing=lambda seen: seen.error is None,
    could_not_wait=lambda seen: _cannot_wait(seen.error),
    never_ended=lambda seen: seen.took is None,
    is_late=lambda seen: (
        seen.situation.cancelled is None
        and (seen.took is None or seen.took > seen.situation.longest + 0.001)
    ),
    is_through=lambda seen: seen.error is None and seen.took is not None,
    was_cancelled=lambda seen: seen.situation.cancelled is not None,
    is_in_trouble=lambda seen: seen.situation.trouble,
    is_the_second_event=lambda seen: seen.situation.again,
    lists_that_it_could_not_wait=lambda seen: any(_cannot_wait(e) for _one, e in seen.entries),
    lists_too_many=lambda seen: len(seen.names) > len(seen.wanted),
    lists_others=lambda seen: seen.names != seen.wanted,
    **{name: _of_any(is_so) for name, is_so in _OF_A_LISTENER.items()},
)


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


isolate = exercise(__name__, "isolate", _judge_isolate)
