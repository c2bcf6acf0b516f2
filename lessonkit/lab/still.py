"""Widgets that leave their last picture in the notebook, for when no kernel runs.

A cell with such widgets has two outputs: the widgets, and below them a still picture. Style hides
the still wherever the widgets live. When they are gone, because the notebook was closed and opened
again, was never trusted, or is a page on which no script runs, the still is what one sees.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
from IPython import get_ipython
from IPython.display import display, update_display

from lessonkit.lab.picture import SCROLLED, with_stills
from lessonkit.messages import _
from lessonkit.words import escape, fit

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# The widgets that JupyterLab does not find again are one line of text: an error that the still
# makes up for. Widgets whose kernel has ended are still there, and say what to do. A widget's lines
# are as high as a button: too far apart for text and tables. What is too wide is scrolled. A
# menu's own arrow is an image that stays black in a dark theme: here are two triangles instead, in
# the colour of its words.
# The words on a button that cannot be pressed are read, too: a frame tells it from the others.
_STYLE = """<style>
body:has(.live-{name}) .still-{name} {{ display: none }}
.jp-OutputArea-child:has(+ * .still-{name}) > .jupyter-widgets:not(:has(*)) {{ display: none }}
.live-{name}.jupyter-widgets-disconnected::after {{ content: "{words}" }}
.live-{name} {{ --jp-widgets-disabled-opacity: .8 }}
.live-{name} button:disabled {{ background: none; outline: 1px dashed; outline-offset: -1px }}
.live-{name} .widget-html .widget-html-content {{
 line-height: 1.5; min-width: 0; {scrolled}
}}
.live-{name} .widget-html-content:has(.lessonkit-run) {{ container-type: inline-size }}
.live-{name} .widget-dropdown > select {{
 --ink: var(--jp-widgets-input-color, currentColor);
 background-image: linear-gradient(45deg, transparent 50%, var(--ink) 50%),
  linear-gradient(135deg, var(--ink) 50%, transparent 50%);
 background-position: right 11px center, right 6px center; background-size: 5px 5px
}}
</style>"""


class StillBox(widgets.VBox):
    """Widgets, one below the other.

    Parameters
    ----------
    parts
        The widgets.
    shown
        Those of them (or of their parts) of which the still picture is made: their ``value`` is
        HTML.
    words
        What is shown where there are no pictures at all.
    """

    def __init__(
        self,
        parts: Sequence[widgets.Widget],
        shown: Sequence[widgets.Widget],
        words: str,
        **options: Any,
    ) -> None:
        self.shown = tuple(shown)
        self.words = fit(words)
        self._on_page = False
        super().__init__(list(parts), **options)
        self.name = _cell_name()
        self.add_class(f"live-{self.name}")
        for part in self.shown:
            part.observe(lambda _change: self._keep(), "value")

    @property
    def still(self) -> str:
        """The last picture as HTML, and how to make it move again."""
        name, words = self.name, escape(_("Run this cell to use it."))
        last = with_stills("".join(part.value for part in self.shown))
        style = _STYLE.format(name=name, words=words, scrolled=SCROLLED)
        return f'{style}<div class="still-{name}">{last}<p>{words}</p></div>'

    def _ipython_display_(self, **_options: Any) -> None:
        # Two outputs: to change one that holds widgets would make them anew, under the mouse.
        display({WIDGET_VIEW: self._repr_mimebundle_()[WIDGET_VIEW]}, raw=True)  # type: ignore[no-untyped-call]
        display(self._stored(), raw=True, display_id=self.model_id)  # type: ignore[no-untyped-call]
        self._on_page = True

    def _keep(self) -> None:
        if self._on_page:
            update_display(self._stored(), raw=True, display_id=self.model_id)  # type: ignore[no-untyped-call]

    def _stored(self) -> dict[str, str]:
        return {"text/html": self.still, "text/plain": self.words}


def _cell_name() -> str:
    """The same name in each run of a cell, and another one in each cell."""
    shell = get_ipython()
    source = shell.user_ns["In"][-1] if shell else ""
    # The notebook in the other language, open beside this one, has the same cells.
    return hashlib.sha256((source + _("Run this cell to use it.")).encode()).hexdigest()[:8]
