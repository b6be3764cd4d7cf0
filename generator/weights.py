"""Weights files: only safetensors, only with the SHA-256 that was pinned."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from generator.errors import WeightsMismatch, WeightsMissing
from media.hashing import sha256_file

_PINS = "pins.json"


@dataclass(frozen=True, slots=True)
class Pin:
    """One pinned file: its SHA-256 (hex), where it comes from and its licence."""

    file: str
    sha256: str
    source: str
    licence: str


def read_pins(folder: Path) -> dict[str, Pin]:
    """The pins of ``folder`` by file name. Raises :class:`WeightsMissing` without a pins file."""
    try:
        listed = json.loads((folder / _PINS).read_text())
        return {name: Pin(name, **values) for name, values in listed.items()}
    except FileNotFoundError as error:
        raise WeightsMissing(
            f"{folder} has no {_PINS}", "give the folder of weights that the project ships"
        ) from error
    except (OSError, ValueError, TypeError) as error:
        raise WeightsMismatch(f"{folder / _PINS} cannot be read", "restore it") from error


def verified(folder: Path) -> dict[str, Pin]:
    """Check every pinned file of ``folder`` before anything is loaded.

    Raises :class:`WeightsMissing`, and :class:`WeightsMismatch` for another SHA-256 or a name
    that is not ``*.safetensors`` (a pickle can run code when it is loaded).
    """
    pins = read_pins(folder)
    for pin in pins.values():
        path = folder / pin.file
        if path.suffix != ".safetensors":
            raise WeightsMismatch(f"{pin.file} is no safetensors file", "convert it first")
        if not path.is_file():
            raise WeightsMissing(
                f"the weights file {path} is missing", "restore it from the source"
            )
        if sha256_file(path) != pin.sha256:
            raise WeightsMismatch(
                f"{path} is not the file that was pinned (wrong SHA-256)",
                "restore it from the source, or pin the new one after checking it",
            )
    return pins


def pin(folder: Path, source: str, licence: str) -> None:
    """Write the pins of all safetensors files of ``folder``, after training."""
    pins = {
        path.name: {"sha256": sha256_file(path), "source": source, "licence": licence}
        for path in sorted(folder.glob("*.safetensors"))
    }
    (folder / _PINS).write_text(json.dumps(pins, indent=2) + "\n")
