"""What comes of a trial, and what a learner sees of it; how it is guarded: ``test_guard.py``."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from lessonkit import Order, Shop  # noqa: F401 - the starting cell looks for Order here
from lessonkit.course.event_driven import which_pattern
from lessonkit.course.request_response import survive
from lessonkit.course.start import stock_back
from lessonkit.exercises.progress import learners_progress
from lessonkit.exercises.result import Counterexample, Result, Verdict
from lessonkit.exercises.starter import source_of
from lessonkit.exercises.trial import run_briefly
from lessonkit.exercises.view import ExerciseView, side_by_side
from lessonkit.messages import language
from tests.exercises.answers import attempt, changed

LINE = "        payment = await shop.payment.charge(command.total, command.payment_method)\n"


CELLS = ["setup", "order-service", "retry", "careful"]


def trying(inserted: str, before: str = "") -> Result:
    """The first exercise, with other code in the place of the charge."""
    code = changed(stock_back.starter, (LINE, f"        {inserted}\n"))
    code = before + code.replace("payment.transaction_id", "'T-1'")
    return attempt(stock_back, code, ["setup"])


def test_an_error_names_the_learners_line_and_the_case() -> None:
    result = trying("raise KeyError('oh')")
    assert "in create_order, line 4" in result.trouble
    assert "no fault" in result.trouble


@pytest.mark.parametrize("raised", ["RuntimeError('no card')", "Exception('no card') from None"])
def test_an_error_of_their_own_is_told_from_a_mistake(raised: str) -> None:
    caught = f"try:\n{LINE}        except Exception:\n            raise {raised}"
    result = trying(caught.replace(LINE, "    " + LINE))
    assert result.verdict is Verdict.NOT_YET
    assert "raised an error of its own, and the customer was told nothing" in result.sentence
    assert result.trouble.startswith(raised.split("(")[0] + ": no card\n(while exploring")
    assert "payment.charge: refused" in result.trouble
    assert 'raise OrderFailed("...")' in result.advice


@pytest.mark.parametrize("mistake", ["1 / 0", "int('no')", "shop.paymnt", "command.totl"])
def test_a_mistake_is_no_error_of_their_own(mistake: str) -> None:
    result = trying(mistake)
    assert result.verdict is Verdict.ERROR
    assert result.sentence == "Your code stopped with an error."
    assert result.advice == ""


def test_what_the_shop_takes_for_a_no_is_no_error() -> None:
    body = f"try:\n    {LINE}        except Exception:\n            raise %s('no card')"
    before = "from lessonkit import OrderFailed\n"
    for kind in ("OrderFailed", "TimeoutError"):
        assert "stock is still set aside" in trying(body % kind, before).advice


def test_an_interrupt_in_the_code_on_trial_is_no_way_around_it() -> None:
    with pytest.raises(KeyboardInterrupt):
        trying(f"try:\n    {LINE}        except Exception:\n            raise KeyboardInterrupt")


RETRY = """while True:
            try:
                payment = await shop.payment.charge(command.total, command.payment_method)
                break
            except Exception:
                {then}"""


@pytest.mark.parametrize(
    "then", ["pass", "await asyncio.sleep(1)", "pass\n            except: pass"]
)
def test_a_retry_without_an_end_is_told_so(then: str) -> None:
    result = trying(RETRY.format(then=then), "import asyncio\n")
    assert result.verdict is Verdict.ERROR
    assert "`payment.charge` has failed 5,000 times in a row" in result.sentence
    assert "ServiceRefused: payment refused the request" in result.sentence
    assert "loop that never ends" not in result.sentence


def test_a_retry_with_an_end_is_not_told_so() -> None:
    then = "tries -= 1\n                if not tries: raise"
    result = trying(f"tries = 1_000\n        {RETRY.format(then=then)}")
    assert result.verdict is Verdict.NOT_YET
    assert "taken once" in result.advice


def test_no_address_in_memory_is_shown() -> None:
    assert trying("raise ValueError(object())").trouble.startswith("ValueError: <object object>")


def test_a_flood_is_cut_and_shown() -> None:
    result = trying("print('drip ' * 1_999, end='drip ')")
    assert result.printed.startswith("drip drip")
    assert "8,000 more letters" in result.printed  # of many runs
    assert len(result.printed) < 3000


def test_what_is_printed_does_not_reach_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    result = trying("print('here I am')")
    assert result.printed == "here I am\n" * result.printed.count("\n")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ((5,), "put_back must be a function, as in the starting cell; got int 5"),
        ((None,), "put_back must be a function"),
        ((), "takes 1 things; got 0"),
        ((1, 2), "takes 1 things; got 2"),
    ],
)
def test_the_wrong_type_gets_a_clear_answer(answers: tuple[object, ...], says: str) -> None:
    result = stock_back.evaluate(*answers)
    assert result.verdict is Verdict.ERROR
    assert says in result.trouble


async def _async_put_back(shop: Shop) -> None: ...


def test_async_where_none_belongs_gets_a_clear_answer() -> None:
    assert "must be declared with 'def'" in stock_back.evaluate(_async_put_back).trouble


def test_run_briefly_wants_a_coroutine_and_ends_a_runaway() -> None:
    with pytest.raises(TypeError, match="must be a coroutine"):
        run_briefly(5)


# --- what the learner sees -----------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _nothing_solved_yet() -> None:
    learners_progress().reset()
    learners_progress().take_messages()


def wrong() -> Callable[..., object]:
    def put_back(shop: Shop) -> Callable[..., object]:
        async def create_order(command: object) -> None: ...

        return create_order

    return put_back


def test_hints_open_one_by_one_and_stay_open() -> None:
    view = stock_back.check(wrong())
    assert view.hint_button.description == "Hint 1 of 3"
    view.hint_button.click()
    assert view.help.value.count("<li>") == 1
    view.hint_button.click()
    view.hint_button.click()
    assert view.help.value.count("<li>") == 3
    assert view.hint_button.disabled
    assert stock_back.check(wrong()).help.value.count("<li>") == 3
    assert "<li>" in stock_back.hint()._repr_mimebundle_()["text/html"]


def test_the_solution_opens_after_three_tries_and_not_before() -> None:
    for left in (2, 1):
        view = stock_back.check(wrong())
        assert view.solution_button.disabled
        assert view.solution_button.description == f"Solution (after {left} more tries)"
        assert "cancel_reservation" not in stock_back.solution().html
    view = stock_back.check(wrong())
    assert not view.solution_button.disabled
    view.solution_button.click()
    assert "cancel_reservation" in view.help.value
    assert "cancel_reservation" in stock_back.solution().html


def test_the_starting_cell_leaves_no_trace_in_the_progress() -> None:
    attempt(stock_back, stock_back.starter, ["setup"])
    assert learners_progress().read() == {}


def test_what_was_solved_before_is_said_on_a_fresh_copy() -> None:
    learners_progress().note("stock_back", solved=True)
    view = ExerciseView(stock_back, Result(Verdict.NOT_ATTEMPTED, "Not attempted yet."))
    assert "solved this one before" in view.verdict.value


def test_everything_from_the_learner_is_escaped() -> None:
    result = trying("raise KeyError('<script>alert(1)</script>')")
    view = ExerciseView(stock_back, result)
    assert "<script>" not in view.verdict.value
    assert "&lt;script&gt;" in view.verdict.value
    printed = trying("print('<b>bold</b>')")
    assert "<b>bold" not in ExerciseView(stock_back, printed).verdict.value


def test_a_check_says_no_word_of_the_solution() -> None:
    result = attempt(survive, survive.starter.replace("key = ", "key = ''.join([]) or "), CELLS)
    assert result.verdict is Verdict.NOT_YET
    assert "(Order.create(command).cancelled())" not in ExerciseView(survive, result).verdict.value


def test_whoever_has_not_run_the_cells_above_is_told_so() -> None:
    result = survive.evaluate(int)
    assert result.verdict is Verdict.ERROR
    assert "Run the cells above" in result.sentence
    assert "'CarefulOrderService' is not defined" in result.trouble


def test_the_view_speaks_the_learners_language() -> None:
    language("ja")
    try:
        view = stock_back.check(wrong())
        assert "まだです" in view.verdict.value
        assert view.hint_button.description == "ヒント 1 / 3"
    finally:
        language("en")


def test_a_stored_notebook_shows_the_verdict_and_the_picture() -> None:
    view = stock_back.check(wrong())
    assert "lessonkit-verdict" in view.still
    assert "data:image/svg+xml" in view.still


def test_a_progress_file_that_cannot_be_written_is_a_remark_below_the_verdict(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setattr(learners_progress(), "path", learners_progress().path / "no" / "such.json")
    learners_progress().path.parents[1].touch()
    view = stock_back.check(wrong())
    assert "could not be saved" in view.verdict.value
    learners_progress().path.parents[1].unlink()


def test_a_counterexample_is_never_without_words() -> None:
    assert Counterexample("what", "where to look").picture == ""


# --- after solving -------------------------------------------------------------------------------

CELL = """from lessonkit.exercises.exercise import Exercise

