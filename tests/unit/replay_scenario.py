"""Explores a saga and prints what came of it; test_replay.py starts it in many processes."""

from __future__ import annotations

import hashlib

from lessonkit import explore, replay
from tests.unit.saga_shop import ShopWithLog, by_saga, resume


def digest() -> str:
    """One digest of every replay string and of the trace to which it leads."""
    found = explore(by_saga, shop=ShopWithLog, restart=resume, crashes=None, twice=False)
    lines = []
    for case in found.cases[::4]:
        again = replay(case.replay, by_saga, shop=ShopWithLog, restart=resume)
        lines.append(f"{case.replay} {again.run.trace.digest()} {case.title}")
    lines.append(found.summary)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


if __name__ == "__main__":
    print(digest())
