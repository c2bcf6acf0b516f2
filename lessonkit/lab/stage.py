"""One run, and what a learner drives it with: its moment moves, and nothing is played again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import ipywidgets as widgets

from lessonkit.lab.button import plain_button
from lessonkit.lab.layout import Moment, events
from lessonkit.lab.picture import on_paper
from lessonkit.lab.plan import first_of
from lessonkit.lab.still import StillBox
from lessonkit.lab.svg import round_step
from lessonkit.lab.timeline import WIDTH, Drawing
from lessonkit.messages import _
from lessonkit.shop.audit import Violation
from lessonkit.trace import Trace
from lessonkit.words import clean

NEAR = 1e-9
"""A nanosecond, in seconds: a slider in milliseconds misses a moment by less."""

SHOW, SLOWEST, QUICKEST = 15_000, 1000, 400
"""Play takes so long for the whole run, and for each event: milliseconds. No flicker."""


class Stage(StillBox):
    """The picture of a run, with buttons that go from event to event and a slider of the moment.

    Parameters
    ----------
    trace
        The run.
    replay
        The string that brings it back, for the learner to copy.
    title
        What a screen reader calls the picture.

    Attributes
    ----------
    width
        Pixels of the drawing from the next one on.
    moments
        When something happens, in seconds, and the how-manieth thing it is: the start, every event
        that is drawn, the end. By time, what happens at one moment is one step; by order, each
        event is.
    """

    def __init__(
        self, trace: Trace | None = None, *, replay: str = "", title: str | None = None
    ) -> None:
        self.title = title
        self.width = WIDTH
        self.moments: list[Moment] = [(0.0, 0)]
        self.number = 0
        self._held = False
        # Play's own buttons are icons without a name. It stays out of sight and only beats the time
        # (in the browser: the kernel has nothing to do meanwhile); a button with a name starts it.
        self.beat = widgets.Play(layout=widgets.Layout(display="none"))
        self.beat.observe(lambda _change: self._follow(), "value")
        self.beat.observe(lambda _change: self._name_the_button(), "playing")
        self.play = plain_button("", self._play_or_pause)
        self._name_the_button()
        # Not while it is dragged: the browser would send each value that it gets from here back.
        self.slider = widgets.FloatSlider(
            description=_("Moment (ms)"),
            continuous_update=False,
            style={"description_width": "initial"},
            layout=widgets.Layout(flex="1 1 300px", max_width="46em"),
        )
        self.slider.observe(lambda _change: self._slide(), "value")
        # Not toggle buttons: those say neither to the eye, at first, nor to a screen reader which
        # of them is on.
        self.scale = widgets.Dropdown(
            options=[
                (_("what reads better"), ""),  # None would mean that nothing is chosen
                (_("by time"), "time"),
                (_("by order"), "order"),
            ],
            description=_("Scale"),
            style={"description_width": "initial"},
            layout=widgets.Layout(width="auto", margin="2px 2px 2px 12px"),
        )
        self.picture = widgets.HTML(layout=widgets.Layout(width="auto"))
        self.file = widgets.HTML()
        self.replay = widgets.Text(
            description=_("Replay string"),
            style={"description_width": "initial"},
            layout=widgets.Layout(flex="1 1 200px", max_width="46em"),
        )
        self.scale.observe(
            lambda _change: self.show(self.trace, self.replay.value, self.complaints), "value"
        )
        row = widgets.Layout(flex_flow="row wrap", align_items="center")
        driven_by = [
            plain_button(_("Step back"), lambda: self.step(-1), icon="step-backward"),
            self.play,
            plain_button(_("Step forward"), lambda: self.step(1), icon="step-forward"),
            self.slider,
            self.scale,
            self.beat,
        ]
        super().__init__(
            [
                widgets.Box(driven_by, layout=row),
                self.picture,
                widgets.Box([self.file, self.replay], layout=row),
            ],
            [self.picture],
            "Stage",
            layout=widgets.Layout(overflow="visible"),
        )
        self.show(trace or Trace(), replay)

    def show(self, trace: Trace, replay: str = "", complaints: Sequence[Violation] = ()) -> None:
        """Put another run on the stage; the moment stays, as far as the run has it."""
        at_the_end, before = self.at_the_end, self.slider.value
        self.complaints = complaints
        self.trace = trace
        scale = self.scale.value or None
        self._drawing = Drawing(trace, scale, self.width, self.title, complaints)
        self.moments = _moments(trace, by_order=self._drawing.by_order)
        end = self.moments[-1][0] * 1000
        with self._quietly():
            self.beat.playing = False
            self.beat.max = len(self.moments) - 1
            self.beat.interval = min(max(SHOW // len(self.moments), QUICKEST), SLOWEST)
            self.slider.max = max(end, 1.0)  # a slider needs a way to go, even if no time passes
            self.slider.step = round_step(self.slider.max, 100)
            self.slider.readout_format = ",.0f" if self.slider.step >= 1 or not end else ",.1f"
            self.slider.value = end if at_the_end else min(before, end)
        self.replay.value = replay
        self.replay.layout.display = None if replay else "none"
        self._slide()

    @property
    def at(self) -> float:
        """The moment that is shown, in seconds."""
        return float(self.slider.value) / 1000

    @property
    def at_the_end(self) -> bool:
        """Whether nothing happens after the moment."""
        return self.number == len(self.moments) - 1 and self.at + NEAR >= self.moments[-1][0]

    def step(self, by: int) -> None:
        """Go to the next thing that happens; with -1 to the last one before."""
        between = self.at > self.moments[self.number][0] + NEAR
        self._go_to(self.number + by + (between and by < 0))

    def _go_to(self, number: int) -> None:
        self.number = min(max(number, 0), len(self.moments) - 1)
        with self._quietly():
            self.slider.value = self.moments[self.number][0] * 1000
        self._draw()

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """What the widgets get from here, they need not tell."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def _slide(self) -> None:
        """The slider says a moment; all that happens at it has happened."""
        if not self._held:
            self.number = bisect_right(self.moments, (self.at + NEAR, 0)) - 1
            self._draw()

    def _play_or_pause(self) -> None:
        self.beat.playing = not self.beat.playing

    def _name_the_button(self) -> None:
        playing = self.beat.playing
        self.play.description = _("Pause") if playing else _("Play")
        self.play.icon = "pause" if playing else "play"

    def _follow(self) -> None:
        # When the slider moves, the beat is told; only when it plays, it tells the slider.
        if self.beat.playing and not self._held:
            self._go_to(self.beat.value)

    def _draw(self) -> None:
        with self._quietly():
            self.beat.value = self.number
        time, step = self.moments[self.number]
        if self.at_the_end:  # the column says so, instead of a number of milliseconds
            drawing = self._drawing.at(None)
        else:  # between two events, all that happens by then has happened
            here = self.at <= time + NEAR
            drawing = self._drawing.at(self.at + NEAR, step if here else None)
        self.picture.value = drawing = clean(drawing)
        words = _("Save as SVG")
        look = "text-decoration:underline;margin-right:18px"
        link = f'download="run.svg" href="{on_paper(drawing)}"'
        self.file.value = f'<a style="{look}" {link}>{words}</a>'


def _moments(trace: Trace, *, by_order: bool) -> list[Moment]:
    found = sorted({(round(time, 9), step) for time, step in events(first_of(trace))})
    end = round(trace.end_time, 9), found[-1][1] if found else 0
    found = sorted({(0.0, 0), *found, end})
    return found if by_order else [(time, step) for time, step in dict(found).items()]
