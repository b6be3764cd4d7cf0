"""Asking witnesses (C2SP tlog-witness) to cosign our newest checkpoint; what they gave is kept."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import text

from guarded_gen.audit.alerts import Alert
from guarded_gen.audit.errors import BadNote
from guarded_gen.audit.ids import iso, now_ms
from guarded_gen.audit.integrate import Snapshot, read_snapshot
from guarded_gen.audit.note import (
    ML_DSA_44,
    Checkpoint,
    Signer,
    Verifier,
    parse_note,
    parse_signature,
)
from guarded_gen.audit.proof import Prover
from guarded_gen.audit.tiles import tile_reader
from guarded_gen.audit.witness_policy import WitnessPolicy
from guarded_gen.settings.audit import AuditSettings

if TYPE_CHECKING:
    from guarded_gen.audit.log import AuditLog

TIMEOUT_SECONDS = 10.0
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\n?")


def cosign(signers: Sequence[Signer], text_: str) -> str:
    """The signature lines of a witness's keys over a checkpoint's text, now."""
    return "".join(signer.cosign(text_, now_ms() // 1000).line() for signer in signers)


def cosigner_id(witness: Verifier) -> str:
    """How the table of cosignatures names a witness's key: a witness can have two."""
    return f"{witness.name}+{witness.key_id.hex()}" if witness.kind == ML_DSA_44 else witness.name


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A witness cosigned our checkpoint of ``size`` at ``time`` (milliseconds since 1970)."""

    witness: str
    size: int
    time: int

    def to_json(self) -> dict[str, Any]:
        return {"witness": self.witness, "size": self.size, "time": iso(self.time)}


def asked(settings: AuditSettings, policy: WitnessPolicy | None) -> list[tuple[Verifier, str]]:
    """Whom we ask to cosign: the witnesses of the settings and those of the policy with a URL."""
    found = [(Verifier.parse(witness.vkey), witness.url) for witness in settings.witnesses]
    known = {verifier.vkey for verifier, _ in found}
    for witness in () if policy is None else policy.witnesses.values():
        if witness.url and witness.verifier.vkey not in known:
            found.append((witness.verifier, witness.url))
    return found


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
