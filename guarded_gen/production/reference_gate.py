"""The reference gate: the files that a clip is to be made from, before anything is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from classifiers.base import FrameCheck, TrackCheck
from classifiers.frame import FrameSettings
from generator.checks import require
from guarded_gen.gates.gate import judge_reference
from guarded_gen.production.files import WorkFiles
from guarded_gen.production.line import REFERENCE
from guarded_gen.production.parts import Judging
from guarded_gen.production.request import FileReference
from guarded_gen.production.stage import KnownAgain, Result, gated
from guarded_gen.production.work import Gated, Judged, Output, Work
from media.limits import MediaLimits
from policies.decision import Action


@dataclass(frozen=True, slots=True)
class ReferenceGate:
    judging: Judging
    checks: Callable[[], tuple[FrameCheck, ...]]
    sounds: Callable[[], tuple[TrackCheck, ...]]
    settings: Callable[[], FrameSettings]
    limits: MediaLimits
    files: WorkFiles

    name: str = REFERENCE
    output: type[Output] = Gated

    def run(self, work: Work) -> Result:
        """Judge every reference, in order.

        All of them, since one approval opens the gate: nothing that would be blocked may hide
        behind the first that is held. Raises :class:`media.errors.MediaError` for one that is no
        picture or video, and :class:`generator.UnsupportedSpec` when the backend could not make
        the clip anyway.
        """
        request = self.files.with_local_references(work)
        require(self.judging.capabilities(request.backend), request.spec())
        context, choice = self.judging.context(request), self.judging.choice(request)
        checks, sounds, settings = self.checks(), self.sounds(), self.settings()
        paths = [Path(r.path) for r in request.references if isinstance(r, FileReference)]
        judged = tuple(
            Judged(
                gate=judge_reference(
                    choice, checks, path,
                    self.judging.seeing(request, context, path, self.limits),
                    settings, self.limits, sounds,
                )
            )
            for path in paths
        )  # fmt: skip
        result, kept = Gated(judged=judged), KnownAgain()
        if judged and result.action is not Action.ALLOW:
            path = paths[result.decisive]
            kept = KnownAgain(frames=self.judging.frames_of(request, path, self.limits))
        return gated(result, "a reference was refused by the policy", kept=kept)
