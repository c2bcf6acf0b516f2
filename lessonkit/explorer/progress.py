"""How far an exploration has come, for whoever has to wait for it."""

from __future__ import annotations

import math
import os
import sys
import time
from typing import Any

from lessonkit.messages import _

PATIENCE = 0.5
"""Seconds after which something is shown."""


QUIET = "LESSONKIT_QUIET"
"""The environment variable that turns it off: stored outputs are not to depend on the machine."""


class Progress:
    """Shows nothing in the first half-second, and takes away in the end what it has shown."""

    def __init__(self) -> None:
        self._next = math.inf if os.environ.get(QUIET) else time.monotonic() + PATIENCE
        self._handle: Any = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._handle is not None:
            self._write("")

    def show(self, depth: int, done: int, of: int, runs: int) -> None:
        """Say how many of how many are through."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + PATIENCE
            words = _("{runs} runs; {done} of {of} ({depth} at a time)")
            self._write(words.format(runs=f"{runs:,}", done=done, of=of, depth=depth))

    def _write(self, words: str) -> None:
        ipython = sys.modules.get("IPython")
        if ipython is not None and hasattr(ipython.get_ipython(), "kernel"):
            self._write_in_a_notebook(words)
        elif sys.stderr is not None and sys.stderr.isatty():
            self._handle = sys.stderr
            print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)

    def _write_in_a_notebook(self, words: str) -> None:
        from IPython.display import display

        # One output that is overwritten, and empty in the end. The mark tells it from a result.
        shown: dict[str, Any] = {"raw": True, "metadata": {"lessonkit": "progress"}}
        bundle = {"text/plain": words}
        if self._handle is None:
            self._handle = display(bundle, display_id=True, **shown)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(bundle, **shown)
