"""From a name or a file to a checked :class:`~policies.document.Policy`.

All mistakes of a file are found in one go: the reader's (duplicate keys), the models'
(types, ranges, names), and the meaning's (:mod:`policies.checks`). A file that extends
another is laid over it here; what comes out has nothing left to look up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, reduce
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from policies import checks, source
from policies.decision import Action
from policies.document import LabelDemand, Overlay, Policy, PolicySource, Rule
from policies.errors import PolicyInvalid, PolicyNotFound, PolicyTooLarge
from policies.issues import Issue, SourceSpan
from policies.overlay import inherited, laid_over, merged, stricter
from policies.problems import explain
from policies.source import Node, Unreadable
from policies.taxonomy import besides

LIBRARY = Path(__file__).parent / "library"
MAX_CHAIN = 8
"""Longest chain of files that extend one another."""


def library() -> tuple[str, ...]:
    """The names of the policies that come with the product."""
    return tuple(sorted(path.stem for path in LIBRARY.glob("*.yaml")))


def load(source: Path | str) -> Policy:
    """Load and check a policy: the name of a library policy, or the path of a YAML file.

    Raises :class:`PolicyInvalid` with every mistake, :class:`PolicyNotFound`,
    :class:`PolicyTooLarge`.
    """
    policy, _ = check(source)
    return policy


def check(source: Path | str) -> tuple[Policy, list[Issue]]:
    """Like :func:`load`, and the warnings besides."""
    if isinstance(source, str) and source in library():
        policy, issues = _from_library(source)
        return policy, list(issues)
    path = locate(source)
    return _load(path, str(source), ())


@lru_cache(maxsize=32)
def _from_library(name: str) -> tuple[Policy, tuple[Issue, ...]]:
    """Read once: the product's own files do not change while it runs."""
    policy, issues = _load(LIBRARY / f"{name}.yaml", f"{name}.yaml", ())
    return policy, tuple(issues)


def loads(text: str, name: str = "policy") -> tuple[Policy, list[Issue]]:
    """Check a policy given as text; ``name`` stands for its file in messages.

    A text extends policies of the library only: it may come from a stranger, and no file of this
    machine is read for it.
    """
    return _parse(text, name, None, ())


def locate(source: Path | str) -> Path:
    """The file of a policy; raises :class:`PolicyNotFound`."""
    if isinstance(source, str) and source in library():
        return LIBRARY / f"{source}.yaml"
    path = Path(source)
    if path.is_file():
        return path
    raise PolicyNotFound(
        f'no policy "{source}"',
        f"name a YAML file that exists, or one of the library: {', '.join(library())}",
    )


def _load(path: Path, shown: str, chain: tuple[Path, ...]) -> tuple[Policy, list[Issue]]:
    try:
        size = path.stat().st_size
        if size > source.MAX_BYTES:
            raise PolicyTooLarge(
                f"{shown} has {size} bytes, a policy at most {source.MAX_BYTES}",
                "keep case files and data out of the policy, or split it by `extends`",
            )
        raw = path.read_bytes()
    except OSError as error:
        raise PolicyNotFound(
            f"{shown} cannot be read: {error.strerror or error}", "check the path and its rights"
        ) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n")
        issue = Issue(
            "not_utf8",
            "this is not UTF-8 text",
            SourceSpan(line, 0),
            "save the file as UTF-8",
            shown,
        )
        raise PolicyInvalid([issue]) from None
    return _parse(text, shown, path.parent, (*chain, path.resolve()))


def _parse(
    text: str, shown: str, folder: Path | None, chain: tuple[Path, ...]
) -> tuple[Policy, list[Issue]]:
    lines = text.split("\n")
    if len(text) > source.MAX_BYTES:
        raise PolicyTooLarge(
            f"{shown} has {len(text)} characters, a policy at most {source.MAX_BYTES}",
            "keep case files and data out of the policy, or split it by `extends`",
        )
    try:
        node, issues = source.read(text)
    except Unreadable as error:
        raise PolicyInvalid([error.issue.located(shown, lines)]) from None
    if not isinstance(node.value, dict):
        issue = Issue(
            "not_a_policy",
            "a policy is a list of `key: value` lines",
            node.span,
            'begin with `policy: my-policy` and `version: "1"`',
        )
        raise PolicyInvalid([issue.located(shown, lines)])
    parent, trouble = _parent(node, folder, chain)
    issues += trouble
    data = node.plain()
    inherited_ids = (entry.id for entry in parent.categories) if parent else ()
    with besides((*inherited_ids, *_own(data))):
        document = _validated(PolicySource, data, node, issues)
        rules, overlays = _parts(document, data)
        issues += checks.run(node, text, rules, overlays, data, parent)
    located = [issue.located(shown, lines) for issue in issues]
    if document is None or any(not issue.warning for issue in located):
        raise PolicyInvalid([issue for issue in located if not issue.warning])
    return _whole(document, parent), located


