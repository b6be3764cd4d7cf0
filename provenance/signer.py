"""Signing: to a temporary file, verified as a stranger would, then renamed.

Nothing is ever at the destination but a file that has just been verified: the C2PA library
destroys its input when source and destination are the same, and leaves a bad file behind when
its own check fails, so it never sees the destination. It also swallows exceptions of signing
callbacks: they are kept here and raised.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import c2pa

from provenance.certificates import SigningIdentity
from provenance.containers import ContainerBroken, read_container
from provenance.errors import (
    CredentialInvalid,
    HistoryErased,
    IngredientUnusable,
    ProvenanceError,
    SigningFailed,
    TimestampUnavailable,
)
from provenance.formats import FileKind, detect_file
from provenance.isolation import Sandbox
from provenance.limits import ProvenanceLimits
from provenance.manifest import ManifestRequest, Relationship, build, ingredient_id
from provenance.profile import check_identity
from provenance.revocation import Revocation, judge_response
from provenance.stapling import staple
from provenance.timestamps import Relay, RelayResult, TimestampSettings, WhenUnanswered
from provenance.trust import TrustList
from provenance.verdicts import Verdict, VerificationReport
from provenance.verifier import SIDECAR_SUFFIX, examine, library_settings, verify

_THUMBNAIL = "thumbnail.jpg"
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A signed and verified file. ``sha256`` is of the whole file; ``store`` its manifest store.

    ``revocation`` says what became of the OCSP response beside the chain; empty: there is none.
    """

    path: Path
    manifest_label: str
    sha256: str
    size: int
    store: bytes
    report: VerificationReport
    timestamped: bool
    timestamp_failures: tuple[str, ...] = ()
    sidecar: Path | None = None
    revocation: str = ""


class _RememberingKey:
    """Keeps what the library would swallow."""

    def __init__(self, identity: SigningIdentity) -> None:
        self._key = identity.key
        self.error: BaseException | None = None

    def __call__(self, data: bytes) -> bytes:
        try:
            return self._key.sign(data)
        except BaseException as error:
            self.error = error
            raise


def sha256_file(path: Path) -> str:
    """SHA-256 of a file, hex; reads it in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _temporary(destination: Path) -> Iterator[Path]:
    descriptor, name = tempfile.mkstemp(
        prefix=f".{destination.name}.", suffix=destination.suffix, dir=destination.parent
    )
    os.close(descriptor)
    path = Path(name)
    try:
        yield path
    finally:
        with suppress(FileNotFoundError):
            path.unlink()


def _kind_of(path: Path, what: str) -> FileKind:
    kind = detect_file(path)
    if kind is None or kind.mime == "application/c2pa":
        raise SigningFailed(f"{what} is no media file that can be signed", "give MP4, JPEG or PNG")
    return kind


def _check_history(
    source: Path,
    kind: FileKind,
    request: ManifestRequest,
    limits: ProvenanceLimits,
    sandbox: Sandbox,
) -> None:
    """Refuse to put a fresh manifest over an old one that is not the declared parent."""
    try:
        container = read_container(source, kind, limits)
    except ContainerBroken as error:
        raise SigningFailed(f"{source.name} cannot be signed: {error}") from error
    if not container.stores and container.remote_url is None:
        return
    report = verify(source, TrustList(), limits, sandbox=sandbox)
    parents = [i for i in request.resolved_ingredients() if i.relationship is Relationship.PARENT]
    if parents and report.verdict is not Verdict.REMOTE_ONLY:
        parent = verify(parents[0].path, TrustList(), limits, sandbox=sandbox)
        if parent.manifest_label and parent.manifest_label == report.manifest_label:
            return
    raise HistoryErased(
        "the source already carries credentials, and signing it anew would erase them",
        "give the signed file as the parent ingredient, or sign the unsigned original",
    )


def _add_ingredients(
    builder: Any, request: ManifestRequest, limits: ProvenanceLimits, sandbox: Sandbox
) -> None:
    ingredients = request.resolved_ingredients()
    if len(ingredients) > limits.max_ingredients:
        raise IngredientUnusable(f"more than {limits.max_ingredients} ingredients")
    for index, ingredient in enumerate(ingredients):
        try:
            kind = detect_file(ingredient.path)
        except OSError as error:
            raise IngredientUnusable(
                f"{ingredient.path.name}: {error.strerror}", "check the path"
            ) from error
        if kind is None:
            raise IngredientUnusable(f"{ingredient.path.name} is no media file")
        # the library parses it in this process: hostile ones are stopped in the child before
        checked = verify(ingredient.path, TrustList(), limits, sandbox=sandbox)
        if checked.verdict is Verdict.UNREADABLE:
            raise IngredientUnusable(
                f"{ingredient.path.name}: {checked.findings[0].message}", "give another file"
            )
        if checked.verdict is Verdict.TAMPERED:
            raise IngredientUnusable(
                f"{ingredient.path.name} was altered after it was signed",
                "give the original; an altered source would taint this file's history",
            )
        entry = {
            "title": ingredient.title or ingredient.path.name,
            "relationship": ingredient.relationship.value,
            "label": ingredient_id(index),
        }
        with ingredient.path.open("rb") as file:
            builder.add_ingredient(entry, kind.mime, file)


@dataclass(frozen=True, slots=True)
class _Job:
    """One attempt's inputs."""

    source: Path
    target: Path
    kind: FileKind
    request: ManifestRequest
    identity: SigningIdentity
    trust: TrustList
    limits: ProvenanceLimits
    sandbox: Sandbox


