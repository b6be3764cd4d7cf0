"""Which backends there are, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from generator.base import Generator
from generator.errors import BackendNotInstalled, UnknownBackend, UnsupportedSpec


def _world(settings: Mapping[str, Any]) -> Generator:
    from generator.world.backend import WorldGenerator

    return WorldGenerator(**settings)


def _dit(settings: Mapping[str, Any]) -> Generator:
    from generator.dit.backend import DiTGenerator

    return DiTGenerator(**settings)


def _diffusers(settings: Mapping[str, Any]) -> Generator:
    from generator.diffusers import DiffusersGenerator, DiffusersSettings

    return DiffusersGenerator(DiffusersSettings(**settings))


def _remote(settings: Mapping[str, Any]) -> Generator:
    from generator.remote import RemoteGenerator, RemoteSettings

    return RemoteGenerator(RemoteSettings(**settings))


_BACKENDS: dict[str, Callable[[Mapping[str, Any]], Generator]] = {
    "diffusers": _diffusers,
    "dit": _dit,
    "remote": _remote,
    "world": _world,
}


_EXTRAS = {"diffusers": "diffusers", "dit": "dit", "world": "dit"}
"""The extra of the distribution with a backend's libraries, where the door itself has them not."""


def available() -> tuple[str, ...]:
    """The names that :func:`create` knows, sorted."""
    return tuple(sorted(_BACKENDS))


def known(name: str) -> bool:
    """Whether ``name`` is a backend, or a backend with one of its presets (``diffusers:NAME``)."""
    base, colon, preset = name.partition(":")
    if not colon:
        return base in _BACKENDS
    from generator.diffusers.presets import presets

    return base == "diffusers" and preset in presets()


def create(name: str, settings: Mapping[str, Any] | None = None) -> Generator:
    """The backend called ``name``; ``diffusers:NAME`` is that backend with a preset.

    ``settings`` are its own options. Heavy libraries are imported here, not before.
    Raises :class:`UnknownBackend`, :class:`UnsupportedSpec` for an unknown option, and
    :class:`BackendNotInstalled`.
    """
    base, colon, preset = name.partition(":")
    maker = _BACKENDS.get(base)
    if maker is None or (colon and base != "diffusers"):
        raise UnknownBackend(
            f"there is no generator backend {name!r}", f"available: {', '.join(available())}"
        )
    try:
        return maker({**(settings or {}), **({"preset": preset} if colon else {})})
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(base)
        if extra is None or (error.name or "").partition(".")[0] == "generator":
            raise
        raise BackendNotInstalled(
            f"the backend {base} needs guarded-gen[{extra}]: {error.name} is missing",
            f"pip install 'guarded-gen[{extra}]'",
        ) from error
    except (TypeError, ValidationError) as error:
        raise UnsupportedSpec(
            f"a setting of the backend {name!r} is wrong: {error}", "see docs/generator.md"
        ) from error
