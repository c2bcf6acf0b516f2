"""Every figure of the prose is what a run says, in both languages.

``claims/NOTEBOOK.toml`` binds figures to expressions. The test runs the notebook, evaluates them in
its namespace, and looks the formatted figure up in the cell of each language. A number of the prose
that no claim covers, in digits or in English words ("twice", "three"), fails as well, unless it is
declared to be no result. Each piece of text that a claim or a declaration names stands once in its
cell: it speaks of one place, and hides no other.

What takes many seconds (each pair of bad luck) stands there in ``slow_setup`` and ``slow_holds``,
and the cells that speak of it in ``slow_cells``: those are tried where slow tests are.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.notebook_code import namespace
from tests.notebooks.parts import NAMES, NOTEBOOKS, cells, source

CLAIMS = Path(__file__).with_name("claims")

# What holds digits and is no figure: diagrams and code, the targets of links, names such as O-001,
# p99 or KIP-932, the number of a notebook, and that of an item.
NO_FIGURES = re.compile(
    r"```.*?```|`[^`\n]*`|\[[^\]]*\]\([^)]*\.ipynb[^)]*\)|\]\([^)]*\)|<[^>]*>|\b[A-Za-z]+-\d+\b|\b[A-Za-z]+\d+\b"
    r"|(?i:notebooks?) \d\d\b(?:(?:, | and | or )\d\d\b)*|ノートブック\d\d(?:[、と〜]\d\d)*"
    r"|^# \d+|^ *\d+\. |\$[^$\n]*\$"
    # Not "1つ" and "one", articles. More than that is a figure, so one changed to two is seen.
    r"|(?<!\d)1つ"
    r"|\b[Hh]alf-way\b"
    # The minutes of the parts, which test_parts.py counts.
    r"|^\*\*(?:Core|基本編):[^\n]*|^(?:\*Going deeper, |発展編、)[^\n]*"
    r"|(?<=\)), \d+ minutes?:|(?<=\))\(\d+分\) ──",
    re.DOTALL | re.MULTILINE,
)
UNIT = "(?:two|three|four|five|six|seven|eight|nine)"
FIGURE = re.compile(
    rf"\d+(?:[.,:]\d+)*|\b(?:{UNIT}|ten|eleven|twelve|\w+teen|hundred(?:th)?|thousand"
    rf"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty(?:-{UNIT})?"
    r"|twice|half|thirds|quarters?|(?:a|one) third)\b",
    re.IGNORECASE,
)


def figures(text: str) -> list[re.Match[str]]:
    """The numbers of a text that a reader takes for a figure."""
    plain = NO_FIGURES.sub(lambda found: " " * len(found[0]), text)
    return list(FIGURE.finditer(plain))


def complaints(text: str, pieces: dict[str, str]) -> list[str]:
    """What is wrong with the figures of a text; ``pieces`` says of each where it comes from."""
    wrong = []
    for piece, origin in pieces.items():
        count = len(re.findall(_whole(piece), text))
        if count != 1:
            wrong.append(f"{piece!r} ({origin}) stands there {count} times, not once")
    wrong += [f"nothing says where {one} comes from" for one in uncovered(text, list(pieces))]
    return wrong


def uncovered(text: str, bound: list[str]) -> list[str]:
    """The figures of a text that stand in none of these pieces of it."""
    spans = [found.span() for piece in bound for found in re.finditer(_whole(piece), text)]
    return [
        figure[0]
        for figure in figures(text)
        if not any(a <= figure.start() and figure.end() <= b for a, b in spans)
    ]


def _whole(piece: str) -> str:
    """A pattern for a piece that is not a part of a longer number: 9 is not in 99."""
    before = r"(?<![\d.,])" if piece[0].isdigit() else ""
    after = r"(?!\d|[.,]\d)" if piece[-1].isdigit() else ""
    return before + re.escape(piece) + after


def book_of(name: str) -> dict[str, Any]:
    return tomllib.loads((CLAIMS / f"{name}.toml").read_text(encoding="utf-8"))


def judge(name: str, monkeypatch: pytest.MonkeyPatch, slow: bool) -> list[str]:
    """What is wrong with the figures of a notebook; without the slow ones, or with all."""
    monkeypatch.chdir(NOTEBOOKS / "en")
    monkeypatch.setenv("LESSONKIT_REAL", "off")  # the prose speaks of what was measured before
    book = book_of(name)
    later = [] if slow else book.get("slow_cells", [])
    texts = {
        language: {c["id"]: source(c) for c in cells(language, name) if c["cell_type"] != "code"}
        for language in ("en", "ja")
    }
    code = {c["id"]: source(c) for c in cells("en", name) if c["cell_type"] == "code"}
    known = namespace(name, *code)

    def written(cell: str, pattern: str) -> float:
        """A number that stands in a code cell, and is no variable: the first that fits."""
        found = re.search(pattern, code[cell])
        assert found, f"nothing in {cell} fits {pattern}"
        return float(found[1])

    known["written"] = written
    holds = book.get("holds", [])
    exec(book.get("setup", ""), known)
    if slow:
        exec(book["slow_setup"], known)
        holds += book.get("slow_holds", [])
    wrong = [f"no longer holds: {held}" for held in holds if not eval(held, known)]
    pieces: dict[tuple[str, str], dict[str, str]] = {
        (language, cell): {} for language, told in texts.items() for cell in told
    }
    for claim in book.get("claim", []):
        if claim["cell"] not in later:
            value = eval(claim["value"], known)
            for language in texts:
                pieces[language, claim["cell"]][claim[language].format(value)] = claim["value"]
    for free in book.get("free", []):
        for language in texts:
            own = free.get(language, free.get("figures", []))
            pieces[language, free["cell"]] |= dict.fromkeys(own, free["why"])
    for (language, cell), own in pieces.items():
        if cell not in later:
            found = complaints(texts[language][cell], own)
            wrong += [f"{language}, {cell}: {what}" for what in found]
    return wrong


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_what_the_run_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = judge(name, monkeypatch, slow=False)
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if "slow_setup" in book_of(name)])
def test_so_is_every_figure_that_takes_long(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = judge(name, monkeypatch, slow=True)
    assert not wrong, "\n".join(wrong)


def test_a_changed_figure_is_seen() -> None:
    text = "In 26 of 34 cases, 1,234 yen; see notebook 05 and `f(3)`, O-001, p99."
    pieces = dict.fromkeys(["26 of 34 cases", "1,234 yen"], "a run")
    assert complaints(text, pieces) == []
    assert complaints(text.replace("of 34", "of 35"), pieces) == [
        "'26 of 34 cases' (a run) stands there 0 times, not once",
        "nothing says where 26 comes from",
        "nothing says where 35 comes from",
    ]
    assert uncovered(text, ["26 of 34 cases", "234 yen"]) == ["1,234"]


def test_so_is_one_in_words() -> None:
    text = "Twenty-five clicks, half-way; one of three orders came twice, two-hundredth."
    assert uncovered(text, []) == ["Twenty-five", "three", "twice", "two", "hundredth"]
    assert uncovered(text.replace("one of", "two of"), ["Twenty-five clicks", "three"])[0] == "two"


def test_so_is_one_that_stands_beside_its_like() -> None:
    declared = dict.fromkeys(["3人", "5人"], "the scene")
    assert complaints("3人のうち1つの店に5人。", declared) == []
    assert complaints("5人のうち1つの店に5人。", declared)  # 5人 is declared, for one place
    assert complaints("3人のうち2つの店に5人。", declared) == ["nothing says where 2 comes from"]
