"""A running JupyterLab, and a notebook that is open in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page


@dataclass
class Lab:
    """A running JupyterLab; ``root`` holds a copy of the notebooks, so that saving is safe."""

    address: str
    root: Path


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

    numbers: dict[str, int]
