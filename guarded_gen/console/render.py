"""Templates to responses. Everything is escaped; text of strangers is isolated for direction."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from guarded_gen.console import wording
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


def moment(ms: int | None) -> Markup:
    """A time for people, in UTC, with the machine's form beside it."""
    if ms is None:
        return Markup("–")
    at = time.gmtime(ms / 1000)
    return Markup('<time datetime="{}">{}</time>').format(
        time.strftime("%Y-%m-%dT%H:%M:%SZ", at), time.strftime("%d %b %Y, %H:%M UTC", at)
    )


def ago(ms: int | None) -> str:
    """How long ago, in the largest fitting unit."""
    if ms is None:
        return "–"
    seconds = max(0, time.time() - ms / 1000)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


@lru_cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("guarded_gen.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        foreign=foreign,
        marked=marked,
        moment=moment,
        ago=ago,
        plain=wording.plain,
        category=wording.category,
    )
    environment.globals.update(
        Permission=Permission,
        bar=wording.bar,
        severity_of=wording.severity_of,
        STATES=wording.STATES,
        KINDS=wording.KINDS,
        NOTES=wording.NOTES,
        ACTIONS=wording.ACTIONS,
        KEYS=wording.KEYS,
    )
    return environment


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
        _environment()
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
