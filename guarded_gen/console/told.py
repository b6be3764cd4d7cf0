"""Errors and reports speak English, wherever they are made; here their sentences are found in the
catalogue again.

The log, the API and the command line need one wording, so the rooms below know no languages. Their
messages stand in the catalogue with ``{name}`` where a value goes in: ``there is no case {id}``. A
text is matched against these, and the translation is filled with what stood there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from gettext import GNUTranslations, NullTranslations

_HOLE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_JOINTS = re.compile(r"((?<=[.!?])\s+(?=[A-Z])|(?<=:)\s+|; )")
_SENTENCES = re.compile(r"[.!?]\s+[A-Z]")
_CODES = frozenset({"permission", "action", "state", "to", "taken"})
"""Values that are words of ours and no names: these are translated, too."""
DEEPEST = 4


class Retold:
    """Finds the translation of a text that was made by filling in a message of the catalogue."""

    def __init__(self, messages: NullTranslations) -> None:
        self._messages = messages
        self._patterns: list[tuple[str, str]] | None = None

    def __call__(self, text: str) -> str:
        """The translation; sentence by sentence where the whole is unknown; unknown sentences as
        they are."""
        return self._told(text, 0)

    def _told(self, text: str, depth: int) -> str:
        bare = text.strip()
        whole = self._exactly(bare) or self._filled(bare, depth)
        if whole is None and bare[:1].isupper():  # a message that begins a sentence
            small = bare[0].lower() + bare[1:]
            whole = self._exactly(small) or self._filled(small, depth)
            whole = whole and whole[0].upper() + whole[1:]
        if whole is not None:
            return text.replace(bare, whole, 1)
        parts = _JOINTS.split(text) if depth < DEEPEST else [text]
        if len(parts) > 1:
            return "".join(
                part if n % 2 else self._told(part, depth + 1) for n, part in enumerate(parts)
            )
        return text

    def _exactly(self, text: str) -> str | None:
        if not text:
            return None
        found = self._messages.gettext(text)
        return found if found != text else None

    def _filled(self, text: str, depth: int) -> str | None:
        for message, translation in self._known():
            values = read_back(message, text)
            if values is None:
                continue
            tail = holes(message)[-1] if message.endswith("}") else ""
            if any(_SENTENCES.search(value) for name, value in values.items() if name != tail):
                continue  # two sentences, of which this is the first
            return self._fill(translation, values, depth)
        return None

    def _fill(self, translation: str, values: dict[str, str], depth: int) -> str:
        def value(hole: re.Match[str]) -> str:
            given = values.get(hole[1]) or ""
            if hole[1] in _CODES:
                return ", ".join(self._exactly(one) or one for one in given.split(", "))
            # one word is a name or a number; what has several may be a message itself
            return self._told(given, depth + 1) if " " in given and depth < DEEPEST else given

        return _HOLE.sub(value, translation)

    def _known(self) -> list[tuple[str, str]]:
        if self._patterns is None:
            found = _with_holes(self._messages)
            self._patterns = sorted(found, key=lambda one: -_said(one[0]))
        return self._patterns


def read_back(message: str, text: str) -> dict[str, str] | None:
    """The values with which ``message`` becomes ``text``, None where it cannot. Linear in the text:
    each part of the message is taken where it comes first."""
    literals, names = _HOLE.split(message)[::2], holes(message)
    if not names:
        return {} if text == message else None
    if not (text.startswith(literals[0]) and text.endswith(literals[-1])):
        return None
    values: dict[str, str] = {}
    at, end = len(literals[0]), len(text) - len(literals[-1])
    for name, literal in zip(names[:-1], literals[1:-1], strict=True):
        found = text.find(literal, at, end)
        if found < 0:
            return None
        values.setdefault(name, text[at:found])
        at = found + len(literal)
    values.setdefault(names[-1], text[at:end])
    return values if at <= end else None


def holes(message: str) -> list[str]:
    """The names of the values of a message."""
    return _HOLE.findall(message)


def _said(message: str) -> int:
    """How many letters of a message are its own: the longer, the surer."""
    return len(_HOLE.sub("", message))


def _with_holes(messages: NullTranslations) -> Iterator[tuple[str, str]]:
    if not isinstance(messages, GNUTranslations):
        return
    for message, told in messages._catalog.items():  # type: ignore[attr-defined]
        if isinstance(message, str) and _HOLE.search(message) and _said(message) > 3:
            yield message, told
