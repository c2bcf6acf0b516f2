"""What else runs a notebook runs ours, from the project's folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BOOK = "notebooks/ja/00-start.ipynb"
pytestmark = pytest.mark.timeout(900)


def call(*words: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    done = subprocess.run(
        words, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_papermill_nbconvert_and_nbmake(tmp_path: Path) -> None:
    python = (sys.executable, "-m")
    call(*python, "papermill", BOOK, tmp_path / "made.ipynb")
    assert (tmp_path / "made.ipynb").exists()
    call(*python, "nbconvert", "--to", "html", "--execute", BOOK, "--output-dir", tmp_path)
    assert "svg" in (tmp_path / "00-start.html").read_text(encoding="utf-8")
    # Beside our own options, which are nbval's.
    call(*python, "pytest", "-p", "no:cacheprovider", "--nbmake", BOOK)


def test_uv_opens_the_course_from_a_folder_without_an_environment(tmp_path: Path) -> None:
    project = tmp_path / "project"
    tracked = call("git", "ls-files").splitlines()
    for name in tracked:
        if not name.startswith("tests/") and (ROOT / name).is_file():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, project / name)
    uv = Path(sys.executable).with_name("uv")
    own = {"UV_CACHE_DIR": str(tmp_path / "cache"), "UV_PYTHON": sys.executable}
    # uv does not read where pip gets its packages.
    index = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"],
        capture_output=True,
        text=True,
    ).stdout.strip()
    if index:
        own["UV_DEFAULT_INDEX"] = index
    if "PIP_CERT" in os.environ:
        own["SSL_CERT_FILE"] = os.environ["PIP_CERT"]
    told = call(uv, "run", "--extra", "lab", "lessonkit", "check", cwd=project, **own)
    assert told.startswith("✓")
