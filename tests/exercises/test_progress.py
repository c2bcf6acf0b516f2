"""The progress file: nothing is lost, and no file, however odd, ends in a traceback."""

from __future__ import annotations

import json
import os
import runpy
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit.exercises.collect import collect
from lessonkit.exercises.progress import BadProgress, Entry, Progress, as_text, from_text

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some folder" / "progress.json"


def test_what_was_noted_is_there_for_the_next_kernel(file: Path) -> None:
    Progress(file).note("survive", tries=1)
    Progress(file).note("survive", tries=1, hints=2)
    Progress(file).note("owed", solved=True)
    assert Progress(file).read() == {
        "survive": Entry(tries=2, hints=2),
        "owed": Entry(solved=True),
    }


def test_what_is_solved_stays_solved(file: Path) -> None:
    progress = Progress(file)
    progress.note("survive", solved=True)
    assert progress.note("survive", tries=1) == Entry(tries=1, solved=True)


def test_without_a_file_nothing_is_known_and_none_is_made(file: Path) -> None:
    assert Progress(file).read() == {}
    assert not file.exists()


WRITER = """
import sys
from lessonkit.exercises.progress import Progress
progress = Progress(sys.argv[1])
for number in range(8):
    progress.note("survive", tries=1)
    progress.note(f"{sys.argv[2]}-{number}", solved=True)
assert progress.messages == []
"""


def test_four_kernels_that_write_at_once_lose_nothing(file: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(file), f"kernel {n}"], cwd=ROOT)
        for n in range(4)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    known = Progress(file).read()
    assert known["survive"] == Entry(tries=32)
    assert sum(entry.solved for entry in known.values()) == 32
    assert sorted(path.name for path in file.parent.iterdir()) in (
        ["progress.json"],
        ["progress.json", "progress.json.lock"],
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b'{"format": "something else", "version": 1, "exercises": {}}',
        b'{"format": "lessonkit progress", "version": 2, "exercises": {}}',
        b'{"format": "lessonkit progress", "version": 1}',
        b'{"format": "lessonkit progress", "version": 1, "exercises": []}',
        b'{"format": "lessonkit progress", "version": 1, "exercises": {"a": 5}}',
        b'{"format": "lessonkit progress", "version": 1, "exercises": {"a": {"tries": 1}}}',
        b'{"format": "lessonkit progress", "version": 1, "exercises":'
        b' {"a": {"tries": -1, "hints": 0, "solved": true}}}',
        b'{"format": "lessonkit progress", "version": 1, "exercises":'
        b' {"a": {"tries": 1, "hints": 0, "solved": "yes"}}}',
        b"[" * 100_000,
        b"1" * 10_000,
    ],
)
@pytest.mark.parametrize("first", ["read", "note"])
def test_a_damaged_or_foreign_file_is_set_aside_with_a_message(
    file: Path, content: bytes, first: str
) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    progress = Progress(file)
    if first == "read":
        assert progress.read() == {}
    else:
        assert progress.note("survive", tries=1) == Entry(tries=1)
    (message,) = progress.take_messages()
    assert "progress.damaged-1.json" in message
    assert (file.parent / "progress.damaged-1.json").read_bytes() == content
    assert progress.note("owed", solved=True).solved
    assert progress.take_messages() == []


def test_a_second_damaged_file_does_not_take_the_place_of_the_first(file: Path) -> None:
    file.parent.mkdir()
    for content in ("one", "two"):
        file.write_text(content)
        Progress(file).read()
    assert (file.parent / "progress.damaged-1.json").read_text() == "one"
    assert (file.parent / "progress.damaged-2.json").read_text() == "two"


def test_what_cannot_be_saved_counts_all_the_same_and_is_saved_later(file: Path) -> None:
    file.parent.write_text("a file where the folder should be")
    progress = Progress(file)
    progress.note("survive", tries=2)
    assert progress.note("survive", solved=True) == Entry(tries=2, solved=True)
    assert progress.read() == {"survive": Entry(tries=2, solved=True)}
    assert all("could not be saved" in message for message in progress.take_messages())
    file.parent.unlink()
    progress.note("owed", tries=1)
    assert Progress(file).read() == {
        "survive": Entry(tries=2, solved=True),
        "owed": Entry(tries=1),
    }
    assert progress.take_messages() == []


