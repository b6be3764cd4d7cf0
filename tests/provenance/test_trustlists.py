"""Trust lists in every published form, and anchors that are never taken for another kind's."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from provenance.certificates import CLAIM_SIGNING, Authority, issue_authority, issue_leaf
from provenance.errors import TrustListInvalid
from provenance.keys import Algorithm, generate_key
from provenance.trust import AnchorRole, TrustList, check_path
from provenance.trustlists import load_list, parse_list, shipped_lists

NOW = datetime.now(UTC)


def issuing(root: Authority, name: str, *purposes: ObjectIdentifier) -> Authority:
    """An issuing authority that is bound to purposes, as the official lists hold them."""
    private = generate_key(Algorithm.ES256)
    assert root.private is not None
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(root.certificate.subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=900))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    )
    return Authority(builder.sign(root.private, hashes.SHA256()), private)


ROOT = issue_authority("A root for both")
STAMPS = issuing(ROOT, "Stamping ICA", ExtendedKeyUsageOID.TIME_STAMPING)
CLAIMS = issuing(ROOT, "Claim ICA", CLAIM_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION)


def pem(*authorities: Authority) -> bytes:
    """As published: a subject line before each certificate."""
    return b"\n".join(
        b"Subject\t" + a.certificate.subject.rfc4514_string().encode() + b"\n"
        + a.certificate.public_bytes(Encoding.PEM)
        for a in authorities
    )  # fmt: skip


def lote(title: str, *authorities: Authority, status: str = "trusted") -> bytes:
    services = [
        {
            "ServiceInformation": {
                "ServiceName": [{"lang": "en", "value": "x"}],
                "ServiceDigitalIdentity": {
                    "X509Certificates": [
                        {"val": base64.b64encode(a.certificate.public_bytes(Encoding.DER)).decode()}
                    ]
                },
                "ServiceStatus": f"http://c2pa.org/conformance/trust-list/{status}",
            }
        }
        for a in authorities
    ]
    return json.dumps(
        {
            "LoTE": {
                "ListAndSchemeInformation": {
                    "SchemeName": [{"lang": "en", "value": title}],
                    "ListIssueDateTime": "2026-08-05T00:11:47Z",
                    "NextUpdate": "2027-08-05T00:11:47Z",
                },
                "TrustedEntitiesList": [{"TrustedEntityServices": services}],
            }
        }
    ).encode()


@pytest.mark.parametrize(
    ("name", "data", "role"),
    [
        ("bundle", pem(ROOT, STAMPS), AnchorRole.TIMESTAMPS),
        ("bundle", pem(ROOT, CLAIMS), AnchorRole.SIGNERS),
        ("C2PA-TSA-TRUST-LIST", pem(ROOT), AnchorRole.TIMESTAMPS),
        ("C2PA-TRUST-LIST", pem(ROOT), AnchorRole.SIGNERS),
        ("roots", pem(issue_authority("Acme Timestamping Root")), AnchorRole.TIMESTAMPS),
        ("x", lote("C2PA TSA Trust List", ROOT), AnchorRole.TIMESTAMPS),
        ("x", lote("C2PA TSA Trust List", ROOT, STAMPS), AnchorRole.TIMESTAMPS),
        ("x", lote("C2PA Trust List", ROOT, CLAIMS), AnchorRole.SIGNERS),
    ],
)
def test_what_a_list_is_for(name: str, data: bytes, role: AnchorRole) -> None:
    found = parse_list(data, name)
    assert found.anchors(role)
    assert not any(found.anchors(other) for other in AnchorRole if other is not role)
    with pytest.raises(TrustListInvalid):
        # what is no claim signer's cannot be called one, and the other way round
        wrong = AnchorRole.SIGNERS if role is AnchorRole.TIMESTAMPS else AnchorRole.TIMESTAMPS
        parse_list(pem(STAMPS if wrong is AnchorRole.SIGNERS else CLAIMS), name, wrong)


def test_stampers_are_no_signers_by_any_way() -> None:
    with pytest.raises(TrustListInvalid, match="time-stamps only"):
        TrustList("by hand", signers=(STAMPS.certificate,))
    with pytest.raises(TrustListInvalid, match="time-stamps only"):
        TrustList("by hand", identities=(STAMPS.certificate,))
    with pytest.raises(TrustListInvalid, match="not for time-stamps"):
        TrustList("by hand", timestamps=(CLAIMS.certificate,))
    record = TrustList("stamps", timestamps=(STAMPS.certificate,)).to_json()
    record["signers"], record["timestamps"] = record["timestamps"], []
    with pytest.raises(TrustListInvalid, match="time-stamps only"):
        parse_list(json.dumps(record).encode(), "edited")
    with pytest.raises(TrustListInvalid, match="time-stampers and of others"):
        parse_list(pem(STAMPS, CLAIMS), "mixed")


def test_the_official_json_keeps_its_dates_and_leaves_out_what_was_withdrawn(
    tmp_path: Path,
) -> None:
    path = tmp_path / "list.json"
    path.write_bytes(lote("C2PA Trust List", ROOT, CLAIMS))
    found = load_list(path)
    assert found.name == "C2PA Trust List"
    assert (found.issued, found.expires) == (
        datetime(2026, 8, 5, 0, 11, 47, tzinfo=UTC), datetime(2027, 8, 5, 0, 11, 47, tzinfo=UTC),
    )  # fmt: skip
    assert set(found.signers) == {ROOT.certificate, CLAIMS.certificate}
    with pytest.raises(TrustListInvalid, match="no trusted service"):
        parse_list(lote("C2PA Trust List", ROOT, status="withdrawn"), "x")


@pytest.mark.parametrize(
    "data", [b"", b"nonsense", b"{", b'{"LoTE": []}', b'{"version": 1, "parts": [3]}', b"{}",
             b'{"LoTE": {"ListAndSchemeInformation": {}, "TrustedEntitiesList": [7]}}'],
)  # fmt: skip
def test_what_is_no_list_is_told(data: bytes) -> None:
    with pytest.raises(TrustListInvalid):
        parse_list(data, "x")


def test_of_joined_lists_only_the_expired_one_stops() -> None:
    gone, good = issue_authority("gone"), issue_authority("good")
    past = NOW - timedelta(days=1)
    both = TrustList("gone", (gone.certificate,), expires=past).joined(
        TrustList("good", (good.certificate,))
    )
    again = TrustList.from_json(json.loads(json.dumps(both.to_json())))
    for trust in (both, again):
        for authority, reason in ((gone, "list_expired"), (good, "")):
            leaf = issue_leaf(authority, generate_key(Algorithm.ES256).public_key())
            path = check_path((leaf,), trust.signers, datetime.now(UTC), trust)
            assert (path.trusted, path.reason) == (not reason, reason)
    # in two lists, one of them good: believed
    twice = both.joined(TrustList("again", (gone.certificate,)))
    leaf = issue_leaf(gone, generate_key(Algorithm.ES256).public_key())
    assert check_path((leaf,), twice.signers, datetime.now(UTC), twice).trusted
    # another role's list does not keep it fresh
    crossed = both.joined(TrustList("stamps", timestamps=(gone.certificate,)))
    assert check_path((leaf,), crossed.signers, datetime.now(UTC), crossed).reason == "list_expired"


def test_the_lists_that_ship_are_whole_and_dated() -> None:
    shipped = shipped_lists()
    assert set(shipped) == {"c2pa", "c2pa-tsa"}
    assert len(shipped["c2pa"].signers) == 30
    assert not shipped["c2pa"].timestamps
    assert len(shipped["c2pa-tsa"].timestamps) == 22
    assert not shipped["c2pa-tsa"].signers
    for trust in shipped.values():
        assert trust.issued and trust.expires and trust.source
        assert trust.issued < trust.expires <= trust.issued + timedelta(days=400)