def _write_stamped(job: _Job, timestamps: TimestampSettings | None) -> tuple[bytes, RelayResult]:
    """Sign with a time-stamp, or by the policy without one; the store and what was asked."""
    if timestamps is None or not timestamps.servers:
        return _write(job, None), RelayResult()
    with Relay(timestamps) as relay:
        try:
            return _write(job, relay.url), relay.asked
        except SigningFailed as error:
            asked = relay.asked
            if asked.answered_by or not asked.failures:
                raise
            if timestamps.when_unanswered is WhenUnanswered.REFUSE:
                raise TimestampUnavailable(
                    "no time-stamp server answered: " + "; ".join(asked.failures),
                    "try again, add a server, or allow signing without a time-stamp",
                ) from error
    return _write(job, None), asked


def _write(job: _Job, timestamp_url: str | None) -> bytes:
    key = _RememberingKey(job.identity)
    request = job.request
    definition = build(request)
    definition["format"] = job.kind.mime
    if request.thumbnail:
        if len(request.thumbnail) > job.limits.max_thumbnail_bytes:
            raise SigningFailed(
                f"the thumbnail is larger than {job.limits.max_thumbnail_bytes} bytes"
            )
        definition["thumbnail"] = {"format": "image/jpeg", "identifier": _THUMBNAIL}
    try:
        context = c2pa.Context.from_dict(library_settings(job.trust))
        with (
            c2pa.Builder(definition, context=context) as builder,
            c2pa.Signer.from_callback(
                key,
                c2pa.C2paSigningAlg[job.identity.key.algorithm.name],
                job.identity.chain_pem.decode("ascii"),
                timestamp_url,
            ) as signer,
        ):
            if not job.kind.embeds:
                builder.set_no_embed()
            if request.thumbnail:
                builder.add_resource(_THUMBNAIL, io.BytesIO(request.thumbnail))
            _add_ingredients(builder, request, job.limits, job.sandbox)
            with (
                job.source.open("rb", buffering=_CHUNK) as read,
                job.target.open("w+b", buffering=_CHUNK) as write,
            ):
                store: bytes = builder.sign(signer, job.kind.mime, read, write)
                write.flush()
                os.fsync(write.fileno())
    except c2pa.C2paError as error:
        if isinstance(key.error, ProvenanceError):
            raise key.error from error
        raise SigningFailed(f"the file was not signed: {error}") from (key.error or error)
    if key.error is not None:
        raise SigningFailed("the key did not sign") from key.error
    return store


def revocation_data(identity: SigningIdentity) -> tuple[bytes | None, str]:
    """The OCSP response to put beside a signature now, and what is to be told about it.

    Raises :class:`CredentialInvalid` when it says that the certificate was revoked.
    """
    path = identity.ocsp_file
    if path is None or not path.is_file():
        return None, ""
    try:
        response = path.read_bytes()
    except OSError as error:
        return None, f"{path.name} cannot be read: {error.strerror}"
    chain = (*identity.chain, *((identity.root,) if identity.root else ()))
    state = judge_response(response, chain, datetime.now(UTC))
    if state is Revocation.REVOKED:
        raise CredentialInvalid(
            "the signing certificate was revoked", "get a new certificate; this one signs no more"
        )
    if state is Revocation.GOOD:
        return response, "stapled"
    return None, f"{path.name} is out of date or about another certificate: renew it"


