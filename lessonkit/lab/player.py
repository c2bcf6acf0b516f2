"""The player: the learner is the network, and tries to make a shop lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import ipywidgets as widgets

from lessonkit.checks import whole_number
from lessonkit.explorer import Restart, Scenario
from lessonkit.explorer.decision import GIVES_UP
from lessonkit.explorer.game import Move, Position, UnderWay, decisions_of, play
from lessonkit.explorer.search import MOST_AT_ONCE
from lessonkit.lab.button import plain_button
from lessonkit.lab.picture import in_phrases
from lessonkit.lab.said import in_ms
from lessonkit.lab.still import StillBox
from lessonkit.lab.svg import GREEN, RED
from lessonkit.lab.timeline import timeline
from lessonkit.lab.views import replay_words, shop_view
from lessonkit.luck import Leg
from lessonkit.messages import N_, _, service_name
from lessonkit.shop import Shop
from lessonkit.words import escape, together

_WORDS = {
    Leg.EFFECT: N_("request {what}, to {process}"),
    Leg.REPLY: N_("reply to {what}, to {process}"),
    Leg.EVENT: N_("event {what}, to {process}"),
    Leg.NO_REPLY: N_("{process} gives up waiting for {what}"),
    Leg.TIMER: N_("{process} ends a wait"),
}
_GIVES_UP = N_("{process} reaches its time limit")
_DUE, _HELD = N_("{message} (due at {ms} ms)"), N_("{message} (held back)")


class _Row:
    """One message under way with its four buttons. Rows are used again: the focus stays put."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.words = widgets.HTML(layout=player.cell)
        names = _("Let it come"), _("Hold it back"), _("Lose it"), _("Double it")
        self.buttons = [
            player.button(name, partial(self._press, number)) for number, name in enumerate(names)
        ]
        self.moves: tuple[Move | None, ...] = ()
        # The buttons come first: so they stand below each other, and stay where the pointer is.
        self.box = widgets.Box(
            [*self.buttons, self.words], layout=widgets.Layout(align_items="center")
        )

    def _press(self, number: int) -> None:
        self.player.do(self.moves[number])

    def show(self, message: UnderWay | None, unlucky: bool) -> None:
        self.box.layout.display = "none" if message is None else ""
        if message is None:
            return
        words = _words_of(message)
        self.words.value = in_phrases(together(escape(words)))
        bad = (message.hold, message.lose, message.double)
        self.moves = (message.let, *(bad if unlucky else (None, None, None)))
        for move, button in zip(self.moves, self.buttons, strict=True):
            button.disabled = move is None
            button.tooltip = words  # a screen reader says which message it is


