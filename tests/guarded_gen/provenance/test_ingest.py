"""What a platform says beside an upload, and a transcode that keeps what others said."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from guarded_gen.errors import InvalidInput
from guarded_gen.origin.ingest import NOTHING_FOUND, upload_label
from guarded_gen.origin.transcoding import Copying, Transcoded, transcode
from media.probe import probe
from provenance import SigningIdentity, TrustList, ensure_development_chain
from provenance.labels import read_labels_of
from provenance.manifest import DigitalSourceType
from provenance.recovery import Recovery, RecoveryState
from provenance.report import weigh
from provenance.signer import sign_file
from provenance.verdicts import Verdict
from provenance.verifier import examine
from tests.provenance.conftest import make_clip

AIGC = '{"Label":"%s","ContentProducer":"Example","ProduceID":"7"}'


@dataclass(frozen=True)
class Platform:
    """Ours, which trusts itself and another maker."""

    folder: Path
    ours: SigningIdentity
    other: SigningIdentity
    trust: TrustList

    def signed(self, name: str, source_type: str) -> Path:
        from provenance import ManifestRequest

        source = make_clip(self.folder / f"plain-{name}", side=64)
        request = ManifestRequest(
            title=name, backend="Other Model", backend_version="3", digital_source_type=source_type
        )
        return sign_file(source, self.folder / name, request, self.other, self.trust).path

    def said(self, path: Path, *, trust: TrustList | None = None, **more: object) -> dict:
        report = weigh(examine(path, trust or self.trust), Recovery(RecoveryState.NOT_CHECKED))
        return upload_label(report, read_labels_of(path), **more)  # type: ignore[arg-type]

    def copy(self, path: Path, name: str, **more: object) -> Transcoded:
        carried = (examine(path, self.trust), dict(read_labels_of(path)))
        return transcode(
            path,
            self.folder / name,
            carried,
            self.ours,
            self.trust,
            Copying(**more),  # type: ignore[arg-type]
        )


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    folder = tmp_path_factory.mktemp("platform")
    ours = ensure_development_chain(folder / "ours")
    other = ensure_development_chain(folder / "other")
    return Platform(folder, ours, other, TrustList.of(ours).joined(TrustList.of(other)))


def test_the_words_name_who_says_so_and_survive_two_transcodes(platform: Platform) -> None:
    clip = platform.signed("made.mp4", DigitalSourceType.TRAINED)
    first = platform.said(clip)
    who = platform.other.leaf.subject.rfc4514_string()
    assert first["label"].startswith("Made with AI, says ") and first["made_with_ai"] is True
    name = first["label"].removeprefix("Made with AI, says ")
    assert name in who and first["notice"] == "generated" and first["signed"]
    assert first["system"].startswith("Other Model")
    stranger = platform.said(clip, trust=TrustList.of(platform.ours))
    assert stranger["label"].endswith("(a signer that we do not know)")

    small = platform.copy(clip, "small.mp4", size=(48, 48))
    assert small.kept["saidBy"] == name and small.signed.report.verdict is Verdict.TRUSTED
    assert (probe(small.signed.path).width, small.frames) == (48, 12)
    parents = small.signed.report.ingredients
    assert [p.relationship for p in parents] == ["parentOf"]
    assert parents[0].manifest == examine(clip, platform.trust).manifest_label
    again = platform.copy(small.signed.path, "again.mp4")
    said = platform.said(again.signed.path)
    assert said["label"].startswith(f"Made with AI, says {name}, kept by ")


@pytest.mark.parametrize(
    ("term", "label", "ai", "notice"),
    [
        (DigitalSourceType.COMPOSITE_TRAINED, "Made partly with AI, says ", True, "generated"),
        (DigitalSourceType.ALGORITHMIC, "Made by a computer program", False, "generated"),
        (
            "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture",
            "Recorded with a camera, says ",
            False,
            "none",
        ),
    ],
)
def test_each_source_type_has_its_words(
    platform: Platform, term: str, label: str, ai: bool, notice: str
) -> None:
    said = platform.said(platform.signed(f"{notice}{ai}{len(label)}.mp4", term))
    assert said["label"].startswith(label)
    assert (said["made_with_ai"], said["notice"]) == (ai, notice)


def test_a_file_that_says_nothing_is_not_called_real(platform: Platform) -> None:
    plain = make_clip(platform.folder / "plain.mp4")
    said = platform.said(plain)
    assert said["label"] is None and said["made_with_ai"] is None and said["notice"] == "none"
    assert said["summary"] == NOTHING_FOUND and not said["provenance_available"]
    told = platform.said(plain, declared=True)
    assert (told["label"], told["notice"]) == (
        "Made with AI, says the person who uploaded it",
        "possible",
    )
    copy = platform.copy(plain, "plain-copy.mp4")
    after = platform.said(copy.signed.path)
    assert after["label"] is None and after["made_with_ai"] is None, "nothing is made up"


@pytest.mark.parametrize(
    ("state", "label", "notice", "ai"),
    [
        ("1", "Made with AI", "generated", True),
        ("2", "Possibly made with AI", "possible", None),
        ("3", "Suspected to be made with AI", "suspected", None),
    ],
)
def test_chinas_three_grades_are_told_apart_and_kept(
    platform: Platform, state: str, label: str, notice: str, ai: bool | None
) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt("AIGC", AIGC % state)
    still = platform.folder / f"aigc{state}.png"
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(still, pnginfo=info)
    said = platform.said(still)
    assert said["label"] == f"{label}, says a label that nobody signed"
    assert (said["notice"], said["made_with_ai"]) == (notice, ai)
    copy = platform.copy(still, f"copy{state}.png")
    assert read_labels_of(copy.signed.path)["AIGC"] == AIGC % state
    assert platform.said(copy.signed.path)["notice"] == notice
    contradicted = platform.said(still, declared=False)["contradicts_declaration"]
    assert contradicted is (ai is True)


def test_an_implicit_label_of_a_video_names_who_passed_it_on(platform: Platform) -> None:
    from fractions import Fraction

    from media.encode import Encoder
    from media.encoding import EncodeSettings

    clip = platform.folder / "cn.mp4"
    with Encoder(
        clip, 64, 64, Fraction(12), EncodeSettings(metadata={"AIGC": AIGC % "1"})
    ) as encoder:
        encoder.write(np.zeros((6, 64, 64, 3), np.uint8))
    copy = platform.copy(clip, "cn-copy.mp4", propagator="Example Platform")
    kept = read_labels_of(copy.signed.path)["AIGC"]
    assert (
        '"ContentProducer":"Example"' in kept and '"ContentPropagator":"Example Platform"' in kept
    )


def test_a_changed_file_is_not_passed_on_as_if_it_held(platform: Platform) -> None:
    clip = platform.signed("changed.mp4", DigitalSourceType.TRAINED)
    data = bytearray(clip.read_bytes())
    data[-100] ^= 1
    changed = platform.folder / "tampered.mp4"
    changed.write_bytes(data)
    assert platform.said(changed)["label"] is None
    with pytest.raises(InvalidInput, match="tampered"):
        platform.copy(changed, "laundered.mp4")
    assert not (platform.folder / "laundered.mp4").exists()
    named = platform.folder / "named.webm"
    shutil.copyfile(clip, platform.folder / "fine.mp4")
    with pytest.raises(InvalidInput, match="MP4 or PNG"):
        platform.copy(clip, named.name)
