"""Each stage of a clip's way as one function: values and files in, values and files out.

A stage can be repeated: it writes to temporary names first and overwrites its own result only
when that is whole. What a stage returns can be stored as JSON, so a job can go on after a
crash at the first stage that has no stored result.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import policies
from classifiers.frame import GateReport, PreviewGate, PreviewStopped
from classifiers.sound import listen
from generator.base import Cancel, OnStep, Step
from generator.checks import require
from generator.spec import Mode
from guarded_gen.errors import StorageFailed
from guarded_gen.gates import (
    GateResult,
    explained,
    judge,
    judge_prompts,
    judge_reference,
    with_negative,
)
from guarded_gen.pipeline.draft import render_draft
from guarded_gen.pipeline.finish import Mark, Pixels, finish
from guarded_gen.request import ClipRequest
from guarded_gen.services import PAYLOAD_BYTES, Services, watermark_payload
from guarded_gen.soundtrack import soundtrack_of
from media.decode import decode
from media.open import open_media
from policies import Context
from policies.decision import Action, Signal, Stage
from provenance import law
from provenance.compliance import (
    LABEL_SECONDS,
    LABEL_SHARE,
    Facts,
    container_metadata,
    prepare,
)
from provenance.fingerprint import (
    CODE_BITS,
    ISCC_ALGORITHM,
    PDQ_ALGORITHM,
    iscc_value,
    pdq_value,
    video_code,
)
from provenance.label import labeller
from provenance.manifest import (
    Disclosure,
    Ingredient,
    ManifestRequest,
    Oversight,
    Relationship,
    SoftBinding,
)
from provenance.picture import look
from provenance.recovery import WATERMARK_ALGORITHM
from provenance.signer import SignedFile, sign_file
from provenance.watermark.assurance import Assurance


@dataclass(frozen=True, slots=True)
class Rendered:
    """The draft and what the output checks saw. ``signals`` are not yet judged."""

    draft: Path
    frames: int
    signals: tuple[Signal, ...]
    coverage: dict[str, Any]
    caption: dict[str, Any]
    sealed: dict[str, Any] = field(default_factory=dict)
    """What a reviewer needs and no log may show, such as words that were read in the frames."""

    def to_json(self) -> dict[str, Any]:
        return {
            "draft": str(self.draft),
            "frames": self.frames,
            "signals": [signal.to_json() for signal in self.signals],
            "coverage": self.coverage,
            "caption": self.caption,
            "sealed": self.sealed,
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Rendered:
        return cls(
            Path(record["draft"]),
            record["frames"],
            tuple(Signal.from_json(signal) for signal in record["signals"]),
            record["coverage"],
            record["caption"],
            record.get("sealed", {}),
        )


@dataclass(frozen=True, slots=True)
class Look:
    """One look at an unfinished clip: ``pixels`` are ``uint8 [T, H, W, 3]``, all of them judged."""

    index: int
    total: int
    pixels: Pixels
    result: GateResult


Seen = Callable[[Look], None]
"""Called with each look in mid-generation that did not stop it."""


def policy_context(services: Services, request: ClipRequest) -> Context:
    """What the policy may know of a request besides the signals."""
    capabilities = services.generator(request.backend).capabilities()
    nature = {policies.NEURAL if capabilities.neural else policies.PROCEDURAL}
    if capabilities.closed_vocabulary:
        nature.add("closed_vocabulary")
    return Context(
        tenant=request.tenant,
        jurisdiction=request.jurisdiction,
        age_mode=request.age_mode,
        backend=request.backend,
        capabilities=frozenset(nature | {mode.value for mode in capabilities.modes}),
        has_reference=bool(request.references),
        duration=request.seconds,
    )


def gate_prompt(services: Services, request: ClipRequest) -> GateResult:
    """Judge the prompt with its negative prompt. An unknown backend is an error before any
    decision, and so is a format that cannot carry what a chosen law demands
    (:class:`ComplianceUnmet` with its name).

    A prompt that is held or refused is explained for its reviewers, in the sealed part.
    """
    form = "png" if request.mode is Mode.IMAGE else "mp4"
    law.require(services.settings.compliance.profiles, form, datetime.now(UTC).date())
    context, choice = policy_context(services, request), services.choice(request)
    classifiers = services.prompt_classifiers

    def gate(prompt: str) -> GateResult:
        text = with_negative(prompt, request.negative_prompt)
        return judge_prompts(choice, classifiers, [text], context)[0]

    def passes(prompt: str) -> bool:
        return gate(prompt).decision.action is Action.ALLOW

    result = gate(request.prompt)
    if result.decision.action is Action.ALLOW:
        return result
    offers = passes if services.settings.prompts.rewrite else None
    judged = with_negative(request.prompt, request.negative_prompt)
    return explained(result, classifiers, request.prompt, offers, judged)


def gate_references(
    services: Services, request: ClipRequest, *, whole: bool = False
) -> list[GateResult]:
    """Judge each file that the clip is to be made from, in order, up to the first not allowed;
    with ``whole`` every one.

    ``request.references`` are paths of local files. Raises :class:`media.errors.MediaError` for
    one that is no picture or video, and :class:`generator.UnsupportedSpec` when the backend
    could not make the clip anyway.
    """
    if not request.references:
        return []
    require(services.generator(request.backend).capabilities(), request.spec())
    context, choice = policy_context(services, request), services.choice(request)
    results: list[GateResult] = []
    for path in request.references:
        results.append(
            judge_reference(
                choice,
                services.frame_checks,
                Path(path),
                context,
                services.frame_settings,
                services.settings.limits.media,
                services.sound_checks,
            )
        )
        if not whole and results[-1].decision.action is not Action.ALLOW:
            break
    return results


def render(
    services: Services,
    request: ClipRequest,
    work: Path,
    on_step: OnStep,
    cancel: Cancel,
    seen: Seen = lambda look: None,
) -> Rendered:
    """Generate the draft into ``work`` with every output check looking on.

    A preview that would be blocked stops the generator. Then there is no draft: ``frames`` is
    0, the signals are those of the preview, and ``coverage["preview"]`` names the step.
    """
    work.mkdir(parents=True, exist_ok=True, mode=0o700)
    generator = services.generator(request.backend)
    context, settings = policy_context(services, request), services.frame_settings
    acting = services.choice(request).acting

    def judged(report: GateReport) -> GateResult:
        return judge(acting, Stage.OUTPUT, report.signals, context, report.coverage)

    def stops(report: GateReport) -> bool:
        return judged(report).decision.action is Action.BLOCK

    def passed(report: GateReport, pixels: Pixels, index: int, total: int) -> None:
        seen(Look(index, total, pixels, judged(report)))

    look = PreviewGate(services.frame_checks, stops, request.seconds, settings, passed)

    def stepped(step: Step) -> None:
        on_step(step)
        look(step.index, step.total, step.preview)

    path = work / "draft.mp4"
    sound = soundtrack_of(request, services.settings.limits.media)
    try:
        draft = render_draft(
            path, generator, request.spec(), services.frame_checks, stepped, cancel, settings, sound
        )
    except PreviewStopped as stopped:
        at = {"stopped_after": stopped.index, "of": stopped.total, "looks": look.looks}
        coverage = {**stopped.report.coverage, "preview": at}
        return Rendered(path, 0, stopped.report.signals, coverage, {}, dict(stopped.report.sealed))
    caption = generator.recaption(request.prompt)
    coverage = {**draft.report.coverage, "preview": {"looks": look.looks}}
    signals = draft.report.signals
    if sound is not None:
        heard = listen(
            open_media(draft.path, services.settings.limits.media), services.sound_checks
        )
        signals += heard.signals
        coverage["sound"] = {**heard.coverage, **sound.told}
    sealed = dict(draft.report.sealed)
    return Rendered(draft.path, draft.frames, signals, coverage, caption, sealed)


def gate_output(services: Services, request: ClipRequest, rendered: Rendered) -> GateResult:
    """Judge what came out of the generator."""
    gate = judge(
        services.choice(request),
        Stage.OUTPUT,
        rendered.signals,
        policy_context(services, request),
        rendered.coverage,
    )
    return replace(gate, sealed=rendered.sealed)


def facts_of(services: Services, request: ClipRequest, clip: str) -> Facts:
    """What the laws on marking want to know of a clip."""
    capabilities = services.generator(request.backend).capabilities()
    return Facts(clip, capabilities.name, capabilities.version, datetime.now(UTC))


def marks(
    services: Services, request: ClipRequest, clip: str, sample: Pixels
) -> tuple[Mark, Assurance]:
    """The visible label, where a law or the settings want one, and then the watermark."""
    watermark, trial = services.marker(clip, sample)
    compliance = services.settings.compliance
    if not compliance.labels:
        return watermark, trial
    label = labeller(
        compliance.text,
        request.width,
        request.height,
        request.spec().fps,
        seconds=LABEL_SECONDS,
        share=LABEL_SHARE,
        font=Path(compliance.label_font) if compliance.label_font else None,
        icon=compliance.label_icon,
        corner=compliance.label_corner,
        opacity=compliance.label_opacity,
    )
    return lambda pixels: watermark(label(pixels)), trial


def finish_clip(
    services: Services, request: ClipRequest, clip: str, rendered: Rendered, work: Path
) -> Path:
    """Mark and encode the draft; returns the unsigned clip, whose thumbnail lies beside it."""
    metadata = container_metadata(services.settings.compliance, facts_of(services, request, clip))
    sample = next(decode(rendered.draft, services.settings.limits.media)).pixels
    mark, trial = marks(services, request, clip, sample)
    store_json(
        work / "watermark.json",
        {
            "survives_test_coding": trial.readable,
            "crf": trial.crf,
            "psnr": round(trial.psnr, 2),
            "strength": round(trial.strength, 3),
        },
    )
    done = finish(
        rendered.draft,
        work / marked_name(request),
        rendered.frames,
        request.spec().fps,
        mark,
        services.settings.encode.model_copy(
            update={"metadata": {**services.settings.encode.metadata, **metadata}}
        ),
        services.settings.limits.media,
    )
    (work / "thumbnail.jpg").write_bytes(done.thumbnail)
    return done.path


def marked_name(request: ClipRequest) -> str:
    """What the marked file is called: a still is a PNG, everything else an MP4."""
    return "marked.png" if request.mode is Mode.IMAGE else "marked.mp4"


def attestation(
    clip: str, gates: dict[str, GateResult], reviews: Sequence[Mapping[str, str]] = ()
) -> dict[str, Any]:
    """What the manifest says of the gates: ``gates`` maps decision ids to results, in order.

    ``reviews`` are people's decisions where a gate asked for one: ``id`` and ``action``.
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


