"""Layers over a policy: for a tenant, a place, an age, or in a file that extends another.

A layer tightens: thresholds go down, actions up, requirements and rules are added. Since the
most severe action wins and nothing can be taken away, no layer can make any decision milder;
:func:`relaxations` names what an author tried all the same. Layers commute: the order in
which they are laid over a policy does not change the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

from policies import jurisdictions
from policies.context import AgeMode
from policies.decision import Action, Stage
from policies.document import Overlay, Policy, Required, Requirement, Rule, Tightening


def applies(overlay: Overlay, tenant: str, jurisdiction: str, age_mode: AgeMode) -> bool:
    """Whether an overlay is for these circumstances."""
    to = overlay.applies_to
    return (
        (not to.tenants or tenant in to.tenants)
        and (not to.age_mode or age_mode in to.age_mode)
        and (
            not to.jurisdictions
            or any(jurisdictions.covers(code, jurisdiction) for code in to.jurisdictions)
        )
    )


def relaxations(rule: Rule, change: Tightening) -> list[tuple[str, str, str]]:
    """What a change would relax: ``(key, what is wrong, remedy)`` for each."""
    wrong = []
    if change.at_least is not None and rule.between is not None:
        wrong.append(
            (
                "at_least",
                f"rule {rule.id} has `between`, not `at_least`",
                f"write between: [low, high] that contains {list(rule.between)}",
            )
        )
    if change.between is not None and rule.between is None:
        wrong.append(
            (
                "between",
                f"rule {rule.id} has `at_least`, not `between`",
                f"write at_least: with a value up to {rule.at_least}",
            )
        )
    wanted, now = change.at_least, rule.at_least
    if wanted is not None and now is not None and wanted > now:
        wrong.append(
            (
                "at_least",
                f"this relaxes rule {rule.id}: it would match from {wanted} on, now from {now}",
                f"an overlay may only tighten: use a value up to {now}",
            )
        )
    if change.between is not None and rule.between is not None:
        low, high = rule.between
        if change.between[0] > low or change.between[1] < high:
            wrong.append(
                (
                    "between",
                    f"this relaxes rule {rule.id}: {list(change.between)} leaves out part of "
                    f"{[low, high]}",
                    f"an overlay may only tighten: use a range that contains {[low, high]}",
                )
            )
    if change.action is not None and change.action.severity < rule.action.severity:
        wrong.append(
            (
                "action",
                f"this relaxes rule {rule.id} from {rule.action} to {change.action}",
                f"an overlay may only tighten: keep {rule.action} or go up",
            )
        )
    return wrong


def tightened(rule: Rule, change: Tightening) -> Rule:
    """The rule with a change, as far as the change tightens."""
    update: dict[str, object] = {}
    if change.at_least is not None and rule.at_least is not None:
        update["at_least"] = min(rule.at_least, change.at_least)
    if change.between is not None and rule.between is not None:
        update["between"] = (
            min(rule.between[0], change.between[0]),
            max(rule.between[1], change.between[1]),
        )
    if change.action is not None and change.action.severity > rule.action.severity:
        update["action"] = change.action
    if change.examples:
        update["examples"] = (*rule.examples, *change.examples)
    return rule.model_copy(update=update) if update else rule


def inherited(rule: Rule) -> Rule:
    """A rule as those inherit it who may tighten it: its examples hold or something stricter."""
    examples = tuple(e.model_copy(update={"or_stricter": True}) for e in rule.examples)
    return rule.model_copy(update={"examples": examples}) if examples else rule


def stricter(one: Action, other: Action | None) -> Action:
    """The more severe of two actions."""
    return one if other is None or other.severity <= one.severity else other


def merged(one: Required, other: Required, rules: Iterable[Rule]) -> Required:
    """Both sets of requirements, where ``other`` is laid over ``rules`` and what ``one`` asks for.

    A rule requires the category that it names, so a layer cannot excuse it: the requirement is
    then written out beside the layer's own.
    """
    told = list(rules)
    return {
        stage: (*one.get(stage, ()), *other.get(stage, ()), *_kept(one, other, told, stage))
        for stage in Stage
        if stage in one or stage in other
    }


def excuses(one: Required, other: Requirement, rules: Iterable[Rule], stage: Stage) -> list[str]:
    """The categories that ``other`` would excuse at a stage, though a rule below it names them."""
    if other.when is None:
        return []
    below = {category for need in one.get(stage, ()) for category in need.categories}
    named = {rule.category for rule in rules if stage in rule.stage} - below
    return [category for category in other.categories if category in named]


def _kept(
    one: Required, other: Required, rules: Sequence[Rule], stage: Stage
) -> tuple[Requirement, ...]:
    found = [c for need in other.get(stage, ()) for c in excuses(one, need, rules, stage)]
    return (Requirement(categories=tuple(dict.fromkeys(found))),) if found else ()


def laid_over(
    rules: Iterable[Rule], tighten: Mapping[str, Tightening], more: Iterable[Rule]
) -> tuple[Rule, ...]:
    """``rules`` with their changes, then the added ones."""
    changed = (tightened(r, tighten[r.id]) if r.id in tighten else r for r in rules)
    return (*changed, *more)


def effective(policy: Policy, tenant: str, jurisdiction: str, age_mode: AgeMode) -> Policy:
    """The policy as it stands for these circumstances, without overlays, with its own digest.

    ``policy`` itself where no overlay applies.
    """
    layers = [o for o in policy.overlays if applies(o, tenant, jurisdiction, age_mode)]
    if not layers:
        return policy
    added = tuple(rule for layer in layers for rule in layer.rules)
    rules = (*policy.rules, *added)
    for layer in layers:
        rules = laid_over(rules, layer.tighten, ())
    required = policy.required
    for layer in layers:
        others = [rule for other in layers if other is not layer for rule in other.rules]
        required = merged(required, layer.required, (*policy.rules, *others))
    # Not model_copy: it would copy the cached digest too.
    return Policy.model_construct(
        **{
            **{name: getattr(policy, name) for name in Policy.model_fields},
            "lineage": (*policy.lineage, *(layer.overlay for layer in layers)),
            "default": reduce(stricter, (layer.default for layer in layers), policy.default),
            "labels": (*policy.labels, *(o.label for o in layers if o.label is not None)),
            "required": required,
            "rules": rules,
            "overlays": (),
        }
    )
