"""Encode: label and watermark the draft, write it in the format that was asked for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guarded_gen.production.files import THUMBNAIL, WorkFiles
from guarded_gen.production.formats import format_of
from guarded_gen.production.line import ENCODE, GENERATE
from guarded_gen.production.marking import Mark, Pixels, mark_and_write
from guarded_gen.production.parts import CapabilitiesOf, facts_of
from guarded_gen.production.request import ClipRequest
from guarded_gen.production.stage import Done
from guarded_gen.production.work import Marked, Output, Rendered, Work
from media.decode import decode
from media.encode import EncodeSettings
from media.limits import MediaLimits
from provenance.compliance import (
    LABEL_SECONDS,
    LABEL_SHARE,
    ComplianceSettings,
    container_metadata,
)
from provenance.label import labeller
from provenance.watermark.assurance import Assurance

MARK_RECORD = "watermark.json"
Marker = Callable[[str, Pixels], tuple[Mark, Assurance]]
"""The watermark of a clip's id, as strong as its first frames need, and what a test showed."""


@dataclass(frozen=True, slots=True)
class Encode:
    capabilities: CapabilitiesOf
    marker: Marker
    compliance: ComplianceSettings
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
        mark, trial = self._marks(request, work.id, sample)
        _store_json(
            folder / MARK_RECORD,
            {
                "survives_test_coding": trial.readable,
                "crf": trial.crf,
                "psnr": round(trial.psnr, 2),
                "strength": round(trial.strength, 3),
            },
        )
        extra = container_metadata(self.compliance, facts)
        form = format_of(request)
        done = mark_and_write(
            draft,
            folder / f"marked{form.suffix}",
            form,
            rendered.frames,
            request.exact_fps,
            mark,
            self.settings.model_copy(update={"metadata": {**self.settings.metadata, **extra}}),
            self.limits,
            still=request.still,
        )
        (folder / THUMBNAIL).write_bytes(done.thumbnail)
        return done.path

    def _marks(self, request: ClipRequest, clip: str, sample: Pixels) -> tuple[Mark, Assurance]:
        """The visible label, where a law or the settings want one, and then the watermark."""
        watermark, trial = self.marker(clip, sample)
        if not self.compliance.labels:
            return watermark, trial
        label = labeller(
            self.compliance.text,
            request.width,
            request.height,
            request.exact_fps,
            seconds=LABEL_SECONDS,
            share=LABEL_SHARE,
            font=Path(self.compliance.label_font) if self.compliance.label_font else None,
            icon=self.compliance.label_icon,
            corner=self.compliance.label_corner,
            opacity=self.compliance.label_opacity,
        )
        return lambda pixels: watermark(label(pixels)), trial


def _store_json(path: Path, record: dict[str, Any]) -> None:
    """Write ``record`` so that a crash leaves the old file or the new one."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
