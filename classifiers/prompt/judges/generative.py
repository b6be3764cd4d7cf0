"""Generative guards: models that are asked, and answer in words.

Each family has its own way to be asked and to answer. The question is put through the
tokenizer's own chat template, which the published models carry; parsing is strict, and an
answer that does not fit is a failure, never a pass. Formats after the model cards of Llama
Guard 3 and 4, Qwen3Guard, ShieldGemma, WildGuard and gpt-oss-safeguard.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from classifiers.prompt.judges.base import JudgeBase, JudgeFailed, JudgeVerdict, check_model
from policies.taxonomy import CATEGORIES

MLCOMMONS = {code: c.id for c in reversed(list(CATEGORIES.values())) for code in c.mlcommons}
"""S1 to S14 as categories of the taxonomy."""
QWEN = {
    "violent": "violence",
    "non-violent illegal acts": "illicit",
    "sexual content or sexual acts": "sexual",
    "pii": "privacy",
    "personally identifiable information": "privacy",
    "suicide & self-harm": "self_harm",
    "unethical acts": "harassment",
    "politically sensitive topics": "elections",
    "copyright violation": "intellectual_property",
    "jailbreak": "code_abuse",
}
CONTROVERSIAL = 0.6
"""Qwen3Guard's middle answer: harmful by a strict policy, harmless by a loose one."""

Message = dict[str, str]


def parse_llama_guard(answer: str) -> JudgeVerdict:
    """``safe``, or ``unsafe`` and a line of codes."""
    lines = [line.strip() for line in answer.strip().splitlines() if line.strip()]
    if lines and lines[0].lower() == "safe":
        return JudgeVerdict(0.0)
    if not lines or lines[0].lower() != "unsafe":
        raise JudgeFailed("no verdict in the answer", "judge_answer")
    codes = re.findall(r"S\d+", " ".join(lines[1:]))
    return JudgeVerdict(1.0, {MLCOMMONS[c]: 1.0 for c in codes if c in MLCOMMONS})


def parse_qwen3guard(answer: str) -> JudgeVerdict:
    """``Safety: Safe|Controversial|Unsafe`` and ``Categories: …``."""
    found = re.search(r"Safety:\s*(Safe|Unsafe|Controversial)\b", answer, re.I)
    if not found:
        raise JudgeFailed("no verdict in the answer", "judge_answer")
    score = {"safe": 0.0, "controversial": CONTROVERSIAL, "unsafe": 1.0}[found.group(1).lower()]
    listed = re.search(r"Categories:\s*(.+)", answer, re.I)
    names = [n.strip().lower() for n in listed.group(1).split(",")] if listed and score else []
    return JudgeVerdict(score, {QWEN[n]: score for n in names if n in QWEN})


def parse_shieldgemma(answer: str) -> JudgeVerdict:
    """``Yes`` means that the guideline is violated, ``No`` that it is not."""
    found = re.match(r"\s*(yes|no)\b", answer, re.I)
    if not found:
        raise JudgeFailed("no verdict in the answer", "judge_answer")
    return JudgeVerdict(1.0 if found.group(1).lower() == "yes" else 0.0)


def parse_wildguard(answer: str) -> JudgeVerdict:
    """``Harmful request: yes|no`` among other lines."""
    found = re.search(r"Harmful request:\s*(yes|no)\b", answer, re.I)
    if not found:
        raise JudgeFailed("no verdict in the answer", "judge_answer")
    return JudgeVerdict(1.0 if found.group(1).lower() == "yes" else 0.0)


def parse_safeguard(answer: str) -> JudgeVerdict:
    """A JSON object with ``violation`` (0 or 1) and ``category``, or a bare 0 or 1."""
    final = answer.rsplit("final<|message|>", 1)[-1]
    found = re.search(r"\{[^{}]*\}", final)
    try:
        if found:
            record = json.loads(found.group())
            violation = int(record["violation"])
            name = str(record.get("category") or "").strip().lower()
        else:
            violation, name = int(final.strip()), ""
    except (ValueError, KeyError, TypeError):
        raise JudgeFailed("no verdict in the answer", "judge_answer") from None
    if violation not in (0, 1):
        raise JudgeFailed("no verdict in the answer", "judge_answer")
    named = {name: 1.0} if violation and name in CATEGORIES else {}
    return JudgeVerdict(float(violation), named)


