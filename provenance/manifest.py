"""What a manifest says: a typed request becomes a C2PA 2.4 manifest definition.

The definition holds no prompt text. ``c2pa.created`` (or ``c2pa.opened`` when there is a
parent) comes first, as section 18.15 of the specification wants.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from provenance.errors import SigningFailed

SPEC_VERSION = "2.4.0"
PRODUCT = "Guarded Gen"
ATTESTATION_LABEL = "org.guarded-gen.attestation"
GENERATION_LABEL = "org.guarded-gen.generation"
DISCLOSURE_LABEL = "c2pa.ai-disclosure"
TRAINING_MINING_LABEL = "cawg.training-mining"
SOFT_BINDING_LABEL = "c2pa.soft-binding"
_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"


class DigitalSourceType(StrEnum):
    """IPTC terms that fit what this product makes."""

    ALGORITHMIC = _IPTC + "algorithmicMedia"
    TRAINED = _IPTC + "trainedAlgorithmicMedia"
    COMPOSITE_TRAINED = _IPTC + "compositeWithTrainedAlgorithmicMedia"
    COMPOSITE_SYNTHETIC = _IPTC + "compositeSynthetic"
    DIGITAL_CREATION = _IPTC + "digitalCreation"


class Relationship(StrEnum):
    """How an ingredient stands to the file (C2PA 2.4, section 18.16)."""

    PARENT = "parentOf"
    COMPONENT = "componentOf"
    INPUT = "inputTo"


class Oversight(StrEnum):
    """``humanOversightLevel`` of ``c2pa.ai-disclosure``."""

    AUTONOMOUS = "fully_autonomous"
    PROMPTED = "prompt_guided"
    VALIDATED = "human_validated"


def installed_version() -> str:
    """The version of this installation, as its package says."""
    try:
        return version("guarded-gen")
    except PackageNotFoundError:
        return "0+source"


@dataclass(frozen=True, slots=True)
class Ingredient:
    """A file that this one was made from."""

    path: Path
    relationship: Relationship = Relationship.PARENT
    title: str = ""


@dataclass(frozen=True, slots=True)
class SoftBinding:
    """A watermark or fingerprint by which the manifest is found again.

    ``value`` is the algorithm's own bytes; it stands base64-encoded in the assertion.
    ``bound`` is true for a watermark, which needs a ``c2pa.watermarked.bound`` action.
    """

    algorithm: str
    value: bytes
    bound: bool

    @property
    def text(self) -> str:
        return base64.b64encode(self.value).decode("ascii")

    @classmethod
    def watermark(cls, algorithm: str, value: bytes) -> SoftBinding:
        return cls(algorithm, value, True)

    @classmethod
    def fingerprint(cls, algorithm: str, value: bytes) -> SoftBinding:
        return cls(algorithm, value, False)


@dataclass(frozen=True, slots=True)
class Disclosure:
    """``c2pa.ai-disclosure``: which model, and how far a person looked at the result."""

    model_name: str
    model_identifier: str
    oversight: Oversight = Oversight.PROMPTED
    model_type: str = "c2pa.types.model"


@dataclass(frozen=True, slots=True)
class EditAction:
    """A further action, such as ``c2pa.edited``, ``c2pa.trimmed``, ``c2pa.color_adjustments``.

    ``source_type`` is required by the specification where the change can be perceived.
    """

    name: str
    source_type: str | None = None
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ManifestRequest:
    """Everything that one manifest says.

    ``attestation`` is the gates' record (policy digest, checks with status, digests of
    weights, ids of decisions); ``parameters`` are the generator's (seed, size, steps …). Both
    hold JSON values and no prompt text. ``fingerprints`` are of the file as it is signed, marked
    and encoded. ``thumbnail`` is a JPEG. With a parent among the
    ingredients the file was opened, else it was created with ``digital_source_type``.
    ``assertions`` are further ones, by label, as the compliance profiles add them.
    """

    title: str
    backend: str
    backend_version: str
    digital_source_type: str = DigitalSourceType.TRAINED
    attestation: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    ingredients: tuple[Path | Ingredient, ...] = ()
    watermark: SoftBinding | None = None
    fingerprints: tuple[SoftBinding, ...] = ()
    thumbnail: bytes | None = None
    actions: tuple[EditAction, ...] = ()
    disclosure: Disclosure | None = None
    training_mining: str | None = "notAllowed"
    assertions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    content_id: str = ""
    product_version: str = field(default_factory=installed_version)
    when: datetime | None = None

    @property
    def soft_bindings(self) -> tuple[SoftBinding, ...]:
        mark = (self.watermark,) if self.watermark is not None else ()
        return (*mark, *self.fingerprints)

    def resolved_ingredients(self) -> tuple[Ingredient, ...]:
        """Bare paths as ingredients: the first is the parent, the others components."""
        resolved: list[Ingredient] = []
        for item in self.ingredients:
            if isinstance(item, Ingredient):
                resolved.append(item)
                continue
            parent = any(i.relationship is Relationship.PARENT for i in resolved)
            kind = Relationship.COMPONENT if parent else Relationship.PARENT
            resolved.append(Ingredient(item, kind, item.name))
        if sum(i.relationship is Relationship.PARENT for i in resolved) > 1:
            raise SigningFailed(
                "a file has one parent", "give the other sources the relationship componentOf"
            )
        return tuple(resolved)


def ingredient_id(index: int) -> str:
    """The name by which actions point at the ingredient of that place."""
    return f"ingredient-{index}"


def _actions(request: ManifestRequest, ingredients: tuple[Ingredient, ...]) -> dict[str, Any]:
    moment = (request.when or datetime.now(UTC)).astimezone(UTC)
    when = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    agent = {"name": request.backend, "version": request.backend_version}
    named = list(enumerate(ingredients))
    parents = [ingredient_id(i) for i, x in named if x.relationship is Relationship.PARENT]
    inputs = [ingredient_id(i) for i, x in named if x.relationship is Relationship.INPUT]
    actions: list[dict[str, Any]] = []
    if parents:
        actions.append(
            {"action": "c2pa.opened", "when": when, "parameters": {"ingredientIds": parents}}
        )
    else:
        created: dict[str, Any] = {
            "action": "c2pa.created",
            "when": when,
            "softwareAgent": agent,
            "digitalSourceType": str(request.digital_source_type),
        }
        if inputs:
            created["parameters"] = {"ingredientIds": inputs}
        actions.append(created)
    actions += [
        {"action": "c2pa.placed", "when": when, "parameters": {"ingredientIds": [name]}}
        for name in (ingredient_id(i) for i, x in named if x.relationship is Relationship.COMPONENT)
    ]
    edits = request.actions
    if parents and not edits:
        edits = (EditAction("c2pa.edited", str(request.digital_source_type)),)
    for edit in edits:
        entry: dict[str, Any] = {"action": edit.name, "when": when, "softwareAgent": agent}
        if edit.source_type:
            entry["digitalSourceType"] = edit.source_type
        if edit.description:
            entry["description"] = edit.description
        if edit.parameters:
            entry["parameters"] = dict(edit.parameters)
        actions.append(entry)
    actions += [
        {"action": "c2pa.watermarked.bound", "when": when}
        for binding in request.soft_bindings
        if binding.bound
    ]
    return {"actions": actions, "allActionsIncluded": True}


def build(request: ManifestRequest) -> dict[str, Any]:
    """The manifest definition for the C2PA builder, without ingredients' and thumbnail's bytes.

    Raises :class:`SigningFailed` when the request contradicts itself.
    """
    ingredients = request.resolved_ingredients()
    assertions: list[dict[str, Any]] = [
        {"label": "c2pa.actions.v2", "data": _actions(request, ingredients)}
    ]
    assertions += [
        {
            "label": SOFT_BINDING_LABEL,
            "data": {"alg": b.algorithm, "blocks": [{"scope": {}, "value": b.text}]},
        }
        for b in request.soft_bindings
    ]
    if request.disclosure:
        d = request.disclosure
        assertions.append(
            {
                "label": DISCLOSURE_LABEL,
                "data": {
                    "modelType": d.model_type,
                    "modelName": d.model_name,
                    "modelIdentifier": d.model_identifier,
                    "contentProfile": {"humanOversightLevel": d.oversight.value},
                },
            }
        )
    if request.training_mining:
        uses = ("ai_generative_training", "ai_training", "ai_inference", "data_mining")
        entries = {f"cawg.{use}": {"use": request.training_mining} for use in uses}
        assertions.append({"label": TRAINING_MINING_LABEL, "data": {"entries": entries}})
    if request.attestation:
        assertions.append({"label": ATTESTATION_LABEL, "data": dict(request.attestation)})
    generation: dict[str, Any] = {
        "backend": request.backend,
        "version": request.backend_version,
        "parameters": dict(request.parameters),
    }
    if request.content_id:
        generation["contentId"] = request.content_id
    assertions.append({"label": GENERATION_LABEL, "data": generation})
    assertions += [
        {"label": label, "data": dict(data)} for label, data in request.assertions.items()
    ]
    for assertion in assertions:
        assertion["created"] = True
    return {
        "claim_version": 2,
        "claim_generator_info": [
            {
                "name": PRODUCT,
                "version": request.product_version,
                "specVersion": SPEC_VERSION,
            }
        ],
        "title": request.title,
        "assertions": assertions,
    }
