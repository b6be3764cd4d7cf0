"""Revocation lists that were given: who is on one is no longer believed from its date on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from provenance import TrustList, Verdict
from provenance.certificates import Authority
from provenance.errors import TrustListInvalid
from provenance.trustlists import load_list, parse_list
from provenance.verifier import examine
from tests.provenance.conftest import Studio
from tests.provenance.handmade import Hand, Stamper, identity, mp4, old_root

NOW = datetime.now(UTC)
ROOT = old_root("Lists the revoked")
SIGNER = identity(root=ROOT, begin=NOW - timedelta(days=10))
TRUST = TrustList.of(SIGNER)


def crl(
    issuer: Authority,
    *revoked: x509.Certificate,
    since: datetime = NOW - timedelta(days=1),
    made: datetime = NOW - timedelta(hours=1),
    reason: x509.ReasonFlags | None = None,
    critical: bool = False,
    encoding: Encoding = Encoding.DER,
) -> bytes:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(made)
        .next_update(made + timedelta(days=7))
    )
    if critical:
        partial = x509.IssuingDistributionPoint(None, None, False, False, None, True, False)
        builder = builder.add_extension(partial, critical=True)
    for certificate in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(certificate.serial_number)
            .revocation_date(since)
        )
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    assert issuer.private is not None
    return builder.sign(issuer.private, hashes.SHA256()).public_bytes(encoding)


@pytest.fixture
def signed(studio: Studio, tmp_path: Path) -> Path:
    path = tmp_path / "signed.mp4"
    path.write_bytes(mp4(studio.source.read_bytes(), Hand(SIGNER)))
    return path


def test_a_signer_on_its_issuers_list_is_not_believed(signed: Path) -> None:
    revoked = replace(TRUST, crls=(crl(ROOT, SIGNER.leaf),))
    report = examine(signed, revoked)
    assert report.verdict is Verdict.VALID_UNTRUSTED
    assert [f.code for f in report.failures] == ["signer.revoked"]
    earlier = examine(signed, revoked, at=NOW - timedelta(days=2))
    assert earlier.verdict is Verdict.TRUSTED


@pytest.mark.parametrize(
    "der",
    [
        crl(ROOT),
        crl(ROOT, identity(root=ROOT).leaf),
        crl(old_root("Lists the revoked"), SIGNER.leaf),  # the same name, another key
        crl(ROOT, SIGNER.leaf, since=NOW + timedelta(days=1)),
        crl(ROOT, SIGNER.leaf, reason=x509.ReasonFlags.remove_from_crl),
        crl(ROOT, SIGNER.leaf, critical=True),
    ],
)
def test_lists_that_say_nothing_of_this_signer(signed: Path, der: bytes) -> None:
    assert examine(signed, replace(TRUST, crls=(der,))).verdict is Verdict.TRUSTED


def test_a_list_past_its_next_update_still_says_who_was_revoked(signed: Path) -> None:
    old = crl(ROOT, SIGNER.leaf, since=NOW - timedelta(days=30), made=NOW - timedelta(days=29))
    alone = parse_list(old, "old")
    assert alone.expired(NOW)
    assert examine(signed, TRUST.joined(alone)).verdict is Verdict.VALID_UNTRUSTED


def test_signed_before_it_was_revoked(studio: Studio, tmp_path: Path) -> None:
    """A trusted time-stamp from before the revocation: the signature was good when it was made."""
    stamper = Stamper(NOW - timedelta(days=5))
    path = tmp_path / "stamped.mp4"
    path.write_bytes(mp4(studio.source.read_bytes(), Hand(SIGNER, stamp=stamper.token)))
    trust = TRUST.with_timestamps(stamper.root.certificate)
    after = replace(trust, crls=(crl(ROOT, SIGNER.leaf),))
    before = replace(trust, crls=(crl(ROOT, SIGNER.leaf, since=NOW - timedelta(days=6)),))
    assert examine(path, after).verdict is Verdict.TRUSTED
    assert examine(path, before).verdict is Verdict.VALID_UNTRUSTED


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
def test_a_list_is_read_like_every_trust_list(
    signed: Path, tmp_path: Path, encoding: Encoding
) -> None:
    file = tmp_path / "issuer.crl"
    file.write_bytes(crl(ROOT, SIGNER.leaf, encoding=encoding))
    found = load_list(file)
    assert (found.signers, found.timestamps, found.identities) == ((), (), ())
    assert len(found.crls) == 1 and found.issued is not None and found.expires is not None
    joined = TRUST.joined(found)
    again = TrustList.from_json(json.loads(json.dumps(joined.to_json())))
    assert again.crls == joined.crls
    assert examine(signed, again).verdict is Verdict.VALID_UNTRUSTED


def test_a_list_that_does_not_parse_is_refused() -> None:
    with pytest.raises(TrustListInvalid):
        parse_list(b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "broken")
