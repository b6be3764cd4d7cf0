"""Each profile adds what its law wants, and the check tells what is there and what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from media.encode import Encoder
from media.encoding import EncodeSettings
from provenance import sign_file
from provenance.compliance import (
    AIGC_KEY,
    Compliance,
    ComplianceSettings,
    Facts,
    Profile,
    check,
    container_metadata,
    prepare,
    unmet,
)
from provenance.errors import ComplianceUnmet
from provenance.label import LabelStyle, labeller
from provenance.labels import read_labels_of
from provenance.manifest import DigitalSourceType, SoftBinding
from provenance.timestamps import TimestampSettings
from provenance.verifier import examine
from tests.provenance.conftest import Studio
from tests.provenance.tsa import UnsafeTimestampAuthority

FACTS = Facts("clip_7", "world", "1", datetime(2026, 11, 21, 12, tzinfo=UTC))
SETTINGS = ComplianceSettings(
    profiles=tuple(Profile), provider="Example Studio", tool_url="https://example.org/verify",
)  # fmt: skip
DAY = date(2026, 12, 2)
DEVELOPMENT = {"eu-ai-act": "eu-1", "us-ca-sb942": "ca-6", "cn-gb45438": "cn-6"}
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
        results = check(profile, done.report, carried, at=DAY, watermark=True)
        lacking = {r.id for r in unmet(results)}
        # the studio's chain is the development chain: it counts nowhere, whatever it signs
        assert lacking == {DEVELOPMENT[profile]}
        foreign = replace(done.report, signer=replace(done.report.signer, issuer="Example CA"))
        results = check(profile, foreign, carried, at=DAY, watermark=True)
        assert not unmet(results), profile
        outside = {r.id for r in results if r.answer is Compliance.OUTSIDE}
        assert outside >= {"eu-ai-act": {"eu-6"}, "us-ca-sb942": {"ca-7"}}.get(profile, set())
        for looked, because in ((None, "nobody looked"), (False, "not found")):
            declared = check(profile, foreign, carried, at=DAY, watermark=looked)
            marks = unmet(declared)
            assert all(because in r.because for r in marks)
            assert bool(marks) is (profile is not Profile.CN_GB45438)
    # the label lies under the signature: a changed one is found
    data = done.path.read_bytes().replace(b"Example Studio", b"Another Studio")
    done.path.write_bytes(data)
    changed = examine(done.path, trust)
    found = check(Profile.CN_GB45438, changed, read_labels_of(done.path), at=DAY)
    assert {r.id for r in unmet(found)} == {
        "cn-4", "cn-5", "cn-6",
    }  # fmt: skip
    found = check(Profile.EU_AI_ACT, changed, {}, at=DAY)
    assert len(unmet(found)) == 4 + (changed.timestamp is None)


def test_a_plain_file_is_told_what_it_lacks(studio: Studio, signed: Path) -> None:
    report = examine(signed, studio.trust)
    lacking = {p: {r.id for r in unmet(check(p, report, {}, at=DAY))} for p in Profile}
    assert lacking[Profile.EU_AI_ACT] == {"eu-1", "eu-3", "eu-4", "eu-5"}
    california = {"ca-1", "ca-2", "ca-3", "ca-4", "ca-5", "ca-6", "ca-8"}
    assert lacking[Profile.US_CA_SB942] == california
    assert lacking[Profile.CN_GB45438] == {"cn-1", "cn-2", "cn-3", "cn-4", "cn-5", "cn-6"}
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
    draw = labeller("AI generated", width, height, Fraction(24), LabelStyle(0.05, 2.0))
    grey = np.full((30, height, width, 3), 128, np.uint8)
    first, second = draw(grey), draw(grey)
    assert (grey == 128).all(), "the input is left alone"
    assert (first[29] != 128).any() and (second[17] != 128).any()
    assert (second[18:] == 128).all(), "48 frames are two seconds at 24"
    rows = np.flatnonzero((first[0] > 250).all(axis=2).any(axis=1))
    assert rows[-1] - rows[0] + 1 >= 0.05 * min(width, height)


@pytest.mark.parametrize("icon", ["generated", "modified", "deepfake"])
@pytest.mark.parametrize("corner", ["top-left", "bottom-right"])
def test_a_chinese_label_with_an_icon_stands_in_its_corner(icon: str, corner: str) -> None:
    grey = np.full((1, 360, 640, 3), 128, np.uint8)
    draw = labeller("AI生成", 640, 360, Fraction(24), LabelStyle(0.05, 2, icon=icon, corner=corner))
    rows, columns = np.nonzero((draw(grey)[0] != 128).any(axis=2))
    top, left = corner == "top-left", corner == "top-left"
    assert bool(rows.max() < 180) is top and bool(columns.max() < 320) is left
    assert (draw(grey)[0] > 250).any(), "the letters are white and opaque"


def test_a_law_with_words_of_its_own_gives_them_to_the_label() -> None:
    assert ComplianceSettings(profiles=("cn-gb45438",)).text == "AI生成"
    both = ComplianceSettings(profiles=("cn-gb45438",), label_text="made by a machine")
    assert both.text == "AI生成 made by a machine"
    assert ComplianceSettings(visible_label=True).text == "AI generated"
    with pytest.raises(ValueError, match="no law 'us-xx'"):
        ComplianceSettings(profiles=("us-xx",))


def test_a_label_that_cannot_be_drawn_is_told() -> None:
    with pytest.raises(ComplianceUnmet, match="the font has no"):
        labeller("AI สร้าง", 640, 360, Fraction(24), LabelStyle(0.05, 2))
    with pytest.raises(ComplianceUnmet, match="fit"):
        labeller("AI generated", 64, 64, Fraction(24), LabelStyle(0.5, 2))
