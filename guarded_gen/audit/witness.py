"""As a witness (C2SP tlog-witness, tlog-cosignature) of other operators' logs.

We cosign a log's checkpoint only if it is consistent with the last one that we saw. What honest
growth does not explain is an alert, which goes into our own log with the signed evidence.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from guarded_gen.audit.alerts import Alert, record_alert
from guarded_gen.audit.cosigning import cosign
from guarded_gen.audit.errors import BadNote, BadProof
from guarded_gen.audit.merkle import EMPTY_ROOT
from guarded_gen.audit.note import Checkpoint, Signer, Verifier, parse_note
from guarded_gen.audit.proof import verify_consistency
from guarded_gen.audit.remembered import fork, of_log, recall, remember

if TYPE_CHECKING:
    from guarded_gen.audit.log import AuditLog
    from guarded_gen.store import Store

MAX_BODY_BYTES = 64 * 1024
MAX_PROOF_LINES = 63
SIZE_TYPE = "text/x.tlog.size"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


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
            note = of_log(note, verifier)
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
                known = recall(connection, name)
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
        known = recall(connection, head.origin)
        size = known.size if known else 0
        if old != size:
            return Answer(409, f"{size}\n", SIZE_TYPE)
        if known and head.size == size and head.root != known.root:
            alert = fork(head, known.note, note)
            raise _Forked(Answer(422, "another root was signed for this size\n", alert=alert))
        root = known.root if known else EMPTY_ROOT
        try:
            verify_consistency(old, head.size, root, head.root, proof)
        except BadProof as error:
            alert = fork(head, known.note if known else "", note)
            raise _Forked(Answer(422, f"{error}\n", alert=alert)) from error
        lines = cosign(self.signers, head.text())
        remember(connection, head, note + lines)
        return Answer(200, lines)


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
