"""lessonkit as others install it: a wheel, and no checkout.

Each test makes an environment of its own, so these are slow ones.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def call(*words: str | Path, cwd: Path) -> str:
    """Run a command, which must go well; returns what it printed."""
    surroundings = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    shown = subprocess.run(words, cwd=cwd, env=surroundings, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    return shown.stdout


def environment(folder: Path, *packages: str | Path) -> Path:
    """Make an environment with these packages; returns its Python."""
    call(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install(python, *packages)
    return python


def install(python: Path, *packages: str | Path) -> None:
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet")
    call(*pip, *packages, cwd=ROOT)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT, cwd=ROOT)
    (made,) = folder.glob("*.whl")
    return made


def test_the_wheel_holds_all_that_is_needed(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    kinds = ("*.py", "*.mo", "*.toml", "*.json")
    files = [path for kind in kinds for path in (ROOT / "lessonkit").rglob(kind)]
    tables = [f"lessonkit/data/{path.name}" for path in (ROOT / "data").glob("*.csv")]
    assert {path.relative_to(ROOT).as_posix() for path in files} | set(tables) <= inside


def test_a_notebook_runs_anywhere_with_the_wheel(wheel: Path, tmp_path: Path) -> None:
    python = environment(tmp_path / "venv", "--no-deps", wheel)
    # The other packages are those of the tests. (What lies there is not read as a site's folder,
    # so an editable lessonkit stays out.)
    own = call(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path)
    Path(own.strip(), "others.pth").write_text(sysconfig.get_path("purelib"))
    table = "from lessonkit import data_file; print(data_file('course.csv'))"
    place = Path(call(python, "-c", table, cwd=tmp_path).strip())
    assert place.is_relative_to(tmp_path)
    assert place.read_bytes() == (ROOT / "data" / "course.csv").read_bytes()

    alone = tmp_path / "alone.ipynb"
    alone.write_bytes((ROOT / "notebooks" / "ja" / "06-event-bus.ipynb").read_bytes())
    call(python, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", alone, cwd=ROOT)
