"""What one move of a control costs the kernel, for every control of every panel of the course.

Each move is a first one: what notebooks and lessonkit remember is forgotten before it. At most as
much processor time as SimPy needs, in the same minute, for the bare timing of 1,000 orders of
four calls. Run with ``pytest tests/benchmarks/test_slider.py``.
"""

from __future__ import annotations

import gc
import json
from functools import _lru_cache_wrapper, partial
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from lessonkit.lab.controls import Control
from lessonkit.lab.panel import Panel
from tests.benchmarks.test_explore import process_time, thousand_orders_in_simpy

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks" / "en").glob("*.ipynb"))
ROUNDS = 2


def panels(notebook: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Panel]]:
    """Run a notebook as a kernel would; its panels, each with its cell's id."""
    made: list[tuple[str, Panel]] = []
    begin = Panel.__init__

    def noted(panel: Panel, *given: Any, **named: Any) -> None:
        made.append((cell["id"], panel))
        begin(panel, *given, **named)

    monkeypatch.setattr(Panel, "__init__", noted)
    monkeypatch.chdir(notebook.parent)
    monkeypatch.setenv("LESSONKIT_REAL", "off")  # no servers: 09 has no panel
    shell = InteractiveShell.instance()
    shell.reset(new_session=True)
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            ended = shell.run_cell("".join(cell["source"]), store_history=False)
            if "raises-exception" not in cell["metadata"].get("tags", ()):
                ended.raise_error()
    return made


def forget() -> None:
    """Empty the caches that a cell or the course has made: the best round is no remembered one."""
    for one in gc.get_objects():
        if isinstance(one, _lru_cache_wrapper):
            home = getattr(one, "__module__", None) or ""
            if home == "__main__" or home.startswith("lessonkit.course"):
                one.cache_clear()


def ends(control: Control) -> list[Any]:
    """All options of a menu, both ends of anything else."""
    widget = control.widget
    if hasattr(widget, "options"):
        return [value for _words, value in widget.options]
    return [widget.min, widget.max] if hasattr(widget, "min") else [False, True]


def costs(panel: Panel, control: Control) -> dict[Any, float]:
    """For each end of a control what it costs to move it there: the best of a few times."""
    best: dict[Any, float] = {}
    first, places = control.widget.value, ends(control)
    for place in places * ROUNDS:
        if place == control.widget.value:  # such as a slider that stands at its end already
            control.widget.value = next(other for other in places if other != place)
        forget()
        taken = process_time(partial(setattr, control.widget, "value", place))
        best[place] = min(taken, best.get(place, taken))
    control.widget.value = first
    return best


def simpy() -> float:
    return min(process_time(thousand_orders_in_simpy) for _ in range(ROUNDS))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_move_costs_at_most_a_thousand_orders_of_simpy(
    notebook: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LESSONKIT_PROGRESS", str(tmp_path / "progress.json"))
    too_slow = []
    for cell, panel in panels(notebook, monkeypatch):
        before, moves = simpy(), []
        for name, control in panel.controls.items():
            moves += [(cost, name, place) for place, cost in costs(panel, control).items()]
        limit = max(before, simpy())  # whichever minute was the worse
        for cost, name, place in sorted(moves, key=lambda move: -move[0]):
            if cost > limit:
                too_slow.append(f"{cell}, {name}={place}: {cost / limit:.1f} of SimPy's")
    assert not too_slow
