"""What a policy means, checked before it may decide anything.

Each check looks at the rules and overlays that could be read and yields issues with their
places; the models have already refused what is not even well formed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from policies import conditions, jurisdictions
from policies.conditions import ConditionInvalid
from policies.decision import Action, Stage
from policies.document import Overlay, Policy, Requirement, Rule, Tightening
from policies.issues import Issue, SourceSpan
from policies.overlay import excuses, relaxations
from policies.source import Node
from policies.taxonomy import CATEGORIES, known_ids

Path = tuple[str | int, ...]

FLOOR: Mapping[tuple[str, Stage], str] = {
    ("sexual_minors", Stage.PROMPT): "sexual content with minors",
    ("ncii", Stage.PROMPT): "non-consensual intimate imagery",
    ("hash_match", Stage.REFERENCE): "hits in banks of legally defined content",
    ("hash_match", Stage.OUTPUT): "hits in banks of legally defined content",
    ("hash_match", Stage.UPLOAD): "hits in banks of legally defined content",
}
"""What every policy must block for everyone, whatever else it says."""

FLOOR_CEILING = 0.9
"""A floor rule that only starts above this score is no floor."""


def run(
    node: Node,
    text: str,
    rules: Mapping[Path, Rule],
    overlays: Mapping[Path, Overlay],
    data: Mapping[str, Any],
    parent: Policy | None,
) -> list[Issue]:
    """All issues of a document's meaning, warnings included."""
    lines = text.split("\n")
    own = {path: rule for path, rule in rules.items() if path[0] == "rules"}
    base = (*(parent.rules if parent else ()), *own.values())
    every = [*base, *(rule for path, rule in rules.items() if path[0] != "rules")]
    inherited = [rule for o in parent.overlays for rule in o.rules] if parent else []
    known: dict[str, Rule] = {}
    for rule in (*every, *inherited):
        known.setdefault(rule.id, rule)
    return [
        *_no_rules(node, data, parent),
        *_default(node, data, parent),
        *_same_ids(node, rules, overlays, parent),
        *_own_categories(node, data, parent),
        *_conditions(node, lines, data),
        *_unreachable(node, own, rules, overlays, parent),
        *_layers(node, overlays, data, known, parent),
        *_excuses(node, data, base, parent),
        *_floor(node, data, base, known, parent, complete=_complete(data, own)),
        *_coverage(node, data, base, parent),
    ]


def _complete(data: Mapping[str, Any], own: Mapping[Path, Rule]) -> bool:
    """Whether every rule could be read."""
    listed = data.get("rules", [])
    return isinstance(listed, list) and len(listed) == len(own)


def _no_rules(node: Node, data: Mapping[str, Any], parent: Policy | None) -> Iterator[Issue]:
    if parent is None and not data.get("rules") and "extends" not in data:
        span = node.keys.get("rules", SourceSpan(0, 0))
        yield Issue(
            "no_rules",
            "a policy without rules decides nothing",
            span,
            "add `rules:`, or begin with `extends: default`",
        )
    if parent is None and "extends" not in data and "tighten" in data:
        yield Issue(
            "nothing_to_tighten",
            "`tighten` changes rules of another policy, but this one extends none",
            node.keys["tighten"],
            "change the rule itself, or add `extends:`",
        )


def _default(node: Node, data: Mapping[str, Any], parent: Policy | None) -> Iterator[Issue]:
    places: list[tuple[Path, Action | None]] = [(("default",), parent.default if parent else None)]
    for i, item in enumerate(_items(data, "overlays")):
        if "default" in item:
            places.append((("overlays", i, "default"), None))
    for path, at_least in places:
        value = node.find(path).value if _exists(node, path) else None
        if value == Action.ALLOW.value:
            yield Issue(
                "default_allows",
                "a check that did not run can never mean `allow`",
                node.find(path).span,
                "use `review` or `block`",
            )
        elif at_least is Action.BLOCK and value == Action.REVIEW.value:
            yield Issue(
                "relaxes",
                "this relaxes `default` from block to review",
                node.find(path).span,
                "a policy that extends another may only tighten: keep block",
            )
    for path in _requirements(data):
        place = (*path, "missing")
        if _exists(node, place) and node.find(place).value == Action.ALLOW.value:
            yield Issue(
                "default_allows",
                "a check that did not run can never mean `allow`",
                node.find(place).span,
                "use `review` or `block`, or leave `missing` out",
            )


