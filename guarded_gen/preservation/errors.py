"""What can go wrong when something must be kept or reported."""

from __future__ import annotations

from guarded_gen.errors import GuardedGenError, InvalidInput


class RecipientMissing(GuardedGenError):
    """There is no usable certificate of the legal role: nothing can be sealed."""

    code = "evidence_key_missing"


class ReportIncomplete(InvalidInput):
    """A report lacks what the hotline requires; ``param`` names the field."""

    code = "report_incomplete"


class HotlineOff(GuardedGenError):
    """No hotline is configured."""

    code = "hotline_not_configured"
    http_status = 409


class HotlineRefused(GuardedGenError):
    """The hotline says that the report is wrong; trying again does not help."""

    code = "hotline_refused"


class HotlineAway(GuardedGenError):
    """The hotline did not answer, or answered that it cannot now."""

    code = "hotline_unreachable"


class TooManyRequests(GuardedGenError):
    """More requests for removal came than the settings let in."""

    code = "too_many_requests"
    http_status = 429
