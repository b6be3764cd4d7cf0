"""A new key for the log: first it signs beside the old one, then the old one is retired.

A signed note may carry several signatures (C2SP signed-note), each of a key that a verifier knows
or ignores. So nobody has to change his verifier key at the same moment: during the overlap either
key verifies every checkpoint, proof and export. Both steps are entries of the log. The origin
never changes, nor do the keys that seal payloads.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from guarded_gen.audit.errors import BadNote
from guarded_gen.audit.event import Event
from guarded_gen.audit.integrate import read_snapshot
from guarded_gen.audit.keys import replace_file
from guarded_gen.audit.note import Signer, open_note
from guarded_gen.errors import Conflict

if TYPE_CHECKING:
    from guarded_gen.audit.log import AuditLog


def begin(log: AuditLog, folder: Path, actor: str) -> Signer:
    """Make the next key and let it sign from now on, beside the present one; gives it.

    Raises :class:`Conflict` while a rotation is under way.
    """
    keys = log.ring.fresh()
    if keys.following is not None:
        raise Conflict(
            "a rotation of the log's key is under way",
            "end it with: guarded-gen audit rotate-key --finish",
        )
    private = Ed25519PrivateKey.generate()
    signer = Signer(keys.signer.name, private)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    home = folder / "audit"
    replace_file(home / "log.next.vkey", (signer.verifier.vkey + "\n").encode(), 0o644)
    replace_file(home / "log.next.pem", pem, 0o600)
    body = {"present": keys.signer.verifier.vkey, "next": signer.verifier.vkey}
    log.append(Event("log.key_added", "-", actor=actor, body=body))
    return signer


def finish(log: AuditLog, folder: Path, actor: str) -> Signer:
    """Retire the present key; from now on the next one signs alone. Gives it.

    Raises :class:`Conflict` when no rotation is under way, or when the newest checkpoint does not
    carry the next key's signature.
    """
    keys = log.ring.fresh()
    following = keys.following
    if following is None:
        raise Conflict(
            "no rotation of the log's key is under way",
            "begin one with: guarded-gen audit rotate-key",
        )
    home = folder / "audit"

    def work(connection: Connection, append: Callable[[Event], str]) -> int:
        snapshot = read_snapshot(connection)
        try:
            open_note(snapshot.note, [following.verifier])
        except BadNote as error:
            raise Conflict(
                "the newest checkpoint was not signed by the next key",
                "see that every process uses the same keys folder, then write an entry",
            ) from error
        body = {"retired": keys.signer.verifier.vkey, "present": following.verifier.vkey}
        append(Event("log.key_retired", "-", actor=actor, body=body))
        return snapshot.size + 1

    size = log.alone(work)
    # Others may still sign with both keys until they look again; what they sign carries the next
    # key's signature, so it counts. The order lets an interruption be seen and healed.
    lines = [f"{old.size} {old.verifier.vkey}\n" for old in keys.retired]
    lines.append(f"{size} {keys.signer.verifier.vkey}\n")
    replace_file(home / "log.retired", "".join(lines).encode(), 0o644)
    (home / "log.next.pem").replace(home / "log.pem")
    replace_file(home / "log.vkey", (following.verifier.vkey + "\n").encode(), 0o644)
    (home / "log.next.vkey").unlink(missing_ok=True)
    log.ring.fresh()
    return following
