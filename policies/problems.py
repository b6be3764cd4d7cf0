"""What the models found wrong, in the words of somebody who does not program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from policies import document, jurisdictions
from policies.issues import Issue
from policies.source import Node
from policies.taxonomy import OwnCategory

_KEYS: dict[str, tuple[str, ...]] = {
    "policy": tuple(document.PolicySource.model_fields),
    "rule": tuple(document.Rule.model_fields),
    "category": tuple(f.alias or name for name, f in OwnCategory.model_fields.items()),
    "example": tuple(document.Example.model_fields),
    "case": tuple(document.NamedCase.model_fields),
    "overlay": tuple(document.Overlay.model_fields),
    "requirement": tuple(document.Requirement.model_fields),
    "change": tuple(document.Tightening.model_fields),
    "applies_to": tuple(document.Applies.model_fields),
    "context": tuple(document.CaseContext.model_fields),
}
_PATTERNS = {
    document.RULE_ID: ("an id", "letters, digits, `_`, `.` and `-`, for instance SEX-1"),
    document.REASON: (
        "a reason code",
        "small letters, digits and `_`, for instance sexual_content",
    ),
    document.NAME: ("a name", "letters, digits, `_`, `.` and `-`, for instance acme-teen"),
}


def explain(error: Mapping[str, Any], node: Node) -> Issue:
    """One of pydantic's errors as an :class:`Issue` with its place and a remedy."""
    path = tuple(part for part in error["loc"] if part != "[key]")
    kind = error["type"]
    maker = _BY_TYPE.get(kind)
    if maker is not None:
        return maker(error, path, node)
    target = node.find(path)
    return Issue(
        "wrong_value",
        f"{_name(path)}: {error['msg'][0].lower()}{error['msg'][1:]}",
        target.span,
        "see the page on policies for what may stand here",
    )


def _name(path: tuple[str | int, ...]) -> str:
    words = [part for part in path if isinstance(part, str)]
    return f"`{words[-1]}`" if words else "the policy"


def _shape(path: tuple[str | int, ...]) -> str:
    """What kind of thing stands at ``path``."""
    shape = "policy"
    for i, part in enumerate(path):
        if part == "rules":
            shape = "rule"
        elif part == "categories" and i == 0:
            shape = "category"
        elif part == "cases":
            shape = "case"
        elif part == "examples":
            shape = "example"
        elif part == "overlays":
            shape = "overlay"
        elif part == "required":
            shape = "requirement"
        elif part == "tighten":
            shape = "change"
        elif part in ("applies_to", "context"):
            shape = str(part)
        elif i and path[i - 1] == "tighten":
            shape = "change"
    return shape


def _extra(error: Mapping[str, Any], path: tuple[str | int, ...], node: Node) -> Issue:
    shape = _shape(path[:-1])
    keys = _KEYS[shape]
    near = get_close_matches(str(path[-1]), keys, n=1, cutoff=0.6)
    remedy = f"did you mean `{near[0]}`?" if near else f"it may have: {', '.join(keys)}"
    return Issue(
        "unknown_key", f'unknown key "{path[-1]}" in {_a(shape)}', node.key_span(path), remedy
    )


def _missing(error: Mapping[str, Any], path: tuple[str | int, ...], node: Node) -> Issue:
    shape = _shape(path[:-1])
    return Issue(
        "missing_key",
        f"{_a(shape)} needs `{path[-1]}`",
        node.find(path[:-1]).span,
        f"add a line `{path[-1]}: …`",
    )


def _a(shape: str) -> str:
    if shape in ("applies_to", "context"):
        return f"`{shape}`"
    return f"an {shape}" if shape[0] in "aeiou" else f"a {shape}"


def _choice(error: Mapping[str, Any], path: tuple[str | int, ...], node: Node) -> Issue:
    given = error["input"]
    expected = [word.strip(" '") for word in _expected(error).replace(" or ", ", ").split(",")]
    near = get_close_matches(str(given), expected, n=1, cutoff=0.5)
    target = node.find(path)
    span = node.key_span(path) if path and target.value != given else target.span
    return Issue(
        "unknown_value",
        f'{_name(path)} cannot be "{given}"',
        span,
        f'did you mean "{near[0]}"?' if near else f"one of: {', '.join(expected)}",
    )


def _expected(error: Mapping[str, Any]) -> str:
    return str(error.get("ctx", {}).get("expected", ""))


def _range(error: Mapping[str, Any], path: tuple[str | int, ...], node: Node) -> Issue:
    given = error["input"]
    target = node.find(path)
    context = error.get("ctx", {})
    if path and path[-1] in ("strikes", "faces", "duration") and error["type"] != "finite_number":
        said = f"{_name(path)} is {given}, below 0"
        return Issue("out_of_range", said, target.span, "write 0 or more")
    if context.get("le") in (1, 1.0) or context.get("ge") == 0:
        hint = ""
        if isinstance(given, int | float) and 1 < given <= 100:
            hint = f"; if you meant {given} percent, write {given / 100:g}"
        return Issue(
            "out_of_range",
            f"{_name(path)} is {given}, outside of 0 to 1",
            target.span,
            f"write a number from 0 to 1{hint}",
        )
    return Issue(
        "out_of_range", f"{_name(path)} cannot be {given}", target.span, "correct the number"
    )


