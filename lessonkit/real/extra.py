"""What only the extra ``real`` installs."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class ExtraMissing(ImportError):
    """A package of the extra ``real`` is not installed."""


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
        raise ExtraMissing(
            f'{package} is not installed; it comes with: pip install -e ".[real]"', name=package
        ) from error
