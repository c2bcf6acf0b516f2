"""The way through a notebook: a core of ten minutes, and depths that need nothing but the core."""

from __future__ import annotations

import ast
import csv
import re
import statistics
from itertools import pairwise
from pathlib import Path

import pytest

from tests.notebook_code import namespace
from tests.notebooks import minutes
from tests.notebooks.parts import (
    NAMES,
    NOTEBOOKS,
    Cell,
    Part,
    anchor,
    cells,
    heading,
    parts,
    source,
)

OTHER = {"en": "ja", "ja": "en"}
OPTIONAL = "09-real-parts"
"""It stands outside of the ways through the course."""
BOTH = [(language, name) for name in NAMES for language in OTHER]
FIRST_LINE = {
    "en": r"\*\*Core: (\d+) minutes\.\*\* Going deeper: ([\d +]+) minutes, each on its own\.",
    "ja": r"\*\*基本編: (\d+)分。\*\* 発展編: ([\d分・]+)分[((]どれも単独で読めます[))]。",
}
DEPTH_LINE = {"en": r"\*Going deeper, (\d+) minutes? · ", "ja": r"発展編、(\d+)分 · "}
MAP = {"en": "00-start.ipynb#The-map", "ja": "00-start.ipynb#cell-id=map"}


def place(language: str, cell: Cell, words: str) -> str:
    """How a link leads to a heading.

    JupyterLab compares the name of the place as the browser has encoded it, so that of a Japanese
    heading is never found. There the link names the cell; exported HTML knows that name as well.
    """
    return anchor(words) if language == "en" else f"cell-id={cell['id']}"


CORE_WORDS, CORE_LINES = 6500, 700
LONG, LONG_CELLS = 25, 12


@pytest.mark.parametrize("name", NAMES)
def test_the_core_has_ten_minutes_and_a_dozen_cells(name: str) -> None:
    core, depths = parts("en", name)
    assert 8 <= len(core.cells) <= 14
    assert 8 <= minutes.minutes(core) <= 12
    assert depths


@pytest.mark.parametrize(("language", "name"), BOTH)
def test_the_minutes_that_a_notebook_names_are_the_counted_ones(language: str, name: str) -> None:
    core, deeper = minutes.counted(name)
    first = cells(language, name)[0]
    told = re.search(FIRST_LINE[language], source(first))
    assert told, source(first)
    assert (int(told[1]), [int(n) for n in re.findall(r"\d+", told[2])]) == (core, deeper)
    for depth, expected in zip(parts(language, name)[1], deeper, strict=True):
        found = re.search(DEPTH_LINE[language], source(depth.cells[0]))
        assert found, depth.name
        assert int(found[1]) == expected, f"{depth.name}: {expected} minutes"
    listed = source(next(c for c in cells(language, name) if c["id"] == "deeper"))
    assert [int(n) for n in re.findall(r"(\d+)(?: minutes?|分)", listed)] == deeper


def test_the_table_of_the_course_has_the_counted_minutes() -> None:
    with minutes.COURSE.open(encoding="utf-8") as file:
        told = {row["notebook"]: row for row in csv.DictReader(file)}
    for name in NAMES:
        core, deeper = minutes.counted(name)
        row = told[name]
        found = int(row["core_minutes"]), int(row["deeper_minutes"])
        assert found == (core, sum(deeper)), f"{name}: python tests/notebooks/minutes.py"


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_short_route_has_six_stops_and_takes_45_minutes(language: str) -> None:
    places = {}  # what is left of the core from there on, in its English form
    for name in NAMES:
        (core, _), (english, _) = parts(language, name), parts("en", name)
        for at, cell in enumerate(core.cells):
            for words in re.findall(r"^## +(.+)$", source(cell), re.MULTILINE):
                rest = Part(cell["id"], words, english.cells[at:])
                to = place(language, cell, words)
                places[f"{name}.ipynb#{to}"] = minutes.minutes(rest)
    text = next(source(c) for c in cells(language, "00-start") if c["id"] == "map")
    stops = re.findall(r"^\d\. \[.+\]\((.+)\)[,、] ?(\d+)(?: minutes|分)$", text, re.MULTILINE)
    assert len(stops) == 6
    for link, told in stops:
        stop = f"{NAMES[0]}.ipynb{link}" if link.startswith("#") else link
        assert int(told) == places[stop], stop
    assert 40 <= sum(int(told) for _link, told in stops) <= 46


@pytest.mark.parametrize("readme", ["README.md", "README.ja.md"])
def test_the_readme_has_the_counted_minutes(readme: str) -> None:
    text = (NOTEBOOKS.parent / readme).read_text(encoding="utf-8")
    found = re.findall(r"^\| `(\d\d-[\w-]+)` \| (\d+) \| (\d+) \|", text, re.MULTILINE)
    counted = {name: minutes.counted(name) for name in NAMES}
    assert found == [(name, str(core), str(sum(rest))) for name, (core, rest) in counted.items()]


