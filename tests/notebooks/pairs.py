"""Which Japanese text belongs to which English one: ``python tests/notebooks/pairs.py``.

``pairs.json`` keeps, for every markdown cell, a short hash of both sides as they were when
somebody last read them side by side. When one side changes afterwards and the other does not, the
other is stale, and ``test_notebooks.py`` says which. Run this file after reading both again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
RECORD = Path(__file__).with_name("pairs.json")

Hashes = dict[str, dict[str, dict[str, str]]]
"""For each notebook, for each markdown cell, a hash for ``"en"`` and one for ``"ja"``."""


def cells(language: str, name: str) -> list[dict]:
    path = NOTEBOOKS / language / f"{name}.ipynb"
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def now() -> Hashes:
    """The hashes of the notebooks as they are."""
    found: Hashes = {}
    for language in ("en", "ja"):
        for path in sorted((NOTEBOOKS / language).glob("*.ipynb")):
            for cell in cells(language, path.stem):
                if cell["cell_type"] == "markdown":
                    text = "".join(cell["source"])
                    short = hashlib.sha256(text.encode()).hexdigest()[:12]
                    found.setdefault(path.stem, {}).setdefault(cell["id"], {})[language] = short
    return found


def recorded() -> Hashes:
    return json.loads(RECORD.read_text(encoding="utf-8"))


def complaints(before: Hashes, after: Hashes) -> list[str]:
    """One sentence for every cell whose sides may no longer say the same."""
    found = []
    for name, cells_now in after.items():
        for cell_id, sides in cells_now.items():
            known = before.get(name, {}).get(cell_id, {})
            changed = [side for side in ("en", "ja") if sides.get(side) != known.get(side)]
            where = f"{name}, cell {cell_id!r}"
            if len(changed) == 1:
                stale = "ja" if changed == ["en"] else "en"
                found.append(f"{where}: {changed[0]} has changed, so {stale} may be stale")
            elif changed:
                found.append(f"{where}: both have changed; read them side by side and record it")
    return found


if __name__ == "__main__":
    RECORD.write_text(json.dumps(now(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"recorded {sum(map(len, now().values()))} cells")
