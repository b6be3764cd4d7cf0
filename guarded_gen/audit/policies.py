"""Every policy that decided is kept beside the log, by its digest, so that a decision can be
evaluated again years later. The digest stands in the signed entry and proves the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

from sqlalchemy import Connection, text

from guarded_gen.audit.event import EntryDraft
from guarded_gen.errors import NotFound

PolicySource = Callable[[str], bytes | None]
"""Digest to the policy's canonical JSON; None for one that this process does not have."""


class PolicyKeeper:
    """Stores what the source knows and the database does not yet have."""

    def __init__(self) -> None:
        self.source: PolicySource | None = None
        self._kept: set[str] = set()

    def keep(self, connection: Connection, drafts: Sequence[EntryDraft]) -> None:
        """Store the policies of these drafts in their own transaction."""
        if self.source is None:
            return
        digests = {
            tag.removeprefix("policy:")
            for draft in drafts
            for tag in draft.tags
            if tag.startswith("policy:")
        }
        for digest in sorted(digests - self._kept):
            row = connection.execute(
                text("SELECT 1 FROM audit_policy WHERE digest = :d"), {"d": digest}
            ).first()
            if row is not None:
                self._kept.add(digest)  # only what was found: our own insert may be rolled back
                continue
            canonical = self.source(digest)
            if canonical is None or sha256(canonical).hexdigest() != digest:
                continue
            connection.execute(
                text(
                    "INSERT INTO audit_policy (digest, canonical) VALUES (:d, :c)"
                    " ON CONFLICT DO NOTHING"
                ),
                {"d": digest, "c": canonical},
            )


def kept_policy(connection: Connection, digest: str) -> bytes:
    """The canonical JSON of the policy with this digest; :class:`NotFound` when the log has none
    or its text was altered."""
    row = connection.execute(
        text("SELECT canonical FROM audit_policy WHERE digest = :d"), {"d": digest}
    ).first()
    if row is None:
        raise NotFound(f"the policy {digest[:16]}… was not kept", "give the policy's file")
    canonical = bytes(row[0])
    if sha256(canonical).hexdigest() != digest:
        raise NotFound(f"the kept text of policy {digest[:16]}… was altered", "give its file")
    return canonical
