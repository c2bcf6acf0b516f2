"""Real parts are optional: what is not installed is skipped, and named. CI skips nothing."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest


def need_or_skip(*packages: str) -> None:
    """Skip the module that calls this unless these packages are installed."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        _skip(f'not installed: {", ".join(missing)} (pip install -e ".[real-test]")')


def need_rabbitmq_or_skip() -> None:
    """Skip the module that calls this unless there is a RabbitMQ to run it with."""
    need_or_skip("aio_pika")
    from lessonkit.real.rabbitmq import VARIABLE, program
    from lessonkit.real.server import ServerUnavailable

    if VARIABLE not in os.environ:
        try:
            program()
        except ServerUnavailable as error:
            _skip(str(error))


def _skip(words: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(words, pytrace=False)
    pytest.skip(words, allow_module_level=True)
