"""Models of the Hugging Face hub, by repository, commit and the SHA-256 of every file.

Nothing is fetched unless the caller allows the network, and nothing that the settings do not name:
no listing is asked, so a repository that changes cannot slip a file in. Where there is no network
the same files are taken from a folder, with the same proof.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import httpx
from pydantic import BaseModel, ConfigDict, Field, field_validator

from classifiers.errors import ClassifierError, UnsafeWeightsFormat, WeightsMismatch, WeightsMissing
from classifiers.registry import FETCH_TIMEOUT_S, SAFE_SUFFIXES, Pin, check_format
from media.hashing import sha256_file

if TYPE_CHECKING:
    from classifiers.registry import WeightsRegistry

ENDPOINT = "https://huggingface.co"

MAX_FILE_BYTES = 40 * 1024**3
"""Largest single file fetched."""

_CHUNK = 1 << 20


class NetworkRefused(ClassifierError):
    """The files lie on a server, and asking servers was not allowed."""

    code = "network_refused"


class HubModel(BaseModel):
    """Where a model lies, and what its files are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repo: str = Field(
        pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$", description="organisation/name"
    )
    revision: str = Field(
        pattern=r"^[0-9a-f]{40}$", description="the commit; a branch's name could move"
    )
    files: dict[str, str] = Field(min_length=1, description="path in the repository to SHA-256")
    licence: str = Field(min_length=1, description="SPDX expression of the weights' licence")

    @field_validator("files")
    @classmethod
    def _plain(cls, files: dict[str, str]) -> dict[str, str]:
        for name, digest in files.items():
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or path.as_posix() != name:
                raise ValueError(f"{name!r} is no path inside a repository")
            if path.suffix not in SAFE_SUFFIXES:
                raise ValueError(f"{name!r}: only {', '.join(SAFE_SUFFIXES)} are taken")
            if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
                raise ValueError(f"{name!r}: a SHA-256 has 64 hexadecimal digits")
        return files

    @property
    def source(self) -> str:
        return f"{ENDPOINT}/{self.repo} at {self.revision}"


def pull(
    registry: WeightsRegistry,
    name: str,
    model: HubModel,
    *,
    allow_network: bool = False,
    folder: Path | None = None,
    endpoint: str = ENDPOINT,
    step: Callable[[str], None] = lambda file: None,
) -> list[Pin]:
    """Take the model's files from ``folder``, or from the hub, and pin them under ``name``.

    All or nothing. Raises :class:`NetworkRefused`, :class:`WeightsMissing` for what cannot be
    had, :class:`WeightsMismatch` for other bytes than named, and
    :class:`UnsafeWeightsFormat` for a file that could run code.
    """
    if folder is None and not allow_network:
        raise NetworkRefused(
            f"{name} lies at {ENDPOINT}/{model.repo}",
            "allow it with --allow-network, or bring the files with --from FOLDER",
        )
    registry.folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".hub-", dir=registry.folder))
    try:
        for file, digest in model.files.items():
            step(file)
            target = work / file
            target.parent.mkdir(parents=True, exist_ok=True)
            if folder is not None:
                _copy(folder / file, target)
            else:
                _fetch(f"{endpoint}/{model.repo}/resolve/{model.revision}/{file}", target)
            if sha256_file(target) != digest:
                raise WeightsMismatch(
                    f"{name}: {file} is not the file that the settings name",
                    "compare repository, revision and SHA-256",
                )
            check_format(target)
        return registry.add(name, work, licence=model.licence, source=model.source)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise WeightsMissing(
            f"{source}: {error.strerror}", "give the folder that holds the repository's files"
        ) from error


def _fetch(url: str, target: Path) -> None:
    try:
        with (
            httpx.stream("GET", url, timeout=FETCH_TIMEOUT_S, follow_redirects=True) as answer,
            target.open("wb") as out,
        ):
            answer.raise_for_status()
            size = 0
            for chunk in answer.iter_bytes(_CHUNK):
                size += len(chunk)
                if size > MAX_FILE_BYTES:
                    raise UnsafeWeightsFormat(f"{url}: larger than {MAX_FILE_BYTES} bytes")
                out.write(chunk)
    except httpx.HTTPError as error:
        raise WeightsMissing(
            f"{url} could not be fetched ({type(error).__name__})",
            "check repository and revision; gated models need to be brought with --from",
        ) from error
