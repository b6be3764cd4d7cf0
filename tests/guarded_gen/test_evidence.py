"""The report's slots for hash banks and detectors: filled by real checks, or said to be empty."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from classifiers.deepfake import fit, write_record
from classifiers.frame import ModelKind, ModelSpec, scan
from classifiers.frame.profile import calibrated_with, model_check
from guarded_gen.composition.lines import make_clip
from guarded_gen.composition.services import Services
from guarded_gen.production.request import ClipRequest
from guarded_gen.settings import load
from media.decode import decode
from media.encode import encode
from media.encoding import EncodeSettings
from provenance.report import Evidence, Finding, Origin, ProvenanceReport, State

_path = Path(__file__).parents[1] / "classifiers" / "frame" / "tiny.py"
_spec = importlib.util.spec_from_file_location("tiny_for_evidence", _path)
tiny = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny)

DETECTOR = ModelSpec(
    name="detector", kind=ModelKind.DETECTOR, labels={"fake": "synthetic", "real": ""}
)


@pytest.fixture
def services(home: Path) -> Iterator[Services]:
    made = Services(load())
    yield made
    made.close()


def film(path: Path, level: int = 120) -> Path:
    rng = np.random.default_rng(level)
    base = np.kron(rng.integers(30, 220, (30, 40, 3), dtype=np.uint8), np.ones((16, 16, 1), "u1"))
    base = (base.astype(np.float64) * level / 120).clip(0, 255).astype(np.uint8)
    encode(path, iter([base[None, k : k + 256, k : k + 384] for k in range(12)]), Fraction(12))
    return path


def of(report: ProvenanceReport, kind: Evidence) -> Finding:
    return next(finding for finding in report.findings if finding.kind is kind)


def test_a_copy_is_in_the_bank_of_our_own_output(services: Services, tmp_path: Path) -> None:
    other = film(tmp_path / "other.mp4")
    empty = of(services.origin.report(other, deep=True), Evidence.HASH_BANK)
    assert empty.state is State.NOT_CHECKED, "nothing was published yet"
    clip, copy = tmp_path / "clip.mp4", tmp_path / "copy.mp4"
    wanted = ClipRequest(
        prompt="a big red circle moves to the right over a checkered field",
        seconds=1, width=256, height=192, seed=7,
    )  # fmt: skip
    made = make_clip(services, wanted, clip)
    encode(copy, (batch.pixels for batch in decode(clip)), Fraction(24), EncodeSettings(crf=33))
    found = of(services.origin.report(copy, deep=True), Evidence.HASH_BANK)
    assert found.state is State.FOUND
    assert f"own-output: {made.clip}" in found.sentence
    assert of(services.origin.report(other, deep=True), Evidence.HASH_BANK).state is State.NOT_FOUND


def test_lists_of_banned_content_are_no_oracle(
    services: Services, home: Path, tmp_path: Path
) -> None:
    """What is listed for blocking is told to the operator by scan, never to whoever asks."""
    from guarded_gen.gates.banks import bank_info

    other = film(tmp_path / "other.mp4")
    services.banks.add(bank_info("banned", "gore", "block"), other, load().limits.media)
    report = services.origin.report(other, deep=True)
    assert of(report, Evidence.WATERMARK).state is State.NOT_FOUND, "it was looked at"
    assert of(report, Evidence.HASH_BANK).state is State.NOT_CHECKED
    assert "banned" not in json.dumps(report.to_json())


def test_only_a_calibrated_detector_speaks(home: Path, tmp_path: Path) -> None:
    services = Services(load(frames={"models": [DETECTOR.model_dump(mode="json")]}))
    try:
        dark, bright = film(tmp_path / "dark.mp4", 60), film(tmp_path / "bright.mp4", 180)
        silent = of(services.origin.report(dark, deep=True), Evidence.DETECTOR)
        assert silent.state is State.NOT_CHECKED, "no such weights"
        services.registry.add(
            "detector", tiny.vit(tmp_path / "model", ("fake", "real")), licence="MIT", source="t"
        )
        silent = of(services.origin.report(dark, deep=True), Evidence.DETECTOR)
        assert silent.state is State.NOT_CHECKED, "not calibrated"

        used = calibrated_with(DETECTOR, services.registry, "synthetic")
        rng = np.random.default_rng(0)
        scores = np.concatenate([rng.normal(0.4, 0.05, 200), rng.normal(0.6, 0.05, 200)])
        record = fit("detector", "synthetic", used, scores.clip(0, 1), np.repeat([0, 1], 200))
        write_record(services.registry, record)
        for path in (dark, bright):
            report = services.origin.report(path, deep=True)
            told = of(report, Evidence.DETECTOR)
            calibrated = model_check(DETECTOR, services.registry)
            [_, signal] = scan(path, (calibrated,), seed=0).report.signals
            assert told.detail["probability"] == pytest.approx(signal.score)
            likely = signal.score >= record.threshold
            assert told.state is (State.FOUND if likely else State.NOT_FOUND)
            assert report.origin is (Origin.LIKELY_SYNTHETIC if likely else Origin.UNKNOWN)
            if likely:
                assert f"{record.false_positive_rate:.1%} of real videos" in told.sentence
    finally:
        services.close()
