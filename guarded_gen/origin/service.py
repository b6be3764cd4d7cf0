"""The provenance desk: everything that is asked of an uploaded or published file, in one place.

Verification, watermark, fingerprint and registry come together here. Nothing about who asks is
kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from guarded_gen.origin.detection import DetectorAnswer
from guarded_gen.origin.registry import SqlRegistry
from guarded_gen.origin.soft_bindings import MarksAndPicture, SoftBindings
from media.limits import MediaLimits
from provenance.certificates import SigningIdentity
from provenance.containers import ContainerBroken, read_container
from provenance.formats import detect_file
from provenance.fragments import joined, verify_stream
from provenance.isolation import Sandbox
from provenance.jumbf import StoreBroken, parse_store
from provenance.limits import ProvenanceLimits
from provenance.picture import Picture, look
from provenance.products import Product, named
from provenance.reading import Reading, read, read_labels
from provenance.recovery import (
    PublishedFile,
    Recovery,
    RecoverySettings,
    RecoveryState,
    recover,
)
from provenance.report import Evidence, OtherEvidence, ProvenanceReport, State, weigh
from provenance.signer import SignedFile
from provenance.trust import TrustList
from provenance.verdicts import Verdict, VerificationReport
from provenance.verifier import verify

Prove = Callable[[PublishedFile], tuple[int, Mapping[str, Any]] | None]
"""The audit log's index and inclusion proof of a published file's entry, if it has one."""
Known = Callable[[Picture], Sequence[str] | None]
"""Names of the banks that know a picture, with the item; None when no bank can be asked."""
Detect = Callable[[Path, float], DetectorAnswer]
"""What a calibrated detector says of a file, within so many seconds."""
_THUMBNAIL_LABELS = ("c2pa.thumbnail.claim", "c2pa.thumbnail.claim.jpeg")


@dataclass(frozen=True, slots=True)
class Asking:
    """Who is asked beside the file itself; None: nobody."""

    prove: Prove | None = None
    known: Known | None = None
    detect: Detect | None = None


class OriginService:
    """Answers where a file comes from; safe to share between threads; close it when done.

    ``identity`` and ``trust`` may be functions, asked for each report, so that new keys and lists
    count without a restart. ``keys_folder`` holds the watermark's keys. Children of two sizes
    stay warm: small ones verify, larger ones decode.
    """

    def __init__(
        self,
        identity: SigningIdentity | Callable[[], Sequence[SigningIdentity]],
        trust: TrustList | Callable[[], TrustList],
        registry: SqlRegistry,
        keys_folder: Path,
        *,
        asking: Asking | None = None,
        media: MediaLimits | None = None,
        products: Sequence[Product] = (),
    ) -> None:
        asking = asking or Asking()
        self.registry = registry
        self._trust = trust
        self._identity = identity
        self._keys = keys_folder
        self._prove = asking.prove
        self._limits = ProvenanceLimits()
        self._media = media or MediaLimits()
        self._known = asking.known
        self._detect = asking.detect
        self._products = products
        self._small = Sandbox(workers=1, memory_bytes=self._limits.verify_memory_bytes)
        self._large = Sandbox(workers=1, memory_bytes=self._limits.picture_memory_bytes)

    def __enter__(self) -> OriginService:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._small.close()
        self._large.close()

    @property
    def trust(self) -> TrustList:
        return self._trust if isinstance(self._trust, TrustList) else self._trust()

    def publish(
        self,
        signed: SignedFile,
        content_id: str,
        *,
        watermark: bytes | None = None,
        tenant: str = "default",
        picture: Picture | None = None,
    ) -> PublishedFile:
        """Remember a file that this installation signed, so that its copies are found again.

        ``picture`` is what it looks like, with its ISCC digest; by default it is looked at.
        """
        picture = picture or look(signed.path, self._media)
        manifest = signed.report.manifest
        file = PublishedFile(
            content_id,
            signed.manifest_label,
            signed.sha256,
            signed.store,
            str(manifest.get("title", "")),
            str(signed.report.file.get("mime", "")),
            int(time.time() * 1000),
            watermark,
            picture,
            None,
            tenant,
        )
        self.registry.publish(file)
        return file

    def report(
        self,
        path: Path,
        *,
        at: datetime | None = None,
        trust: TrustList | None = None,
        deep: bool | None = None,
        crjson: bool = False,
        segments: Sequence[Path] = (),
    ) -> ProvenanceReport:
        """Weigh all evidence about a file.

        ``deep`` decodes it to read its mark and its picture: by default only when trusted
        credentials do not settle the question already. With ``segments``, ``path`` is a stream's
        initialisation segment and they are its media segments, in order.

        Raises :class:`VerifierUnavailable`; never for what is in the file.
        """
        if segments:
            with joined(path, segments, self._limits.max_file_bytes) as film:
                stream = verify_stream(
                    path, segments, trust or self.trust, self._limits, at=at, sandbox=self._small
                )
                return self._weighed(film, stream.whole, deep)
        verification = verify(
            path, trust or self.trust, self._limits, at=at, crjson=crjson, sandbox=self._small
        )
        return self._weighed(path, verification, deep)

    def _weighed(
        self, path: Path, verification: VerificationReport, deep: bool | None
    ) -> ProvenanceReport:
        verification = named(verification, self._products)
        reading = Reading()
        if deep is None:
            deep = verification.verdict is not Verdict.TRUSTED
        # credentials that cannot be read say nothing about the picture: it is looked at too
        deep = deep and not _no_file(verification)
        if deep:
            reading = read(path, self._keys, self._large, self._limits, self._media)
        checked = deep and not reading.problem
        found = recover(
            self.registry,
            marks=reading.marks,
            picture=reading.picture,
        )
        found = self.proven(found)
        asked = DetectorAnswer()
        if checked and self._detect is not None:
            asked = self._detect(path, self._limits.picture_seconds)
        signer = verification.signer
        ours = signer is not None and signer.sha256 in self._own_certificates()
        return weigh(
            verification,
            found,
            OtherEvidence(
                marks=len(reading.marks),
                watermark=checked,
                fingerprint=checked,
                hash_banks=self._banks(reading.picture),
                container=reading.labels,
                detector=asked.score,
                detector_failed=asked.failed,
                no_libraries=reading.no_libraries,
            ),
            ours=ours,
            thumbnail=self._thumbnail(path) if verification.verdict is Verdict.TRUSTED else None,
        )

    def proven(self, found: Recovery) -> Recovery:
        """With the log's proof of each clip that the marks of a video led to."""
        others = tuple(self.proven(other) for other in found.others)
        proved = self._prove(found.match) if self._prove and found.match is not None else None
        if proved is None or found.match is None:
            return replace(found, others=others)
        match = replace(found.match, log_index=proved[0])
        return replace(found, others=others, match=match, proof=proved[1])

    def _banks(self, picture: Picture | None) -> Sequence[str] | None:
        """Banks of our own output that know a picture; None when none was asked."""
        if picture is None or self._known is None:
            return None
        return self._known(picture)

    def carried(
        self, path: Path, trust: TrustList | None = None
    ) -> tuple[VerificationReport, Mapping[str, str]]:
        """The verification of a file and the labels in its container, without decoding it."""
        verification = verify(path, trust or self.trust, self._limits, sandbox=self._small)
        if _no_file(verification):
            return verification, {}
        return verification, read_labels(path, self._large, self._limits)

    def _own_certificates(self) -> frozenset[str]:
        if isinstance(self._identity, SigningIdentity):
            return frozenset({self._identity.fingerprint})
        return frozenset(identity.fingerprint for identity in self._identity())

    def _thumbnail(self, path: Path) -> bytes | None:
        """The picture inside the credentials of a file that was found trusted."""
        kind = detect_file(path)
        if kind is None:
            return None
        try:
            stores = read_container(path, kind, self._limits).stores
            active = parse_store(stores[0], self._limits).active if stores else None
        except (ContainerBroken, StoreBroken):
            return None
        assertions = active.box.child("c2pa.assertions") if active else None
        for label in _THUMBNAIL_LABELS:
            found = assertions.child(label) if assertions else None
            for name, body in found.contents if found else ():
                if name == b"bidb" and len(body) <= self._limits.max_thumbnail_bytes:
                    return body
        return None

    def soft_bindings(self) -> SoftBindings:
        """The Soft Binding Resolution API's logic over this desk."""

        def marks_and_picture(path: Path) -> MarksAndPicture:
            found = read(path, self._keys, self._large, self._limits, self._media, iscc=True)
            return MarksAndPicture(found.marks, found.picture)

        return SoftBindings(self.registry, marks_and_picture, RecoverySettings(), self._limits)


