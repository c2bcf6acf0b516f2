"""What a learner has solved, in one small JSON file that outlives the kernel.

Every change is read, made and written under a lock, and written to a new file that takes the place
of the old one in one go. So two kernels that write at once lose nothing, and a power failure leaves
the old file or the new one. If the file cannot be used, the course goes on: what could not be saved
is kept in memory, and saved when the file can be used again.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from filelock import FileLock
from platformdirs import user_data_path

from lessonkit.messages import _

FORMAT: Final = "lessonkit progress"
VERSION: Final = 1
LOCK_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Entry:
    """What is known about one exercise: tries that were not solved, hints opened, solved or not."""

    tries: int = 0
    hints: int = 0
    solved: bool = False

    def __add__(self, other: Entry) -> Entry:
        return Entry(
            self.tries + other.tries, self.hints + other.hints, self.solved or other.solved
        )


class BadProgress(ValueError):
    """The text is not the progress of this course."""


def as_text(entries: dict[str, Entry]) -> str:
    """The entries as the text of a progress file."""
    exercises = {name: asdict(entries[name]) for name in sorted(entries)}
    return json.dumps({"format": FORMAT, "version": VERSION, "exercises": exercises}, indent=1)


def from_text(text: str) -> dict[str, Entry]:
    """Read the text of a progress file.

    Raises
    ------
    BadProgress
        If it is no progress of this course, or of a newer version of it.
    """
    try:
        content = json.loads(text)
        if content["format"] != FORMAT or content["version"] != VERSION:
            raise BadProgress(f"not a file of {FORMAT}, version {VERSION}")
        return {name: _entry(fields) for name, fields in content["exercises"].items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BadProgress(str(error)) from error


def _entry(fields: dict[str, Any]) -> Entry:
    entry = Entry(fields["tries"], fields["hints"], fields["solved"])
    for number in (entry.tries, entry.hints):
        if type(number) is not int or number < 0:
            raise BadProgress(f"{number!r} is no count")
    if type(entry.solved) is not bool:
        raise BadProgress(f"{entry.solved!r} is neither true nor false")
    return entry


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
        self._unsaved: dict[str, Entry] = {}

    def read(self) -> dict[str, Entry]:
        """What is known about each exercise that somebody has tried."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return dict(self._unsaved)
        except (OSError, UnicodeDecodeError):
            return self._save()
        try:
            return _merged(from_text(text), self._unsaved)
        except BadProgress:
            return self._save()  # under the lock it is set aside

    def entry(self, name: str) -> Entry:
        """What is known about one exercise."""
        return self.read().get(name, Entry())

    def note(self, name: str, *, tries: int = 0, hints: int = 0, solved: bool = False) -> Entry:
        """Add to what is known about an exercise, and save it; return all that is known now."""
        more = {name: Entry(tries, hints, solved)}
        self._unsaved = _merged(self._unsaved, more)
        return self._save()[name]

    def reset(self) -> None:
        """Forget everything."""
        self._unsaved = {}
        try:
            with self._lock():
                self.path.unlink(missing_ok=True)
        except OSError as error:
            self._say_unsaved(error)

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write the progress to another file, to be handed in; return its path.

        Raises
        ------
        OSError
            If it cannot be written there.
        """
        target = Path(path)
        target.write_text(as_text(self.read()), encoding="utf-8")
        return target

    def take_messages(self) -> list[str]:
        """The messages, which count as told from now on."""
        told, self.messages = self.messages, []
        return told

    # --- the file --------------------------------------------------------------------------------

    def _save(self) -> dict[str, Entry]:
        try:
            with self._lock():
                entries = _merged(self._load(), self._unsaved)
                self._replace(as_text(entries))
        except OSError as error:  # a lock that cannot be had in time is one, too
            self._say_unsaved(error)
            return dict(self._unsaved)
        self._unsaved = {}
        return entries

    def _lock(self) -> FileLock:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(f"{self.path}.lock", timeout=LOCK_SECONDS)

    def _load(self) -> dict[str, Entry]:
        try:
            return from_text(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (BadProgress, UnicodeDecodeError):
            self._set_aside()
            return {}

    def _set_aside(self) -> None:
        number = 1
        while (aside := self.path.with_suffix(f".damaged-{number}.json")).exists():
            number += 1
        self.path.rename(aside)
        words = _(
            "Your progress file could not be read. It was set aside as {file}, and counting"
            " starts anew."
        )
        self.messages.append(words.format(file=aside.name))

    def _replace(self, text: str) -> None:
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f"{self.path.name}.")
        try:
            with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - it is open already
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink()
            raise

    def _say_unsaved(self, error: OSError) -> None:
        words = _("Your progress could not be saved ({error}). It counts until the kernel ends.")
        self.messages.append(words.format(error=error.strerror or type(error).__name__))


def _merged(ours: dict[str, Entry], theirs: dict[str, Entry]) -> dict[str, Entry]:
    both = dict(ours)
    for name, entry in theirs.items():
        both[name] = both.get(name, Entry()) + entry
    return both


_progress: Progress | None = None


def learners_progress() -> Progress:
    """The progress of whoever works here."""
    global _progress
    if _progress is None:
        _progress = Progress()
    return _progress
