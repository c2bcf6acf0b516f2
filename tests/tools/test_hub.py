"""A class of three on a real JupyterHub: from the teacher's link to a solved exercise."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import pytest
import requests
import websocket

from lessonkit.course.start import shorter_wait, stock_back
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.progress import read_file

ROOT = Path(__file__).parents[2]
NOTEBOOK = "course/notebooks/en/00-start.ipynb"
#: What each learner solves.
CLASS: dict[str, Exercise | None] = {"ada": shorter_wait, "grace": stock_back, "linus": None}
CONFIGURATION = """
load_subconfig({file!r})
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r} + "/{{username}}"
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
c.Spawner.environment = {{"GIT_CONFIG_NOSYSTEM": "1"}}
c.Spawner.start_timeout = c.Spawner.http_timeout = 300
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy}"
c.ConfigurableHTTPProxy.command = [{command!r}]
"""
pytestmark = pytest.mark.timeout(900)


def free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def git(*words: str, cwd: Path) -> None:
    who = ("-c", "user.name=Teacher", "-c", "user.email=teacher@example.org")
    subprocess.run(["git", *who, *words], cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """The teacher's repository."""
    folder = tmp_path / "course"
    for part in ("notebooks", "data"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns(".*", "__*"))
    git("init", "--initial-branch=main", cwd=folder)
    git("add", ".", cwd=folder)
    git("commit", "--message=First edition", cwd=folder)
    return folder


