"""What can go wrong when people decide."""

from __future__ import annotations

from guarded_gen.errors import Conflict, GuardedGenError


class NotAllowed(GuardedGenError):
    """The person may not do this."""

    code = "not_allowed"
    http_status = 403


class StaleCase(Conflict):
    """The case changed since the form was made: a lost lease, another's decision."""

    code = "stale_case"


class LeaseLost(Conflict):
    """The lease ran out or belongs to somebody else."""

    code = "lease_lost"


class FloorRule(GuardedGenError):
    """A floor rule stands behind the decision; no person can relax it."""

    code = "floor_rule"
    http_status = 403
