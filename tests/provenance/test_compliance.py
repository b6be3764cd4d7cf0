"""Each profile adds what its law wants, and the check tells what is there and what is not."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from media.encode import Encoder, EncodeSettings
from provenance import sign_file
from provenance.compliance import (
    AIGC_KEY,
    Answer,
    ComplianceSettings,
    Facts,
    Profile,
    check,
    container_metadata,
    prepare,
    unmet,
)
from provenance.errors import ComplianceUnmet
from provenance.label import labeller
from provenance.labels import read_labels_of
from provenance.manifest import DigitalSourceType, SoftBinding
from provenance.timestamps import TimestampSettings
from provenance.tsa import UnsafeTimestampAuthority
from provenance.verifier import examine
from tests.provenance.conftest import Studio

FACTS = Facts("clip_7", "world", "1", datetime(2026, 11, 21, 12, tzinfo=UTC))
SETTINGS = ComplianceSettings(
    profiles=tuple(Profile), provider="Example Studio", tool_url="https://example.org/verify",
    label_text="AI 生成",
)  # fmt: skip
WATERMARK = SoftBinding.watermark("org.guarded-gen.watermark.1", b"12345678")


def test_one_setting_meets_every_demand_that_a_file_can_meet(
    studio: Studio, tmp_path: Path
) -> None:
    encode = EncodeSettings(metadata=container_metadata(SETTINGS, FACTS))
    source = tmp_path / "source.mp4"
    with Encoder(source, 64, 64, Fraction(24), encode) as encoder:
        encoder.write(np.zeros((12, 64, 64, 3), np.uint8))
    request = prepare(
        studio.request(
            watermark=WATERMARK,
            content_id="clip_7",
            digital_source_type=DigitalSourceType.TRAINED,
        ),
        SETTINGS,
        FACTS,
    )
    with UnsafeTimestampAuthority() as authority:
        trust = studio.trust.with_timestamps(authority.root)
        done = sign_file(
            source, tmp_path / "clip.mp4", request, studio.identity, trust,
            timestamps=TimestampSettings(servers=(authority.url,)),
        )  # fmt: skip
    carried = read_labels_of(done.path)
    assert set(carried) == {AIGC_KEY}
    for profile in Profile:
        results = check(profile, done.report, carried)
        assert not unmet(results), profile
        outside = [r.id for r in results if r.answer is Answer.OUTSIDE]
        assert outside == {"eu-ai-act": ["eu-6"], "us-ca-sb942": ["ca-7"]}.get(profile, [])
    # the label lies under the signature: a changed one is found
    data = done.path.read_bytes().replace(b"Example Studio", b"Another Studio")
    done.path.write_bytes(data)
    changed = examine(done.path, trust)
    assert {r.id for r in unmet(check(Profile.CN_GB45438, changed, read_labels_of(done.path)))} == {
        "cn-4", "cn-5", "cn-6",
    }  # fmt: skip
    assert len(unmet(check(Profile.EU_AI_ACT, changed, {}))) == 4 + (changed.timestamp is None)


def test_a_plain_file_is_told_what_it_lacks(studio: Studio, signed: Path) -> None:
    report = examine(signed, studio.trust)
    lacking = {p: {r.id for r in unmet(check(p, report, {}))} for p in Profile}
    assert lacking[Profile.EU_AI_ACT] == {"eu-3", "eu-4", "eu-5"}
    assert lacking[Profile.US_CA_SB942] == {"ca-1", "ca-2", "ca-3", "ca-4", "ca-5"}
    assert lacking[Profile.CN_GB45438] == {"cn-1", "cn-2", "cn-3", "cn-4", "cn-5"}
    assert not examine(studio.source, studio.trust).manifest


def test_what_a_profile_wants_and_nobody_configured_is_an_error(studio: Studio) -> None:
    bare = ComplianceSettings(profiles=(Profile.US_CA_SB942,))
    with pytest.raises(ComplianceUnmet, match="provider"):
        prepare(studio.request(), bare, FACTS)
    with pytest.raises(ComplianceUnmet, match="watermark"):
        prepare(studio.request(), SETTINGS, FACTS)
    nothing = ComplianceSettings()
    request = studio.request()
    assert prepare(request, nothing, FACTS) is request
    assert container_metadata(nothing, FACTS) == {}


@pytest.mark.parametrize(("width", "height"), [(640, 360), (360, 640), (1280, 720)])
def test_the_label_is_large_and_long_enough(width: int, height: int) -> None:
    draw = labeller("AI generated", width, height, Fraction(24), seconds=2.0, share=0.05)
    grey = np.full((30, height, width, 3), 128, np.uint8)
    first, second = draw(grey), draw(grey)
    assert (grey == 128).all(), "the input is left alone"
    assert (first[29] != 128).any() and (second[17] != 128).any()
    assert (second[18:] == 128).all(), "48 frames are two seconds at 24"
    rows = np.flatnonzero((first[0] > 250).all(axis=2).any(axis=1))
    assert rows[-1] - rows[0] + 1 >= 0.05 * min(width, height)


def test_a_label_that_cannot_be_drawn_is_told() -> None:
    with pytest.raises(ComplianceUnmet, match="the font has no"):
        labeller("AI 生成", 640, 360, Fraction(24), seconds=2, share=0.05)
    with pytest.raises(ComplianceUnmet, match="fit"):
        labeller("AI generated", 64, 64, Fraction(24), seconds=2, share=0.5)
