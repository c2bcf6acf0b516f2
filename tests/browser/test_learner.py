"""A learner's path: open, fail, take a hint, solve, see the tick, and see it still there."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from lessonkit.course.message_brokers import which_broker
from lessonkit.course.start import stock_back
from lessonkit.exercises.progress import from_text
from tests.browser.pages import Lab, Open

WORDS = {
    "en": {
        "untouched": "not attempted",
        "not yet": "not yet",
        "advice": "The stock is still set aside.",
        "audit": "2 pieces are held, but there is no order.",
        "hint": "Which line should notice it?",
        "stopped": "Is there a loop that never ends?",
        "solved": "Whoever takes something must know how to put it back.",
        "task": "Put the stock back",
        "before": "You have solved this one before.",
    },
    "ja": {
        "untouched": "未回答",
        "not yet": "まだです",
        "advice": "在庫がまだ確保されたままです。",
        "audit": "2個が確保されたままですが、注文がありません。",
        "hint": "それを受け止めるのは、どの行であるべきでしょうか。",
        "stopped": "終わらないループはありませんか。",
        "solved": "何かを確保するなら、戻し方も用意しておきます。",
        "task": "在庫を戻す",
        "before": "この問題は、前に解けています。",
    },
}


def with_code(code: str) -> str:
    """The cell of the exercise with the learner's code in it."""
    return stock_back.cell.replace(stock_back.starter.strip(), code.strip())


@pytest.mark.parametrize("language", ["en", pytest.param("ja", marks=pytest.mark.slow)])
def test_from_the_first_try_to_a_tick_that_stays(
    open_notebook: Open, lab: Lab, language: str
) -> None:
    words = WORDS[language]
    lab.progress.unlink(missing_ok=True)
    notebook = open_notebook(language, "00-start")
    notebook.run_all()
    cell = notebook.cell("exercise-stock_back")
    verdict = cell.locator(".lessonkit-verdict").last
    expect(verdict).to_contain_text(words["untouched"])

    # Fail, and see the run in which it fails.
    wrong = stock_back.starter.replace("order = Order", "assert payment\n        order = Order")
    notebook.hand_in("exercise-stock_back", with_code(wrong))
    expect(verdict).to_contain_text(words["not yet"])
    expect(verdict).to_contain_text(words["advice"])
    expect(cell.locator(".lessonkit-audit").last).to_contain_text(words["audit"])
    expect(cell.locator("svg[role=group]").last).to_be_visible()

    # Take a hint; the solution is still closed.
    buttons = cell.get_by_role("button")
    buttons.filter(has=notebook.page.locator(".fa-lightbulb-o")).click()
    expect(cell.locator(".lessonkit-hints li")).to_contain_text([words["hint"]])
    expect(buttons.filter(has=notebook.page.locator(".fa-key"))).to_be_disabled()

    # A loop that never ends does not cost the kernel. (It may work for three seconds, and on a busy
    # machine those take longer.)
    loop = stock_back.starter.replace("order = Order", "while True: pass\n        order = Order")
    notebook.hand_in("exercise-stock_back", with_code(loop))
    expect(verdict).to_contain_text(words["stopped"])

    notebook.hand_in("exercise-stock_back", with_code(stock_back.answer))
    expect(verdict).to_contain_text(words["solved"])

    # The tick, and after a restart of the kernel it is still there.
    summary = open_notebook(language, "08-summary")
    for _ in range(2):
        summary.run_all()
        ticked = summary.cell("my-checklist").locator("li", has_text=words["task"])
        expect(ticked).to_contain_text("✓")
        expect(summary.cell("my-checklist").locator("li", has_text="✓")).to_have_count(1)
        summary.restart_kernel()

    # A fresh copy of the notebook knows it, too.
    again = open_notebook(language, "00-start")
    again.run_all()
    expect(again.cell("exercise-stock_back")).to_contain_text(words["before"])


def test_a_link_of_the_checklist_opens_the_notebook_in_the_lab(open_notebook: Open) -> None:
    summary = open_notebook("en", "08-summary")
    summary.run_all()
    summary.cell("my-checklist").get_by_role("link", name="00 · Put the stock back").click()
    tab = summary.page.locator(".lm-TabBar-tabLabel", has_text="00-start.ipynb")
    expect(tab).to_be_visible()


@pytest.mark.parametrize("language", ["en", pytest.param("ja", marks=pytest.mark.slow)])
def test_a_quiz_is_solved_with_the_keyboard(open_notebook: Open, lab: Lab, language: str) -> None:
    lab.progress.unlink(missing_ok=True)
    notebook = open_notebook(language, "03-message-brokers")
    notebook.run_cell("setup-language")
    cell = notebook.run_cell("quiz-which_broker")
    expect(cell.locator("input[type=radio]")).to_have_count(20)
    feedback = cell.get_by_role("status")
    for number, question in enumerate(which_broker.questions):
        radios = cell.locator(".widget-radio-box").nth(number).locator("input")
        radios.first.focus()
        # (The arrow keys belong to JupyterLab: they go to the next cell.)
        for _ in range([option.right for option in question.options].index(True)):
            notebook.page.keyboard.press("Space")
            expect(feedback.nth(number)).to_contain_text("△")
            notebook.page.keyboard.press("Tab")
        notebook.page.keyboard.press("Space")
        expect(feedback.nth(number)).to_contain_text("✓")
    expect(feedback.last).to_contain_text("✓")
    known = from_text(lab.progress.read_text(encoding="utf-8"))
    assert known["which_broker"].solved
