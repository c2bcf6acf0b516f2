"""The progress file: nothing is lost, and no file, however odd, ends in a traceback."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lessonkit.exercises.progress import MOST, BadProgress, Entry, Progress, as_text, from_text
from lessonkit.messages import language

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
        b'{"format": "lessonkit progress", "version": 0, "exercises": {}}',
        b'{"format": "lessonkit progress", "version": "2", "exercises": {}}',
        b'{"format": "lessonkit progress", "version": 1}',
        b'{"format": "lessonkit progress", "version": 1, "exercises": []}',
        b'{"format": "lessonkit progress", "version": 1, "exercises": {"a": 5}}',
        b'{"format": "lessonkit progress", "version": 1, "exercises": {"a": {"tries": 1}}}',
        b'{"format": "lessonkit progress", "version": 1, "exercises":'
        b' {"a": {"tries": -1, "hints": 0, "solved": true}}}',
        b'{"format": "lessonkit progress", "version": 1, "exercises":'
        b' {"a": {"tries": 1, "hints": 0, "solved": "yes"}}}',
        b'{"format": "lessonkit progress", "version": 1, "exercises":'
        b' {"a": {"tries": 1, "hints": 0, "solved": true, "solved_at": "=1+1"}}}',
        b'{"format": "lessonkit progress", "version": 1, "exercises":'
        b' {"a": {"tries": ' + b"9" * 4000 + b', "hints": 0, "solved": true}}}',
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


# --- a file that cannot be written, and what it says ---------------------------------------------


def failing(error: OSError) -> Callable[..., None]:
    def fail(*_arguments: object) -> None:
        raise error

    return fail


def full_disk(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", failing(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))


def read_only_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really = os.open

    def open_to_read(path: str, flags: int, *rest: int, **named: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and str(path).startswith(str(file)):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return really(path, flags, *rest, **named)

    monkeypatch.setattr(os, "open", open_to_read)


def held_lock(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lessonkit.exercises.progress.LOCK_SECONDS", 0.1)
    lock = FileLock(f"{file}.lock")
    monkeypatch.setattr(held_lock, "lock", lock, raising=False)  # as long as the test
    lock.acquire()


Trouble = Callable[[Path, pytest.MonkeyPatch], None]
every_trouble = pytest.mark.parametrize("trouble", [full_disk, read_only_folder, held_lock])


@every_trouble
def test_what_the_file_says_is_not_forgotten_when_it_cannot_be_written(
    file: Path, monkeypatch: pytest.MonkeyPatch, trouble: Trouble
) -> None:
    Progress(file).note("survive", solved=True)
    Progress(file).note("owed", tries=3, hints=1)
    before = file.read_bytes()
    progress = Progress(file)
    trouble(file, monkeypatch)
    assert progress.note("survive", tries=1) == Entry(tries=1, solved=True)
    assert progress.note("owed", tries=1) == Entry(tries=4, hints=1)
    known = {"survive": Entry(tries=1, solved=True), "owed": Entry(tries=4, hints=1)}
    assert progress.read() == known
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir() if not path.name.endswith(".lock")] == [
        "progress.json"
    ]
    monkeypatch.undo()
    assert progress.read() == known  # the next chance to save it
    assert Progress(file).read() == known


@every_trouble
@pytest.mark.parametrize("code", ["en", "ja"])
def test_that_it_cannot_be_written_is_said_once_and_in_the_learners_words(
    file: Path, monkeypatch: pytest.MonkeyPatch, trouble: Trouble, code: str
) -> None:
    progress = Progress(file)
    progress.note("survive", tries=1)
    with monkeypatch.context() as patches:
        trouble(file, patches)
        language(code)
        for _click in range(3):
            progress.note("survive", tries=1)
        language("en")
    said = {
        "en": f"Your progress could not be saved, because {file} cannot be used at the moment."
        " It counts until the kernel ends, and is saved as soon as that is possible.",
        "ja": f"今は {file} を使えないため、学習の記録を保存できませんでした。"
        "記録はカーネルが終わるまで有効で、使えるようになりしだい保存します。",
    }
    assert progress.take_messages() == [said[code]]
    progress.note("survive", tries=1)
    assert progress.take_messages() == []
    trouble(file, monkeypatch)
    progress.note("survive", tries=1)  # it was saved in between: this is news
    assert progress.take_messages() == [said["en"]]


def test_a_lock_that_another_process_holds_is_waited_for_once(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = []

    def lock(name: str, seconds: float, **options: Any) -> FileLock:
        waits.append(seconds)
        return FileLock(name, min(seconds, 0.1), **options)

    monkeypatch.setattr("lessonkit.exercises.progress.FileLock", lock)
    file.parent.mkdir()
    progress = Progress(file)
    with FileLock(f"{file}.lock"):
        for tries in range(1, 5):
            assert progress.note("survive", tries=1) == Entry(tries=tries)
    assert waits == [2.0, 0, 0, 0]
    assert progress.note("survive", tries=1) == Entry(tries=5)
    assert Progress(file).read() == {"survive": Entry(tries=5)}
    progress.note("survive", tries=1)
    assert waits[4:] == [0, 2.0]


LAST_CHANCE = """
from filelock import FileLock
from lessonkit.exercises import progress
progress.LOCK_SECONDS = 0.1
with FileLock(f"{progress.learners_progress().path}.lock"):
    progress.learners_progress().note("survive", solved=True)
