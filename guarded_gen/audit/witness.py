"""Witnesses (C2SP tlog-witness, tlog-cosignature): two operators that watch each other's logs.

As a log we submit our newest checkpoint to witnesses and keep their cosignatures. As a witness we
cosign another log's checkpoint only if it is consistent with the last one that we saw. What we
cannot explain by honest growth is an alert, which goes into our own log with the signed evidence.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import Connection, text

from guarded_gen.audit.errors import BadNote, BadProof
from guarded_gen.audit.event import Event
from guarded_gen.audit.ids import iso, now_ms
from guarded_gen.audit.integrate import Snapshot, read_snapshot
from guarded_gen.audit.merkle import EMPTY_ROOT, TILE_WIDTH, leaf_hash, split_hashes
from guarded_gen.audit.note import (
    ML_DSA_44,
    Checkpoint,
    Note,
    Signer,
    Verifier,
    open_note,
    parse_note,
    parse_signature,
)
from guarded_gen.audit.proof import Prover, ReadTile, verify_consistency, verify_inclusion
from guarded_gen.audit.storage_types import as_bytes
from guarded_gen.audit.tiles import TilePath, newest_cosigned, split_bundle, tile_reader
from guarded_gen.audit.witness_policy import WitnessPolicy
from guarded_gen.errors import InvalidInput
from guarded_gen.settings.audit import AuditSettings

if TYPE_CHECKING:
    from guarded_gen.audit.log import AuditLog
    from guarded_gen.store import Store

TIMEOUT_SECONDS = 10.0
MAX_BODY_BYTES = 64 * 1024
MAX_PROOF_LINES = 63
MOST_BUNDLES = 256
"""Bundles of 256 new entries that one check of a log reads."""
MOST_EVIDENCE = 16_000
OLD_BUNDLES = 8
"""Bundles of old entries that one check of a log looks at again."""
SIZE_TYPE = "text/x.tlog.size"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\n?")
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that an operator must look at. ``kind`` is ``fork``, ``rollback``, ``stale``,
    ``quorum``, ``unreachable`` or ``invalid``; ``evidence`` holds signed notes."""

    kind: str
    who: str
    message: str
    evidence: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "who": self.who,
            "message": self.message,
            "evidence": list(self.evidence),
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """A witness's HTTP answer."""

    status: int
    body: str
    content_type: str = "text/plain; charset=utf-8"
    alert: Alert | None = None


class _Forked(Exception):
    """The submitted checkpoint contradicts one that the same log signed before."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


class Witness:
    """Cosigns the checkpoints of the logs that it watches, with every one of its keys."""

    def __init__(
        self, log: AuditLog, signer: Signer, watched: Sequence[Verifier], *more: Signer
    ) -> None:
        self._log = log
        self._store: Store = log.store
        self.signer = signer
        self.signers = (signer, *more)
        self._watched = {verifier.name: verifier for verifier in watched}

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer the protocol's one call. A fork is recorded in our log before answering."""
        try:
            old, proof, note = _parse_request(body)
            origin = parse_note(note).text.partition("\n")[0]
        except BadNote as error:
            return Answer(400, f"{error}\n")
        verifier = self._watched.get(origin)
        if verifier is None:
            return Answer(404, "unknown log\n")
        try:
            note = _of_log(note, verifier)
        except BadNote as error:
            return Answer(403, f"{error}\n")
        try:
            head = Checkpoint.parse(parse_note(note).text)
        except BadNote as error:
            return Answer(400, f"{error}\n")
        if old > head.size:
            return Answer(400, "the old size is above the checkpoint's\n")
        try:
            with self._store.write() as session:
                answer = self._advance(session.connection(), old, proof, head, note)
        except _Forked as fork:
            answer = fork.answer
        if answer.alert is not None:
            record_alert(self._log, answer.alert)
        return answer

    def cosigned(self, origin_hash: str) -> str | None:
        """For monitors: the newest checkpoint of a watched log with its log's signature and our
        cosignatures; None when we cosigned none. ``origin_hash``: SHA-256 of the origin, hex."""
        for name in self._watched:
            if sha256(name.encode()).hexdigest() != origin_hash:
                continue
            with self._log.reading() as connection:
                known = _known(connection, name)
            if known is None:
                return None
            note = parse_note(known.note)
            ours = any(k.verifier.matches(s) for s in note.signatures for k in self.signers)
            return known.note if ours else None
        return None

    def _advance(
        self, connection: Connection, old: int, proof: list[bytes], head: Checkpoint, note: str
    ) -> Answer:
        # Checking and storing share one transaction that excludes other writers: two requests
        # side by side must not roll the record back.
        if connection.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE audit_witnessed IN EXCLUSIVE MODE"))
        known = _known(connection, head.origin)
        size = known.size if known else 0
        if old != size:
            return Answer(409, f"{size}\n", SIZE_TYPE)
        if known and head.size == size and head.root != known.root:
            alert = _fork(head, known.note, note)
            raise _Forked(Answer(422, "another root was signed for this size\n", alert=alert))
        root = known.root if known else EMPTY_ROOT
        try:
            verify_consistency(old, head.size, root, head.root, proof)
        except BadProof as error:
            alert = _fork(head, known.note if known else "", note)
            raise _Forked(Answer(422, f"{error}\n", alert=alert)) from error
        lines = cosign(self.signers, head.text())
        _remember(connection, head, note + lines)
        return Answer(200, lines)


