"""A picture of a clip that is still being made, fit to be shown to who asked for it.

Only a look that the policy allowed may become one: a review or a check that did not run shows
nothing. The picture is small, says visibly that it is a preview, carries the clip's mark where
that can be read back, and is signed and verified like everything that leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from guarded_gen.gates.gate import GateResult
from guarded_gen.production.duties import Duties
from guarded_gen.production.encode import Marker
from guarded_gen.production.marking import PAYLOAD_BYTES, Pixels, watermark_payload
from guarded_gen.production.parts import CapabilitiesOf, Look, facts_of
from guarded_gen.production.request import ClipRequest
from policies.decision import Action
from provenance.certificates import SigningIdentity
from provenance.compliance import LABEL_SHARE, prepare
from provenance.label import WHOLE, LabelStyle, labeller
from provenance.manifest import Disclosure, ManifestRequest, Oversight, SoftBinding
from provenance.recovery import WATERMARK_ALGORITHM
from provenance.signer import sign_file
from provenance.trust import TrustList
from provenance.watermark.errors import WatermarkError

SIDE = 320
"""Longest side of a preview, in pixels."""
LABEL = "PREVIEW"
_QUALITY = 85


@dataclass(frozen=True, slots=True)
class Preview:
    """A signed JPEG, made after ``step`` of ``total`` steps."""

    path: Path
    sha256: str
    manifest: str
    step: int
    total: int


def showable(result: GateResult) -> bool:
    """Whether a look may be shown: everything that the policy requires ran, and it allows."""
    return result.decision.action is Action.ALLOW


@dataclass(frozen=True, slots=True)
class Previewer:
    """Makes previews. ``identity`` and ``trust`` are asked anew for each signature."""

    capabilities: CapabilitiesOf
    marker: Marker
    duties: Duties
    identity: Callable[[], SigningIdentity]
    trust: Callable[[], TrustList]

    def make(self, request: ClipRequest, clip: str, look: Look, folder: Path) -> Preview:
        """The middle frame of an allowed look as a signed JPEG below ``folder``.

        Raises ``ValueError`` for a look that may not be shown, and what signing raises. It
        carries no time-stamp: it is gone before any certificate expires. Cost: about 0.3 s.
        """
        if not showable(look.result):
            raise ValueError("a look that was not allowed is never shown")
        small = Image.fromarray(look.pixels[len(look.pixels) // 2])
        small.thumbnail((SIDE, SIDE))
        picture, mark = self._marked(clip, np.asarray(small, dtype=np.uint8)[None])
        chosen = self.duties.of(request)
        text = f"{chosen.text} {LABEL}" if chosen.labels else LABEL
        label = labeller(
            text, picture.shape[2], picture.shape[1], Fraction(1), LabelStyle(LABEL_SHARE)
        )
        unsigned = folder / f"preview{look.index}.unsigned.jpg"
        Image.fromarray(label(picture)[0]).save(unsigned, "JPEG", quality=_QUALITY)
        able = self.capabilities(request.backend)
        decision = look.result.decision
        manifest = ManifestRequest(
            title=f"{clip}-preview{look.index}.jpg",
            backend=able.name,
            backend_version=able.version,
            digital_source_type=able.digital_source_type,
            attestation={
                "clip": clip,
                "preview": {"step": look.index, "of": look.total},
                "gates": [
                    {
                        "stage": decision.stage.value,
                        "action": decision.action.value,
                        "policy_digest": decision.policy_digest,
                        "checks": look.result.checks(),
                    }
                ],
            },
            parameters={"seed": request.seed, "mode": request.mode.value},
            watermark=mark,
            content_id=clip,
            disclosure=Disclosure(able.name, f"{able.name}@{able.version}", Oversight.PROMPTED),
        )
        drawn = {"text": text, "seconds": WHOLE, "share": LABEL_SHARE} if chosen.labels else None
        manifest = prepare(manifest, chosen, facts_of(able, clip), drawn)
        try:
            signed = sign_file(
                unsigned,
                folder / f"preview{look.index}.jpg",
                manifest,
                self.identity(),
                self.trust(),
            )
        finally:
            unsigned.unlink(missing_ok=True)
        return Preview(signed.path, signed.sha256, signed.manifest_label, look.index, look.total)

    def _marked(self, clip: str, picture: Pixels) -> tuple[Pixels, SoftBinding | None]:
        """The picture ``uint8 [1, H, W, 3]`` with the clip's mark, and what may be claimed."""
        try:
            mark, trial = self.marker(clip, picture)
        except WatermarkError:  # too small or too smooth; the signature and the label still stand
            return picture, None
        if not trial.readable:
            return mark(picture), None
        value = watermark_payload(clip).to_bytes(PAYLOAD_BYTES, "big")
        return mark(picture), SoftBinding(WATERMARK_ALGORITHM, value, bound=True)
