"""Models that an operator brings along: what they are, and how their folders are trusted.

A model is a folder that ``guarded-gen models add NAME FOLDER`` pinned file by file. It is
loaded only when every file is the pinned one and no other file lies beside them; code from a
model's folder never runs; parameters that the files lack are an error, not random numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from classifiers.errors import (
    ClassifierError,
    RandomWeights,
    RuntimeMissing,
    UnknownWeights,
    WeightsMismatch,
)
from classifiers.frame.open_clip import is_open_clip, preprocessing
from classifiers.hub import HubModel
from media.clip import Pixels

if TYPE_CHECKING:
    from classifiers.registry import WeightsRegistry


class ModelKind(StrEnum):
    """How a folder is read."""

    CLASSIFIER = "classifier"
    CLIP = "clip"
    JUDGE = "judge"
    DETECTOR = "detector"
    TEMPORAL = "temporal"


class ZeroShot(BaseModel):
    """A category by words: what shows it, and what harmless pictures show instead."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shows: tuple[str, ...] = Field(min_length=1, description="captions of what is meant")
    instead: tuple[str, ...] = Field(min_length=1, description="captions of harmless pictures")


class Head(BaseModel):
    """A trained linear head on the picture's embedding.

    ``weights`` is a pin: ``.npy`` with D or D + 1 numbers (the last is the bias), or two rows
    of D (soft prompts for harmless and harmful, as in Q16); safetensors with ``weight`` and
    ``bias``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: str = Field(description="category that the head scores")
    weights: str = Field(description="pin of the head's file")
    normalise: bool = Field(True, description="whether the embedding is scaled to length 1")


class ModelSpec(BaseModel):
    """One model of the full profile, as it stands in the settings under ``frames.models``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", description="its name in `models`")
    kind: ModelKind = Field(
        ModelKind.CLASSIFIER, description="classifier, clip, judge, detector or temporal"
    )
    labels: dict[str, str] = Field(
        default_factory=dict, description="label of the model to category; empty: harmless"
    )
    zero_shot: dict[str, ZeroShot] = Field(default_factory=dict, description="category to words")
    heads: tuple[Head, ...] = Field((), description="linear heads of a CLIP model")
    policies: dict[str, str] = Field(
        default_factory=dict, description="category to the question a judge answers yes or no"
    )
    yes: str = Field("Yes", description="the judge's token for a violation")
    no: str = Field("No", description="the judge's token for none")
    hub: HubModel | None = Field(
        None, description="where `models pull` gets it: repository, commit, files with SHA-256"
    )

    @property
    def categories(self) -> tuple[str, ...]:
        found = {c for c in self.labels.values() if c}
        if self.kind is ModelKind.TEMPORAL:
            found.add("synthetic")
        found |= set(self.zero_shot) | {head.category for head in self.heads} | set(self.policies)
        return tuple(sorted(found))


def folder_of(registry: WeightsRegistry, name: str) -> Path:
    """The folder of a pinned model, every file verified.

    Raises ``UnknownWeights``, ``WeightsMissing``, ``WeightsMismatch`` (also for a file that is
    not pinned).
    """
    files = files_of(registry, name)
    if not files:
        raise UnknownWeights(
            f"no model {name!r} is pinned", f"guarded-gen models add {name} FOLDER"
        )
    paths = [registry.path(file) for file in files]
    folder = paths[0].parents[files[0].removeprefix(f"{name}/").count("/")]
    known = set(paths)
    strange = [file for file in folder.rglob("*") if file.is_file() and file not in known]
    if strange:
        raise WeightsMismatch(
            f"{name}: {strange[0].name} lies beside the model and is not pinned", "remove it"
        )
    return folder


def files_of(registry: WeightsRegistry, name: str) -> list[str]:
    """Pins of a model's files; its weights first."""
    found = [pin for pin in registry.names() if pin.startswith(f"{name}/")]
    return sorted(found, key=lambda pin: (not pin.endswith((".safetensors", ".onnx")), pin))


def sha256_of_model(registry: WeightsRegistry, name: str) -> tuple[str, ...]:
    """SHA-256 (hex) of all files of a model, those of the weights first."""
    return tuple(registry.pin(file).sha256 for file in files_of(registry, name))


