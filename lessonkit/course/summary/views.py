"""Notebook 08: how its figures are shown, in tables and tiles, and the glossary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from unicodedata import normalize

from lessonkit.course.choosing.views import survived
from lessonkit.course.summary.styles import Scenario, chain
from lessonkit.explorer import Case, Exploration
from lessonkit.files import csv_rows, toml_beside
from lessonkit.lab import Picture, case_books, shop_view, tiles
from lessonkit.messages import _, current_language
from lessonkit.shop import Answer, Shop
from lessonkit.words import escape, together

READING = "あかさたなはまやらわ"
"""The first of each row of the Japanese syllabary."""


def eight_points(figures: Iterable[Sequence[int]]) -> Picture:
    """The lesson's closing table, and beside each point what was measured."""
    points = toml_beside(__file__, "points.toml")["row"]
    rows = []
    for number, (point, one) in enumerate(zip(points, figures, strict=True), start=1):
        notebook, name, says, measured = map(_, point.values())
        link = f'{number} · <a href="{notebook}.ipynb">{escape(name)}</a>'
        figure = together(escape(measured.format(*one)))
        rows.append((link, together(escape(says)), f"<b>{figure}</b>"))
    return Picture(_table((_("Point"), _("What the lesson says"), _("What was measured")), rows))


def left_out(found: Exploration) -> tuple[str, str, Case]:
    """How much bad luck is survived, and the first case that is not."""
    whole = found.survived == found.tried
    figure = tiles((_("pieces of bad luck survived"), survived(found), "good" if whole else "bad"))
    case = found.cases[0] if whole else found.counterexamples[0]
    return figure, case_books(case), case


def folded(*parts: str) -> Picture:
    """What a run says, below a fold: first say it yourself."""
    summary = _("What the run says")
    return Picture(f"<details><summary>{summary}</summary>{''.join(parts)}</details>")


def waits(answer: Answer) -> Picture:
    """What a customer was told, and after how long."""
    told = (_("the customer was told"), _(answer.told), "plain")
    waited = (_("the customer waited"), f"{answer.wait * 1000:,.0f} ms", "plain")
    return folded(tiles(told, waited))


def compared(one: Shop, whole: Shop, style: Scenario) -> Picture:
    """The books of a shop in some style, and those of the whole order."""
    name = _("request-response") if style is chain else _("choreography")
    shops = {name: one, _("the whole order"): whole}
    return folded(*(f"<b>{escape(name)}</b>{shop_view(shop)}" for name, shop in shops.items()))


def read_again(log: int, queue: int) -> Picture:
    """What a log and a queue still have when all was read."""
    return folded(
        tiles(
            (_("left in the log"), str(log), "plain"), (_("left in the queue"), str(queue), "plain")
        )
    )


def after_the_power_cut(orders: int, events: int) -> Picture:
    """What a database has kept of a transaction that was cut off."""
    return folded(
        tiles((_("orders kept"), str(orders), "plain"), (_("events kept"), str(events), "plain"))
    )


def moments_of_loss(lost: Sequence[int]) -> Picture:
    """At how many moments a death loses an event."""
    words = _("{bad} of {all}").format(bad=sum(map(bool, lost)), all=len(lost))
    return folded(tiles((_("moments at which a kill loses an event"), words, "bad")))


def deaths(found: Sequence[Exploration]) -> Picture:
    """How many deaths the customers of three shops do not notice."""
    names = (_("request-response"), _("event-driven"), _("the whole order"))
    shown = [f"<b>{survived(one)}</b>" for one in found]
    rows = zip(map(escape, names), shown, strict=True)
    return Picture(_table((_("shop"), _("deaths survived")), rows))


def glossary(terms: Path) -> Picture:
    """The terms in the current language, folded by their first letter."""
    here = current_language()
    there = "en" if here == "ja" else "ja"
    sorted_by = "reading_ja" if here == "ja" else "term_en"
    rows = sorted(csv_rows(terms), key=lambda row: (_letter(row[sorted_by]), row[sorted_by]))
    heads = (_("term"), _("meaning"), _("in practice"), _("notebook"))
    folds = []
    for letter, group in groupby(rows, key=lambda row: _letter(row[sorted_by])):
        cells = [_term(row, here, there) for row in group]
        terms_here = _("{number} terms").format(number=len(cells))
        if len(cells) == 1:
            terms_here = _("1 term")
        summary = f"<summary><b>{letter}</b> · {terms_here}</summary>"
        folds.append(f"<details>{summary}{_table(heads, cells)}</details>")
    return Picture(*folds)


def _letter(word: str) -> str:
    first = word[0].upper()
    if first.isascii():
        return first
    plain = normalize("NFD", first)[0]  # without its voicing mark: か for が
    return max(row for row in READING if row <= plain)


def _term(row: Mapping[Any, str], here: str, there: str) -> tuple[str, ...]:
    name = f"<b>{escape(row[f'term_{here}'])}</b><br>{escape(row[f'term_{there}'])}"
    products = row["in_practice"].split("; ")
    practice = f'<a href="{escape(row["source"])}">{escape(_(", ").join(products))}</a>'
    link = f'<a href="{row["notebook"]}.ipynb">{row["notebook"][:2]}</a>'
    return name, escape(row[f"meaning_{here}"]), practice, link


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """An HTML table for reading; its cells are HTML already."""
    look = "text-align: left; padding: 3px 12px 3px 4px; word-break: auto-phrase"
    cell, top = f'style="{look}; white-space: normal"', f'style="{look}; white-space: nowrap"'
    head = "".join(f"<th {top}>{escape(one)}</th>" for one in heads)
    body = "".join(f"<tr>{''.join(f'<td {cell}>{one}</td>' for one in row)}</tr>" for row in rows)
    whole = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<table lang="{current_language()}">{whole}</table>'
