"""The gates: checks in, one recorded decision out, closed when anything is unclear.

A gate never lets an exception of a check decide. A classifier that raises, answers too few
signals or names no category becomes ``failed`` signals, and the policy says what that means
(review, unless it says block).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from classifiers.base import FrameCheck, PromptClassifier, TrackCheck
from classifiers.frame import FrameSettings, scan
from classifiers.prompt import own_words
from classifiers.prompt.explain import record
from classifiers.prompt.rewrite import Explains, Suggestion
from media.hashing import sha256_file
from media.limits import MediaLimits
from policies import Context, Decision, Policy, evaluate
from policies.context import MAX_ENTITIES
from policies.decision import CheckStatus, Signal, Stage
from policies.rollout import Choice, RolloutState

logger = logging.getLogger(__name__)

MAX_SPAN_TEXT = 400
"""Characters of a span that are shown."""


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate's outcome: the decision, and every signal that it stands on."""

    decision: Decision
    signals: tuple[Signal, ...]
    coverage: Mapping[str, Any] = field(default_factory=dict)
    context: Context | None = None
    shadows: tuple[tuple[RolloutState, Decision], ...] = ()
    """What other policies of the rollout would have decided: on record, never acted on."""
    sealed: Mapping[str, Any] = field(default_factory=dict)
    """What repeats words, of the prompt or in the frames: only for the encrypted payload, never
    in ``to_json``."""
    own: tuple[Mapping[str, Any], ...] = ()
    """Categories of the policy's own that the decision speaks of, without their words."""
    offer: Suggestion | None = None
    """A safer wording for the caller to confirm, where the settings allow one."""

    @property
    def stage(self) -> Stage:
        return self.decision.stage

    def checks(self) -> list[dict[str, Any]]:
        """One line a check for the record and the manifest: name, status, reason, weights."""
        return summarise(self.signals)

    def unassessed(self) -> dict[str, list[dict[str, Any]]]:
        """What nobody looked at, by category: ``missing`` (the policy wanted it) and
        ``not_assessed`` (excused by name, or no rule speaks of it); empty lists are left out."""
        decision = self.decision
        listed = {"missing": decision.missing, "not_assessed": decision.not_assessed}
        return {name: [item.to_json() for item in items] for name, items in listed.items() if items}

    def to_json(self) -> dict[str, Any]:
        record: dict[str, Any] = {
            "decision": self.decision.to_json(),
            "signals": [signal.to_json() for signal in self.signals],
        }
        if self.coverage:
            record["coverage"] = dict(self.coverage)
        if self.context is not None:
            record["context"] = self.context.to_json()
        if self.shadows:
            record["shadows"] = self.shadows_json()
        if self.own:
            record["categories"] = [dict(entry) for entry in self.own]
        return record

    def shadows_json(self) -> list[dict[str, Any]]:
        return [{"state": state.value, **decision.to_json()} for state, decision in self.shadows]

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> GateResult:
        return cls(
            Decision.from_json(record["decision"]),
            tuple(Signal.from_json(signal) for signal in record["signals"]),
            record.get("coverage", {}),
            Context.from_json(record["context"]) if "context" in record else None,
            tuple(
                (RolloutState(s["state"]), Decision.from_json(s)) for s in record.get("shadows", ())
            ),
            own=tuple(record.get("categories", ())),
        )


_WORST = {CheckStatus.RAN: 0, CheckStatus.SKIPPED: 1, CheckStatus.FAILED: 2}


def summarise(signals: Iterable[Signal]) -> list[dict[str, Any]]:
    """Signals folded to one object a check; the worst status of its categories stands."""
    lines: dict[str, dict[str, Any]] = {}
    for signal in signals:
        line = lines.setdefault(signal.check, {"check": signal.check, "status": "ran"})
        if _WORST[signal.status] > _WORST[CheckStatus(line["status"])]:
            line["status"] = signal.status.value
            line["reason"] = signal.reason
        if signal.weights:
            line["weights"] = signal.weights
    return list(lines.values())


