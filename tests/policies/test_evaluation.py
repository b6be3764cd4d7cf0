"""The version of the rules of evaluation is raised whenever they decide otherwise."""

from __future__ import annotations

import hashlib
import json
from itertools import product

import policies
from policies import EVALUATION, Context, Signal, Stage, evaluate

POLICY, _ = policies.loads(
    """
policy: fixed
version: "1"
default: review
floor: [S, N, B]
required:
  prompt:
    - categories: [violence, hate]
    - categories: [disguise]
      when: '!("procedural" in capabilities)'
      otherwise: procedural
rules:
  - {id: S, category: sexual_minors, stage: [prompt, reference, output, upload], at_least: 0.5,
     action: block, reason: sexual_minors}
  - {id: N, category: ncii, stage: [prompt, reference, output, upload], at_least: 0.5,
     action: block, reason: ncii}
  - {id: B, category: hash_match, stage: [reference, output, upload], at_least: 0.5,
     action: block, reason: hash_match}
  - {id: G, category: gore, stage: [prompt], at_least: 0.5, action: block, reason: gore}
  - {id: V, category: violence, stage: [prompt], at_least: 0.5, action: block, reason: violence}
  - {id: U, category: unsafe, stage: [prompt], at_least: 0.3, action: block, reason: unsafe}
  - {id: H, category: hate, stage: [prompt], at_least: 0.2, action: review, reason: hate,
     when: strikes > 1}
"""
)
DECISIONS = {3: "81a7aa1d86b60bbb857b791d01579475e9c6ab0e58d795baf83f63841badf259"}
"""SHA-256 of the decisions below by version. Another one means: raise EVALUATION, add a line."""


def test_the_rules_of_this_version_decide_as_they_did() -> None:
    found = []
    for gore, violence, unsafe, hate, strikes in product(
        (None, 0.1, 0.9), (None, 0.4, 0.8), (0.1, 0.95), (0.0, 0.3), (0, 2)
    ):
        signals = [
            Signal.ran("test", category, score, calibrated=True)
            for category, score in (
                ("sexual_minors", 0.0), ("ncii", 0.0),
                ("gore", gore), ("violence", violence), ("unsafe", unsafe), ("hate", hate),
            )
            if score is not None
        ]  # fmt: skip
        context = Context(
            strikes=strikes, capabilities=frozenset({"procedural" if strikes else "neural"})
        )
        record = evaluate(POLICY, Stage.PROMPT, signals, context).to_json()
        del record["policy_digest"]  # of the document's form, not of the evaluation
        found.append(record)
    text = json.dumps(found, sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest() == DECISIONS.get(EVALUATION)
