"""Rows of our own making: what the public sources lack.

Text-to-video phrasing, harm spread over shots, harm without its words, likeness, brands,
elections, minors, negation, and above all harmless look-alikes with their harmful twins.
Plain descriptions, no instructions and no slurs.
"""

from __future__ import annotations

from classifiers.prompt.training.rows import Row
from classifiers.prompt.training.written import (
    breadth,
    calm,
    films,
    films_held,
    gallery,
    harmful,
    harmless,
    held,
    plots,
    requests,
    scenes,
    stories,
    talk,
    tongue_breadth,
    tongue_films,
    tongues,
    variety,
)
from classifiers.prompt.training.written.grammar import Family

FAMILIES: tuple[Family, ...] = (
    *harmless.FAMILIES,
    *harmful.FAMILIES,
    *talk.FAMILIES,
    *scenes.FAMILIES,
    *stories.FAMILIES,
    *calm.FAMILIES,
    *held.FAMILIES,
    *plots.FAMILIES,
    *requests.FAMILIES,
    *gallery.FAMILIES,
    *variety.FAMILIES,
    *tongues.FAMILIES,
    *films.FAMILIES,
    *films_held.FAMILIES,
    *tongue_films.FAMILIES,
    *breadth.FAMILIES,
    *tongue_breadth.FAMILIES,
)


def rows(seed: int) -> list[Row]:
    """All rows of all families, training and held; the same for the same seed."""
    return [row for family in FAMILIES for row in family.rows(seed)]