def content_provenance_check(report: ProvenanceReport, now: int | None = None) -> dict[str, Any]:
    """The answer of ``POST /v1/content_provenance_checks``: the SDK's shape, with additions.

    ``outcome`` is ``detected`` for credentials that hold, whoever signed; ``validation_state``
    (the SDK's four words) and ``sentence`` say how far to believe them.
    """
    verification = report.verification
    by_kind = {finding.kind: finding for finding in report.findings}
    actions = verification.manifest.get("actions") or []
    created = actions[0] if actions else {}
    agent = created.get("softwareAgent") or {}
    intact = verification.intact
    recovered = report.recovery.state is RecoveryState.RECOVERED

    def result(kind: Evidence, detected: bool, **more: Any) -> dict[str, Any]:
        finding = by_kind[kind]
        checked = finding.state is not State.NOT_CHECKED
        return {
            "type": _TYPES[kind],
            "outcome": "detected" if detected else "not_detected",
            "checked": checked,
            "sentence": finding.sentence,
            **more,
        }

    c2pa = result(
        Evidence.CREDENTIALS,
        intact,
        issuer=verification.signer.organisation if verification.signer and intact else None,
        model=agent.get("name") if intact else None,
        generated_at=created.get("when") if intact else None,
        validation_state=_VALIDATION_STATES[verification.verdict],
        manifest=verification.manifest_label or None,
    )
    match = report.recovery.match if recovered else None
    watermark = result(
        Evidence.WATERMARK,
        by_kind[Evidence.WATERMARK].state is State.FOUND,
        content_id=match.content_id if match else None,
        state=report.recovery.state.value,
    )
    likeness = result(
        Evidence.FINGERPRINT,
        by_kind[Evidence.FINGERPRINT].state is State.FOUND,
        similarity=report.recovery.similarity,
    )
    return {
        "object": "content_provenance_check",
        "created_at": now if now is not None else int(time.time()),
        "results": [c2pa, watermark, likeness],
        "verdict": verification.verdict.value,
        "origin": report.origin.value,
        "summary": f"{report.headline} {report.explanation}",
        "recovery": report.recovery.to_json(),
        "report": report.to_json(),
    }


def _no_file(verification: VerificationReport) -> bool:
    """Whether there is nothing that could be decoded: no file, an empty or a too large one."""
    codes = {finding.code for finding in verification.findings}
    return verification.verdict is Verdict.UNREADABLE and bool(codes & _NOTHING_TO_DECODE)


_NOTHING_TO_DECODE = frozenset(
    {"file.unreadable", "file.irregular", "file.empty", "file.is_sidecar", "limit.file_bytes"}
)
_TYPES = {
    Evidence.CREDENTIALS: "c2pa",
    Evidence.WATERMARK: "watermark",
    Evidence.FINGERPRINT: "fingerprint",
}
_VALIDATION_STATES = {
    Verdict.TRUSTED: "trusted",
    Verdict.VALID_UNTRUSTED: "valid",
    Verdict.TAMPERED: "invalid",
    Verdict.MALFORMED: "invalid",
    Verdict.NOT_JUDGED: "invalid",
    Verdict.UNREADABLE: "invalid",
    Verdict.UNSIGNED: "not_present",
    Verdict.REMOTE_ONLY: "not_present",
}
