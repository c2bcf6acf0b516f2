"""The three lists of packages agree, and the package stays light."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import lessonkit

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
#: What the README's line installs.
EVERYTHING = [*PROJECT["dependencies"], *EXTRAS["lab"]]


def floors(requirements: list[str]) -> dict[str, str]:
    found = {}
    for text in requirements:
        requirement = Requirement(text)
        (specifier,) = requirement.specifier
        assert specifier.operator == ">=", f"{text}: floors only"
        found[canonicalize_name(requirement.name)] = specifier.version
    return found


def constraints() -> dict[str, Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pins}


def test_conda_has_the_same_packages_and_floors() -> None:
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert listed["channels"] == ["conda-forge"]
    plain = [text for text in listed["dependencies"] if isinstance(text, str) and text != "pip"]
    conda = floors([text for text in plain if not text.startswith("python>")])
    by_pip = "jupyterlab-language-pack"
    everywhere = [text for text in EVERYTHING if Requirement(text).marker is None]
    assert conda == floors([text for text in everywhere if not text.startswith(by_pip)])
    assert f"python{PROJECT['requires-python']}" in plain
    assert {"pip": ["-e .[lab]"]} in listed["dependencies"]


def test_the_constraints_cover_every_package_and_respect_its_floor() -> None:
    pins = constraints()
    assert EXTRAS["test"][0] == "lessonkit[lab]"
    for text in [
        *EVERYTHING,
        *EXTRAS["test"][1:],
        *EXTRAS["bench"],
        *EXTRAS["real"],
        *EXTRAS["site"],
        *(text for text in EXTRAS["real-test"] + EXTRAS["tools"] if "lessonkit" not in text),
    ]:
        requirement = Requirement(text)
        (pin,) = pins[canonicalize_name(requirement.name)].specifier
        assert pin.operator == "=="
        assert requirement.specifier.contains(pin.version), text


def test_what_the_owner_fixed_is_there() -> None:
    assert PROJECT["requires-python"] == ">=3.11"
    packages = floors(EVERYTHING)
    assert {"jupyterlab", "nest-asyncio", "ipywidgets", "pandas", "nbval"} <= set(packages)
    assert packages["ipykernel"] == "7.4"
    for name in ("notebooks", "lessonkit", "data", "environment.yml", "tests", "README.md"):
        assert (ROOT / name).exists()


def test_what_the_workflows_install_and_run_is_there() -> None:
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
        lines = " ".join(step.get("run", "") for job in jobs.values() for step in job["steps"])
        assert set(re.findall(r"\.\[(\w+)\]", lines)) <= set(EXTRAS)
        for name in re.findall(r"(?:docs|tests|\.ci)/[\w/.]+", lines):
            assert (ROOT / name).exists(), name


def test_the_menu_has_the_names_that_the_japanese_notebooks_tell() -> None:
    pack = files("jupyterlab_language_pack_ja_JP") / "locale/ja_JP/LC_MESSAGES/jupyterlab.json"
    words = json.loads(pack.read_text(encoding="utf-8"))
    first = (ROOT / "notebooks" / "ja" / "00-start.ipynb").read_text(encoding="utf-8")
    for name in ("Run All Cells", "Run"):
        (told,) = {words[key][0] for key in words if key.rpartition("\x04")[2] == name}
        assert told in first


def test_the_data_stay_small_and_are_described() -> None:
    tables = list((ROOT / "data").glob("*.csv"))
    described = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert sum(path.stat().st_size for path in tables) < 2_000_000
    for path in tables:
        assert f"## {path.name}" in described


def test_the_installation_has_put_jupyterlabs_settings_in_their_place() -> None:
    # An editable one, too. JupyterLab would ask at its first start about news.
    (own,) = (ROOT / "lessonkit" / "lab" / "overrides.d").glob("*.json")
    place = Path(sys.prefix) / "share" / "jupyter" / "lab" / "settings" / "overrides.d" / own.name
    assert json.loads(place.read_text()) == json.loads(own.read_text())


def test_importing_the_package_loads_none_of_the_heavy_ones() -> None:
    code = (
        "import json, sys, lessonkit\n"
        "lessonkit.run, lessonkit.Shop, lessonkit.explore, lessonkit.language\n"
        "heavy = ('pandas', 'matplotlib', 'numpy', 'ipywidgets', 'IPython', 'nest_asyncio')\n"
        "print(json.dumps([name for name in heavy if name in sys.modules]))\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(shown.stdout) == []


def test_charts_need_no_package_for_pictures() -> None:
    code = "import sys, lessonkit.lab; print([m for m in ('pandas', 'numpy') if m in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "[]"


def test_the_clock_needs_only_the_standard_library() -> None:
    standard = {*sys.stdlib_module_names, "lessonkit.clock", "__future__"}
    for path in (ROOT / "lessonkit" / "clock").glob("*.py"):
        for module in re.findall(r"^\s*(?:from|import) ([\w.]+)", path.read_text(), re.MULTILINE):
            assert module.partition(".")[0] in standard or module.startswith("lessonkit.clock")


#: The rooms of the house, from the ground up: a module imports only from its own room and below.
ROOMS = [
    "clock",
    "messages",
    "checks",
    "words",
    "files",
    "jsonable",
    "records",
    "mermaid",
    "trace",
    "faults",
    "luck",
    "wall",
    "runner",
    "shop",
    "explorer",
    "database",
    "patterns",
    "real",
    "lab",
    "exercises",
    "course",
    "editions",
    "__main__",
]


def test_imports_only_point_down() -> None:
    rank = {name: number for number, name in enumerate(ROOMS)}
    for path in (ROOT / "lessonkit").rglob("*.py"):
        own = path.relative_to(ROOT / "lessonkit").parts[0].removesuffix(".py")
        module, _, _command = path.read_text().partition("if __name__ ==")
        for other in re.findall(r"from lessonkit\.(\w+)[\w.]* import", module):
            if own != "__init__":
                assert rank[other] <= rank[own], f"{path.name} imports lessonkit.{other}"


def test_every_public_name_can_be_had() -> None:
    for name in lessonkit.__all__:
        assert getattr(lessonkit, name) is not None
    assert dir(lessonkit) == lessonkit.__all__
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        lessonkit.nonsense  # noqa: B018


def test_names_stay_what_they_are_whichever_module_is_loaded_first() -> None:
    code = (
        "import lessonkit.lab, lessonkit.runner; from lessonkit import run, explore; run, explore"
    )
    check = f"{code}; assert callable(run) and callable(explore)"
    subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=True)


def test_no_two_files_import_each_other() -> None:
    files = {path for path in (ROOT / "lessonkit").rglob("*.py") if path.name != "__init__.py"}
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in files}
    imports = set()
    for name, path in names.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                found = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                found = [alias.name for alias in node.names]
            else:
                continue
            imports.update((name, other) for other in found if other in names)
    pairs = sorted(pair for pair in imports if pair[::-1] in imports and pair < pair[::-1])
    assert not pairs, "\n".join(f"{one} <-> {other}" for one, other in pairs)
