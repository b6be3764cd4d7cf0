"""Generated overlays and requests."""

from __future__ import annotations

import os

from hypothesis import strategies as st

import policies
from policies import Action, AgeMode, Context, Signal, Stage
from policies.taxonomy import CATEGORIES

EXAMPLES = int(os.environ.get("GUARDED_GEN_EXAMPLES", "40"))
HEAD = {"policy": "acme", "version": "1", "extends": "default"}
DEFAULT = policies.load("default")
RULES = {rule.id: rule for rule in DEFAULT.rules}
CODES = ["DE", "FR", "US", "US-CA", "EU", "GB"]
millionths = st.integers(0, 1_000_000).map(lambda n: n / 1_000_000)


@st.composite
def changes(draw: st.DrawFn, wild: bool) -> dict[str, dict[str, object]]:
    """Changes of rules of the default policy; ``wild`` ones may relax."""
    made: dict[str, dict[str, object]] = {}
    for rule_id in draw(st.lists(st.sampled_from(sorted(RULES)), unique=True, max_size=6)):
        rule = RULES[rule_id]
        change: dict[str, object] = {}
        if rule.at_least is not None:
            top = 1_000_000 if wild else round(rule.at_least * 1_000_000)
            change["at_least"] = draw(st.integers(0, top)) / 1_000_000
        if draw(st.booleans()):
            actions = [a for a in Action if wild or a.severity >= rule.action.severity]
            change["action"] = draw(st.sampled_from(actions)).value
        made[rule_id] = change
    return made


@st.composite
def rules(draw: st.DrawFn, prefix: str) -> list[dict[str, object]]:
    made: list[dict[str, object]] = []
    for i in range(draw(st.integers(0, 3))):
        rule: dict[str, object] = {
            "id": f"{prefix}-{i}",
            "category": draw(st.sampled_from(sorted(CATEGORIES))),
            "stage": draw(st.lists(st.sampled_from(list(map(str, Stage))), min_size=1)),
            "at_least": draw(millionths),
            "action": draw(st.sampled_from(["allow", "review", "block"])),
            "reason": "generated",
        }
        when = draw(st.sampled_from([None, "strikes > 1", "scores.gore > 0.5", "has_reference"]))
        if when:
            rule["when"] = when
        made.append(rule)
    return made


@st.composite
def overlays(draw: st.DrawFn, wild: bool = False) -> list[dict[str, object]]:
    made: list[dict[str, object]] = []
    for i in range(draw(st.integers(1, 3))):
        applies = draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "tenants": st.lists(st.sampled_from(["a", "b"]), min_size=1),
                    "jurisdictions": st.lists(st.sampled_from(CODES), min_size=1),
                    "age_mode": st.sampled_from(["adult", "teen"]),
                },
            ).filter(bool)
        )
        overlay: dict[str, object] = {
            "overlay": f"layer-{i}",
            "applies_to": applies,
            "tighten": draw(changes(wild)),
            "rules": draw(rules(f"L{i}")),
        }
        default = draw(st.sampled_from([None, "review", "block"]))
        if default:
            overlay["default"] = default
        if draw(st.booleans()):
            category = draw(st.sampled_from(sorted(CATEGORIES)))
            overlay["required"] = {"prompt": [{"categories": [category]}]}
        made.append(overlay)
    return made


@st.composite
def requests(draw: st.DrawFn) -> tuple[Stage, list[Signal], Context]:
    signals = []
    for category in draw(st.lists(st.sampled_from(sorted(CATEGORIES)), max_size=12)):
        status = draw(st.sampled_from(["ran"] * 6 + ["failed", "skipped"]))
        if status == "ran":
            calibrated = draw(st.booleans())
            signals.append(Signal.ran("c", category, draw(millionths), calibrated=calibrated))
        else:
            signals.append(getattr(Signal, status)("d", category, "why"))
    context = Context(
        tenant=draw(st.sampled_from(["a", "b", "c"])),
        jurisdiction=draw(st.sampled_from(["", "DE", "US-CA", "US", "JP"])),
        age_mode=draw(st.sampled_from(list(AgeMode))),
        strikes=draw(st.integers(0, 3)),
        has_reference=draw(st.booleans()),
    )
    return draw(st.sampled_from(list(Stage))), signals, context
