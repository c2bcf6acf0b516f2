"""Notebook 05: how its figures are shown, in tiles, tables and charts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from lessonkit.course.eventual_consistency.names import moments
from lessonkit.explorer import Exploration
from lessonkit.lab import charts, table, tiles
from lessonkit.messages import _
from lessonkit.shop import OrderBooks, Told


def gap(t1: float, t2: float, now: float) -> str:
    """From when to when two services disagree, and what each says now (times in seconds)."""
    knows = _("the order is confirmed") if now >= t1 else _("nothing yet")
    hears = _("the stock is reduced") if now >= t2 else _("nothing yet")
    return tiles(
        [
            ("T1", f"{t1 * 1000:,.0f} ms", "plain"),
            ("T2", f"{t2 * 1000:,.0f} ms", "plain"),
            (_("the gap"), f"{(t2 - t1) * 1000:,.0f} ms", "plain"),
            (_("the order service says"), knows, "plain"),
            (_("the inventory says"), hears, "bad" if t1 <= now < t2 else "good"),
        ]
    )


def gaps_in_line(lengths: Mapping[int, Sequence[int]]) -> str:
    """The gap (ms) of each order in line, for an inventory that takes so many ms."""
    words = _("inventory takes {ms} ms")
    return charts.lines(
        range(0, max(map(len, lengths.values())), 7),
        {words.format(ms=ms): gaps[::7] for ms, gaps in lengths.items()},
        title=_("The gap, when so many orders are in line before"),
        xlabel=_("orders in line"),
        ylabel=_("gap (ms)"),
    )


def gaps_of_rates(rates: Mapping[int, Sequence[int]]) -> str:
    """The gap (ms) of three orders, when so many come in a second."""
    coming: dict[str, list[int]] = {_("orders per second"): list(rates)}
    for n in (1, 50, 100):
        found = [gaps[n - 1] for gaps in rates.values()]
        coming[_("gap of order {n} (ms)").format(n=n)] = found
    return table(pd.DataFrame(coming)).html


def pages(rows: Sequence[tuple[Sequence[tuple[bool, float]], int]]) -> pd.DataFrame:
    """For each way to read: what the customers found, their wait (s), questions to the writer."""
    ways = [_("the copy"), _("the writer"), _("the copy, once it has my version")]
    return pd.DataFrame(
        [
            {
                _("did not find their own order"): sum(not found for found, _wait in seen),
                _("average wait for the page (ms)"): round(
                    sum(wait for _found, wait in seen) / len(seen) * 1000
                ),
                _("questions to the writer"): asked,
            }
            for seen, asked in rows
        ],
        index=ways,
    )


def page(found: bool, wait: float) -> str:
    """What one customer's page says, and how long (in seconds) it took."""
    says = "O-001" if found else _("no such order")
    return tiles(
        [
            (_("the page says"), says, "good" if found else "bad"),
            (_("the page took"), f"{wait * 1000:,.0f} ms", "plain"),
        ]
    )


def rolled_back(by_gap: Mapping[float, int]) -> pd.DataFrame:
    """How many customers saw their order rolled back, for each length of the gap (s)."""
    counted = pd.Series(by_gap, name=_("saw it rolled back"))
    return counted.rename_axis(_("the gap (s)")).to_frame()


def shelf(came_of_it: Mapping[str, int], samples: Sequence[tuple[int, int]]) -> tuple[str, str]:
    """What became of the customers, and what was shown and was true, every 50 ms."""
    back = came_of_it["rolled back"]
    numbers = [
        (_('saw "ordered" at once'), f"{came_of_it['ordered']}", "plain"),
        (_("kept it"), f"{came_of_it['ordered'] - back}", "plain"),
        (_("saw it rolled back"), f"{back}", "bad" if back else "good"),
        (_('saw "sold out" from the start'), f"{came_of_it['turned away']}", "plain"),
    ]
    shown, real = zip(*samples, strict=True)
    picture = charts.lines(
        [number * 0.05 for number in range(len(samples))],
        {_("shown as ordered"): shown, _("really reserved"): real},
        title=_("Orders while the shelf empties"),
        xlabel=_("time (s)"),
        ylabel=_("orders"),
    )
    return tiles(numbers), picture


def lessons_loop(asked: Sequence[float], gave_up: float) -> pd.DataFrame:
    """When the lesson's loop asked, and when it gave up (in seconds)."""
    figures = {
        _("asked so many times"): len(asked),
        _("asked for the last time after (s)"): round(asked[-1]),
        _("gave up after (s)"): round(gave_up),
        _("in minutes"): round(gave_up / 60),
    }
    return pd.Series(figures, name=_("the lesson's loop")).to_frame()