def load_transformers(loader: str, folder: Path) -> Any:
    """A transformers model for inference, from safetensors only, without remote code.

    ``loader`` is the name of an Auto class. Raises ``RuntimeMissing`` or ``RandomWeights``.
    """
    try:
        import transformers
    except ImportError as error:
        raise RuntimeMissing(
            "transformers is not installed", "pip install 'guarded-gen[models]'"
        ) from error
    try:
        model, report = getattr(transformers, loader).from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ClassifierError(
            f"{folder.name} cannot be loaded: {str(error)[:200]}", "bring the model again"
        ) from error
    missing = sorted(report["missing_keys"]) + sorted(str(key) for key in report["mismatched_keys"])
    if missing:
        raise RandomWeights(
            f"{folder.name}: {len(missing)} parameters are not in the files, first {missing[0]}",
            "bring the complete model",
        )
    return model.eval()


class Preparation:
    """Pictures to a model's input, as its ``preprocessor_config.json`` says, or open_clip's."""

    def __init__(self, folder: Path) -> None:
        from PIL import Image

        if is_open_clip(folder):
            config = preprocessing(folder)
        else:
            try:
                config = json.loads((folder / "preprocessor_config.json").read_text("utf-8"))
            except (OSError, ValueError) as error:
                raise ClassifierError(
                    f"{folder.name} has no preprocessor_config.json", "add it to the model"
                ) from error
        size = config.get("size", 224)
        if isinstance(size, int):
            size = {"height": size, "width": size}
        self._short: int | None = size.get("shortest_edge")
        self._size = (size.get("width", 0), size.get("height", 0))
        crop = config.get("crop_size") or {}
        if isinstance(crop, int):
            crop = {"height": crop, "width": crop}
        self._crop = (crop["width"], crop["height"]) if config.get("do_center_crop") else None
        self._resample = Image.Resampling(config.get("resample", Image.Resampling.BILINEAR))
        self._scale = np.float32(config.get("rescale_factor", 1 / 255))
        normal = config.get("do_normalize", True)
        self._mean = np.array(config.get("image_mean", [0.5] * 3) if normal else [0] * 3)
        self._deviation = np.array(config.get("image_std", [0.5] * 3) if normal else [1] * 3)

    def __call__(self, pixels: Pixels) -> NDArray[np.float32]:
        """``float32 [T, 3, h, w]`` of ``uint8 [T, H, W, 3]``."""
        return np.stack([self._one(frame) for frame in pixels])

    def _one(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        from PIL import Image

        image = Image.fromarray(np.ascontiguousarray(frame))
        if self._short:
            scale = self._short / min(image.size)
            size = (round(image.width * scale), round(image.height * scale))
        else:
            size = self._size
        image = image.resize(size, self._resample)
        if self._crop:
            x, y = (image.width - self._crop[0]) // 2, (image.height - self._crop[1]) // 2
            image = image.crop((x, y, x + self._crop[0], y + self._crop[1]))
        values = np.asarray(image, np.float32) * self._scale
        return ((values - self._mean) / self._deviation).astype(np.float32).transpose(2, 0, 1)


def columns_of(
    model: str, names: Mapping[int, str], labels: Mapping[str, str]
) -> dict[str, list[int]]:
    """Which outputs make up each category; raises ``ClassifierError`` for a label without one."""
    unmapped = sorted(set(names.values()) - set(labels))
    if unmapped:
        raise ClassifierError(
            f"{model}: no category for {', '.join(unmapped)}",
            "map every label; an empty category is harmless",
        )
    columns: dict[str, list[int]] = {}
    for index, label in names.items():
        if category := labels[label]:
            columns.setdefault(category, []).append(index)
    return columns


class ImageClassifier:
    """Any image classifier of transformers. Every label must be mapped: what a model says must
    not be lost because nobody thought of it."""

    def __init__(self, folder: Path, labels: Mapping[str, str]) -> None:
        self._prepare = Preparation(folder)
        self._model = load_transformers("AutoModelForImageClassification", folder)
        names = {int(k): str(name) for k, name in self._model.config.id2label.items()}
        self._columns = columns_of(folder.name, names, labels)
        self._several = self._model.config.problem_type == "multi_label_classification"

    def score(self, pixels: Pixels) -> Mapping[str, NDArray[np.floating[Any]]]:
        """Scores in [0, 1], ``[T]`` for each category, of ``uint8 [T, H, W, 3]``."""
        import torch

        with torch.inference_mode():
            logits = self._model(torch.from_numpy(self._prepare(pixels))).logits.float()
            share = logits.sigmoid() if self._several else logits.softmax(-1)
        found = share.numpy().astype(np.float64)
        if not np.isfinite(found).all():
            raise ValueError("the model gave scores that are no numbers")
        return {
            category: np.clip(
                found[:, columns].max(1) if self._several else found[:, columns].sum(1), 0, 1
            )
            for category, columns in self._columns.items()
        }
