"""What we sign passes a validator that is stricter than the C2PA library.

``encypher-c2pa`` in its strict mode demands what the C2PA Conformance Program demands: a SemVer
``specVersion``, a trusted time-stamp, usable revocation data, the certificate profile. It is
written by others, in another language, from the specification.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import encypher_c2pa
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from PIL import Image

from provenance import SigningIdentity, TrustList, Verdict, sign_file
from provenance.certificates import (
    Authority,
    issue_authority,
    issue_leaf,
    load_identity,
    save_certificates,
)
from provenance.errors import CredentialInvalid
from provenance.keys import Algorithm, generate_key, save_key
from provenance.manifest import (
    DigitalSourceType,
    Disclosure,
    EditAction,
    Ingredient,
    Relationship,
    SoftBinding,
)
from provenance.signer import SignedFile
from provenance.timestamps import TimestampSettings
from provenance.verifier import examine
from tests.provenance.conftest import Studio, signed, studio  # noqa: F401
from tests.provenance.test_fragments import fragmented
from tests.provenance.test_sidecar_and_remote import make_webm
from tests.provenance.tsa import UnsafeTimestampAuthority

NOW = datetime.now(UTC)


def response(
    issuer: Authority,
    identity: SigningIdentity,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    *,
    made: datetime = NOW - timedelta(hours=1),
) -> bytes:
    revoked = made if status is ocsp.OCSPCertStatus.REVOKED else None
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=identity.leaf, issuer=issuer.certificate, algorithm=hashes.SHA1(),
        cert_status=status, this_update=made, next_update=made + timedelta(days=3),
        revocation_time=revoked, revocation_reason=None,
    ).responder_id(ocsp.OCSPResponderEncoding.HASH, issuer.certificate)  # fmt: skip
    return builder.sign(issuer.private, hashes.SHA256()).public_bytes(Encoding.DER)


@dataclass
class House:
    """A signer as the conformance program wants one: chain, time-stamps, revocation data."""

    folder: Path
    issuer: Authority
    identity: SigningIdentity
    trust: TrustList
    authority: UnsafeTimestampAuthority

    def sign(self, shop: Studio, name: str, source: Path | None = None, **more: Any) -> SignedFile:
        return sign_file(
            source or shop.source, self.folder / name, shop.request(**more), self.identity,
            self.trust, timestamps=TimestampSettings(servers=(self.authority.url,), seconds=60),
        )  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    root = issue_authority("Root", now=NOW - timedelta(days=2))
    issuer = issue_authority("Issuer", root, path_length=0, now=NOW - timedelta(days=2))
    private = generate_key(Algorithm.ES256)
    leaf = issue_leaf(issuer, private.public_key(), "House", begin=NOW - timedelta(days=1))
    save_key(folder / "leaf.key", private, None)
    save_certificates(folder / "chain.pem", leaf, issuer.certificate, root.certificate)
    identity = load_identity(folder / "chain.pem", folder / "leaf.key")
    (folder / "ocsp.der").write_bytes(response(issuer, identity))
    with UnsafeTimestampAuthority() as authority:
        trust = TrustList.of(identity).with_timestamps(authority.root)
        yield House(folder, issuer, identity, trust, authority)


def strict(path: Path, house: House, mime: str, store: bytes | None = None) -> dict[str, Any]:
    pem = (house.identity.root_pem, house.authority.root.public_bytes(Encoding.PEM))
    more = {"manifest_store": store} if store else {}
    return dict(
        encypher_c2pa.verify(
            path.read_bytes(), mime, trust_pem=pem[0].decode(), tsa_trust_pem=pem[1].decode(),
            no_default_trust=True, strict_conformance=True, telemetry=False, online=False, **more,
        )
    )  # fmt: skip


def test_nothing_that_we_sign_is_refused(studio: Studio, house: House) -> None:  # noqa: F811
    picture = house.folder / "picture"
    for suffix in ("jpg", "png", "webp"):
        Image.new("RGB", (80, 60), (30, 90, 200)).save(picture.with_suffix(f".{suffix}"))
    parent = house.sign(studio, "parent.mp4")
    mark = SoftBinding.watermark("org.guarded-gen.mark.1", b"\1" * 16)
    outputs: dict[str, tuple[SignedFile, str]] = {
        "plain": (parent, "video/mp4"),
        "marked": (house.sign(studio, "marked.mp4", watermark=mark), "video/mp4"),
        "disclosed": (
            house.sign(studio, "told.mp4", disclosure=Disclosure("model", "id:1")), "video/mp4",
        ),
        "rendered": (
            house.sign(studio, "r.mp4", digital_source_type=DigitalSourceType.ALGORITHMIC),
            "video/mp4",
        ),
        "edited": (house.sign(studio, "child.mp4", ingredients=(parent.path,)), "video/mp4"),
        "trimmed": (
            house.sign(
                studio, "trimmed.mp4", ingredients=(parent.path,),
                actions=(EditAction("c2pa.trimmed", DigitalSourceType.COMPOSITE_TRAINED),),
            ),
            "video/mp4",
        ),
        "from a picture": (
            house.sign(
                studio, "input.mp4",
                ingredients=(Ingredient(picture.with_suffix(".png"), Relationship.INPUT),),
            ),
            "video/mp4",
        ),
        "fragmented": (
            house.sign(studio, "f.mp4", fragmented(house.folder / "fragments.mp4")), "video/mp4",
        ),
        "jpeg": (house.sign(studio, "o.jpg", picture.with_suffix(".jpg")), "image/jpeg"),
        "png": (house.sign(studio, "o.png", picture.with_suffix(".png")), "image/png"),
        "webp": (house.sign(studio, "o.webp", picture.with_suffix(".webp")), "image/webp"),
    }  # fmt: skip
    refused = {}
    for name, (done, mime) in outputs.items():
        assert done.timestamped and done.revocation == "stapled", (name, done.revocation)
        assert examine(done.path, house.trust).verdict is Verdict.TRUSTED, name
        report = strict(done.path, house, mime)
        failures = [(f["code"], f["explanation"]) for f in report["validation_results"]["failure"]]
        if report["integrity"] != "valid" or failures:
            refused[name] = failures
    assert refused == {}


def test_a_sidecar_is_stapled_too(studio: Studio, house: House) -> None:  # noqa: F811
    done = house.sign(studio, "o.webm", make_webm(house.folder / "source.webm"))
    assert done.sidecar is not None and done.revocation == "stapled"
    assert done.sidecar.read_bytes() == done.store
    report = examine(done.path, house.trust)
    assert report.verdict is Verdict.TRUSTED
    assert "signingCredential.ocsp.notRevoked" in {f.code for f in report.findings}


def test_revocation_data_is_used_only_while_it_is_good(studio: Studio, house: House) -> None:  # noqa: F811
    file = house.folder / "ocsp.der"
    good = file.read_bytes()
    try:
        file.write_bytes(response(house.issuer, house.identity, made=NOW - timedelta(days=9)))
        old = house.sign(studio, "old.mp4")
        assert "out of date" in old.revocation
        file.write_bytes(b"nonsense")
        assert "renew" in house.sign(studio, "nonsense.mp4").revocation
        revoked = ocsp.OCSPCertStatus.REVOKED
        file.write_bytes(response(house.issuer, house.identity, revoked))
        with pytest.raises(CredentialInvalid, match="revoked"):
            house.sign(studio, "revoked.mp4")
    finally:
        file.write_bytes(good)
