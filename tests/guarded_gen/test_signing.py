"""New keys, new roots and new lists count in a running service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from guarded_gen.composition.services import Services
from guarded_gen.settings import load
from media.encode import encode
from provenance import ManifestRequest, SigningIdentity, TrustList, Verdict, sign_file
from provenance.certificates import issue_authority, issue_leaf
from provenance.errors import TrustListInvalid
from provenance.identities import IdentityStore
from provenance.keys import Algorithm, LocalKey, generate_key
from provenance.report import Origin


def fresh(days_old: int) -> SigningIdentity:
    """An identity with a root of its own."""
    private = generate_key(Algorithm.ES256)
    root = issue_authority(f"Root of {days_old} days ago")
    begin = datetime.now(UTC) - timedelta(days=days_old)
    leaf = issue_leaf(root, private.public_key(), begin=begin)
    key = LocalKey(Algorithm.ES256, private)
    return SigningIdentity(key, (leaf, root.certificate), root.certificate)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (12, 96, 160, 3), dtype=np.uint8)
    encode(tmp_path / "clip.mp4", iter([pixels]), Fraction(24))
    return tmp_path / "clip.mp4"


@pytest.fixture
def list_file(tmp_path: Path) -> Path:
    path = tmp_path / "partners.json"
    path.write_text(json.dumps(TrustList().to_json()))
    return path


@pytest.fixture
def services(home: Path, list_file: Path) -> Iterator[Services]:
    made = Services(load(trust_lists=[str(list_file)]))
    yield made
    made.close()


def signed(services: Services, clip: Path, name: str, by: SigningIdentity | None = None) -> Path:
    out = clip.with_name(name)
    who = by or services.identity
    sign_file(clip, out, ManifestRequest("c", "world", "1"), who, TrustList.of(who))
    return out


def test_a_new_key_with_a_new_root_counts_without_a_restart(
    services: Services, clip: Path, home: Path
) -> None:
    desk = services.origin
    store = IdentityStore(home / "keys" / "identities")
    first, second = fresh(30), fresh(1)
    store.add("a", first)
    before = signed(services, clip, "before.mp4")
    assert desk.report(before).origin is Origin.OURS
    store.add("b", second)
    assert services.identity.fingerprint == second.fingerprint
    after = signed(services, clip, "after.mp4")
    for path in (before, after):
        report = desk.report(path)
        assert report.verification.verdict is Verdict.TRUSTED
        assert report.origin is Origin.OURS, "both roots are ours"


def test_a_trust_list_that_changes_counts_at_once(
    services: Services, clip: Path, list_file: Path
) -> None:
    partner = fresh(5)
    theirs = signed(services, clip, "theirs.mp4", partner)
    assert (
        services.origin.report(theirs, deep=False).verification.verdict is Verdict.VALID_UNTRUSTED
    )
    list_file.write_text(json.dumps(TrustList.of(partner, name="partners").to_json()))
    report = services.origin.report(theirs, deep=False)
    assert report.verification.verdict is Verdict.TRUSTED
    assert report.origin is Origin.CREDENTIALED
    list_file.write_text('{"version": 1, "signers": [')
    again = services.origin.report(theirs, deep=False)
    assert again.verification.verdict is Verdict.TRUSTED, "half a list does not count"
    list_file.write_text(json.dumps(TrustList().to_json()))
    assert (
        services.origin.report(theirs, deep=False).verification.verdict is Verdict.VALID_UNTRUSTED
    )


def test_a_list_that_is_wrong_from_the_start_is_told(home: Path, list_file: Path) -> None:
    list_file.write_text("nonsense")
    services = Services(load(trust_lists=[str(list_file)]))
    with pytest.raises(TrustListInvalid):
        _ = services.trust
    services.close()
