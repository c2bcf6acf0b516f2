"""Notebook 06: how its figures are shown, in tiles and tables."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lessonkit.explorer import Case, Exploration
from lessonkit.lab import Picture, bus_log, shop_view, table, tiles, timeline
from lessonkit.lab.svg import RED
from lessonkit.lab.written import written_names
from lessonkit.messages import _, service_name
from lessonkit.patterns.bus import InMemoryEventBus
from lessonkit.patterns.events import Event
from lessonkit.runner import Run
from lessonkit.shop import Answer, Shop, Told, audit, books
from lessonkit.shop.errors import ServiceRefused
from lessonkit.words import error_words, escape

# --- the console of a bus ------------------------------------------------------------------------


class Line(NamedTuple):
    """What a bus says on its console: when (ms), in which words, and whether it is a failure."""

    ms: int
    words: str
    failure: bool = False


def publishing(event: Event, handlers: Sequence[object]) -> Line:
    """How many handlers an event is published to."""
    return Line(_now(), _publishing(event.type, len(handlers)))


def failed(index: int, error: Exception) -> Line:
    """Which handler has failed, and why."""
    words = _("Handler {index} failed: {error}").format(index=index, error=_reason(error))
    return Line(_now(), words, failure=True)


def _publishing(kind: str, handlers: int) -> str:
    if handlers == 1:
        return _("Publishing {event} to one handler").format(event=kind)
    words = _("Publishing {event} to {number} handlers")
    return words.format(event=kind, number=handlers)


def _reason(error: BaseException) -> str:
    if isinstance(error, ServiceRefused):
        return _("{service} refuses").format(service=service_name(error.service))
    return error_words(error)


def _now() -> int:
    return round(asyncio.get_running_loop().time() * 1000)


def console(log: Iterable[Line], error: BaseException | None = None) -> str:
    """The lines of a bus's console, and the error that ``publish`` has let through."""
    lines = [(f"{line.ms:,} ms", line.words, line.failure) for line in log]
    if error is not None:
        words = _("`publish` raised an error: {error}").format(error=_reason(error))
        lines.append(("", words.replace("`", ""), True))
    rows = "".join(
        f'<tr style="color: {RED if bad else "inherit"}"><td style="text-align: right; '
        f'white-space: nowrap; padding-right: 14px">{when}</td>'
        f'<td style="text-align: left">{escape(words)}</td></tr>'
        for when, words, bad in lines
    )
    return f'<table style="font-family: monospace; margin: 6px 0"><tbody>{rows}</tbody></table>'


def console_of(bus: InMemoryEventBus) -> str:
    """The same for the finished bus, whose log says what became of each delivery."""
    lines = [
        Line(
            round(event.occurred_at * 1000),
            _publishing(event.type, sum(told.event is event for told in bus.log)),
        )
        for _sender, event in bus.published
    ]
    return console(lines)


# --- the shop, and who fails ---------------------------------------------------------------------


def seen(shop: Shop, outcome: Run[Answer], log: Iterable[Line] = ()) -> Picture:
    """The books, the console, and the timeline with what the auditor complains of."""
    drawn = timeline(outcome.trace, complaints=audit(shop))
    return Picture(shop_view(shop), console(log, outcome.error), drawn)


def _by_rows(rows: Sequence[Mapping[str, Any]]) -> Picture:
    return table({head: [row[head] for row in rows] for head in rows[0]})


def ways(runs: Iterable[tuple[Shop, Run[Answer]]]) -> Picture:
    """What becomes of one order, for each way in which a bus can call its handlers."""
    rows = []
    names = written_names(__file__, "ways").values()
    for way, (shop, outcome) in zip(names, runs, strict=True):
        (order,) = books(shop)
        rows.append(
            {
                _("the handlers run"): way,
                _("the customer was told"): _(outcome.result.told),
                _("after (ms)"): round(outcome.result.wait * 1000),
                _("yen taken"): f"{order.money:,}",
                _("mails"): order.mails,
            }
        )
    return _by_rows(rows)


# --- waiting, or not -----------------------------------------------------------------------------


def wait_or_forget(rows: Iterable[tuple[Answer, Sequence[Line]]]) -> Picture:
    """What the customer was told, and when the failure shows: with waiting, and without."""
    names = [_("wait"), _("forget")]
    return _by_rows(
        [
            {
                _("the order service"): name,
                _("the customer was told"): _(answer.told),
                _("after (ms)"): f"{answer.wait * 1000:,.0f}",
                _("the failure shows after (ms)"): f"{failure_shows(log):,}",
            }
            for name, (answer, log) in zip(names, rows, strict=True)
        ]
    )


def failure_shows(log: Iterable[Line]) -> int:
    """When the first failure stands in the log, in milliseconds."""
    return next(line.ms for line in log if line.failure)


def pages(shown: Mapping[str, Sequence[str]]) -> Picture:
    """Which status a page has shown at last, for each bus."""
    buses = written_names(__file__, "buses")
    names = [buses.get(name, name) for name in shown]
    first, last = (map(_, states) for states in zip(*shown.values(), strict=True))
    return table({_("the bus"): names, _("shown first"): first, _("shown from then on"): last})


def flow(bus: InMemoryEventBus) -> Picture:
    """What a bus has published to how many, and what came of each delivery."""
    return Picture(console_of(bus), bus_log(bus))


def not_done(bus: InMemoryEventBus) -> str:
    """How many handlers failed, or were not through when all was over."""
    handlers = sum(told.ended is None or told.error is not None for told in bus.log)
    words = _("handlers failed or not done")
    return tiles((words, str(handlers), "bad" if handlers else "good"))


# --- deaths --------------------------------------------------------------------------------------


def deaths(cases: Iterable[Case]) -> list[dict[str, Any]]:
    """For each death of the process: what was saved, and what nobody has heard of."""
    rows = []
    for case in cases:
        orders = case.ledgers
        unheard = [
            order
            for order in orders
            if order.stands and not (order.held and order.money and order.mails)
        ]
        rows.append(
            {
                _("bad luck"): case.title,
                _("orders saved"): sum(order.stands for order in orders),
                _("stock held"): sum(order.held > 0 for order in orders),
                _("paid"): sum(order.money > 0 for order in orders),
                _("mails"): sum(order.mails for order in orders),
                _("events lost"): len(unheard),
                _('of these, told "confirmed"'): sum(
                    Told.CONFIRMED in order.told for order in unheard
                ),
            }
        )
    return rows


def losses(found: Exploration) -> Picture:
    """The deaths at which an event was lost."""
    return _by_rows([row for row in deaths(found.cases[1:]) if row[_("events lost")] > 0])
