"""Who may do what. Roles are few and fixed; what a person may do is the union of theirs."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """A person's part in the work."""

    REVIEWER = "reviewer"
    RESTRICTED = "restricted_reviewer"
    """Trained for the gravest cases; nobody sees these by any other role."""
    LEGAL = "legal"
    """Confirms, reports and releases what a restricted reviewer found."""
    LEAD = "lead"
    POLICY_AUTHOR = "policy_author"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Permission(StrEnum):
    """One thing that a page or a call asks for."""

    SEE_QUEUE = "see_queue"
    SEE_MEDIA = "see_media"
    SEE_RESTRICTED = "see_restricted"
    REPORT = "report"
    DECIDE = "decide"
    DECIDE_ESCALATED = "decide_escalated"
    ASSIGN = "assign"
    SEE_QUALITY = "see_quality"
    SEE_AUDIT = "see_audit"
    EDIT_POLICY = "edit_policy"
    PUBLISH_POLICY = "publish_policy"
    MANAGE_PEOPLE = "manage_people"


_P = Permission
GRANTS: dict[Role, frozenset[Permission]] = {
    Role.REVIEWER: frozenset({_P.SEE_QUEUE, _P.SEE_MEDIA, _P.DECIDE}),
    Role.RESTRICTED: frozenset({_P.SEE_QUEUE, _P.SEE_MEDIA, _P.DECIDE, _P.SEE_RESTRICTED}),
    # No media: who signs a report to an authority decides by the record and the reviewers' words.
    # They have the last word where two restricted reviewers differ.
    Role.LEGAL: frozenset(
        {
            _P.SEE_QUEUE,
            _P.DECIDE,
            _P.DECIDE_ESCALATED,
            _P.SEE_RESTRICTED,
            _P.SEE_AUDIT,
            _P.REPORT,
        }
    ),
    Role.LEAD: frozenset(
        {
            _P.SEE_QUEUE,
            _P.SEE_MEDIA,
            _P.DECIDE,
            _P.DECIDE_ESCALATED,
            _P.ASSIGN,
            _P.SEE_QUALITY,
            _P.SEE_AUDIT,
        }
    ),
    Role.POLICY_AUTHOR: frozenset(
        {_P.SEE_QUEUE, _P.SEE_QUALITY, _P.EDIT_POLICY, _P.PUBLISH_POLICY}
    ),
    # An auditor sees the record, not the media: most questions need no exposure.
    Role.AUDITOR: frozenset({_P.SEE_QUEUE, _P.SEE_AUDIT, _P.SEE_QUALITY}),
    Role.ADMIN: frozenset(Permission)
    - {_P.SEE_MEDIA, _P.DECIDE, _P.DECIDE_ESCALATED, _P.SEE_RESTRICTED, _P.REPORT},
}
SELF_REFUSED = frozenset({Role.RESTRICTED, Role.LEGAL})
"""Roles that nobody gives to themselves: a second admin must."""


def granted(roles: frozenset[Role], permission: Permission) -> bool:
    """Whether any of these roles has this permission."""
    return any(permission in GRANTS[role] for role in roles)
