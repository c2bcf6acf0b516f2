"""The checklist, the quizzes, and the buttons of the progress file."""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path

import pytest

from lessonkit.course import MODULES, checklist, exercises, progress_buttons, tasks
from lessonkit.exercises.checklist import COPY, POINTS
from lessonkit.exercises.progress import from_text, learners_progress
from lessonkit.exercises.prose import GRADES, labels
from lessonkit.exercises.quiz import Option, Question, Quiz
from lessonkit.messages import language, tr

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
QUIZZES = [task for task in tasks() if isinstance(task, Quiz)]

each = pytest.mark.parametrize("quiz", QUIZZES, ids=lambda quiz: quiz.name)


@pytest.fixture(autouse=True)
def _nothing_solved_yet() -> None:
    learners_progress().reset()
    learners_progress().take_messages()


def test_every_notebook_but_the_summary_and_the_optional_one_has_one_to_three_exercises() -> None:
    *others, summary, optional = MODULES
    for notebook in others:
        assert 1 <= sum(exercise.notebook == notebook for exercise in exercises()) <= 3
    assert not {summary, optional} & {exercise.notebook for exercise in exercises()}
    # Nobody needs it to tick the checklist.
    assert optional not in {task.notebook for task in tasks()}
    assert len(MODULES) == len(list((NOTEBOOKS / "en").glob("*.ipynb")))


def test_names_are_unique_and_every_point_has_something_behind_it() -> None:
    names = [task.name for task in tasks()]
    assert len(set(names)) == len(names)
    assert {task.point for task in tasks()} == set(range(1, len(POINTS) + 1))


def test_the_checklist_ticks_what_is_solved_and_links_what_is_open() -> None:
    empty = checklist().html
    assert f"0 of {len(tasks())} solved" in empty
    assert "✓" not in empty
    for task in tasks():
        assert f'href="{task.notebook}.ipynb"' in empty
    learners_progress().note("stock_back", solved=True)
    learners_progress().note("survive", tries=2)
    after = checklist().html
    assert f"1 of {len(tasks())} solved" in after
    assert re.search(r"✓</span> <a [^>]*>00 · Put the stock back", after)
    assert "(tried 2 times)" in after
    for task in tasks():
        learners_progress().note(task.name, solved=True)
    assert checklist().html.count("✓") == len(tasks()) + len(POINTS)


@pytest.mark.parametrize("code", ["en", "ja"])
def test_the_checklist_says_what_each_task_practises_and_how_hard_it_is(code: str) -> None:
    learners_progress().note("survive", tries=2)
    language(code)
    try:
        shown = checklist().html
        for task in tasks():
            assert f"{escape(tr(task.title))}</a>{labels(task.practises, task.grade)}" in shown
            assert tr(task.practises) in shown
            assert tr(GRADES[task.grade]) in shown
    finally:
        language("en")


def test_the_checklist_speaks_japanese() -> None:
    language("ja")
    try:
        assert "00 · 在庫を戻す" in checklist().html
    finally:
        language("en")


def test_a_damaged_file_is_told_below_the_checklist() -> None:
    learners_progress().note("survive", tries=1)
    learners_progress().path.write_text("{")
    assert "was set aside as progress.damaged-" in checklist().html


def test_a_copy_is_saved_beside_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    learners_progress().note("survive", solved=True)
    buttons = progress_buttons()
    buttons.copy.click()
    assert COPY in buttons.said.value
    assert from_text((tmp_path / COPY).read_text(encoding="utf-8"))["survive"].solved
    monkeypatch.chdir(tmp_path)
    (tmp_path / COPY).unlink()
    (tmp_path / COPY).mkdir()
    buttons.copy.click()
    assert "cannot be saved here" in buttons.said.value


def test_to_forget_everything_takes_two_presses() -> None:
    learners_progress().note("survive", solved=True)
    buttons = progress_buttons()
    buttons.anew.click()
    buttons.where.click()  # something else in between: the question is open again
    assert str(learners_progress().path) in buttons.said.value
    buttons.anew.click()
    assert learners_progress().read()
    buttons.anew.click()
    assert learners_progress().read() == {}