def _requirements(data: Mapping[str, Any]) -> Iterator[Path]:
    holders: list[tuple[Path, Any]] = [((), data)]
    holders += [(("overlays", i), item) for i, item in enumerate(_items(data, "overlays"))]
    for path, holder in holders:
        required = holder.get("required")
        if isinstance(required, dict):
            for stage, items in required.items():
                if isinstance(items, list):
                    yield from ((*path, "required", stage, i) for i in range(len(items)))


def _items(data: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    items = data.get(key)
    if not isinstance(items, list):
        return []
    return [item if isinstance(item, dict) else {} for item in items]


def _exists(node: Node, path: Path) -> bool:
    *parents, last = path
    holder = node.find(parents)
    return isinstance(holder.value, dict) and last in holder.value


def _own_categories(node: Node, data: Mapping[str, Any], parent: Policy | None) -> Iterator[Issue]:
    seen = {entry.id for entry in parent.categories} if parent else set()
    for i, item in enumerate(_items(data, "categories")):
        id = item.get("id")
        if not isinstance(id, str):
            continue
        if id in seen:
            yield Issue(
                "duplicate_id",
                f'the category "{id}" stands twice',
                node.find(("categories", i, "id")).span,
                "give every category an id of its own",
            )
        seen.add(id)


def _same_ids(
    node: Node,
    rules: Mapping[Path, Rule],
    overlays: Mapping[Path, Overlay],
    parent: Policy | None,
) -> Iterator[Issue]:
    first: dict[str, str] = {}
    if parent is not None:
        for rule in (*parent.rules, *(r for o in parent.overlays for r in o.rules)):
            first[rule.id] = f"in the policy {parent.id}, which this one extends"
    for path, rule in rules.items():
        span = node.find((*path, "id")).span
        if rule.id in first:
            yield Issue(
                "duplicate_id",
                f'the id "{rule.id}" is taken {first[rule.id]}',
                span,
                "give every rule an id of its own; to change an inherited rule use `tighten`",
            )
        else:
            first[rule.id] = f"by the rule on line {span.line + 1}"
    names = {o.overlay: f"in the policy {parent.id}" for o in parent.overlays} if parent else {}
    for path, overlay in overlays.items():
        span = node.find((*path, "overlay")).span
        if overlay.overlay in names:
            yield Issue(
                "duplicate_id",
                f'the name "{overlay.overlay}" is taken {names[overlay.overlay]}',
                span,
                "give every overlay a name of its own",
            )
        else:
            names[overlay.overlay] = f"by the overlay on line {span.line + 1}"


def _conditions(node: Node, lines: list[str], data: Mapping[str, Any]) -> Iterator[Issue]:
    places: list[Path] = [("rules", i, "when") for i in range(len(_items(data, "rules")))]
    for i, overlay in enumerate(_items(data, "overlays")):
        count = len(_items(overlay, "rules"))
        places += [("overlays", i, "rules", j, "when") for j in range(count)]
    places += [(*path, "when") for path in _requirements(data)]
    own = frozenset(id for id in known_ids() if id not in CATEGORIES)
    for path in places:
        if not _exists(node, path):
            continue
        text = node.find(path)
        if not isinstance(text.value, str) or not text.value:
            continue
        try:
            conditions.compile(text.value, own)
        except ConditionInvalid as error:
            for mistake in error.mistakes:
                span = _inside(text, lines, mistake)
                yield Issue("bad_condition", mistake.message, span, mistake.remedy)


def _inside(node: Node, lines: list[str], mistake: conditions.Mistake) -> SourceSpan:
    """The place of a condition's mistake in the file, as exactly as the YAML style allows."""
    start = node.span
    if node.style in ("|", ">"):
        line = start.line + 1 + mistake.line
        if node.style == "|" and line < len(lines):
            indent = len(lines[line]) - len(lines[line].lstrip(" "))
            column = indent + mistake.column
            return SourceSpan(line, column, line, column + mistake.length)
        return SourceSpan(start.line + 1, _indent(lines, start.line + 1))
    row = lines[start.line] if start.line < len(lines) else ""
    offset = 0 if node.style is None else 1
    if mistake.line == 0 and row[start.column + offset :].startswith(node.value):
        column = start.column + offset + mistake.column
        return SourceSpan(start.line, column, start.line, column + mistake.length)
    return start


def _indent(lines: list[str], line: int) -> int:
    row = lines[line] if line < len(lines) else ""
    return len(row) - len(row.lstrip(" "))


def _unreachable(
    node: Node,
    own: Mapping[Path, Rule],
    rules: Mapping[Path, Rule],
    overlays: Mapping[Path, Overlay],
    parent: Policy | None,
) -> Iterator[Issue]:
    """Rules that can never decide: another one matches wherever they do, and wins.

    A rule of an overlay competes with those of its overlay and of the policy below it.
    """
    inherited: list[tuple[Path, Rule]] = [((), rule) for rule in (parent.rules if parent else ())]
    groups = [[*inherited, *own.items()]]
    for path in overlays:
        added = [(p, r) for p, r in rules.items() if p[:2] == path]
        groups.append([*inherited, *(((), rule) for rule in own.values()), *added])
    for group in groups:
        by_category: dict[str, list[tuple[Path, Rule]]] = {}
        for path, rule in group:
            by_category.setdefault(rule.category, []).append((path, rule))
        for same in by_category.values():
            for i, (path, rule) in enumerate(same):
                if not path:
                    continue
                winners = [_winner(rule, i, stage, same) for stage in rule.stage]
                if all(winners):
                    winner = winners[0]
                    yield Issue(
                        "unreachable",
                        f"rule {rule.id} can never decide: {winner.id} matches all that it "
                        f"matches and {_why(winner, rule)}",
                        node.find((*path, "id")).span,
                        f"remove {rule.id}, or give it another range, scope or a severer action",
                    )


def _winner(rule: Rule, index: int, stage: Stage, same: list[tuple[Path, Rule]]) -> Any:
    for j, (_, other) in enumerate(same):
        if j == index or other.when is not None or stage not in other.stage:
            continue
        severer = other.action.severity - rule.action.severity
        if severer < 0 or (severer == 0 and j > index):
            continue
        if other.low <= rule.low and other.high >= rule.high and _wider(other, rule):
            return other
    return None


def _wider(other: Rule, rule: Rule) -> bool:
    """Whether ``other`` is for everyone that ``rule`` is for."""
    return (
        (not other.tenants or (bool(rule.tenants) and set(rule.tenants) <= set(other.tenants)))
        and (
            not other.age_mode
            or (bool(rule.age_mode) and set(rule.age_mode) <= set(other.age_mode))
        )
        and (
            not other.jurisdictions
            or (
                bool(rule.jurisdictions)
                and all(
                    any(jurisdictions.covers(wide, code) for wide in other.jurisdictions)
                    for code in rule.jurisdictions
                )
            )
        )
    )


def _why(winner: Rule, rule: Rule) -> str:
    if winner.action is rule.action:
        return "stands before it"
    return f"is severer ({winner.action})"


def _layers(
    node: Node,
    overlays: Mapping[Path, Overlay],
    data: Mapping[str, Any],
    known: Mapping[str, Rule],
    parent: Policy | None,
) -> Iterator[Issue]:
    places: list[Path] = [("tighten",)] if parent is not None else []
    places += [("overlays", i, "tighten") for i in range(len(_items(data, "overlays")))]
    for path in places:
        if not _exists(node, path) or not isinstance(node.find(path).value, dict):
            continue
        for rule_id in node.find(path).value:
            place = (*path, rule_id)
            if rule_id not in known:
                near = get_close_matches(rule_id, known, n=1, cutoff=0.5)
                yield Issue(
                    "unknown_rule",
                    f'no rule "{rule_id}" to tighten',
                    node.key_span(place),
                    f'did you mean "{near[0]}"?' if near else "name a rule of this policy",
                )
                continue
            try:
                change = Tightening.model_validate(node.find(place).plain())
            except ValueError:
                continue
            for key, message, remedy in relaxations(known[rule_id], change):
                yield Issue("relaxes", message, node.find((*place, key)).span, remedy)


def _listed(node: Node, data: Mapping[str, Any], stage: str) -> set[str]:
    """The categories that the document itself lists under `required` for a stage."""
    required = data.get("required")
    items = required.get(stage) if isinstance(required, dict) else None
    count = len(items) if isinstance(items, list) else 0
    return {
        category
        for i in range(count)
        for category in Requirement.model_validate(
            node.find(("required", stage, i)).plain()
        ).categories
    }


def _excuses(
    node: Node, data: Mapping[str, Any], base: tuple[Rule, ...], parent: Policy | None
) -> Iterator[Issue]:
    """A layer may not excuse what the rules below it require by naming it."""
    for path in _requirements(data):
        stage = path[-2]
        inside = path[0] == "overlays"
        if not inside and parent is None:
            continue
        try:
            asked = Requirement.model_validate(node.find(path).plain())
            below = parent.required if parent is not None else {}
            rules = base if inside else parent.rules if parent is not None else ()
            own = _listed(node, data, str(stage)) if inside else set()
            found = excuses(below, asked, rules, Stage(str(stage)))
        except ValueError:
            continue
        for category in (c for c in found if c not in own):
            yield Issue(
                "relaxes",
                f"this relaxes `required`: a rule below it names {category}, so it is required "
                "whatever the circumstances",
                node.find((*path, "when")).span,
                f"an overlay may only tighten: leave {category} out, or `when` and `otherwise`",
            )


def _floor(
    node: Node,
    data: Mapping[str, Any],
    base: tuple[Rule, ...],
    known: Mapping[str, Rule],
    parent: Policy | None,
    complete: bool,
) -> Iterator[Issue]:
    listed = data.get("floor", [])
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    by_id = {rule.id: rule for rule in base}
    for i, name in enumerate(names):
        span = node.find(("floor", i)).span
        if name not in by_id:
            if not complete and name not in known:
                continue
            near = get_close_matches(name, by_id, n=1, cutoff=0.5)
            yield Issue(
                "unknown_rule",
                f'no rule "{name}" for the floor',
                span,
                f'did you mean "{near[0]}"?' if near else "name a rule that every overlay shares",
            )
            continue
        rule = by_id[name]
        if rule.action is not Action.BLOCK or rule.when is not None or rule.scoped:
            yield Issue(
                "weak_floor",
                f"the floor rule {name} does not block always and for everyone",
                span,
                "a floor rule has `action: block` and no when, age_mode, jurisdictions, tenants",
            )
        elif rule.low > FLOOR_CEILING or rule.high <= 1:
            yield Issue(
                "weak_floor",
                f"the floor rule {name} lets high scores pass or starts above {FLOOR_CEILING}",
                span,
                f"use `at_least:` with a value up to {FLOOR_CEILING}",
            )
    if not complete or (parent is None and ("extends" in data or not base)):
        return
    floor = [by_id[name] for name in (*names, *(parent.floor if parent else ())) if name in by_id]
    lacking: dict[str, list[str]] = {}
    for category, stage in FLOOR:
        if not any(rule.category == category and stage in rule.stage for rule in floor):
            lacking.setdefault(category, []).append(stage.value)
    for category, stages in lacking.items():
        what = next(text for (c, _), text in FLOOR.items() if c == category)
        yield Issue(
            "floor_incomplete",
            f"the floor has no rule on {what} ({category} at {', '.join(stages)})",
            node.keys.get("floor", SourceSpan(0, 0)),
            f"add a rule that blocks {category} and name it in `floor:`, or extend `default`",
        )


def _coverage(
    node: Node, data: Mapping[str, Any], base: tuple[Rule, ...], parent: Policy | None
) -> Iterator[Issue]:
    required = data.get("required")
    named = set(required) if isinstance(required, dict) else set()
    if parent is not None:
        named |= {stage.value for stage in parent.required}
    for stage in Stage:
        if stage.value in named:
            continue
        if any(stage in rule.stage for rule in base):
            message = f"there are rules for {stage}, but no check is required there"
            remedy = f"list under `required: {stage}:` what must have been assessed"
        else:
            message = f"nothing is said about {stage}: every {stage} gets the default action"
            remedy = "add rules for it, if that is not what you want"
        yield Issue(
            "nothing_required",
            message,
            node.keys.get("required", SourceSpan(0, 0)),
            remedy,
            warning=True,
        )
