"""No test touches the home of whoever runs it; what says the same twice is slow."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

os.environ["LESSONKIT_QUIET"] = "1"  # a slow machine shows no more than a quick one
_FOLDER = tempfile.mkdtemp()
os.environ["LESSONKIT_PROGRESS"] = str(Path(_FOLDER) / "progress.json")
for _name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
    os.environ[_name] = str(Path(_FOLDER) / _name.lower())


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    shutil.rmtree(_FOLDER, ignore_errors=True)  # a kernel may just be writing its last line


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the Japanese notebooks as slow.

    Their code is that of the English ones (tests/notebooks compares it).
    """
    japanese = Path(__file__).parent / "notebooks" / "ja"
    for item in items:
        if item.path.is_relative_to(japanese) and item.path.stem != "00-start":
            item.add_marker("slow")
