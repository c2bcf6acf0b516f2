"""Buttons: one that just does something, and one with a place for what comes of it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from traceback import extract_tb
from typing import Any

import ipywidgets as widgets

from lessonkit.lab.still import StillBox
from lessonkit.lab.svg import RED
from lessonkit.runner import in_real_seconds
from lessonkit.words import clean, error_words, escape, fit

Show = Callable[[str], None]
"""Replaces what stands below the button by this SVG or HTML."""

Action = Callable[[Show], None] | Callable[[Show], Coroutine[Any, Any, None]]
"""What a button does. Declared with ``async def``, it goes by real seconds and may wait."""


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

    def __init__(self, label: str, action: Action) -> None:
        self.action = action
        self.work: asyncio.Task[None] | None = None
        self.button = plain_button(label, self.press, layout=widgets.Layout(width="max-content"))
        self.picture = widgets.HTML()
        super().__init__([self.button, self.picture], [self.picture], f"Button({label})")

    def press(self) -> None:
        """Do what the button does. Until it is done, the button cannot be pressed again."""
        if self.button.disabled:
            return
        if inspect.iscoroutinefunction(self.action):
            # The kernel's loop goes on with it while the learner does something else.
            self.work = asyncio.get_running_loop().create_task(self._await(self.action))
            # Nobody awaits it: its error is raised on the loop, which logs it.
            self.work.add_done_callback(asyncio.Task.result)
            self.button.disabled = True
        else:
            with self._pressed():
                self.action(self._show)

    async def _await(self, action: Callable[[Show], Coroutine[Any, Any, None]]) -> None:
        with self._pressed():
            await in_real_seconds(action(self._show))

    @contextmanager
    def _pressed(self) -> Iterator[None]:
        self.button.disabled = True
        try:
            yield
        except Exception as error:
            self._show(apology(error))
            raise
        finally:
            self.button.disabled = False

    def _show(self, picture: str) -> None:
        if not isinstance(picture, str):
            raise TypeError(f"show must get a string of SVG or HTML; got {picture!r}")
        self.picture.value = clean(picture)


def button(label: str, action: Action) -> ActionButton:
    """Make a button.

    Parameters
    ----------
    label
        What stands on it.
    action
        Called when it is pressed, with a function ``show(html)`` for what the learner is to see.
        Declared with ``async def``, it is a run in real seconds, while the kernel goes on.

    Raises
    ------
    TypeError
        If the action cannot be called.
    """
    if not callable(action):
        raise TypeError(f"action must be a function that takes show; got {action!r}")
    return ActionButton(label, action)


def apology(error: Exception) -> str:
    """What the learner sees when a scene or an action fails: the error, and the learner's line."""
    lines = [frame for frame in extract_tb(error.__traceback__) if "ipykernel" in frame.filename]
    where = f"<br/><code>{escape(lines[-1].line or '')}</code>" if lines else ""
    words = escape(error_words(error))
    look = f"border-left: 4px solid {RED}; padding: 6px 10px"
    return f'<div role="alert" style="{look}">{words}{where}</div>'
