"""Widgets that also carry a still picture, for a page on which no kernel runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from lessonkit.lab.picture import with_stills
from lessonkit.words import fit


class StillBox(widgets.VBox):
    """Widgets, one below the other.

    Parameters
    ----------
    parts
        The widgets.
    shown
        Those of them (or of their parts) that a stored notebook shows: their ``value`` is HTML.
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
        super().__init__(list(parts), **options)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        data["text/html"] = with_stills("".join(part.value for part in self.shown))
        data["text/plain"] = self.words
        return bundle
