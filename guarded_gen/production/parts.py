"""Parts that several stages need: what the policy may know, and what the laws want told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import policies
from generator.base import Capabilities
from guarded_gen.gates.gate import GateResult
from guarded_gen.production.marking import Pixels
from guarded_gen.production.request import ClipRequest
from guarded_gen.review.looks import RefusedLooks
from media.limits import MediaLimits
from policies import Context
from policies.rollout import Choice
from provenance.compliance import Facts

CapabilitiesOf = Callable[[str], Capabilities]
"""What the backend of this name can do; raises for an unknown one."""


@dataclass(frozen=True, slots=True)
class Judging:
    """What every gate needs: the policies that act for a request, and its context.

    ``choice`` is asked anew for each decision, since policies change while the process runs, and
    so are ``strikes``: how many refusals of a tenant's user stand, and ``resembles``: whether a
    ``sketch`` of a tenant's words is nearly that of a refused prompt. ``looks`` are the refused
    pictures, None while there is no database.
    """

    capabilities: CapabilitiesOf
    choice: Callable[[ClipRequest], Choice]
    strikes: Callable[[str, str], int]
    sketch: Callable[[str, str], bytes | None]
    resembles: Callable[[str, bytes | None], bool]
    looks: Callable[[], RefusedLooks | None]

    def context(self, request: ClipRequest) -> Context:
        """What the policy may know of a request besides the signals."""
        capabilities = self.capabilities(request.backend)
        nature = {policies.NEURAL if capabilities.neural else policies.PROCEDURAL}
        if capabilities.closed_vocabulary:
            nature.add("closed_vocabulary")
        return Context(
            tenant=request.tenant,
            jurisdiction=request.jurisdiction,
            age_mode=request.age_mode,
            strikes=self.strikes(request.tenant, request.subject),
            backend=request.backend,
            capabilities=frozenset(nature | {mode.value for mode in capabilities.modes}),
            has_reference=bool(request.references),
            duration=request.seconds,
            resembles_refused=self.resembles(
                request.tenant, self.sketch(request.tenant, request.prompt)
            ),
        )

    def seeing(
        self, request: ClipRequest, context: Context, path: Path, limits: MediaLimits
    ) -> Context:
        """The context of a gate that looks at ``path``: whether it resembles what was refused.

        Decodes the file only where the tenant has refused pictures. Raises
        :class:`media.errors.MediaError`.
        """
        looks = self.looks()
        if context.resembles_refused or looks is None or not looks.any(request.tenant):
            return context
        near = looks.near(request.tenant, looks.of(request.tenant, path, limits))
        return replace(context, resembles_refused=near)

    def frames_of(self, request: ClipRequest, path: Path, limits: MediaLimits) -> bytes | None:
        """What a refused file is known again by; raises :class:`media.errors.MediaError`."""
        looks = self.looks()
        return looks.of(request.tenant, path, limits) if looks is not None else None


@dataclass(frozen=True, slots=True)
class Look:
    """One look at an unfinished clip: ``pixels`` are ``uint8 [T, H, W, 3]``, all of them judged."""

    index: int
    total: int
    pixels: Pixels
    result: GateResult


def facts_of(capabilities: Capabilities, clip: str) -> Facts:
    """What the laws on marking want to know of a clip."""
    return Facts(clip, capabilities.name, capabilities.version, datetime.now(UTC))
