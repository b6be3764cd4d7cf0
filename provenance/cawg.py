"""Identity assertions (CAWG), checked by ourselves as far as that needs no network.

What must hold: the payload names assertions of this claim by the hashes that the claim has of
them, a hard binding among them, none twice; the credential's signature is over that payload; for
an X.509 credential the certificate leads to an anchor for *identities*, valid at the moment of a
trusted time-stamp or now. Other kinds of credentials need documents from the network.

Source: CAWG Identity Assertion 1.2, sections 5 (syntax), 7 (validation) and 8.2 (X.509).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import cbor2
from cryptography import x509
from cryptography.x509.oid import NameOID

from provenance.claims import links
from provenance.cose import SignatureState, check_signature
from provenance.jumbf import CoseSignature, StoreBroken, StoredManifest, parse_signature
from provenance.profile import check_certificate
from provenance.revocation import Revocation, judge_responses
from provenance.tokens import earliest_trusted, judge_token
from provenance.trust import TrustList, check_path
from provenance.verdicts import clean

LABEL = "cawg.identity"
X509 = "cawg.x509.cose"
_MOST_REFERENCES = 1_000
_MOST_TOKENS = 8


class IdentityState(StrEnum):
    """What became of an identity assertion, from the best to the worst."""

    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"
    NOT_JUDGED = "not_judged"
    MALFORMED = "malformed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class OwnView:
    """One identity assertion. ``code`` is a status code of CAWG, or says why in its form."""

    state: IdentityState
    code: str = ""
    name: str = ""


class _Bad(Exception):
    def __init__(self, state: IdentityState, code: str) -> None:
        super().__init__(code)
        self.state, self.code = state, code


def identity_labels(manifest: StoredManifest) -> tuple[str, ...]:
    stored = manifest.box.child("c2pa.assertions")
    return tuple(c.label for c in stored.children if c.label.startswith(LABEL)) if stored else ()


def judge_identity(manifest: StoredManifest, label: str, trust: TrustList) -> OwnView:
    """Judge the identity assertion ``label``; never raises for what is in it."""
    name = ""
    try:
        said, claim = manifest.assertion(label), manifest.claim
        payload = said.get("signer_payload") if isinstance(said, Mapping) else None
        if not isinstance(said, Mapping) or not isinstance(payload, Mapping):
            raise _Bad(IdentityState.MALFORMED, "cawg.identity.cbor.invalid")
        if any(bytes(said.get(pad) or b"").strip(b"\0") for pad in ("pad1", "pad2")):
            raise _Bad(IdentityState.MALFORMED, "cawg.identity.pad.invalid")
        _check_references(payload, claim if isinstance(claim, Mapping) else {})
        if payload.get("sig_type") != X509:
            raise _Bad(IdentityState.NOT_JUDGED, "cawg.identity.sig_type.unknown")
        signature = _signature(said.get("signature"))
        name = _common_name(signature.chain[0])
        signed = _signed(signature, payload)
        _check_holder(signature, signed, trust)
    except _Bad as bad:
        return OwnView(bad.state, bad.code, name)
    except (StoreBroken, TypeError, ValueError):
        return OwnView(IdentityState.MALFORMED, "cawg.identity.cbor.invalid", name)
    return OwnView(IdentityState.TRUSTED, name=name)


def _check_references(payload: Mapping[str, Any], claim: Mapping[str, Any]) -> None:
    listed = payload.get("referenced_assertions")
    if not isinstance(listed, list | tuple) or not listed or len(listed) > _MOST_REFERENCES:
        raise _Bad(IdentityState.MALFORMED, "cawg.identity.cbor.invalid")
    known = {_label(link): link.get("hash") for link in links(claim)}
    seen: set[str] = set()
    for link in listed:
        label = _label(link) if isinstance(link, Mapping) else ""
        if label in seen:
            raise _Bad(IdentityState.MALFORMED, "cawg.identity.assertion.duplicate")
        seen.add(label)
        if not label or known.get(label) is None or known[label] != link.get("hash"):
            raise _Bad(IdentityState.FAILED, "cawg.identity.assertion.mismatch")
    if not any(label.startswith("c2pa.hash.") for label in seen):
        raise _Bad(IdentityState.MALFORMED, "cawg.identity.hard_binding_missing")


def _label(link: Mapping[str, Any]) -> str:
    return str(link.get("url", "")).rpartition("/")[2]


def _signature(data: Any) -> CoseSignature:
    signature = parse_signature(data) if isinstance(data, bytes) else None
    if signature is None or not signature.chain:
        raise _Bad(IdentityState.MALFORMED, "cawg.identity.credential.missing")
    return signature


def _signed(signature: CoseSignature, payload: Mapping[str, Any]) -> bytes:
    """The payload's bytes as they were signed: deterministic, or in the order of its fields."""
    state = SignatureState.MISMATCH
    for canonical in (True, False):
        data = cbor2.dumps(payload, canonical=canonical)
        state = check_signature(signature, data)
        if state is SignatureState.HOLDS:
            return data
        if state is not SignatureState.MISMATCH:
            raise _Bad(IdentityState.NOT_JUDGED, "algorithm.unsupported")
    raise _Bad(IdentityState.FAILED, "cawg.identity.signature.invalid")


def _check_holder(signature: CoseSignature, signed: bytes, trust: TrustList) -> None:
    reports = [
        judge_token(token, message, trust)
        for token, message in signature.stamped(signed)[:_MOST_TOKENS]
    ]
    counted = earliest_trusted(reports)
    moment = datetime.now(UTC)
    if counted is not None and counted.trusted and counted.time is not None:
        moment = counted.time
    chain: Sequence[x509.Certificate] = signature.chain
    if any(p.code != "purpose_alone" for p in check_certificate(chain[0])):
        raise _Bad(IdentityState.UNTRUSTED, "signingCredential.invalid")
    told = judge_responses(signature.ocsp, (*chain, *trust.identities), moment)
    if told is Revocation.REVOKED:
        raise _Bad(IdentityState.UNTRUSTED, "signingCredential.ocsp.revoked")
    path = check_path(chain, trust.identities, moment, trust)
    if not path.trusted:
        raise _Bad(IdentityState.UNTRUSTED, f"signingCredential.untrusted ({path.reason})")


def _common_name(certificate: x509.Certificate) -> str:
    values = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return clean(values[0].value, 200) if values else ""
