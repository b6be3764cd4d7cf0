"""A vision-language model as judge: it is shown a frame and a policy, and answers yes or no.

For models such as ShieldGemma 2 and Llama Guard 4: the score is the share of the token for
"yes" among both answers' tokens at the first position of the answer (ShieldGemma 2, 2025).
Slow: seconds a frame on a CPU. Meant for a GPU and few frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.errors import ClassifierError, RuntimeMissing
from classifiers.frame.models import ModelSpec, load_transformers
from media.clip import Pixels


class VisionJudge:
    """Asks each policy of ``spec`` about each frame."""

    def __init__(self, folder: Path, spec: ModelSpec) -> None:
        self._spec = spec
        self._model = load_transformers("AutoModelForImageTextToText", folder)
        try:
            from transformers import AutoProcessor

            self._processor = AutoProcessor.from_pretrained(  # type: ignore[no-untyped-call]
                folder, local_files_only=True, trust_remote_code=False
            )
        except ImportError as error:
            raise RuntimeMissing(
                f"{folder.name}: its processor needs another library: {str(error)[:120]}",
                "install what it names",
            ) from error
        except (OSError, ValueError, KeyError) as error:
            raise ClassifierError(
                f"{folder.name}: no processor: {str(error)[:200]}", "bring the whole model"
            ) from error
        self._yes, self._no = self._token(spec.yes), self._token(spec.no)
        if self._yes == self._no:
            raise ClassifierError(f"{folder.name}: both answers are one token", "set yes and no")

    def _token(self, word: str) -> int:
        tokenizer = self._processor.tokenizer
        found = tokenizer(word, add_special_tokens=False)["input_ids"]
        unknown = tokenizer.unk_token_id
        if not found or (unknown is not None and found[0] == unknown):
            raise ClassifierError(f"the model has no token for {word!r}", "set yes and no")
        return int(found[0])

    def score(self, pixels: Pixels) -> Mapping[str, NDArray[np.floating[Any]]]:
        """Scores in [0, 1], ``[T]`` for each category."""
        return {
            category: np.array([self._ask(frame, policy) for frame in pixels])
            for category, policy in self._spec.policies.items()
        }

    def _ask(self, frame: NDArray[np.uint8], policy: str) -> float:
        import torch
        from PIL import Image

        content = [{"type": "image"}, {"type": "text", "text": policy}]
        text = self._processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
        )
        image = Image.fromarray(np.ascontiguousarray(frame))
        inputs = self._processor(images=image, text=text, return_tensors="pt")
        with torch.inference_mode():
            logits = self._model(**inputs).logits[0, -1].float()
        both = torch.stack([logits[self._yes], logits[self._no]]).double()
        return float(both.softmax(0)[0])
