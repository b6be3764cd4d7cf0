"""What the laws on marking add before signing: the settings of a deployment, what holds for one
request, and what its file gets. What a signed file meets is asked of :mod:`provenance.checks`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from provenance.checks import AIGC_KEY as AIGC_KEY
from provenance.checks import CHECKS as CHECKS
from provenance.checks import DISCLOSURE_LABEL as DISCLOSURE_LABEL
from provenance.checks import LABEL_SECONDS as LABEL_SECONDS
from provenance.checks import LABEL_SHARE as LABEL_SHARE
from provenance.checks import Compliance as Compliance
from provenance.checks import Result as Result
from provenance.checks import check as check
from provenance.checks import unmet as unmet
from provenance.errors import ComplianceUnmet
from provenance.label import GROUND, LEAST_SHARE, WHOLE, Corner, Icon, LabelWish
from provenance.law import Law, known, of_place
from provenance.manifest import ManifestRequest


class Profile(StrEnum):
    """Laws that other code names; every known law is in :func:`provenance.law.laws`."""

    EU_AI_ACT = "eu-ai-act"
    US_CA_SB942 = "us-ca-sb942"
    CN_GB45438 = "cn-gb45438"


def _known(name: str) -> str:
    return known(name).law


class ComplianceSettings(BaseModel):
    """Which profiles a deployment signs for, and what it says of itself there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profiles: tuple[Annotated[str, AfterValidator(_known)], ...] = Field(
        (), description="laws to sign for; `guarded-gen compliance laws` lists them"
    )
    provider: str = Field("", max_length=200, description="name of the provider, as a law wants it")
    provider_code: str = Field(
        "", max_length=64, description="registration code of the provider (GB 45438)"
    )
    tool_url: str = Field("", max_length=500, description="address of the public detection tool")
    visible_label: bool = Field(False, description="draw a visible label also where no law asks")
    label_text: str = Field("AI generated", max_length=60, description="text of the visible label")
    label_font: str = Field(
        "",
        description="TrueType font file for the label; the font that ships has Latin and the "
        "Chinese characters of such labels",
    )
    label_icon: Icon | None = Field(
        None, description="icon beside the text: generated, modified or deepfake"
    )
    label_corner: Corner = Field(
        "bottom-right", description="top-left, top-right, bottom-left or bottom-right"
    )
    label_opacity: float = Field(
        GROUND, ge=0.3, le=1, description="opacity of the dark ground under the label"
    )
    label_size: float = Field(
        LABEL_SHARE,
        ge=LEAST_SHARE,
        le=0.25,
        description="height of the label's capitals as a share of the short side; a law's own "
        "minimum is kept",
    )
    label_duration: Annotated[float, Field(gt=0)] | Literal["whole"] = Field(
        LABEL_SECONDS,
        description="seconds that the label is shown, or `whole`; a law's own minimum is kept",
    )

    def adds(self, what: str) -> bool:
        """Whether one of the chosen laws wants this of a clip."""
        return any(what in known(name).adds for name in self.profiles)

    @property
    def labels(self) -> bool:
        """Whether a visible label is drawn."""
        return self.visible_label or self.adds("visible_label")

    @property
    def labelling(self) -> tuple[Law, ...]:
        """The chosen laws that want a visible label, in their order."""
        chosen = (known(name) for name in self.profiles)
        return tuple(law for law in chosen if "visible_label" in law.adds)

    @property
    def size(self) -> float:
        """Height of the label's capitals, of the short side: the largest that is wanted."""
        return max((self.label_size, *(law.label_size for law in self.labelling)))

    @property
    def seconds(self) -> float | None:
        """How long the label is shown: the longest that is wanted; None for the whole clip."""
        wanted = (self.label_duration, *(law.label_duration for law in self.labelling))
        return None if WHOLE in wanted else max(float(one) for one in wanted)

    @property
    def text(self) -> str:
        """What the visible label says: ``label_text`` after the words of laws that want their own,
        in the order in which they were chosen."""
        own = [known(name).label for name in self.profiles if known(name).label]
        words = [word for word in dict.fromkeys(own) if word not in self.label_text]
        plain = type(self).model_fields["label_text"].default
        told = [] if words and self.label_text == plain else [self.label_text]
        return " ".join((*words, *told))


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of one clip."""

    content_id: str
    system: str
    version: str
    made_at: datetime


def for_request(
    settings: ComplianceSettings,
    jurisdiction: str,
    at: date,
    *,
    wish: LabelWish | None = None,
    demanded: Iterable[LabelWish] = (),
) -> ComplianceSettings:
    """The settings as they hold for one request on a day.

    The laws of its place come first, the narrowest before the wider, then those that the
    deployment chose: all of them hold together, and where they differ the stricter counts (the
    larger, the longer label; everybody's words, in that order). ``demanded`` is what the policy
    asks of the visible label, ``wish`` what the caller asks. Neither may fall short of a law:
    raises :class:`ComplianceUnmet` with the demand's name.
    """
    place = (law.law for law in of_place(jurisdiction, at))
    chosen = settings.model_copy(
        update={"profiles": tuple(dict.fromkeys((*place, *settings.profiles)))}
    )
    for one in demanded:
        chosen = chosen.model_copy(
            update={
                **_asked(one),
                "visible_label": True,
                "label_size": max(chosen.label_size, one.size or 0),
                "label_duration": _longer(chosen.label_duration, one.duration),
            }
        )
    if wish is None:
        return chosen
    if not wish.show:
        if chosen.labels:
            raise ComplianceUnmet(
                f"a visible label is demanded: {_why(chosen)}",
                "leave `label` out, or say how it should look",
            )
        return chosen
    _keeps_the_law(chosen, wish)
    return chosen.model_copy(update={**_asked(wish), "visible_label": True})


def _asked(wish: LabelWish) -> dict[str, Any]:
    """The settings that a wish changes."""
    icon = wish.icon if wish.icon is not None else (wish.variant is not None or None)
    fields: dict[str, Any] = {
        "label_text": wish.text,
        "label_corner": wish.corner,
        "label_opacity": wish.opacity,
        "label_size": wish.size,
        "label_duration": wish.duration,
    }
    asked = {name: value for name, value in fields.items() if value is not None}
    if icon is not None:
        asked["label_icon"] = (wish.variant or "generated") if icon else None
    return asked


def _longer(
    one: float | Literal["whole"], other: float | Literal["whole"] | None
) -> float | Literal["whole"]:
    if other is None:
        return one
    return WHOLE if WHOLE in (one, other) else max(float(one), float(other))


def _keeps_the_law(chosen: ComplianceSettings, wish: LabelWish) -> None:
    """Raise :class:`ComplianceUnmet` for a wish below what a law or the policy demands."""
    least, shortest = chosen.size, chosen.seconds
    if not chosen.labels:
        return
    if wish.size is not None and wish.size < least:
        raise ComplianceUnmet(
            f"a label of {wish.size:g} of the short side is too small for {_why(chosen)}",
            f"ask for a size of {least:g} or more",
        )
    short = wish.duration is not None and wish.duration != WHOLE
    if short and (shortest is None or float(wish.duration or 0) < shortest):
        long = WHOLE if shortest is None else f"{shortest:g} s or longer"
        raise ComplianceUnmet(
            f"a label of {wish.duration:g} s is too short for {_why(chosen)}",
            f"ask for a duration of {long}",
        )
    if (
        wish.text is not None
        and not wish.text.strip()
        and any(not law.label for law in chosen.labelling)
    ):
        raise ComplianceUnmet(f"{_why(chosen)} wants words", "give the label a text")


def _why(chosen: ComplianceSettings) -> str:
    """Who demands the visible label, by the demand's name."""
    demands = [
        f"{demand.id} of {law.law} ({demand.demand})"
        for law in chosen.labelling
        for demand in law.demands
        if demand.check == "visible"
    ]
    return " and ".join(demands) or "the policy or the settings"


def require_provider(settings: ComplianceSettings) -> None:
    """Raise :class:`ComplianceUnmet` where a chosen law wants a name that nobody configured."""
    if settings.profiles and not settings.provider:
        raise ComplianceUnmet(
            f"{', '.join(settings.profiles)} want the provider's name", "set compliance.provider"
        )


def prepare(
    request: ManifestRequest,
    settings: ComplianceSettings,
    facts: Facts,
    drawn: Mapping[str, Any] | None = None,
) -> ManifestRequest:
    """The request with what the chosen profiles add; unchanged when none is chosen.

    ``drawn`` is what is known of the visible label that was really drawn; without it the
    manifest says what the settings ask for. Raises :class:`ComplianceUnmet` when a profile
    wants something that is not configured.
    """
    if not settings.profiles and not settings.labels and not drawn:
        return request
    require_provider(settings)
    for name in settings.profiles:
        if "watermark" in known(name).adds and request.watermark is None:
            raise ComplianceUnmet(f"{name} wants a watermark, and this clip has none")
    disclosure: dict[str, Any] = {
        "provider": settings.provider,
        "system": f"{facts.system} {facts.version}",
        "created": facts.made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "contentId": facts.content_id,
        "profiles": list(settings.profiles),
    }
    if settings.tool_url:
        disclosure["tool"] = settings.tool_url
    if drawn:
        disclosure["visibleLabel"] = dict(drawn)
    elif settings.labels:
        disclosure["visibleLabel"] = {
            "text": settings.text,
            "seconds": WHOLE if settings.seconds is None else settings.seconds,
            "share": settings.size,
        }
        if settings.label_icon:
            disclosure["visibleLabel"]["icon"] = settings.label_icon
    return replace(request, assertions={**request.assertions, DISCLOSURE_LABEL: disclosure})


def container_metadata(settings: ComplianceSettings, facts: Facts) -> dict[str, str]:
    """Metadata for the encoder, so that the signature covers it; empty where no law wants it."""
    if not settings.adds("container_metadata"):
        return {}
    record = {
        "Label": "1",
        "ContentProducer": settings.provider_code or settings.provider,
        "ProduceID": facts.content_id,
        "ReservedCode1": "",
        "ContentPropagator": settings.provider_code or settings.provider,
        "PropagateID": facts.content_id,
        "ReservedCode2": "",
    }
    return {AIGC_KEY: json.dumps(record, ensure_ascii=False, separators=(",", ":"))}