def _ask(prompt: str, policy: str) -> list[Message]:
    return [{"role": "user", "content": prompt}]


def _ask_wildguard(prompt: str, policy: str) -> list[Message]:
    task = (
        "Judge the request of a human to an AI video generator. Answer with three lines: "
        "'Harmful request: yes/no', 'Response refusal: n/a', 'Harmful response: n/a'."
    )
    return [{"role": "user", "content": f"{task}\n\nHuman user:\n{prompt}\n\nAI assistant:\nNone"}]


def _ask_shieldgemma(prompt: str, policy: str) -> list[Message]:
    rules = policy or "The prompt must not ask for sexual, violent, hateful or illegal content."
    task = (
        "You are a policy expert. Decide whether the human question violates the safety "
        f"principles.\n\nHuman Question: {prompt.strip()}\n\nPrinciples:\n{rules}\n\n"
        "Your answer must start with 'Yes' or 'No'."
    )
    return [{"role": "user", "content": task}]


def _ask_safeguard(prompt: str, policy: str) -> list[Message]:
    names = ", ".join(name for name in CATEGORIES if name != "unsafe")
    task = (
        f"{policy or 'Refuse harmful requests to a video generator.'}\n\nClassify the user's "
        'prompt by this policy. Answer with JSON only: {"violation": 0 or 1, "category": one of '
        f"{names}, or null}}"
    )
    return [{"role": "system", "content": task}, {"role": "user", "content": prompt}]


@dataclass(frozen=True, slots=True)
class GuardFamily:
    """How to ask a family and how to read its answer."""

    name: str
    ask: Callable[[str, str], list[Message]]
    parse: Callable[[str], JudgeVerdict]
    new_tokens: int


FAMILIES: Mapping[str, GuardFamily] = {
    family.name: family
    for family in (
        GuardFamily("llama_guard", _ask, parse_llama_guard, 24),
        GuardFamily("qwen3guard", _ask, parse_qwen3guard, 64),
        GuardFamily("shieldgemma", _ask_shieldgemma, parse_shieldgemma, 4),
        GuardFamily("wildguard", _ask_wildguard, parse_wildguard, 32),
        GuardFamily("gpt_oss_safeguard", _ask_safeguard, parse_safeguard, 512),
    )
}


class GenerativeGuard(JudgeBase):
    """One guard model. ``policy`` is the text that ShieldGemma and gpt-oss-safeguard judge by.

    Answers are decoded greedily, so that the same prompt gets the same verdict. Raises
    ``KeyError`` for an unknown family and the errors of ``check_model`` when it is made.
    """

    def __init__(
        self,
        family: str,
        model: str,
        revision: str | None = None,
        policy: str = "",
        timeout: float = 30.0,
        device: str = "cpu",
    ) -> None:
        self._family = FAMILIES[family]
        self.name = f"judge:{family}"
        source, digest = check_model(model, revision)
        self.weights = (digest,)
        self._policy = policy
        self._device = device
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self._tokenizer = AutoTokenizer.from_pretrained(source, revision=revision)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            source, revision=revision, use_safetensors=True, trust_remote_code=False
        )
        self._model = loaded
        self._model.to(device)
        self._model.eval()
        super().__init__(timeout)

    def answer(self, prompt: str) -> str:
        """The model's words, special tokens left out except the channel marks of gpt-oss."""
        import torch

        messages = self._family.ask(prompt, self._policy)
        if self._tokenizer.chat_template:
            text = self._tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True
            )
        else:
            text = "\n\n".join(m["content"] for m in messages) + "\n\n"
        encoded = self._tokenizer(text, return_tensors="pt", add_special_tokens=False)
        encoded = encoded.to(self._device)
        with torch.inference_mode():
            out = self._model.generate(
                **encoded,
                max_new_tokens=self._family.new_tokens,
                do_sample=False,
                pad_token_id=self._tokenizer.pad_token_id or self._tokenizer.eos_token_id or 0,
            )
        keep_marks = self._family.name == "gpt_oss_safeguard"
        new = out[0][encoded["input_ids"].shape[1] :]
        return str(self._tokenizer.decode(new, skip_special_tokens=not keep_marks))

    def verdicts(self, prompts: Sequence[str]) -> list[JudgeVerdict]:
        return [self._family.parse(self.answer(prompt)) for prompt in prompts]