def require_credential(identity: SigningIdentity) -> None:
    """Raise :class:`CredentialInvalid` when this identity may not sign claims now, with why."""
    problems = check_identity(identity, datetime.now(UTC))
    if problems:
        raise CredentialInvalid(
            "the signing certificate does not fit: " + "; ".join(p.message for p in problems),
            "get a certificate of the C2PA profile, or renew it",
        )


def sign_file(
    source: Path,
    destination: Path,
    request: ManifestRequest,
    identity: SigningIdentity,
    trust: TrustList,
    *,
    limits: ProvenanceLimits | None = None,
    sandbox: Sandbox | None = None,
    timestamps: TimestampSettings | None = None,
) -> SignedFile:
    """Sign ``source`` into ``destination``, which appears only when it verifies.

    Works for MP4, QuickTime, JPEG, PNG and WebP; WebM and Matroska cannot hold credentials and
    get them in a sidecar named ``<file>.c2pa``. The result is ``trusted`` against ``trust``,
    or ``valid_untrusted`` only because an ingredient's signer is unknown. On any failure
    nothing is left at or beside the destination, and ``source`` is never changed; both may be
    the same path. Cost: three passes over the file, memory independent of its size.

    With ``timestamps`` the claim's signature is time-stamped; when no server answers, their
    policy says whether that ends the signing or is only told in ``SignedFile.timestamped``.

    Raises :class:`SigningFailed`, :class:`HistoryErased`, :class:`IngredientUnusable`,
    :class:`CredentialInvalid`, :class:`KeyUnavailable`, :class:`TimestampUnavailable`, or
    ``OSError`` when the disk refuses.
    """
    chosen = limits or ProvenanceLimits()
    require_credential(identity)
    response, revocation = revocation_data(identity)
    kind = _kind_of(source, source.name)
    if source.stat().st_size > chosen.max_file_bytes:
        raise SigningFailed(f"{source.name} is larger than {chosen.max_file_bytes} bytes")
    beside = sidecar_of(destination)
    with (
        Sandbox(memory_bytes=chosen.verify_memory_bytes) as own,
        _temporary(destination) as target,
        _temporary(beside) as aside,
        ThreadPoolExecutor(1) as pool,
    ):
        guard = sandbox or own
        _check_history(source, kind, request, chosen, guard)
        job = _Job(source, target, kind, request, identity, trust, chosen, guard)
        store, asked = _write_stamped(job, timestamps)
        if not kind.embeds:
            aside.write_bytes(store)
        if response is not None:
            try:
                store = staple(target if kind.embeds else aside, store, response, chosen)
            except SigningFailed as error:  # a file that is good without it
                revocation = str(error)
        # hashing and verifying both read the whole file: side by side
        digest = pool.submit(sha256_file, target)
        report = examine(target, trust, limits=chosen, sidecar=None if kind.embeds else aside)
        require_good(report)
        signed = SignedFile(
            destination,
            report.manifest_label,
            digest.result(),
            target.stat().st_size,
            store,
            report,
            report.timestamp is not None,
            tuple(asked.failures),
            None if kind.embeds else beside,
            revocation,
        )
        if not kind.embeds:
            _publish(aside, beside)
        _publish(target, destination)
    return signed


def sidecar_of(path: Path) -> Path:
    """Where the credentials of a file that cannot hold them lie: beside it."""
    return path.with_name(path.name + SIDECAR_SUFFIX)


def _publish(made: Path, name: Path) -> None:
    made.chmod(0o644)
    made.replace(name)


def require_good(report: VerificationReport) -> None:
    """Raise :class:`SigningFailed` unless a stranger would accept what was just signed."""
    only_history = report.verdict is Verdict.VALID_UNTRUSTED and all(
        f.code == "history.untrusted" for f in report.failures
    )
    if report.verdict is Verdict.TRUSTED or only_history:
        return
    reasons = "; ".join(f"{f.code}: {f.message}" for f in report.failures) or report.summary
    raise SigningFailed(
        f"the signed file does not verify as trusted ({report.verdict}): {reasons}",
        "check the signing certificate against the trust list",
    )
