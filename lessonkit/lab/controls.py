"""The controls of a panel: declared in one line each, and named as the scene's arguments are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets

from lessonkit.checks import positive_number, true_or_false, whole_number
from lessonkit.checks import probability as check_probability
from lessonkit.messages import _
from lessonkit.words import fit


@dataclass(frozen=True)
class Control:
    """A widget that sets one argument of the scene.

    Attributes
    ----------
    name
        The scene's argument.
    widget
        What the learner moves.
    read, show
        From the widget's value to the argument, and back.
    """

    name: str
    widget: widgets.Widget
    read: Callable[[Any], Any] = lambda shown: shown
    show: Callable[[Any], Any] = lambda value: value

    @property
    def said(self) -> tuple[str, str]:
        """The label, and the value as the learner reads it."""
        value = self.widget.value
        if isinstance(self.widget, widgets.Dropdown):
            words = self.widget.label
        elif isinstance(value, bool):
            words = _("on") if value else _("off")
        else:
            words = format(value, getattr(self.widget, "readout_format", ""))
        return self.widget.description, words


def milliseconds(
    name: str, label: str, value: float, *, low: float = 0.0, high: float, step: float = 0.01
) -> Control:
    """A slider for a duration. The scene gets seconds; the learner sees milliseconds.

    Parameters
    ----------
    name, label
        The scene's argument, and what stands beside the slider.
    value, low, high, step
        In seconds.
    """
    _check_range(name, value, low, high)
    positive_number("step", step)
    slider = widgets.FloatSlider(
        value=value * 1000,
        min=low * 1000,
        max=high * 1000,
        step=step * 1000,
        readout_format=",.0f",
        description=f"{fit(label)} (ms)",
    )
    return Control(name, slider, lambda shown: shown / 1000, lambda seconds: seconds * 1000)


def probability(
    name: str, label: str, value: float, *, low: float = 0.0, high: float = 1.0, step: float = 0.01
) -> Control:
    """A slider for a share or a probability, shown in per cent; the scene gets 0 to 1."""
    for word, number in (("low", low), ("high", high), (name, value)):
        check_probability(word, number)
    _check_range(name, value, low, high)
    slider = widgets.FloatSlider(
        value=value, min=low, max=high, step=step, readout_format=".0%", description=fit(label)
    )
    return Control(name, slider)


def whole(name: str, label: str, value: int, *, low: int, high: int) -> Control:
    """A slider for a whole number from ``low`` to ``high``."""
    for word, number in (("low", low), ("high", high), (name, value)):
        whole_number(word, number, low=min(low, 0))
    _check_range(name, value, low, high)
    slider = widgets.IntSlider(
        value=value, min=low, max=high, readout_format=",d", description=fit(label)
    )
    return Control(name, slider)


def toggle(name: str, label: str, value: bool = False) -> Control:
    """A box to tick."""
    true_or_false(name, value)
    box = widgets.Checkbox(value=value, description=fit(label), indent=False)
    return Control(name, box)


def choice(name: str, label: str, options: Mapping[Any, str], value: Any) -> Control:
    """A list to choose from.

    Parameters
    ----------
    options
        For each value that the scene can get, what the learner reads.
    value
        One of them.
    """
    if value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}; got {value!r}")
    menu = widgets.Dropdown(
        options=[(fit(words), _never_none(key)) for key, words in options.items()],
        value=_never_none(value),
        description=fit(label),
    )
    blank = None if None in options else ""
    return Control(name, menu, lambda key: blank if key == "" else key, _never_none)


def seed(name: str = "seed", label: str | None = None, value: int = 0) -> Control:
    """A number from which everything random is drawn: another seed is another day."""
    whole_number(name, value)
    box = widgets.BoundedIntText(
        value=value, min=0, max=9999, description=fit(label or _("Another day (seed)"))
    )
    return Control(name, box)


def _never_none(key: Any) -> Any:
    # To a menu, None says that nothing is chosen: it would be blank.
    return "" if key is None else key


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low < high:
        raise ValueError(f"low must be below high ({high!r}); got {low!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} must lie between {low!r} and {high!r}; got {value!r}")
