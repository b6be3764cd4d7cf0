"""Sign: fingerprints, the manifest with every gate on record, the signature, its verification."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from generator.base import Generator
from guarded_gen.gates.gate import GateResult
from guarded_gen.production import events
from guarded_gen.production.duties import Applied, Duties
from guarded_gen.production.encode import MARK_RECORD, Encode
from guarded_gen.production.files import THUMBNAIL, WorkFiles
from guarded_gen.production.formats import format_of
from guarded_gen.production.line import ENCODE, OUTPUT, PROMPT, REFERENCE, SIGN
from guarded_gen.production.marking import PAYLOAD_BYTES, watermark_payload
from guarded_gen.production.parts import CapabilitiesOf, facts_of
from guarded_gen.production.request import ClipRequest, FileReference
from guarded_gen.production.stage import Done
from guarded_gen.production.work import Gated, Marked, Output, Recorded, Signed, Work
from media.limits import MediaLimits
from provenance.certificates import SigningIdentity
from provenance.compliance import prepare
from provenance.fingerprint import (
    CODE_BITS,
    ISCC_ALGORITHM,
    PDQ_ALGORITHM,
    iscc_value,
    pdq_value,
    video_code,
)
from provenance.manifest import (
    Disclosure,
    Ingredient,
    ManifestRequest,
    Oversight,
    Relationship,
    SoftBinding,
)
from provenance.picture import Picture, look
from provenance.recovery import WATERMARK_ALGORITHM
from provenance.signer import SignedFile, sign_file
from provenance.timestamps import TimestampSettings
from provenance.trust import TrustList


class Registers(Protocol):
    """Makes the copies of a published clip findable."""

    def publish(
        self,
        signed: SignedFile,
        content_id: str,
        *,
        watermark: bytes | None,
        tenant: str,
        picture: Picture,
    ) -> object: ...


@dataclass(frozen=True, slots=True)
class Sign:
    """``identity`` and ``trust`` are asked anew for each signature, so keys change without a
    stop. ``encode`` makes the marked clip anew when it lies on a machine that is gone."""

    capabilities: CapabilitiesOf
    generator: Callable[[str], Generator]
    identity: Callable[[], SigningIdentity]
    trust: Callable[[], TrustList]
    registry: Callable[[], Registers]
    duties: Duties
    timestamps: TimestampSettings
    limits: MediaLimits
    files: WorkFiles
    encode: Encode

    name: str = SIGN
    output: type[Output] = Signed

    def run(self, work: Work) -> Done:
        """Sign the marked clip; it is verified before it has its name.

        Its fingerprints are taken first: they are of the marked and encoded picture, which is
        what copies are made of.
        """
        form = format_of(work.request)
        folder = self._marked(work, form.suffix)
        marked, destination = folder / f"marked{form.suffix}", folder / f"signed{form.suffix}"
        picture = look(marked, self.limits)
        fingerprints = [SoftBinding.fingerprint(PDQ_ALGORITHM, pdq_value(picture.hashes))]
        if not work.request.still:
            code = video_code(marked, CODE_BITS, self.limits)
            picture = replace(picture, iscc=code.raw)
            fingerprints.insert(0, SoftBinding.fingerprint(ISCC_ALGORITHM, iscc_value(code)))
        manifest = self._manifest(work, folder, f"{work.id}{form.suffix}", fingerprints)
        signed = sign_file(
            marked,
            destination,
            manifest,
            self.identity(),
            self.trust(),
            timestamps=self.timestamps,
        )
        # before anybody can see the clip: its copies are found as soon as there are any
        self.registry().publish(
            signed,
            work.id,
            watermark=manifest.watermark.value if manifest.watermark else None,
            tenant=work.request.tenant,
            picture=picture,
        )
        self.files.keep_signed(work, folder, form.suffix)
        return Done(
            Signed(
                folder=folder,
                sha256=signed.sha256,
                manifest=signed.manifest_label,
                fence=work.fence,
            ),
            # on record before it can be seen: a file that is out there is always in the log
            (
                lambda related: events.signed(
                    work.request, work.id, signed.sha256, signed.manifest_label, related
                ),
            ),
        )

    def _marked(self, work: Work, suffix: str) -> Path:
        """The folder with the marked clip."""
        marked = work.outputs[ENCODE]
        assert isinstance(marked, Marked), "the line runs no stage before its inputs are there"
        if (marked.folder / f"marked{suffix}").is_file():
            return marked.folder
        folder = self.files.folder(work)
        self.encode.encode(work, folder)
        return folder

    def _manifest(
        self, work: Work, folder: Path, title: str, fingerprints: Sequence[SoftBinding]
    ) -> ManifestRequest:
        request = (
            self.files.with_judged_references(work) if work.request.references else (work.request)
        )
        capabilities = self.capabilities(request.backend)
        mark: dict[str, Any] = json.loads((folder / MARK_RECORD).read_text("utf-8"))
        manifest = ManifestRequest(
            title=title,
            backend=capabilities.name,
            backend_version=capabilities.version,
            digital_source_type=capabilities.digital_source_type,
            attestation={
                **attestation(work.id, gates_of(work), work.reviews),
                "watermark": mark,
                "prompt": self._understood(request),
            },
            parameters={
                "seed": request.seed,
                "mode": request.mode.value,
                "size": [request.width, request.height],
                "fps": request.fps,
            },
            watermark=SoftBinding(
                WATERMARK_ALGORITHM,
                watermark_payload(work.id).to_bytes(PAYLOAD_BYTES, "big"),
                bound=True,
            ),
            fingerprints=tuple(fingerprints),
            thumbnail=(folder / THUMBNAIL).read_bytes(),
            content_id=work.id,
            disclosure=Disclosure(
                capabilities.name,
                f"{capabilities.name}@{capabilities.version}",
                Oversight.PROMPTED,
            ),
            ingredients=tuple(
                Ingredient(Path(one.path), Relationship.INPUT, f"reference {index + 1}")
                for index, one in enumerate(request.references)
                if isinstance(one, FileReference)
            ),
        )
        applied = Applied.kept(folder) or Applied(self.duties.of(request), None)
        facts = facts_of(capabilities, work.id)
        return prepare(manifest, applied.settings, facts, applied.drawn)

    def _understood(self, request: ClipRequest) -> dict[str, Any]:
        """How many parts of the prompt the generator could not express, and how many it chose
        itself. Which ones is prompt text: that stands in the record, not in a manifest."""
        caption = self.generator(request.backend).recaption(request.prompt)
        return {key: len(caption.get(key, ())) for key in ("unexpressed", "assumed")}


def gates_of(work: Work) -> dict[str, GateResult]:
    """Every gate's results by decision id, in the order of the line."""
    found: dict[str, GateResult] = {}
    for name in (PROMPT, REFERENCE, OUTPUT):
        gate = work.outputs.get(name)
        if isinstance(gate, Gated):
            found |= {one.decision: one.gate for one in gate.judged}
    return found


def attestation(
    clip: str, gates: Mapping[str, GateResult], reviews: Sequence[Recorded] = ()
) -> dict[str, Any]:
    """What the manifest says of the gates: ``gates`` maps decision ids to results, in order.

    ``reviews`` are people's decisions where a gate asked for one.
    """
    record: dict[str, Any] = {
        "clip": clip,
        "gates": [
            {
                "stage": result.stage.value,
                "decision": decision,
                "action": result.decision.action.value,
                "policy_digest": result.decision.policy_digest,
                "checks": result.checks(),
                **result.unassessed(),
                **_sound_told(result),
            }
            for decision, result in gates.items()
        ],
    }
    if reviews:
        record["reviews"] = [
            {"decision": review["id"], "action": review["action"]} for review in reviews
        ]
    return record


def _sound_told(result: GateResult) -> dict[str, Any]:
    """Where the clip's sound comes from, where it has any."""
    sound = result.coverage.get("sound", {})
    return {"sound": sound["how"]} if "how" in sound else {}
