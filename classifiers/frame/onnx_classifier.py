"""Image classifiers as ONNX graphs, in the folder layout of optimum and transformers.js.

``model.onnx`` (or ``onnx/model.onnx``) takes ``float32 [T, 3, h, w]`` and gives logits ``[T, K]``;
``config.json`` names the K labels under ``id2label``. One label alone is a probability by the
logistic function, as detectors of generated pictures have it; of several, one is right, unless
``problem_type`` says ``multi_label_classification``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.errors import ClassifierError
from classifiers.frame.models import Preparation, columns_of
from media.clip import Pixels

_PLACES = ("model.onnx", "onnx/model.onnx")


def onnx_file(folder: Path) -> Path | None:
    """The graph of a folder that holds one and no safetensors, or None."""
    if any(folder.rglob("*.safetensors")):
        return None
    return next((folder / place for place in _PLACES if (folder / place).is_file()), None)


class OnnxClassifier:
    """A graph with the labels of its ``config.json``, each mapped to a category or to none."""

    def __init__(self, folder: Path, labels: Mapping[str, str], threads: int = 1) -> None:
        import onnxruntime

        self._prepare = Preparation(folder)
        file = onnx_file(folder)
        try:
            config = json.loads((folder / "config.json").read_text("utf-8"))
            names = {int(k): str(name) for k, name in config["id2label"].items()}
            assert file is not None, "whoever loads this has looked"
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = threads
            options.inter_op_num_threads = 1
            # From bytes: a graph that keeps tensors in further files would read what nobody pinned.
            self._session = onnxruntime.InferenceSession(
                file.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise ClassifierError(
                f"{folder.name} cannot be loaded: {str(error)[:200]}",
                "bring model.onnx in one file, with config.json (id2label)",
            ) from error
        self._count = len(names)
        self._several = (
            config.get("problem_type") == "multi_label_classification" or self._count == 1
        )
        self._columns = columns_of(folder.name, names, labels)
        self._input = self._session.get_inputs()[0].name

    def score(self, pixels: Pixels) -> Mapping[str, NDArray[np.floating[Any]]]:
        """Scores in [0, 1], ``[T]`` for each category, of ``uint8 [T, H, W, 3]``."""
        logits = np.asarray(
            self._session.run(None, {self._input: self._prepare(pixels)})[0], np.float64
        )
        if logits.shape != (len(pixels), self._count) or not np.isfinite(logits).all():
            raise ValueError(
                f"the model gave {logits.shape} for {len(pixels)} pictures of {self._count} labels,"
                " or no numbers"
            )
        if self._several:
            share = 1 / (1 + np.exp(-np.clip(logits, -60, 60)))
        else:
            share = np.exp(logits - logits.max(1, keepdims=True))
            share /= share.sum(1, keepdims=True)
        return {
            category: share[:, columns].max(1) if self._several else share[:, columns].sum(1)
            for category, columns in self._columns.items()
        }
