"""Watching other logs by their URL: did they only grow, and are their entries the signed ones?"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import Connection, text

from guarded_gen.audit.alerts import Alert
from guarded_gen.audit.cosigning import TIMEOUT_SECONDS, asked, cosign, cosigner_id
from guarded_gen.audit.errors import BadNote, BadProof
from guarded_gen.audit.ids import iso, now_ms
from guarded_gen.audit.merkle import TILE_WIDTH, leaf_hash, split_hashes
from guarded_gen.audit.note import Checkpoint, Signer, Verifier, parse_note
from guarded_gen.audit.proof import Prover, ReadTile, verify_consistency, verify_inclusion
from guarded_gen.audit.remembered import fork, of_log, recall, remember
from guarded_gen.audit.tiles import TilePath, newest_cosigned, split_bundle
from guarded_gen.audit.witness_policy import WitnessPolicy
from guarded_gen.errors import InvalidInput
from guarded_gen.settings.audit import AuditSettings

if TYPE_CHECKING:
    from guarded_gen.audit.log import AuditLog

MOST_BUNDLES = 256
"""Bundles of 256 new entries that one check of a log reads."""
OLD_BUNDLES = 8
"""Bundles of old entries that one check of a log looks at again."""
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Seen:
    """Another log's checkpoint is consistent with the last one that we saw."""

    origin: str
    size: int
    before: int

    def to_json(self) -> dict[str, Any]:
        return {"origin": self.origin, "size": self.size, "before": self.before}


def check_log(
    log: AuditLog,
    verifier: Verifier,
    url: str,
    client: httpx.Client,
    cosigners: Sequence[Signer] = (),
) -> Seen | Alert:
    """Fetch another log's checkpoint, prove from its tiles that it only grew, and compare entries
    with the tree: the new ones (of the newest :data:`MOST_BUNDLES` bundles) and a few old ones,
    others each time.

    ``cosigners``: our keys as a witness; what was found consistent is cosigned for monitors.
    """
    prefix = url.rstrip("/")

    def get(name: str) -> bytes:
        answer = client.get(f"{prefix}/{name}", timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        return answer.content

    try:
        note = get("checkpoint").decode("utf-8", "replace")
        note = of_log(note, verifier)
        head = Checkpoint.parse(parse_note(note).text)
    except httpx.HTTPError as error:
        return Alert("unreachable", verifier.name, str(error) or type(error).__name__)
    except BadNote as error:
        return Alert("invalid", verifier.name, str(error))

    def read(level: int, n: int) -> bytes:
        count = head.size >> (8 * level)
        return get(str(TilePath(level, n, min(TILE_WIDTH, count - n * TILE_WIDTH))))

    with log.reading() as connection:
        known = recall(connection, verifier.name)
    if known is not None:
        if head.size < known.size:
            return Alert(
                "rollback",
                verifier.name,
                f"it had {known.size} entries and now shows {head.size}",
                (known.note, note),
            )
        try:
            path = Prover(read).consistency(known.size, head.size)
            verify_consistency(known.size, head.size, known.root, head.root, path)
        except httpx.HTTPError as error:
            return Alert("unreachable", verifier.name, str(error) or type(error).__name__)
        except BadProof:
            return fork(head, known.note, note)
    try:
        wrong = _wrong_bundle(get, read, head, known.size if known else 0)
    except httpx.HTTPError as error:
        return Alert("unreachable", verifier.name, str(error) or type(error).__name__)
    except BadProof:
        return fork(head, known.note if known else "", note)
    if wrong is not None:
        return Alert("invalid", verifier.name, wrong, (note,))
    with log.store.write() as session:
        connection = session.connection()
        newest = recall(connection, verifier.name)
        if newest is None or newest.size <= head.size:
            remember(connection, head, note + cosign(cosigners, head.text()))
    return Seen(verifier.name, head.size, known.size if known else 0)


def _wrong_bundle(
    get: Callable[[str], bytes], read: ReadTile, head: Checkpoint, old: int
) -> str | None:
    """What is wrong with the published entries; None when those looked at are in the tree.

    Raises :class:`BadProof` when the tiles do not give the signed root.
    """
    count = -(-head.size // TILE_WIDTH)
    first_new = old // TILE_WIDTH
    new = range(max(first_new, count - MOST_BUNDLES), count)
    older = {secrets.randbelow(first_new) for _ in range(OLD_BUNDLES)} if first_new else set()
    prover = Prover(read)
    for n in sorted({*new, *older}):
        start = n * TILE_WIDTH
        width = min(TILE_WIDTH, head.size - start)
        try:
            entries = split_bundle(get(str(TilePath(None, n, width))))
        except httpx.HTTPStatusError as error:
            if error.response.status_code == httpx.codes.NOT_FOUND and n < first_new:
                continue  # old entries may have been pruned
            raise
        except InvalidInput as error:
            return f"bundle {n}: {error}"
        leaves = split_hashes(read(0, n))[:width]
        if len(leaves) != width:
            raise BadProof(f"tile 0/{n} is too short for this tree")
        verify_inclusion(leaves[0], start, head.size, prover.inclusion(start, head.size), head.root)
        found = [leaf_hash(entry) for entry in entries]
        if found != leaves:
            at = next(
                (
                    i
                    for i, pair in enumerate(zip(found, leaves, strict=False))
                    if pair[0] != pair[1]
                ),
                min(len(found), width),
            )
            return f"entry {start + at} is not the one that was signed"
    return None


def stale(
    connection: Connection, settings: AuditSettings, policy: WitnessPolicy | None = None
) -> list[Alert]:
    """An alert for every watched log, every witness, and the policy's quorum, that was silent for
    too long."""
    limit = int(settings.alert_hours * HOUR_MS)
    oldest = now_ms() - limit
    alerts = []
    for watched in settings.watch:
        name = Verifier.parse(watched.vkey).name
        known = recall(connection, name)
        if known is not None and known.seen < oldest:
            alerts.append(Alert("stale", name, f"last seen {iso(known.seen)}", (known.note,)))
    for witness, _ in asked(settings, policy):
        row = connection.execute(
            text("SELECT max(time) FROM audit_cosignature WHERE witness = :w"),
            {"w": cosigner_id(witness)},
        ).scalar_one_or_none()
        if row is not None and row < oldest:
            alerts.append(Alert("stale", witness.name, f"it last cosigned {iso(row)}"))
    if policy is not None:
        cosigned = newest_cosigned(connection, policy=policy)
        if cosigned is None:
            alerts.append(Alert("quorum", policy.quorum, "its quorum never cosigned a checkpoint"))
        else:
            when = connection.execute(
                text("SELECT max(time) FROM audit_cosignature WHERE size = :s"),
                {"s": cosigned.size},
            ).scalar_one()
            if when < oldest:
                alerts.append(Alert("quorum", policy.quorum, f"it last cosigned {iso(when)}"))
    return alerts