def test_a_folder_in_the_place_of_the_file_is_a_message_and_no_traceback(file: Path) -> None:
    file.mkdir(parents=True)
    progress = Progress(file)
    assert progress.read() == {}
    assert progress.note("survive", tries=1) == Entry(tries=1)
    assert progress.take_messages()


def test_whoever_holds_the_lock_for_ever_stops_nobody(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lessonkit.exercises.progress.LOCK_SECONDS", 0.1)
    file.parent.mkdir()
    with FileLock(f"{file}.lock"):
        progress = Progress(file)
        assert progress.note("survive", tries=1) == Entry(tries=1)
        assert len(progress.take_messages()) == 1
    progress.note("survive", tries=1)
    assert Progress(file).read() == {"survive": Entry(tries=2)}


def test_a_disk_that_fills_up_leaves_the_old_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Progress(file).note("survive", solved=True)

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    progress = Progress(file)
    assert progress.note("owed", tries=1) == Entry(tries=1)
    (message,) = progress.take_messages()
    assert "No space left on device" in message
    assert progress.read() == {"survive": Entry(solved=True), "owed": Entry(tries=1)}
    assert not [
        path
        for path in file.parent.iterdir()
        if path.stat().st_size == 0 and not path.name.endswith(".lock")
    ]
    monkeypatch.undo()
    assert Progress(file).read() == {"survive": Entry(solved=True)}


def test_reset_forgets_everything_and_can_be_done_twice(file: Path) -> None:
    progress = Progress(file)
    progress.note("survive", solved=True)
    progress.reset()
    progress.reset()
    assert (progress.read(), Progress(file).read(), progress.messages) == ({}, {}, [])


def test_a_copy_can_be_handed_in_and_collected(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = Progress(file)
    progress.note("survive", tries=2, hints=1)
    progress.note("survive", solved=True)
    progress.note("mail_behind", tries=1)
    folder = tmp_path / "class"
    folder.mkdir()
    progress.export(folder / "ada.json")
    (folder / "bob.json").write_text("garbage")
    table = collect(folder, ["survive", "mail_behind", "stock_back"])
    assert list(table.index) == ["ada", "bob"]
    ada = table.loc["ada"]
    assert (ada["solved"], ada["tries"], ada["hints"]) == (1, 3, 1)
    assert (ada["survive"], ada["mail_behind"], ada["stock_back"]) == ("solved", 1, 0)
    assert "BadProgress" in table.loc["bob", "problem"]
    command = [sys.executable, "-m", "lessonkit.exercises.collect"]
    printed = subprocess.run([*command, folder], capture_output=True, text=True, check=True)
    assert printed.stdout.splitlines()[0].startswith("file,solved,tries,hints,shorter_wait,")
    monkeypatch.setattr(sys, "argv", ["collect.py", str(folder / "none")])
    with pytest.raises(SystemExit, match="must be a folder of progress files"):
        runpy.run_path(str(ROOT / "lessonkit" / "exercises" / "collect.py"), run_name="__main__")


def test_the_environment_names_another_file(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("LESSONKIT_PROGRESS", str(file))
    assert Progress().path == file
    monkeypatch.delenv("LESSONKIT_PROGRESS")
    assert Progress().path.name == "progress.json"


def test_the_file_is_readable_for_its_owner_only(file: Path) -> None:
    Progress(file).note("survive", tries=1)
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


entries = st.dictionaries(
    st.text(max_size=20), st.builds(Entry, st.integers(0, 10**9), st.integers(0, 9), st.booleans())
)


@given(entries)
def test_what_is_written_is_read_again(known: dict[str, Entry]) -> None:
    assert from_text(as_text(known)) == known


@settings(max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["format", "version", "exercises", "tries", "hints", "solved"]),
                inner,
            )
        ),
    )
)
def test_any_other_json_is_refused_in_one_way(content: object) -> None:
    with pytest.raises(BadProgress):
        from_text(json.dumps(content))
