"""What a scene returns, as widgets: text as it is, a run on a stage; and the same side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

import ipywidgets as widgets
from traitlets import Unicode

from lessonkit.explorer import Case
from lessonkit.lab.picture import in_phrases
from lessonkit.lab.stage import Stage
from lessonkit.lab.tiles import mark_differences
from lessonkit.lab.timeline import WIDTH
from lessonkit.messages import _
from lessonkit.shop import Shop, audit
from lessonkit.trace import Trace
from lessonkit.words import clean, escape


@dataclass(frozen=True)
class Audited:
    """A run of a shop: what the auditor complains of afterwards is marked where it happened."""

    trace: Trace
    shop: Shop


Part = str | Trace | Audited | Case
"""SVG or HTML, or a run."""

NARROW = 560
"""Pixels of a run's picture where two stand side by side."""

Said = Sequence[tuple[str, str]]
"""For each control its label, and its value in words."""


class Parts(widgets.VBox):
    """Parts, one below the other. The stages stay when other parts come: their moments, too.

    Attributes
    ----------
    value
        All that is shown, as HTML.
    """

    value = Unicode()

    def __init__(self, title: str | None = None) -> None:
        self.title = title
        self.texts = [_html()]  # one before each stage, and one after the last
        self.stages: list[Stage] = []
        self._runs: dict[Stage, Trace | Audited | Case] = {}
        super().__init__(self.texts, layout=widgets.Layout(width="100%", overflow="visible"))

    def show(self, parts: Sequence[Part], width: float = WIDTH) -> None:
        """Show these instead; the runs in this width."""
        texts, runs = [""], []
        for part in parts:
            if isinstance(part, str):
                texts[-1] += in_phrases(part)
            else:
                runs.append(part)
                texts.append("")
        self.texts += [_html() for _more in texts[len(self.texts) :]]
        while len(self.stages) < len(runs):
            self.stages.append(self._new_stage())
        with self.hold_trait_notifications():  # one change, not one for each part
            for widget, text in zip(self.texts, texts, strict=False):
                widget.value = clean(text)
            for stage, run in zip(self.stages, runs, strict=False):
                # What is on the stage already is not drawn again.
                if run is not self._runs.get(stage) or width != stage.width:
                    self._runs[stage] = run
                    stage.width = width
                    if isinstance(run, Trace):
                        stage.show(run)
                    elif isinstance(run, Audited):
                        stage.show(run.trace, complaints=audit(run.shop))
                    else:
                        replay = run.replay if run.decisions else ""
                        stage.show(run.run.trace, replay, run.violations)
            shown = zip_longest(self.texts[: len(texts)], self.stages[: len(runs)])
            self.children = [widget for widget in chain(*shown) if widget is not None]
            self._note()

    def _new_stage(self) -> Stage:
        stage = Stage(title=self.title)
        # The box around it says for all of it that the cell must be run to move it.
        stage.remove_class(f"live-{stage.name}")
        stage.picture.observe(lambda _change: self._note(), "value")
        return stage

    def _note(self) -> None:
        pictures = (getattr(widget, "picture", widget) for widget in self.children)
        self.value = "".join(picture.value for picture in pictures)


class SideBySide(widgets.Box):
    """What is shown now, and beside it what was kept: where they differ is marked.

    Attributes
    ----------
    value
        All that is shown, as HTML.
    """

    value = Unicode()

    def __init__(self) -> None:
        self.now, self.kept = Parts(), Parts(_("The run that was kept"))
        self.head_of_now, self.head_of_kept = _html(), _html()
        self._now: tuple[Sequence[Part], Said] = [], []
        self._kept: tuple[Sequence[Part], Said] = [], []
        half = widgets.Layout(flex=f"1 1 {NARROW}px", min_width="0", overflow="visible")
        pairs = (self.head_of_now, self.now), (self.head_of_kept, self.kept)
        self._halves = [widgets.VBox(pair, layout=half) for pair in pairs]
        look = widgets.Layout(flex_flow="row wrap", overflow="visible", grid_gap="8px 24px")
        super().__init__([self.now], layout=look)
        for half in (self.now, self.kept):
            half.observe(lambda _change: self._note(), "value")

    def show(self, parts: Sequence[Part], said: Said) -> None:
        """Show these parts, to which controls that say this have led."""
        self._now = parts, said
        self._draw()

    def keep(self) -> None:
        """Show what is shown now beside all that comes, until something else is kept."""
        self._kept = self._now
        self.children = self._halves
        self._draw()
        for then, now in zip(self.kept.stages, self.now.stages, strict=False):
            then.slider.value = now.slider.value

    def drop(self) -> None:
        """Keep nothing any longer."""
        self.children = [self.now]
        self._draw()

    def _draw(self) -> None:
        (now, said), (kept, said_then) = self._now, self._kept
        with self.hold_trait_notifications():
            if len(self.children) == 1:
                self.now.show(now)
            else:
                self.head_of_now.value = _head(_("Now"), said, said_then)
                self.head_of_kept.value = _head(_("Kept"), said_then, said)
                self.now.show(_marked(now, kept), NARROW)
                self.kept.show(_marked(kept, now), NARROW)
            self._note()

    def _note(self) -> None:
        shown = [self.now]
        if len(self.children) > 1:
            shown = [self.head_of_now, self.now, self.head_of_kept, self.kept]
        self.value = "".join(widget.value for widget in shown)


def _html() -> widgets.HTML:
    return widgets.HTML(layout=widgets.Layout(width="auto"))


def _marked(parts: Sequence[Part], others: Sequence[Part]) -> list[Part]:
    other = "".join(part for part in others if isinstance(part, str))
    return [mark_differences(part, other) if isinstance(part, str) else part for part in parts]


def _head(name: str, said: Said, otherwise: Said) -> str:
    values = "".join(
        f'<span style="display:inline-block;margin-left:14px">{escape(label)}: '
        f"<b>{escape(value)}</b></span>"
        for (label, value), other in zip(said, otherwise, strict=True)
        if (label, value) != other
    )
    look = "border-bottom:1px solid;line-height:1.6;margin-top:8px"
    return f'<div style="{look}"><b>{escape(name)}</b>{values}</div>'
