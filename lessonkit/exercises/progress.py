"""What a learner has solved, in one small JSON file that outlives the kernel.

Every change is read, made and written under a lock, and written to a new file that takes the place
of the old one in one go. So two kernels that write at once lose nothing, and a power failure leaves
the old file or the new one. (In a browser, which has no locks, it is one kernel that writes, or the
last one that counts.) If the file cannot be used, the course goes on: what could not be saved is
kept in memory, on top of what the file says, and saved when the file can be used again.
"""

from __future__ import annotations

import atexit
import errno
import json
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from platformdirs import user_data_path

from lessonkit.messages import _

# No lock of a browser ends with its owner, and a page may be closed at any time.
IN_BROWSER: Final = sys.platform == "emscripten"
if not IN_BROWSER:
    from filelock import FileLock

FORMAT: Final = "lessonkit progress"
VERSION: Final = 1
LOCK_SECONDS: Final = 2.0
MOST: Final = 10**9
"""No count is higher."""
MOST_BYTES: Final = 10**6
"""More of a file is not read. A course that is solved needs two thousand."""
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Entry:
    """What is known about one exercise: tries that were not solved, hints opened, solved or not.

    ``solved_at`` says when it was solved first (UTC), if the learner wants that noted.
    """

    tries: int = 0
    hints: int = 0
    solved: bool = False
    solved_at: str = ""

    def __add__(self, other: Entry) -> Entry:
        # An exercise that was solved when nothing was noted has "", and keeps it: the time of a
        # later success is not that of the first.
        first = min((one.solved_at for one in (self, other) if one.solved), default="")
        tries, hints = self.tries + other.tries, self.hints + other.hints
        return Entry(min(tries, MOST), min(hints, MOST), self.solved or other.solved, first)


class Known(dict[str, Entry]):
    """What is known about each exercise that somebody has tried, by its name.

    Attributes
    ----------
    times
        Whether the learner wants it noted when something is solved; None says nothing about it.
    """

    times: bool | None = None

    def __missing__(self, _name: str) -> Entry:
        return Entry()

    def __add__(self, later: Known) -> Known:
        both = Known(self)
        both.times = self.times if later.times is None else later.times
        for name, entry in later.items():
            both[name] += entry
        if not both.times:  # who does not want it any more wants it forgotten
            both.update({name: replace(entry, solved_at="") for name, entry in both.items()})
        return both


class BadProgress(ValueError):
    """Not the progress of this course."""


class NewerProgress(BadProgress):
    """The progress of a newer edition of this course."""


def as_text(entries: Mapping[str, Entry], times: bool | None = None) -> str:
    """The entries as the text of a progress file.

    Without times it is what the first edition wrote; with them, what that edition can read.
    """
    exercises = {name: asdict(entries[name]) for name in sorted(entries)}
    for fields in exercises.values():
        if not fields["solved_at"]:
            del fields["solved_at"]
    content = {"format": FORMAT, "version": VERSION, "exercises": exercises}
    return json.dumps({**content, "times": True} if times else content, indent=1)


def from_text(text: str | bytes) -> Known:
    """Read the text of a progress file. As bytes it may have a byte-order mark.

    Raises
    ------
    BadProgress
        If it is no progress of this course.
    NewerProgress
        If it is that of a newer edition.
    """
    newer = False
    try:
        content = json.loads(text.encode() if isinstance(text, str) else text)
        if content["format"] == FORMAT and content["version"] == VERSION:
            known = Known({name: _entry(what) for name, what in content["exercises"].items()})
            known.times = content.get("times") is True
            return known
        newer = content["format"] == FORMAT and content["version"] > VERSION
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass
    if newer:
        raise NewerProgress(_("It was written by a newer edition of this course."))
    raise BadProgress(_("It is not a progress file of this course."))


def _entry(fields: dict[str, Any]) -> Entry:
    entry = Entry(fields["tries"], fields["hints"], fields["solved"], fields.get("solved_at", ""))
    counts = entry.tries, entry.hints
    if {type(count) for count in counts} != {int} or type(entry.solved) is not bool:
        raise BadProgress
    if min(counts) < 0 or max(counts) > MOST:
        raise BadProgress
    if entry.solved_at != "":
        datetime.strptime(entry.solved_at, _TIME)
    return entry


