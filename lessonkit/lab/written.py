"""A panel as a notebook's ``panels.toml`` has it: its controls, its presets and its hint.

The scene's argument stands before each control, and behind it what :mod:`lessonkit.lab.controls`
calls the control, and the control's own arguments::

    [slow_mail]
    hint = "Make the mail slow."

    [slow_mail.controls]
    mail = { kind = "milliseconds", label = "Mail takes", value = 0.5, high = 5 }

    [slow_mail.presets]
    "A slow day" = { mail = 5.0 }

Texts are English there, and found by the catalogue without a mark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from lessonkit.files import toml_beside
from lessonkit.lab.controls import Control, choice, milliseconds, probability, seed, toggle, whole
from lessonkit.lab.panel import PanelSpec, spec
from lessonkit.messages import _

KINDS: Final[Mapping[str, Callable[..., Control]]] = {
    one.__name__: one for one in (choice, milliseconds, probability, seed, toggle, whole)
}


def written_panel(
    module: str,
    name: str,
    known: Mapping[str, Any] = MappingProxyType({}),
    **menus: Mapping[Any, str],
) -> PanelSpec:
    """The panel of this name.

    Parameters
    ----------
    module
        The module that the file stands beside: its ``__file__``.
    name
        Its name there.
    known
        Values that only a run can tell, by what the file calls them.
    menus
        For each choice its options, as :func:`~lessonkit.lab.controls.choice` takes them; not if
        the file has its ``choices``, and the ``values`` that the scene gets for them.
    """
    told = toml_beside(module, "panels.toml")[name]
    hint = told["hint"]
    written = {argument: dict(how) for argument, how in told["controls"].items()}
    for argument, how in written.items():
        if "choices" in how:
            values = (known.get(value, value) for value in how.pop("values"))
            menus[argument] = dict(zip(values, map(_, how.pop("choices")), strict=True))

    def real(values: Mapping[str, Any]) -> dict[str, Any]:
        return {key: known.get(value, value) for key, value in values.items()}

    controls = [
        _control(argument, menus.get(argument), **real(how)) for argument, how in written.items()
    ]
    presets = {_(title): real(values) for title, values in told.get("presets", {}).items()}
    return spec(*controls, presets=presets, hint=_(hint))


def written_names(module: str, kind: str) -> dict[str, Any]:
    """What things of this kind are called on screen: as ``names.toml`` has it, beside a module."""
    return {key: _(words) for key, words in toml_beside(module, "names.toml")[kind].items()}


def _control(
    name: str, options: Mapping[Any, str] | None, *, kind: str, label: str, **how: Any
) -> Control:
    if options is not None:
        how["options"] = options
    return KINDS[kind](name, _(label), **how)
