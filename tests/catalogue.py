"""The message catalogue: ``python tests/catalogue.py`` brings it up to date and compiles it.

Every text that a learner sees on screen is English in the code, marked with ``_``, ``tr`` or
``N_``, or stands in a ``.toml`` file. New ones arrive in the .po file without a
translation (a test fails until somebody writes one), and those that nobody uses any more leave it.
"""

from __future__ import annotations

import io
import json
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
KEYWORDS = {"_": None, "tr": None, "N_": None, "pgettext": ((1, "c"), 2), "Advice": (2,)}
NO_TEXTS = {
    *("notebook", "grade", "point", "asks", "starter", "answer", "code"),
    *("when", "breaks", "struck", "reply_lost", "refused", "called", "done_wrong"),
    *("steps", "methods", "call", "calls", "down_for", "times_as_slow"),
    *("operation", "listeners", "again", "at_once", "cancelled", "afterwards"),
    *("kind", "value", "values", "low", "high", "step", "events"),
}
"""Of what the ``.toml`` files say, that which nobody translates."""

Key = tuple[str | None, str]
"""The context of a message (mostly None) and its English text."""


def po_path(language: str) -> Path:
    return ROOT / "lessonkit" / "locale" / language / "LC_MESSAGES" / "lessonkit.po"


def used() -> set[Key]:
    """Every message in the package and in the notebooks' code."""
    found = {key for source in _sources() for key in _messages(source)}
    for path in (ROOT / "lessonkit").rglob("*.toml"):
        found |= {(None, text) for text in _texts(tomllib.loads(path.read_text(encoding="utf-8")))}
    return found


def _texts(told: dict[str, Any]) -> Iterator[str]:
    """The texts; of a quiz the options, too, which are keys; of presets nothing but the keys."""
    for key, value in told.items():
        if key == "presets":
            yield from value
        elif isinstance(value, dict):
            yield from value if key == "options" else ()
            yield from _texts(value)
        elif key not in NO_TEXTS:
            for one in value if isinstance(value, list) else [value]:
                yield from _texts(one) if isinstance(one, dict) else [one]


def _sources() -> Iterator[str]:
    for path in sorted((ROOT / "lessonkit").rglob("*.py")):
        yield path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "notebooks").glob("??/*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                yield "".join(cell["source"])


def _messages(source: str) -> Iterator[Key]:
    for _line, message, _comments, context in extract(
        "python", io.BytesIO(source.encode()), keywords=KEYWORDS
    ):
        yield (context, message if isinstance(message, str) else message[-1])


def read(language: str) -> Catalog:
    with po_path(language).open("rb") as file:
        catalogue = read_po(file, locale=language)
    # Babel would write the time of day into the compiled file.
    catalogue.creation_date = catalogue.revision_date = datetime(2000, 1, 1, tzinfo=UTC)
    return catalogue


def compiled(catalogue: Catalog) -> bytes:
    """What the .mo file must hold."""
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def update(language: str) -> None:
    old = read(language)
    # No dates in the header: the same messages give the same file.
    fresh = Catalog(locale=language, fuzzy=False)
    for context, text in sorted(used(), key=lambda key: (key[1], key[0] or "")):
        known = old.get(text, context)
        fresh.add(text, known.string if known else "", context=context)
    buffer = io.BytesIO()
    write_po(buffer, fresh, omit_header=True, width=0)
    header = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {language}\\n"\n'
        '"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n\n'
    )
    path = po_path(language)
    path.write_text(header + buffer.getvalue().decode().lstrip("\n"), encoding="utf-8")
    path.with_suffix(".mo").write_bytes(compiled(read(language)))
    missing = [message.id for message in read(language) if message.id and not message.string]
    print(f"{language}: {len(used())} messages, {len(missing)} without a translation")
    for text in missing:
        print(f"  {text}")


if __name__ == "__main__":
    update("ja")
