"""Templates to responses. Everything is escaped; text of strangers is isolated for direction."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from guarded_gen.console import wording
from guarded_gen.console.language import language, language_of
from guarded_gen.review.roles import Permission

_CASE = re.compile(r"[^a-z0-9_]")
_BIDI = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F], "�")


def foreign(text: object) -> Markup:
    """Text that a stranger wrote: escaped, its control characters shown, its direction kept in.

    Without isolation a right-to-left override in a prompt turns the words around it.
    """
    shown = "".join(
        c if c.isprintable() or c in "\n\t" else "�" for c in str(text).translate(_BIDI)
    )
    return Markup('<bdi class="foreign">{}</bdi>').format(escape(shown))


def marked(text: str, spans: Iterable[Mapping[str, Any]]) -> Markup:
    """A stranger's text as :func:`foreign`, its ``spans`` (offsets ``start`` to ``end`` into the
    text) marked. Spans may overlap or lie outside."""
    cuts: list[list[int]] = []
    for start, end in sorted((int(s["start"]), int(s["end"])) for s in spans):
        start, end = max(0, start), min(end, len(text))
        if cuts and start <= cuts[-1][1]:
            cuts[-1][1] = max(cuts[-1][1], end)
        elif start < end:
            cuts.append([start, end])
    parts, at = [], 0
    for start, end in cuts:
        parts += [
            foreign(text[at:start]),
            Markup("<mark>{}</mark>").format(foreign(text[start:end])),
        ]
        at = end
    return Markup().join([*parts, foreign(text[at:])])


@lru_cache
def _environment(code: str) -> Environment:
    """The templates in one language."""
    here = language(code)
    words = wording.Wording(here)
    environment = Environment(
        loader=PackageLoader("guarded_gen.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        here.messages.gettext, here.messages.ngettext, newstyle=True
    )
    environment.filters.update(
        foreign=foreign,
        marked=marked,
        moment=here.moment,
        day=here.day,
        ago=here.ago,
        lasting=here.lasting,
        number=here.number,
        percent=here.percent,
        told=here.told,
        sentence=sentence,
        plain=words.plain,
        change=words.change,
        language_name=here.language_name,
        in_words=lambda value, dimension: words.value(dimension, value),
        category=words.category,
        title_of=words.title,
    )
    environment.globals.update(
        language=here,
        Permission=Permission,
        bar=wording.bar,
        severity_of=wording.severity_of,
        STATES=words.table(wording.STATES),
        KINDS=words.table(wording.KINDS),
        NOTES=words.table(wording.NOTES),
        ACTIONS=words.table(wording.ACTIONS),
        KEYS=words.table(wording.KEYS),
        GATES=words.table(wording.GATES),
        FIELDS=words.table(wording.FIELDS),
    )
    return environment


def sentence(text: object) -> str:
    """The text with its first letter large; the others as they are."""
    words = str(text)
    return words[:1].upper() + words[1:]


def _keys(preferences: Mapping[str, Any]) -> str:
    """A person's single keys for the page's script: ``off``, or as JSON the changed ones."""
    if preferences.get("keys_off"):
        return "off"
    return json.dumps(preferences.get("keys", {}), separators=(",", ":"))


def page(
    request: Request, template: str, values: dict[str, Any], *, status: int = 200
) -> HTMLResponse:
    """Render ``template`` for whoever is signed in (``request.state.session``, if anybody)."""
    session = getattr(request.state, "session", None)
    text = (
        _environment(language_of(request).code)
        .get_template(template)
        .render(
            values
            | {
                "session": session,
                "keys": _keys(session.preferences if session is not None else {}),
                "path": request.url.path,
                "said": request.query_params.get("said", ""),
                "within": values.get("within", ""),
                "undo_case": _CASE.sub("", request.query_params.get("undo", "")),
            }
        )
    )
    return HTMLResponse(text, status)
