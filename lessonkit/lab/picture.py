"""Show a picture in a cell, now and later: live, stored, and where nothing can run."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

from lessonkit.trace import Trace


class Picture:
    """Parts of a picture (SVG and HTML strings), one below the other, as a cell's output.

    JupyterLab does not trust the outputs of a notebook that somebody else has run: it strips every
    ``<svg>``. It keeps images. So each drawing is there twice, and the style sheet, which is
    stripped too, hides the image wherever the drawing may be shown.

    Parameters
    ----------
    parts
        SVG or HTML, as :func:`lessonkit.lab.timeline` and :func:`lessonkit.lab.tiles` make them.
    """

    def __init__(self, *parts: str) -> None:
        for part in parts:
            if not isinstance(part, str):
                raise TypeError(f"each part must be a string of SVG or HTML; got {part!r}")
        self.html = "".join(f"<div>{part}</div>" for part in parts)

    def _repr_html_(self) -> str:
        return "<style>.lessonkit-still{display:none}</style>" + with_stills(self.html)

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": "Picture"}


def with_stills(html: str) -> str:
    """Put behind each ``<svg>`` an image of it, for readers that do not let the drawing through."""
    return re.sub(r"<svg\b.*?</svg>", _drawing_and_still, html, flags=re.DOTALL)


def _drawing_and_still(match: re.Match[str]) -> str:
    drawing = match.group()
    # An image does not know the page's colours: it gets paper to be drawn on.
    still = drawing.replace("<svg", '<svg style="background:#fff;color:#000"', 1)
    if "xmlns=" not in still:
        still = still.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    data = b64encode(still.encode()).decode()
    return f'{drawing}<img class="lessonkit-still" alt="" src="data:image/svg+xml;base64,{data}">'


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
        return {"text/vnd.mermaid": self.source, "text/plain": self.source}
