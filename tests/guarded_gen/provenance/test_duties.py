"""The place, the policy and the caller choose a clip's marks; the label keeps clear of faces."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from guarded_gen.errors import InvalidInput
from guarded_gen.production.duties import Duties
from guarded_gen.production.request import ClipRequest
from guarded_gen.settings import Limits
from media.encode import Encoder
from media.limits import MediaLimits
from policies import loads
from policies.rollout import Choice
from provenance.compliance import ComplianceSettings, for_request
from provenance.errors import ComplianceUnmet
from provenance.label import Box, LabelWish

DAY = date(2026, 12, 2)
PLAIN = ComplianceSettings(provider="Example Studio")
POLICY = """
policy: marks
version: "1"
extends: default
overlays:
  - overlay: elections
    applies_to: {tenants: [press]}
    label: {variant: modified, size: 0.08, duration: whole}
"""


def request(**fields: object) -> ClipRequest:
    fields = {"prompt": "a boat", "seconds": 4, "width": 640, "height": 360, "fps": 12} | fields
    return ClipRequest.checked(Limits(), **fields)


def duties(settings: ComplianceSettings = PLAIN, faces: object = None) -> Duties:
    choice = Choice(loads(POLICY)[0])
    return Duties(settings, lambda request: choice, lambda: faces)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(
    ("place", "chosen", "laws"),
    [
        ("DE", (), ("eu-ai-act",)),
        ("US-CA", (), ("us-ca-sb942",)),
        ("US-CA", ("cn-gb45438", "us-ca-sb942"), ("us-ca-sb942", "cn-gb45438")),
        ("IN", ("eu-ai-act",), ("in-it-rules", "eu-ai-act")),
        ("", ("eu-ai-act",), ("eu-ai-act",)),
        ("GB", (), ()),
    ],
)
def test_the_place_comes_before_what_the_deployment_chose(
    place: str, chosen: tuple[str, ...], laws: tuple[str, ...]
) -> None:
    settings = PLAIN.model_copy(update={"profiles": chosen})
    assert for_request(settings, place, DAY).profiles == laws


def test_where_several_laws_hold_the_stricter_label_counts_and_all_words_are_said() -> None:
    both = for_request(PLAIN.model_copy(update={"profiles": ("in-it-rules",)}), "CN", DAY)
    assert both.profiles == ("cn-gb45438", "in-it-rules")
    assert both.seconds is None, "India's label stays, China's may go after two seconds"
    assert both.text.startswith("AI生成")
    assert for_request(PLAIN, "CN", DAY).seconds == 2
    assert not for_request(PLAIN, "CN", date(2025, 8, 31)).labels, "not in force yet"


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"show": False}, "cn-4 of cn-gb45438"),
        ({"size": 0.045}, "cn-4 of cn-gb45438"),
        ({"duration": 1}, "cn-4 of cn-gb45438"),
    ],
)
def test_a_caller_cannot_go_below_a_law(wish: dict[str, object], said: str) -> None:
    with pytest.raises(ComplianceUnmet, match=said):
        for_request(PLAIN, "CN", DAY, wish=LabelWish.model_validate(wish))
    free = for_request(PLAIN, "DE", DAY, wish=LabelWish.model_validate(wish))
    assert free.labels is bool(wish.get("show", True))


def test_a_caller_chooses_every_part_of_the_label() -> None:
    wish = LabelWish(
        text="Made by a machine", variant="deepfake", corner="top-left", size=0.1, opacity=0.8,
        duration="whole",
    )  # fmt: skip
    chosen = for_request(PLAIN, "", DAY, wish=wish)
    assert chosen.labels and chosen.text == "Made by a machine" and chosen.seconds is None
    assert (chosen.label_icon, chosen.label_corner) == ("deepfake", "top-left")
    assert (chosen.size, chosen.label_opacity) == (0.1, 0.8)
    alone = for_request(PLAIN, "", DAY, wish=LabelWish(text="", variant="generated"))
    assert alone.text == "" and alone.label_icon == "generated"
    words = for_request(PLAIN, "CN", DAY, wish=LabelWish(text="Film", icon=True))
    assert words.text == "AI生成 Film", "the law's own words stay"


def test_the_policy_asks_for_a_label_and_a_caller_cannot_take_it_away() -> None:
    press, other = request(tenant="press"), request(tenant="other")
    chosen = duties().of(press)
    assert chosen.labels and chosen.label_icon == "modified"
    assert chosen.size == 0.08 and chosen.seconds is None
    assert not duties().of(other).labels
    with pytest.raises(ComplianceUnmet, match="the policy"):
        duties().of(request(tenant="press", label=False))
    with pytest.raises(ComplianceUnmet, match="too small"):
        duties().of(request(tenant="press", label={"size": 0.05}))


def test_what_cannot_be_met_is_refused_before_anything_is_generated() -> None:
    with pytest.raises(ComplianceUnmet, match="provider"):
        duties(ComplianceSettings()).require(request(jurisdiction="DE"))
    with pytest.raises(ComplianceUnmet, match="cn-1 of cn-gb45438"):
        duties().require(request(jurisdiction="CN", mode="image"))
    with pytest.raises(ComplianceUnmet, match="fit"):
        duties().require(request(label={"text": "a very long label " * 3, "size": 0.2}))
    duties().require(request(jurisdiction="CN"))
    with pytest.raises(InvalidInput, match="XX"):
        request(jurisdiction="XX")


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    path = tmp_path / "draft.mp4"
    with Encoder(path, 640, 360, Fraction(12)) as encoder:
        encoder.write(np.full((48, 360, 640, 3), 128, np.uint8))
    return path


RIGHT, BOTTOM = Box(320, 0, 640, 360), Box(0, 180, 640, 360)


@pytest.mark.parametrize(
    ("faces", "corner"),
    [
        ([], "bottom-right"),
        ([RIGHT], "bottom-left"),
        ([BOTTOM], "top-right"),
        ([RIGHT, BOTTOM], "top-left"),
        ([Box(0, 0, 640, 60), Box(0, 300, 640, 360)], "elsewhere"),
    ],
)
def test_the_label_is_never_over_a_face(draft: Path, faces: list[Box], corner: str) -> None:
    looked = []

    def finder(frame: np.ndarray) -> list[Box]:
        looked.append(frame)
        return faces

    made, applied = duties(faces=finder).label(
        request(label={"duration": 3}), draft, 48, MediaLimits()
    )
    assert made is not None and applied.drawn is not None
    assert not any(made.box.meets(face) for face in faces)
    assert applied.drawn["corner"] == corner and applied.drawn["seconds"] == 3
    assert len(looked) == 12, "four looks a second while the label is shown"
    assert applied.drawn["facesAvoided"] == 12 * len(faces)


def test_no_place_without_a_face_is_an_error_and_not_looking_is_told(draft: Path) -> None:
    everywhere = duties(faces=lambda frame: [Box(0, 0, 640, 360)])
    with pytest.raises(ComplianceUnmet, match="cover a face"):
        everywhere.label(request(label=True), draft, 48, MediaLimits())
    _, applied = duties().label(request(label=True), draft, 48, MediaLimits())
    assert applied.drawn is not None
    assert applied.drawn["facesAvoided"] == "nobody looked for faces"
    made, applied = duties().label(request(jurisdiction="DE"), draft, 48, MediaLimits())
    assert made is None and applied.drawn is None


def test_a_clip_says_in_its_manifest_what_was_drawn(
    cli: Callable, tmp_path: Path, home: Path
) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "guarded-gen.toml").write_text('[compliance]\nprovider = "Example Studio"\n')
    clip = tmp_path / "clip.mp4"
    made = cli(
        "generate", "a red circle moves over the sea", "-o", clip, "--seconds", "5", "--size",
        "640x360", "--fps", "12", "--jurisdiction", "cn", "--label", '{"variant": "generated"}',
    )  # fmt: skip
    assert made.code == 0, made.err
    found = cli("verify", clip, "--json").json
    told = found["manifest"]["assertions"]["org.guarded-gen.disclosure"]
    assert told["profiles"] == ["cn-gb45438"] and told["provider"] == "Example Studio"
    label = told["visibleLabel"]
    assert (label["text"], label["icon"], label["seconds"]) == ("AI生成", "generated", 2.0)
    box = label["box"]
    assert box["left"] > 0.5 and box["top"] > 0.5
    refused = cli("generate", "a red circle", "-o", tmp_path / "no.mp4", "--jurisdiction", "CN",
                  "--label", "off", "--json")  # fmt: skip
    assert refused.code == 2 and "cn-4" in json.dumps(refused.json, ensure_ascii=False)
    bad = cli("image", "a red circle", "-o", tmp_path / "no.png", "--label", "{nonsense")
    assert bad.code == 2 and "JSON" in bad.err
