"""What a learner sees of a shop after a run: its books in tiles, and the auditor's sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from lessonkit.explorer import Case
from lessonkit.lab.picture import SCROLLED, Picture
from lessonkit.lab.said import in_ms
from lessonkit.lab.svg import RED, text_width
from lessonkit.lab.tiles import tiles
from lessonkit.lab.timeline import timeline
from lessonkit.messages import _, current_language, service_name
from lessonkit.shop import OrderBooks, Shop, Told, audit, books, remarks
from lessonkit.shop.errors import in_words
from lessonkit.words import LONGEST_TEXT, SMALL, error_words, escape, fit, id_in_run, together

if TYPE_CHECKING:
    import pandas as pd

    from lessonkit.patterns.bus import Delivery, InMemoryEventBus

MOST_DELIVERIES = 100
"""Only so many deliveries of a bus are shown, the last ones."""

MOST_ROWS = 1000
"""A longer table shows its first and its last rows."""


def shop_view(shop: Shop) -> str:
    """The shop's books after a run, as HTML: number tiles and what the audit says.

    Parameters
    ----------
    shop
        After its run. With several orders the figures are sums; the wait is the longest.
    """
    violations = audit(shop)
    wrong = {violation.about for violation in violations}
    ledgers = books(shop)
    answers = shop.customer.answers
    told = _(", ").join(dict.fromkeys(_(answer.told) for answer in answers)) or "–"
    # Who has no answer yet is still waiting.
    wait = f"{in_ms(max(answer.wait for answer in answers))} ms" if answers else "–"

    def kind(about: str) -> str:
        return "bad" if about in wrong else "good"

    # That an order fails, and that its customer hears the truth, are two things.
    failed = any(answer.told is Told.FAILED for answer in answers)
    lied = "customer" in wrong
    truth = (_("no"), "bad") if lied else (_("yes"), "good")
    # No answer is not a lie, but nothing to be happy about either.
    answered = bool(answers) and all(answer.told is not Told.NOTHING for answer in answers)
    stand = sum(order.stands for order in ledgers)
    held = sum(order.held for order in ledgers)
    mails = sum(order.confirmations + order.regrets for order in ledgers)
    numbers = tiles(
        (_("the longest wait") if len(answers) > 1 else _("the customer waited"), wait, "plain"),
        (_("the customer was told"), told, "stopped" if failed else "plain"),
        (_("told the truth"), *(truth if answered or lied else ("–", "plain"))),
        (_("order") if stand == 1 else _("orders"), str(stand), kind("order")),
        (_("ordered"), _ordered(ledgers), "plain"),
        (_("piece held") if held == 1 else _("pieces held"), str(held), kind("stock")),
        (_("yen taken"), f"{sum(order.money for order in ledgers):,}", kind("money")),
        (
            _("mail") if mails == 1 else _("mails"),
            str(mails),
            "bad" if "mail" in wrong else "plain",
        ),
    )
    balance = _("The books balance.")  # not inside the f-string: the catalogue would overlook it
    said = [f"✗ {violation.sentence}" for violation in violations] or [f"✓ {balance}"]
    said += [f"• {remark.sentence}" for remark in remarks(shop)]
    lines = "".join(f"<div>{escape(sentence)}</div>" for sentence in said)
    return f'{numbers}<div class="lessonkit-audit" style="margin: 4px 0 8px">{lines}</div>'


def _ordered(ledgers: list[OrderBooks]) -> str:
    pieces = sum(sum(order.wanted.values()) for order in ledgers)
    words = _("1 piece, {yen} yen") if pieces == 1 else _("{pieces} pieces, {yen} yen")
    return words.format(pieces=pieces, yen=f"{sum(order.total for order in ledgers):,}")


def table(columns: Mapping[str, Iterable[object]] | pd.DataFrame) -> Picture:
    """A table for reading: all of the text, on the left, and no row numbers.

    Parameters
    ----------
    columns
        The cells under each heading, in a mapping or a DataFrame. The course's own tables are
        mappings: pandas takes longer to load than most cells of a notebook to run.
    """
    heads, *rows = (
        list(columns),
        *zip(*(column for _head, column in columns.items()), strict=True),
    )
    if len(rows) > MOST_ROWS:
        half = MOST_ROWS // 2
        rows[half:-half] = [("…",) * len(heads)]
    look = (
        ".lessonkit-table :is(td,th){text-align:left!important;white-space:pre-line!important;"
        # Japanese may break anywhere, also within a word; what a browser does not know, it skips.
        "padding:3px 12px 3px 4px!important;word-break:auto-phrase;text-wrap:balance}"
    )
    # In em: a few words stay on one line, and no long line becomes more than three, as far as a
    # narrow page has room for the columns.
    most = 38 / len(heads) - 1.3
    widths = (
        max(
            text_width(line, 1.1)
            for cell in column
            for line in fit(cell, LONGEST_TEXT).splitlines() or [""]
        )
        for column in zip(heads, *rows, strict=True)
    )
    head = "".join(
        f'<th style="min-width:{min(wide, max(wide / 3 + 1.5, 8), most):.1f}em">{_cell(words)}</th>'
        for words, wide in zip(heads, widths, strict=True)
    )
    body = "\n".join(f"<tr>{''.join(f'<td>{_cell(one)}</td>' for one in row)}</tr>" for row in rows)
    return Picture(
        f"<style>{look}</style>"
        f'<table class="dataframe lessonkit-table" lang="{current_language()}">'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"
    )


def _cell(words: object) -> str:
    # A long name of a call may break at its dot: or its column takes all the width.
    return _DOT_BEFORE_A_LONG_NAME.sub(".<wbr>", together(escape(words)))


_DOT_BEFORE_A_LONG_NAME = re.compile(r"(?<=[a-z])[.](?=[a-z_]{12})")


def case_view(case: Case) -> str:
    """One case of an exploration, as HTML: its bad luck, the books, the timeline, its string."""
    again = ""
    if case.decisions:
        again = f'<div style="{SMALL}">{replay_words(case)}</div>'
    drawn = timeline(case.run.trace, complaints=case.violations)
    return f"{case_books(case)}{drawn}{again}"


def replay_words(case: Case) -> str:
    """How to have this case once more, as HTML."""
    words = _('The same run again, anywhere: replay("{text}", scenario)')
    return escape(words.format(text=case.replay))


def case_books(case: Case) -> str:
    """One case of an exploration without its run, as HTML: its bad luck, and the books after it.

    In a panel, the run follows as a part of its own: ``return case_books(case), case``.
    """
    title = f'<div style="font-weight: bold; margin: 4px 0">{escape(case.title)}</div>'
    error = case.run.error
    unseen = "" if error is None else _("Nobody saw this error: {error}").format(error=error)
    return f"{title}{shop_view(case.shop)}<div>{escape(unseen)}</div>"


def bus_log(bus: InMemoryEventBus) -> str:
    """What a bus has told to whom, and what came of it, as an HTML table: one row per delivery.

    Parameters
    ----------
    bus
        After its run. What was still in line or under way when the run ended is "not done".
    """
    if not bus.log:
        nothing = _("The bus has told nobody anything.")
        return f"<div>{escape(nothing)}</div>"
    heads = (
        _("when (ms)"),
        _("event"),
        _("told to"),
        _("what came of it"),
        _("for order"),
        _("id"),
        _("caused by"),
    )
    # A number and its unit, or an "E-1", are not broken; what came of it may be a long sentence.
    look = "text-align: left; padding: 3px 16px 3px 0; border-bottom: 1px solid #8888"
    cell = f'style="{look}; white-space: nowrap"'
    shown = list(bus.log)[-MOST_DELIVERIES:]
    rows = "".join(
        f"<tr>{''.join(f'<td {cell}>{word}</td>' for word in _delivery_row(delivery))}</tr>"
        for delivery in shown
    )
    head = "".join(f"<th {cell}>{escape(word)}</th>" for word in heads)
    left_out = len(bus.log) - len(shown)
    words = _("... and {number} earlier ones").format(number=f"{left_out:,}")
    more = f"<div>{words}</div>" if left_out else ""
    return (
        f'<div style="{SCROLLED};margin:6px 0">'
        '<table class="lessonkit-bus-log" style="border-collapse: collapse; font-size: 12px">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}</div>"
    )


def _delivery_row(delivery: Delivery) -> tuple[str, ...]:
    event, error = delivery.event, delivery.error
    color = "inherit"
    if delivery.ended is None:
        words = _("… not done")
    elif error is None:
        words = _("✓ done at {ms} ms").format(ms=in_ms(delivery.ended))
    else:
        ms = in_ms(delivery.ended)
        words = _("✗ {error} at {ms} ms").format(error=in_words(error_words(error)), ms=ms)
        color = RED
    return (
        in_ms(event.occurred_at),
        escape(event.type),
        escape(service_name(delivery.subscriber)),
        f'<span style="color: {color}; white-space: normal">{escape(words)}</span>',
        escape(event.correlation_id or "–"),
        escape(id_in_run(event.event_id)),
        escape(id_in_run(event.causation_id or "–")),
    )