@pytest.mark.parametrize(("language", "name"), BOTH)
def test_links_lead_to_the_other_language_the_map_on_and_back(language: str, name: str) -> None:
    core, depths = parts(language, name)
    theirs, their_depths = parts(OTHER[language], name)
    first, other = source(core.cells[0]), f"../{OTHER[language]}/{name}.ipynb"
    assert f"]({other})" in first
    if name != NAMES[0]:
        assert f"]({MAP[language]})" in first
    at = NAMES.index(name)
    for cell in core.cells[-1], cells(language, name)[-1]:
        for neighbour in [*NAMES[max(at - 1, 0) : at], *NAMES[at + 1 : at + 2]]:
            assert f"]({neighbour}.ipynb" in source(cell), (cell["id"], neighbour)
    listed = source(next(c for c in cells(language, name) if c["id"] == "deeper"))
    for ours, theirs in zip(depths, their_depths, strict=True):
        here = place(language, ours.cells[0], ours.heading)
        there = place(OTHER[language], theirs.cells[0], theirs.heading)
        assert f"](#{here})" in listed, ours.name
        assert f"]({other}#{there})" in source(ours.cells[0]), ours.name


@pytest.mark.parametrize(("language", "name"), BOTH)
def test_every_link_to_a_notebook_leads_there(language: str, name: str) -> None:
    for cell in cells(language, name):
        if cell["cell_type"] != "markdown":
            continue
        for target in re.findall(r"\]\(([^)#:]+\.ipynb)\)", source(cell)):
            assert (NOTEBOOKS / language / target).exists(), f"{cell['id']}: {target}"
        for target, to in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", source(cell)):
            path = (NOTEBOOKS / language / (target or f"{name}.ipynb")).resolve()
            known = {
                place(path.parent.name, there, words.strip())
                for there in cells(path.parent.name, path.stem)
                if there["cell_type"] == "markdown"
                for words in re.findall(r"^#+ +(.+)$", source(there), re.MULTILINE)
            }
            assert to in known, f"{cell['id']}: {target}#{to}"


@pytest.mark.parametrize("name", NAMES)
def test_a_sentence_stands_between_two_code_cells(name: str) -> None:
    kinds = [(cell["cell_type"], cell["id"]) for cell in cells("en", name)]
    for (before, first), (after, second) in pairwise(kinds):
        if (first, second) != ("setup-language", "setup"):
            assert (before, after) != ("code", "code"), f"{first}, {second}"


def code_cells() -> list[tuple[str, int, str]]:
    return [
        (f"{name}: {cell['id']}", minutes.lines(source(cell)), source(cell))
        for name in NAMES
        for cell in cells("en", name)
        if cell["cell_type"] == "code"
    ]


def test_code_cells_are_short() -> None:
    found = code_cells()
    long = [name for name, lines, _code in found if lines > LONG]
    assert len(long) <= LONG_CELLS, long
    assert statistics.median(lines for _name, lines, _code in found) <= 8


def test_a_learner_reads_no_assert_and_little_plumbing() -> None:
    calls = 0
    for name, _lines, code in code_cells():
        for node in ast.walk(ast.parse(code)):
            assert not isinstance(node, ast.Assert), f"{name}: belongs in tests/notebooks/claims"
            calls += isinstance(node, ast.Call) and ast.unparse(node.func) == "tr"
    assert calls <= 100


def test_the_cores_together_are_a_course_of_ninety_minutes() -> None:
    cores = [parts("en", name)[0] for name in NAMES if name != OPTIONAL]
    prose = [c for core in cores for c in core.cells if c["cell_type"] == "markdown"]
    code = [c for core in cores for c in core.cells if c["cell_type"] == "code"]
    assert sum(minutes.words(source(cell)) for cell in prose) <= CORE_WORDS
    assert sum(minutes.lines(source(cell)) for cell in code) <= CORE_LINES
    assert 80 <= sum(map(minutes.minutes, cores)) <= 95


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_core_and_any_single_depth_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(NOTEBOOKS / "en")
    monkeypatch.setenv("LESSONKIT_REAL", "off")  # nbval runs the real parts, twice
    core, depths = parts("en", name)
    namespace(name, *core.code)
    for depth in depths:
        namespace(name, *core.code, *depth.code)


def test_headings_are_places(tmp_path: Path) -> None:
    cell = {"cell_type": "markdown", "id": "x", "source": ["## Two words\n", "\n", "prose"]}
    assert anchor(heading(cell)) == "Two-words"
