"""Run the notebooks and store their outputs: ``python tests/notebooks/execute.py [NAME ...]``.

Two runs store the same bytes, and those that JupyterLab itself would write: whoever opens a
notebook and saves it changes nothing. What would differ (the random ids of widgets, the times of
day) is replaced or left out.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


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
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    asyncio.run(_run_all(client, times))
    _name_widgets(book)
    return book


async def _run_all(client: NotebookClient, times: int) -> None:
    async with client.async_setup_kernel():
        for _ in range(times):
            for number, cell in enumerate(client.nb.cells):
                await client.async_execute_cell(cell, number)
        info = await client.async_wait_for_reply(client.kc.kernel_info())
    client.nb.metadata.language_info = info["content"]["language_info"]


def _name_widgets(book: nbformat.NotebookNode) -> None:
    # What the widgets hold is not stored: JupyterLab would throw it away when it saves. A widget's
    # random name is replaced by that of its cell.
    book.metadata.pop("widgets", None)
    for cell in book.cells:
        for number, output in enumerate(cell.get("outputs", [])):
            if view := output.get("data", {}).get(WIDGET_VIEW):
                view["model_id"] = f"{cell.id}-{number}"


def main() -> None:
    for path in paths(*sys.argv[1:]):
        nbformat.write(execute(path), path)
        print(f"{path.parent.name}/{path.name}: {path.stat().st_size / 1000:,.0f} kB")


if __name__ == "__main__":
    main()
