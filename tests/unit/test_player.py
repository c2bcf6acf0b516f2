"""The player: a learner who is the network, by the buttons that a learner has."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html import escape

import pytest

from lessonkit.explorer import replay
from lessonkit.explorer.game import Move, Position, decisions_of, play
from lessonkit.lab import play_the_network
from lessonkit.lab.player import Player
from lessonkit.luck import Leg
from lessonkit.messages import language
from tests.unit.saga_shop import ShopWithLog, by_lesson, by_saga, resume

LET, HOLD, LOSE, DOUBLE = range(4)
EVERYTHING = 200
"""More clicks than any run here has messages."""


def lessons_saga(at_most: int = 4) -> Player:
    return play_the_network(by_lesson, at_most=at_most)


def let_come(player: Player, what: str, leg: Leg) -> None:
    """Click until this is the next message."""
    for _ in range(EVERYTHING):
        first = player.position.under_way[0]
        if (first.what, first.leg) == (what, leg):
            return
        player.rows[0].buttons[LET].click()
    pytest.fail(f"{what} never came")


def test_a_lost_reply_or_a_kill_makes_the_lessons_saga_lie_within_four_clicks() -> None:
    player = lessons_saga()
    for _ in range(2):
        player.rows[0].buttons[LET].click()
    assert player.position.case.survived
    player.kill.click()
    assert "Done: the shop lies." in player.target.value
    assert len(player.moves) <= 4
    player.anew.click()
    let_come(player, "payment.charge", Leg.REPLY)
    player.rows[0].buttons[LOSE].click()
    assert "Done: the shop lies." in player.target.value
    assert "no money without an order" in [v.rule for v in player.position.case.violations]


def test_the_moves_are_a_replay_string() -> None:
    player = lessons_saga()
    let_come(player, "inventory.reserve", Leg.EFFECT)
    player.rows[0].buttons[DOUBLE].click()
    player.rows[1].buttons[HOLD].click()
    let_come(player, "payment.charge", Leg.EFFECT)
    player.rows[0].buttons[LOSE].click()
    held = len(player.rows) - 1
    assert player.position.under_way[held].held
    now = player.position.now
    player.rows[held].buttons[LET].click()
    assert player.position.now == now  # at once, not only when all else has happened
    assert not any(message.held for message in player.position.under_way)
    player.rest.click()
    assert player.position.over
    case = replay(player.replay, by_lesson)
    assert case.run.trace.digest() == player.position.trace.digest()
    assert [str(one.kind) for one in case.decisions] == ["twice", "late", "lost"]
    assert "so far: 3" in player.target.value
    assert escape(player.replay) in player.picture.value


def seen(player: Player) -> tuple[str, str, str]:
    return player.position.trace.digest(), player.picture.value, player.target.value


def test_undo_restores_the_position_before() -> None:
    player = lessons_saga()
    before = []
    for number in range(6):
        before.append(seen(player))
        (player.kill if number == 4 else player.rows[0].buttons[LET]).click()
    assert len(set(before)) == 6
    while before:
        player.back.click()
        assert seen(player) == before.pop()
    assert player.back.disabled


def test_who_has_used_up_the_harm_can_only_let_things_come() -> None:
    player = lessons_saga(at_most=1)
    let_come(player, "inventory.reserve", Leg.EFFECT)
    player.rows[0].buttons[HOLD].click()
    assert player.kill.disabled
    for row in player.rows:
        assert all(button.disabled for button in row.buttons[HOLD:])
    player.rows[-1].buttons[LET].click()  # to let it come does no harm again
    assert len(decisions_of(player.moves)) == 1


def test_every_run_of_the_game_without_harm_ends_like_the_ordinary_one() -> None:
    player = lessons_saga()
    usual = player.position.case.run.trace.digest()
    while not player.position.over:
        player.rows[0].buttons[LET].click()
    assert player.position.trace.digest() == usual
    assert player.replay == "1"
    assert not any(row.box.layout.display == "" for row in player._rows)


def test_a_request_about_which_it_asks_is_under_way_in_the_picture() -> None:
    player = lessons_saga()
    let_come(player, "payment.charge", Leg.EFFECT)

    def fate() -> str:
        sent = [m for m in player.position.trace.messages if m.what == "charge"]
        return sent[0].fate

    assert fate() == "in flight"
    player.rows[0].buttons[LET].click()
    assert fate() == "delivered"


def test_it_says_what_the_shop_does_about_the_harm() -> None:
    player = play_the_network(by_saga, shop=ShopWithLog, restart=resume)  # type: ignore[arg-type]
    let_come(player, "payment.charge", Leg.REPLY)
    assert "What the shop does" not in player.picture.value
    player.rows[0].buttons[LOSE].click()
    assert player.position.case.survived
    assert player.picture.value.count("What the shop does about it") == 1
    assert "What the shop does about it: orders → payment.charge<" in player.picture.value


# --- the repaired one cannot be beaten -----------------------------------------------------------


def repaired(moves: tuple[Move, ...]) -> Position:
    return play(by_saga, moves, shop=ShopWithLog, restart=resume)  # type: ignore[arg-type]


def harm(position: Position) -> Iterator[Move]:
    for message in position.under_way:
        yield from filter(None, (message.hold, message.lose, message.double))
    if position.kill is not None:
        yield position.kill


def beaten_by(moves: tuple[Move, ...], most: int, clicks: int, tried: set[str]) -> str | None:
    """The replay string of a run in which the repaired saga lies, by at most so many more moves."""
    position = repaired(moves)
    if not position.case.survived:
        return position.case.replay
    if not clicks:
        return None
    lets = [message.let for message in position.under_way if message.let is not None]
    follow = [*lets, *(harm(position) if len(decisions_of(moves)) < most else ())]
    for move in follow:
        after = (*moves, move)
        name = f"{decisions_of(after)} {sorted(one.lets for one in after)}"
        if name not in tried:
            tried.add(name)
            if found := beaten_by(after, most, clicks - 1, tried):
                return found
    return None


def test_no_three_moves_beat_the_repaired_saga() -> None:
    assert beaten_by((), most=3, clicks=3, tried=set()) is None


@pytest.mark.slow
def test_no_single_harm_at_any_moment_beats_the_repaired_saga() -> None:
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 5000))
    assert beaten_by((), most=1, clicks=EVERYTHING, tried=set()) is None


def test_what_is_no_game_is_refused() -> None:
    with pytest.raises(ValueError, match="at_most must be 9 at most; got 10"):
        play_the_network(by_lesson, at_most=10)
    with pytest.raises(ValueError, match="at_most must be 1 or more; got 0"):
        play_the_network(by_lesson, at_most=0)


def test_it_speaks_japanese() -> None:
    language("ja")
    try:
        player = lessons_saga()
        player.rows[0].buttons[LET].click()
        assert "在庫サービス" in player.rows[0].words.value
        assert not any("Let" in button.description for button in player.rows[0].buttons)
    finally:
        language("en")