@dataclass
class Hub:
    url: str
    homes: Path
    process: subprocess.Popen[bytes]

    def patiently(self) -> Iterator[None]:
        """Once a second, as long as the hub lives and the test has time."""
        while self.process.poll() is None:
            yield
            time.sleep(1)
        raise ChildProcessError("the hub has ended")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    public, inner, proxy = free_ports(3)
    homes, place = tmp_path / "homes", tmp_path / "hub"
    homes.mkdir()
    place.mkdir()
    (place / "config.py").write_text(
        CONFIGURATION.format(
            file=str(ROOT / "docs" / "hub" / "jupyterhub_config.py"),
            homes=str(homes),
            python=sys.executable,
            command=str(Path(sys.executable).with_name("configurable-http-proxy")),
            public=public,
            hub=inner,
            proxy=proxy,
        )
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LESSONKIT_", "JUPYTER"))}
    with (place / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", "config.py"],
            cwd=place,
            env={**kept, "HOME": str(place)},
            stdout=log,
            stderr=log,
        )
        family = psutil.Process(process.pid)
        try:
            yield Hub(f"http://127.0.0.1:{public}", homes, process)
        finally:
            members = [family, *family.children(recursive=True)]
            process.terminate()  # it ends its servers, and they their kernels
            _gone, left = psutil.wait_procs(members, timeout=60)
            for one in left:
                one.kill()
            print((place / "log").read_text())
    assert not left, left


@dataclass
class Learner:
    """A browser with a learner in front of it."""

    hub: Hub
    name: str
    browser: requests.Session = field(default_factory=requests.Session)

    @property
    def home(self) -> Path:
        return self.hub.homes / self.name

    @property
    def server(self) -> str:
        return f"{self.hub.url}/user/{self.name}"

    def token(self, path: str) -> str:
        """The cookie against forgery that belongs to this path."""
        found = [
            one.value for one in self.browser.cookies if one.name == "_xsrf" and one.path == path
        ]
        return found[0] or "" if found else ""

    def log_in(self) -> None:
        page = f"{self.hub.url}/hub/login"
        for _ in self.hub.patiently():
            try:
                self.browser.get(page, timeout=60).raise_for_status()
                break
            except (requests.ConnectionError, requests.HTTPError):
                continue
        form = {"username": self.name, "password": "x", "_xsrf": self.token("/hub/")}
        self.browser.post(page, data=form, timeout=60).raise_for_status()

    def follow(self, course: Path) -> None:
        """Open the link that the teacher has given out, as often as the hub says "wait"."""
        query = {
            "repo": course.as_uri(),
            "branch": "main",
            "urlpath": f"lab/tree/{NOTEBOOK}",
        }
        link = f"{self.hub.url}/hub/user-redirect/git-pull?{urlencode(query)}"
        for _ in self.hub.patiently():
            page = self.browser.get(link, timeout=60)
            if page.url.startswith(f"{self.server}/git-pull"):
                break
        page.raise_for_status()
        # The page asks for this by itself, and shows what comes.
        query["targetpath"] = "course"
        events = self.browser.get(
            f"{self.server}/git-pull/api?{urlencode(query)}",
            headers={"X-XSRFToken": self.token(f"/user/{self.name}/")},
            timeout=300,
        )
        events.raise_for_status()
        told = [
            json.loads(line[6:]) for line in events.text.splitlines() if line.startswith("data: ")
        ]
        assert told[-1]["phase"] == "finished", events.text

    def run(self, sources: list[str]) -> list[dict[str, Any]]:
        """Run these cells in the notebook's kernel; returns the errors that came."""
        made = self.browser.post(
            f"{self.server}/api/sessions",
            json={
                "path": NOTEBOOK,
                "name": NOTEBOOK,
                "type": "notebook",
                "kernel": {"name": "python3"},
            },
            headers={"X-XSRFToken": self.token(f"/user/{self.name}/")},
            timeout=300,
        )
        made.raise_for_status()
        kernel = made.json()["kernel"]["id"]
        address = f"{self.server}/api/kernels/{kernel}/channels".replace("http", "ws", 1)
        cookies = "; ".join(
            f"{one.name}={one.value}"
            for one in self.browser.cookies
            if one.path in ("/", f"/user/{self.name}/")
        )
        wire = websocket.create_connection(address, cookie=cookies, timeout=300)
        try:
            return [error for source in sources for error in execute(wire, source)]
        finally:
            wire.close()

    def solved(self) -> set[str]:
        place = self.home / ".local" / "share" / "lessonkit" / "progress.json"
        known = read_file(place) if place.exists() else {}
        return {name for name, entry in known.items() if entry.solved}

    def megabytes(self) -> list[float]:
        """What the server and the kernel of this learner keep for themselves."""
        own = [
            one
            for one in psutil.process_iter(["environ", "cmdline"])
            if (one.info["environ"] or {}).get("JUPYTERHUB_USER") == self.name
            and any("singleuser" in word or "ipykernel" in word for word in one.info["cmdline"])
        ]
        return sorted(one.memory_full_info().uss / 1e6 for one in own)


def execute(wire: websocket.WebSocket, source: str) -> list[dict[str, Any]]:
    asked = uuid.uuid4().hex
    header = {"msg_id": asked, "msg_type": "execute_request", "session": "test", "version": "5.3"}
    content = {"code": source, "silent": False, "store_history": True, "stop_on_error": False}
    request = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    wire.send(json.dumps({**request, "channel": "shell"}))
    errors = []
    while True:
        message = json.loads(wire.recv())
        if message["parent_header"].get("msg_id") != asked or message["channel"] != "iopub":
            continue
        if message["msg_type"] == "error":
            errors.append(message["content"])
        if message["content"].get("execution_state") == "idle":
            return errors


def learn(learner: Learner, course: Path, exercise: Exercise | None) -> None:
    learner.log_in()
    learner.follow(course)
    cells = json.loads((learner.home / NOTEBOOK).read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    if exercise is not None:
        sources.append(replace(exercise, starter=exercise.answer).cell)
    assert learner.run(sources) == []


def first_cell(notebook: Path) -> str:
    return "".join(json.loads(notebook.read_text(encoding="utf-8"))["cells"][0]["source"])


def write_first_cell(notebook: Path, words: str) -> None:
    book = json.loads(notebook.read_text(encoding="utf-8"))
    book["cells"][0]["source"] = [words]
    notebook.write_text(json.dumps(book, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def test_a_class_of_three(hub: Hub, course: Path, tmp_path: Path) -> None:
    learners = [Learner(hub, name) for name in CLASS]
    with ThreadPoolExecutor(len(learners)) as pool:
        list(pool.map(lambda one: learn(one, course, CLASS[one.name]), learners))
    for learner in learners:
        exercise = CLASS[learner.name]
        assert learner.solved() == ({exercise.name} if exercise else set())
        print(learner.name, *(f"{size:.0f} MB" for size in learner.megabytes()))

    # A new edition, and ada has saved something in the same notebook: it stays.
    ada, grace, _linus = learners
    write_first_cell(ada.home / NOTEBOOK, "What ada has written")
    write_first_cell(tmp_path / NOTEBOOK, "The second edition")
    (course / "data" / "new.csv").write_text("new\n")
    git("add", ".", cwd=course)
    git("commit", "--message=Second edition", cwd=course)
    for learner in learners:
        learner.follow(course)
        assert (learner.home / "course/data/new.csv").exists()
    assert first_cell(ada.home / NOTEBOOK) == "What ada has written"
    assert first_cell(grace.home / NOTEBOOK) == "The second edition"