"""


def test_what_is_unsaved_when_the_kernel_ends_is_saved_then(file: Path) -> None:
    file.parent.mkdir()
    environment = {**os.environ, "LESSONKIT_PROGRESS": str(file)}
    command = [sys.executable, "-c", LAST_CHANCE]
    subprocess.run(command, cwd=ROOT, env=environment, timeout=60, check=True)
    assert Progress(file).read() == {"survive": Entry(solved=True)}


def test_a_file_that_cannot_be_read_for_a_while_is_not_forgotten(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = Progress(file)
    progress.note("survive", solved=True)
    with monkeypatch.context() as patches:
        patches.setattr(Path, "open", failing(PermissionError(errno.EACCES, "Permission denied")))
        assert progress.read() == {"survive": Entry(solved=True)}
        assert progress.note("survive", tries=1) == Entry(tries=1, solved=True)
        assert len(progress.take_messages()) == 1
    assert progress.note("survive", tries=1) == Entry(tries=2, solved=True)


KILLED = """
import os, sys
from lessonkit.exercises.progress import Progress
os.fsync = lambda _number: os._exit(9)
Progress(sys.argv[1]).note("owed", tries=1)
"""


def test_what_a_killed_save_leaves_is_removed_by_the_next_and_nothing_else(file: Path) -> None:
    Progress(file).note("survive", solved=True)
    others = {"progress.json.abcd1234", "progress.json.tmp", "progress.json.bak"}
    for name in others:
        (file.parent / name).write_text("not ours")
    killed = subprocess.run([sys.executable, "-c", KILLED, file], cwd=ROOT, timeout=60)
    assert killed.returncode == 9
    names = {path.name for path in file.parent.iterdir()}
    assert len(names - others) == 3  # the file, the lock, and what was being written
    assert Progress(file).read() == {"survive": Entry(solved=True)}
    progress = Progress(file)
    assert progress.note("survive", tries=1) == Entry(tries=1, solved=True)
    assert progress.messages == []
    names = {path.name for path in file.parent.iterdir()}
    assert names - others <= {"progress.json", "progress.json.lock"}
    assert names >= others


# --- links, pipes, other editions ----------------------------------------------------------------

links = pytest.mark.skipif(os.name != "posix", reason="links need a right of their own there")


@links
@pytest.mark.parametrize("there", [True, False], ids=["file", "no file yet"])
def test_a_link_stays_a_link(file: Path, tmp_path: Path, there: bool) -> None:
    target = tmp_path / "kept" / "mine.json"
    if there:
        Progress(target).note("survive", tries=1)
    file.parent.mkdir()
    file.symlink_to(target)
    Progress(file).note("survive", solved=True)
    assert file.is_symlink()
    assert Progress(target).read() == {"survive": Entry(tries=int(there), solved=True)}
    assert list(file.parent.iterdir()) == [file]  # both names have one lock
    target.write_text("{")
    assert Progress(file).read() == {}
    assert (target.parent / "mine.damaged-1.json").read_text() == "{"
    Progress(file).reset()
    assert file.is_symlink()
    assert not target.exists()


@links
@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "loop"])
def test_what_is_no_file_is_neither_waited_for_nor_replaced(file: Path, kind: str) -> None:
    file.parent.mkdir()
    pipe = file if kind == "pipe" else file.with_name("pipe")
    os.mkfifo(pipe)
    if file != pipe:
        file.symlink_to(file if kind == "loop" else pipe)
    progress = Progress(file)
    assert progress.note("survive", tries=1) == Entry(tries=1)
    assert progress.note("survive", tries=1) == Entry(tries=2)
    assert not progress.reset()
    assert len(progress.take_messages()) == 1
    assert pipe.is_fifo()
    assert file.is_symlink() == (kind != "pipe")


NEWER = b'{"format": "lessonkit progress", "version": 2, "exercises": ["other"]}'


@pytest.mark.parametrize("code", ["en", "ja"])
def test_a_file_of_a_newer_edition_is_left_alone_and_work_goes_on(file: Path, code: str) -> None:
    file.parent.mkdir()
    file.write_bytes(NEWER)
    progress = Progress(file)
    language(code)
    assert progress.read() == {}
    assert progress.note("survive", tries=1) == Entry(tries=1)
    assert progress.note("survive", solved=True) == Entry(tries=1, solved=True)
    assert not progress.reset()
    language("en")
    (message,) = progress.take_messages()
    assert str(file) in message
    assert {"en": "a newer edition", "ja": "新しいバージョン"}[code] in message
    assert file.read_bytes() == NEWER
    assert {path.name for path in file.parent.iterdir()} <= {file.name, f"{file.name}.lock"}
    file.write_text(as_text({"survive": Entry(tries=4)}))
    assert progress.read() == {"survive": Entry(tries=5, solved=True)}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_read(file: Path, encoding: str) -> None:
    known = {"survive": Entry(tries=2, solved=True)}
    file.parent.mkdir()
    file.write_text(as_text(known), encoding=encoding)
    progress = Progress(file)
    assert progress.read() == known
    assert progress.note("survive", tries=1).tries == 3
    assert progress.messages == []
    assert from_text("\N{ZERO WIDTH NO-BREAK SPACE}" + as_text(known)) == known


# --- when it was solved --------------------------------------------------------------------------


def test_no_times_are_noted_unless_the_learner_wants_them(file: Path) -> None:
    progress = Progress(file)
    progress.note("survive", tries=1)
    progress.note("survive", solved=True)
    content = json.loads(file.read_text())
    assert content == {
        "format": "lessonkit progress",
        "version": 1,
        "exercises": {"survive": {"tries": 1, "hints": 0, "solved": True}},
    }
    assert not progress.read().times


def the_first_editions_reader(text: str) -> dict[str, tuple[int, int, bool]]:
    content = json.loads(text)
    assert (content["format"], content["version"]) == ("lessonkit progress", 1)
    return {
        name: (fields["tries"], fields["hints"], fields["solved"])
        for name, fields in content["exercises"].items()
    }


def test_the_first_time_is_noted_and_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [datetime(2026, 11, 26, 9, 30, 15, 999, tzinfo=UTC)]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return clock[0].astimezone(tz)

    monkeypatch.setattr("lessonkit.exercises.progress.datetime", Clock)
    Progress(file).note("owed", solved=True)
    Progress(file).note_times(True)
    Progress(file).note("survive", tries=1)
    assert Progress(file).note("survive", solved=True).solved_at == "2026-11-26T09:30:15Z"
    clock[0] += timedelta(days=1)
    Progress(file).note("survive", solved=True)
    assert Progress(file).note("owed", solved=True).solved_at == ""  # the first time is not known
    text = file.read_text()
    assert '"solved_at": "2026-11-26T09:30:15Z"' in text
    assert text.count("solved_at") == 1
    assert the_first_editions_reader(text) == {"owed": (0, 0, True), "survive": (1, 0, True)}


def test_who_does_not_want_times_any_more_has_none_left(file: Path) -> None:
    Progress(file).note_times(True)
    assert Progress(file).read().times
    Progress(file).note("survive", solved=True)
    Progress(file).note_times(False)
    assert "times" not in file.read_text()
    assert Progress(file).read() == {"survive": Entry(solved=True)}
    Progress(file).note_times(True)
    assert Progress(file).note("survive", solved=True).solved_at == ""


def test_the_switch_works_also_while_nothing_can_be_saved(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = Progress(file)
    progress.note("owed", tries=1)
    with monkeypatch.context() as patches:
        full_disk(file, patches)
        progress.note("stock_back", solved=True)
        progress.note_times(True)
        first = progress.note("survive", solved=True)
        assert progress.read().times
    assert Progress(file).read() == {"owed": Entry(tries=1)}
    assert progress.read()["survive"] == first
    assert Progress(file).entry("survive") == first
    assert first.solved_at
    assert progress.entry("stock_back").solved_at == ""  # it was solved before that was wanted


def test_to_forget_everything_forgets_the_times_as_well(file: Path) -> None:
    progress = Progress(file)
    progress.note_times(True)
    assert progress.reset()
    assert not progress.read().times


def test_reset_forgets_everything_and_can_be_done_twice(file: Path) -> None:
    progress = Progress(file)
    progress.note("survive", solved=True)
    progress.reset()
    progress.reset()
    assert (progress.read(), Progress(file).read(), progress.messages) == ({}, {}, [])


def test_the_environment_names_another_file(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("LESSONKIT_PROGRESS", str(file))
    assert Progress().path == file
    monkeypatch.delenv("LESSONKIT_PROGRESS")
    assert Progress().path.name == "progress.json"


@pytest.mark.skipif(os.name != "posix", reason="other systems have other rights")
def test_file_lock_and_folder_are_for_their_owner_only(file: Path) -> None:
    before = os.umask(0)
    try:
        progress = Progress(file)
        progress.note("survive", tries=1)
        progress.note("survive", tries=1)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    assert modes == {"progress.json": 0o600, "progress.json.lock": 0o600}
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_no_count_outgrows_what_can_be_read_again(file: Path) -> None:
    file.parent.mkdir()
    file.write_text(as_text({"survive": Entry(MOST, MOST)}))
    assert Progress(file).note("survive", tries=1, hints=1) == Entry(MOST, MOST)
    assert Progress(file).read() == {"survive": Entry(MOST, MOST)}


seconds = st.datetimes(datetime(1000, 1, 1)).map(lambda when: f"{when:%Y-%m-%dT%H:%M:%SZ}")
entry = st.builds(
    Entry, st.integers(0, MOST), st.integers(0, 9), st.booleans(), st.just("") | seconds
)
some = st.dictionaries(st.text(max_size=20), entry)


@given(some, st.booleans())
def test_what_is_written_is_read_again(known: dict[str, Entry], times: bool) -> None:
    again = from_text(as_text(known, times))
    assert again == known
    assert again.times == times


@given(st.lists(entry, min_size=1, max_size=5))
def test_the_first_time_is_the_earliest_unless_one_is_not_known(entries: list[Entry]) -> None:
    solved = [one.solved_at for one in entries if one.solved]
    total = sum(entries[1:], entries[0])
    assert total.solved == bool(solved)
    if len(entries) > 1:
        assert total.solved_at == ("" if "" in solved or not solved else min(solved))


@settings(max_examples=300)
@given(st.text() | st.binary() | st.text().map(lambda text: text.encode("utf-16")))
def test_any_other_text_is_refused_in_one_way(content: str | bytes) -> None:
    with pytest.raises(BadProgress):
        from_text(content)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | some.map(as_text).map(str.encode), st.integers(0, 300))
def test_whatever_the_file_holds_nothing_is_lost(file: Path, content: bytes, end: int) -> None:
    shutil.rmtree(file.parent, ignore_errors=True)
    file.parent.mkdir()
    file.write_bytes(content[:end])
    try:
        known = from_text(content[:end]).get("survive", Entry())
    except BadProgress:
        known = Entry()
    progress = Progress(file)
    assert progress.note("survive", tries=1) == known + Entry(tries=1)
    assert progress.read() == Progress(file).read()
    for message in progress.messages:
        assert "progress.damaged-1.json" in message
        assert (file.parent / "progress.damaged-1.json").read_bytes() == content[:end]


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
