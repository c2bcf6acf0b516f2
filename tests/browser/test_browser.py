"""What a learner does, done in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.pages import Lab, Open


def first_tile(cell: Locator) -> Locator:
    """The figure in the first number tile of a panel."""
    return cell.locator(".widget-html-content div[style*='font-weight: 600']").first


@pytest.mark.slow
def test_a_hundred_key_presses_end_with_the_right_figure_and_nothing_in_the_queue(
    open_notebook: Open,
) -> None:
    notebook = open_notebook("en", "00-start")
    notebook.run_all()
    cell = notebook.cell("first-panel")
    expect(first_tile(cell)).to_have_text("800 ms")
    slider = cell.locator(".noUi-handle").first
    slider.focus()
    for _ in range(100):
        slider.press("ArrowRight")
    # One press is 10 ms of mail: 500 and 100 times 10, and the 300 of the other services.
    expect(first_tile(cell)).to_have_text("1,800 ms")
    expect(cell.locator(".widget-readout").first).to_have_text("1,500")
    settled = cell.locator(".widget-html-content").last.inner_html()
    notebook.page.wait_for_timeout(1500)
    assert cell.locator(".widget-html-content").last.inner_html() == settled
    status = notebook.page.locator(".jp-Notebook-ExecutionIndicator").first
    assert status.get_attribute("data-status") == "idle"


@pytest.mark.slow
def test_dragging_follows_the_mouse(open_notebook: Open) -> None:
    notebook = open_notebook("en", "00-start")
    notebook.run_all()
    cell = notebook.cell("first-panel")
    track = cell.locator(".noUi-base").first.bounding_box()
    assert track is not None
    mouse = notebook.page.mouse
    cell.locator(".noUi-touch-area").first.hover()
    mouse.down()
    mouse.move(track["x"] + track["width"] + 40, track["y"], steps=40)
    mouse.up()
    expect(first_tile(cell)).to_have_text("5,300 ms")


@pytest.mark.slow
def test_a_control_that_is_moved_again_finds_its_database_again(open_notebook: Open) -> None:
    # JupyterLab sends the second move of a control to a thread of its own unless our setting says
    # otherwise, and SQLite serves only the thread that has opened it.
    notebook = open_notebook("en", "05-eventual-consistency")
    notebook.run_all()
    cell = notebook.cell("outbox-panel")
    style = cell.locator("select").first
    unknown = cell.get_by_text("we do not know yet", exact=True).locator("visible=true")
    for _ in range(2):
        style.select_option(index=0)
        expect(unknown).to_have_count(0)
        style.select_option(index=2)
        expect(unknown).to_have_count(1)


def test_everything_can_be_done_with_the_keyboard(open_notebook: Open) -> None:
    notebook = open_notebook("en", "00-start")
    notebook.run_all()
    cell = notebook.cell("first-panel")
    press = notebook.page.keyboard.press
    cell.locator(".noUi-handle").first.focus()
    press("ArrowRight")
    press("Tab")  # the readout
    press("Tab")  # the first preset
    press("Tab")  # the second one
    press("Enter")
    expect(first_tile(cell)).to_have_text("5,300 ms")
    focus = "document.activeElement.textContent.trim()"
    for _ in range(12):  # past the other buttons, to those of the stage
        if notebook.page.evaluate(focus) == "Step back":
            break
        press("Tab")
    press("Enter")
    expect(cell.locator("svg text", has_text=re.compile("after "))).to_be_visible()


@pytest.mark.slow
def test_the_picture_is_labelled_for_screen_readers(open_notebook: Open) -> None:
    notebook = open_notebook("ja", "00-start")
    notebook.run_all()
    cell = notebook.cell("first-panel")
    picture = cell.get_by_role("group", name="起きたことの時系列図")
    expect(picture).to_be_visible()
    expect(picture.locator("desc")).to_contain_text("決済サービス")


@pytest.mark.slow
def test_five_seconds_can_be_felt_and_the_page_stays_alive(open_notebook: Open) -> None:
    notebook = open_notebook("en", "00-start")
    notebook.run_all()
    cell = notebook.cell("five-real")
    cell.get_by_role("button", name="Order, in real seconds").click()
    picture = cell.locator(".widget-html-content")
    expect(picture).to_contain_text("you are waiting")
    expect(picture).to_contain_text("you have waited")
    seconds = re.compile(r"(\d+\.\d) s")
    expect(first_tile(cell)).to_contain_text(seconds)
    found = seconds.search(first_tile(cell).inner_text())
    assert found is not None
    assert float(found[1]) >= 5.3  # how much more than that is the machine's business
    # And a panel moves as before.
    other = notebook.cell("first-panel")
    slider = other.locator(".noUi-handle").first
    slider.focus()
    slider.press("ArrowRight")
    expect(first_tile(other)).to_have_text("810 ms")


def test_a_notebook_that_nobody_has_run_shows_its_pictures(open_notebook: Open) -> None:
    notebook = open_notebook("ja", "00-start")
    for cell_id in ("just-call-code", "first-panel", "break-panel"):
        still = notebook.cell(cell_id).locator("img[src^='data:image/svg']").first
        expect(still).to_be_visible()
        assert still.evaluate("e => e.naturalWidth") > 100
    expect(notebook.page.get_by_text("Error displaying widget")).to_have_count(0)


@pytest.mark.slow  # a JupyterLab of its own
@pytest.mark.parametrize("lab", ["JupyterLab Dark"], indirect=True)
def test_the_dark_theme_has_light_letters(open_notebook: Open, lab: Lab) -> None:
    notebook = open_notebook("en", "01-request-response")
    notebook.run_all()
    letters = "e => getComputedStyle(e).fill"
    for cell_id in ("chain-panel", "dead-panel"):
        word = notebook.cell(cell_id).locator(".widget-html-content svg text").first
        red, green, blue = map(int, re.findall(r"\d+", word.evaluate(letters))[:3])
        assert min(red, green, blue) > 160, cell_id