def sign(
    services: Services,
    request: ClipRequest,
    clip: str,
    gates: dict[str, GateResult],
    work: Path,
    destination: Path,
    reviews: Sequence[Mapping[str, str]] = (),
) -> SignedFile:
    """Sign ``work/marked.mp4`` (a picture: ``marked.png``) to ``destination``.

    Its fingerprints are taken first: they are of the marked and encoded picture, which is what
    copies are made of. It is verified before it has that name.
    """
    marked = work / f"marked{destination.suffix}"
    picture = look(marked, services.settings.limits.media)
    fingerprints = [SoftBinding.fingerprint(PDQ_ALGORITHM, pdq_value(picture.hashes))]
    if request.mode is not Mode.IMAGE:
        code = video_code(marked, CODE_BITS, services.settings.limits.media)
        picture = replace(picture, iscc=code.raw)
        fingerprints.insert(0, SoftBinding.fingerprint(ISCC_ALGORITHM, iscc_value(code)))
    capabilities = services.generator(request.backend).capabilities()
    manifest = ManifestRequest(
        title=f"{clip}{destination.suffix}",
        backend=capabilities.name,
        backend_version=capabilities.version,
        digital_source_type=capabilities.digital_source_type,
        attestation={
            **attestation(clip, gates, reviews),
            "watermark": _mark_record(work),
            "prompt": _understood(services, request),
        },
        parameters={
            "seed": request.seed,
            "mode": request.mode.value,
            "size": [request.width, request.height],
            "fps": request.fps,
        },
        watermark=SoftBinding(
            WATERMARK_ALGORITHM, watermark_payload(clip).to_bytes(PAYLOAD_BYTES, "big"), bound=True
        ),
        fingerprints=tuple(fingerprints),
        thumbnail=(work / "thumbnail.jpg").read_bytes(),
        content_id=clip,
        disclosure=Disclosure(
            capabilities.name, f"{capabilities.name}@{capabilities.version}", Oversight.PROMPTED
        ),
        ingredients=tuple(
            Ingredient(Path(path), Relationship.INPUT, f"reference {index + 1}")
            for index, path in enumerate(request.references)
        ),
    )
    manifest = prepare(manifest, services.settings.compliance, facts_of(services, request, clip))
    signed = sign_file(
        marked,
        destination,
        manifest,
        services.identity,
        services.trust,
        timestamps=services.settings.timestamps,
    )
    # before anybody can see the clip: its copies are found as soon as there are any
    services.desk.publish(
        signed,
        clip,
        watermark=manifest.watermark.value if manifest.watermark else None,
        tenant=request.tenant,
        picture=picture,
    )
    return signed


def _understood(services: Services, request: ClipRequest) -> dict[str, Any]:
    """How many parts of the prompt the generator could not express, and how many it chose
    itself. Which ones is prompt text: that stands in the record, not in a public manifest."""
    caption = services.generator(request.backend).recaption(request.prompt)
    return {key: len(caption.get(key, ())) for key in ("unexpressed", "assumed")}


def _mark_record(work: Path) -> dict[str, Any]:
    """What the test of the mark showed; left by :func:`finish_clip`."""
    record: dict[str, Any] = json.loads((work / "watermark.json").read_text("utf-8"))
    return record


def store_json(path: Path, record: dict[str, Any]) -> None:
    """Write ``record`` so that a crash leaves the old file or the new one."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def publish(signed: Path, destination: Path) -> None:
    """Give a verified clip its public name, whole or not at all, also across file systems."""
    try:
        part = destination.with_name(f".{destination.name}.part")
        try:
            shutil.copyfile(signed, part)
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            part.replace(destination)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise StorageFailed(
            f"{destination} could not be written: {error.strerror}",
            "check that the folder exists, is writable and has space",
        ) from error