def learned_late(
    confirmed: Sequence[int], endless: Sequence[int], capped: Sequence[int]
) -> pd.DataFrame:
    """How much later (s) than it was confirmed a client learns of it."""
    late = {_("doubling without end"): endless, _("doubling up to ten seconds"): capped}
    return pd.DataFrame(late, index=pd.Index(confirmed, name=_("confirmed after (s)")))


def peaks(plain: tuple[int, int], jittered: tuple[int, int]) -> pd.DataFrame:
    """The busiest second, and the last one, without jitter and with it."""
    columns = [_("most requests in a second, once it is back"), _("everybody served after (s)")]
    index = [_("without jitter"), _("with jitter")]
    return pd.DataFrame([plain, jittered], columns=columns, index=index)


def herd(
    found: Sequence[Counter[int]], peaks: Sequence[tuple[int, int]], outage: int
) -> tuple[str, str]:
    """The requests in each second, without jitter and with it; the peak and the end of each."""
    names = [_("without jitter"), _("with jitter")]
    most, served = _("most requests in a second, once it is back"), _("everybody served after")
    numbers = []
    for name, (peak, end) in zip(names, peaks, strict=True):
        numbers.append((f"{name}: {most}", f"{peak:,}", "plain"))
        numbers.append((f"{name}: {served}", f"{end:,} s", "plain"))
    seconds = range(max(map(max, found)) + 2)
    picture = charts.lines(
        seconds,
        {name: [one[n] for n in seconds] for name, one in zip(names, found, strict=True)},
        title=_("Requests per second; the service comes back after {n} s").format(n=outage),
        xlabel=_("time (s)"),
        ylabel=_("requests"),
    )
    return tiles(numbers), picture


def killed(publish_first: Exploration, commit_first: Exploration) -> str:
    """What the audit says when the process is killed at each of four moments."""

    def said(found: Exploration) -> list[str]:
        cases = [found.find("killed", what) for what in moments()]
        return [" ".join(one.sentence for one in case.violations) or "✓" for case in cases]

    return table(
        pd.DataFrame(
            {
                _("killed when"): moments().values(),
                _("publish, then commit"): said(publish_first),
                _("commit, then publish"): said(commit_first),
            }
        )
    ).html


def rows_on_disk(counts: Sequence[Sequence[int]]) -> pd.DataFrame:
    """The rows in both tables: on a good day, and when the power fails."""
    names = [_("all went well"), _("the power fails between the two rows")]
    return pd.DataFrame(counts, index=names, columns=["orders", "outbox"])


def verdict(found: Exploration) -> dict[str, int]:
    """In how many cases of bad luck something was lost, done twice, or told wrongly."""

    def cases(is_so: Callable[[OrderBooks], object]) -> int:
        return sum(any(map(is_so, case.ledgers)) for case in found.cases[1:])

    def anything(order: OrderBooks) -> bool:
        return bool(order.held or order.money or order.mails)

    def too_much(order: OrderBooks) -> bool:
        wanted = sum(order.wanted.values())
        return order.held > wanted or order.money > order.total or order.mails > 1

    return {
        _("cases of bad luck"): found.tried,
        _("an order that nobody will hear of"): cases(
            lambda order: order.stands and not anything(order) and not order.owed
        ),
        _("something was done for no order"): cases(
            lambda order: anything(order) and not order.stands and not order.owed
        ),
        _("something happened twice"): cases(too_much),
        _("the customer paid twice"): cases(lambda order: order.money > order.total),
        _("paid, and nothing is held"): cases(lambda order: order.money and not order.held),
        _('told "failed", and the order stands'): cases(
            lambda order: order.stands and order.told[-1:] == (Told.FAILED,)
        ),
        _("the auditor complains"): len(found.counterexamples),
    }


def verdicts(*found: Exploration) -> pd.DataFrame:
    """The verdicts on the outbox, on the outbox with inboxes, and on that one killed twice."""
    names = [_("outbox and relay"), _("outbox, relay and inboxes"), _("the same, killed twice")]
    return pd.DataFrame(dict(zip(names, map(verdict, found), strict=False)))


def effects(times: Sequence[int], absorbed: int) -> str:
    """How often each effect has happened, and how many duplicates did nothing."""
    return tiles(
        [
            (
                _("times: stock taken, card charged, mail sent"),
                ", ".join(map(str, times)),
                "plain",
            ),
            (_("duplicates that an inbox has absorbed"), f"{absorbed}", "plain"),
        ]
    )


def after_five_kills(no_event: int, no_order: int, not_once: int) -> pd.DataFrame:
    """What two databases on a disk say of each other after five kills."""
    counted = {
        _("an order without its event"): no_event,
        _("an event without its order"): no_order,
        _("an effect that did not happen exactly once"): not_once,
    }
    return pd.Series(counted, name=_("after five kills")).to_frame()
