"""A rule of a policy drawn up from a query over the log, and put into a policy's text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from guarded_gen.errors import InvalidInput
from guarded_gen.governance.explore import Exploration
from guarded_gen.governance.log_query import OF_THE_LOG, LogQuery, compared
from policies.conditions import TOKEN, VARIABLES
from policies.decision import Stage
from policies.document import Policy
from policies.taxonomy import CATEGORIES, CATEGORY_ID

THRESHOLD = 0.5
"""Where the query names no score of the category: more likely than not."""
_SCORE = re.compile(
    r"""\(?\s*scores(?:\.([a-z_][a-z0-9_]*)|\[\s*["']([a-z_][a-z0-9_]*)["']\s*\])\s*>=?"""
    r"""\s*([0-9]*\.?[0-9]+)\s*\)?"""
)


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule as YAML, an entry of a policy's ``rules``. ``left_out`` are the parts of the query
    that no rule can ask for, since they are known only after it decided."""

    id: str
    category: str
    at_least: float
    text: str
    left_out: tuple[str, ...]


def drafted(query: LogQuery, found: Exploration, policy: Policy) -> RuleDraft:
    """A rule that holds for review what the query found, with an id that ``policy`` has not.

    Raises :class:`InvalidInput` where neither the query nor what it found names a category.
    """
    named = [compared(part) for part in query.parts]
    category = next((n[k] for n in named for k in ("category", "categories") if k in n), "")
    stage = next((n["stage"] for n in named if "stage" in n), "")
    at_least: float | None = None
    when: list[str] = []
    left_out: list[str] = []
    for part, names in zip(query.parts, named, strict=True):
        score = _SCORE.fullmatch(part)
        if score and at_least is None and category in ("", score[1] or score[2]):
            category, at_least = score[1] or score[2], min(float(score[3]), 1.0)
        elif names.keys() & {"category", "categories", "stage"}:
            continue
        elif _words(part) <= VARIABLES.keys():
            when.append(part)
        else:
            left_out.append(part)
    if not category:
        common = [name for name, _ in found.top["category"].most_common()]
        category = next((name for name in common if _known(name, policy)), "")
    if not re.fullmatch(CATEGORY_ID, category):
        raise InvalidInput(
            "a rule needs a category, and the query names none",
            'add one, such as scores["violence"] >= 0.5',
            "query",
        )
    seen = [stage] if stage else sorted(found.top["stage"])
    stages = [name for name in seen if name in set(Stage)] or [Stage.PROMPT.value]
    at_least = THRESHOLD if at_least is None else at_least
    id = _free_id(policy)
    lines = [
        f"- id: {id}",
        f"  category: {category}",
        f"  stage: [{', '.join(stages)}]",
        f"  at_least: {at_least:g}",
        *([f"  when: {_quoted(when)}"] if when else []),
        "  action: review",
        f"  reason: {_reason(category)}",
        f"  description: {json.dumps('From a query over the log: ' + query.text[:1_900])}",
    ]
    return RuleDraft(id, category, at_least, "\n".join(lines) + "\n", tuple(left_out))


def with_rule(text: str, draft: RuleDraft) -> str:
    """A policy's text with the rule at the end of its ``rules``; nothing else changes."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    begin = next((n for n, line in enumerate(lines) if re.match(r"rules\s*:", line)), None)
    rule = draft.text.splitlines(keepends=True)
    if begin is None:
        return "".join([*lines, "rules:\n", *("  " + line for line in rule)])
    if re.match(r"rules\s*:\s*\[\s*\]", lines[begin]):
        lines[begin] = "rules:\n"
    end = begin + 1
    last = begin
    while end < len(lines) and not re.match(r"[A-Za-z_\"']|---|\.\.\.", lines[end]):
        if lines[end].strip() and not lines[end].startswith("#"):
            last = end
        end += 1
    items = (re.match(r"( *)- ", line) for line in lines[begin + 1 : end])
    indent = next((found[1] for found in items if found), "  ")
    return "".join([*lines[: last + 1], *(indent + line for line in rule), *lines[last + 1 :]])


def _words(part: str) -> set[str]:
    """The names of the log and of policies that a part of a query looks at."""
    words = {m.group() for m in TOKEN.finditer(part) if m.lastgroup == "word"}
    return words & (OF_THE_LOG.keys() | VARIABLES.keys())


def _quoted(parts: list[str]) -> str:
    # JSON's strings are YAML's: no character of a query can end the line or begin another key.
    # A part may end in a comment: what follows goes on a line of its own.
    ended = [f"{part}\n" if "//" in part else part for part in parts]
    joined = " && ".join(f"({part})" for part in ended) if len(parts) > 1 else ended[0]
    return json.dumps(joined, ensure_ascii=False)


def _known(category: str, policy: Policy) -> bool:
    return category in CATEGORIES or any(own.id == category for own in policy.categories)


def _reason(category: str) -> str:
    known = CATEGORIES.get(category)
    return known.reasons[0] if known is not None and known.reasons else category


def _free_id(policy: Policy) -> str:
    taken = {rule.id for rule in policy.rules}
    return next(f"LOG-{n}" for n in range(1, len(taken) + 2) if f"LOG-{n}" not in taken)
