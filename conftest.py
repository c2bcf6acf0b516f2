"""No test touches the progress of whoever runs it, and what says the same twice is slow."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

os.environ["LESSONKIT_QUIET"] = "1"  # a slow machine shows no more than a quick one
_FOLDER = tempfile.mkdtemp()
os.environ["LESSONKIT_PROGRESS"] = str(Path(_FOLDER) / "progress.json")


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    shutil.rmtree(_FOLDER)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the Japanese notebooks as slow.

    Their code is that of the English ones (tests/notebooks compares it).
    """
    japanese = Path(__file__).parent / "notebooks" / "ja"
    for item in items:
        if item.path.is_relative_to(japanese) and item.path.stem != "00-start":
            item.add_marker("slow")
