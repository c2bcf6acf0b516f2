"""Play something on a real part, and beside it what was measured before.

Where the part cannot be started, one sentence says why.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from lessonkit.course.real_parts.stored import Counted, day, measured
from lessonkit.course.real_parts.views import figures
from lessonkit.lab import Picture
from lessonkit.messages import _
from lessonkit.words import escape

VARIABLE: Final = "LESSONKIT_REAL"
"""``off``: start nothing."""


def beside_before(part: str, play: Callable[[], Counted]) -> Picture:
    """The figures that ``play`` finds on this machine, and below them the stored ones."""
    before = _("Measured before, on {day}:").format(day=day(part))
    return Picture(_here(part, play), f"<p>{escape(before)}</p>", figures(part, measured(part)))


def _here(part: str, play: Callable[[], Counted]) -> str:
    from lessonkit.real.extra import ExtraMissing
    from lessonkit.real.server import ServerUnavailable

    if os.environ.get(VARIABLE) == "off":
        return _paragraph(_("Nothing was started: {variable} is off.").format(variable=VARIABLE))
    if sys.platform == "emscripten":
        return _paragraph(_("Nothing was started: a browser cannot run servers."))
    try:
        # On a thread of its own: the kernel's has a running event loop already.
        with ThreadPoolExecutor(1) as pool:
            counted = pool.submit(play).result()
    except ExtraMissing:
        return _paragraph(
            _(
                "Nothing was started: the real parts are not installed on this machine"
                ' (pip install -e ".[real]").'
            )
        )
    except ServerUnavailable as error:
        return _paragraph(_("Nothing was started: {why}.").format(why=error))
    lead = _("Just now, on this machine:")
    return f"<p>{escape(lead)}</p>{figures(part, counted)}"


def _paragraph(words: str) -> str:
    return f"<p>⊘ {escape(words)}</p>"
