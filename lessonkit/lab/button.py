"""Buttons: one that just does something, and one with a place for what comes of it."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from lessonkit.lab.still import StillBox
from lessonkit.words import clean, fit

Show = Callable[[str], None]
"""Replaces what stands below the button by this SVG or HTML."""


def plain_button(
    words: str, action: Callable[[], None], icon: str = "", layout: widgets.Layout | None = None
) -> widgets.Button:
    """Make a button with these words (and a Font Awesome icon) that calls ``action()``."""
    wide = layout or widgets.Layout(width="auto")
    made = widgets.Button(description=fit(words), icon=icon, layout=wide)
    made.on_click(lambda _button: action())
    return made


class ActionButton(StillBox):
    """A button, and below it what its action shows. Made by :func:`button`."""

    def __init__(self, label: str, action: Callable[[Show], None]) -> None:
        self.action = action
        wide = widgets.Layout(width="max-content")
        self.button = widgets.Button(description=fit(label), layout=wide)
        self.picture = widgets.HTML()
        self.button.on_click(lambda _button: self.press())
        super().__init__([self.button, self.picture], [self.picture], f"Button({label})")

    def press(self) -> None:
        """Do what the button does. Until it is done, the button cannot be pressed again."""
        if self.button.disabled:
            return
        self.button.disabled = True
        try:
            self.action(self._show)
        finally:
            self.button.disabled = False

    def _show(self, picture: str) -> None:
        if not isinstance(picture, str):
            raise TypeError(f"show must get a string of SVG or HTML; got {picture!r}")
        self.picture.value = clean(picture)


def button(label: str, action: Callable[[Show], None]) -> ActionButton:
    """Make a button.

    Parameters
    ----------
    label
        What stands on it.
    action
        Called when it is pressed, with a function ``show(html)`` for what the learner is to see.

    Raises
    ------
    TypeError
        If the action cannot be called.
    """
    if not callable(action):
        raise TypeError(f"action must be a function that takes show; got {action!r}")
    return ActionButton(label, action)
