"""The policy room: what counts as harm, what the rules say, and how signals become a decision.

``load`` reads and checks a policy, ``evaluate`` decides. Beside them: ``policies.cases`` tests a
policy, ``policies.history`` and ``policies.replay`` try it on past decisions, ``policies.rollout``
says who is decided by what while it is introduced, ``policies.taxonomy`` holds the categories.

Imports nothing of ours; touches no network, no database and no file but the policies that it is
told to read.
"""

from policies.context import NEURAL, PROCEDURAL, AgeMode, Context
from policies.decision import (
    Action,
    CheckStatus,
    Decision,
    Match,
    Missing,
    Segment,
    Signal,
    Stage,
)
from policies.document import Overlay, Policy, Rule
from policies.engine import evaluate
from policies.errors import PolicyError, PolicyInvalid, PolicyNotFound, PolicyTooLarge
from policies.issues import Issue
from policies.loader import check, library, load, loads
from policies.overlay import effective

__all__ = [
    "NEURAL",
    "PROCEDURAL",
    "Action",
    "AgeMode",
    "CheckStatus",
    "Context",
    "Decision",
    "Issue",
    "Match",
    "Missing",
    "Overlay",
    "Policy",
    "PolicyError",
    "PolicyInvalid",
    "PolicyNotFound",
    "PolicyTooLarge",
    "Rule",
    "Segment",
    "Signal",
    "Stage",
    "check",
    "effective",
    "evaluate",
    "library",
    "load",
    "loads",
]
