"""The route of 45 minutes: its links, clicked one after the other in a real JupyterLab."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Open
from tests.notebooks.parts import cells, heading, source

STOPS = 6


def heading_of(language: str, name: str, place: str) -> str:
    """What is read at a place; a Japanese link names the cell, so its first heading."""
    found = [cell for cell in cells(language, name) if place == f"cell-id={cell['id']}"]
    return heading(found[0]) if found else place.replace("-", " ")


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "ja"])
def test_each_stop_of_the_short_route_opens_at_its_heading(
    open_notebook: Open, language: str
) -> None:
    notebook = open_notebook(language, "00-start")
    text = next(source(cell) for cell in cells(language, "00-start") if cell["id"] == "map")
    links = re.findall(r"^\d\. \[.+\]\((.+)\)[,、]", text, re.MULTILINE)
    assert len(links) == STOPS
    for number, link in enumerate(links):
        name, to = link.split("#")
        words = heading_of(language, name.removesuffix(".ipynb") or "00-start", to)
        # The first click opens the notebook; its pictures, drawn later, may push the heading away.
        for _click in range(2 if name else 1):
            notebook.page.locator(".lm-TabBar-tabLabel", has_text="00-start.ipynb").click()
            notebook.cell("map").locator("ol li a").nth(number).click()
            shown = notebook.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
            if name:
                tab = notebook.page.locator(".lm-TabBar-tab.lm-mod-current", has_text=name)
                expect(tab).to_be_visible()
            place = shown.locator("h2").get_by_text(words)
            expect(place).to_be_attached()
        expect(place).to_be_in_viewport()
