"""Languages of the pages: the catalogue, formats of dates and numbers, the text's direction.

A language is a file ``languages/CODE.po``; English needs none, since the pages are written in it.
The catalogue is read from the ``.po`` at first use, so that there is no compiled copy to forget.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from importlib import resources
from typing import Any

from babel import Locale, negotiate_locale
from babel.dates import format_date, format_time, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from markupsafe import Markup
from starlette.requests import Request

from guarded_gen.console.told import Retold

ENGLISH = "en"
_FORMATS = {ENGLISH: "en_GB"}
"""Of a language without a country the one whose dates and numbers are used."""
_MOST_WISHES = 16


def N_(message: str) -> str:
    """Marks a message for the catalogue; it is translated where it is shown."""
    return message


@lru_cache
def languages() -> tuple[str, ...]:
    """The codes of the languages that the pages have, English first."""
    folder = resources.files("guarded_gen.console") / "languages"
    found = (entry.name for entry in folder.iterdir() if entry.name.endswith(".po"))
    return (ENGLISH, *sorted(name.removesuffix(".po") for name in found))


def catalogue(code: str) -> NullTranslations:
    """The messages of a language; fuzzy entries are left out."""
    if code == ENGLISH:
        return NullTranslations()
    file = resources.files("guarded_gen.console") / "languages" / f"{code}.po"
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(file.read_bytes()), locale=code))
    compiled.seek(0)
    return GNUTranslations(compiled)


@dataclass(frozen=True, slots=True)
class PageLanguage:
    """A language as pages use it. ``locale`` says how dates and numbers are written."""

    code: str
    locale: Locale
    messages: NullTranslations
    retold: Retold

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``."""
        return str(self.locale.text_direction)

    @property
    def name(self) -> str:
        """What the language calls itself."""
        return str(self.locale.get_language_name(self.code) or self.code).capitalize()

    def language_name(self, code: str) -> str:
        """What a language (BCP 47) is called in this one; the code where it has no name."""
        names, (least, *_) = self.locale.languages, code.split("-")
        return str(names.get(code.replace("-", "_")) or names.get(least.lower()) or code)

    def gettext(self, message: str, /, **values: object) -> str:
        """A message with its ``%(name)s`` filled in."""
        text = self.messages.gettext(message) if message else ""
        return text % values if values else text

    def ngettext(self, one: str, many: str, count: int, /, **values: object) -> str:
        """The form that fits ``count``, which also fills in ``%(num)s``."""
        return self.messages.ngettext(one, many, count) % {"num": self.number(count), **values}

    def told(self, text: object) -> str:
        """A message of an error, or a sentence of a report, that was made elsewhere in English."""
        return self.retold(str(text))

    def number(self, value: float | None, places: int | None = None) -> str:
        """A number with its separators; ``places`` digits after the point, else as many as it
        has, at most six."""
        if value is None:
            return "–"
        pattern = f"#,##0.{'0' * places}" if places else "#,##0" if places == 0 else "#,##0.######"
        return str(format_decimal(value, format=pattern, locale=self.locale))

    def percent(self, share: float | None, places: int = 0) -> str:
        """A share of 1 as a percentage, up to ``places`` digits after the point."""
        if share is None:
            return "–"
        pattern = str(self.locale.percent_formats[None].pattern)
        fraction = "." + "#" * places if places else ""
        return str(
            format_percent(share, format=pattern.replace("0", f"0{fraction}"), locale=self.locale)
        )

    def day(self, at: date) -> str:
        """A day without a time."""
        return str(format_date(at, "medium", locale=self.locale))

    def moment(self, ms: int | None) -> Markup:
        """A time for people, in UTC, with the machine's form beside it."""
        if ms is None:
            return Markup("–")
        at = datetime.fromtimestamp(ms / 1000, UTC)
        day = format_date(at, "medium", locale=self.locale)
        clock = format_time(at, "short", locale=self.locale)
        return Markup('<time datetime="{}">{}, {} UTC</time>').format(
            at.strftime("%Y-%m-%dT%H:%M:%SZ"), day, clock
        )

    def ago(self, ms: int | None) -> str:
        """How long ago, in the largest fitting unit, as ``3 days ago``."""
        return self._lasting(ms, direction=True)

    def lasting(self, ms: int | None) -> str:
        """How long since, in the largest fitting unit, as ``3 days``."""
        return self._lasting(ms, direction=False)

    def _lasting(self, ms: int | None, direction: bool) -> str:
        if ms is None:
            return "–"
        since = timedelta(seconds=int(max(1.0, time.time() - ms / 1000)))
        for size in (86_400, 3_600, 60, 1):  # a whole unit is over: half of one is not
            if since.total_seconds() >= size:
                since = timedelta(seconds=since.total_seconds() // size * size)
                break
        return str(
            format_timedelta(
                -since if direction else since,
                threshold=1,
                add_direction=direction,
                format="short" if not direction else "long",
                locale=self.locale,
            )
        )


@lru_cache
def language(code: str) -> PageLanguage:
    """One of :func:`languages`."""
    messages = catalogue(code)
    return PageLanguage(code, Locale.parse(_FORMATS.get(code, code)), messages, Retold(messages))


_WISH = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?"
)


def wished(header: str) -> list[str]:
    """The languages of an ``Accept-PageLanguage`` header (RFC 9110, 12.5.4), the dearest first."""
    found: list[tuple[float, str]] = []
    for part in header.split(",")[:_MOST_WISHES]:
        match = _WISH.fullmatch(part)
        if match and (quality := float(match[2] or 1)) > 0:
            found.append((quality, match[1]))
    return [tag for _, tag in sorted(found, key=lambda one: -one[0])]


def chosen(preferences: Mapping[str, Any], accepted: Iterable[str]) -> str:
    """The code of the language for somebody: their own choice, else what their browser asks for
    (``accepted``, the dearest first), else English."""
    own = preferences.get("language")
    if own in languages():
        return str(own)
    return str(negotiate_locale(accepted, languages(), sep="-") or ENGLISH)


def language_of(request: Request) -> PageLanguage:
    """The language of the answer to a request."""
    session = getattr(request.state, "session", None)
    preferences = session.preferences if session is not None else {}
    return language(chosen(preferences, wished(request.headers.get("accept-language", ""))))
