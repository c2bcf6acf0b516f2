"""The course's tables, from wherever a notebook runs, and texts that stand beside their module."""

from __future__ import annotations

import csv
import tomllib
from functools import cache
from pathlib import Path
from typing import Any


def data_file(name: str) -> Path:
    """The table of this name: of the course that we work in, or else the one in this package.

    A notebook runs in its own folder, or where somebody has called a tool that runs it.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    here, package = Path.cwd(), Path(__file__).parent
    # A project has its tables beside the package, a wheel in it.
    for folder in (here, *here.parents[:2], package.parent, package):
        if (folder / "data" / name).is_file():
            return folder / "data" / name
    raise FileNotFoundError(f"there is no data/{name} in {here}, nor above it, nor in {package}")


def csv_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table in a file, each by its headings."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache  # a panel asks for its words at every move; nobody may change what comes back
def toml_beside(module: str, name: str) -> dict[str, Any]:
    """What the TOML file of this name says, beside a module: its ``__file__``.

    Texts are English there, and found by the catalogue without a mark.
    """
    return tomllib.loads(Path(module).with_name(name).read_text(encoding="utf-8"))
