"""Who and what is named: people, characters, brands, elections and events.

A text model cannot know names; a maintained list can. The lists are data (``data/*.toml``),
which operators extend and override with files of the same form.
"""

from __future__ import annotations

from classifiers.prompt.entities.classifier import EntityClassifier, Match
from classifiers.prompt.entities.lists import Entity, EntityClass, load
from classifiers.prompt.entities.matcher import Matcher, Mention

__all__ = ["Entity", "EntityClass", "EntityClassifier", "Match", "Matcher", "Mention", "load"]
