"""YAML text to values that remember where they stood.

The reader takes the part of YAML that a policy needs and refuses the rest: no anchors and
aliases (the stuff of YAML bombs), no tags, one document, bounded size, depth and number of
values. Plain scalars follow YAML 1.2's core schema, so that ``NO`` is Norway, not false.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from policies.issues import Issue, SourceSpan

try:
    from yaml import CSafeLoader as _Reader
except ImportError:  # PyYAML built without libyaml reads the same, ten times slower
    from yaml import SafeLoader as _Reader  # type: ignore[assignment]

MAX_BYTES = 1024 * 1024
MAX_VALUES = 25_000
MAX_DEPTH = 16

_NULL = re.compile(r"|~|null|Null|NULL")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(slots=True)
class Node:
    """A value and its place. ``value`` is a scalar, a list of nodes, or a dict of nodes."""

    value: Any
    span: SourceSpan
    style: str | None = None
    keys: dict[str, SourceSpan] = field(default_factory=dict)

    def plain(self) -> Any:
        """The value alone: scalars, lists and dicts."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def find(self, path: Sequence[str | int]) -> Node:
        """The deepest node that exists along ``path``."""
        node = self
        for step in path:
            inner = node.value
            if isinstance(inner, list):
                known = isinstance(step, int) and step < len(inner)
            else:
                known = isinstance(inner, dict) and step in inner
            if not known:
                break
            node = inner[step]
        return node

    def key_span(self, path: Sequence[str | int]) -> SourceSpan:
        """Where the key stands that ``path`` ends in; the value's place where there is none."""
        *parents, last = path
        return self.find(parents).keys.get(str(last)) or self.find(path).span


class Unreadable(Exception):
    """The text is no YAML that we take; carries one :class:`Issue`."""

    def __init__(self, issue: Issue) -> None:
        super().__init__(issue.message)
        self.issue = issue


def read(text: str) -> tuple[Node, list[Issue]]:
    """Read one document; duplicate keys come back as issues (the first one stands).

    Raises :class:`Unreadable` for what is no YAML, an alias, a tag, too much or too deep.
    """
    duplicates: list[Issue] = []
    try:
        events = yaml.parse(text, Loader=_Reader)
        node = _compose(events, duplicates)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        span = (
            SourceSpan(mark.line, mark.column, mark.line, mark.column + 1)
            if mark
            else SourceSpan(0, 0)
        )
        problem = error.problem or error.context or "unknown problem"
        raise Unreadable(
            Issue(
                "yaml_syntax",
                f"this is not valid YAML: {problem}",
                span,
                "check indentation, quotes and colons on this line and the line before it",
            )
        ) from None
    except yaml.YAMLError as error:
        raise Unreadable(
            Issue(
                "yaml_syntax",
                f"this is not valid YAML: {str(error).splitlines()[0]}",
                SourceSpan(0, 0),
                "save the file as plain UTF-8 text without control characters",
            )
        ) from None
    return node, duplicates


def _compose(events: Iterator[Any], duplicates: list[Issue]) -> Node:
    root: Node | None = None
    stack: list[tuple[Node, list[tuple[str, SourceSpan]]]] = []
    values = 0
    documents = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _refused(event, "one document only", "remove what follows the `---`")
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            node, _ = stack.pop()
            node.span = SourceSpan(node.span.line, node.span.column)
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        values += 1
        if values > MAX_VALUES:
            raise _refused(event, f"more than {MAX_VALUES} values", "split the policy in two")
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            raise _refused(
                event,
                "anchors and aliases (`&name`, `*name`) are not allowed in a policy",
                "write the value out; a reader of the policy should not have to look it up",
            )
        node = _node(event)
        if not stack:
            root = node
        elif not _attach(node, event, stack[-1], duplicates):
            continue
        if isinstance(event, yaml.CollectionStartEvent):
            stack.append((node, []))
            if len(stack) > MAX_DEPTH:
                raise _refused(
                    event, f"nested more than {MAX_DEPTH} levels deep", "a policy is much flatter"
                )
    if root is None:
        raise Unreadable(
            Issue(
                "empty_document",
                "the file is empty",
                SourceSpan(0, 0),
                "write a policy, see the docs",
            )
        )
    return root


def _attach(
    node: Node,
    event: Any,
    parent: tuple[Node, list[tuple[str, SourceSpan]]],
    duplicates: list[Issue],
) -> bool:
    """Hang ``node`` into its parent; False when it is a key and was only noted."""
    holder, pending = parent
    if isinstance(holder.value, list):
        holder.value.append(node)
        return True
    if not pending:
        if not isinstance(event, yaml.ScalarEvent):
            raise _refused(event, "a key must be a word", "put the name before the colon")
        pending.append((event.value, node.span))
        return False
    key, span = pending.pop()
    if key in holder.keys:
        first = holder.keys[key]
        duplicates.append(
            Issue(
                "duplicate_key",
                f'"{key}" stands twice here, first on line {first.line + 1}',
                span,
                "keep one of the two",
            )
        )
    else:
        holder.keys[key] = span
        holder.value[key] = node
    return True


def _node(event: Any) -> Node:
    span = SourceSpan(
        event.start_mark.line, event.start_mark.column, event.end_mark.line, event.end_mark.column
    )
    if event.tag is not None and event.tag != "!":
        raise _refused(event, f"the tag {event.tag} is not allowed", "write the plain value")
    if isinstance(event, yaml.MappingStartEvent):
        return Node({}, span)
    if isinstance(event, yaml.SequenceStartEvent):
        return Node([], span)
    plain = event.style is None or event.style == ""
    return Node(
        _scalar(event.value) if plain else event.value, span, None if plain else event.style
    )


def _scalar(text: str) -> Any:
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", "").lower())
    return text


def _refused(event: Any, message: str, remedy: str) -> Unreadable:
    start, end = event.start_mark, event.end_mark
    return Unreadable(
        Issue(
            "yaml_refused",
            message,
            SourceSpan(start.line, start.column, end.line, end.column),
            remedy,
        )
    )
