"""Keeps the API's contract: ``docs/reference/openapi.json``, and its changes in a page beside it.

``python scripts/contract.py`` keeps the document as it is now and adds the changes to the page.
It refuses changes that break clients unless ``--breaking`` says that they are meant.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "docs" / "reference" / "openapi.json"
PAGE = ROOT / "docs" / "contract.md"
HEADING = "## Changes\n"
_METHODS = ("get", "post", "put", "patch", "delete")
_WORDS = ("description", "summary", "examples", "title", "tags")
Document = dict[str, Any]


def current() -> Document:
    """The contract of the code as it is."""
    from guarded_gen.composition.services import Services
    from guarded_gen.server import create_app
    from guarded_gen.settings import Settings

    with tempfile.TemporaryDirectory() as home:
        services = Services(Settings(home=Path(home)))
        document: Document = create_app(services, worker=False).openapi()
        services.close()
    return json.loads(json.dumps(document))  # type: ignore[no-any-return]


def breaking(old: Document, new: Document) -> list[str]:
    """What a client of ``old`` would trip over, in words, in the order of the document."""
    found: list[str] = []
    for name, before in _operations(old):
        after = dict(_operations(new)).get(name)
        if after is None:
            found.append(f"{name} is gone")
            continue
        if before["operationId"] != after["operationId"]:
            found.append(f"{name} has another operation id")
        found += _parameters(name, before, after)
        found += _bodies(name, before, after, old, new)
        found += _answers(name, before, after, old, new)
        if before.get("security") == [] and after.get("security") != []:
            found.append(f"{name} needs a key now")
    return found


def _operations(document: Document) -> Iterator[tuple[str, Document]]:
    for group in ("paths", "webhooks"):
        for path, methods in document.get(group, {}).items():
            for method in _METHODS:
                if method in methods:
                    yield f"{method.upper()} {path}", methods[method]


def _parameters(name: str, before: Document, after: Document) -> list[str]:
    were = {(p["in"], p["name"]): p for p in before.get("parameters", [])}
    are = {(p["in"], p["name"]): p for p in after.get("parameters", [])}
    found = [f"{name}: parameter {key[1]} is gone" for key in were if key not in are]
    for key, one in are.items():
        if one.get("required") and not were.get(key, {}).get("required"):
            found.append(f"{name}: parameter {key[1]} is required now")
    return found


def _bodies(
    name: str, before: Document, after: Document, old: Document, new: Document
) -> list[str]:
    were = before.get("requestBody", {}).get("content", {})
    are = after.get("requestBody", {}).get("content", {})
    if not were and after.get("requestBody", {}).get("required"):
        return [f"{name} needs a body now"]
    found = [f"{name} does not take {media} any more" for media in were if media not in are]
    for media in were.keys() & are.keys():
        pair = were[media].get("schema", {}), are[media].get("schema", {})
        found += _narrower(f"{name} body", *pair, old, new, sent=True)
    return found


def _answers(
    name: str, before: Document, after: Document, old: Document, new: Document
) -> list[str]:
    found = []
    for status, were in before.get("responses", {}).items():
        are = after["responses"].get(status)
        if are is None:
            found.append(f"{name} does not answer {status} any more")
            continue
        for media, content in were.get("content", {}).items():
            if media not in are.get("content", {}):
                found.append(f"{name} {status} is not {media} any more")
                continue
            pair = content.get("schema", {}), are["content"][media].get("schema", {})
            found += _narrower(f"{name} {status}", *pair, old, new, sent=False)
    return found


def _narrower(
    where: str,
    old: Document,
    new: Document,
    olds: Document,
    news: Document,
    *,
    sent: bool,
    depth: int = 0,
) -> list[str]:
    """What does not fit any more. ``sent``: by clients, who may send whatever they could; else to
    clients, who may rely on whatever they got."""
    old, new = _resolved(old, olds), _resolved(new, news)
    if depth > 12 or old == new:
        return []
    found = []
    kinds, fresh = _kinds(old), _kinds(new)
    if (kinds - fresh if sent else fresh - kinds) and kinds and fresh:
        found.append(f"{where}: {'/'.join(sorted(kinds))} became {'/'.join(sorted(fresh))}")
    values, others = set(map(str, old.get("enum", []))), set(map(str, new.get("enum", [])))
    gone = (
        (values - others if others else set()) if sent else (others - values if values else set())
    )
    found += [f"{where}: value {value} is {'gone' if sent else 'new'}" for value in sorted(gone)]
    fields, now = old.get("properties", {}), new.get("properties", {})
    found += [f"{where}: field {name} is gone" for name in fields if name not in now]
    had, has = set(old.get("required", [])), set(new.get("required", []))
    changed = has - had if sent else had - has
    word = "required now" if sent else "not always there any more"
    found += [f"{where}: field {name} is {word}" for name in sorted(changed) if name in now]
    for name in fields.keys() & now.keys():
        found += _narrower(
            f"{where}.{name}", fields[name], now[name], olds, news, sent=sent, depth=depth + 1
        )
    if "items" in old and "items" in new:
        found += _narrower(
            f"{where}[]", old["items"], new["items"], olds, news, sent=sent, depth=depth + 1
        )
    branches, others_ = _objects(old, olds), _objects(new, news)
    if len(branches) == len(others_) == 1 and "anyOf" in old:
        found += _narrower(where, branches[0], others_[0], olds, news, sent=sent, depth=depth + 1)
    return found


def _resolved(schema: Document, document: Document) -> Document:
    if "$ref" in schema:
        return _resolved(
            document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], document
        )
    return schema


def _kinds(schema: Document) -> set[str]:
    if "anyOf" in schema:
        return set().union(*(_kinds(one) or {"object"} for one in schema["anyOf"]))
    kind = schema.get("type")
    return set(kind) if isinstance(kind, list) else {kind} if kind else set()


def _objects(schema: Document, document: Document) -> list[Document]:
    resolved = (_resolved(one, document) for one in schema.get("anyOf", []))
    return [one for one in resolved if one.get("type") == "object"]


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """Every place where the two documents differ beside their words, as paths."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        found = []
        for key in sorted({*old, *new}):
            if key in _WORDS and not (path.endswith("/properties")):
                continue
            here = f"{path}/{key}"
            if key not in new:
                found.append(f"gone: {here}")
            elif key not in old:
                found.append(f"new: {here}")
            else:
                found += differences(old[key], new[key], here)
        return found
    return [] if old == new else [f"changed: {path}"]


def keep(document: Document, added: list[str], broken: list[str]) -> None:
    """Write the document and put the changes on the page."""
    KEPT.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", "utf-8")
    if not added:
        return
    page = PAGE.read_text("utf-8")
    lines = [f"### {document['info']['version']}, {datetime.now(UTC):%Y-%m-%d}", ""]
    lines += [f"- **breaking:** {text}" for text in broken]
    lines += [f"- `{text}`" for text in added[:200]]
    PAGE.write_text(page.replace(HEADING, HEADING + "\n" + "\n".join(lines) + "\n", 1), "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--breaking", action="store_true", help="the breaking changes are meant")
    asked = parser.parse_args()
    new = current()
    old = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else None
    if old is None:
        keep(new, [], [])
        return 0
    broken = breaking(old, new)
    if broken and not asked.breaking:
        print("\n".join(["these changes break clients:", *broken]), file=sys.stderr)
        return 1
    keep(new, differences(old, new), broken)
    return 0


if __name__ == "__main__":
    sys.exit(main())
