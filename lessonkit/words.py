"""Words from anybody, made fit for a picture.

Names, errors and messages come from strangers' code and may hold anything. XML knows no control
characters and UTF-8 no half of a surrogate pair: with one of them inside, a picture cannot be read
or not even be sent. Every text that is drawn goes through here.
"""

from __future__ import annotations

import html
import re

from lessonkit.clock.strangers import without_addresses

LONGEST_NAME, LONGEST_TEXT = 100, 2000
"""So many letters of a name and of any other text are shown: a picture stays a picture."""

SMALL = "font-size: max(0.85em, 12px)"
"""The look of small letters: smaller ones than these cannot be read from a chair."""

# The line feed may stay: it is white space to XML and to HTML.
_WHITE_SPACE = re.compile("[\t\v\f\r\x85\u2028\u2029]")
# Control characters, marks that turn the direction of all that follows, halves of a surrogate
# pair, and the two code points that XML excludes.
_NO_LETTER = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def clean(text: str) -> str:
    """The text, or markup, with a blank for odd white space and � for what is no letter."""
    return _NO_LETTER.sub("\N{REPLACEMENT CHARACTER}", _WHITE_SPACE.sub(" ", text))


def fit(words: object, most: int = LONGEST_NAME) -> str:
    """At most so many clean letters of the words; an ellipsis says that there were more."""
    text = without_addresses(str(words))
    if len(text) > most:
        text = f"{text[: most - 1]}…"
    return text if text.isprintable() else clean(text)


def escape(words: object) -> str:
    """The words as they stand in HTML and in SVG, in an element or in an attribute."""
    text = fit(words, LONGEST_TEXT)
    return text if text.isalnum() else html.escape(text)  # the first for most attributes: faster


def together(words: str) -> str:
    """The words, of which no line ends within an id, or between a number and its unit."""
    glued = _WITHIN_AN_ID.sub("-\N{WORD JOINER}", words.replace("か所", "か\N{WORD JOINER}所"))
    return _STAYS_ON_THE_LINE.sub("\N{NO-BREAK SPACE}", glued)


_WITHIN_AN_ID = re.compile(r"(?<=[A-Z])-(?=\d)")
# As in "3,000 ms", "places: 2", before a Japanese particle: "OrderCreated が", and in "2 × P-1".
_STAYS_ON_THE_LINE = re.compile(
    r"(?<=\d) (?=(?:ms|s|min)(?![A-Za-z]))|(?<=:) (?=\d)|(?<=[A-Za-z\d)]) (?=[ぁ-ん])"
    r"|(?<=\d) (?=×)|(?<=×) "
)


def error_words(error: BaseException) -> str:
    """The kind of an error and what it says."""
    try:
        said = fit(error, LONGEST_TEXT // 2)
    except Exception:  # what it says is computed by a stranger's code, which may fail, too
        said = "…"
    return f"{fit(type(error).__name__)}: {said}"


def id_in_run(event_id: str) -> str:
    """The id without the run, for those who look at one run: ``"E-7"`` for ``"E-7@2"``."""
    short, at, run = event_id.partition("@")
    return short if at and run.isdecimal() and short.startswith("E-") else event_id
