"""The fine-tuned encoder: MiniLM-L6 with one head per category, int8 ONNX on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.prompt.heads import HEADS

WINDOW = 64
"""Tokens in a window; nine in ten prompts fit into one."""


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
        self._whole = Tokenizer.from_file(str(tokenizer))
        self._whole.no_truncation()

    def tokens(self, text: str) -> list[tuple[int, int]]:
        """Where each token of a text starts and ends, in characters."""
        encoded = self._whole.encode(_clean(text), add_special_tokens=False)
        return [(int(start), int(end)) for start, end in encoded.offsets]

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Logits, float32 [len(texts), heads]. About 3 ms for a caption on one core.

        Each text runs alone: the int8 activations take their scale from all that runs together,
        so that a neighbour would change the score.
        """
        logits = np.empty((len(texts), len(HEADS)), np.float32)
        for row, encoded in enumerate(self._tokenizer.encode_batch([_clean(t) for t in texts])):
            ids = np.array([encoded.ids], np.int64)
            logits[row] = self._session.run(None, {"ids": ids, "mask": np.ones_like(ids)})[0][0]
        return logits


def _clean(text: str) -> str:
    # the tokenizer's Rust side refuses lone surrogates
    return text.encode("utf-8", "replace").decode("utf-8")