def test_times_are_noted_after_two_presses_and_never_before() -> None:
    buttons = progress_buttons()
    assert buttons.times.description == "Also note the dates ..."
    buttons.times.click()
    for told in ("date and time to the second, in UTC", "a copy of it sees", "Press once more"):
        assert told in buttons.said.value
    assert not learners_progress().read().times
    buttons.where.click()  # something else in between: the question is open again
    buttons.times.click()
    assert not learners_progress().read().times
    buttons.anew.click()  # and one question is not the answer to another
    buttons.times.click()
    assert not learners_progress().read().times
    buttons.times.click()
    assert learners_progress().read().times
    assert "From now on it is noted" in buttons.said.value
    assert buttons.times.description == "Stop noting when"
    assert progress_buttons().times.description == "Stop noting when"
    assert learners_progress().note("survive", solved=True).solved_at
    buttons.times.click()  # to stop takes one press
    assert "are removed" in buttons.said.value
    assert buttons.times.description == "Also note the dates ..."
    assert "solved_at" not in learners_progress().path.read_text()


def test_to_forget_everything_forgets_that_times_were_wanted() -> None:
    buttons = progress_buttons()
    buttons.times.click()
    buttons.times.click()
    buttons.anew.click()
    buttons.anew.click()
    assert buttons.times.description == "Also note the dates ..."


def test_what_could_not_be_forgotten_is_not_said_to_be() -> None:
    text = '{"format": "lessonkit progress", "version": 2}'
    learners_progress().path.write_text(text)
    buttons = progress_buttons()
    buttons.anew.click()
    buttons.anew.click()
    assert "Nothing was forgotten" in buttons.said.value
    assert "Forgotten" not in buttons.said.value
    assert learners_progress().path.read_text() == text
    learners_progress().path.unlink()


def test_the_place_of_the_file_is_shown_whatever_it_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(learners_progress(), "path", Path("odd \udcff\x1b<b>"))
    buttons = progress_buttons()
    buttons.where.click()
    assert buttons.said.value == '<div role="status">odd ��&lt;b&gt;</div>'


# --- quizzes -------------------------------------------------------------------------------------


@each
def test_every_option_says_why_and_one_is_right(quiz: Quiz) -> None:
    view = quiz.ask()
    for question, choice, said in zip(quiz.questions, view.choices, view.feedback, strict=True):
        assert len({option.why for option in question.options}) == len(question.options) >= 3
        assert len({option.text for option in question.options}) == len(question.options)
        assert choice.value is None
        for place, option in enumerate(question.options):
            choice.value = place
            assert ("✓" in said.value) == option.right
            assert ("△" in said.value) != option.right


@each
def test_a_quiz_is_solved_when_all_are_right(quiz: Quiz) -> None:
    view = quiz.ask()
    for number, question in enumerate(quiz.questions):
        assert not quiz.entry.solved
        assert f"{number} of {len(quiz.questions)} right" in view.verdict.value
        view.choices[number].value = [option.right for option in question.options].index(True)
    assert quiz.entry.solved
    assert "You have solved this one before." in quiz.ask().verdict.value


@each
def test_a_wrong_option_counts_as_a_try(quiz: Quiz) -> None:
    wrong = [option.right for option in quiz.questions[0].options].index(False)
    quiz.ask().choices[0].value = wrong
    assert (quiz.entry.tries, quiz.entry.solved) == (1, False)


@each
def test_labels_are_short_enough_for_a_radio_button(quiz: Quiz) -> None:
    for code in ("en", "ja"):
        language(code)
        labels = [tr(option.text) for question in quiz.questions for option in question.options]
        language("en")
        assert max(map(len, labels)) <= 80


@each
def test_the_place_of_the_right_option_varies(quiz: Quiz) -> None:
    places = {[option.right for option in q.options].index(True) for q in quiz.questions}
    assert len(places) > 1 or len(quiz.questions) == 1


@each
def test_the_notebook_has_the_quiz(quiz: Quiz) -> None:
    for code in ("en", "ja"):
        path = NOTEBOOKS / code / f"{quiz.notebook}.ipynb"
        found = {
            cell["id"]: "".join(cell["source"])
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        }
        assert found[f"quiz-{quiz.name}"] == quiz.cell


def test_a_question_without_a_right_option_is_refused() -> None:
    options = (Option("a", "no"), Option("b", "no"))
    with pytest.raises(ValueError, match="exactly one that is right; got 0"):
        Question("what?", options)
