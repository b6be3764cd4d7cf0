"""From draft to active in steps, and who is decided by what meanwhile.

``draft`` is kept and decides nothing. ``shadow`` decides beside the real policy and is only
recorded. ``canary`` acts for a share of the subjects, chosen by a stable hash, and is recorded
as a shadow for the others. ``active`` acts for everyone else; there is one. ``retired`` is over.
Pure logic: who may do what, and where the states are kept, is the top's affair.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from policies.document import Policy
from policies.errors import RolloutRefused

MAX_SHADOWS = 3
"""Every shadow is evaluated for every request: 20 µs each, but 4 kB of record each, too."""


class RolloutState(StrEnum):
    DRAFT = "draft"
    SHADOW = "shadow"
    CANARY = "canary"
    ACTIVE = "active"
    RETIRED = "retired"


STEPS: dict[RolloutState, frozenset[RolloutState]] = {
    RolloutState.DRAFT: frozenset({RolloutState.SHADOW, RolloutState.RETIRED}),
    RolloutState.SHADOW: frozenset({RolloutState.DRAFT, RolloutState.CANARY, RolloutState.RETIRED}),
    RolloutState.CANARY: frozenset(
        {RolloutState.SHADOW, RolloutState.CANARY, RolloutState.ACTIVE, RolloutState.RETIRED}
    ),
    RolloutState.ACTIVE: frozenset(
        {RolloutState.CANARY, RolloutState.SHADOW, RolloutState.RETIRED}
    ),
    RolloutState.RETIRED: frozenset({RolloutState.DRAFT}),
}
"""Forward one step at a time; back, or out, at once."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """Where one policy stands. ``percent`` is above 0 for a canary only."""

    digest: str
    state: RolloutState = RolloutState.DRAFT
    percent: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """For one subject: the policy that acts, and those that are only recorded."""

    acting: Policy
    observed: tuple[tuple[RolloutState, Policy], ...] = ()


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """All policies that decide something at present."""

    active: Policy
    canary: tuple[Policy, float] | None = None
    shadows: tuple[Policy, ...] = ()

    def choose(self, subject: str) -> Choice:
        """Who acts for ``subject``. The same subject always gets the same answer, and whoever
        is in a canary stays in it while its share grows."""
        observed = [(RolloutState.SHADOW, policy) for policy in self.shadows]
        if self.canary is None:
            return Choice(self.active, tuple(observed))
        policy, percent = self.canary
        if in_canary(policy.digest, subject, percent):
            return Choice(policy, ((RolloutState.ACTIVE, self.active), *observed))
        return Choice(self.active, ((RolloutState.CANARY, policy), *observed))


def in_canary(digest: str, subject: str, percent: float) -> bool:
    """Whether ``subject`` belongs to the share of a policy: SHA-256 of both, as a number in
    [0, 100), below ``percent``. Different policies choose different subjects."""
    value = hashlib.sha256(f"{digest}\0{subject}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(value[:8]) / 2**64 * 100 < percent


def step(
    rollout: Rollout, to: RolloutState, percent: float | None, others: Sequence[Rollout] = ()
) -> Rollout:
    """The rollout after a step; ``others`` are the rollouts of all other policies.

    A canary needs a ``percent`` above 0 and up to 100. Raises :class:`RolloutRefused`.
    """
    if to not in STEPS[rollout.state]:
        allowed = ", ".join(sorted(STEPS[rollout.state]))
        raise RolloutRefused(
            f"a policy in state {rollout.state} cannot become {to}", f"from here: {allowed}"
        )
    if to is RolloutState.CANARY:
        if percent is None or not 0 < percent <= 100:
            raise RolloutRefused(
                "a canary needs a share above 0 and up to 100 percent", "give --percent 5"
            )
        if any(other.state is RolloutState.CANARY for other in others):
            raise RolloutRefused(
                "another policy is a canary already", "activate it or take it back first"
            )
    elif percent is not None:
        raise RolloutRefused("only a canary has a share", "leave out --percent")
    if (
        to is RolloutState.SHADOW
        and sum(o.state is RolloutState.SHADOW for o in others) >= MAX_SHADOWS
    ):
        raise RolloutRefused(
            f"there are {MAX_SHADOWS} shadows already", "take one of them back first"
        )
    return replace(rollout, state=to, percent=percent or 0.0)
