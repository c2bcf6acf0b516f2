"""Exercise ``isolate``: a bus that no handler can hold up."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator

from lessonkit.course.event_bus.pictures import picture
from lessonkit.course.event_bus.situations import PLAIN, SITUATIONS, Listener
from lessonkit.course.event_bus.telling import Telling
from lessonkit.exercises.advice import first_counterexample
from lessonkit.exercises.result import Counterexample
from lessonkit.exercises.trial import run_briefly
from lessonkit.exercises.written import advice, exercise
from lessonkit.messages import _


def _any_listener(is_so: Callable[[_Seen, Listener], bool]) -> property:
    return property(lambda seen: any(is_so(seen, one) for one in seen.situation.listeners))


def _raised(*kinds: type[BaseException]) -> property:
    return property(lambda seen: isinstance(seen.error, kinds))


def _cannot_wait(error: BaseException | None) -> bool:
    # "object str can't be used in 'await' expression"; "a coroutine was expected, got 'sent'"
    return isinstance(error, TypeError) and re.search("await|coroutine", str(error)) is not None


class _Seen(Telling):
    """What may be seen in a situation that was played: the advice goes by it."""

    raised_of_nothing = _raised(LookupError, ValueError)
    ran_out_of_time = _raised(TimeoutError)
    raised_nothing = property(lambda seen: seen.error is None)
    could_not_wait = property(lambda seen: _cannot_wait(seen.error))
    never_ended = property(lambda seen: seen.took is None)
    is_through = property(lambda seen: seen.error is None and seen.took is not None)
    was_cancelled = property(lambda seen: seen.situation.cancelled is not None)
    is_in_trouble = property(lambda seen: seen.situation.trouble)
    is_the_second_event = property(lambda seen: seen.situation.again)
    lists_too_many = property(lambda seen: len(seen.names) > len(seen.wanted))
    lists_others = property(lambda seen: seen.names != seen.wanted)

    somebody_listens = _any_listener(lambda _seen, _one: True)
    somebody_is_slow = _any_listener(lambda _seen, one: one.too_slow)
    somebody_was_not_told = _any_listener(lambda seen, one: seen.told[one.lane] < one.times)
    somebody_was_told_too_seldom = _any_listener(
        lambda seen, one: 0 < seen.told[one.lane] < one.times
    )
    somebody_returns_nothing_to_wait_for = _any_listener(
        lambda _seen, one: one.form == PLAIN and one.healthy
    )
    a_plain_ones_error_went_through = _any_listener(
        lambda seen, one: one.form == PLAIN and seen.error in seen.raised.get(one.lane, ())
    )
    a_healthy_one_was_stopped = _any_listener(
        lambda seen, one: one.healthy and one.lane in seen.cut_off
    )
    a_healthy_one_is_at_work = _any_listener(
        lambda seen, one: one.healthy and seen.done.get(one.lane, 9.9) > (seen.took or 0.0) + 0.001
    )
    a_healthy_one_is_listed = _any_listener(
        lambda seen, one: one.healthy and bool(seen.errors_of(one.lane))
    )
    one_that_failed_is_not_listed = _any_listener(
        lambda seen, one: one.error is not None and len(seen.errors_of(one.lane)) < one.times
    )
    a_slow_one_is_not_listed = _any_listener(
        lambda seen, one: one.too_slow and not seen.errors_of(one.lane)
    )
    a_slow_one_has_another_error = _any_listener(
        lambda seen, one: (
            one.too_slow and not all(isinstance(e, TimeoutError) for e in seen.errors_of(one.lane))
        )
    )
    a_slow_one_is_listed_as_cancelled = _any_listener(
        lambda seen, one: (
            one.too_slow
            and any(isinstance(e, asyncio.CancelledError) for e in seen.errors_of(one.lane))
        )
    )
    one_that_hangs_was_not_stopped = _any_listener(
        lambda seen, one: one.too_slow and seen.told[one.lane] > 0 and one.lane not in seen.cut_off
    )
    a_slow_one_goes_on = _any_listener(lambda seen, one: one.too_slow and one.lane in seen.done)

    @property
    def is_late(self) -> bool:
        if self.was_cancelled:
            return False
        return self.took is None or self.took > self.situation.longest + 0.001

    @property
    def lists_that_it_could_not_wait(self) -> bool:
        return any(_cannot_wait(error) for _handler, error in self.entries)

    @property
    def lists_another_error(self) -> bool:
        for one in self.situation.listeners:
            pairs = zip(self.errors_of(one.lane), self.raised.get(one.lane, ()), strict=False)
            if one.error is not None and any(e is not r for e, r in pairs):
                return True
        return False


def _judge_isolate(bus: type) -> Counterexample | None:
    return first_counterexample(_tellings(bus), _ADVICE, _picture, _sentence)


def _tellings(bus: type) -> Iterator[Telling]:
    for situation in SITUATIONS:
        telling = _Seen(bus(), situation)
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


_ADVICE = advice(__name__, "isolate")

isolate = exercise(__name__, "isolate", _judge_isolate)
