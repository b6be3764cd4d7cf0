"""What the laws, the policy and the caller ask of one clip's marks, and the label that is drawn.

Decided from the request before anything is generated, and again when the clip is marked; what was
drawn then is kept beside the marked clip, so that the manifest says that and nothing else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from guarded_gen.production.formats import CARRIES, format_of
from guarded_gen.production.marking import Pixels
from guarded_gen.production.request import ClipRequest
from media.limits import MediaLimits
from policies import effective
from policies.rollout import Choice
from provenance import law
from provenance.compliance import ComplianceSettings, for_request, require_provider
from provenance.label import Box, Labeller, LabelStyle, LabelWish, labeller, told

RECORD = "marking.json"
FACES_A_SECOND = 4
"""Frames in which faces are looked for while the label is shown."""
MOST_LOOKS = 120
_MARGIN = 0.15
"""Room around a face, of its size: it moves between two looks."""

Faces = Callable[[Pixels], Sequence[Box]]
"""Where the faces of one frame ``uint8 [H, W, 3]`` are."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What holds for a clip: the settings for its request, and the label that was drawn."""

    settings: ComplianceSettings
    drawn: dict[str, Any] | None

    def keep(self, folder: Path) -> None:
        """Write it into ``folder`` so that a crash leaves the old file or the new one."""
        store_json(
            folder / RECORD,
            {"settings": self.settings.model_dump(mode="json"), "label": self.drawn},
        )

    @classmethod
    def kept(cls, folder: Path) -> Applied | None:
        """What was written there; None for a clip that an earlier version marked."""
        try:
            record = json.loads((folder / RECORD).read_text("utf-8"))
        except FileNotFoundError:
            return None
        return cls(ComplianceSettings.model_validate(record["settings"]), record["label"])


@dataclass(frozen=True, slots=True)
class Duties:
    """``choice`` gives the policies that act for a request, ``faces`` the finder, None without
    its weights."""

    compliance: ComplianceSettings
    choice: Callable[[ClipRequest], Choice]
    faces: Callable[[], Faces | None]

    def of(self, request: ClipRequest) -> ComplianceSettings:
        """The settings for this request today; raises :class:`ComplianceUnmet` for a wish that
        falls short of a law."""
        policy = effective(
            self.choice(request).acting, request.tenant, request.jurisdiction, request.age_mode
        )
        return for_request(
            self.compliance,
            request.jurisdiction,
            datetime.now(UTC).date(),
            wish=request.label,
            demanded=[
                LabelWish.model_validate(one.model_dump(exclude_none=True)) for one in policy.labels
            ],
        )

    def require(self, request: ClipRequest) -> ComplianceSettings:
        """The same, asked before anything is generated: raises :class:`ComplianceUnmet` for what
        cannot be met, a format that cannot carry a demand, or a label that does not fit."""
        chosen, form = self.of(request), format_of(request)
        require_provider(chosen)
        law.require(chosen.profiles, form.name, datetime.now(UTC).date(), CARRIES)
        if chosen.labels:
            self._labeller(request, chosen, ())
        return chosen

    def label(
        self, request: ClipRequest, draft: Path, frames: int, limits: MediaLimits
    ) -> tuple[Labeller | None, Applied]:
        """What draws the label of a clip of so many frames, clear of the faces in its draft."""
        chosen = self.of(request)
        if not chosen.labels:
            return None, Applied(chosen, None)
        shown = _shown(request, chosen, frames)
        found = self._found(draft, frames if shown is None else shown, request, limits)
        made = self._labeller(request, chosen, found or ())
        if shown is None:
            made.last = None
        drawn = told(
            made,
            chosen.text,
            chosen.label_icon,
            request.exact_fps,
            (request.width, request.height),
            chosen.size,
            None if found is None else len(found),
        )
        return made, Applied(chosen, drawn)

    def _labeller(
        self, request: ClipRequest, chosen: ComplianceSettings, avoid: Sequence[Box]
    ) -> Labeller:
        return labeller(
            chosen.text,
            request.width,
            request.height,
            request.exact_fps,
            LabelStyle(
                chosen.size,
                chosen.seconds,
                Path(chosen.label_font) if chosen.label_font else None,
                chosen.label_icon,
                chosen.label_corner,
                chosen.label_opacity,
            ),
            avoid,
        )

    def _found(
        self, draft: Path, frames: int, request: ClipRequest, limits: MediaLimits
    ) -> list[Box] | None:
        """Every place where a face was seen while the label is shown; None: nobody can look."""
        from media.decode import decode

        finder = self.faces()
        if finder is None:
            return None
        step = max(1, round(request.fps / FACES_A_SECOND), -(-frames // MOST_LOOKS))
        boxes: list[Box] = []
        first = 0
        for batch in decode(draft, limits):
            for frame in range(-first % step, len(batch.pixels), step):
                if first + frame >= frames:
                    return boxes
                boxes += [_roomy(box) for box in finder(batch.pixels[frame])]
            first += len(batch.pixels)
        return boxes


def _shown(request: ClipRequest, chosen: ComplianceSettings, frames: int) -> int | None:
    """Frames that carry the label; None for all of them, as on a still picture."""
    if chosen.seconds is None or request.still:
        return None
    count = int(-(-chosen.seconds * request.exact_fps // 1))
    return None if count >= frames else count


def _roomy(box: Box) -> Box:
    x, y = (box.right - box.left) * _MARGIN, (box.bottom - box.top) * _MARGIN
    return Box(box.left - x, box.top - y, box.right + x, box.bottom + y)


def store_json(path: Path, record: dict[str, Any]) -> None:
    """Write ``record`` so that a crash leaves the old file or the new one."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