def read_file(path: Path) -> Known:
    """Read a progress file.

    Raises
    ------
    BadProgress
        As in :func:`from_text`.
    OSError
        If it cannot be read, or is something else than a file: a pipe would never end.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, _("It is not a file."))
    with path.open("rb") as stream:
        return from_text(stream.read(MOST_BYTES))


class Progress:
    """The progress file of one learner.

    Parameters
    ----------
    path
        Where it is. By default what the environment variable ``LESSONKIT_PROGRESS`` says, or
        ``progress.json`` in the user's data directory.

    Attributes
    ----------
    messages
        What the learner should be told about the file; whoever shows them takes them away.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        chosen = path or os.environ.get("LESSONKIT_PROGRESS")
        usual = user_data_path("lessonkit", appauthor=False) / "progress.json"
        self.path = Path(chosen) if chosen else usual
        self.messages: list[str] = []
        self._seen = Known()  # what the file said when it was last read
        self._unsaved: list[Known] = []  # what is to be added to it
        self._trouble = ""  # what the learner was told, as long as it lasts

    def read(self) -> Known:
        """What is known about each exercise that somebody has tried."""
        if self._unsaved:
            self._save()
        try:
            self._seen = self._load()
        except (OSError, BadProgress):
            self._save()  # under the lock it is set aside, or said what is the matter
        return sum(self._unsaved, self._seen)

    def entry(self, name: str) -> Entry:
        """What is known about one exercise."""
        return self.read()[name]

    def note(self, name: str, *, tries: int = 0, hints: int = 0, solved: bool = False) -> Entry:
        """Add to what is known about an exercise, and save it; return all that is known now."""
        now = f"{datetime.now(UTC):{_TIME}}"  # kept by the addition, if the learner wants it
        self._unsaved.append(Known({name: Entry(tries, hints, solved, now)}))
        return self.entry(name)

    def note_times(self, wanted: bool) -> None:
        """Note from now on when something is solved first, or forget all such times."""
        change = Known()
        change.times = wanted
        self._unsaved.append(change)
        self.read()

    def reset(self) -> bool:
        """Forget everything; return whether that was possible."""
        try:
            with self._locked() as file:
                self._load_or_set_aside(file)  # a newer edition's file is not ours to remove
                file.unlink(missing_ok=True)
        except (OSError, NewerProgress) as error:
            self._say(error)
            return False
        self._unsaved, self._seen, self._trouble = [], Known(), ""
        return True

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write the progress to another file, to be handed in; return its path.

        Raises
        ------
        OSError
            If it cannot be written there.
        """
        known, target = self.read(), Path(path)
        target.write_text(as_text(known, known.times), encoding="utf-8")
        return target

    def take_messages(self) -> list[str]:
        """The messages, which count as told from now on."""
        told, self.messages = self.messages, []
        return told

    # --- the file --------------------------------------------------------------------------------

    def _load(self) -> Known:
        try:
            return read_file(self.path)
        except FileNotFoundError:
            return Known()

    def _save(self) -> None:
        try:
            with self._locked() as file:
                known = sum(self._unsaved, self._load_or_set_aside(file))
                _replace(file, as_text(known, known.times))
                self._unsaved, self._seen, self._trouble = [], known, ""
        except (OSError, NewerProgress) as error:  # a lock that cannot be had in time is one, too
            self._say(error)

    @contextmanager
    def _locked(self) -> Iterator[Path]:
        file = Path(os.path.realpath(self.path))  # a link stays, what it points to is replaced
        file.parent.mkdir(0o700, parents=True, exist_ok=True)
        # Who has waited in vain once does not wait again at each click.
        patience = 0 if self._trouble else LOCK_SECONDS
        with nullcontext() if IN_BROWSER else FileLock(f"{file}.lock", patience, mode=0o600):
            yield file

    def _load_or_set_aside(self, file: Path) -> Known:
        try:
            return self._load()
        except NewerProgress:
            raise
        except BadProgress:
            number = 1
            while (aside := file.with_suffix(f".damaged-{number}.json")).exists():
                number += 1
            file.rename(aside)
        words = _(
            "Your progress file could not be read. It was set aside as {file}, and counting"
            " starts anew."
        )
        self.messages.append(words.format(file=aside.name))
        return Known()

    def _say(self, error: Exception) -> None:
        if isinstance(error, NewerProgress):
            words = _(
                "Your progress file {file} was written by a newer edition of this course, and is"
                " left as it is. What you do here counts until the kernel ends."
            )
        else:
            words = _(
                "Your progress could not be saved, because {file} cannot be used at the moment."
                " It counts until the kernel ends, and is saved as soon as that is possible."
            )
        told, self._trouble = self._trouble, words.format(file=self.path)
        if told != self._trouble:
            self.messages.append(self._trouble)


def _replace(file: Path, text: str) -> None:
    new = Path(f"{file}.saving")
    new.unlink(missing_ok=True)  # of a save that was killed; no other lives, for we have the lock
    try:
        with open(new, "x", encoding="utf-8", opener=_private) as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


_progress: Progress | None = None


def learners_progress() -> Progress:
    """The progress of whoever works here."""
    global _progress
    if _progress is None:
        _progress = Progress()
        atexit.register(_progress.read)  # the last chance to save what could not be saved
    return _progress
