"""Every panel of every notebook, played without a browser: a scene that raises fails here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import pytest

import lessonkit.lab
from lessonkit.lab.controls import Control
from lessonkit.lab.panel import Panel
from tests.notebook_code import namespace

NOTEBOOKS = Path(__file__).parents[2] / "notebooks" / "en"
BOOKS = {path.stem: path.read_text(encoding="utf-8") for path in NOTEBOOKS.glob("*.ipynb")}
NAMES = sorted(name for name, text in BOOKS.items() if '"panel(' in text)

Values = dict[str, Any]


def panels_of(name: str, monkeypatch: pytest.MonkeyPatch) -> list[Panel]:
    """Run all cells of a notebook; return its panels."""
    made: list[Panel] = []
    panel = lessonkit.lab.panel

    def noted(*given: Any) -> Panel:
        made.append(panel(*given))
        return made[-1]

    monkeypatch.setattr(lessonkit.lab, "panel", noted)
    monkeypatch.chdir(NOTEBOOKS)
    cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    namespace(name, *[cell["id"] for cell in cells if cell["cell_type"] == "code"])
    return made


def values_of(control: Control) -> list[Any]:
    """Both ends of a slider, both states of a toggle, every choice of a menu."""
    widget = control.widget
    if isinstance(widget, widgets.Dropdown):
        return [value for _words, value in widget.options]
    return [True, False] if isinstance(widget, widgets.Checkbox) else [widget.min, widget.max]


def views(panel: Panel) -> Iterator[Values]:
    """Where a learner may stand when a control moves: the first view or a preset, or one move on.

    Some controls count only when others say so: how long a service is off, if it is off.
    """
    starts = [{}, *map(dict, panel.spec.presets.values())]
    yield from starts
    for start in starts:
        for name, control in panel.controls.items():
            yield from (start | {name: control.read(value)} for value in values_of(control))


def moves_something(panel: Panel, name: str, first: Values) -> bool:
    control = panel.controls[name]
    for view in views(panel):
        seen = set()
        for value in values_of(control):
            panel.set(**first | view | {name: control.read(value)})
            seen.add(panel.sides.value)
            assert complaints_are_marked(panel.sides.value), (panel.words, panel.values)
        if len(seen) > 1:
            return True
    return False


def complaints_are_marked(shown: str) -> bool:
    """Where the auditor complains and a run is drawn, its picture says where that happened."""
    return (
        "<div>✗ " not in shown
        or "lessonkit-audit" not in shown
        or "lessonkit-run" not in shown
        or "the auditor complains" in shown
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_control_of_every_panel_moves_something(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = panels_of(name, monkeypatch)
    assert made
    for panel in made:
        first = panel.values
        for values in panel.spec.presets.values():
            panel.set(**first | dict(values))
        still = [name for name in panel.controls if not moves_something(panel, name, first)]
        assert not still, f"{panel.words}: nothing moves with {still}"
