"""lessonkit as others install it: a wheel, without what it can do without, and the oldest packages.

Each test makes an environment of its own, so these are slow ones.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
#: Each part of the core once, and those tests that are quick.
UNITS = "bus clock events faults inbox lab outbox panel polling run saga shop stage trace"
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


def test_the_oldest_packages_do_and_the_core_needs_no_jupyterlab(
    wheel: Path, tmp_path: Path
) -> None:
    tools = [text for text in EXTRAS["test"] if text.startswith(("hypothesis", "pytest>="))]
    python = environment(tmp_path / "venv", wheel, *floors(PROJECT["dependencies"]), *floors(tools))
    absent = "from importlib.util import find_spec; print(*map(find_spec, {}))"
    none = call(python, "-c", absent.format(["jupyterlab", "ipykernel", "nbval"]), cwd=tmp_path)
    assert none.split() == ["None"] * 3
    tests = [f"tests/unit/test_{name}.py" for name in UNITS.split()]
    pytests = (python, "-m", "pytest", "-o", "addopts=", "-p", "no:cacheprovider")
    call(*pytests, "--import-mode=importlib", "-m", "not slow", *tests, cwd=ROOT)

    install(python, wheel, *floors(EXTRAS["lab"]))
    call(python, "-m", "lessonkit", "check", cwd=ROOT)
    books = [f"notebooks/{name}.ipynb" for name in ("en/00-start", "ja/08-summary")]
    call(*pytests, "--nbval-lax", "--nbval-current-env", *books, cwd=ROOT)


def floors(requirements: list[str]) -> list[str]:
    here = [Requirement(text) for text in requirements]
    here = [one for one in here if one.marker is None or one.marker.evaluate()]
    return [f"{one.name}{one.specifier}".replace(">=", "==") for one in here]
