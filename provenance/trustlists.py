"""How trust lists are written, read from files as they are published.

Four forms, told apart by what is inside:

* **Our JSON**: ``{"version": 1, "name": "…", "issued": "…", "expires": "…" | null, "source": "…",
  "signers": ["-----BEGIN CERTIFICATE-----…"], "timestamps": ["…"], "identities": ["…"],
  "revoked": [{"sha256": "<hex of the certificate>", "since": "…"}]}``.
* **The official JSON** of the C2PA trust list and of its list of time-stamp authorities: a list
  of trusted entities by ETSI TS 119 602 with date of issue and next update. Only services whose
  status is "trusted" count. Which of the two it is, its scheme's name says.
* **PEM bundles**, as published beside it, with or without a subject line before each certificate.
  A bundle has no words for what it is: certificates that are for time-stamps alone, or a name
  of the file that says so, make it a list of time-stampers; otherwise it is one of signers, and
  ``role`` says it for certain. Certificates of both kinds in one bundle are refused.

* **Revocation lists** of issuers (PEM or DER, RFC 5280), which take belief away.

Snapshots of the official lists ship in ``shipped_lists/``; where they come from stands in each.

Sources: C2PA 2.4, section 14.4; ETSI TS 119 602 V1.1.1, clause 6; RFC 7468.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509

from provenance.crl import load as load_crl
from provenance.crl import parse_crls
from provenance.errors import TrustListInvalid
from provenance.trust import AnchorRole, TrustList, only_stamps, parse_time

MOST_BYTES = 16 * 1024**2
"""Largest list, in bytes."""
MOST_ANCHORS = 4_096
_SHIPPED = Path(__file__).with_name("shipped_lists")
_STAMP_WORDS = re.compile(r"(?<![a-z])(tsa|time-?\s?stamp(s|er|ers|ing)?)(?![a-z])", re.I)


def load_list(path: Path, role: AnchorRole | None = None) -> TrustList:
    """A trust list from a file; raises :class:`TrustListInvalid`."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise TrustListInvalid(f"{path.name}: {error.strerror}", "check the path") from error
    return parse_list(data, path.stem, role)


def parse_list(data: bytes, name: str, role: AnchorRole | None = None) -> TrustList:
    """A trust list from the bytes of a file called ``name``; raises :class:`TrustListInvalid`.

    ``role`` says what a PEM bundle is for; a JSON list says so itself and may not be given
    another role.
    """
    if len(data) > MOST_BYTES:
        raise TrustListInvalid(f"{name} is larger than {MOST_BYTES} bytes")
    lists = parse_crls(data, name)
    if lists is not None:
        return _of_crls(name, lists)
    if data.lstrip()[:1] == b"{":
        found = _from_json(data, name)
        _agrees(found, name, role)
    else:
        found = _from_pem_bundle(data, name, role)
    count = sum(len(found.anchors(r)) for r in AnchorRole)
    if count > MOST_ANCHORS:
        raise TrustListInvalid(f"{name} has {count} anchors, past the limit of {MOST_ANCHORS}")
    return found


def _of_crls(name: str, lists: tuple[bytes, ...]) -> TrustList:
    """Revocation lists alone: they believe nobody, and take belief away from some."""
    read = [load_crl(der) for der in lists]
    until = [crl.next_update_utc for crl in read if crl.next_update_utc]
    return TrustList(
        name,
        issued=max(crl.last_update_utc for crl in read),
        expires=min(until, default=None),
        crls=lists,
    )


def _agrees(found: TrustList, name: str, role: AnchorRole | None) -> None:
    if role is None:
        return
    others = [r for r in AnchorRole if r is not role and found.anchors(r)]
    if others:
        raise TrustListInvalid(
            f"{name} holds anchors of {', '.join(others)}, not of {role} alone",
            "leave the role out: the list says itself what it is for",
        )


