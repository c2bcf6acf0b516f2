"""The table of a class: each file is a row or is named, whatever it holds and is called."""

from __future__ import annotations

import csv
import errno
import io
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit.exercises.collect import collect
from lessonkit.exercises.progress import Entry, Progress, as_text
from lessonkit.messages import language

ROOT = Path(__file__).parents[2]
NAMES = ["survive", "mail_behind", "stock_back"]
GOOD = as_text({"survive": Entry(tries=2, hints=1, solved=True), "mail_behind": Entry(tries=1)})


def rows(folder: Path) -> dict[str, dict[str, str | int]]:
    """The rows of the table by their file."""
    header, *table = collect(folder, NAMES)[0]
    assert len({row[0] for row in table}) == len(table)
    return {str(row[0]): dict(zip(header, row, strict=True)) for row in table}  # type: ignore[arg-type]


def printed(folder: Path, **environment: str) -> tuple[list[dict[str, str]], str]:
    """What the command prints: the rows of its table, and what it says beside that."""
    command = [sys.executable, "-m", "lessonkit.exercises.collect", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    table = io.StringIO(done.stdout.decode(encoding), newline="")
    return list(csv.DictReader(table)), done.stderr.decode(encoding, "backslashreplace")


def test_a_copy_can_be_handed_in_and_collected(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "progress.json")
    progress.note("survive", tries=2, hints=1)
    progress.note("survive", solved=True)
    progress.note("mail_behind", tries=1)
    folder = tmp_path / "class"
    folder.mkdir()
    progress.export(folder / "ada.json")
    table, skipped = collect(folder, NAMES)
    assert table == [
        ["file", "solved", "tries", "hints", *NAMES, "problem"],
        ["ada", 1, 3, 1, "solved", 1, 0, ""],
    ]
    assert skipped == {}
    (ada,), said = printed(folder)
    assert (ada["file"], ada["tries"], ada["survive"], ada["owed"]) == ("ada", "3", "solved", "0")
    assert said == ""


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two good files, and between them whatever may go wrong."""
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "ada.json").write_text(GOOD)
    (folder / "zoe.JSON").write_text(GOOD, encoding="utf-8-sig")
    for name, content in {
        "garbage": b"garbage",
        "long number": GOOD.replace("2", "1" * 4300, 1).encode(),
        "longer number": GOOD.replace("2", "1" * 10_000, 1).encode(),
        "huge count": GOOD.replace("2", "1" * 4299, 1).encode(),
        "deep": b"[" * 100_000,
        "large": b'{"format": "' + b"x" * 5_000_000,
        "not utf-8": b"\xff" + GOOD.encode(),
        "newer": GOOD.replace('"version": 1', '"version": 2').encode(),
    }.items():
        (folder / f"{name}.json").write_bytes(content)
    (folder / "folder.json").mkdir()
    (folder / "away.json").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe.json")
    (folder / "secret.json").write_text(GOOD)
    (folder / "notes.txt").write_text(GOOD)
    (folder / "ben").mkdir()
    return folder


@pytest.mark.skipif(os.name != "posix", reason="pipes and links are other things there")
@pytest.mark.parametrize("code", ["en", "ja"])
def test_no_file_spoils_the_row_of_another_and_each_is_named(
    odd: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    opened = Path.open

    def guarded(path: Path, mode: str) -> object:
        if path.name == "secret.json":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, mode)

    monkeypatch.setattr(Path, "open", guarded)
    language(code)
    found, skipped = rows(odd), collect(odd, NAMES)[1]
    language("en")
    no_progress = {
        "en": "It is not a progress file of this course.",
        "ja": "この教材の学習の記録ではありません。",
    }[code]
    no_file = {"en": "It is not a file.", "ja": "ファイルではありません。"}[code]
    no_json = {
        "en": "Its name does not end in .json.",
        "ja": "名前が .json で終わっていません。",
    }[code]
    newer = {
        "en": "It was written by a newer edition of this course.",
        "ja": "この教材のより新しいバージョンで書かれています。",
    }[code]
    assert skipped == {
        "away.json": "No such file or directory",
        "ben": no_json,
        "deep.json": no_progress,
        "folder.json": no_file,
        "garbage.json": no_progress,
        "huge count.json": no_progress,
        "large.json": no_progress,
        "long number.json": no_progress,
        "longer number.json": no_progress,
        "newer.json": newer,
        "not utf-8.json": no_progress,
        "notes.txt": no_json,
        "pipe.json": no_file,
        "secret.json": "Permission denied",
    }
    good = {"solved": 1, "tries": 3, "hints": 1, "survive": "solved", "mail_behind": 1}
    for name, row in found.items():
        if name in ("ada", "zoe"):
            assert row == {"file": name, **good, "stock_back": 0, "problem": ""}
        else:
            problem = skipped[f"{name}.json"]
            assert row == {
                "file": name,
                **dict.fromkeys([*good, "stock_back"], ""),
                "problem": problem,
            }


@pytest.mark.skipif(os.name != "posix", reason="pipes and links are other things there")
def test_the_command_prints_them_all(odd: Path) -> None:
    table, said = printed(odd)
    assert len(table) == 14
    assert [(row["file"], row["tries"]) for row in table if not row["problem"]] == [
        ("ada", "3"),
        ("secret", "3"),  # nobody hides it here
        ("zoe", "3"),
    ]
    for row in table:
        if row["problem"]:
            assert f"{row['file']}.json: {row['problem']}\n" in said
    assert "notes.txt: Its name does not end in .json.\n" in said
    assert len(said.splitlines()) == 13


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp932"])
def test_the_command_prints_any_name_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    names = ["阿部", "émile", "=1+1", "a\r=1+1", 'b,"c', "\t-2"]
    for name in names:
        (tmp_path / f"{name}.json").write_text(GOOD)
    if os.name == "posix":
        (tmp_path / os.fsdecode(b"\x88\xa2\x95\x94.json")).write_text(GOOD)
    table, _said = printed(tmp_path, PYTHONIOENCODING=encoding)
    assert len(table) == len(list(tmp_path.iterdir()))
    assert {row["tries"] for row in table} == {"3"}
    shown = {row["file"] for row in table}
    assert {"'=1+1", "a\\r=1+1", 'b,"c', "'\\t-2"} < shown
    if encoding == "utf-8":
        assert {"阿部", "émile"} < shown


def test_what_is_no_folder_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = str(ROOT / "lessonkit" / "exercises" / "collect.py")
    monkeypatch.setattr(sys, "argv", ["collect.py", str(tmp_path / "none")])
    with pytest.raises(SystemExit, match="must be a folder of progress files"):
        runpy.run_path(script, run_name="__main__")
    monkeypatch.setattr(sys, "argv", ["collect.py"])
    with pytest.raises(SystemExit, match="usage"):
        runpy.run_path(script, run_name="__main__")


def test_times_have_columns_if_anybody_has_noted_them(tmp_path: Path) -> None:
    (tmp_path / "ada.json").write_text(GOOD)
    assert not [name for name in collect(tmp_path, NAMES)[0][0] if "at" in str(name).split()]
    solved = {"survive": Entry(solved=True, solved_at="2026-11-26T09:30:15Z")}
    (tmp_path / "ben.json").write_text(as_text(solved, times=True))
    (tmp_path / "cy.json").write_text("garbage")
    header = collect(tmp_path, NAMES)[0][0]
    assert header[4:] == [*NAMES, "survive solved at", "problem"]
    found = rows(tmp_path)
    assert [found[name]["survive solved at"] for name in ("ada", "ben", "cy")] == [
        "",
        "2026-11-26T09:30:15Z",
        "",
    ]


def test_a_table_needs_no_pandas(tmp_path: Path) -> None:
    (tmp_path / "ada.json").write_text(GOOD)
    script = (
        "import sys\nfrom lessonkit.exercises.collect import collect\n"
        "collect(sys.argv[1], ['survive'])\nassert 'pandas' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path], cwd=ROOT, timeout=60, check=True)


names = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0") | st.sampled_from("=+-@\t\r\n\"',;＝"),
    min_size=1,
    max_size=20,
)


@settings(max_examples=100)
@given(st.dictionaries(names, st.just(GOOD) | st.text(max_size=50), max_size=5))
def test_no_cell_becomes_a_formula_and_no_row_is_lost(files: dict[str, str]) -> None:
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, f"{name}.json").write_text(content, encoding="utf-8")
        table, skipped = collect(folder, NAMES)
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(table)
        read = list(csv.reader(io.StringIO(text.getvalue(), newline="")))
    assert read == [[str(cell) for cell in row] for row in table]
    assert len(read) == 1 + len(files)
    for row in read:
        assert not [cell for cell in row if re.match(r"[\s=+\-@＝＋－＠]", cell)]
    good = sum(content == GOOD for content in files.values())
    assert [row[-1] for row in table[1:]].count("") == good
    assert len(skipped) == len(files) - good
    for row in table[1:]:
        assert row[-1] or [type(cell) for cell in row[1:4]] == [int] * 3