def cosign(signers: Sequence[Signer], text_: str) -> str:
    """The signature lines of a witness's keys over a checkpoint's text, now."""
    return "".join(signer.cosign(text_, now_ms() // 1000).line() for signer in signers)


def cosigner_id(witness: Verifier) -> str:
    """How the table of cosignatures names a witness's key: a witness can have two."""
    return f"{witness.name}+{witness.key_id.hex()}" if witness.kind == ML_DSA_44 else witness.name


@dataclass(frozen=True, slots=True)
class Known:
    size: int
    root: bytes
    note: str
    seen: int


def _known(connection: Connection, origin: str) -> Known | None:
    row = connection.execute(
        text("SELECT size, root, note, seen FROM audit_witnessed WHERE origin = :o"), {"o": origin}
    ).first()
    if row is None:
        return None
    return Known(row[0], as_bytes(row[1], f"audit_witnessed {origin}"), row[2], row[3])


def _remember(connection: Connection, head: Checkpoint, note: str) -> None:
    values = {
        "o": head.origin,
        "size": head.size,
        "root": head.root,
        "note": note,
        "seen": now_ms(),
    }
    connection.execute(
        text(
            "INSERT INTO audit_witnessed (origin, size, root, note, seen)"
            " VALUES (:o, :size, :root, :note, :seen) ON CONFLICT (origin) DO UPDATE SET"
            " size = excluded.size, root = excluded.root, note = excluded.note,"
            " seen = excluded.seen"
        ),
        values,
    )


def _fork(head: Checkpoint, before: str, now: str) -> Alert:
    return Alert(
        "fork",
        head.origin,
        f"a signed checkpoint of size {head.size} does not continue the one that we saw before",
        (before, now),
    )


def record_alert(log: AuditLog, alert: Alert) -> str:
    """Put an alert on record; gives the entry's id. An entry has a limit, so evidence that is
    padded past :data:`MOST_EVIDENCE` characters goes with its beginning and its SHA-256."""
    body = alert.to_json()
    body["evidence"] = [
        note
        if len(note) <= MOST_EVIDENCE
        else f"{note[:1000]}… sha256:{sha256(note.encode()).hexdigest()}"
        for note in alert.evidence
    ]
    return log.append(Event("witness.alert", "-", actor="witness", body=body))


def _of_log(note: str, log: Verifier) -> str:
    """The note with the signatures of its log alone: others may be any number of anybody's.
    Raises :class:`BadNote` when the log did not sign it."""
    opened, _ = open_note(note, [log])
    ours = tuple(line for line in opened.signatures if log.matches(line))
    return Note(opened.text, ours).encode()


def _parse_request(body: bytes) -> tuple[int, list[bytes], str]:
    if len(body) > MAX_BODY_BYTES:
        raise BadNote(f"a request has at most {MAX_BODY_BYTES} bytes")
    try:
        head, found, note = body.decode("utf-8").partition("\n\n")
    except UnicodeDecodeError as error:
        raise BadNote("a request is UTF-8") from error
    first, *rest = head.split("\n")
    match = _OLD.fullmatch(first)
    if not found or match is None:
        raise BadNote("the old size line is missing")
    if len(rest) > MAX_PROOF_LINES:
        raise BadNote(f"a proof has at most {MAX_PROOF_LINES} lines")
    try:
        proof = [base64.b64decode(line, validate=True) for line in rest]
    except (binascii.Error, ValueError) as error:
        raise BadNote("a proof line is no base64") from error
    if any(len(node) != 32 for node in proof):
        raise BadNote("a proof line is not 32 bytes")
    return int(match[1]), proof, note


# --- as a log -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A witness cosigned our checkpoint of ``size`` at ``time`` (milliseconds since 1970)."""

    witness: str
    size: int
    time: int

    def to_json(self) -> dict[str, Any]:
        return {"witness": self.witness, "size": self.size, "time": iso(self.time)}


def ask_witness(
    log: AuditLog,
    witness: Verifier,
    url: str,
    client: httpx.Client,
    snapshot: Snapshot | None = None,
) -> Cosigned | Alert:
    """Submit our newest checkpoint; keeps the cosignature, or says what is wrong.

    ``snapshot``: submit this one, so that several witnesses cosign the same checkpoint.
    """
    with log.reading() as connection:
        if snapshot is None:
            snapshot = read_snapshot(connection)
        row = connection.execute(
            text("SELECT max(size) FROM audit_cosignature WHERE witness = :w"),
            {"w": cosigner_id(witness)},
        ).first()
    old = int(row[0] or 0) if row else 0
    for _ in range(3):
        if old > snapshot.size:  # another process of ours was faster
            with log.reading() as connection:
                newest = read_snapshot(connection)
            if old > newest.size:
                return Alert(
                    "rollback",
                    witness.name,
                    f"it saw {old} entries of ours, we have {newest.size}",
                )
            snapshot = newest
        with log.reading() as connection:
            path = Prover(tile_reader(connection, snapshot)).consistency(old, snapshot.size)
        lines = "".join(f"{base64.b64encode(node).decode()}\n" for node in path)
        request = f"old {old}\n{lines}\n{snapshot.note}"
        try:
            answer = client.post(
                f"{url.rstrip('/')}/add-checkpoint",
                content=request.encode(),
                timeout=TIMEOUT_SECONDS,
            )
        except httpx.HTTPError as error:
            return Alert("unreachable", witness.name, str(error) or type(error).__name__)
        if answer.status_code == 409 and (match := _SIZE.fullmatch(answer.text)):
            if int(match[1]) == old:
                return Alert("fork", witness.name, "it saw another tree of this size of ours")
            old = int(match[1])
            continue
        break
    if answer.status_code == 409 and old > snapshot.size:
        return Alert("rollback", witness.name, f"it saw {old} entries of ours, we had fewer")
    if answer.status_code != 200:
        kind = "fork" if answer.status_code in (409, 422) else "invalid"
        return Alert(kind, witness.name, f"HTTP {answer.status_code}: {answer.text[:200].strip()}")
    head = Checkpoint.parse(parse_note(snapshot.note).text)
    return _keep(log, witness, head, snapshot.note, answer.text)


def _keep(
    log: AuditLog, witness: Verifier, head: Checkpoint, note: str, lines: str
) -> Cosigned | Alert:
    for line in lines.splitlines():
        try:
            signature = parse_signature(line)
        except BadNote:
            continue
        seconds = witness.timestamp(signature)
        if seconds is None or not witness.check(head.text(), signature):
            continue
        with log.store.write() as session:
            session.execute(
                text(
                    "INSERT INTO audit_cosignature (size, witness, time, note, line)"
                    " VALUES (:size, :w, :t, :note, :line) ON CONFLICT (size, witness)"
                    " DO UPDATE SET time = excluded.time, line = excluded.line"
                ),
                {
                    "size": head.size,
                    "w": cosigner_id(witness),
                    "t": seconds * 1000,
                    "note": note,
                    "line": signature.line(),
                },
            )
        return Cosigned(witness.name, head.size, seconds * 1000)
    return Alert("invalid", witness.name, "its answer holds no valid cosignature of its key")


# --- watching by URL ------------------------------------------------------------------------


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
        note = _of_log(note, verifier)
        head = Checkpoint.parse(parse_note(note).text)
    except httpx.HTTPError as error:
        return Alert("unreachable", verifier.name, str(error) or type(error).__name__)
    except BadNote as error:
        return Alert("invalid", verifier.name, str(error))

    def read(level: int, n: int) -> bytes:
        count = head.size >> (8 * level)
        return get(str(TilePath(level, n, min(TILE_WIDTH, count - n * TILE_WIDTH))))

    with log.reading() as connection:
        known = _known(connection, verifier.name)
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
            return _fork(head, known.note, note)
    try:
        wrong = _wrong_bundle(get, read, head, known.size if known else 0)
    except httpx.HTTPError as error:
        return Alert("unreachable", verifier.name, str(error) or type(error).__name__)
    except BadProof:
        return _fork(head, known.note if known else "", note)
    if wrong is not None:
        return Alert("invalid", verifier.name, wrong, (note,))
    with log.store.write() as session:
        connection = session.connection()
        newest = _known(connection, verifier.name)
        if newest is None or newest.size <= head.size:
            _remember(connection, head, note + cosign(cosigners, head.text()))
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


def asked(settings: AuditSettings, policy: WitnessPolicy | None) -> list[tuple[Verifier, str]]:
    """Whom we ask to cosign: the witnesses of the settings and those of the policy with a URL."""
    found = [(Verifier.parse(witness.vkey), witness.url) for witness in settings.witnesses]
    known = {verifier.vkey for verifier, _ in found}
    for witness in () if policy is None else policy.witnesses.values():
        if witness.url and witness.verifier.vkey not in known:
            found.append((witness.verifier, witness.url))
    return found


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
        known = _known(connection, name)
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
