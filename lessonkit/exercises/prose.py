"""Texts for learners as HTML: what stands between `backticks` is code."""

import re
from html import escape


def prose(text: str) -> str:
    """The text, escaped, with its `code` set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
