"""What axe-core says of a panel, a picture, a guess, an exercise, a quiz and the player.

Only what is ours: not JupyterLab's frame, nor the inside of an ipywidgets control.
"""

from __future__ import annotations

import json

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe

from lessonkit.course.message_brokers import which_broker
from tests.browser.pages import Lab, Open

OURS = ("setup-language", "setup", "just-call-code", "guess-slow-mail", "first-panel")
OURS += ("counterexample", "exercise-shorter_wait", "map-table", "five-real")
BAD = """
from IPython.display import HTML

HTML('<button></button><div role="img" style="height:9px"></div>')
"""
# noUiSlider and the windows of a notebook are not ours.
NOT_OURS = [".noUi-target", ".jp-InputArea", ".jp-InputPrompt", ".jp-OutputPrompt"]


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "ja"])
def test_axe_finds_nothing_that_is_ours(open_notebook: Open, lab: Lab, language: str) -> None:
    book = nbformat.read(lab.root / f"notebooks/{language}/00-start.ipynb", as_version=4)
    book.cells = [cell for cell in book.cells if cell.id in OURS]
    book.cells.append(nbformat.v4.new_code_cell(which_broker.cell, id="quiz"))
    book.cells.append(nbformat.v4.new_code_cell(PLAYER, id="player"))
    book.cells.append(nbformat.v4.new_code_cell(BAD, id="bad"))
    nbformat.write(book, lab.root / f"notebooks/{language}/axe.ipynb")
    notebook = open_notebook(language, "axe")
    notebook.run_all()
    complaints = {}
    for cell in book.cells:
        if cell.cell_type == "code" and not cell.id.startswith("setup"):
            place = notebook.cell(cell.id)
            place.locator(".jp-OutputArea-output").first.wait_for()
            number = place.get_attribute("data-windowed-list-index")
            outputs = f'.jp-Cell[data-windowed-list-index="{number}"] .jp-OutputArea-output'
            found = Axe().run(
                notebook.page, context={"include": [[outputs]], "exclude": [[n] for n in NOT_OURS]}
            )
            for rule in found.response["violations"]:
                nodes = [node["html"][:160] for node in rule["nodes"]]
                complaints[f"{cell.id}: {rule['id']}"] = nodes[:3]
    seen = {complaints.popitem()[0] for _ in range(2)}  # so axe does look
    assert seen == {"bad: button-name", "bad: role-img-alt"}
    assert not complaints, json.dumps(complaints, indent=1, ensure_ascii=False)


PLAYER = """
from lessonkit import Order
from lessonkit.lab import play_the_network


def chain(shop):
    async def create_order(command):
        await shop.inventory.reserve(command.items, command.order_id)
        payment = await shop.payment.charge(command.total, "card", command.order_id)
        order = Order.create(command, payment.transaction_id)
        await shop.database.save(order)
        return order

    return shop.place_order(create_order)


play_the_network(chain)
"""
