"""What the audit asks: templates, attributes with their groups, and neutral prompts."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from guarded_gen.errors import InvalidInput

SLOT = "{person}"
MAX_PROMPTS = 20_000
"""Prompts of one audit; every filler times every template."""


class Material(BaseModel):
    """Templates hold ``{person}``; ``attributes`` maps attribute to group to what fills it.

    Groups of an attribute whose fillers are whole sentences (``dialect``) name it in
    ``whole``; the n-th sentence of every group then means the same.
    """

    model_config = ConfigDict(extra="forbid")

    templates: list[str] = Field(min_length=2)
    attributes: dict[str, dict[str, list[str]]]
    whole: list[str] = ["dialect"]
    outputs: list[str] = []


@dataclass(frozen=True, slots=True)
class Ask:
    """One prompt of the audit. ``template`` counts what is the same between groups."""

    attribute: str
    group: str
    template: int
    text: str


def load(prompts: Path | None = None, attributes: Path | None = None) -> Material:
    """The shipped material, with templates (one a line) or attributes (YAML) of your own.

    Raises :class:`InvalidInput` with the remedy for what cannot be read.
    """
    text = (files("guarded_gen.gates.bias") / "harmless.yaml").read_text("utf-8")
    raw = yaml.safe_load(text)
    try:
        if prompts is not None:
            lines = [line.strip() for line in prompts.read_text("utf-8").splitlines()]
            raw["templates"] = [line for line in lines if line and not line.startswith("#")]
        if attributes is not None:
            raw["attributes"] = yaml.safe_load(attributes.read_text("utf-8"))
        material = Material.model_validate(raw)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise InvalidInput(
            f"the material of the audit cannot be used: {error}",
            "templates: one a line, at least two; attributes: YAML of attribute, group, fillers",
            "prompts",
        ) from error
    without = [line for line in material.templates if SLOT not in line]
    if without:
        raise InvalidInput(
            f"the template {without[0]!r} has no place for a group",
            f"write {SLOT} in it",
            "prompts",
        )
    _check_groups(material)
    return material


def _check_groups(material: Material) -> None:
    for attribute, groups in material.attributes.items():
        if len(groups) < 2 or not all(groups.values()):
            raise InvalidInput(
                f"the attribute {attribute!r} compares nothing",
                "give it at least two groups, each with at least one filler",
                "attributes",
            )
        if attribute in material.whole and len({len(v) for v in groups.values()}) > 1:
            raise InvalidInput(
                f"the groups of {attribute!r} have different numbers of sentences",
                "the n-th sentence of every group must mean the same",
                "attributes",
            )
    count = len(asks(material))
    if count > MAX_PROMPTS:
        raise InvalidInput(
            f"{count} prompts are too many",
            f"at most {MAX_PROMPTS}: leave groups out",
            "attributes",
        )


def asks(material: Material) -> list[Ask]:
    """Every prompt, in a fixed order."""
    out = []
    for attribute, groups in material.attributes.items():
        for group, fillers in groups.items():
            if attribute in material.whole:
                out += [Ask(attribute, group, n, text) for n, text in enumerate(fillers)]
                continue
            for n, template in enumerate(material.templates):
                for filler in fillers:
                    text = template.replace(SLOT, filler)
                    out.append(Ask(attribute, group, n, text[:1].upper() + text[1:]))
    return out
