"""One pass of a CLIP picture encoder, many heads on its embedding.

Heads by words (zero-shot prompts that the trust-and-safety team writes) and trained linear
heads (Q16, violence, UniversalFakeDetect, watermark) share the cost of one encoder.
Radford et al., 2021; Schramowski et al., 2022 (Q16); Ojha et al., 2023 (UniversalFakeDetect).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.errors import ClassifierError
from classifiers.frame.models import Head, ModelSpec, Preparation, load_transformers
from classifiers.frame.open_clip import is_open_clip, load
from media.clip import Pixels

Vector = NDArray[np.float64]

_SOFT_PROMPT_SCALE = 100.0
"""CLIP's logit scale after training, which Q16's prompts were tuned with."""


class ClipHeads:
    """A CLIP or SigLIP model of transformers, or a plain one of open_clip, with the heads of
    ``spec``; ``pin`` finds heads' files."""

    def __init__(self, folder: Path, spec: ModelSpec, pin: Callable[[str], Path]) -> None:
        self._prepare = Preparation(folder)
        ours = is_open_clip(folder)
        self._model = load(folder) if ours else load_transformers("AutoModel", folder)
        if not hasattr(self._model, "get_image_features"):
            raise ClassifierError(f"{folder.name} is no CLIP model", "use kind = 'classifier'")
        self._heads: list[tuple[str, Callable[[Vector], Vector]]] = []
        scale = float(self._model.logit_scale.detach().exp())
        for category, words in spec.zero_shot.items():
            shows = self._embed_words(folder, words.shows)
            instead = self._embed_words(folder, words.instead)
            self._heads.append((category, _by_words(shows, instead, scale)))
        for head in spec.heads:
            self._heads.append((head.category, _linear(head, pin(head.weights))))

    def _embed_words(self, folder: Path, texts: tuple[str, ...]) -> Vector:
        import torch
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        longest = self._model.config.text_config.max_position_embeddings
        # SigLIP reads the embedding behind the padding, so it must be as long as in training.
        whole = str(self._model.config.model_type).startswith("siglip")
        batch = tokenizer(
            list(texts),
            padding="max_length" if whole else True,
            truncation=True,
            max_length=longest,
            return_tensors="pt",
        )
        wanted = {k: batch[k] for k in ("input_ids", "attention_mask") if k in batch}
        with torch.inference_mode():
            found = _tensor(self._model.get_text_features(**wanted))
        return _unit(found.float().numpy().astype(np.float64))

    def embed(self, pixels: Pixels) -> Vector:
        """Embeddings ``float64 [T, D]`` of ``uint8 [T, H, W, 3]``."""
        import torch

        with torch.inference_mode():
            found = _tensor(
                self._model.get_image_features(pixel_values=torch.from_numpy(self._prepare(pixels)))
            )
        embedding = found.float().numpy().astype(np.float64)
        if not np.isfinite(embedding).all():
            raise ValueError("the model gave an embedding that is no number")
        return np.asarray(embedding)

    def score(self, pixels: Pixels) -> Mapping[str, NDArray[np.floating[Any]]]:
        """Scores in [0, 1], ``[T]`` for each category; of two heads the higher."""
        embedding = self.embed(pixels)
        scores: dict[str, Vector] = {}
        for category, head in self._heads:
            value = np.clip(head(embedding), 0, 1)
            scores[category] = np.maximum(scores[category], value) if category in scores else value
        return scores


def _tensor(output: Any) -> Any:
    """The embedding itself: newer releases of transformers wrap it."""
    return getattr(output, "pooler_output", output)


def _unit(vectors: Vector) -> Vector:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _softmax(logits: Vector) -> Vector:
    share = np.exp(logits - logits.max(-1, keepdims=True))
    return share / share.sum(-1, keepdims=True)


def _by_words(shows: Vector, instead: Vector, scale: float) -> Callable[[Vector], Vector]:
    words = np.concatenate([shows, instead])
    return lambda x: _softmax(scale * _unit(x) @ words.T)[:, : len(shows)].sum(1)


def _linear(head: Head, file: Path) -> Callable[[Vector], Vector]:
    weight, bias = _read(file)
    if weight.ndim == 2 and len(weight) == 2:
        prompts = _unit(weight)
        return lambda x: _softmax(_SOFT_PROMPT_SCALE * _unit(x) @ prompts.T)[:, 1]
    flat = weight.reshape(-1)

    def probability(x: Vector) -> Vector:
        if flat.size == x.shape[1] + 1:
            own, offset = flat[:-1], float(flat[-1])
        elif flat.size == x.shape[1]:
            own, offset = flat, bias
        else:
            raise ClassifierError(
                f"{head.weights} has {flat.size} numbers for an embedding of {x.shape[1]}",
                "use the head with the encoder that it was trained on",
            )
        value = (_unit(x) if head.normalise else x) @ own + offset
        return 1 / (1 + np.exp(-np.clip(value, -60, 60)))

    return probability


def _read(file: Path) -> tuple[Vector, float]:
    if file.suffix == ".npy":
        return np.load(file, allow_pickle=False).astype(np.float64), 0.0
    from safetensors.numpy import load_file

    tensors = load_file(file)
    weights = [value for name, value in tensors.items() if name.endswith("weight")]
    biases = [value for name, value in tensors.items() if name.endswith("bias")]
    if len(weights) != 1:
        raise ClassifierError(f"{file.name} has no single weight", "save `weight` and `bias`")
    bias = float(biases[0].reshape(-1)[0]) if biases else 0.0
    return weights[0].astype(np.float64), bias