class Player(StillBox):
    """The messages under way, what can be done to each, and the picture of what came of it.

    Made by :func:`play_the_network`.

    Attributes
    ----------
    moves
        What the learner has done so far.
    position
        Where that has led to.
    """

    def __init__(self, play: Callable[[tuple[Move, ...]], Position], at_most: int) -> None:
        self._play = play
        self.at_most = at_most
        self.cell = widgets.Layout(flex="1 1 auto", width="auto", min_width="0")
        self._wide = widgets.Layout(width="auto", flex="0 0 auto")
        self._rows: list[_Row] = []
        self.target = widgets.HTML(layout=self._wide)
        self._list = widgets.VBox(layout=self._wide)
        self.kill = self.button(_("Kill the process"), lambda: self.do(self.position.kill))
        self.rest = self.button(_("Let all the rest come"), lambda: self.do(Move("end")))
        self.back = self.button(_("One step back"), self.undo, "undo")
        self.anew = self.button(_("From the start"), self.start, "refresh")
        row = widgets.Layout(flex_flow="row wrap", margin="6px 0")
        tools = widgets.Box([self.kill, self.rest, self.back, self.anew], layout=row)
        self.picture = widgets.HTML(layout=self._wide)
        self._show()
        shown = [self.target, self.picture]
        parts = [self.target, self._list, tools, self.picture]
        super().__init__(parts, shown, "Player", layout=widgets.Layout(overflow="visible"))

    def button(self, words: str, action: Callable[[], None], icon: str = "") -> widgets.Button:
        """Make one of the player's buttons."""
        return plain_button(words, action, icon, self._wide)

    @property
    def rows(self) -> Sequence[_Row]:
        """The rows of the messages under way, the next one first."""
        return self._rows[: len(self.position.under_way)]

    @property
    def replay(self) -> str:
        """What has gone wrong so far, as :func:`lessonkit.explorer.replay` takes it."""
        return self.position.case.replay

    def do(self, move: Move | None) -> None:
        """Make a move that the position offers; None is none."""
        if move is not None:
            self._show(*self.moves, move)

    def undo(self) -> None:
        """Take the last move back."""
        self._show(*self.moves[:-1])

    def start(self) -> None:
        """Take all moves back."""
        self._show()

    def _show(self, *moves: Move) -> None:
        self.moves = moves
        self.position = position = self._play(moves)
        used = len(decisions_of(self.moves))
        unlucky = used < self.at_most
        while len(self._rows) < len(position.under_way):
            self._rows.append(_Row(self))
            self._list.children = tuple(row.box for row in self._rows)
        none: list[None] = [None] * len(self._rows)
        for row, message in zip(self._rows, [*position.under_way, *none], strict=False):
            row.show(message, unlucky)
        self.kill.disabled = position.kill is None or not unlucky
        self.rest.disabled = position.over
        self.back.disabled = self.anew.disabled = not self.moves
        self.target.value = in_phrases(self._target(used))
        self.picture.value = in_phrases("".join(self._seen()))

    def _target(self, used: int) -> str:
        words = _("Make this shop lie. You may do harm {most} times; so far: {used}.")
        asked = words.format(most=self.at_most, used=used)
        said, colour = "", GREEN
        if not self.position.case.survived:
            said, colour = "✗ " + _("Done: the shop lies. What the audit finds stands below."), RED
        elif used and self.position.over:
            said = "✓ " + _("The shop has stayed honest. Take a step back, or start again.")
        elif used:
            said = "✓ " + _("So far, that does the shop no harm: see below what the audit finds.")
        now = _("Now: {ms} ms.").format(ms=in_ms(self.position.now))
        return (
            f"<div><b>{escape(asked)}</b> {escape(now)}</div>"
            f'<div role="status" style="color: {colour}"><b>{escape(said)}</b></div>'
        )

    def _seen(self) -> list[str]:
        case, now = self.position.case, None
        heading = _("It is over. What the audit finds:")
        if not self.position.over:
            heading = _("If nothing else goes wrong, the audit will find this:")
            now = self.position.now
        picture = timeline(self.position.trace, at=now)
        seen = [picture, f"<div><b>{escape(heading)}</b></div>"]
        if case.decisions:
            seen.append(f"<div>{escape(case.title)}</div>")
        seen.append(shop_view(case.shop))
        if case.decisions:
            for call in self.position.answered():
                words = _("What the shop does about it: {call}")
                seen.append(f"<div>• {escape(words.format(call=call))}</div>")
            seen.append(f"<div>{replay_words(case)}</div>")
        return seen


def _words_of(message: UnderWay) -> str:
    gives_up = message.leg is Leg.TIMER and message.what == GIVES_UP
    words = _(_GIVES_UP if gives_up else _WORDS[message.leg])
    said = words.format(what=message.what, process=service_name(message.process))
    if message.held:
        return _(_HELD).format(message=said)
    return _(_DUE).format(message=said, ms=in_ms(message.due))


def play_the_network(
    scenario: Scenario,
    *,
    shop: Callable[..., Shop] = Shop,
    restart: Restart | None = None,
    at_most: int = 4,
) -> Player:
    """Let the learner be the network: deliver, hold back, lose and double messages, and kill.

    Parameters
    ----------
    scenario, shop, restart
        As in :func:`~lessonkit.explorer.explore`.
    at_most
        How many times the learner may do harm; 1 to 9. To let a message come is none.

    Raises
    ------
    TypeError, ValueError
        If ``at_most`` is no such number.
    Exception
        What the scenario raises, unless it is a :class:`~lessonkit.shop.ShopError` or a timeout.
    """
    if whole_number("at_most", at_most, low=1) > MOST_AT_ONCE:
        raise ValueError(f"at_most must be {MOST_AT_ONCE} at most; got {at_most!r}")
    return Player(lambda moves: play(scenario, moves, shop=shop, restart=restart), at_most)
