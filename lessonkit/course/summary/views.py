"""Notebook 08: what was measured in the course, in words, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from lessonkit.lab import shop_view
from lessonkit.messages import _, current_language
from lessonkit.shop import Shop


def measured(notebook: str, figure: str) -> tuple[str, str]:
    """What was measured in a notebook, in words, and the figure."""
    words = {
        "00-start": _("the wait, with a five-second mail"),
        "01-request-response": _("cases of bad luck that a chain of calls survives"),
        "02-event-driven": _("the wait, and the bad luck survived"),
        "03-message-brokers": _("left to be read again, of 3: log, queue"),
        "04-choreography-orchestration": _("cases of bad luck that a saga survives, repaired"),
        "05-eventual-consistency": _("ten doublings; orders and events after a power cut"),
        "06-event-bus": _("moments at which a kill loses an event"),
        "07-choosing": _("the answer while no mail can be sent: chain, core in line"),
    }
    return words[notebook], figure


def table_of_the_course(course: pd.DataFrame, figures: Mapping[str, tuple[str, str]]) -> str:
    """Each notebook with its question, and the figure that answers it, as Markdown."""
    here = current_language()
    heads = [_("notebook"), _("question"), _("what was measured"), _("figure")]
    lines = [" | ".join(heads), "---|---|---|---"]
    for name, (what, figure) in figures.items():
        title, question = course.loc[name, [f"title_{here}", f"question_{here}"]]
        link = f"[{name[:2]} · {title}]({name}.ipynb)"
        lines.append(f"{link} | {question} | {what} | **{figure}**")
    return "\n".join(lines)


def side_by_side(shops: Sequence[Shop]) -> list[str]:
    """The books of three shops."""
    names = [
        _("everything in line"),
        _("events only"),
        _("the core in line, the rest behind"),
    ]
    return [f"<b>{name}</b>{shop_view(shop)}" for name, shop in zip(names, shops, strict=True)]
