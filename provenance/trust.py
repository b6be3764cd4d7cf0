"""Whom we believe: trust lists for signers and for time-stamps, and the path to an anchor.

A list is a file: either PEM certificates (all of them signers' anchors, as the C2PA trust
list is published) or JSON::

    {"version": 1, "name": "…", "issued": "2026-11-21T00:00:00Z", "expires": "…" | null,
     "signers": ["-----BEGIN CERTIFICATE-----…"], "timestamps": ["…"],
     "revoked": [{"sha256": "<hex of the certificate>", "since": "…"}]}

The two kinds of anchors never stand in for each other: a time-stamp authority's root signs no
claims, and the other way round. A list past its expiry trusts nobody.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization

from provenance.certificates import SigningIdentity
from provenance.errors import TrustListInvalid
from provenance.paths import binding_unknown, may_issue

_MOST_BYTES = 16 * 1024**2
_LONGEST_PATH = 8


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the DER certificate, hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate that is not believed from a moment on."""

    sha256: str
    since: datetime


@dataclass(frozen=True, slots=True)
class TrustList:
    """Anchors for signers and for time-stamps, with an expiry and revocations."""

    name: str = "none"
    signers: tuple[x509.Certificate, ...] = ()
    timestamps: tuple[x509.Certificate, ...] = ()
    expires: datetime | None = None
    revoked: tuple[Revoked, ...] = field(default=())

    @classmethod
    def of(cls, *identities: SigningIdentity, name: str = "development") -> TrustList:
        """A list of these identities' roots (or last certificates)."""
        return cls(name, tuple(i.root or i.chain[-1] for i in identities))

    @classmethod
    def load(cls, *paths: Path) -> TrustList:
        """Read list files and join them; raises :class:`TrustListInvalid`."""
        lists = [cls._load_one(path) for path in paths]
        if not lists:
            raise TrustListInvalid("no trust list is named", "name at least one file")
        return lists[0].joined(*lists[1:])

    @classmethod
    def _load_one(cls, path: Path) -> TrustList:
        try:
            with path.open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise TrustListInvalid(f"{path.name}: {error.strerror}", "check the path") from error
        if len(data) > _MOST_BYTES:
            raise TrustListInvalid(f"{path.name} is larger than {_MOST_BYTES} bytes")
        if data.lstrip()[:1] == b"{":
            try:
                return cls.from_json(json.loads(data))
            except (KeyError, TypeError, ValueError) as error:
                raise TrustListInvalid(
                    f"{path.name}: {error}", "see the format in docs/verify.md"
                ) from error
        try:
            return cls(path.stem, tuple(x509.load_pem_x509_certificates(data)))
        except ValueError as error:
            raise TrustListInvalid(
                f"{path.name} holds no PEM certificates", "give PEM or the JSON format"
            ) from error

    def joined(self, *others: TrustList) -> TrustList:
        """One list of all anchors; it expires with the first of them."""
        every = (self, *others)
        ends = [item.expires for item in every if item.expires]
        return TrustList(
            "+".join(item.name for item in every),
            tuple(c for item in every for c in item.signers),
            tuple(c for item in every for c in item.timestamps),
            min(ends) if ends else None,
            tuple(r for item in every for r in item.revoked),
        )

    def with_timestamps(self, *anchors: x509.Certificate) -> TrustList:
        """The same list with further anchors for time-stamps."""
        return replace(self, timestamps=(*self.timestamps, *anchors))

    def expired(self, now: datetime) -> bool:
        return self.expires is not None and self.expires <= now

    def revoked_at(self, certificate: x509.Certificate, moment: datetime) -> bool:
        name = fingerprint(certificate)
        return any(r.sha256 == name and r.since <= moment for r in self.revoked)

    def to_json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "name": self.name,
            "expires": self.expires.isoformat() if self.expires else None,
            "signers": [_pem(c) for c in self.signers],
            "timestamps": [_pem(c) for c in self.timestamps],
            "revoked": [{"sha256": r.sha256, "since": r.since.isoformat()} for r in self.revoked],
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> TrustList:
        """The inverse of :meth:`to_json`; raises ``KeyError``, ``TypeError`` or ``ValueError``."""
        if record.get("version") != 1:
            raise ValueError("the trust list's version is not 1")

        def certificates(name: str) -> tuple[x509.Certificate, ...]:
            return tuple(
                x509.load_pem_x509_certificate(text.encode("ascii"))
                for text in record.get(name, [])
            )

        return cls(
            str(record.get("name", "unnamed")),
            certificates("signers"),
            certificates("timestamps"),
            parse_time(record["expires"]) if record.get("expires") else None,
            tuple(
                Revoked(item["sha256"].lower(), parse_time(item["since"]))
                for item in record.get("revoked", [])
            ),
        )


def parse_time(text: str) -> datetime:
    """An ISO 8601 moment; one without a zone is UTC. Raises ``ValueError``."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class PathResult:
    """Whether a chain reaches an anchor at a moment. ``reason`` is empty when it does."""

    trusted: bool
    reason: str = ""
    anchor: str = ""


def _valid_at(certificate: x509.Certificate, moment: datetime) -> bool:
    return certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc


def _issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def check_path(
    chain: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    moment: datetime,
    trust: TrustList,
) -> PathResult:
    """Whether ``chain`` (leaf first) leads to one of ``anchors``, all valid at ``moment``.

    Reasons: ``no_certificate``, ``outside_validity``, ``revoked``, ``self_signed``,
    ``list_expired``, ``unknown_issuer``.
    """
    if not chain:
        return PathResult(False, "no_certificate")
    if trust.expired(datetime.now(UTC)):
        return PathResult(False, "list_expired")
    known = {fingerprint(anchor) for anchor in anchors}
    current = chain[0]
    if not _valid_at(current, moment):
        return PathResult(False, "outside_validity")
    if trust.revoked_at(current, moment):
        return PathResult(False, "revoked")
    rest = list(chain[1:])
    for below in range(_LONGEST_PATH):
        if binding_unknown(current):
            break
        if fingerprint(current) in known:
            # a leaf that is itself on the list is its own anchor
            return PathResult(True, anchor=fingerprint(current))
        for anchor in anchors:
            if _issued_by(current, anchor) and _valid_at(anchor, moment):
                if trust.revoked_at(anchor, moment):
                    return PathResult(False, "revoked")
                return PathResult(True, anchor=fingerprint(anchor))
        issuer = next((c for c in rest if may_issue(c, below) and _issued_by(current, c)), None)
        if issuer is None or issuer == current:
            break
        if trust.revoked_at(issuer, moment):
            return PathResult(False, "revoked")
        if not _valid_at(issuer, moment):
            return PathResult(False, "outside_validity")
        rest.remove(issuer)
        current = issuer
    alone = chain[0].issuer == chain[0].subject
    return PathResult(False, "self_signed" if alone else "unknown_issuer")
