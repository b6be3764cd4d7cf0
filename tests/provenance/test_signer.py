"""Signing leaves a verified file or nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from provenance import TrustList, Verdict, ensure_development_chain
from provenance.errors import HistoryErased, IngredientUnusable, KeyUnavailable, SigningFailed
from provenance.isolation import Sandbox
from provenance.keys import Algorithm, CallbackKey
from provenance.manifest import ATTESTATION_LABEL, DigitalSourceType, Ingredient, Relationship
from provenance.signer import sha256_file, sign_file
from provenance.verifier import examine, verify
from tests.provenance.conftest import Studio


def test_a_signed_clip_verifies_as_a_stranger_would(
    studio: Studio, tmp_path: Path, sandbox: Sandbox
) -> None:
    done = studio.sign(tmp_path / "out.mp4", digital_source_type=DigitalSourceType.ALGORITHMIC)
    report = verify(done.path, studio.trust, sandbox=sandbox)
    assert report.verdict is Verdict.TRUSTED
    assert report.manifest_label == done.manifest_label
    assert done.sha256 == sha256_file(done.path)
    [action] = report.manifest["actions"]
    assert action["action"] == "c2pa.created"
    assert action["digitalSourceType"] == DigitalSourceType.ALGORITHMIC
    assert report.manifest["generators"][0]["specVersion"] == "2.4.0"
    assert report.manifest["assertions"]["c2pa.actions.v2"]["allActionsIncluded"] is True
    assert report.manifest["assertions"][ATTESTATION_LABEL]["policy_digest"] == "ab" * 32
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_pictures_are_signed_too(studio: Studio, tmp_path: Path, suffix: str) -> None:
    picture = tmp_path / f"still.{suffix}"
    Image.new("RGB", (96, 64), (10, 20, 200)).save(picture)
    done = studio.sign(tmp_path / f"signed.{suffix}", picture)
    assert examine(done.path, studio.trust).verdict is Verdict.TRUSTED
    changed = bytearray(done.path.read_bytes())
    changed[-20] ^= 1
    done.path.write_bytes(changed)
    assert examine(done.path, studio.trust).verdict is Verdict.TAMPERED


def test_signing_in_place_keeps_the_file_whole(studio: Studio, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(studio.source.read_bytes())
    studio.sign(clip, clip)
    assert examine(clip, studio.trust).verdict is Verdict.TRUSTED


def test_a_failed_verification_leaves_nothing(studio: Studio, tmp_path: Path) -> None:
    stranger = ensure_development_chain(tmp_path / "keys")
    destination = tmp_path / "out" / "clip.mp4"
    destination.parent.mkdir()
    destination.write_bytes(b"before")
    with pytest.raises(SigningFailed, match=r"signer\.unknown_issuer"):
        sign_file(studio.source, destination, studio.request(), stranger, studio.trust)
    assert destination.read_bytes() == b"before"
    assert [p.name for p in destination.parent.iterdir()] == ["clip.mp4"]


def test_a_failing_key_is_told_and_leaves_nothing(studio: Studio, tmp_path: Path) -> None:
    def broken(_: bytes) -> bytes:
        raise TimeoutError("the key service is away")

    identity = replace(studio.identity, key=CallbackKey(Algorithm.ES256, broken))
    with pytest.raises(KeyUnavailable, match="the key service is away"):
        sign_file(studio.source, tmp_path / "out.mp4", studio.request(), identity, studio.trust)
    assert list(tmp_path.iterdir()) == []


def test_history_is_never_erased(studio: Studio, signed: Path, tmp_path: Path) -> None:
    with pytest.raises(HistoryErased):
        studio.sign(tmp_path / "again.mp4", signed)
    other = studio.sign(tmp_path / "other.mp4").path
    with pytest.raises(HistoryErased):
        studio.sign(tmp_path / "again.mp4", signed, ingredients=(other,))
    again = studio.sign(tmp_path / "again.mp4", signed, ingredients=(signed,))
    assert [i.verdict for i in again.report.ingredients] == [Verdict.TRUSTED]
    assert again.report.manifest["actions"][0]["action"] == "c2pa.opened"


def test_an_unsigned_parent_is_recorded(studio: Studio, tmp_path: Path) -> None:
    done = studio.sign(tmp_path / "child.mp4", ingredients=(studio.source,))
    assert done.report.verdict is Verdict.TRUSTED
    assert [i.verdict for i in done.report.ingredients] == [Verdict.UNSIGNED]
    assert done.report.manifest["actions"][0]["action"] == "c2pa.opened"


def test_a_blend_has_one_parent_and_components(
    studio: Studio, signed: Path, tmp_path: Path
) -> None:
    done = studio.sign(tmp_path / "blend.mp4", ingredients=(signed, studio.source))
    assert [i.relationship for i in done.report.ingredients] == ["parentOf", "componentOf"]
    names = [a["action"] for a in done.report.manifest["actions"]]
    assert names == ["c2pa.opened", "c2pa.placed", "c2pa.edited"]
    two = (Ingredient(signed), Ingredient(studio.source))
    with pytest.raises(SigningFailed, match="one parent"):
        studio.sign(tmp_path / "two.mp4", ingredients=two)
    used = Ingredient(signed, Relationship.INPUT)
    made = studio.sign(tmp_path / "input.mp4", ingredients=(used,))
    assert made.report.manifest["actions"][0]["action"] == "c2pa.created"


def test_an_altered_source_is_refused(studio: Studio, signed: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    data = bytearray(signed.read_bytes())
    data[-50] ^= 1
    bad.write_bytes(data)
    with pytest.raises(IngredientUnusable, match="altered"):
        studio.sign(tmp_path / "child.mp4", ingredients=(bad,))
    with pytest.raises(IngredientUnusable):
        studio.sign(tmp_path / "child.mp4", ingredients=(tmp_path / "missing.mp4",))


def test_a_stranger_as_parent_is_allowed_and_told(studio: Studio, tmp_path: Path) -> None:
    stranger = ensure_development_chain(tmp_path / "keys")
    theirs = sign_file(
        studio.source, tmp_path / "theirs.mp4", studio.request(), stranger, TrustList.of(stranger)
    )
    ours = studio.sign(tmp_path / "ours.mp4", ingredients=(theirs.path,))
    assert ours.report.verdict is Verdict.VALID_UNTRUSTED
    assert ours.report.signer is not None and ours.report.signer.trusted
    assert ours.report.laundered


def test_what_is_no_media_is_refused(studio: Studio, tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video at all, but long enough to look at")
    with pytest.raises(SigningFailed):
        studio.sign(tmp_path / "out.mp4", text)
    assert [p.name for p in tmp_path.iterdir()] == ["text.mp4"]