def classify(
    classifiers: Sequence[PromptClassifier], prompts: Sequence[str]
) -> list[tuple[Signal, ...]]:
    """Run every classifier over every prompt; one tuple of signals a prompt, never an error."""
    collected: list[list[Signal]] = [[] for _ in prompts]
    for classifier in classifiers:
        try:
            answers = classifier.classify(prompts)
            if len(answers) != len(prompts):
                raise ValueError(f"{len(answers)} answers for {len(prompts)} prompts")
        except Exception as error:
            # A check of any make may break in any way; none of them may open the gate.
            logger.exception("prompt classifier %s failed", classifier.name)
            reason = f"error: {type(error).__name__}"
            answers = [()] * len(prompts)
        else:
            reason = "no_signal"
        for into, answer in zip(collected, answers, strict=True):
            into.extend(answer)
            told = {signal.category for signal in answer}
            into.extend(
                Signal.failed(classifier.name, category, reason)
                for category in classifier.categories
                if category not in told
            )
    return [tuple(signals) for signals in collected]


def judge_prompts(
    policy: Policy | Choice,
    classifiers: Sequence[PromptClassifier],
    prompts: Sequence[str],
    context: Context,
) -> list[GateResult]:
    """The prompt gate over a batch of prompts with one context."""
    return [
        judge_text(policy, signals, text, replace(context, entities=entities_of(signals)))
        for signals, text in zip(classify(classifiers, prompts), prompts, strict=True)
    ]


def judge_text(
    policy: Policy | Choice,
    signals: Sequence[Signal],
    text: str,
    context: Context,
    more: Sequence[Signal] = (),
) -> GateResult:
    """Evaluate the policy over what the classifiers said of ``text``, and its own word lists.

    ``more`` are signals of other parts of the same input. The lists of a policy that only
    observes count for that policy alone.
    """
    return judge(policy, Stage.PROMPT, [*signals, *more], context, text=text)


def entities_of(signals: Iterable[Signal]) -> frozenset[str]:
    """Ids, classes and roles of everything that was named, for the policy's conditions."""
    found: dict[str, None] = {}
    for signal in signals:
        for entity in signal.detail.get("entities", ()):
            found.update(dict.fromkeys(str(v) for v in entity.values() if v))
    return frozenset(list(found)[:MAX_ENTITIES])


def with_negative(prompt: str, negative: str) -> str:
    """The text to judge for a prompt with a negative prompt: what is unwanted is read as denied.

    A denied harm raises nothing, a denied garment asks for something, and a scene that is
    hidden there is read like any other.
    """
    items = ", ".join(part for part in re.split(r"[.;\n\r]+\s*", negative) if part.strip())
    return f"{prompt}\nNegative prompt: {items}" if items else prompt


def decided_by(result: GateResult, prompt: str) -> dict[str, Any]:
    """What decided, for reviewers: ``rule_id``, ``category`` and ``score`` of the rule, and under
    ``spans`` the parts of the prompt behind it; of an unread prompt those in other languages.

    A span is ``{"start", "end", "text", …}`` with offsets into the prompt. Repeats the prompt's
    words: seal it with the prompt.
    """
    decision = result.decision
    found: dict[str, Any] = {"rule_id": decision.rule_id, "reason": decision.reason}
    match = next((m for m in decision.trace if m.rule_id == decision.rule_id), None)
    spans: list[dict[str, Any]] = []
    for signal in result.signals:
        if match is not None:
            place = signal.detail.get("span")
            if signal.category == match.category and signal.score == match.score and place:
                spans.append({"start": place[0], "end": place[1]})
        else:
            spans += [
                {"start": start, "end": end, "language": code}
                for start, end, code in signal.detail.get("unread", ())
            ]
    # every category that was not assessed for a part's language names the part
    spans = [span for i, span in enumerate(spans) if span not in spans[:i]]
    if match is not None:
        found |= {"category": match.category, "score": match.score}
    for span in spans:
        span["text"] = prompt[span["start"] : span["end"]][:MAX_SPAN_TEXT]
    return found | {"spans": spans}


