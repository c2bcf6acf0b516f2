"""The panel: controls, and below them the picture of what they lead to.

The notebook says what is played, the *scene*; what its controls are called, which presets there are
and what to try, the *spec*, stands with the notebook's other texts in :mod:`lessonkit.course`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import ipywidgets as widgets

from lessonkit.lab.button import apology, plain_button
from lessonkit.lab.controls import Control
from lessonkit.lab.parts import Part, SideBySide
from lessonkit.lab.picture import in_phrases
from lessonkit.lab.still import StillBox
from lessonkit.lab.svg import text_width
from lessonkit.messages import _
from lessonkit.words import escape

Scene = Callable[..., Part | Iterable[Part]]
"""Gets the controls' values by name; returns one part or several: SVG, HTML, the trace of a run."""

LOOK = (
    "<style>.lessonkit-controls .widget-label{text-align:left}"
    ".lessonkit-whole-row{grid-column:1/-1}</style>"
)


@dataclass(frozen=True)
class PanelSpec:
    """What a panel looks like: all but what is played. Made by :func:`spec`."""

    controls: Mapping[str, Control]
    presets: Mapping[str, Mapping[str, Any]]
    hint: str | None


def spec(
    *controls: Control,
    presets: Mapping[str, Mapping[str, Any]] | None = None,
    hint: str | None = None,
) -> PanelSpec:
    """Describe a panel.

    Parameters
    ----------
    controls
        What :mod:`lessonkit.lab.controls` makes, such as ``toggle("down", "Payment is down")``.
    presets
        Buttons that set several controls at once: ``{"A slow day": {"mail": 5.0}}``.
    hint
        One line that says what to try.

    Raises
    ------
    TypeError, ValueError
        If a control is none, two have one name, or a preset sets a control that is not there.
    """
    by_name: dict[str, Control] = {}
    for control in controls:
        if not isinstance(control, Control):
            raise TypeError(f"a control must come from lessonkit.lab.controls; got {control!r}")
        if control.name in by_name:
            raise ValueError(f"two controls are called {control.name!r}; each needs its own name")
        by_name[control.name] = control
    for values in (presets or {}).values():
        _check_names(values, by_name)
    return PanelSpec(by_name, presets or {}, hint)


