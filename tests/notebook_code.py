"""Run chosen cells of a notebook: what the learner sees is what the tests and benchmarks try."""

from __future__ import annotations

import json
import linecache
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def namespace(name: str, *cell_ids: str) -> dict[str, Any]:
    """What these cells of the English notebook ``name`` define, executed in this order.

    Raises
    ------
    KeyError
        If there is no such cell.
    """
    text = (NOTEBOOKS / "en" / f"{name}.ipynb").read_text(encoding="utf-8")
    source = {cell["id"]: "".join(cell["source"]) for cell in json.loads(text)["cells"]}
    # Its classes want to be found by the name of their module. And dont_inherit: this file's
    # "annotations" import is not the notebook's.
    module = sys.modules[name] = ModuleType(name)
    for cell_id in cell_ids:
        file = cell_file(name, cell_id, source[cell_id])
        code = compile(source[cell_id], file, "exec", dont_inherit=True)
        exec(code, module.__dict__)
    return vars(module)


def cell_file(name: str, cell_id: str, source: str) -> str:
    """The name of a cell's file, such that a cell can read its own functions."""
    file = f"<{name}: {cell_id}>"
    linecache.cache[file] = 0, None, source.splitlines(keepends=True), file
    return file