def explained(
    result: GateResult,
    classifiers: Sequence[PromptClassifier],
    prompt: str,
    passes: Callable[[str], bool] | None = None,
    judged: str = "",
) -> GateResult:
    """``result`` with what decided: the rule, its place in the prompt and the words that moved
    its category's score; with ``passes``, also a safer wording.

    For prompts that were held or refused. ``judged`` is the text that the gate read, where it
    is more than the prompt. ``passes`` says whether a wording gets through this gate.
    Never raises: a decision stands also where it cannot be explained.
    """
    sealed: dict[str, Any] = {}
    offer = None
    for classifier in classifiers:
        if not isinstance(classifier, Explains):
            continue
        try:
            sealed["decided_by"] = decided_by(result, judged or prompt)
            category = sealed["decided_by"].get("category", "unsafe")
            sealed["explanation"] = record(classifier.explain(judged or prompt, category))
            offer = classifier.suggest(prompt, passes) if passes is not None else None
        except Exception:
            logger.exception("prompt classifier %s could not explain", classifier.name)
        break
    if offer is not None:
        sealed["rewrite"] = {"prompt": offer.text, "removed": list(offer.removed)}
    return replace(result, sealed=sealed, offer=offer)


def judge(
    policy: Policy | Choice,
    stage: Stage,
    signals: Sequence[Signal],
    context: Context,
    coverage: Mapping[str, Any] | None = None,
    *,
    text: str | None = None,
) -> GateResult:
    """Evaluate the policy over signals that were gathered elsewhere, and over ``text`` with the
    word lists of its own categories.

    Of a :class:`Choice` the acting policy decides; the others go into ``shadows``. The number
    of faces joins the context where a check counted them.
    """
    context = with_faces(context, signals)
    choice = policy if isinstance(policy, Choice) else Choice(policy)

    def with_words(one: Policy) -> Sequence[Signal]:
        if text is None or not one.categories:
            return signals
        return [*signals, *own_words.signals(one.categories, text, datetime.now(UTC).date())]

    seen = with_words(choice.acting)
    decision = evaluate(choice.acting, stage, seen, context)
    shadows = tuple(
        (state, evaluate(observed, stage, with_words(observed), context))
        for state, observed in choice.observed
    )
    own = _own_of(choice.acting, decision)
    return GateResult(decision, tuple(seen), coverage or {}, context, shadows, own=own)


def _own_of(policy: Policy, decision: Decision) -> tuple[dict[str, Any], ...]:
    """The policy's own categories that the decision speaks of, for those who read it without the
    policy: reviewers, statements of reasons."""
    named = {m.category for m in decision.trace} | {m.category for m in decision.missing}
    return tuple(
        entry.model_dump(mode="json", exclude_defaults=True, exclude={"words", "score"})
        for entry in policy.categories
        if entry.id in named
    )


def with_faces(context: Context, signals: Iterable[Signal]) -> Context:
    """The context with the most faces that a check saw in one frame; unknown stays unknown."""
    counted = [
        int(signal.detail["most_faces"])
        for signal in signals
        if signal.status is CheckStatus.RAN and "most_faces" in signal.detail
    ]
    return replace(context, faces=max(counted)) if counted else context


def judge_reference(
    policy: Policy | Choice,
    checks: Sequence[FrameCheck],
    path: Path,
    context: Context,
    settings: FrameSettings | None = None,
    limits: MediaLimits | None = None,
    sounds: Sequence[TrackCheck] = (),
) -> GateResult:
    """Judge a picture or video that a clip is to be made from, before anything is made.

    Every frame passes the checks of the output gate; the policy's ``reference`` stage decides.
    ``coverage["reference"]`` holds the file's SHA-256, which says what was judged; ``duration``
    of the context becomes that of the file. Raises :class:`media.errors.MediaError` for what is
    no picture or video, or is past a limit by its own header; a stream that breaks off later is
    a finding. Cost: one decode of the file, plus the checks'.
    """
    done = scan(path, checks, settings, limits, sounds=sounds)
    coverage = {**done.report.coverage, "reference": {"sha256": sha256_file(path)}}
    seen = replace(context, has_reference=True, duration=float(coverage["seconds"]))
    gate = judge(policy, Stage.REFERENCE, done.report.signals, seen, coverage)
    return replace(gate, sealed=done.report.sealed)
