"""The prompt gate: what the request asks for in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from classifiers.base import PromptClassifier
from guarded_gen.gates.gate import GateResult, explained, judge_prompts, with_negative
from guarded_gen.production.duties import Duties
from guarded_gen.production.line import PROMPT
from guarded_gen.production.parts import Judging
from guarded_gen.production.request import ClipRequest
from guarded_gen.production.stage import Done, KnownAgain, Result, gated
from guarded_gen.production.work import Gated, Judged, Output, Work
from policies.decision import Action


@dataclass(frozen=True, slots=True)
class PromptGate:
    """``rewrites``: offer a safer wording for a prompt that was held or refused."""

    judging: Judging
    classifiers: Callable[[], Sequence[PromptClassifier]]
    rewrites: bool
    duties: Duties

    name: str = PROMPT
    output: type[Output] = Gated

    def run(self, work: Work) -> Result:
        """Judge the prompt with its negative one. An unknown backend is an error before that."""
        judged = Judged(gate=self.judge(work.request))
        result = gated(Gated(judged=(judged,)), "the prompt was refused by the policy")
        if isinstance(result, Done):
            return result
        words = self.judging.sketch(work.request.tenant, work.request.prompt)
        return replace(result, kept=KnownAgain(words=words))

    def judge(self, request: ClipRequest) -> GateResult:
        """Raises :class:`ComplianceUnmet` for what a law demands and cannot be met.

        A prompt that is held or refused is explained for its reviewers, in the sealed part."""
        self.duties.require(request)
        context, choice = self.judging.context(request), self.judging.choice(request)
        classifiers = self.classifiers()

        def gate(prompt: str) -> GateResult:
            text = with_negative(prompt, request.negative_prompt)
            return judge_prompts(choice, classifiers, [text], context)[0]

        def passes(prompt: str) -> bool:
            return gate(prompt).decision.action is Action.ALLOW

        result = gate(request.prompt)
        if result.decision.action is Action.ALLOW:
            return result
        judged = with_negative(request.prompt, request.negative_prompt)
        offers = passes if self.rewrites else None
        return explained(result, classifiers, request.prompt, offers, judged)
