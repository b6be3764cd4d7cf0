"""Who may do what. Roles are few and fixed; what a person may do is the union of theirs."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """A person's part in the work."""

    REVIEWER = "reviewer"
    LEAD = "lead"
    POLICY_AUTHOR = "policy_author"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Permission(StrEnum):
    """One thing that a page or a call asks for."""

    SEE_QUEUE = "see_queue"
    SEE_MEDIA = "see_media"
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
    Role.ADMIN: frozenset(Permission) - {_P.SEE_MEDIA, _P.DECIDE, _P.DECIDE_ESCALATED},
}


def granted(roles: frozenset[Role], permission: Permission) -> bool:
    """Whether any of these roles has this permission."""
    return any(permission in GRANTS[role] for role in roles)
