"""Notebook 05: how its figures are shown, in tiles, tables and charts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from sqlite3 import Connection

from lessonkit.course.eventual_consistency.killing import Books
from lessonkit.course.eventual_consistency.screens import OFTEN, Sale
from lessonkit.course.eventual_consistency.shops import ShopWithDisk, ShopWithInboxes
from lessonkit.exercises.tables import rows_html
from lessonkit.explorer import Case, Exploration
from lessonkit.lab import Picture, charts, table, tiles
from lessonkit.lab.written import written_names
from lessonkit.messages import _
from lessonkit.shop import OrderBooks, Shop, Told
from lessonkit.shop.audit import Violation
from lessonkit.trace import Trace

moments = partial(written_names, __file__, "moments")
"""The calls of the order service at which it is killed, and what has just happened then."""


def gap(trace: Trace, at: float) -> str:
    """From when to when two services disagree about the last order, and what they say at ``at``."""
    t1, t2 = (
        [change.time for change in trace.states if change.service == service][-1]
        for service in ("database", "inventory")
    )
    knows = _("the order is confirmed") if at >= t1 else _("nothing yet")
    hears = _("the stock is reduced") if at >= t2 else _("nothing yet")
    return tiles(
        (_("T1: the order is confirmed"), f"{t1 * 1000:,.0f} ms", "plain"),
        (_("T2: the stock is reduced"), f"{t2 * 1000:,.0f} ms", "plain"),
        (_("the gap"), f"{(t2 - t1) * 1000:,.0f} ms", "plain"),
        (_("the order service says"), knows, "plain"),
        (_("the inventory says"), hears, "bad" if t1 <= at < t2 else "good"),
    )


def pages(rows: Sequence[tuple[Sequence[tuple[bool, float]], int]]) -> Picture:
    """For each way to read: what the customers found, their wait (s), questions to the writer."""
    ways = [_("the copy"), _("the writer"), _("the copy, once it has my version")]
    return table(
        {
            _("reads from"): ways,
            _("did not find their own order"): [
                sum(not found for found, _wait in seen) for seen, _asked in rows
            ],
            _("average wait for the page (ms)"): [
                round(sum(wait for _found, wait in seen) / len(seen) * 1000)
                for seen, _asked in rows
            ],
            _("questions to the writer"): [asked for _seen, asked in rows],
        }
    )


def page(found: bool, wait: float) -> str:
    """What one customer's page says, and how long (in seconds) it took."""
    says = "O-001" if found else _("no such order")
    return tiles(
        (_("the page took"), f"{wait * 1000:,.0f} ms", "plain"),
        (_("the page says"), says, "good" if found else "bad"),
    )


def shelf(sale: Sale) -> tuple[str, str]:
    """What became of the customers, and what was shown and was true meanwhile."""
    ordered, back = sale.came_of_it["ordered"], sale.came_of_it["rolled back"]
    numbers = [
        (_('saw "ordered" at once'), f"{ordered}", "plain"),
        (_("kept it"), f"{ordered - back}", "plain"),
        (_("saw it rolled back"), f"{back}", "bad" if back else "good"),
        (_('saw "sold out" from the start'), f"{sale.came_of_it['turned away']}", "plain"),
    ]
    shown, real = zip(*sale.samples, strict=True)
    picture = charts.lines(
        [number / OFTEN for number in range(len(sale.samples))],
        {_("shown as ordered"): shown, _("really reserved"): real},
        **written_names(__file__, "shelf"),
    )
    return tiles(*numbers), picture


def lessons_loop(asked: Sequence[float], gave_up: float) -> Picture:
    """When the lesson's loop asked, and when it gave up (in seconds)."""
    figures: dict[str, object] = {
        _("times asked"): len(asked),
        _("asked for the last time after (s)"): round(asked[-1]),
        _("gave up after (s)"): f"{gave_up:,.0f}",
        _("in minutes"): round(gave_up / 60),
    }
    return table({_("the lesson's loop"): figures.keys(), "": figures.values()})


def learned_late(late: Callable[[float, float], float]) -> Picture:
    """How late (s) a client learns that its order is confirmed: ``late(confirmed_at, cap)``."""
    moments = [5, 70, 300]
    caps = {
        _("doubling without end: late by (s)"): inf,
        _("doubling up to ten seconds: late by (s)"): 10,
    }
    learned = {name: [round(late(at, cap)) for at in moments] for name, cap in caps.items()}
    return table({_("confirmed after (s)"): moments} | learned)


def peak_and_end(asked: Mapping[int, int], outage: int) -> tuple[int, int]:
    """The most requests in a second once the service is back, and the second of the last one."""
    return max(asked[second] for second in asked if second >= outage), max(asked)


