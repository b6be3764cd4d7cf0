"""Our verifier and the independent one agree, on good files and on broken ones."""

from __future__ import annotations

import random
from pathlib import Path

import cbor2
import pytest

from provenance import SigningIdentity, TrustList, Verdict, ensure_development_chain, sign_file
from provenance.keys import Algorithm, LocalKey, generate_key
from provenance.manifest import Disclosure, SoftBinding
from provenance.verifier import examine
from tests.conformance.c2pa.independent import check_manifest, embedded_store, judge
from tests.provenance.conftest import Studio, sandbox, signed, studio  # noqa: F401
from tests.provenance.test_keys import make_identity
from tests.provenance.test_verifier import box, offset_of


def both(path: Path, trust: TrustList) -> tuple[str, str]:
    return examine(path, trust).verdict.value, judge(path.read_bytes(), trust.signers)


def test_good_files(studio: Studio, signed: Path, tmp_path: Path) -> None:  # noqa: F811
    child = studio.sign(tmp_path / "child.mp4", ingredients=(signed, studio.source)).path
    for path in (signed, child):
        assert both(path, studio.trust) == ("trusted", "trusted")
        assert both(path, TrustList()) == ("valid_untrusted", "valid_untrusted")
    assert both(studio.source, studio.trust) == ("unsigned", "unsigned")
    stranger = TrustList.of(ensure_development_chain(tmp_path / "keys"))
    assert both(signed, stranger) == ("valid_untrusted", "valid_untrusted")


@pytest.mark.parametrize("algorithm", [Algorithm.ES384, Algorithm.PS256, Algorithm.ED25519])
def test_other_algorithms(studio: Studio, tmp_path: Path, algorithm: Algorithm) -> None:  # noqa: F811
    private = generate_key(algorithm)
    identity: SigningIdentity = make_identity(LocalKey(algorithm, private), private.public_key())
    trust = TrustList.of(identity)
    out = tmp_path / "out.mp4"
    sign_file(studio.source, out, studio.request(), identity, trust)
    assert both(out, trust) == ("trusted", "trusted")


def test_tampered_files(studio: Studio, signed: Path, tmp_path: Path) -> None:  # noqa: F811
    data = signed.read_bytes()
    mdat, size = offset_of(data, b"mdat")
    moov, _ = offset_of(data, b"moov")
    path = tmp_path / "broken.mp4"
    changes = {
        "media": (mdat + size - 9, b"\x55"),
        "index": (moov + 40, b"\x55"),
        "assertion": (data.index(b"world"), b"W"),
        "claim": (data.index(b"claim_generator_info") + 30, b"\x7f"),
    }
    for name, (at, new) in changes.items():
        path.write_bytes(data[:at] + new + data[at + 1 :])
        assert both(path, studio.trust) == ("tampered", "tampered"), name
    for name, extra in (("mdat", box(b"mdat", b"x")), ("uuid", box(b"uuid", b"u" * 30))):
        path.write_bytes(data + extra)
        assert both(path, studio.trust) == ("tampered", "tampered"), name
    path.write_bytes(data + box(b"free", b"hidden"))
    assert both(path, studio.trust) == ("trusted", "trusted")
    path.write_bytes(data[:-40])
    assert both(path, studio.trust) == ("tampered", "tampered")


def test_random_flips(studio: Studio, signed: Path, tmp_path: Path) -> None:  # noqa: F811
    data = signed.read_bytes()
    rng = random.Random(3)
    path = tmp_path / "flip.mp4"
    start = offset_of(data, b"uuid")[0]
    disagreements = []
    for _ in range(60):
        at = rng.randrange(start + 24, len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :])
        ours, theirs = both(path, studio.trust)
        # a store that does not parse may also be told as unreadable; never as good
        if (ours in ("trusted", "valid_untrusted")) != (theirs in ("trusted", "valid_untrusted")):
            disagreements.append((at, ours, theirs))
    assert not disagreements


def test_the_manifest_is_what_the_specification_wants(
    studio: Studio,  # noqa: F811
    tmp_path: Path,
) -> None:
    done = studio.sign(
        tmp_path / "full.mp4",
        watermark=SoftBinding.watermark("org.guarded-gen.watermark.1", b"12345678"),
        disclosure=Disclosure("world", "world@1"),
    )
    assert done.report.verdict is Verdict.TRUSTED
    store = embedded_store(done.path.read_bytes())
    assert store is not None
    manifest = list(store.children.values())[-1]
    _, claim = check_manifest(store, manifest)
    assert claim["claim_generator_info"]["specVersion"] == "2.4.0"
    assert claim["alg"] == "sha256" and claim["instanceID"]
    assertions = manifest.at("c2pa.assertions").children
    assert len([n for n in assertions if n.startswith("c2pa.hash.")]) == 1
    actions = cbor2.loads(assertions["c2pa.actions.v2"].contents[0])
    assert actions["allActionsIncluded"] is True
    assert [a["action"] for a in actions["actions"]] == ["c2pa.created", "c2pa.watermarked.bound"]
    assert actions["actions"][0]["digitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert "c2pa.soft-binding" in assertions, "the watermark's action needs its assertion"
    disclosure = cbor2.loads(assertions["c2pa.ai-disclosure"].contents[0])
    assert disclosure["contentProfile"]["humanOversightLevel"] == "prompt_guided"
    entries = cbor2.loads(assertions["cawg.training-mining"].contents[0])["entries"]
    assert {e["use"] for e in entries.values()} == {"notAllowed"}
    assert any(name.startswith("c2pa.thumbnail.claim") for name in assertions)
    created = {link["url"].rpartition("/")[2] for link in claim["created_assertions"]}
    assert set(assertions) - created <= {n for n in assertions if "thumbnail" in n}
