"""Number tiles: a few figures side by side, each with what it means."""

from __future__ import annotations

import re

from lessonkit.checks import one_of
from lessonkit.lab.svg import AMBER, BLUE, GREEN, RED
from lessonkit.words import SMALL, escape

LOOKS = {"good": (GREEN, "✓ "), "bad": (RED, "✗ "), "stopped": (AMBER, "⊘ "), "plain": (BLUE, "")}
"""Colour and mark of each kind of tile: a colour alone would not reach everybody."""


def tiles(*numbers: tuple[str, str, str]) -> str:
    """Put figures side by side, as HTML.

    Parameters
    ----------
    numbers
        For each tile its label, its value (a text already), and its kind: ``"good"``, ``"bad"``,
        ``"stopped"`` (nothing came of it, which may be quite right) or ``"plain"``.

    Raises
    ------
    ValueError
        For an unknown kind.
    """
    drawn = []
    for label, value, kind in numbers:
        colour, mark = LOOKS[one_of("the kind of a tile", kind, LOOKS)]
        drawn.append(
            f'<div class="lessonkit-tile" style="border-left: 4px solid {colour}; '
            'padding: 2px 14px 2px 10px">'
            f'<div style="font-size: 1.35em; line-height: 1.3; font-weight: 600">'
            f'<span style="color: {colour}">{mark}</span>{escape(value)}</div>'
            f'<div style="{SMALL}; line-height: 1.3; opacity: 0.8">{escape(label)}</div>'
            "</div>"
        )
    return (
        '<div style="display: flex; flex-wrap: wrap; gap: 8px 18px; margin: 6px 0">'
        f"{''.join(drawn)}</div>"
    )


_TILE = re.compile('<div class="lessonkit-tile" style="(.*?</div>)</div>', re.DOTALL)


def mark_differences(html: str, other: str) -> str:
    """The same HTML, with a frame and a sign for each tile that the other HTML has not."""
    theirs = {found.group() for found in _TILE.finditer(other)}

    def marked(found: re.Match[str]) -> str:
        if found.group() in theirs:
            return found.group()
        framed = f'<div class="lessonkit-tile" style="outline: 2px dashed; {found.group(1)}'
        return f"{framed.removesuffix('</div>')} ≠</div></div>"

    return _TILE.sub(marked, html)
