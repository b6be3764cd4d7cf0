"""Generate: the draft, with every output check looking on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from classifiers.base import FrameCheck, StreamInfo, TrackCheck
from classifiers.frame import FrameGate, FrameSettings, GateReport, PreviewGate, PreviewStopped
from classifiers.sound import listen, silent
from generator.base import Cancel, Generator, OnStep, Step
from guarded_gen.gates.gate import GateResult, judge
from guarded_gen.production import events
from guarded_gen.production.draft import render_draft
from guarded_gen.production.files import DRAFT, WorkFiles
from guarded_gen.production.line import GENERATE
from guarded_gen.production.marking import Pixels
from guarded_gen.production.parts import Judging, Look
from guarded_gen.production.request import ClipRequest
from guarded_gen.production.soundtrack import soundtrack_of
from guarded_gen.production.stage import Done
from guarded_gen.production.work import Output, Rendered, Work
from media.limits import MediaLimits
from media.open import open_media
from policies.decision import Action, Stage

_SHARE = 65
"""Percent of a job's progress that the generator's steps make up."""


Seen = Callable[[Work, Look, Path], None]
"""Called with each look in mid-generation that did not stop it, and the work's folder."""


def unseen(work: Work, look: Look, folder: Path) -> None:
    """For lines that show nothing of unfinished clips."""


@dataclass(frozen=True, slots=True)
class Generate:
    judging: Judging
    generator: Callable[[str], Generator]
    checks: Callable[[], tuple[FrameCheck, ...]]
    settings: Callable[[], FrameSettings]
    sounds: Callable[[], tuple[TrackCheck, ...]]
    limits: MediaLimits
    files: WorkFiles
    seen: Seen = unseen

    name: str = GENERATE
    output: type[Output] = Rendered

    def run(self, work: Work) -> Done:
        """Generate from the judged references, and only from those."""
        folder = self.files.folder(work)

        def on_step(step: Step) -> None:
            work.wanted(int(_SHARE * step.index / max(1, step.total)))
            work.on_step(step.index, step.total)

        request = self.files.with_judged_references(work)
        rendered = self.render(
            request, folder, on_step, work.stop, lambda look: self.seen(work, look, folder)
        )
        if not rendered.frames:
            return Done(rendered)
        self.files.keep_draft(work, rendered.draft)
        capabilities = self.judging.capabilities(work.request.backend)
        return Done(
            rendered,
            (
                lambda related: events.generated(
                    work.request, work.id, capabilities, rendered.caption, rendered.frames, related
                ),
            ),
        )

    def render(
        self,
        request: ClipRequest,
        folder: Path,
        on_step: OnStep,
        cancel: Cancel,
        seen: Callable[[Look], None] = lambda look: None,
    ) -> Rendered:
        """The draft in ``folder``, from local references.

        A preview that would be blocked stops the generator. Then there is no draft: ``frames``
        is 0, the signals are those of the preview, and ``coverage["preview"]`` names the step.
        """
        generator, checks = self.generator(request.backend), self.checks()
        sounds = self.sounds()
        context, settings = self.judging.context(request), self.settings()
        acting = self.judging.choice(request).acting

        def judged(report: GateReport) -> GateResult:
            # A preview is a picture without sound; the clip's own is heard at its end.
            signals = (*report.signals, *silent(sounds))
            return judge(acting, Stage.OUTPUT, signals, context, report.coverage)

        def stops(report: GateReport) -> bool:
            return judged(report).decision.action is Action.BLOCK

        def passed(report: GateReport, pixels: Pixels, index: int, total: int) -> None:
            seen(Look(index, total, pixels, judged(report)))

        look = PreviewGate(checks, stops, request.seconds, settings, passed)

        def stepped(step: Step) -> None:
            on_step(step)
            look(step.index, step.total, step.preview)

        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / DRAFT
        sound, spec = soundtrack_of(request, self.limits), request.spec()
        stream = StreamInfo(spec.width, spec.height, float(spec.fps), spec.frames)
        gate = FrameGate(checks, stream, settings)
        try:
            draft = render_draft(path, generator, spec, gate, stepped, cancel, sound)
        except PreviewStopped as stopped:
            at = {"stopped_after": stopped.index, "of": stopped.total, "looks": look.looks}
            coverage = {**stopped.report.coverage, "preview": at}
            return Rendered(
                draft=path,
                frames=0,
                signals=(*stopped.report.signals, *silent(sounds)),
                coverage=coverage,
                caption={},
                sealed=dict(stopped.report.sealed),
            )
        coverage = {**draft.report.coverage, "preview": {"looks": look.looks}}
        signals = draft.report.signals
        if draft.sound is None:
            signals += silent(sounds)
        else:
            heard = listen(open_media(draft.path, self.limits), sounds)
            signals += heard.signals
            coverage["sound"] = {**heard.coverage, **draft.sound.told}
        return Rendered(
            draft=draft.path,
            frames=draft.frames,
            signals=signals,
            coverage=coverage,
            caption=generator.recaption(request.prompt),
            sealed=dict(draft.report.sealed),
        )
