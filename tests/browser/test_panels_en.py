"""Each English notebook runs in a real browser, and every panel moves."""

from __future__ import annotations

import pytest

from tests.browser.pages import Open
from tests.browser.panels import NAMES, run_it_and_move_every_panel


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_and_every_panel_moves(open_notebook: Open, name: str) -> None:
    run_it_and_move_every_panel(open_notebook, "en", name)
