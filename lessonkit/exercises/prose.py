"""Texts for learners as HTML."""

import re
from collections.abc import Iterable
from html import escape

from lessonkit.words import clean


def prose(text: str) -> str:
    """The text, escaped, with its `code` set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(clean(text)))


def remarks(messages: Iterable[str]) -> str:
    """What there is to say about the progress file, each message on a line of its own."""
    return "".join(f"<div>⚠ {escape(clean(message))}</div>" for message in messages)
