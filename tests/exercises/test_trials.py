"""What comes of a trial, and what a learner sees of it; how it is guarded: ``test_guard.py``."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lessonkit import Shop, an_order, audit, run
from lessonkit.course.choreography_orchestration.points_shop import PointsShop
from lessonkit.course.request_response import survive
from lessonkit.course.start import stock_back
from lessonkit.exercises.progress import learners_progress
from lessonkit.exercises.result import Counterexample, Result, Verdict
from lessonkit.exercises.seal import SealedShop
from lessonkit.exercises.trial import run_briefly
from lessonkit.exercises.view import ExerciseView
from lessonkit.messages import language
from lessonkit.shop import ShopError
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
    assert "in create_order, line 5" in result.trouble
    assert "no fault" in result.trouble


def test_no_address_in_memory_is_shown() -> None:
    assert trying("raise ValueError(object())").trouble.startswith("ValueError: <object object>")


def test_a_flood_is_cut_and_shown() -> None:
    result = trying("print('drip ' * 100_000)")
    assert result.printed.startswith("drip drip")
    assert "998,002 more letters" in result.printed  # of two runs
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


# --- books that are changed by hand --------------------------------------------------------------


@pytest.mark.parametrize(
    ("cheat", "service"),
    [
        ("shop.inventory.stock['P-1'] = 10", "inventory"),
        ("shop.inventory.reservations['R-1'].held = False", "inventory"),
        ("shop.payment.captures.clear()", "payment"),
        ("shop.database.orders[command.order_id] = Order.create(command)", "database"),
        ("shop.notification.mails.append(Mail('O-001', 'C-100'))", "notification"),
        ("shop.network.faults.clear(); await shop.payment.charge(1, 'card')", "network"),
        ("await shop.network.call('inventory', 'x', lambda: None)", "inventory"),
        (
            "shop.customer.answers.clear() or asyncio.get_running_loop().call_later(1, "
            "shop.customer.answers.clear)",
            "customer",
        ),
        ("shop.customer.placed.append(command)", "customer"),
    ],
)
def test_a_broken_seal_is_named(cheat: str, service: str) -> None:
    before = "from lessonkit.shop.services import Mail\n"
    result = trying(
        cheat if "await" in cheat else f"await shop.payment.charge(1, 'card'); {cheat}", before
    )
    assert result.verdict is Verdict.NOT_YET
    assert result.sentence.startswith(f"{service}: the books were changed")


def test_a_service_of_ones_own_can_be_sealed_too() -> None:
    shop = PointsShop()
    order = an_order()
    run(shop.place_order(lambda command: shop.points.give(order)))
    assert shop.look() == []
    shop.points._given[order.order_id] = 1_000_000
    assert shop.look() == ["points"]


def test_honest_code_leaves_every_seal_whole() -> None:
    shop = SealedShop()

    async def create_order(command: object) -> None:
        reserved = await shop.inventory.reserve(an_order().items)
        await shop.inventory.cancel_reservation(reserved.reservation_id or "")
        try:
            await shop.payment.refund("T-9")
        except ShopError:
            await shop.network.call("orders", "think", lambda: None)

    run(shop.place_order(create_order))
    assert shop.look() == []
    assert audit(shop)  # the customer was told "confirmed"


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
        assert "あと少し" in view.verdict.value
        assert view.hint_button.description == "ヒント 1 / 3"
    finally:
        language("en")


def test_a_stored_notebook_shows_the_verdict_and_the_picture() -> None:
    view = stock_back.check(wrong())
    bundle = view._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "lessonkit-verdict" in data["text/html"]
    assert "data:image/svg+xml" in data["text/html"]


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
