"""The output gate: what came out of the generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from guarded_gen.gates.gate import judge
from guarded_gen.production.files import WorkFiles
from guarded_gen.production.line import GENERATE, OUTPUT
from guarded_gen.production.parts import Judging
from guarded_gen.production.stage import KnownAgain, Result, gated
from guarded_gen.production.work import Gated, Judged, Output, Rendered, Work
from guarded_gen.review.held import look_of
from media.limits import MediaLimits
from policies.decision import Action, Stage


def nothing_shown(work: Work) -> None:
    """For lines that show nothing of unfinished clips."""


@dataclass(frozen=True, slots=True)
class OutputGate:
    """``unshow`` takes back what was shown of the clip before the whole of it was judged."""

    judging: Judging
    files: WorkFiles
    limits: MediaLimits
    unshow: Callable[[Work], None] = nothing_shown

    name: str = OUTPUT
    output: type[Output] = Gated

    def run(self, work: Work) -> Result:
        self.unshow(work)
        rendered = work.outputs[GENERATE]
        assert isinstance(rendered, Rendered), "the line runs no stage before its inputs are there"
        context = self.judging.context(work.request)
        draft = self.files.draft(work, rendered) if rendered.frames else None
        if draft is not None:
            context = self.judging.seeing(work.request, context, draft, self.limits)
        result = judge(
            self.judging.choice(work.request),
            Stage.OUTPUT,
            rendered.signals,
            context,
            rendered.coverage,
        )
        look, kept = None, KnownAgain()
        if draft is not None and result.decision.action is not Action.ALLOW:
            kept = KnownAgain(frames=self.judging.frames_of(work.request, draft, self.limits))
            if result.decision.action is Action.REVIEW:
                look = look_of(draft, rendered.frames)
        judged = Gated(judged=(Judged(gate=replace(result, sealed=rendered.sealed)),))
        return gated(judged, "the clip was refused by the output gate", look, kept)