def _pattern(error: Mapping[str, Any], path: tuple[str | int, ...], node: Node) -> Issue:
    what, allowed = _PATTERNS.get(
        error.get("ctx", {}).get("pattern", ""), ("a value", "what the page on policies lists")
    )
    target = node.find(path)
    span = node.key_span(path) if target.value != error["input"] else target.span
    return Issue("bad_name", f'"{error["input"]}" cannot be {what}', span, f"use {allowed}")


def _text(error: Mapping[str, Any], path: tuple[str | int, ...], node: Node) -> Issue:
    given = error["input"]
    return Issue(
        "not_text",
        f"{_name(path)} must be text, not {given}",
        node.find(path).span,
        f'put it in quotes: "{given}"',
    )


def _number(error: Mapping[str, Any], path: tuple[str | int, ...], node: Node) -> Issue:
    return Issue(
        "not_a_number",
        f"{_name(path)} must be a number, not {_shown(error['input'])}",
        node.find(path).span,
        "write a number from 0 to 1, without quotes, for instance 0.8",
    )


def _list(error: Mapping[str, Any], path: tuple[str | int, ...], node: Node) -> Issue:
    return Issue(
        "not_a_list",
        f"{_name(path)} must be a list, not {_shown(error['input'])}",
        node.find(path).span,
        "put every entry on its own line behind a dash",
    )


def _mapping(error: Mapping[str, Any], path: tuple[str | int, ...], node: Node) -> Issue:
    shape = _shape(path)
    name = _a(shape) if path and isinstance(path[-1], int) else _name(path)
    return Issue(
        "not_a_mapping",
        f"{name} must be `key: value` lines, not {_shown(error['input'])}",
        node.find(path).span,
        "put every key on its own line, indented",
    )


def _length(error: Mapping[str, Any], path: tuple[str | int, ...], node: Node) -> Issue:
    context = error["ctx"]
    least, most = context.get("min_length"), context.get("max_length")
    unit = "characters" if error["type"].startswith("string") else "entries"
    if len(error["input"]) == 0:
        said, remedy = "is empty", "write something, or leave the key out"
    elif most is not None:
        said, remedy = f"has more than {most} {unit}", f"keep to {most} at most"
    else:
        said, remedy = f"has fewer than {least} {unit}", f"give at least {least}"
    return Issue("wrong_length", f"{_name(path)} {said}", node.find(path).span, remedy)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "`key: value` lines"
    return "nothing" if value is None else f'"{value}"'


def _category(error: Mapping[str, Any], path: tuple[str | int, ...], node: Node) -> Issue:
    context = error["ctx"]
    target = node.find(path)
    span = node.key_span(path) if isinstance(target.value, dict | float) else target.span
    remedy = (
        f'did you mean "{context["near"]}"?'
        if context["near"]
        else "use a category of the taxonomy; `guarded-gen policy categories` lists them"
    )
    return Issue("unknown_category", f"unknown category {context['given']}", span, remedy)


def _jurisdiction(error: Mapping[str, Any], path: tuple[str | int, ...], node: Node) -> Issue:
    given = str(error["input"])
    remedy = "use a code of ISO 3166, for instance DE or US-CA, or EU"
    if given.upper() == "UK":
        remedy = "the code of the United Kingdom is GB"
    elif given != given.upper() and jurisdictions.known(given.upper()):
        remedy = f"codes are in capitals: {given.upper()}"
    return Issue(
        "unknown_jurisdiction", f'unknown jurisdiction "{given}"', node.find(path).span, remedy
    )


def _plain(code: str, remedy: str) -> Callable[..., Issue]:
    def make(error: Mapping[str, Any], path: tuple[str | int, ...], node: Node) -> Issue:
        return Issue(code, error["msg"], node.find(path).span, remedy)

    return make


_BY_TYPE: dict[str, Callable[..., Issue]] = {
    "extra_forbidden": _extra,
    "missing": _missing,
    "enum": _choice,
    "literal_error": _choice,
    "greater_than_equal": _range,
    "less_than_equal": _range,
    "finite_number": _range,
    "string_pattern_mismatch": _pattern,
    "string_type": _text,
    "float_type": _number,
    "int_type": _number,
    "tuple_type": _list,
    "list_type": _list,
    "dict_type": _mapping,
    "model_type": _mapping,
    "model_attributes_type": _mapping,
    "unknown_category": _category,
    "unknown_jurisdiction": _jurisdiction,
    "too_precise": _plain("too_precise", "scores are kept to a millionth: shorten the number"),
    "example_input": _plain(
        "example_input", "give one of `score`, `scores` and `prompt`, or a list `missing`"
    ),
    "example_day": _plain("example_day", "leave `at` out, or give a `prompt`"),
    "threshold_choice": _plain(
        "threshold_choice", "give `at_least: 0.8`, or `between: [0.5, 0.8]`, not both"
    ),
    "between_order": _plain("between_order", "write the smaller number first"),
    "otherwise_missing": _plain(
        "otherwise_missing",
        "say in `otherwise:` which reason code the record gives where `when` is false",
    ),
    "applies_to_nobody": _plain(
        "applies_to_nobody", "name `tenants`, `jurisdictions` or `age_mode`"
    ),
    "too_short": _length,
    "too_long": _length,
    "string_too_short": _length,
    "string_too_long": _length,
}