class Panel(StillBox):
    """Controls and a picture that follows them. Made by :func:`panel`.

    Attributes
    ----------
    spec
        Its controls, presets and hint.
    sides
        What is shown now, and what was kept.
    picture
        The widget with the text and the drawings of now, up to the first run.
    redraws
        How many times the scene has been played.
    """

    def __init__(self, scene: Scene, spec: PanelSpec) -> None:
        self.scene = scene
        self.spec = spec
        self.controls = controls = spec.controls
        self.redraws = 0
        self._first_values = self.values
        self._drawing = self._stale = self._held = False

        moved = [control.widget for control in controls.values()]
        wide = {widget: text_width(widget.description, 14) for widget in moved}
        labels = [wide[widget] for widget in moved if not isinstance(widget, widgets.Checkbox)]
        least = 0.0
        for widget in moved:
            # A tick stands left of its label. All else begins where the widest label ends.
            tick = isinstance(widget, widgets.Checkbox)
            widget.style.description_width = "initial" if tick else f"{max(labels):.0f}px"
            widget.layout = widgets.Layout(
                width="auto", max_width="46em", margin="2px 16px 2px 2px"
            )
            widget.observe(lambda _change: self._redraw(), "value")
            least = max(least, wide[widget] + (50 if tick else 230))
            if isinstance(widget, widgets.Dropdown):
                # Of a long option the end must be read, too: such a menu has a line for itself.
                longest = max(text_width(words, 14) for words, _key in widget.options)
                if longest > 170:
                    widget.add_class("lessonkit-whole-row")
                    widget.layout.max_width = f"{max(labels) + longest + 50:.0f}px"
        # Columns, each wide enough for the labels and for a slider that one can aim with.
        columns = widgets.Layout(
            grid_template_columns=f"repeat(auto-fit, minmax(min(100%, {least:.0f}px), 1fr))",
            margin="0 0 6px 0",
        )
        grid = widgets.GridBox(moved, layout=columns)
        grid.add_class("lessonkit-controls")
        presets = {name: partial(self.set, **values) for name, values in spec.presets.items()}
        self._drop = plain_button(_("Drop the kept one"), self.drop, icon="times")
        self._drop.disabled = True
        buttons = [
            *map(plain_button, presets, presets.values()),
            plain_button(_("Reset"), partial(self.set, **self._first_values), icon="undo"),
            plain_button(_("Keep this one"), self.keep, icon="thumb-tack"),
            self._drop,
        ]
        row = widgets.Layout(flex_flow="row wrap", margin="0 0 6px 0")
        self.sides = SideBySide()
        self.picture = self.sides.now.texts[0]
        lead = _("Try this.")  # not inside the f-string: the catalogue would overlook it
        hint = f"<p><b>{lead}</b> {escape(spec.hint)}</p>" if spec.hint else ""
        head = widgets.HTML(LOOK + in_phrases(hint))
        super().__init__(
            [head, grid, widgets.Box(buttons, layout=row), self.sides],
            [self.sides],
            f"Panel({', '.join(controls)})",
            layout=widgets.Layout(overflow="visible"),
        )
        self._redraw()

    @property
    def values(self) -> dict[str, Any]:
        """What the scene gets now, by name."""
        return {name: control.read(control.widget.value) for name, control in self.controls.items()}

    def set(self, **values: Any) -> None:
        """Move several controls at once; the scene is played once.

        Raises
        ------
        ValueError
            For a name that no control has.
        """
        _check_names(values, self.controls)
        self._held = True
        try:
            for name, value in values.items():
                control = self.controls[name]
                control.widget.value = control.show(value)
        finally:
            self._held = False
        self._redraw()

    def keep(self) -> None:
        """Keep what is shown now, beside what comes next."""
        self.sides.keep()
        self._drop.disabled = False

    def drop(self) -> None:
        """Show only what is shown now."""
        self.sides.drop()
        self._drop.disabled = True

    def _redraw(self) -> None:
        # A run in real seconds lets the kernel work on, so a control may move while the scene still
        # plays. Then it is played once more, with the newest values: none queue up.
        self._stale = True
        if self._held or self._drawing:
            return
        self._drawing = True
        try:
            while self._stale:
                self._stale = False
                self.redraws += 1
                self._show(self._play())
        except Exception as error:
            self._show([apology(error)])
            raise
        finally:
            self._drawing = False

    def _play(self) -> list[Part]:
        played = self.scene(**self.values)
        parts = [played] if isinstance(played, Part) else list(played)
        for part in parts:
            if not isinstance(part, Part):
                raise TypeError(
                    f"the scene must return strings of SVG or HTML, or runs; got {part!r}"
                )
        return parts

    def _show(self, parts: list[Part]) -> None:
        self.sides.show(parts, [control.said for control in self.controls.values()])


def panel(scene: Scene, spec: PanelSpec) -> Panel:
    """Make a panel: whenever a control moves, ``scene`` is played and its picture shown.

    Parameters
    ----------
    scene
        A function with one argument per control. It returns SVG or HTML, the trace of a run, a run
        with its shop (``Audited``) or a case: one of them, or several, one below the other.
    spec
        The controls, the presets and the hint: what :func:`spec` makes.

    Raises
    ------
    TypeError
        If the scene is no function, or ``spec`` is none.
    """
    if not callable(scene):
        raise TypeError(f"scene must be a function that returns SVG or HTML; got {scene!r}")
    if not isinstance(spec, PanelSpec):
        raise TypeError(f"a panel needs what spec() makes; got {spec!r}")
    return Panel(scene, spec)


def _check_names(values: Mapping[str, Any], controls: Mapping[str, Control]) -> None:
    for name in values:
        if name not in controls:
            raise ValueError(f"no control is called {name!r}; there are {', '.join(controls)}")