def _own(data: Any) -> Iterator[str]:
    """The ids of the document's own categories: of the wrong ones too, so that one mistake does
    not make every rule that names it a second one."""
    listed = data.get("categories")
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict) and isinstance(item.get("id"), str):
            yield item["id"]


def _validated(
    model: type[PolicySource], data: Any, node: Node, issues: list[Issue]
) -> PolicySource | None:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        issues += [explain(item, node) for item in error.errors(include_url=False)]
        return None


def _parts(
    document: PolicySource | None, data: Any
) -> tuple[dict[tuple[str | int, ...], Rule], dict[tuple[str | int, ...], Overlay]]:
    """Rules and overlays by their path; those that are right, where the document is wrong."""
    rules: dict[tuple[str | int, ...], Rule] = {}
    overlays: dict[tuple[str | int, ...], Overlay] = {}
    _collect(Rule, data.get("rules"), ("rules",), rules.__setitem__)
    _collect(Overlay, data.get("overlays"), ("overlays",), overlays.__setitem__)
    if isinstance(data.get("overlays"), list):
        for i, item in enumerate(data["overlays"]):
            if isinstance(item, dict):
                place = ("overlays", i, "rules")
                _collect(Rule, item.get("rules"), place, rules.__setitem__)
    return rules, overlays


def _collect(
    model: type[BaseModel],
    items: Any,
    path: tuple[str | int, ...],
    put: Callable[[tuple[str | int, ...], Any], None],
) -> None:
    if not isinstance(items, list):
        return
    for i, item in enumerate(items):
        try:
            put((*path, i), model.model_validate(item))
        except ValidationError:
            continue


def _parent(
    node: Node, folder: Path | None, chain: tuple[Path, ...]
) -> tuple[Policy | None, list[Issue]]:
    """The policy that this one extends, and what is wrong with the reference."""
    if "extends" not in node.value or not isinstance(node.value["extends"].value, str):
        return None, []
    named = node.value["extends"]
    name = named.value
    if name not in library() and folder is None:
        return None, [
            Issue(
                "unknown_parent",
                f'a text extends a policy of the library, and "{name}" is none',
                named.span,
                f"name one of: {', '.join(library())}",
            )
        ]
    path = LIBRARY / f"{name}.yaml" if folder is None or name in library() else folder / name
    if path.resolve() in chain:
        cycle = " extends ".join(p.name for p in (*chain[chain.index(path.resolve()) :], path))
        return None, [
            Issue(
                "cycle",
                f"this goes round in a circle: {cycle}",
                named.span,
                "let one of them stand alone",
            )
        ]
    if len(chain) >= MAX_CHAIN:
        return None, [
            Issue(
                "chain_too_long",
                f"more than {MAX_CHAIN} files extend one another",
                named.span,
                "merge some of them",
            )
        ]
    if not path.is_file():
        return None, [
            Issue(
                "unknown_parent",
                f'no policy "{name}" to extend',
                named.span,
                f"name a file beside this one, or one of: {', '.join(library())}",
            )
        ]
    try:
        if path.parent == LIBRARY and path.resolve().parent not in {p.parent for p in chain}:
            return _from_library(name)[0], []
        parent, _ = _load(path, name, chain)
    except PolicyInvalid as error:
        return None, list(error.issues)
    return parent, []


def _labels(document: PolicySource) -> tuple[LabelDemand, ...]:
    return () if document.label is None else (document.label,)


def _whole(document: PolicySource, parent: Policy | None) -> Policy:
    if parent is None:
        return Policy(
            id=document.policy,
            version=document.version,
            description=document.description,
            default=document.default or Action.REVIEW,
            categories=document.categories,
            labels=_labels(document),
            required=document.required,
            rules=document.rules,
            floor=document.floor,
            overlays=document.overlays,
        )
    return Policy(
        id=document.policy,
        version=document.version,
        description=document.description,
        lineage=(*parent.lineage, f"{parent.id}@{parent.version}"),
        default=reduce(stricter, (document.default,), parent.default),
        categories=(*parent.categories, *document.categories),
        labels=(*parent.labels, *_labels(document)),
        required=merged(parent.required, document.required, parent.rules),
        rules=laid_over(map(inherited, parent.rules), document.tighten, document.rules),
        floor=(*parent.floor, *document.floor),
        overlays=(*parent.overlays, *document.overlays),
    )
