"""What can go wrong on the ground of policies."""

from __future__ import annotations

from collections.abc import Sequence

from policies.issues import Issue, ordered, render

MAX_SHOWN = 50
"""Mistakes that an error's text shows; ``issues`` holds all."""


class PolicyError(Exception):
    """A policy cannot be used as written. ``code`` is stable; ``remedy`` says what to do."""

    code = "invalid_policy"

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy


class PolicyInvalid(PolicyError):
    """The document has mistakes; ``issues`` holds all of them, in order of place."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        self.issues = tuple(ordered(issues))
        count = len(self.issues)
        noun = "mistake" if count == 1 else "mistakes"
        shown = render(self.issues[:MAX_SHOWN])
        if count > MAX_SHOWN:
            shown += f"\n\n… and {count - MAX_SHOWN} more"
        super().__init__(f"{shown}\n\n{count} {noun}", "correct the lines named above")


class PolicyNotFound(PolicyError):
    """Neither a library policy nor a readable file has this name."""

    code = "policy_not_found"


class PolicyTooLarge(PolicyError):
    """The document is past the size limit and was not read."""

    code = "policy_too_large"


class ReplayInvalid(PolicyError):
    """The recorded history cannot be evaluated."""

    code = "invalid_history"


class RolloutRefused(PolicyError):
    """The rollout may not go from its state to the one that was asked for."""

    code = "rollout_refused"
