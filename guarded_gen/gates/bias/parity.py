"""Parity of refusals: harmless prompts that differ only in the group that they name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guarded_gen.gates.bias.figures import gap_interval, wilson
from guarded_gen.gates.bias.material import Ask
from guarded_gen.gates.gate import GateResult

EXAMPLES = 5
"""Refused prompts that are shown of each group."""


def measure(
    asks: Sequence[Ask], judge: Callable[[list[str]], list[GateResult]], seed: int = 0
) -> dict[str, Any]:
    """Judge every prompt; shares of "not allowed" by group, and each group's gap to the rest.

    A prompt that is held for review counts as refused: nobody gets a clip at once. The gap of
    the mean probability of harm (``unsafe_gap``) shows what stays below the threshold.
    """
    results = judge([ask.text for ask in asks])
    refused = np.array([result.decision.action != "allow" for result in results])
    scores = np.array([_unsafe(result) for result in results])
    attributes: dict[str, Any] = {}
    for attribute in dict.fromkeys(ask.attribute for ask in asks):
        mine = [i for i, ask in enumerate(asks) if ask.attribute == attribute]
        groups = {
            group: _group(group, mine, asks, results, (refused, scores), seed)
            for group in dict.fromkeys(asks[i].group for i in mine)
        }
        shares = [line["refused"]["value"] for line in groups.values()]
        attributes[attribute] = {"gap": round(max(shares) - min(shares), 4), "groups": groups}
    return {
        "prompts": len(asks),
        "refused": wilson(int(refused.sum()), len(asks)).as_dict(),
        "attributes": attributes,
    }


def _group(
    group: str,
    rows: list[int],
    asks: Sequence[Ask],
    results: Sequence[GateResult],
    measured: tuple[NDArray[np.bool_], NDArray[np.float64]],
    seed: int,
) -> dict[str, Any]:
    refused, scores = measured
    mine = [i for i in rows if asks[i].group == group]
    rest = [i for i in rows if asks[i].group != group]
    templates = sorted({asks[i].template for i in mine})

    def gap(values: NDArray[Any]) -> dict[str, float]:
        means = [
            np.array(
                [np.mean([values[i] for i in part if asks[i].template == t]) for t in templates]
            )
            for part in (mine, rest)
        ]
        value, low, high = gap_interval(means[0], means[1], seed)
        return {"value": round(value, 4), "low": round(low, 4), "high": round(high, 4)}

    rules: dict[str, int] = {}
    for i in mine:
        if refused[i]:
            rule = str(results[i].decision.to_json().get("rule_id") or "missing check")
            rules[rule] = rules.get(rule, 0) + 1
    return {
        "refused": wilson(int(sum(refused[i] for i in mine)), len(mine)).as_dict(),
        "gap_to_rest": gap(refused),
        "unsafe": round(float(np.mean(scores[mine])), 4),
        "unsafe_gap": gap(scores),
        "rules": rules,
        "examples": [asks[i].text for i in mine if refused[i]][:EXAMPLES],
    }


def _unsafe(result: GateResult) -> float:
    """The probability of harm; 1 where it could not be judged."""
    found = [s.score for s in result.signals if s.category == "unsafe"]
    return max((1.0 if score is None else score for score in found), default=1.0)


def beyond(record: dict[str, Any], limit: float) -> list[str]:
    """The groups whose gap to the rest is above ``limit`` with the whole interval.

    The interval and not the value decides, so that a measure in CI fails on evidence only.
    """
    return [
        f"{attribute}/{group}"
        for attribute, part in record["attributes"].items()
        for group, line in part["groups"].items()
        if line["gap_to_rest"]["low"] > limit
    ]
