from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from classifiers.errors import UnsafeWeightsFormat, WeightsMissing
from classifiers.prompt.judges import (
    FAMILIES,
    Band,
    CascadeClassifier,
    GenerativeGuard,
    RemoteModerations,
    SequenceClassifierJudge,
)
from classifiers.prompt.judges.base import JudgeFailed
from policies.decision import CheckStatus, Signal
from tests.waiting import PATIENCE_S

WORDS = ["<pad>", "<unk>", "</s>", "good", "bad", "safe", "unsafe", "yes", "no", "S1", "S12", ":"]


def tokenizer(folder: Path, template: str | None = None) -> None:
    inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, "<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", unk_token="<unk>", eos_token="</s>"
    )
    if template:
        fast.chat_template = template
    fast.save_pretrained(folder)


@pytest.fixture(scope="module")
def guard_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny causal model, taught within a second to call "bad" unsafe and "good" safe."""
    folder = tmp_path_factory.mktemp("guard")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=32, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=64,
        pad_token_id=0, eos_token_id=2, bos_token_id=2,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    at = {w: i for i, w in enumerate(WORDS)}
    rows = torch.tensor(
        [
            [at["good"], at[":"], at["safe"], at["</s>"]],
            [at["bad"], at[":"], at["unsafe"], at["</s>"]],
        ]
    )
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        loss = model(input_ids=rows, labels=rows).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer(folder, "{% for m in messages %}{{ m['content'] }}{% endfor %} :")
    return folder


@pytest.fixture(scope="module")
def classifier_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sequence")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, num_labels=3, id2label={0: "safe", 1: "porn", 2: "gore"},
        label2id={"safe": 0, "porn": 1, "gore": 2},
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder, safe_serialization=True)
    tokenizer(folder)
    return folder


def unsafe(signals: Sequence[Signal]) -> Signal:
    (found,) = [s for s in signals if s.category == "unsafe"]
    return found


def test_a_guard_that_answers_is_heard(guard_folder: Path) -> None:
    guard = GenerativeGuard("llama_guard", str(guard_folder), timeout=PATIENCE_S)
    good, bad = guard.classify(["good", "bad"])
    assert unsafe(good).score == 0.0
    assert unsafe(bad).score == 1.0
    assert unsafe(bad).weights == guard.weights[0]


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"llama_guard"}))
def test_an_answer_of_another_form_is_a_failure_and_no_pass(
    guard_folder: Path, family: str
) -> None:
    guard = GenerativeGuard(family, str(guard_folder), policy="no harm", timeout=PATIENCE_S)
    for signals in guard.classify(["good", "bad"]):
        assert unsafe(signals).status is CheckStatus.FAILED
        assert unsafe(signals).reason == "judge_answer"


@pytest.mark.parametrize(
    ("family", "answer", "score", "category"),
    [
        ("llama_guard", "\n\nsafe", 0.0, None),
        ("llama_guard", "unsafe\nS1,S12", 1.0, "sexual"),
        ("llama_guard", "unsafe\nS4", 1.0, "sexual_minors"),
        ("qwen3guard", "Safety: Safe\nCategories: None", 0.0, None),
        ("qwen3guard", "Safety: Unsafe\nCategories: Violent", 1.0, "violence"),
        ("qwen3guard", "Safety: Controversial\nCategories: PII", 0.6, "privacy"),
        ("shieldgemma", "Yes, because", 1.0, None),
        ("shieldgemma", " No", 0.0, None),
        ("wildguard", "Harmful request: yes\nResponse refusal: n/a", 1.0, None),
        ("gpt_oss_safeguard", '{"violation": 1, "category": "hate"}', 1.0, "hate"),
        ("gpt_oss_safeguard", "analysis …<|channel|>final<|message|>0", 0.0, None),
    ],
)
def test_answers_of_the_families(
    family: str, answer: str, score: float, category: str | None
) -> None:
    verdict = FAMILIES[family].parse(answer)
    assert verdict.unsafe == score
    assert category is None or verdict.categories[category] == score


@pytest.mark.parametrize("family", sorted(FAMILIES))
@pytest.mark.parametrize("answer", ["", "I think it is fine.", "{}", "perhaps", "2", "\ud800"])
def test_nonsense_never_becomes_a_verdict(family: str, answer: str) -> None:
    with pytest.raises(JudgeFailed):
        FAMILIES[family].parse(answer)


def test_a_sequence_classifier_gives_mapped_categories(classifier_folder: Path) -> None:
    judge = SequenceClassifierJudge(
        str(classifier_folder),
        labels={"porn": "sexual", "gore": "gore"},
        timeout=PATIENCE_S,
    )
    (signals,) = judge.classify(["bad bad good"])
    scores = {s.category: s.score for s in signals}
    assert set(scores) == {"unsafe", "sexual", "gore"}
    total = (scores["sexual"] or 0) + (scores["gore"] or 0)
    assert scores["unsafe"] == pytest.approx(total, abs=1e-5)


def test_unpinned_pickled_and_missing_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="revision"):
        SequenceClassifierJudge("somebody/model")
    with pytest.raises(WeightsMissing):
        GenerativeGuard("qwen3guard", str(tmp_path))
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(UnsafeWeightsFormat):
        GenerativeGuard("qwen3guard", str(tmp_path))


def test_a_judge_that_hangs_times_out_and_is_busy_until_it_ends(classifier_folder: Path) -> None:
    judge = SequenceClassifierJudge(str(classifier_folder), timeout=0.2)
    release = threading.Event()
    judge.verdicts = lambda prompts: release.wait(PATIENCE_S) and []  # type: ignore[assignment]
    try:
        assert unsafe(judge.classify(["a"])[0]).reason == "timeout"
        assert unsafe(judge.classify(["a"])[0]).reason == "judge_busy"
    finally:
        release.set()


@pytest.fixture
def service() -> Iterator[tuple[str, dict[str, Any]]]:
    state: dict[str, Any] = {"status": 200, "body": None, "seen": []}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            asked = json.loads(self.rfile.read(size))
            state["seen"].append((self.path, asked, self.headers.get("Authorization")))
            results = [
                {
                    "flagged": "bad" in text,
                    "category_scores": {"violence": 0.9 if "bad" in text else 0.01, "hate": 0.02},
                }
                for text in asked["input"]
            ]
            body = state["body"] or json.dumps({"results": results}).encode()
            self.send_response(state["status"])
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", state
    server.shutdown()


def test_a_moderations_service_is_asked_as_documented(
    service: tuple[str, dict[str, Any]],
) -> None:
    url, state = service
    judge = RemoteModerations(url, model="omni", api_key="secret", timeout=PATIENCE_S)
    good, bad = judge.classify(["good", "bad"])
    assert unsafe(bad).score == 0.9
    assert unsafe(good).score == 0.02
    assert {s.category: s.score for s in bad}["violence"] == 0.9
    path, asked, key = state["seen"][0]
    assert path == "/v1/moderations"
    assert asked == {"model": "omni", "input": ["good", "bad"]}
    assert key == "Bearer secret"


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b"{}"), (200, b"not json"), (200, b'{"results": [{}]}'), (200, b'{"results": []}'),
     (404, b"")],
)  # fmt: skip
def test_a_broken_service_is_a_failed_check(
    service: tuple[str, dict[str, Any]], status: int, body: bytes
) -> None:
    url, state = service
    state.update(status=status, body=body)
    (signals,) = RemoteModerations(url).classify(["good"])
    assert unsafe(signals).status is CheckStatus.FAILED


def test_an_unreachable_service_is_a_failed_check() -> None:
    (signals,) = RemoteModerations("http://127.0.0.1:9", timeout=0.5).classify(["good"])
    assert unsafe(signals).status is CheckStatus.FAILED


class Fixed:
    """A first judge with a known answer."""

    name = "first"
    categories = ("unsafe", "violence")
    weights = ("a" * 64,)

    def __init__(self, score: float | None) -> None:
        self._score = score

    def classify(self, prompts: Sequence[str]) -> list[tuple[Signal, ...]]:
        if self._score is None:
            one: tuple[Signal, ...] = tuple(
                Signal.skipped("first", c, "unsupported_language") for c in self.categories
            )
        else:
            one = tuple(Signal.ran("first", c, self._score) for c in self.categories)
        return [one] * len(prompts)


@pytest.mark.parametrize(("score", "asked"), [(0.05, 0), (0.5, 1), (0.97, 0), (None, 1)])
def test_only_the_uncertain_band_reaches_the_second_judge(
    service: tuple[str, dict[str, Any]], score: float | None, asked: int
) -> None:
    url, state = service
    cascade = CascadeClassifier(
        Fixed(score), RemoteModerations(url, timeout=PATIENCE_S), Band(low=0.3, high=0.9)
    )
    (signals,) = cascade.classify(["bad"])
    assert len(state["seen"]) == asked
    expected = 0.9 if asked else score
    assert unsafe(signals).score == expected


def test_a_failing_second_judge_ends_in_review(service: tuple[str, dict[str, Any]]) -> None:
    import policies
    from policies import Action, Context, Stage, evaluate

    url, state = service
    state["status"] = 503
    first = Fixed(0.5)
    first.categories = tuple(c for c in policies.taxonomy.HARM)
    cascade = CascadeClassifier(first, RemoteModerations(url), Band(low=0.3, high=0.9))
    (signals,) = cascade.classify(["good"])
    assert unsafe(signals).status is CheckStatus.FAILED
    calm = [s if s.category == "unsafe" else Signal.ran("first", s.category, 0.0) for s in signals]
    decision = evaluate(policies.load("default"), Stage.PROMPT, calm, Context())
    assert decision.action is Action.REVIEW


class Held:
    """A first judge that holds by a category, with little ``unsafe``."""

    name = "prompt"
    weights = ()

    def __init__(self, **scores: float) -> None:
        self._scores = {"unsafe": 0.1} | scores
        self.categories = tuple(self._scores)

    def classify(self, prompts: Sequence[str]) -> list[tuple[Signal, ...]]:
        named = Signal.ran("prompt_entities", "misinformation", 0.8)
        return [
            (*(Signal.ran("prompt", c, s) for c, s in self._scores.items()), named) for _ in prompts
        ]


@pytest.mark.parametrize(("second", "left"), [(0.05, 0.05), (0.5, 0.7)])
def test_a_judge_that_clears_a_prompt_lifts_the_hold_of_a_category(
    second: float, left: float
) -> None:
    first = Held(hate=0.7, sexual_minors=0.6)
    (signals,) = CascadeClassifier(first, Fixed(second), Band(low=0.3, high=0.9)).classify(["x"])
    scores = {(s.check, s.category): s.score for s in signals}
    assert scores["prompt", "hate"] == left
    assert scores["prompt", "sexual_minors"] == 0.6, "no judge clears a floor"
    assert scores["prompt_entities", "misinformation"] == 0.8
    (hate,) = [s for s in signals if s.category == "hate"]
    assert hate.detail.get("first") == (0.7 if second < 0.3 else None)


def test_a_judge_is_not_asked_where_the_first_is_sure() -> None:
    first = Held(hate=0.95)
    (signals,) = CascadeClassifier(first, Fixed(0.0), Band(low=0.3, high=0.9)).classify(["x"])
    assert {s.category: s.score for s in signals}["hate"] == 0.95
