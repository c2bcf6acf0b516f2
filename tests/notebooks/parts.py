"""What a notebook consists of: a core, and depths that stand each on its own.

The core goes from the first cell to the one called ``shown``. A depth begins with a heading whose
cell is called ``deeper-...``, and ends before the next one, or before ``closing``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAMES = sorted(path.stem for path in (NOTEBOOKS / "en").glob("*.ipynb"))

Cell = dict


@dataclass(frozen=True)
class Part:
    """The core or one depth: the id of its first cell, its heading, its cells."""

    name: str
    heading: str
    cells: list[Cell]

    @property
    def code(self) -> list[str]:
        """The ids of its code cells."""
        return [cell["id"] for cell in self.cells if cell["cell_type"] == "code"]


def cells(language: str, name: str) -> list[Cell]:
    path = NOTEBOOKS / language / f"{name}.ipynb"
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def source(cell: Cell) -> str:
    return "".join(cell["source"])


def heading(cell: Cell) -> str:
    """The first heading of a cell, without its marks; empty if there is none."""
    found = re.search(r"^#+ +(.+)$", source(cell), re.MULTILINE)
    return found[1].strip() if found else ""


def anchor(words: str) -> str:
    """How JupyterLab, GitHub and nbconvert call the place of a heading in a link."""
    return words.replace(" ", "-")


def parts(language: str, name: str) -> tuple[Part, list[Part]]:
    """The core and the depths of a notebook."""
    found = cells(language, name)
    end = [cell["id"] for cell in found].index("shown") + 1
    core = Part("core", heading(found[0]), found[:end])
    depths: list[Part] = []
    for cell in found[end:]:
        if cell["id"].startswith("deeper-"):
            depths.append(Part(cell["id"], heading(cell), [cell]))
        elif cell["id"] == "closing":
            break
        elif depths:  # what stands before the first one is the list of them
            depths[-1].cells.append(cell)
    return core, depths
