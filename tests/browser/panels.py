"""Every control of every panel, moved: what test_panels_en.py and test_panels_ja.py do.

Two files, so that two workers can share them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.pages import Open

ROOT = Path(__file__).parents[2]


def panel_cells(language: str, name: str) -> list[str]:
    path = ROOT / "notebooks" / language / f"{name}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [
        cell["id"]
        for cell in cells
        if cell["cell_type"] == "code" and re.search(r"^panel\(", "".join(cell["source"]), re.M)
    ]


BOOKS = sorted(path.stem for path in (ROOT / "notebooks" / "en").glob("*.ipynb"))
NAMES = [name for name in BOOKS if panel_cells("en", name)]


def move(control: Locator) -> None:
    """Set a control to another value, as a learner would with the keyboard."""
    control.focus()
    if control.evaluate("e => e.tagName") == "SELECT":
        last = control.evaluate("e => e.options.length - 1")
        control.select_option(index=0 if control.evaluate("e => e.selectedIndex") else last)
    elif control.evaluate("e => e.tagName") == "INPUT":
        control.press("Space")
    else:
        at_the_end = control.evaluate("e => e.ariaValueNow === e.ariaValueMax")
        control.press("Home" if at_the_end else "End")


CHANGED = """([cell, before]) =>
    Array.from(cell.querySelectorAll(".widget-html-content"), e => e.innerHTML).join("") !== before
"""
"""Whether a panel shows something else than before: asked until it does, so that a machine may
take as long as it needs."""


def run_it_and_move_every_panel(open_notebook: Open, language: str, name: str) -> None:
    """Run a notebook, and move every control of every panel: what the panel shows moves."""
    notebook = open_notebook(language, name)
    expect(notebook.page.locator(".jp-Dialog")).to_have_count(0)
    notebook.run_all()
    assert panel_cells(language, name)
    for cell_id in panel_cells(language, name):
        cell = notebook.cell(cell_id)
        contents = cell.locator(".widget-html-content")
        shown = cell.locator(".widget-html-content > :visible").last
        expect(shown).to_be_visible()
        before = "".join(contents.evaluate_all("all => all.map(e => e.innerHTML)"))
        for control in cell.locator(".noUi-handle, input[type=checkbox], select").all():
            move(control)
        moved = [cell.element_handle(), before]
        notebook.page.wait_for_function(CHANGED, arg=moved, timeout=60_000)
        notebook.wait_until_idle()
        expect(cell.get_by_role("alert")).to_have_count(0)  # a scene that failed
        expect(shown).to_be_visible()
    errors = notebook.page.locator('[data-mime-type="application/vnd.jupyter.error"]')
    expect(errors).to_have_count(0)
