"""The course's texts in the learner's language.

English is the source: a text is written in English where it is used and wrapped in :func:`_`;
the Japanese text comes from ``lessonkit/locale`` (gettext). A notebook names its language once::

    from lessonkit import language, tr

    language("ja")
    tr("How long does the customer wait?")

Notebooks say :func:`tr`, because IPython keeps the last output in ``_``.

A text with gaps is translated first and filled afterwards, and every gap has a name, because
another language may want another order: ``_("{service} is down").format(service=...)``.
"""

from __future__ import annotations

import gettext
import os
from pathlib import Path
from typing import Final

LANGUAGES: Final = ("en", "ja")

_LOCALE: Final = Path(__file__).with_name("locale")

_code: str = "en"
_translations: gettext.NullTranslations = gettext.NullTranslations()


def language(code: str) -> None:
    """Show everything from now on in this language.

    Parameters
    ----------
    code
        ``"en"`` or ``"ja"``. Before the first call the environment variable
        ``LESSONKIT_LANGUAGE`` decides, and without it English is shown.

    Raises
    ------
    ValueError
        For any other language.
    """
    global _code, _translations
    if code not in LANGUAGES:
        accepted = " or ".join(repr(known) for known in LANGUAGES)
        raise ValueError(f"language: {code!r} is not a language of this course; say {accepted}")
    is_source = code == "en"
    _translations = gettext.translation("lessonkit", _LOCALE, [code], fallback=is_source)
    _code = code


def current_language() -> str:
    """The language in which texts are shown now: ``"en"`` or ``"ja"``."""
    return _code


def tr(text: str) -> str:
    """Give this English text in the current language."""
    # gettext answers the empty text with the catalogue's header.
    return _translations.gettext(text) if text else text


_ = tr


def N_(text: str) -> str:  # noqa: N802 - gettext's customary name
    """Mark a text for the catalogue and leave it in English, to be translated when shown.

    For texts that are written down before the language is known, such as module constants.
    """
    return text


def pgettext(context: str, text: str) -> str:
    """Give this English text in the current language, as it is said in ``context``.

    For short words that another language says differently from place to place.
    """
    return _translations.pgettext(context, text)


def service_name(service: str) -> str:
    """How a service is called in the current language.

    A service that the course does not know, such as a learner's own, keeps its name.
    """
    names = {
        "customer": pgettext("service", "customer"),
        "orders": pgettext("service", "orders"),
        "database": pgettext("service", "database"),
        "inventory": pgettext("service", "inventory"),
        "payment": pgettext("service", "payment"),
        "notification": pgettext("service", "notification"),
        "event bus": pgettext("service", "event bus"),
        "publisher": pgettext("service", "publisher"),
        "producer": pgettext("service", "producer"),
        "points": pgettext("service", "points"),
    }
    return names.get(service, service)


try:
    language(os.environ.get("LESSONKIT_LANGUAGE") or "en")
except ValueError as error:
    raise ValueError(f"environment variable LESSONKIT_LANGUAGE: {error}") from None
