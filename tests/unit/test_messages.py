"""Every text on screen is there in both languages, and none is left over."""

from __future__ import annotations

import importlib.util
import os
import re
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from lessonkit.messages import (
    LANGUAGES,
    current_language,
    language,
    pgettext,
    service_name,
    tr,
)

ROOT = Path(__file__).parents[2]


def load_catalogue() -> ModuleType:
    spec = importlib.util.spec_from_file_location("catalogue", ROOT / "tests" / "catalogue.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


catalogue = load_catalogue()


@pytest.fixture(autouse=True)
def _english_afterwards() -> Iterator[None]:
    before = current_language()
    yield
    language(before)


def test_no_message_is_missing_and_none_is_unused() -> None:
    translated = {(message.context, message.id) for message in catalogue.read("ja") if message.id}
    assert catalogue.used() - translated == set(), "python tests/catalogue.py, then translate"
    assert translated - catalogue.used() == set(), "python tests/catalogue.py"


def test_every_message_has_a_japanese_text() -> None:
    untranslated = [m.id for m in catalogue.read("ja") if m.id and not m.string]
    assert untranslated == []


def test_a_translation_has_the_same_gaps() -> None:
    def gaps(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}

    for message in catalogue.read("ja"):
        if message.id:
            assert gaps(message.string) == gaps(message.id), message.id


def test_the_compiled_catalogue_is_up_to_date() -> None:
    path = catalogue.po_path("ja")
    assert path.with_suffix(".mo").read_bytes() == catalogue.compiled(catalogue.read("ja"))


def test_no_message_hides_in_an_f_string() -> None:
    # Python before 3.12 does not show those to the tool that collects messages.
    hidden = re.compile(r"""\bf(["'])[^"'\n]*\{(_|tr|N_)\(["']""")
    for source in catalogue._sources():
        assert hidden.search(source) is None


def test_the_language_decides_what_is_shown() -> None:
    language("ja")
    assert tr("confirmed") == "確定"
    assert service_name("inventory") == "在庫サービス"
    assert pgettext("service", "orders") == "注文サービス"
    language("en")
    assert tr("confirmed") == "confirmed"
    assert service_name("a learner's own") == "a learner's own"


def test_an_empty_or_unknown_text_is_left_alone() -> None:
    language("ja")
    assert tr("") == ""
    assert tr("P-1 8, P-2 5") == "P-1 8, P-2 5"


@pytest.mark.parametrize("wrong", ["fr", "", "JA", None, 1, ["ja"]])
def test_an_unknown_language_is_refused_and_changes_nothing(wrong: object) -> None:
    language("ja")
    with pytest.raises(ValueError, match=r"language: .* say 'en' or 'ja'"):
        language(wrong)  # type: ignore[arg-type]
    assert current_language() == "ja"


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_environment_variable_sets_the_first_language(code: str) -> None:
    command = "import lessonkit; print(lessonkit.current_language())"
    environment = {**os.environ, "LESSONKIT_LANGUAGE": code}
    shown = subprocess.run(
        [sys.executable, "-c", command],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == code


def test_a_wrong_environment_variable_is_named() -> None:
    result = subprocess.run(
        [sys.executable, "-c", "import lessonkit; lessonkit.tr"],
        env={**os.environ, "LESSONKIT_LANGUAGE": "xx"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "environment variable LESSONKIT_LANGUAGE: language: 'xx'" in result.stderr
