"""Whether a backend can make what a spec asks for, asked before any work."""

from __future__ import annotations

from generator.base import Capabilities
from generator.errors import UnsupportedSpec
from generator.spec import GenerationSpec, Mode


def require(can: Capabilities, spec: GenerationSpec) -> None:
    """Raises :class:`UnsupportedSpec`, with a remedy, for what the backend cannot make."""
    if spec.mode not in can.modes:
        known = ", ".join(sorted(can.modes))
        raise UnsupportedSpec(
            f"the backend {can.name!r} has no mode {spec.mode.value!r}", f"it has: {known}"
        )
    wanted = spec.mode.references
    if len(spec.references) != wanted:
        raise UnsupportedSpec(
            f"mode {spec.mode.value!r} takes {wanted} reference files, not {len(spec.references)}",
            "name the image or video to start from" if wanted else "leave the reference out",
        )
    for side in (spec.width, spec.height):
        if side > can.max_side:
            raise UnsupportedSpec(
                f"{spec.width}x{spec.height} is too large for the backend {can.name!r}",
                f"at most {can.max_side} pixels a side",
            )
        if side % can.size_multiple:
            raise UnsupportedSpec(
                f"the backend {can.name!r} needs sizes divisible by {can.size_multiple}",
                f"for instance {side // can.size_multiple * can.size_multiple or can.size_multiple}"
                f" instead of {side}",
            )
    if spec.mode is not Mode.IMAGE and spec.seconds > can.max_seconds:
        raise UnsupportedSpec(
            f"{spec.seconds:g} s is too long for the backend {can.name!r}",
            f"at most {can.max_seconds:g} s",
        )
    if spec.steps is not None and not 1 <= spec.steps <= 1000:
        raise UnsupportedSpec(f"{spec.steps} steps", "between 1 and 1000 steps")
    if not 0 < spec.strength <= 1:
        raise UnsupportedSpec(f"a strength of {spec.strength:g}", "above 0, at most 1")
