"""What a learner sees and touches: panels, the timeline, number tiles and charts."""

from lessonkit.lab import charts
from lessonkit.lab.button import button
from lessonkit.lab.controls import (
    choice,
    milliseconds,
    moment,
    probability,
    seed,
    toggle,
    whole,
)
from lessonkit.lab.flow import flow_view
from lessonkit.lab.panel import PanelSpec, panel, spec
from lessonkit.lab.picture import Mermaid, Picture
from lessonkit.lab.player import play_the_network
from lessonkit.lab.rows import outbox_rows, saga_row, state_row
from lessonkit.lab.tiles import tiles
from lessonkit.lab.timeline import timeline
from lessonkit.lab.views import bus_log, case_books, case_view, shop_view, table

__all__ = [
    "Mermaid",
    "PanelSpec",
    "Picture",
    "bus_log",
    "button",
    "case_books",
    "case_view",
    "charts",
    "choice",
    "flow_view",
    "milliseconds",
    "moment",
    "outbox_rows",
    "panel",
    "play_the_network",
    "probability",
    "saga_row",
    "seed",
    "shop_view",
    "spec",
    "state_row",
    "table",
    "tiles",
    "timeline",
    "toggle",
    "whole",
]
