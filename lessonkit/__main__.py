"""``python -m lessonkit``, or just ``lessonkit``: opens the course, and looks after it."""

from __future__ import annotations

import argparse
import locale
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from lessonkit.course import NAMES
from lessonkit.editions import FIRST, copy_course, course_folder
from lessonkit.exercises.progress import learners_progress
from lessonkit.messages import LANGUAGES, _, language
from lessonkit.shop import Told


def main(words: list[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    learners = readers_language()
    language(learners)
    parser = argparse.ArgumentParser("lessonkit", description=_("Opens the course."))
    parser.add_argument("--language", choices=LANGUAGES, default=learners)
    parser.set_defaults(do=_open, options=[])
    commands = parser.add_subparsers(dest="command")
    opening = commands.add_parser("open", help=_("open the course in JupyterLab (the default)"))
    opening.add_argument("options", nargs="*", help=_("handed on to JupyterLab, after --"))
    copying = commands.add_parser(
        "copy", help=_("copy the notebooks to a folder of your own, or bring that copy up to date")
    )
    copying.add_argument("folder", type=Path)
    copying.set_defaults(do=_copy)
    solved = commands.add_parser("progress", help=_("show what you have solved"))
    solved.set_defaults(do=_progress)
    forget = commands.add_parser("reset", help=_("forget what you have solved"))
    forget.add_argument("--yes", action="store_true", help=_("without asking"))
    forget.set_defaults(do=_reset)
    commands.add_parser("check", help=_("check the installation")).set_defaults(do=_check)
    given = parser.parse_args(words)
    language(given.language)
    try:
        return int(given.do(given))
    except (ModuleNotFoundError, OSError, ValueError) as error:
        print(f"lessonkit: {error}", file=sys.stderr)
        return 1


def readers_language() -> str:
    """The language of whoever sits here: ``LESSONKIT_LANGUAGE``, or else the system's."""
    if chosen := os.environ.get("LESSONKIT_LANGUAGE"):
        return chosen
    names = [os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
    system = next(filter(None, names), None) or locale.getlocale()[0] or ""
    return "ja" if system.lower().startswith("ja") else "en"


def _open(given: argparse.Namespace) -> int:
    folder = course_folder(Path.cwd())
    if find_spec("jupyterlab") is None:
        raise ModuleNotFoundError(_with_extra("jupyterlab"))
    place = f"/lab/tree/notebooks/{given.language}/{FIRST}"
    where = [f"--ServerApp.root_dir={folder}", f"--LabApp.default_url={place}"]
    # JupyterLab speaks the course's language, unless its reader has chosen another one there.
    own = str(Path(__file__).parent / "locale" / given.language)
    settings = os.pathsep.join(filter(None, [own, os.environ.get("JUPYTER_CONFIG_PATH")]))
    surroundings = {**os.environ, "JUPYTER_CONFIG_PATH": settings}
    command = [sys.executable, "-m", "jupyterlab", *where, *given.options]
    return subprocess.call(command, env=surroundings)


def _with_extra(package: str) -> str:
    words = _("{package} is not installed. It comes with: {command}")
    return words.format(package=package, command='pip install "lessonkit[lab]"')


def _copy(given: argparse.Namespace) -> int:
    done = copy_course(course_folder(Path(__file__).parent), given.folder)
    print(_("New files: {number}").format(number=len(done.new)))
    print(_("Brought up to date: {number}").format(number=len(done.updated)))
    if done.beside:
        print(_("You have changed these. Your files are as they were; beside them you find:"))
        print(*(f"  {name}" for name in done.beside), sep="\n")
    print(_("Open it: go to {folder} and say `lessonkit`.").format(folder=given.folder))
    return 0


def _progress(_given: argparse.Namespace) -> int:
    known = learners_progress().read()
    for notebook, names in NAMES.items():
        solved = sum(name in known and known[name].solved for name in names)
        print(f"{notebook:<32}{solved} / {len(names)}")
    return _told()


def _reset(given: argparse.Namespace) -> int:
    question = _("Forget everything that you have solved? Type yes: ")
    if not given.yes and input(question).strip() != "yes":
        return 1
    return _told() if learners_progress().reset() else _told() or 1


def _told() -> int:
    """Say what is the matter with the progress file, if anything is."""
    messages = learners_progress().take_messages()
    print(*messages, sep="\n", end="\n" if messages else "", file=sys.stderr)
    return int(bool(messages))


def _check(_given: argparse.Namespace) -> int:
    wrong = list(_missing())
    for sentence in wrong:
        print(f"✗ {sentence}")
    if not wrong:
        print("✓", _("Everything is there, and an order went through the shop."))
    return int(bool(wrong))


def _missing() -> Iterator[str]:
    from packaging.requirements import Requirement

    from lessonkit import Order, Shop, run

    for text in requires("lessonkit") or ():
        needed = Requirement(text)
        core, lab = (
            needed.marker is None or needed.marker.evaluate({"extra": extra})
            for extra in ("", "lab")
        )
        if not lab:
            continue
        try:
            there = version(needed.name)
        except PackageNotFoundError:
            plain = _("{package} is not installed.").format(package=needed.name)
            yield plain if core else _with_extra(needed.name)
        else:
            if not needed.specifier.contains(there, prereleases=True):
                words = _("{package} {version} is too old or too new; {needed} is needed.")
                yield words.format(package=needed.name, version=there, needed=needed.specifier)
    course_folder(Path.cwd())
    shop = Shop()
    answer = run(shop.place_order(lambda command: shop.database.save(Order.create(command)))).result
    if answer.told is not Told.CONFIRMED:
        yield _("An order did not get through the shop.")
    told = learners_progress()
    told.read()
    yield from told.take_messages()


if __name__ == "__main__":
    sys.exit(main())
