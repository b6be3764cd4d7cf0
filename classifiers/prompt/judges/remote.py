"""Any service with the OpenAI moderations endpoint as a judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from classifiers.prompt.judges.base import JudgeBase, JudgeFailed, JudgeVerdict
from policies.taxonomy import CATEGORIES

OPENAI = {name: c.id for c in reversed(list(CATEGORIES.values())) for name in c.openai}
"""OpenAI's category names as categories of the taxonomy."""
MAX_ANSWER_BYTES = 4_000_000


class RemoteModerations(JudgeBase):
    """``POST {base_url}/moderations`` with ``{"model", "input": [texts]}``.

    Prompts leave the machine: use it only where that is allowed. ``api_key`` goes into the
    bearer header and nowhere else.
    """

    name = "judge:moderations"

    def __init__(
        self, base_url: str, model: str = "", api_key: str = "", timeout: float = 5.0
    ) -> None:
        self._url = base_url.rstrip("/") + "/moderations"
        self._model = model
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(headers=headers, timeout=timeout)
        super().__init__(timeout + 1.0)

    def verdicts(self, prompts: Sequence[str]) -> list[JudgeVerdict]:
        body: dict[str, Any] = {"input": list(prompts)}
        if self._model:
            body["model"] = self._model
        try:
            answer = self._client.post(self._url, json=body)
            answer.raise_for_status()
        except httpx.TimeoutException:
            raise JudgeFailed("the service did not answer in time", "timeout") from None
        except httpx.HTTPError as error:
            raise JudgeFailed(f"the service failed: {type(error).__name__}") from error
        if len(answer.content) > MAX_ANSWER_BYTES:
            raise JudgeFailed("the answer is too large", "judge_answer")
        try:
            results = answer.json()["results"]
            return [_verdict(result) for result in results]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise JudgeFailed("the answer is of another form", "judge_answer") from error


def _verdict(result: dict[str, Any]) -> JudgeVerdict:
    scores = {name: float(score) for name, score in result["category_scores"].items()}
    categories: dict[str, float] = {}
    for name, score in scores.items():
        category = OPENAI.get(name)
        if category is not None:
            categories[category] = max(score, categories.get(category, 0.0))
    unsafe = max(scores.values(), default=0.0)
    return JudgeVerdict(max(unsafe, 0.5) if result["flagged"] else unsafe, categories)
