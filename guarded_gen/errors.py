"""The errors of the top, by who is at fault, and one place that knows every error's outcome.

``code`` is stable and goes to users; ``remedy`` is one sentence about what to do now.
:func:`describe` turns any error of the lower rooms into the same shape.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

from classifiers.errors import ClassifierError
from generator.errors import (
    BackendNotInstalled,
    GeneratorError,
    UnknownBackend,
    UnsupportedSpec,
)
from media.errors import MediaError, MediaLimitExceeded, UnreadableMedia
from policies.errors import PolicyError
from provenance.errors import ComplianceUnmet, ProvenanceError


class Exit(IntEnum):
    """Exit codes of the command line, kept for good."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    BLOCKED = 3
    HELD = 4


class GuardedGenError(Exception):
    """Base of the top's errors."""

    code = "internal_error"
    http_status = 500
    exit_code = Exit.FAILED

    def __init__(self, message: str, remedy: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.param = param


class InvalidInput(GuardedGenError):
    """The caller asked for something that cannot be."""

    code = "invalid_input"
    http_status = 400
    exit_code = Exit.USAGE


class LimitExceeded(InvalidInput):
    """A value is past a limit of the settings."""

    code = "limit_exceeded"


class NotFound(GuardedGenError):
    """There is no such thing, or the caller may not know of it."""

    code = "not_found"
    http_status = 404


class Conflict(GuardedGenError):
    """The thing is in another state than the call needs."""

    code = "conflict"
    http_status = 409


class Blocked(GuardedGenError):
    """A policy refused. ``param`` carries nothing; the decision says why."""

    code = "moderation_blocked"
    http_status = 400
    exit_code = Exit.BLOCKED


class StorageFailed(GuardedGenError):
    """The disk or the object store refused (full, read-only, unreachable)."""

    code = "storage_failed"
    http_status = 507


class DiskFull(StorageFailed):
    """There is no room: the disk is full, or less is free than ``limits.min_free_bytes``."""

    code = "disk_full"

    def __init__(self, message: str = "the disk is full") -> None:
        super().__init__(message, "the operator must make room; then send it again")


def no_space(error: BaseException | None) -> bool:
    """Whether a full disk is the cause, however many errors it was wrapped in."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__
    return False


class LogCorrupt(GuardedGenError):
    """The audit log does not verify."""

    code = "log_corrupt"


class PackageMissing(GuardedGenError):
    """A library that one of our extras brings is not installed; ``library`` is its import name."""

    code = "runtime_missing"

    def __init__(self, library: str) -> None:
        extra = extra_of(library)
        super().__init__(
            f"this needs {f'guarded-gen[{extra}]' if extra else library}: {library} is missing",
            f"pip install '{f'guarded-gen[{extra}]' if extra else library}'",
        )


_DISTRIBUTIONS = {
    "PIL": "pillow",
    "ahocorasick": "pyahocorasick",
    "cv2": "opencv-python-headless",
    "faiss": "faiss-cpu",
    "jwt": "pyjwt",
    "multipart": "python-multipart",
    "pkcs11": "python-pkcs11",
    "starlette": "fastapi",
}
"""What to install for modules that are called otherwise."""


def extra_of(library: str) -> str:
    """The extra of ours that brings a module, the smallest of several; empty where none does."""
    from importlib.metadata import PackageNotFoundError, requires

    top = library.partition(".")[0]
    wanted = _canonical(_DISTRIBUTIONS.get(top, top))
    brought: dict[str, int] = {}
    fitting = []
    try:
        lines = requires("guarded-gen") or []
    except PackageNotFoundError:
        return ""
    for line in lines:
        found = re.match(r"([\w.-]+).*;.*extra\s*==\s*['\"]([\w-]+)['\"]", line)
        if found is None:
            continue
        name, extra = _canonical(found[1]), found[2]
        brought[extra] = brought.get(extra, 0) + 1
        if name == wanted:
            fitting.append(extra)
    return min(fitting, key=lambda extra: (brought[extra], extra), default="")


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


class ConfigInvalid(GuardedGenError):
    """A setting is wrong."""

    code = "invalid_configuration"
    exit_code = Exit.USAGE


@dataclass(frozen=True, slots=True)
class Described:
    code: str
    message: str
    remedy: str | None
    param: str | None
    http_status: int
    exit_code: Exit


_USAGE = (
    BackendNotInstalled,
    UnsupportedSpec,
    UnknownBackend,
    MediaLimitExceeded,
    PolicyError,
    ComplianceUnmet,
)
_BAD_MEDIA = (UnreadableMedia,)


_ABSOLUTE = re.compile(r"(?<![\w:/.~-])/([^\s/'\"<>:,;]+)(?:/[^\s/'\"<>:,;]*)*")


def _without_paths(text: str) -> str:
    """The same text with the places of this machine cut down to their last name.

    A path is one of this machine when its first folder is there, so that addresses of the API
    (``/v1/…``) stay.
    """

    def name(match: re.Match[str]) -> str:
        here = Path("/", match.group(1)).exists()
        return match.group(0).rstrip("/").rpartition("/")[2] if here else match.group(0)

    return _ABSOLUTE.sub(name, text)


_ROOMS = ("guarded_gen", "classifiers", "generator", "provenance", "policies", "media")


def _not_ours(module: str) -> bool:
    return module.partition(".")[0] not in _ROOMS


def describe(error: BaseException, *, local: bool = False) -> Described:
    """The user's view of any error; what is unknown becomes ``internal_error``, without detail.

    ``local`` is for people at this machine: they are told which path it was. Whoever asks over
    the network never is.
    """
    told = _describe(error)
    if local:
        return told
    remedy = _without_paths(told.remedy) if told.remedy else None
    return replace(told, message=_without_paths(told.message), remedy=remedy)


def _describe(error: BaseException) -> Described:
    if no_space(error) and not isinstance(error, DiskFull):
        return _describe(DiskFull())
    if isinstance(error, ModuleNotFoundError) and error.name and _not_ours(error.name):
        error = PackageMissing(error.name)
    if isinstance(error, GuardedGenError):
        return Described(
            error.code, str(error), error.remedy, error.param, error.http_status, error.exit_code
        )
    rooms = (PolicyError, MediaError, ClassifierError, GeneratorError, ProvenanceError)
    if isinstance(error, rooms):
        usage = isinstance(error, _USAGE)
        status = 400 if usage or isinstance(error, _BAD_MEDIA) else 500
        exit_code = Exit.USAGE if usage else Exit.FAILED
        return Described(error.code, str(error), error.remedy, None, status, exit_code)
    if isinstance(error, OSError):
        text = error.strerror or type(error).__name__
        where = f": {error.filename}" if error.filename else ""
        return Described(
            "storage_failed",
            f"{text}{where}",
            "check the path, its rights and the free space",
            None,
            507,
            Exit.FAILED,
        )
    return Described(
        "internal_error",
        "an unexpected error happened",
        "set GUARDED_GEN_LOG=debug to see where, and report it",
        None,
        500,
        Exit.FAILED,
    )
