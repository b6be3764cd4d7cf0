"""Encode: label and watermark the draft, write it in the format that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from guarded_gen.production.duties import Duties, store_json
from guarded_gen.production.files import THUMBNAIL, WorkFiles
from guarded_gen.production.formats import format_of
from guarded_gen.production.line import ENCODE, GENERATE
from guarded_gen.production.marking import Mark, Pixels, Unmarked, mark_and_write
from guarded_gen.production.parts import CapabilitiesOf, facts_of
from guarded_gen.production.stage import Done
from guarded_gen.production.work import Marked, Output, Rendered, Work
from media.decode import decode
from media.encoding import EncodeSettings
from media.limits import MediaLimits
from provenance.compliance import container_metadata
from provenance.watermark.assurance import Assurance

MARK_RECORD = "watermark.json"
Marker = Callable[[str, Pixels], tuple[Mark, Assurance]]
"""The watermark of a clip's id, as strong as its first frames need, and what a test showed."""


@dataclass(frozen=True, slots=True)
class Encode:
    capabilities: CapabilitiesOf
    marker: Marker
    duties: Duties
    settings: EncodeSettings
    limits: MediaLimits
    files: WorkFiles

    name: str = ENCODE
    output: type[Output] = Marked

    def run(self, work: Work) -> Done:
        folder = self.files.folder(work)
        self.encode(work, folder)
        return Done(Marked(folder=folder))

    def encode(self, work: Work, folder: Path) -> Path:
        """The marked, unsigned clip in ``folder``, whose thumbnail lies beside it."""
        request = work.request
        rendered = work.outputs[GENERATE]
        assert isinstance(rendered, Rendered), "the line runs no stage before its inputs are there"
        draft = self.files.draft(work, rendered)
        facts = facts_of(self.capabilities(request.backend), work.id)
        sample = next(decode(draft, self.limits)).pixels
        watermark, trial = self.marker(work.id, sample)
        label, applied = self.duties.label(request, draft, rendered.frames, self.limits)
        applied.keep(folder)
        store_json(
            folder / MARK_RECORD,
            {
                "survives_test_coding": trial.readable,
                "crf": trial.crf,
                "psnr": round(trial.psnr, 2),
                "strength": round(trial.strength, 3),
            },
        )
        extra = container_metadata(applied.settings, facts)
        form = format_of(request)
        done = mark_and_write(
            Unmarked(draft, rendered.frames, request.exact_fps, request.still),
            folder / f"marked{form.suffix}",
            form,
            self.settings.model_copy(update={"metadata": {**self.settings.metadata, **extra}}),
            self.limits,
            watermark,
            label,
        )
        (folder / THUMBNAIL).write_bytes(done.thumbnail)
        return done.path
