"""The multilingual encoder in torch: what is trained and what is exported.

A BERT (Devlin et al., 2019) of the shape of multilingual-e5-small, mean pooling, one linear
head per category. Attention is written out: under bf16 autocast the matrix products then run
on the processor's own units, and its backward pass is several times faster than the fused one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from classifiers.prompt.encoder import WINDOW
from classifiers.prompt.heads import HEADS
from classifiers.prompt.training.base_e5 import dequantised

HIDDEN, INNER, ATTENTION_HEADS, EPSILON = 384, 1536, 12, 1e-12


class Layer(nn.Module):
    """One post-norm transformer layer over hidden states [N, T, 384]."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(HIDDEN, 3 * HIDDEN)
        self.attended = nn.Linear(HIDDEN, HIDDEN)
        self.norm1 = nn.LayerNorm(HIDDEN, eps=EPSILON)
        self.widen = nn.Linear(HIDDEN, INNER)
        self.narrow = nn.Linear(INNER, HIDDEN)
        self.norm2 = nn.LayerNorm(HIDDEN, eps=EPSILON)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor, added: Tensor) -> Tensor:
        """``added`` [N, 1, 1, T] is 0 for a token and very negative for padding."""
        n, t, _ = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, ATTENTION_HEADS, -1).permute(2, 0, 3, 1, 4)
        weight = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + added).softmax(-1)
        seen = (weight.to(v.dtype) @ v).transpose(1, 2).reshape(n, t, HIDDEN)
        x = self.norm1(x + self.drop(self.attended(seen)))
        return self.norm2(x + self.drop(self.narrow(nn.functional.gelu(self.widen(x)))))


class PromptEncoder(nn.Module):
    """Token ids [N, T] and mask [N, T] (int64) to logits [N, heads]."""

    def __init__(self, base: Path, layers: int) -> None:
        super().__init__()
        arrays = load_file(base / "encoder.safetensors")
        word = dequantised(load_file(base / "embeddings.safetensors")["word"])
        self.word = nn.Embedding(len(word), HIDDEN, _weight=torch.from_numpy(word), _freeze=True)
        place = arrays["emb.pos"] + arrays["emb.type"].reshape(-1, HIDDEN)[:1]
        self.place = nn.Parameter(torch.from_numpy(place), requires_grad=False)
        self.norm0 = nn.LayerNorm(HIDDEN, eps=EPSILON)
        self.layers = nn.ModuleList(Layer() for _ in range(layers))
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(HIDDEN, len(HEADS))
        _set(self.norm0, arrays["emb.ln.w"], arrays["emb.ln.b"])
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            _fill(
                layer,
                {k.split(".", 1)[1]: v for k, v in arrays.items() if k.startswith(f"l{number}.")},
            )

    def embed(self, ids: Tensor) -> Tensor:
        """Hidden states [N, T, 384] before the first layer."""
        return self.norm0(self.word(ids) + self.place[: ids.shape[1]])

    def run(self, hidden: Tensor, mask: Tensor, first: int, last: int) -> Tensor:
        """Layers ``first`` to ``last`` (not included)."""
        added = torch.where(mask[:, None, None, :] > 0, 0.0, -1e4)
        for layer in self.layers[first:last]:
            hidden = layer(hidden, added)
        return hidden

    def judge(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Mean over the tokens of the last hidden states, then the heads, in float32."""
        return self.head(self.drop(pool(hidden, mask)))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self.judge(self.run(self.embed(ids), mask, 0, len(self.layers)), mask)


def pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """Mean over the tokens, float32 [N, 384]."""
    kept = mask.unsqueeze(-1).float()
    return (hidden.float() * kept).sum(1) / kept.sum(1).clamp(min=1)


def padded(encoded: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Token lists as ids and mask, int64 [N, longest]."""
    width = max(map(len, encoded))
    ids = torch.ones(len(encoded), width, dtype=torch.long)
    mask = torch.zeros(len(encoded), width, dtype=torch.long)
    for row, one in enumerate(encoded):
        ids[row, : len(one)] = torch.as_tensor(one)
        mask[row, : len(one)] = 1
    return ids, mask


def tokenizer_of(base: Path) -> Tokenizer:
    """The pruned tokenizer, cut to the window of run time."""
    made = Tokenizer.from_file(str(base / "tokenizer.json"))
    made.enable_truncation(WINDOW)
    made.no_padding()
    return made


def _set(module: nn.Module, weight: NDArray[np.generic], bias: NDArray[np.generic]) -> None:
    module.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})


def _fill(layer: Layer, found: dict[str, NDArray[np.generic]]) -> None:
    _set(
        layer.qkv,
        np.concatenate([found[f"{p}.w"] for p in "qkv"]),
        np.concatenate([found[f"{p}.b"] for p in "qkv"]),
    )
    _set(layer.attended, found["ao.w"], found["ao.b"])
    _set(layer.norm1, found["aln.w"], found["aln.b"])
    _set(layer.widen, found["fi.w"], found["fi.b"])
    _set(layer.narrow, found["fo.w"], found["fo.b"])
    _set(layer.norm2, found["oln.w"], found["oln.b"])
