"""Show a picture in a cell, now and later: live, stored, and where nothing can run."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

from lessonkit.lab.svg import PAPER
from lessonkit.messages import current_language
from lessonkit.trace import Trace
from lessonkit.words import clean

# A shade at the right edge says that there is more; a strip of paper at the end of what is scrolled
# lies on the shade when nothing more is there.
SCROLLED = (
    f"overflow-x:auto;background:linear-gradient(to left,{PAPER} 50%,transparent) right/36px 100%"
    " no-repeat local,linear-gradient(to left,rgba(128,128,128,.7),transparent) right/18px 100%"
    " no-repeat"
)
"""How a box looks that scrolls what is too wide for it, as CSS."""


def in_phrases(html: str) -> str:
    """The same HTML; its lines of Japanese do not break within a word, if the browser knows how."""
    # Room in a drawing is reckoned for the page's own font: a language would bring another one.
    words = html.replace("<svg ", '<svg lang="" ')
    return f'<div lang="{current_language()}" style="word-break:auto-phrase">{words}</div>'


class Picture:
    """Parts of a picture (SVG and HTML strings), one below the other, as a cell's output.

    JupyterLab does not trust the outputs of a notebook that somebody else has run: it strips every
    ``<svg>``. It keeps images. So each drawing is there twice, and the style sheet, which is
    stripped too, hides the image wherever the drawing may be shown.

    Parameters
    ----------
    parts
        SVG or HTML, as :func:`lessonkit.lab.timeline` and :func:`lessonkit.lab.tiles` make them.

    Raises
    ------
    TypeError
        If a part is not a string.
    """

    def __init__(self, *parts: str) -> None:
        for part in parts:
            if not isinstance(part, str):
                raise TypeError(f"each part must be a string of SVG or HTML; got {part!r}")
        self.html = clean("".join(f"<div>{part}</div>" for part in parts))

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        both = _DRAWING.sub(_drawing_and_still, self.html)
        html = f"<style>.lessonkit-still{{display:none}}</style>{in_phrases(both)}"
        return {"text/html": html, "text/plain": "Picture"}


class Mermaid:
    """A run as a Mermaid sequence diagram, drawn by JupyterLab.

    Parameters
    ----------
    trace
        Of a run.
    """

    def __init__(self, trace: Trace) -> None:
        self.source = trace.to_mermaid()

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        # Not as "text/vnd.mermaid": beside that, JupyterLab would store the drawing on opening.
        return {"text/markdown": f"```mermaid\n{self.source}\n```", "text/plain": self.source}


def with_stills(html: str) -> str:
    """The same page with an image in place of each drawing, for pages that show no drawings."""
    return _DRAWING.sub(lambda found: _still(found.group(), "lessonkit-last"), clean(html))


_DRAWING = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
_NOT_IN_A_STILL = re.compile(r"<(style|desc|title)\b.*?</\1>", re.DOTALL)


def _drawing_and_still(found: re.Match[str]) -> str:
    # Of a stripped drawing the words are left. At no size nobody sees them; a screen reader says
    # them.
    still = _still(found.group(), "lessonkit-still")
    look = f"font-size:0px;container-type:inline-size;{SCROLLED}"
    return f'<div style="{look}">{found.group()}</div>{still}'


def on_paper(drawing: str) -> str:
    """The address of a drawing as a file: a link or an image can have it."""
    # A file does not know the page's colours: it gets paper to be drawn on. An image shrinks whole.
    white = 'style="background:#fff;color:#000;'
    on_white = re.sub(r'style="(min-width:[^;]*;)?', white, drawing, count=1)
    return f"data:image/svg+xml;base64,{b64encode(on_white.encode()).decode()}"


def _still(drawing: str, kind: str) -> str:
    # An image neither moves nor has tooltips.
    return f'<img class="{kind}" alt="" src="{on_paper(_NOT_IN_A_STILL.sub("", drawing))}">'
