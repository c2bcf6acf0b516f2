"""A server in a folder of its own, on 127.0.0.1, which lives as long as this process at most."""

from __future__ import annotations

import getpass
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from filelock import FileLock, Timeout

from lessonkit.checks import between, whole_number
from lessonkit.real.extra import need

HOST: Final = "127.0.0.1"
KEEPER: Final = Path(__file__).with_name("keeper.py")
LENT_NAME: Final = "nobody" if os.name == "posix" and os.getuid() == 0 else None
"""Servers refuse to work for root. Who is root can lend them somebody else's name."""
SECONDS_TO_START: Final = 120.0
SECONDS_TO_END: Final = 10.0
"""Then it is killed."""

PORT_TAKEN: Final = "port {port} is taken; name another one, or none: a free one is used"
REASONS: Final = {
    "No space left on device": "the disk is full; make room",
    "Address already in use": PORT_TAKEN,
    "Address in use": PORT_TAKEN,
    "could_not_start_listener": PORT_TAKEN,  # Erlang says less than it knows
    "Permission denied": "a file cannot be read or written; let this user read the environment's"
    " files, and write to the folder for temporary files",
    "No such file or directory": "a file of it is missing; install it again",
}


class ServerUnavailable(RuntimeError):
    """A server cannot be started, or has gone. It says why, and what to do."""


def shown(url: str) -> str:
    """The URL without the password."""
    return re.sub(r"//[^@/]*@", "//", url)


def unavailable(url: str, why: str) -> ServerUnavailable:
    """What to say, and to do, when a broker does not answer."""
    return ServerUnavailable(
        f"the broker at {shown(url)!r} cannot be used ({why.strip()}); if it is to be there, start"
        " it again, and look at the address"
    )


def home() -> Path:
    """The folder that holds the servers' folders: this user's own.

    Raises
    ------
    ServerUnavailable
        If somebody else has made it: what we put there could be changed.
    """
    path = Path(tempfile.gettempdir()) / f"lessonkit-{getpass.getuser()}"
    path.mkdir(mode=0o711, exist_ok=True)
    if os.name == "posix" and path.stat().st_uid != os.getuid():
        raise ServerUnavailable(f"{path} belongs to somebody else; remove it, or set TMPDIR")
    return path


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


def port_or_free(port: int | None) -> int:
    """The port, if a program may listen there; for None a free one.

    Raises
    ------
    TypeError, ValueError
        If it is none.
    """
    if port is None:
        return free_port()
    between("port", whole_number("port", port), 1024, 65535, "from 1024 to 65535")
    return port


def new_folder(name: str) -> Path:
    """The name of a folder for a server of this name; what a killed keeper has left is removed."""
    _remove_leftovers()
    return home() / f"{name}-{secrets.token_hex(4)}"


def _remove_leftovers() -> None:
    for lock in home().glob("*.lock"):
        try:
            with FileLock(lock, timeout=0):  # whoever is alive holds it
                folder = lock.with_suffix("")
                _end_all_in(folder)
                shutil.rmtree(folder, ignore_errors=True)
                lock.unlink(missing_ok=True)
        except Timeout:
            continue


def _end_all_in(folder: Path) -> None:
    psutil = need("psutil")

    def is_in(process: Any) -> bool:
        return any(str(folder) in part for part in process.info["cmdline"] or ())

    found = [process for process in psutil.process_iter(["cmdline"]) if is_in(process)]
    for process in found:
        process.terminate()
    for process in psutil.wait_procs(found, timeout=3)[1]:
        process.kill()
    psutil.wait_procs(found, timeout=3)


class Server:
    """A running server. It ends with the ``with`` block, or :meth:`stop`, or this process.

    Parameters
    ----------
    name
        What it is, for people: ``"PostgreSQL"``.
    folder
        Where it keeps all that it has: a :func:`new_folder`. It goes with the server.
    serve
        The command that is the server.
    is_ready
        Whether it answers.
    port
        Where it listens.
    prepare
        A command that is to be run before.
    files
        Their names in the folder, and what is to stand in them.
    package
        The folder of a package of ours that has brought its programs. Perhaps nobody but root is
        let into the environment: whoever is root gives it a copy, in its folder.
    stop
        The signal on which it ends, at once: what it would put in order will be thrown away.

    Raises
    ------
    ServerUnavailable
        If it cannot be started. Then nothing is left running, and no folder is left behind.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        serve: Sequence[str],
        is_ready: Callable[[], bool],
        *,
        port: int,
        prepare: Sequence[str] = (),
        files: Mapping[str, str] | None = None,
        package: Path | None = None,
        stop: str = "SIGQUIT",
    ) -> None:
        self.name, self.folder, self.port = name, folder, port
        commands = [list(command) for command in (prepare, serve) if command]
        copied: list[Path] = []
        if package is not None and LENT_NAME:
            # Beside a package may lie the libraries that a wheel has brought along.
            copied = [path for path in (package, package.with_suffix(".libs")) if path.is_dir()]
            for command in commands:
                command[0] = command[0].replace(str(package), str(folder / package.name))
        order = {
            "folder": str(folder),
            "commands": commands,
            "files": files or {},
            "copied": [str(path) for path in copied],
            "stop": stop,
            "patience": SECONDS_TO_END,
            "user": LENT_NAME,
        }
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", str(KEEPER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C, or an interrupted kernel, is none of its business
        )
        assert self._keeper.stdin is not None
        try:
            self._keeper.stdin.write(json.dumps(order) + "\n")
            self._keeper.stdin.flush()
            self._wait(is_ready, time.monotonic() + SECONDS_TO_START)
        except BaseException:
            self.stop()
            raise

    def _wait(self, is_ready: Callable[[], bool], deadline: float) -> None:
        while True:
            ready = is_ready()
            if not self.is_running:  # if it is ready, somebody else has answered on the same port
                raise ServerUnavailable(f"{self.name} cannot be started: {self._why()}")
            if ready:
                return
            if time.monotonic() > deadline:
                raise ServerUnavailable(
                    f"{self.name} does not answer after {SECONDS_TO_START:g} s; try again when the"
                    " machine is less busy"
                )
            time.sleep(0.02)

    def _why(self) -> str:
        assert self._keeper.stderr is not None
        words = self._keeper.stderr.read().strip()
        for sign, why in REASONS.items():
            if sign in words:
                return why.format(port=self.port)
        return f"it says: {words.splitlines()[-1] if words else 'nothing'}"

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._keeper.poll() is None

    def stop(self) -> None:
        """End the server, and remove its folder. Afterwards there is nothing left of it."""
        # Leaving the block closes its stdin, which is the sign to end, and waits until it has.
        with suppress(BrokenPipeError), self._keeper:  # it may have gone before it read its order
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Broker:
    """A broker to talk to: a server that was started here, or one that runs already and was named.

    Attributes
    ----------
    url
        What a client connects to.
    server
        The server that was started; None if it is a named one.
    """

    url: str
    server: Server | None = None

    def stop(self) -> None:
        """End the server, and remove its folder; but one that was named goes on."""
        if self.server is not None:
            self.server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