def herd(found: Sequence[Counter[int]], outage: int) -> tuple[str, str]:
    """The requests in each second, without jitter and with it; the peak and the end of each."""
    names = [_("without jitter"), _("with jitter")]
    most, served = _("most requests in a second, once it is back"), _("everybody served after")
    numbers = []
    for name, asked in zip(names, found, strict=True):
        peak, end = peak_and_end(asked, outage)
        numbers.append((f"{name}: {most}", f"{peak:,}", "plain"))
        after = _("{number} s").format(number=f"{end:,}")
        numbers.append((f"{name}: {served}", after, "plain"))
    seconds = range(max(map(max, found)) + 2)
    picture = charts.lines(
        seconds,
        {name: [one[n] for n in seconds] for name, one in zip(names, found, strict=True)},
        title=_("Requests per second; the service comes back after {n} s").format(n=outage),
        xlabel=_("time (s)"),
        ylabel=_("requests per second"),
    )
    return tiles(*numbers), picture


def killed(publish_first: Exploration, commit_first: Exploration) -> str:
    """What the audit says when the process is killed at each of four moments."""

    def said(found: Exploration) -> list[str]:
        cases = [found.find("killed", what) for what in moments()]
        return ["\n".join(map(without_order, case.violations)) or "✓" for case in cases]

    def without_order(one: Violation) -> str:
        words = one.sentence.removeprefix(f"{one.order_id}: ")  # there is only one order
        return words[:1].upper() + words[1:]

    columns = {
        _("killed when"): moments().values(),
        _("publish, then commit"): said(publish_first),
        _("commit, then publish"): said(commit_first),
    }
    return table(columns).html


def rows(disk: Connection) -> str:
    """What the two tables hold, with the columns that a learner needs."""
    # What the event tells; its id is the run's own.
    body, payload = "json_extract(body, '$.data')", "json_extract(payload, '$.data')"
    breaks = str.maketrans({",": ",\N{ZERO WIDTH SPACE}"})  # a line may end after a comma
    return "".join(
        rows_html(
            heads.split(),
            [[str(cell).translate(breaks) for cell in row] for row in disk.execute(asked)],
        )
        for heads, asked in (
            ("orders.id body", f"SELECT id, {body} FROM orders"),
            (
                "outbox.event_type aggregate_id payload published",
                f"SELECT event_type, aggregate_id, {payload}, published FROM outbox",
            ),
        )
    )


def rows_on_disk(well: Connection, power_fails: Connection) -> Picture:
    """How many rows there are in both tables: on a good day, and when the power fails."""
    tables = "orders", "outbox"
    counts = [
        [disk.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables]
        for disk in (well, power_fails)
    ]
    names = [_("all went well"), _("the power fails between the two rows")]
    kept = zip(*counts, strict=True)
    return table({_("rows on the disk"): names} | dict(zip(tables, kept, strict=True)))


def verdict(found: Exploration) -> dict[str, int]:
    """In how many cases of bad luck something was lost, done twice, or told wrongly."""

    def anything(order: OrderBooks) -> bool:
        return bool(order.held or order.money or order.mails)

    def too_much(order: OrderBooks) -> bool:
        wanted = sum(order.wanted.values())
        return order.held > wanted or order.money > order.total or order.mails > 1

    harm: dict[str, Callable[[OrderBooks], object]] = {
        _("an order that nobody will hear of"): lambda order: (
            order.stands and not anything(order) and not order.owed
        ),
        _("something was done for no order"): lambda order: (
            anything(order) and not order.stands and not order.owed
        ),
        _("something happened twice"): too_much,
        _("the customer paid twice"): lambda order: order.money > order.total,
        _("paid, and nothing is held"): lambda order: order.money and not order.held,
        _('told "failed", and the order stands'): lambda order: (
            order.stands and order.told[-1:] == (Told.FAILED,)
        ),
    }
    ledgers = [case.ledgers for case in found.cases[1:]]
    return {
        _("cases of bad luck"): found.tried,
        **{words: sum(any(map(is_so, one)) for one in ledgers) for words, is_so in harm.items()},
        _("the auditor complains"): len(found.counterexamples),
    }


def verdicts(found: Exploration) -> str:
    """The verdict as a table: what came of it, in how many cases."""
    said = verdict(found)
    return table({_("what came of it"): said.keys(), _("how often"): said.values()}).html


def with_outbox(case: Case) -> Case:
    """The case, with the rows of its outbox (if it has one) under the lanes of its picture."""
    if isinstance(case.shop, ShopWithDisk | ShopWithInboxes):
        case.run.trace.rows[:] = case.shop.outbox_rows()
    return case


def effects(shop: Shop) -> str:
    """How often each effect has happened, and how many duplicates did nothing."""
    booked = shop.inventory.reservations, shop.payment.captures, shop.notification.mails
    inboxes = getattr(shop, "inboxes", {}).values()
    absorbed = sum(inbox.duplicates for inbox in inboxes)
    times = " / ".join(str(len(each)) for each in booked)
    return tiles(
        (_("stock taken / card charged / mail sent"), times, "plain"),
        (_("absorbed by an inbox"), f"{absorbed}", "plain"),
    )


def after_five_kills(books: Books) -> Picture:
    """What two databases on a disk say of each other after five kills."""
    counted = {
        _("an order without its event"): books.no_event,
        _("an event without its order"): books.no_order,
        _("an effect that did not happen exactly once"): books.not_once,
    }
    return table({_("after five kills"): counted.keys(), "": counted.values()})
