"""The gates before and during a generation: references first, previews while it runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from generator.base import Step
from generator.spec import Mode
from guarded_gen.composition.lines import files_of, generate_stage, make_clip, storage_of
from guarded_gen.composition.services import Services
from guarded_gen.gates.gate import judge_reference, with_faces
from guarded_gen.production.outcome import ClipState
from guarded_gen.production.request import ClipRequest
from guarded_gen.settings import load
from media.encode import encode
from media.errors import UnreadableMedia
from media.hashing import pdq, sha256_file, to_hex
from policies import Context
from policies.decision import Action, Signal, Stage

PROMPT = "a big red circle moves to the right over a checkered field"


@pytest.fixture
def services(home: Path) -> Iterator[Services]:
    made = Services(load())
    yield made
    made.close()


def scenery(seed: int, width: int = 240, height: int = 160) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(20, 235, (9, 14, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image)


def ban(home: Path, *pictures: np.ndarray) -> None:
    (home / "banks").mkdir(parents=True, exist_ok=True)
    lines = [f"pdq {to_hex(pdq(picture)[0])}" for picture in pictures]
    (home / "banks" / "banned.txt").write_text("\n".join(lines) + "\n")


def request(**fields) -> ClipRequest:
    return ClipRequest(prompt=PROMPT, seed=7, **fields)


def test_a_reference_is_judged_with_every_check(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    Image.fromarray(scenery(1)).save(path)
    result = judge_reference(services.policy, services.frame_checks, path, Context())
    assert result.stage is Stage.REFERENCE
    assert result.decision.action is Action.REVIEW, "the nudity model is not installed here"
    assert {"sexual", "undecodable"} & {m.category for m in result.decision.missing} == {"sexual"}
    assert result.coverage["reference"] == {"sha256": sha256_file(path)}
    assert result.coverage["frames"] == 1
    assert result.context is not None and result.context.has_reference


def test_a_banned_reference_ends_the_request_before_the_generator(
    services: Services, home: Path, tmp_path: Path
) -> None:
    ban(home, scenery(1))
    bad, good = tmp_path / "bad.mp4", tmp_path / "good.png"
    encode(bad, iter([np.stack([scenery(1)] * 12)]), Fraction(24))
    Image.fromarray(scenery(2)).save(good)
    steps: list[str] = []
    wanted = request(
        seconds=0.5, width=128, height=128, backend="dit", mode=Mode.BLEND,
        references=(str(bad), str(good)),
    )  # fmt: skip
    outcome = make_clip(
        services, wanted, tmp_path / "out.mp4", lambda stage, done, total: steps.append(stage)
    )
    assert outcome.state is ClipState.BLOCKED
    assert outcome.last[1].stage is Stage.REFERENCE
    assert outcome.last[1].decision.rule_id == "BANK-1"
    assert steps == ["prompt", "reference"], "the generator never ran"
    kinds = {entry.kind for entry in services.log.entries()}
    assert kinds == {"prompt.decision", "reference.decision"}
    assert not (tmp_path / "out.mp4").exists()


def test_what_is_no_picture_is_an_error(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "text.png"
    path.write_text("no picture")
    with pytest.raises(UnreadableMedia):
        judge_reference(services.policy, services.frame_checks, path, Context())


def test_the_policy_knows_how_many_faces_were_seen() -> None:
    def told(most: int, check: str = "faces") -> Signal:
        return Signal.ran(check, "face", 0.9, detail={"most_faces": most})

    skipped = Signal.skipped("faces", "face", "not_assessed")
    assert with_faces(Context(), [told(2), told(3, "other")]).faces == 3
    assert with_faces(Context(), [told(0)]).faces == 0
    assert with_faces(Context(), [skipped]).faces is None


@pytest.mark.parametrize(("backend", "size"), [("world", 256), ("dit", 128)])
def test_a_block_in_mid_generation_stops_before_half_of_the_steps(
    services: Services, home: Path, tmp_path: Path, backend: str, size: int
) -> None:
    """Real previews of a first run are banned; the second run is stopped by them."""
    seconds = 4.0 if backend == "world" else 0.5
    wanted = request(seconds=seconds, width=size, height=size, backend=backend)
    stage = generate_stage(services, files_of(services, storage_of(services.settings)))
    seen: list[np.ndarray] = []
    taken: list[int] = []

    class EnoughError(Exception):
        pass

    def first_run(step: Step) -> None:
        if 2 * step.index >= step.total:
            raise EnoughError
        preview = step.preview()
        if preview is not None:
            seen.extend(preview)

    with pytest.raises(EnoughError):
        stage.render(wanted, tmp_path / "first", first_run, lambda: False)
    ban(home, *seen)

    def second_run(step: Step) -> None:
        taken.append(step.index)

    rendered = stage.render(wanted, tmp_path / "second", second_run, lambda: False)
    stopped = rendered.coverage["preview"]
    assert stopped["stopped_after"] == taken[-1]
    assert 2 * taken[-1] < stopped["of"]
    assert rendered.frames == 0
    assert not list((tmp_path / "second").iterdir()), "nothing of the clip was kept"

    outcome = make_clip(services, wanted, tmp_path / "out.mp4")
    assert outcome.state is ClipState.BLOCKED
    decided = outcome.last[1].to_json()
    assert decided["decision"]["stage"] == "output"
    assert decided["decision"]["reason"] == "known_content"
    assert decided["coverage"]["preview"]["stopped_after"] == taken[-1]
    assert json.dumps(decided["coverage"])
    assert not (tmp_path / "out.mp4").exists()
    assert "clip.generated" not in [entry.kind for entry in services.log.entries()]