def _from_json(data: bytes, name: str) -> TrustList:
    try:
        record = json.loads(data)
        if "LoTE" in record:
            return _from_lote(record["LoTE"], name)
        return TrustList.from_json(record)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise TrustListInvalid(
            f"{name}: {type(error).__name__}: {error}", "see the formats in docs/verify.md"
        ) from error


def _english(texts: object) -> str:
    for item in texts if isinstance(texts, list) else ():
        if isinstance(item, Mapping) and str(item.get("lang", "")).lower().startswith("en"):
            return str(item.get("value") or item.get("uriValue") or "")
    return ""


def _from_lote(lote: Mapping[str, Any], name: str) -> TrustList:
    """A list of trusted entities (ETSI TS 119 602, clause 6)."""
    scheme = lote["ListAndSchemeInformation"]
    title = _english(scheme.get("SchemeName")) or name
    certificates: list[x509.Certificate] = []
    for entity in lote.get("TrustedEntitiesList", []):
        for service in entity.get("TrustedEntityServices", []):
            information = service["ServiceInformation"]
            status = str(information.get("ServiceStatus", ""))
            if status.rpartition("/")[2] != "trusted":
                continue
            for item in information["ServiceDigitalIdentity"].get("X509Certificates", []):
                certificates.append(_from_base64(item["val"]))
    if not certificates:
        raise TrustListInvalid(f"{name} holds no trusted service")
    role = _role_of(certificates, title)
    return _of_role(
        title,
        role,
        certificates,
        issued=scheme.get("ListIssueDateTime"),
        expires=scheme.get("NextUpdate"),
    )


def _from_base64(text: str) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(base64.b64decode(text, validate=True))
    except binascii.Error as error:
        raise ValueError("a certificate is not base64") from error


def _from_pem_bundle(data: bytes, name: str, role: AnchorRole | None) -> TrustList:
    try:
        certificates = list(dict.fromkeys(x509.load_pem_x509_certificates(data)))
    except ValueError as error:
        raise TrustListInvalid(
            f"{name} holds no PEM certificates", "give PEM or one of the JSON formats"
        ) from error
    return _of_role(name, role or _role_of(certificates, name), certificates)


def _role_of(certificates: list[x509.Certificate], name: str) -> AnchorRole:
    """What a list without words for it is for; raises :class:`TrustListInvalid` when mixed."""
    kinds = {only_stamps(c) for c in certificates}
    if {True, False} <= kinds:
        raise TrustListInvalid(
            f"{name} holds certificates of time-stampers and of others",
            "split it: signers and time-stampers are kept apart",
        )
    if True in kinds:
        return AnchorRole.TIMESTAMPS
    if False not in kinds and (
        _STAMP_WORDS.search(name.replace("_", " "))
        or all(_STAMP_WORDS.search(c.subject.rfc4514_string()) for c in certificates)
    ):
        return AnchorRole.TIMESTAMPS
    return AnchorRole.SIGNERS


def _of_role(
    name: str,
    role: AnchorRole,
    certificates: list[x509.Certificate],
    *,
    issued: str | None = None,
    expires: str | None = None,
) -> TrustList:
    kept = tuple(dict.fromkeys(certificates))
    found = {
        AnchorRole.SIGNERS: lambda: TrustList(name, signers=kept),
        AnchorRole.TIMESTAMPS: lambda: TrustList(name, timestamps=kept),
        AnchorRole.IDENTITIES: lambda: TrustList(name, identities=kept),
    }[role]()
    return replace(
        found,
        issued=parse_time(issued) if issued else None,
        expires=parse_time(expires) if expires else None,
    )


@lru_cache(maxsize=1)
def shipped_lists() -> Mapping[str, TrustList]:
    """The snapshots that come with this package, by their short names."""
    return {
        path.stem: TrustList.from_json(json.loads(path.read_text("ascii")))
        for path in sorted(_SHIPPED.glob("*.json"))
    }
