"""Run the notebooks and store their outputs: ``python tests/notebooks/execute.py [NAME ...]``.

Two runs store the same bytes. What would differ (the random ids of widgets, the Python's version,
the times of day) is replaced or left out.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import tempfile
from functools import cache
from pathlib import Path

import ipywidgets as widgets
import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"


def paths(*names: str) -> list[Path]:
    """All notebooks, or those of these names, in both languages."""
    found = sorted(NOTEBOOKS.glob("??/*.ipynb"))
    return [path for path in found if not names or path.stem in names]


def execute(path: Path, *, times: int = 1) -> nbformat.NotebookNode:
    """Run a notebook in a fresh kernel, ``times`` times in a row; return it with its outputs."""
    book = nbformat.read(path, as_version=4)
    # The stored notebook is that of a learner who has solved nothing yet.
    os.environ["LESSONKIT_QUIET"] = "1"
    os.environ["LESSONKIT_PROGRESS"] = str(Path(tempfile.mkdtemp()) / "progress.json")
    client = NotebookClient(
        book,
        timeout=120,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    asyncio.run(_run_all(client, times))
    book.metadata.language_info = {"name": "python"}
    _name_widgets(book, path)
    return book


async def _run_all(client: NotebookClient, times: int) -> None:
    async with client.async_setup_kernel():
        for _ in range(times):
            client.widget_state.clear()
            for number, cell in enumerate(client.nb.cells):
                await client.async_execute_cell(cell, number)
        client.set_widgets_metadata()


def _name_widgets(book: nbformat.NotebookNode, path: Path) -> None:
    # Widgets get a random id. In the order in which they are made, they get one of ours.
    state = book.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    for model in state.values():
        # The browser knows the default values itself, and there are thousands of them.
        usual = _defaults(model["model_name"])
        kept = {key: value for key, value in model["state"].items() if value != usual.get(key)}
        model["state"] = kept
    text = nbformat.writes(book)
    for number, name in enumerate(state):
        new = hashlib.sha256(f"{path.parent.name}/{path.stem}/{number}".encode()).hexdigest()[:32]
        text = text.replace(name, new)
    renamed = nbformat.reads(text, as_version=4)
    book.cells, book.metadata = renamed.cells, renamed.metadata


@cache
def _defaults(model_name: str) -> dict[str, object]:
    todo = [widgets.Widget]
    while todo:
        kind = todo.pop()
        if kind.class_traits()["_model_name"].default_value == model_name:
            return kind().get_state()
        todo += kind.__subclasses__()
    raise LookupError(f"no widget has the model {model_name!r}")


def main() -> None:
    for path in paths(*sys.argv[1:]):
        nbformat.write(execute(path), path)
        print(f"{path.parent.name}/{path.name}: {path.stat().st_size / 1000:,.0f} kB")


if __name__ == "__main__":
    main()
