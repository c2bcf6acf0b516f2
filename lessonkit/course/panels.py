"""A notebook's panels, as its ``panels.toml`` has them: its controls, presets and hints.

What a list offers, and what is chosen of it, is said there in the words that a learner reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from lessonkit.files import toml_beside
from lessonkit.lab import PanelSpec, choice, milliseconds, spec, toggle, whole
from lessonkit.lab.controls import Control
from lessonkit.messages import _

KINDS: Final[dict[str, Callable[..., Control]]] = {
    "milliseconds": milliseconds,
    "toggle": toggle,
    "whole": whole,
}
"""All but a list: that has ``choices``."""


def written(file: str, name: str, **values: Sequence[Any]) -> PanelSpec:
    """The panel of this name.

    Parameters
    ----------
    file
        The module that the file stands beside: ``__file__`` there.
    values
        For a list what the scene gets for each of its choices, if the file cannot say it.
    """
    told = toml_beside(file, "panels.toml")[name]
    hint = told["hint"]
    lists = {
        control: dict(zip(how["choices"], values.get(control) or how["values"], strict=True))
        for control, how in told["controls"].items()
        if "choices" in how
    }

    def meant(control: str, said: Any) -> Any:
        return lists[control][said] if control in lists else said

    def made(control: str, label: str, value: Any, kind: str = "", **how: Any) -> Control:
        if control in lists:
            words = {value: _(said) for said, value in lists[control].items()}
            return choice(control, _(label), words, meant(control, value))
        return KINDS[kind](control, _(label), value, **how)

    return spec(
        *[made(control, **how) for control, how in told["controls"].items()],
        presets={
            _(title): {control: meant(control, said) for control, said in preset.items()}
            for title, preset in told["presets"].items()
        },
        hint=_(hint),
    )
