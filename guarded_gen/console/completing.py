"""What the workbench's editor offers while a policy is typed: the words that fit at a place."""

from __future__ import annotations

import re
from collections.abc import Iterable

import policies
from policies import Policy
from policies.context import AgeMode
from policies.decision import Action, Stage
from policies.document import NeededEvidence
from policies.taxonomy import CATEGORIES, REASONS

MOST = 400
"""Words of one kind that are offered."""
_NAME = re.compile(r"[A-Za-z][\w.-]{0,63}")


def words(text: str, policy: Policy | None) -> dict[str, str]:
    """Words by the keys after which they fit, both as names apart by blanks.

    ``policy`` is what ``text`` says; where it has a mistake (None), the names are read off its
    lines and out of the library's policy that it extends. After ``key`` comes one word, after
    ``key[`` a list of them, ``key{`` is a map with the words as names, and ``scores.`` a part of a
    condition.
    """
    if policy is not None:
        own = [c.id for c in policy.categories]
        rules = [r.id for r in policy.rules]
        reasons = [
            *(reason for c in policy.categories for reason in c.reasons),
            *(r.reason for r in policy.rules),
        ]
    else:
        own, rules, reasons = _read_off(text)
    return {
        "category categories[ missing[ scores{ scores.": _joined((*own, *CATEGORIES)),
        "reason reasons[": _joined((*reasons, *REASONS)),
        "tighten{ floor[": _joined(rules),
        "action expect missing": _joined(Action),
        "default": _joined(a for a in Action if a is not Action.ALLOW),
        "stage stage[ required{": _joined(Stage),
        "age_mode age_mode[": _joined(AgeMode),
        "evidence": _joined(NeededEvidence),
        "extends": _joined(policies.library()),
    }


def _read_off(text: str) -> tuple[list[str], list[str], list[str]]:
    own: list[str] = []
    rules: list[str] = []
    section = base = ""
    for line in text.splitlines():
        if line[:1].isalpha():
            section, _, value = line.partition(":")
            if section == "extends":
                base = _name(value)
        key, _, value = line.lstrip(" \t-{").partition(":")
        if key == "id" and (name := _name(value)):
            (own if section == "categories" else rules).append(name)
    if base not in policies.library():
        return own, rules, []
    parent = policies.load(base)
    own += [c.id for c in parent.categories]
    rules += [r.id for r in parent.rules]
    return own, rules, [r.reason for r in parent.rules]


def _name(value: str) -> str:
    found = _NAME.match(value.lstrip(" \t\"'"))
    return found[0] if found else ""


def _joined(names: Iterable[str]) -> str:
    return " ".join(list(dict.fromkeys(map(str, names)))[:MOST])
