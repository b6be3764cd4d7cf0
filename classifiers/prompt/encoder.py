"""The fine-tuned encoder: MiniLM-L6 with one head per category, int8 ONNX on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.prompt.heads import HEADS

WINDOW = 64
"""Tokens in a window; nine in ten prompts fit into one."""
BATCH_TOKENS = 2_048
"""Tokens in one call of the model, padding included: larger batches gain nothing on a CPU."""


class EncoderScorer:
    """Scores texts of at most :data:`WINDOW` tokens; longer ones are cut (see ``windows``).

    ``threads`` is the number of cores one call may use.
    """

    name = "encoder"

    def __init__(self, model: Path, tokenizer: Path, threads: int = 1) -> None:
        # Loaded here: settings and help texts must not wait for a model's libraries.
        import onnxruntime as ort
        from tokenizers import Tokenizer

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # idle threads that spin would steal the cores that render and encode
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = ort.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.enable_truncation(WINDOW)
        self._tokenizer.no_padding()

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Logits, float32 [len(texts), heads]. About 3 ms for a caption on one core."""
        encoded = [e.ids for e in self._tokenizer.encode_batch([_clean(t) for t in texts])]
        logits = np.empty((len(texts), len(HEADS)), np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(encoded[i]))
        start = 0
        while start < len(order):
            end = start + 1
            while end < len(order) and len(encoded[order[end]]) * (end + 1 - start) <= BATCH_TOKENS:
                end += 1
            rows = order[start:end]
            width = max(len(encoded[i]) for i in rows)
            ids = np.zeros((len(rows), width), np.int64)
            mask = np.zeros((len(rows), width), np.int64)
            for at, i in enumerate(rows):
                ids[at, : len(encoded[i])] = encoded[i]
                mask[at, : len(encoded[i])] = 1
            logits[rows] = self._session.run(None, {"ids": ids, "mask": mask})[0]
            start = end
        return logits


def _clean(text: str) -> str:
    # the tokenizer's Rust side refuses lone surrogates
    return text.encode("utf-8", "replace").decode("utf-8")
