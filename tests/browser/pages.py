"""A running JupyterLab, and a notebook that is open in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page


@dataclass
class Lab:
    """A running JupyterLab; ``root`` holds a copy of the notebooks, so that saving is safe."""

    address: str
    root: Path

    @property
    def progress(self) -> Path:
        """The progress file of whoever works there."""
        return self.root.parent / "progress.json"


PASTE = """text => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    const options = { clipboardData, bubbles: true, cancelable: true };
    document.activeElement.dispatchEvent(new ClipboardEvent("paste", options));
}"""


class Notebook:
    """A notebook in the browser."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def run_all(self) -> None:
        """Run every cell and wait until all is done and drawn."""
        self.menu("Run", "Run All Cells")
        self.page.wait_for_timeout(500)
        self.page.wait_for_function(
            "!document.querySelector('.jp-Notebook').innerText.includes('[*]')", timeout=60_000
        )
        self.page.wait_for_timeout(1000)

    def wait_until_idle(self) -> None:
        """Wait until the kernel has answered everything it was asked."""
        idle = '.jp-Notebook-ExecutionIndicator[data-status="idle"]'
        self.page.locator(idle).first.wait_for(timeout=60_000)

    def save(self, path: Path) -> None:
        """Save, and wait until the file at ``path`` has been written."""
        before = path.stat().st_mtime_ns
        self.menu("File", "Save Notebook")
        while path.stat().st_mtime_ns == before:
            self.page.wait_for_timeout(100)
        self.page.wait_for_timeout(500)

    def menu(self, *words: str) -> None:
        for word in words:
            self.page.locator(".lm-MenuBar-itemLabel, .lm-Menu-itemLabel").get_by_text(
                word, exact=True
            ).first.click()

    def cell(self, cell_id: str) -> Locator:
        """The cell with this id, scrolled into view."""
        number = self.numbers[cell_id]
        # A long notebook keeps cells that are out of sight out of the page as well.
        found = self.page.locator(f'.jp-Cell[data-windowed-list-index="{number}"]')
        outer = self.page.locator(".jp-WindowedPanel-outer").first
        for _ in range(60):
            if found.count():
                found.first.scroll_into_view_if_needed()
                return found.first
            shown = self.page.locator(".jp-Cell").last.get_attribute("data-windowed-list-index")
            step = 500 if int(shown or 0) < number else -500
            outer.evaluate(f"e => {{ e.scrollTop += {step} }}")
            self.page.wait_for_timeout(100)
        pytest.fail(f"cell {cell_id} never came into view")

    def restart_kernel(self) -> None:
        """Restart the kernel, and say yes to the question whether one means it."""
        self.menu("Kernel", "Restart Kernel…")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.page.locator(".jp-Dialog").wait_for(state="detached")
        kernel = self.page.locator("#jp-main-statusbar").get_by_text("Python 3 (ipykernel) | Idle")
        self.page.wait_for_timeout(1000)
        kernel.wait_for(timeout=60_000)

    def run_cell(self, cell_id: str) -> Locator:
        """Run one cell, and return it."""
        cell = self.cell(cell_id)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        return cell

    def hand_in(self, cell_id: str, code: str) -> Locator:
        """Replace the code of a cell, and run it, as a learner does; return the cell."""
        cell = self.cell(cell_id)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.press("Delete")
        self.page.evaluate(PASTE, code)
        self.page.keyboard.press("Control+Enter")
        return cell

    numbers: dict[str, int]


Open = Callable[[str, str], Notebook]
"""What the fixture ``open_notebook`` gives: called with a language and the name of a notebook."""
