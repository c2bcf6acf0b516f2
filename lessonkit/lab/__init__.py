"""What a learner sees and touches: panels, the timeline, number tiles and charts."""

from lessonkit.lab import charts as charts
from lessonkit.lab.button import button as button
from lessonkit.lab.controls import choice as choice
from lessonkit.lab.controls import milliseconds as milliseconds
from lessonkit.lab.controls import probability as probability
from lessonkit.lab.controls import seed as seed
from lessonkit.lab.controls import toggle as toggle
from lessonkit.lab.controls import whole as whole
from lessonkit.lab.flow import flow_view as flow_view
from lessonkit.lab.panel import PanelSpec as PanelSpec
from lessonkit.lab.panel import panel as panel
from lessonkit.lab.panel import spec as spec
from lessonkit.lab.parts import Audited as Audited
from lessonkit.lab.picture import Mermaid as Mermaid
from lessonkit.lab.picture import Picture as Picture
from lessonkit.lab.player import play_the_network as play_the_network
from lessonkit.lab.rows import outbox_rows as outbox_rows
from lessonkit.lab.rows import saga_row as saga_row
from lessonkit.lab.rows import state_row as state_row
from lessonkit.lab.tiles import tiles as tiles
from lessonkit.lab.timeline import timeline as timeline
from lessonkit.lab.views import bus_log as bus_log
from lessonkit.lab.views import case_books as case_books
from lessonkit.lab.views import case_view as case_view
from lessonkit.lab.views import shop_view as shop_view
from lessonkit.lab.views import table as table
