"""The glossary: both languages, a source, and a notebook for every term."""

from __future__ import annotations

import csv
import re
from urllib.parse import urlsplit

import pytest

from lessonkit.course.summary import views
from lessonkit.messages import language
from tests.notebooks.parts import NAMES, NOTEBOOKS

PATH = NOTEBOOKS.parent / "data" / "glossary.csv"
with PATH.open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))


def test_there_are_some_forty_terms_and_each_is_there_once() -> None:
    assert len(ROWS) >= 40
    for column in ("term_en", "term_ja"):
        terms = [row[column].casefold() for row in ROWS]
        assert len(set(terms)) == len(terms)
    assert [row["term_en"] for row in ROWS] == sorted(
        (row["term_en"] for row in ROWS), key=str.casefold
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["term_en"])
def test_every_term_is_explained_in_both_languages(row: dict[str, str]) -> None:
    assert all(value and value == value.strip() for value in row.values())
    kana = re.compile(r"[ぁ-んァ-ヶ]")
    assert not kana.search(row["term_en"] + row["meaning_en"] + row["in_practice"])
    assert kana.search(row["meaning_ja"])
    assert row["meaning_en"].endswith(".")
    assert row["meaning_ja"].endswith("。")
    assert re.fullmatch(r"[ぁ-んー]+|[A-Za-z0-9]+", row["reading_ja"])
    source = urlsplit(row["source"])
    assert source.scheme == "https"
    assert "." in source.netloc
    assert row["notebook"] in NAMES


@pytest.mark.parametrize(("code", "first"), [("en", "A"), ("ja", "C")])
def test_the_folded_table_has_every_term_under_its_letter(code: str, first: str) -> None:
    language(code)
    try:
        shown = views.glossary(PATH).html
    finally:
        language("en")
    for row in ROWS:
        assert f"{row[f'term_{code}']}</b>" in shown
        assert f'href="{row["notebook"]}.ipynb"' in shown
    groups = re.findall(r"<summary><b>(.)", shown)
    assert groups[0] == first
    assert groups == sorted(groups)
    assert shown.count("<tr>") == len(ROWS) + len(groups)
