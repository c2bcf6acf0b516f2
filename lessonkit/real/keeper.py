"""The keeper: a small process that ends a server when whoever wanted it is gone.

A kernel that is killed with -9 can tidy up nothing. But the system closes its end of a pipe, and
that is what the keeper, at the other end, waits for. So one way of stopping does for all: the end
of a ``with`` block, the end of the kernel, and its sudden death.

It is a program of its own, ``python keeper.py``; its order is one line of JSON on stdin.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from filelock import FileLock

LAST_WORDS = 2000
"""How many characters of its log a server leaves behind."""


def keep(order: dict[str, Any]) -> int:
    """Make the folder, prepare and run the server in it, and remove the folder when it has ended.

    Returns
    -------
    int
        0 if the server was to end. Otherwise its last words are on stderr.
    """
    folder = Path(order["folder"])
    # As long as somebody holds the lock, the folder is in use (see server.new_folder).
    with FileLock(f"{folder}.lock"):
        try:
            folder.mkdir(mode=0o700)  # a password may lie in it
            for name, text in order["files"].items():
                (folder / name).write_text(text)
            for path in order["copied"]:
                shutil.copytree(path, folder / Path(path).name)
            if order["user"]:
                for path in (folder, *folder.iterdir()):
                    shutil.chown(path, order["user"])
            if _run(order, folder):
                return 0
            words = (folder / "log").read_text(errors="replace")[-LAST_WORDS:]
        except OSError as error:  # no disk, no right to the folder, no such program
            words = str(error)
        finally:
            _remove(folder)
            Path(f"{folder}.lock").unlink(missing_ok=True)
    sys.stderr.write(words)
    return 1


def _run(order: dict[str, Any], folder: Path) -> bool:
    """Run the commands, of which the last is the server; return whether that was to end."""
    with (folder / "log").open("wb") as output:

        def start(command: list[str]) -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=order["user"],
            )

        *prepare, serve = order["commands"]
        for command in prepare:
            if start(command).wait():
                return False
        server = start(serve)
    was_to_end = threading.Event()

    def end_with_our_master() -> None:
        sys.stdin.read()  # returns when the other end of the pipe is closed, however that came
        was_to_end.set()
        server.send_signal(getattr(signal, order["stop"]) if os.name == "posix" else signal.SIGTERM)
        try:
            server.wait(order["patience"])
        except subprocess.TimeoutExpired:
            server.kill()

    threading.Thread(target=end_with_our_master, daemon=True).start()
    server.wait()
    return was_to_end.is_set()


def _remove(folder: Path) -> None:
    # The processes of a server that was killed may still be writing.
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(keep(json.loads(sys.stdin.readline())))
