"""``lessonkit``: the course opened, copied, brought up to date, looked after."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_server.services.config.manager import ConfigManager

from lessonkit import __main__ as command_line
from lessonkit.editions import copy_course, course_folder
from lessonkit.files import data_file

ROOT = Path(__file__).parents[2]


@pytest.fixture
def edition(tmp_path: Path) -> Path:
    """A small course."""
    for name in ("notebooks/en/00-start.ipynb", "notebooks/en/01-next.ipynb", "data/styles.csv"):
        path = tmp_path / "edition" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"first {name}")
    (tmp_path / "edition" / "notebooks" / ".ipynb_checkpoints").mkdir()
    (tmp_path / "edition" / "notebooks" / ".ipynb_checkpoints" / "x.ipynb").write_text("no part")
    return tmp_path / "edition"


def everything(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in files
        if path.name != ".lessonkit.json"
    }


def test_a_new_edition_loses_nothing(edition: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    first = copy_course(edition, mine)
    assert sorted(first.new) == sorted(everything(mine))
    assert len(first.new) == 3
    (mine / "notebooks/en/01-next.ipynb").write_text("my answers")
    (mine / "notes.txt").write_text("my notes")

    again = copy_course(edition, mine)  # the same edition: nothing to do, and nothing beside
    assert not (again.new)
    assert not (again.updated)
    assert not (again.beside)

    for path in edition.rglob("*.ipynb"):
        path.write_text("second")
    second = copy_course(edition, mine)
    assert second.updated == ["notebooks/en/00-start.ipynb"]
    assert second.beside == ["notebooks/en/01-next.new-edition.ipynb"]
    (mine / second.beside[0]).write_text("more answers")

    (edition / "notebooks/en/01-next.ipynb").write_text("third")
    third = copy_course(edition, mine)
    assert third.beside == ["notebooks/en/01-next.new-edition-2.ipynb"]
    assert everything(mine) == {
        "data/styles.csv": "first data/styles.csv",
        "notebooks/en/00-start.ipynb": "second",
        "notebooks/en/01-next.ipynb": "my answers",
        "notebooks/en/01-next.new-edition.ipynb": "more answers",
        "notebooks/en/01-next.new-edition-2.ipynb": "third",
        "notes.txt": "my notes",
    }
    assert not copy_course(edition, mine).beside


def test_a_file_of_the_same_name_is_the_learners(edition: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine" / "data"
    mine.mkdir(parents=True)
    (mine / "styles.csv").write_text("my own table")
    assert copy_course(edition, mine.parent).beside == ["data/styles.new-edition.csv"]
    assert (mine / "styles.csv").read_text() == "my own table"


def test_the_course_is_not_copied_onto_itself(edition: Path) -> None:
    for target in (edition, edition / "notebooks" / "mine"):
        with pytest.raises(ValueError, match="a folder of its own; got"):
            copy_course(edition, target)


def test_it_is_found_from_where_one_stands(edition: Path, tmp_path: Path) -> None:
    assert course_folder(edition / "notebooks" / "en") == edition
    assert course_folder(tmp_path) == ROOT  # the project that this package belongs to


def test_a_table_is_that_of_the_course_where_one_works(
    edition: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (edition, edition / "notebooks", edition / "notebooks" / "en"):
        monkeypatch.chdir(folder)
        assert data_file("styles.csv") == edition / "data" / "styles.csv"
        assert data_file("course.csv") == ROOT / "data" / "course.csv"
    monkeypatch.chdir(tmp_path)
    assert data_file("styles.csv") == ROOT / "data" / "styles.csv"
    with pytest.raises(FileNotFoundError, match=r"there is no data/sales\.csv in "):
        data_file("sales.csv")


@pytest.mark.parametrize(
    ("surroundings", "expected"),
    [
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "ja_JP.UTF-8", "LESSONKIT_LANGUAGE": "en"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_it_speaks_the_readers_language(
    monkeypatch: pytest.MonkeyPatch, surroundings: dict[str, str], expected: str
) -> None:
    for name in ("LESSONKIT_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    assert command_line.readers_language() == expected


def test_jupyterlab_opens_on_the_map_with_the_whole_course_around_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called: list[list[str]] = []
    surroundings: dict[str, str] = {}

    def call(words: list[str], env: dict[str, str]) -> int:
        called.append(words)
        surroundings.update(env)
        return 0

    monkeypatch.setattr(subprocess, "call", call)
    monkeypatch.setattr(command_line, "language", lambda code: None)
    monkeypatch.chdir(ROOT / "data")
    assert command_line.main(["--language", "ja", "open", "--", "--no-browser"]) == 0
    assert called == [
        [
            sys.executable,
            "-m",
            "jupyterlab",
            f"--ServerApp.root_dir={ROOT}",
            "--LabApp.default_url=/lab/tree/notebooks/ja/00-start.ipynb",
            "--no-browser",
        ]
    ]
    # Its menus are in the language of the course.
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", surroundings["JUPYTER_CONFIG_PATH"])
    chosen = ConfigManager(config_dir_name="labconfig").get("default_setting_overrides")
    assert chosen == {"@jupyterlab/translation-extension:plugin": {"locale": "ja_JP"}}


def test_without_jupyterlab_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_line, "find_spec", lambda name: None)
    monkeypatch.setattr(command_line, "language", lambda code: None)
    assert command_line.main(["--language", "en"]) == 1
    command = 'pip install "lessonkit[lab]"'
    expected = f"lessonkit: jupyterlab is not installed. It comes with: {command}\n"
    assert capsys.readouterr().err == expected


def tell(tmp_path: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lessonkit", *words],
        cwd=ROOT,
        env={"PATH": "", "LESSONKIT_PROGRESS": str(tmp_path / "progress.json")},
        input=typed,
        capture_output=True,
        text=True,
    )


def test_progress_is_shown_and_forgotten_when_somebody_says_yes(tmp_path: Path) -> None:
    from lessonkit.course import NAMES
    from lessonkit.exercises.progress import Progress

    of = f" / {len(NAMES['01-request-response'])}"
    Progress(tmp_path / "progress.json").note("survive", solved=True)
    assert f"01-request-response             1{of}" in tell(tmp_path, "progress").stdout
    assert tell(tmp_path, "reset", typed="no\n").returncode == 1
    assert f"01-request-response             1{of}" in tell(tmp_path, "progress").stdout
    assert tell(tmp_path, "reset", typed="yes\n").returncode == 0
    assert f"01-request-response             0{of}" in tell(tmp_path, "progress").stdout


def test_the_installation_is_checked(tmp_path: Path) -> None:
    good = tell(tmp_path, "check")
    assert (good.returncode, good.stdout[:1]) == (0, "✓"), good.stdout + good.stderr
    bad = tell(tmp_path, "copy", str(ROOT / "notebooks" / "mine"))
    assert bad.returncode == 1
    assert bad.stderr.startswith("lessonkit: the copy must have a folder of its own; got ")
