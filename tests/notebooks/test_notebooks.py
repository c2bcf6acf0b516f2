"""What holds for every notebook. That its cells run is tested by nbval, beside this."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from tests.notebooks.parts import source

HERE = Path(__file__).parent
NOTEBOOKS = HERE.parents[1] / "notebooks"
NAMES = sorted(path.stem for path in (NOTEBOOKS / "en").glob("*.ipynb"))
BOTH = [(language, name) for name in NAMES for language in ("en", "ja")]


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pairs = tool("pairs")
execute = tool("execute")


def read(language: str, name: str) -> dict:
    path = NOTEBOOKS / language / f"{name}.ipynb"
    return json.loads(path.read_text(encoding="utf-8"))


def outputs(book: dict) -> dict[str, object]:
    """The outputs of each code cell, without the counts that say how often it was run.

    Without the cells tagged ``real``: which order a real kill hits differs from run to run.
    """
    found = {}
    for cell in book["cells"]:
        if cell["cell_type"] == "code" and "real" not in cell["metadata"].get("tags", []):
            plain = json.loads(json.dumps(cell["outputs"]))
            for output in plain:
                output.pop("execution_count", None)
                for kind, data in output.get("data", {}).items():
                    output["data"][kind] = "".join(data) if isinstance(data, list) else data
                if isinstance(output.get("text"), list):
                    output["text"] = "".join(output["text"])
            found[cell["id"]] = plain
    return found


def test_every_notebook_is_there_in_both_languages() -> None:
    assert {path.stem for path in (NOTEBOOKS / "ja").glob("*.ipynb")} == set(NAMES)
    assert NAMES


@pytest.mark.parametrize(("language", "name"), BOTH)
def test_opens_without_a_question_and_stays_small(language: str, name: str) -> None:
    book = read(language, name)
    nbformat.validate(nbformat.from_dict(book))
    assert book["metadata"]["kernelspec"]["name"] == "python3"
    assert (NOTEBOOKS / language / f"{name}.ipynb").stat().st_size < 500_000
    assert 20 <= len(book["cells"]) <= 62


@pytest.mark.parametrize(("language", "name"), BOTH)
def test_every_code_cell_was_run_and_kept_its_output(language: str, name: str) -> None:
    for cell in read(language, name)["cells"]:
        if cell["cell_type"] == "code":
            assert cell["execution_count"], f"{cell['id']} has no execution count"
        tags = cell["metadata"].get("tags", [])
        if "nbval-check-output" in tags:
            assert cell["outputs"], f"{cell['id']} is to be compared, but shows nothing"


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_cells_and_the_same_code(name: str) -> None:
    english, japanese = read("en", name)["cells"], read("ja", name)["cells"]
    assert [cell["id"] for cell in english] == [cell["id"] for cell in japanese]
    for ours, theirs in zip(english, japanese, strict=True):
        assert ours["cell_type"] == theirs["cell_type"], ours["id"]
        assert ours["metadata"] == theirs["metadata"], ours["id"]
        if ours["cell_type"] == "code" and ours["id"] != "setup-language":
            assert source(ours) == source(theirs), ours["id"]
    setup = {cell["id"]: source(cell) for cell in japanese}["setup-language"]
    assert 'language("ja")' in setup


def test_no_side_is_stale() -> None:
    found = pairs.complaints(pairs.recorded(), pairs.now())
    assert not found, "\n".join([*found, "(then: python tests/notebooks/pairs.py)"])


def test_a_change_on_one_side_makes_the_other_stale() -> None:
    before = {"00": {"a": {"en": "1", "ja": "2"}}}
    assert pairs.complaints(before, before) == []
    after = {"00": {"a": {"en": "other", "ja": "2"}}}
    assert pairs.complaints(before, after) == ["00, cell 'a': en has changed, so ja may be stale"]


@pytest.mark.parametrize(("language", "name"), BOTH)
def test_japanese_stays_japanese_and_english_stays_english(language: str, name: str) -> None:
    for cell in read(language, name)["cells"]:
        if cell["cell_type"] == "markdown":
            words = re.sub(r"\]\([^)]*\)", "]", source(cell))  # a link may lead to the other side
            has_kana = re.search(r"[ぁ-んァ-ヶ]", words) is not None
            assert has_kana == (language == "ja"), cell["id"]


@pytest.mark.slow
@pytest.mark.parametrize(("language", "name"), BOTH)
def test_a_second_run_in_the_same_kernel_shows_what_is_stored(language: str, name: str) -> None:
    stored = read(language, name)
    again = execute.execute(NOTEBOOKS / language / f"{name}.ipynb", times=2)
    fresh, kept = outputs(json.loads(nbformat.writes(again))), outputs(stored)
    for cell_id, expected in kept.items():
        assert fresh[cell_id] == expected, f"{cell_id}: python tests/notebooks/execute.py {name}"
