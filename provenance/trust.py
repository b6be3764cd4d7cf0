"""Whom we believe: anchors for signers, for time-stamps and for identities, and the path to one.

The kinds of anchors never stand in for each other: a time-stamp authority's root signs no
claims, and the other way round. A certificate whose extended key usage allows nothing but
time-stamps cannot be held as a signer's anchor, whoever puts it there. A list past its expiry
believes nobody; of several joined lists the others go on.

How lists are written: :mod:`provenance.trustlists`.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from provenance.certificates import SigningIdentity
from provenance.crl import revoked_by
from provenance.errors import TrustListInvalid
from provenance.paths import binding_unknown, may_issue

_LONGEST_PATH = 8


class AnchorRole(StrEnum):
    """What an anchor is believed for."""

    SIGNERS = "signers"
    TIMESTAMPS = "timestamps"
    IDENTITIES = "identities"


@lru_cache(maxsize=4096)
def only_stamps(certificate: x509.Certificate) -> bool | None:
    """Whether a certificate is for time-stamps alone (RFC 5280, 4.2.1.12; RFC 3161, 2.3).

    False: its extended key usage leaves time-stamps out. None: it says nothing about it.
    """
    try:
        uses = set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return None
    if ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in uses:
        return None
    if ExtendedKeyUsageOID.TIME_STAMPING not in uses:
        return False
    return True if len(uses) == 1 else None


def check_role(certificate: x509.Certificate, role: AnchorRole) -> None:
    """Raises :class:`TrustListInvalid` for a certificate that cannot be an anchor of this kind."""
    stamps = only_stamps(certificate)
    name = certificate.subject.rfc4514_string()[:120]
    if role is not AnchorRole.TIMESTAMPS and stamps is True:
        raise TrustListInvalid(
            f"{name} is for time-stamps only; it cannot be an anchor of {role}",
            "give this list as one of time-stampers",
        )
    if role is AnchorRole.TIMESTAMPS and stamps is False:
        raise TrustListInvalid(
            f"{name} is not for time-stamps; it cannot be an anchor of {role}",
            "give this list as one of signers",
        )


@lru_cache(maxsize=4096)
def _from_pem(text: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(text.encode("ascii"))


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
    """Anchors by what they are believed for, with an expiry and revocations.

    ``parts`` are the lists that were joined into this one, each with an expiry of its own.
    Raises :class:`TrustListInvalid` when an anchor is not of its kind.
    """

    name: str = "none"
    signers: tuple[x509.Certificate, ...] = ()
    timestamps: tuple[x509.Certificate, ...] = ()
    expires: datetime | None = None
    revoked: tuple[Revoked, ...] = field(default=())
    identities: tuple[x509.Certificate, ...] = ()
    issued: datetime | None = None
    source: str = ""
    parts: tuple[TrustList, ...] = field(default=(), repr=False)
    crls: tuple[bytes, ...] = field(default=(), repr=False)
    """Revocation lists of issuers (RFC 5280), DER; they count whatever the list's expiry."""

    def __post_init__(self) -> None:
        for role in AnchorRole:
            for certificate in self.anchors(role):
                check_role(certificate, role)

    @classmethod
    def of(cls, *identities: SigningIdentity, name: str = "development") -> TrustList:
        """A list of these identities' roots (or last certificates)."""
        return cls(name, tuple(i.root or i.chain[-1] for i in identities))

    @classmethod
    def load(cls, *paths: Path) -> TrustList:
        """Read list files and join them; raises :class:`TrustListInvalid`."""
        from provenance.trustlists import load_list

        if not paths:
            raise TrustListInvalid("no trust list is named", "name at least one file")
        first, *others = (load_list(path) for path in paths)
        return first.joined(*others)

    def anchors(self, role: AnchorRole) -> tuple[x509.Certificate, ...]:
        """The anchors that are believed for this."""
        if role is AnchorRole.SIGNERS:
            return self.signers
        return self.timestamps if role is AnchorRole.TIMESTAMPS else self.identities

    def joined(self, *others: TrustList) -> TrustList:
        """One list of all anchors, each believed until the expiry of the list it came in."""
        if not others:
            return self
        every = tuple(part for item in (self, *others) for part in (item.parts or (item,)))
        return TrustList(
            "+".join(item.name for item in every),
            tuple(dict.fromkeys(c for item in every for c in item.signers)),
            tuple(dict.fromkeys(c for item in every for c in item.timestamps)),
            revoked=tuple(r for item in every for r in item.revoked),
            identities=tuple(dict.fromkeys(c for item in every for c in item.identities)),
            parts=every,
            crls=tuple(dict.fromkeys(der for item in every for der in item.crls)),
        )

    def with_timestamps(self, *anchors: x509.Certificate) -> TrustList:
        """The same list with further anchors for time-stamps."""
        if self.parts:
            return self.joined(TrustList("time-stampers", timestamps=anchors))
        return replace(self, timestamps=(*self.timestamps, *anchors))

    def expired(self, now: datetime) -> bool:
        """Whether every list in it is past its expiry."""
        if self.parts:
            return all(part.expired(now) for part in self.parts)
        return self.expires is not None and self.expires <= now

    def stale(
        self, anchor: x509.Certificate, among: Sequence[x509.Certificate], now: datetime
    ) -> bool:
        """Whether ``anchor`` stands only in lists that are past their expiry.

        ``among`` is the set of anchors that it was found in, one of this list's three.
        """
        roles = [role for role in AnchorRole if among is self.anchors(role)]
        return all(
            part.expired(now)
            for part in self.parts or (self,)
            if not roles or any(anchor in part.anchors(role) for role in roles)
        )

    def revoked_at(self, certificate: x509.Certificate, moment: datetime) -> bool:
        if not self.revoked:
            return False
        name = fingerprint(certificate)
        return any(r.sha256 == name and r.since <= moment for r in self.revoked)

    def to_json(self) -> dict[str, Any]:
        if self.parts:
            return {
                "version": 1,
                "name": self.name,
                "parts": [part.to_json() for part in self.parts],
            }
        record: dict[str, Any] = {
            "version": 1,
            "name": self.name,
            "issued": self.issued.isoformat() if self.issued else None,
            "expires": self.expires.isoformat() if self.expires else None,
            "source": self.source,
            "revoked": [{"sha256": r.sha256, "since": r.since.isoformat()} for r in self.revoked],
            "crls": [base64.b64encode(der).decode("ascii") for der in self.crls],
        }
        return record | {str(role): [_pem(c) for c in self.anchors(role)] for role in AnchorRole}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> TrustList:
        """The inverse of :meth:`to_json`.

        Raises ``KeyError``, ``TypeError``, ``ValueError`` or :class:`TrustListInvalid`.
        """
        if record.get("version") != 1:
            raise ValueError("the trust list's version is not 1")
        if record.get("parts"):
            first, *others = (cls.from_json(part) for part in record["parts"])
            return first.joined(*others)

        def certificates(role: AnchorRole) -> tuple[x509.Certificate, ...]:
            return tuple(_from_pem(text) for text in record.get(role, []))

        def moment(name: str) -> datetime | None:
            return parse_time(record[name]) if record.get(name) else None

        return cls(
            str(record.get("name", "unnamed")),
            certificates(AnchorRole.SIGNERS),
            certificates(AnchorRole.TIMESTAMPS),
            moment("expires"),
            tuple(
                Revoked(item["sha256"].lower(), parse_time(item["since"]))
                for item in record.get("revoked", [])
            ),
            certificates(AnchorRole.IDENTITIES),
            moment("issued"),
            str(record.get("source", "")),
            crls=tuple(base64.b64decode(text, validate=True) for text in record.get("crls", [])),
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


def issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether ``issuer``'s key signed ``certificate`` and its name stands there as the issuer's."""
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
    now = datetime.now(UTC)
    if trust.expired(now):
        return PathResult(False, "list_expired")
    known = {fingerprint(anchor) for anchor in anchors}
    stale = False
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
            if not trust.stale(current, anchors, now):
                return PathResult(True, anchor=fingerprint(current))
            stale = True
        for anchor in anchors:
            if issued_by(current, anchor) and _valid_at(anchor, moment):
                if trust.stale(anchor, anchors, now):
                    stale = True
                    continue
                if trust.revoked_at(anchor, moment) or revoked_by(
                    trust.crls, current, anchor, moment
                ):
                    return PathResult(False, "revoked")
                return PathResult(True, anchor=fingerprint(anchor))
        issuer = next((c for c in rest if may_issue(c, below) and issued_by(current, c)), None)
        if issuer is None or issuer == current:
            break
        if trust.revoked_at(issuer, moment) or revoked_by(trust.crls, current, issuer, moment):
            return PathResult(False, "revoked")
        if not _valid_at(issuer, moment):
            return PathResult(False, "outside_validity")
        rest.remove(issuer)
        current = issuer
    if stale:
        return PathResult(False, "list_expired")
    alone = chain[0].issuer == chain[0].subject
    return PathResult(False, "self_signed" if alone else "unknown_issuer")
