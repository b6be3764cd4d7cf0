"""The fine-tuned encoder: multilingual-e5-small with one head per category, int8 on the CPU.

Scores reproduce: activations have fixed scales, every text is padded to a width that depends on
itself alone, and only texts of one width share a call. Integer products are exact, so the same
text has the same score, whatever the batch, its order and the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WINDOW = 64
"""Tokens of one text that are read, the two marks at its ends included."""
STEP = 8
"""Texts are padded to a multiple of it, so that several can share a call."""
BATCH_TOKENS = 1_024
"""Tokens in one call of the model: larger batches gain nothing on a CPU."""
BLOCK = 32
"""Weights of a word vector that share one scale (q4_0)."""


class EncoderScorer:
    """Scores texts of at most :data:`WINDOW` tokens; longer ones are cut (see :meth:`tokens`).

    ``embeddings`` holds ``word`` uint8 [pieces, blocks, 18] (q4_0) and ``place`` float32
    [positions, 384]; ``heads`` holds ``head`` float32 [heads, 384] and ``bias`` float32 [heads].
    ``threads`` is the number of cores one call may use. Thread-safe.
    """

    name = "encoder"
    heads: tuple[str, ...] = ()

    def __init__(
        self, model: Path, embeddings: Path, heads: Path, tokenizer: Path, threads: int = 1
    ) -> None:
        # Loaded here: settings and help texts must not wait for a model's libraries.
        import onnxruntime as ort
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # idle threads that spin would steal the cores that render and encode
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = ort.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"],
            # the fused operator is not vectorised and several times slower than its parts
            disabled_optimizers=["SkipLayerNormFusion"],
        )  # fmt: skip
        tables, found = load_file(embeddings), load_file(heads)
        self._word, self._place = tables["word"], tables["place"]
        # heads in double precision: their sums then round to the same float32 in any order
        self._head = found["head"].astype(np.float64).T
        self._bias = found["bias"].astype(np.float64)
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    @property
    def width(self) -> int:
        return len(self._bias)

    def tokens(self, text: str) -> list[tuple[int, int]]:
        """Where each token of a text starts and ends, in characters."""
        encoded = self._tokenizer.encode(_clean(text), add_special_tokens=False)
        return [(int(start), int(end)) for start, end in encoded.offsets]

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Logits, float32 [len(texts), heads]."""
        logits = self.pooled(texts).astype(np.float64) @ self._head + self._bias
        return logits.astype(np.float32)

    def pooled(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Mean of the last hidden states, float32 [len(texts), 384]."""
        found = np.empty((len(texts), self._place.shape[1]), np.float32)
        for row, states in self._states(texts):
            found[row] = states.mean(0)
        return found

    def hidden(self, texts: Sequence[str]) -> list[NDArray[np.float16]]:
        """The last hidden states of each text, float16 [tokens, 384]; for training."""
        found = dict(self._states(texts))
        return [found[row].astype(np.float16) for row in range(len(texts))]

    def _states(self, texts: Sequence[str]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """The number of a text and its last hidden states, float32 [tokens, 384]."""
        encoded = [_cut(e.ids) for e in self._tokenizer.encode_batch([_clean(t) for t in texts])]
        by_width: dict[int, list[int]] = {}
        for row, ids in enumerate(encoded):
            by_width.setdefault(-(-len(ids) // STEP) * STEP, []).append(row)
        for width, rows in by_width.items():
            size = max(1, BATCH_TOKENS // width)
            for start in range(0, len(rows), size):
                part = rows[start : start + size]
                yield from zip(part, self._run([encoded[row] for row in part], width), strict=True)

    def _run(self, encoded: Sequence[Sequence[int]], width: int) -> list[NDArray[np.float32]]:
        embedded = np.zeros((len(encoded), width, self._place.shape[1]), np.float32)
        lengths = np.array([len(ids) for ids in encoded], np.int32)
        for row, ids in enumerate(encoded):
            embedded[row, : len(ids)] = self._vectors(ids) + self._place[: len(ids)]
        (hidden,) = self._session.run(None, {"embedded": embedded, "length": lengths})
        return [one[:n] for one, n in zip(hidden, lengths, strict=True)]

    def _vectors(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Word vectors, float32 [len(ids), 384]: 16 bytes hold 32 weights, low halves first."""
        packed = self._word[np.asarray(ids)]
        scale = np.ascontiguousarray(packed[:, :, :2]).view("<f2").astype(np.float32)
        low, high = packed[:, :, 2:] & 15, packed[:, :, 2:] >> 4
        weights = np.concatenate([low, high], axis=2).astype(np.float32) - 8
        return (weights * scale).reshape(len(ids), -1)


def _cut(ids: list[int]) -> list[int]:
    # the mark at the end stays
    return ids if len(ids) <= WINDOW else [*ids[: WINDOW - 1], ids[-1]]


def _clean(text: str) -> str:
    # the tokenizer's Rust side refuses lone surrogates
    return text.encode("utf-8", "replace").decode("utf-8")
