"""Adapters of translation services: one file each, with its line in :func:`translator_of`."""

from __future__ import annotations

from guarded_gen.review.translation import Translator
from guarded_gen.settings.translation import TranslationSettings

__all__ = ["translator_of"]


def translator_of(settings: TranslationSettings) -> Translator | None:
    """The adapter that the settings ask for; None without a service."""
    if not settings.url:
        return None
    match settings.kind:
        case "libretranslate":
            from guarded_gen.review.translators.libretranslate import LibreTranslate

            return LibreTranslate(settings)
