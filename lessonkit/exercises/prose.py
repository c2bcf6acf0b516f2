"""Texts for learners as HTML."""

import re
from collections.abc import Iterable
from html import escape

from lessonkit.lab.svg import AMBER, GREEN
from lessonkit.messages import N_, _
from lessonkit.words import SMALL, clean

GRADES = {1: N_("easy"), 2: N_("medium"), 3: N_("hard")}


def prose(text: str) -> str:
    """The text, escaped, with its `code` set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(clean(text)))


def remarks(messages: Iterable[str]) -> str:
    """What there is to say about the progress file, each message on a line of its own."""
    return "".join(f"<div>⚠ {escape(clean(message))}</div>" for message in messages)


def feedback(right: bool, words: str) -> str:
    """What is said about a choice, marked as right or not."""
    colour, mark = (GREEN, "✓") if right else (AMBER, "△")
    look = f"border-left: 4px solid {colour}; padding: 2px 0 2px 10px"
    return f'<div role="status" style="{look}">{mark} {prose(words)}</div>'


def labels(practises: str, grade: int) -> str:
    """What a task practises and how hard it is, in small letters."""
    if not practises:
        return ""
    words = f"{escape(_(practises))} · {'●' * grade}\N{NO-BREAK SPACE}{escape(_(GRADES[grade]))}"
    return f' <span style="{SMALL}">· {words}</span>'