class Base: pass

@str
def other(): pass

class Mine(Base):
    rate = 5

    def ask(self):
        return 1 < 2

def plain():
    return 1
"""


@pytest.fixture
def cell() -> Iterator[dict[str, Any]]:
    lines = CELL.splitlines(keepends=True)
    linecache.cache["<cell>"] = (len(CELL), None, lines, "<cell>")
    scope: dict[str, Any] = {"__name__": "no_file"}
    exec(compile(CELL, "<cell>", "exec"), scope)
    yield scope
    del linecache.cache["<cell>"]


def test_the_source_of_what_stands_in_a_cell_is_found(cell: dict[str, Any]) -> None:
    assert source_of(cell["Mine"]).startswith("class Mine(Base):\n    rate = 5\n")
    assert source_of(cell["Mine"]).endswith("return 1 < 2\n")
    assert source_of(cell["plain"]) == "def plain():\n    return 1\n"
    assert [source_of(one) for one in (5, print, {"a": cell["plain"]})] == ["", "", ""]
    linecache.cache["<cell>"] = (1, None, ["%magic\n"], "<cell>")
    assert source_of(cell["plain"]) == ""


def test_both_programs_stand_side_by_side_and_what_differs_is_marked() -> None:
    html = side_by_side("def f():\n    return 1 < 2\n", "def f():\n    a = 2\n    return a")
    rows = html.split("<tr>")[2:]
    assert "background" not in rows[0]
    assert rows[0].count("def f():") == 2
    assert ">return 1 &lt; 2</pre>" in rows[1]
    assert ">a = 2</pre>" in rows[1]
    assert rows[1].count("6ch") == 2  # four of the code's own, and two for the sign
    assert [rows[1].count(sign) for sign in (">−<", ">+<")] == [1, 1]
    assert rows[2].count("<td") == 2
    assert ">return a</pre>" in rows[2]
    assert html.count("background") == 3


def test_a_solved_verdict_has_both_programs_folded_below(cell: dict[str, Any]) -> None:
    solved = Result(Verdict.SOLVED, "Well done.", source=source_of(cell["plain"]))
    shown = ExerciseView(stock_back, solved).verdict.value
    assert "<details><summary>Your code, and one way to do it, side by side</summary>" in shown
    assert "cancel_reservation" in shown
    without = ExerciseView(stock_back, Result(Verdict.SOLVED, "Well done.")).verdict.value
    assert "<details>" not in without


def test_the_heading_says_what_is_practised_and_how_hard_it_is() -> None:
    task = replace(stock_back, practises="compensation", grade=2)
    view = ExerciseView(task, Result(Verdict.NOT_YET, "No."))
    assert "· compensation · ●●\N{NO-BREAK SPACE}medium</span>" in view.verdict.value
    quiz = replace(which_pattern, practises="event notification", grade=3)
    assert quiz.ask().still.count("event notification · ●●●\N{NO-BREAK SPACE}hard") == 1
