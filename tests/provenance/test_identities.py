"""Identity assertions are told apart: whatever becomes of one, the file's verdict stays."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from provenance import SigningIdentity, TrustList, Verdict
from provenance.recovery import Recovery, RecoveryState
from provenance.report import Origin, weigh
from provenance.verifier import examine
from tests.conformance.c2pa.handmade import assertion
from tests.provenance.conftest import Studio
from tests.provenance.handmade import CREATED, Hand, identity, mp4, old_root
from tests.provenance.test_crl import crl

SIGNER = identity()
PERSON_ROOT = old_root("Vouches for people")
PERSON = identity(root=PERSON_ROOT, purposes=(ExtendedKeyUsageOID.EMAIL_PROTECTION,))
TRUST = TrustList.of(SIGNER)
X509, ICA = "cawg.x509.cose", "cawg.identity_claims_aggregation"


def cose(who: SigningIdentity, payload: bytes, *, spoil: bool = False) -> bytes:
    chain = [c.public_bytes(Encoding.DER) for c in who.chain if c.issuer != c.subject]
    protected = cbor2.dumps({1: -7, 33: chain})
    value = bytearray(who.key.sign(cbor2.dumps(["Signature1", protected, b"", payload])))
    value[5] ^= int(spoil)
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, None, bytes(value)]))


def aggregated(payload: bytes) -> bytes:
    """A credential signed by an aggregator, whose key is found by its name on the network."""
    protected = cbor2.dumps({1: -8, 3: "application/vc"})
    signed = cbor2.dumps(["Signature1", protected, b"", payload])
    value = Ed25519PrivateKey.generate().sign(signed)
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, value]))


def with_identity(
    media: bytes, kind: str = X509, *, spoil: bool = False, wrong: bool = False,
    signature: bytes | None = None,
) -> bytes:  # fmt: skip
    def attached(parts: dict[str, bytes]) -> dict[str, Any]:
        named = [
            {
                "url": f"self#jumbf=c2pa.assertions/{label}",
                "hash": b"\0" * 32 if wrong else hashlib.sha256(part[8:]).digest(),
            }
            for label, part in parts.items()
            if label.startswith(("c2pa.hash", "c2pa.actions"))
        ]
        payload = {"referenced_assertions": named, "sig_type": kind}
        made = cose(PERSON, cbor2.dumps(payload), spoil=spoil) if signature is None else signature
        said = {"signer_payload": payload, "signature": made, "pad1": b""}
        return {"cawg.identity": assertion("cawg.identity", said)}

    return mp4(media, Hand(SIGNER, assertions={"c2pa.actions.v2": CREATED}, attached=attached))


def credential() -> bytes:
    """An identity claims aggregation whose issuer only the network knows."""
    now = datetime.now(UTC) - timedelta(hours=1)
    return (
        '{"@context":["https://www.w3.org/ns/credentials/v2",'
        '"https://cawg.io/identity/1.1/ica/context/"],'
        '"type":["VerifiableCredential","IdentityClaimsAggregationCredential"],'
        f'"issuer":"did:web:identity.example.org","validFrom":"{now:%Y-%m-%dT%H:%M:%SZ}",'
        '"credentialSubject":{"verifiedIdentities":[{"type":"cawg.social_media","name":"Ann",'
        '"username":"ann","uri":"https://example.org/ann",'
        f'"verifiedAt":"{now:%Y-%m-%dT%H:%M:%SZ}",'
        '"provider":{"id":"https://example.org","name":"Example"}}],'
        '"c2paAsset":{"referenced_assertions":[],"sig_type":"cawg.identity_claims_aggregation"}}}'
    ).encode()


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "by an unknown authority": ({}, "untrusted"),
    "a broken signature": ({"spoil": True}, "failed"),
    "about something else": ({"wrong": True}, "failed"),
    "a kind that nobody knows": ({"kind": "org.example.future"}, "not_judged"),
    "that needs the network": (
        {"kind": ICA, "signature": aggregated(credential())}, "not_judged",
    ),
    "nonsense": ({"signature": b"\x01"}, "malformed"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_identity_touches_nothing_but_itself(studio: Studio, tmp_path: Path, name: str) -> None:
    more, state = CASES[name]
    path = tmp_path / "identity.mp4"
    path.write_bytes(with_identity(studio.source.read_bytes(), **more))
    report = examine(path, TRUST)
    assert report.verdict is Verdict.TRUSTED, report.findings
    assert [i.state for i in report.identities] == [state], report.identities
    assert report.failures == ()
    weighed = weigh(report, Recovery(RecoveryState.NOT_CHECKED))
    assert weighed.origin is Origin.CREDENTIALED
    assert report.identities[0].sentence in weighed.findings[0].sentence
    assert examine(path, TrustList()).verdict is Verdict.VALID_UNTRUSTED


def test_a_changed_file_stays_changed_beside_an_identity(studio: Studio, tmp_path: Path) -> None:
    data = bytearray(with_identity(studio.source.read_bytes()))
    data[-9] ^= 1
    path = tmp_path / "identity.mp4"
    path.write_bytes(data)
    assert examine(path, TRUST).verdict is Verdict.TAMPERED


def test_a_known_holder_is_trusted_by_anchors_for_identities_alone(
    studio: Studio, tmp_path: Path
) -> None:
    path = tmp_path / "identity.mp4"
    path.write_bytes(with_identity(studio.source.read_bytes()))
    assert PERSON.root is not None
    known = replace(TRUST, identities=(PERSON.root,))
    report = examine(path, known)
    assert report.verdict is Verdict.TRUSTED
    (item,) = report.identities
    assert (item.state, item.name, item.codes) == ("trusted", "Handmade", ())
    assert item.library == "untrusted"  # it is given no anchors for identities
    # an anchor for signers vouches for no identity, and one for identities for no signer
    wrong = TrustList("wrong", signers=(PERSON.root,), identities=TRUST.signers)
    report = examine(path, wrong)
    assert report.verdict is Verdict.VALID_UNTRUSTED
    assert [i.state for i in report.identities] == ["untrusted"]
    # a holder whom the issuer has revoked
    assert PERSON_ROOT.private is not None
    listed = replace(known, crls=(crl(PERSON_ROOT, PERSON.leaf),))
    report = examine(path, listed)
    assert report.verdict is Verdict.TRUSTED
    assert [i.state for i in report.identities] == ["untrusted"]
    assert any("revoked" in code for code in report.identities[0].codes)


@pytest.mark.parametrize("name", ["a broken signature", "about something else"])
def test_what_fails_for_us_fails_whoever_vouches(studio: Studio, tmp_path: Path, name: str) -> None:
    path = tmp_path / "identity.mp4"
    path.write_bytes(with_identity(studio.source.read_bytes(), **CASES[name][0]))
    assert PERSON.root is not None
    report = examine(path, replace(TRUST, identities=(PERSON.root,)))
    assert [i.state for i in report.identities] == ["failed"]
    assert report.verdict is Verdict.TRUSTED
