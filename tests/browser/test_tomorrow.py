"""Run, move, save, close, and open again: the last picture is still there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from lessonkit.course.message_brokers import which_broker
from tests.browser.pages import Lab, Notebook, Open

WAKE = {"en": "Run this cell to use it.", "ja": "このセルを実行すると、操作できます。"}
CODE = ("setup-language", "setup", "just-call-code")
SHOWN = ("first-panel", "five-real", "exercise-stock_back", "quiz-which_broker")


def a_short_notebook(lab: Lab, language: str) -> Path:
    """Write a panel, a button, an exercise and a quiz; as they come out of the course."""
    start = nbformat.read(lab.root / f"notebooks/{language}/00-start.ipynb", as_version=4)
    start.cells = [cell for cell in start.cells if cell.id in (*CODE, *SHOWN)]
    start.cells.append(nbformat.v4.new_code_cell(which_broker.cell, id=SHOWN[-1]))
    path = lab.root / f"notebooks/{language}/tomorrow.ipynb"
    nbformat.write(start, path)
    return path


def close(notebook: Notebook) -> None:
    """Shut the kernel down, and close the window."""
    notebook.menu("Kernel", "Shut Down Kernel")
    notebook.page.wait_for_timeout(1000)
    notebook.page.close()


def expect_last_pictures(notebook: Notebook, language: str, feedback: str) -> None:
    for cell_id in SHOWN:
        expect(notebook.cell(cell_id).get_by_text(WAKE[language])).to_be_visible()
        error = notebook.page.get_by_text("Error displaying widget")
        expect(error.locator("visible=true")).to_have_count(0)
    panel = notebook.cell("first-panel")
    expect(panel.get_by_text("5,300 ms", exact=True)).to_be_visible()
    assert panel.locator("img").first.evaluate("e => e.naturalWidth") > 100
    # Not by its role: JupyterLab takes that off what is stored.
    expect(notebook.cell(SHOWN[-1])).to_contain_text(feedback)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_last_picture_is_there_tomorrow(open_notebook: Open, lab: Lab, language: str) -> None:
    path = a_short_notebook(lab, language)
    notebook = open_notebook(language, "tomorrow")
    notebook.run_all()
    slider = notebook.cell("first-panel").locator(".noUi-handle").first
    slider.focus()
    slider.press("End")
    tile = notebook.cell("first-panel").get_by_text("5,300 ms", exact=True)
    # The stored picture has it as well, and is not seen.
    expect(tile.locator("visible=true")).to_have_count(1)
    quiz = notebook.cell(SHOWN[-1])
    quiz.locator("input[type=radio]").first.focus()
    notebook.page.keyboard.press("Space")
    said = quiz.get_by_role("status").locator("visible=true").first
    expect(said).to_contain_text(re.compile("[✓✗]"))
    feedback = said.inner_text().splitlines()[0]
    notebook.save(path)
    close(notebook)

    for trusted in (True, False):
        if not trusted:
            book = json.loads(path.read_text(encoding="utf-8"))
            book["metadata"]["from"] = "somebody else"
            nbformat.write(nbformat.from_dict(book), path)
        stored = path.read_bytes()
        again = open_notebook(language, "tomorrow")
        expect_last_pictures(again, language, feedback)
        again.save(path)
        assert path.read_bytes() == stored
        close(again)

    page, _resources = HTMLExporter().from_filename(str(path))
    assert page.count(WAKE[language] + "</p>") == len(SHOWN)
    assert (
        page.count('<img alt="" class="lessonkit-last"') + page.count('<img class="lessonkit-last"')
        == 1
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["00-start", "01-request-response"])
def test_to_open_and_save_changes_nothing(open_notebook: Open, lab: Lab, name: str) -> None:
    path = lab.root / f"notebooks/en/{name}.ipynb"
    stored = path.read_bytes()
    open_notebook("en", name).save(path)
    assert path.read_bytes() == stored
