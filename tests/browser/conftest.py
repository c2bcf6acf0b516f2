"""A real JupyterLab and a real Chromium, as a learner has them.

Without a Chromium these tests are skipped, with one line that says so; where ``CI`` is set in the
environment they fail instead.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.pages import Lab, Notebook

ROOT = Path(__file__).parents[2]
# The machine may be slow, and other tests may be running beside these.
expect.set_options(timeout=60_000)

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for one file of tests: while it lives, asyncio.run() works nowhere else."""
    installed = [path for name in CHROMIUMS if (path := shutil.which(name))]
    path = os.environ.get("LESSONKIT_CHROMIUM") or next(iter(installed), None)
    if path is None:
        missing = "no Chromium found (set LESSONKIT_CHROMIUM to its path): browser tests"
        if os.environ.get("CI"):
            pytest.fail(f"{missing} cannot run")
        pytest.skip(f"{missing} skipped")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


def start_lab(folder: Path, theme: str) -> tuple[Lab, subprocess.Popen[bytes]]:
    root = folder / "course"
    for name in ("notebooks", "data"):
        shutil.copytree(ROOT / name, root / name)
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "themes.jupyterlab-settings").write_text(json.dumps({"theme": theme}))
    news = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(news))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "LESSONKIT_PROGRESS": str(root.parent / "progress.json"),
    }
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *(f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="),
        f"--ServerApp.root_dir={root}",
    ]
    with (folder / "lab.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    for _ in range(300):
        with suppress(OSError):
            urllib.request.urlopen(f"{address}/api")
            return Lab(address, root), server
        time.sleep(0.2)
    server.kill()
    pytest.fail(f"JupyterLab did not start:\n{(folder / 'lab.log').read_text()}")


@pytest.fixture(scope="module", params=["JupyterLab Light"])
def lab(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, chromium: Browser
) -> Iterator[Lab]:
    """JupyterLab in its light theme; ask for another by parametrising indirectly."""
    running, server = start_lab(tmp_path_factory.mktemp("lab"), request.param)
    yield running
    server.terminate()
    server.wait()


@pytest.fixture
def open_notebook(lab: Lab, chromium: Browser) -> Iterator[Callable[[str, str], Notebook]]:
    """Open a notebook in a fresh window: ``open_notebook("en", "00-start")``."""
    context = chromium.new_context(viewport={"width": 1400, "height": 1100})

    def open_it(language: str, name: str) -> Notebook:
        page = context.new_page()
        page.set_default_timeout(60_000)
        path = f"notebooks/{language}/{name}.ipynb"
        page.goto(f"{lab.address}/lab/tree/{path}?reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        # The indicator says "idle" for a moment before the kernel is even connected.
        kernel = page.locator("#jp-main-statusbar").get_by_text("Python 3 (ipykernel) | Idle")
        kernel.wait_for(timeout=60_000)
        page.wait_for_timeout(1500)
        kernel.wait_for(timeout=60_000)
        notebook = Notebook(page)
        cells = json.loads((lab.root / path).read_text(encoding="utf-8"))["cells"]
        notebook.numbers = {cell["id"]: number for number, cell in enumerate(cells)}
        return notebook

    yield open_it
    context.close()
