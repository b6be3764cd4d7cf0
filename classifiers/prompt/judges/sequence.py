"""Any transformers sequence classifier as a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from classifiers.prompt.judges.base import JudgeBase, JudgeVerdict, check_model

SAFE_LABELS = frozenset(("safe", "ok", "benign", "neutral", "normal", "not_toxic", "label_0"))


class SequenceClassifierJudge(JudgeBase):
    """``labels`` maps the model's labels to categories; what it leaves out is ``unsafe``.

    A model with one label per text (softmax) and one with several (sigmoid) are told apart by
    ``problem_type`` in its configuration, as transformers does. Texts are cut at
    ``max_tokens``. Raises the errors of ``check_model`` when it is made.
    """

    name = "judge:sequence"

    def __init__(
        self,
        model: str,
        revision: str | None = None,
        labels: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        max_tokens: int = 512,
        device: str = "cpu",
    ) -> None:
        source, digest = check_model(model, revision)
        self.weights = (digest,)
        self._labels = {k.lower(): v for k, v in (labels or {}).items()}
        self._max_tokens = max_tokens
        self._device = device
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self._tokenizer = AutoTokenizer.from_pretrained(source, revision=revision)
        self._model = (
            AutoModelForSequenceClassification.from_pretrained(
                source, revision=revision, use_safetensors=True, trust_remote_code=False
            )
            .eval()
            .to(device)
        )
        super().__init__(timeout)

    def verdicts(self, prompts: Sequence[str]) -> list[JudgeVerdict]:
        import torch

        encoded = self._tokenizer(
            list(prompts),
            return_tensors="pt",
            padding=True,
            truncation=True,
            max_length=self._max_tokens,
        ).to(self._device)
        with torch.inference_mode():
            logits = self._model(**encoded).logits.float()
        several = self._model.config.problem_type == "multi_label_classification"
        chances = logits.sigmoid() if several else logits.softmax(-1)
        names = [self._model.config.id2label[i].lower() for i in range(chances.shape[-1])]
        found = []
        for row in chances.tolist():
            categories: dict[str, float] = {}
            harmful = []
            for label, chance in zip(names, row, strict=True):
                if label in SAFE_LABELS:
                    continue
                harmful.append(chance)
                category = self._labels.get(label)
                if category is not None and category != "unsafe":
                    categories[category] = max(chance, categories.get(category, 0.0))
            total = max(harmful, default=0.0) if several else min(sum(harmful), 1.0)
            found.append(JudgeVerdict(total, categories))
        return found
