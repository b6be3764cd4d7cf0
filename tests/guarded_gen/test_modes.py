"""The other ways to a signed file, as a user runs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image

STILL = ("image", "a big yellow star in the desert", "--size", "128x128", "--backend", "dit")


def test_a_still_is_a_signed_png(cli: Callable, tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    done = cli(*STILL, "-o", path, "--json")
    assert done.code == 0, done.err
    assert Image.open(path).size == (128, 128)
    report = cli("verify", path, "--json")
    assert report.json["verdict"] == "trusted"
    said = report.json["manifest"]["assertions"]["org.guarded-gen.attestation"]["prompt"]
    assert said == {"unexpressed": 0, "assumed": 3}
    assert "trainedAlgorithmicMedia" in cli("verify", path).out


def test_a_reference_that_nobody_checked_for_nudity_is_held(cli: Callable, tmp_path: Path) -> None:
    """The nudity model is not installed here, so what a reference shows is not known."""
    path = tmp_path / "picture.png"
    Image.new("RGB", (96, 96), "blue").save(path)
    out = tmp_path / "clip.mp4"
    done = cli(
        "animate", path, "a red circle moves up", "-o", out, "--size", "128x128",
        "--seconds", "0.5", "--json",
    )  # fmt: skip
    assert done.code == 4, done.err
    assert "open_nsfw" in done.json["uninstalled"]
    assert not out.exists()
    said = cli("animate", path, "a red circle moves up", "-o", out, "--size", "128x128")
    assert "guarded-gen models pull" in said.out


def test_wrong_references_and_names_are_usage_errors(cli: Callable, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    out = tmp_path / "out.mp4"
    for command in (
        ("extend", broken, "a red circle", "-o", out),
        ("blend", broken, tmp_path / "missing.mp4", "a red circle", "-o", out),
        ("edit", tmp_path / "missing.mp4", "a red circle", "-o", out),
    ):
        assert cli(*command).code == 1
    assert cli("image", "a red circle", "-o", out).code == 2
    picture = tmp_path / "picture.png"
    Image.new("RGB", (96, 96), "blue").save(picture)
    refused = cli("animate", picture, "a red circle", "-o", out, "--backend", "world")
    assert refused.code == 2
    assert "no mode" in refused.err
    assert not out.exists()
