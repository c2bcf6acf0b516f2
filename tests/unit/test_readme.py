"""What the README says is true: its example runs, and the files it names exist."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lessonkit.__main__ import main

ROOT = Path(__file__).parents[2]
READMES = ["README.md", "README.ja.md"]
PAGES = [*READMES, "CONTRIBUTING.md"]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", READMES)
def test_the_example_prints_what_the_readme_says(name: str) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", text(name), re.DOTALL)
    expected = example.strip().splitlines()[-1].removeprefix("# ")
    shown = subprocess.run(
        [sys.executable, "-c", example], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == expected


@pytest.mark.parametrize("name", PAGES)
def test_every_file_that_is_named_exists(name: str) -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", text(name))
    paths = re.findall(
        r"(?<![\w/])((?:tests|notebooks|lessonkit|data|docs)/[\w/.-]+\w)", text(name)
    )
    assert links
    for path in [*links, *paths]:
        assert (ROOT / path).exists(), path


def test_both_readmes_give_the_same_commands() -> None:
    def commands(name: str) -> list[str]:
        blocks = re.findall(r"```(?:sh|powershell)\n(.*?)```", text(name), re.DOTALL)
        return [re.sub(r"--language (ja|en)", "--language XX", block) for block in blocks]

    assert commands("README.md") == commands("README.ja.md")


@pytest.mark.parametrize("name", [*READMES, "docs/teachers.md", "docs/teachers.ja.md"])
def test_every_command_and_extra_that_is_named_exists(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LESSONKIT_LANGUAGE", "en")
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    named = re.findall(r"(?:-e )?\"?\.\[([\w,-]+)\]|--extra ([\w-]+)", text(name))
    assert {extra for pair in named for extra in "".join(pair).split(",")} <= {*extras}
    commands = re.findall(r"`(?:[^`]*[/ ])?lessonkit((?: [\w.-]+)*)`", text(name))
    for command in commands:
        with pytest.raises(SystemExit) as ended:
            main([*command.split(), "--help"])
        assert ended.value.code == 0, command
    assert commands or "teachers" in name


def test_ci_calls_the_test_command_of_the_readme() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert '-c constraints.txt -e ".[test]"' in ci
    (command,) = re.findall(r'"\.\[test\]" && \.venv/bin/(pytest.*)\n', text("README.md"))
    assert ci.rstrip().endswith(command.replace("pytest", '"$venv/bin/pytest"', 1))
