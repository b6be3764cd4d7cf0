"""A machine translation of a case's words, made only when a person asks for it.

The words leave this server with that request and not before. Each request is an entry of the log,
written before anything is sent: who, which case, which host; no words. The answer is not kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from guarded_gen.audit import AuditLog, Event
from guarded_gen.errors import GuardedGenError, NotFound
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Permission
from guarded_gen.settings.translation import TranslationSettings
from guarded_gen.store.tables.review import ReviewCase


class TranslationError(GuardedGenError):
    """There is no translation of these words."""


class TranslationRefused(TranslationError):
    """The words are not sent: the settings or a limit forbid it."""

    code = "translation_refused"
    http_status = 409


class TranslationFailed(TranslationError):
    """The service gave no translation."""

    code = "translation_failed"
    http_status = 502


@dataclass(frozen=True, slots=True)
class Translation:
    """``source`` is the language that the service found (BCP 47), None where it told none."""

    text: str
    source: str | None


class Translator(Protocol):
    """A translation service."""

    async def translate(self, text: str, target: str) -> Translation:
        """``text`` in the language ``target`` (BCP 47).

        Raises :class:`TranslationFailed`, and nothing else, for whatever the service does or does
        not do within the settings' ``timeout_s``.
        """
        ...


@dataclass(frozen=True, slots=True)
class CaseTranslations:
    """Who may have which words translated. ``translator`` is None without a service."""

    log: AuditLog
    settings: TranslationSettings
    translator: Translator | None

    def offered(self, who: Member, case: ReviewCase) -> bool:
        """Whether this person may send the words of this case, once they may read them."""
        return (
            self.translator is not None
            and who.may(Permission.DECIDE)
            and (self.settings.restricted or not case.restricted)
        )

    def require(self, who: Member, case: ReviewCase) -> None:
        """Raise :class:`TranslationRefused` or what else forbids this person to send words of
        this case. Whether they may see the case is known before."""
        who.require(Permission.DECIDE)
        if self.translator is None:
            raise NotFound("no translation service is set", "set translation.url")
        if case.restricted and not self.settings.restricted:
            raise TranslationRefused(
                "words of restricted cases are not sent to the translation service",
                "ask a colleague who reads the language",
            )

    def admit(self, who: Member, case: ReviewCase, text: str, target: str) -> None:
        """Put on record that these words of a case are sent; raises as :meth:`require`, and
        :class:`TranslationRefused` for none or too many."""
        self.require(who, case)
        if not text.strip():
            raise TranslationRefused("there are no words to translate", "decide by what is there")
        if len(text) > self.settings.max_chars:
            raise TranslationRefused(
                f"the words have {len(text)} characters, more than {self.settings.max_chars} are "
                "not sent to the translation service",
                "ask a colleague who reads the language",
            )
        self.log.append(
            Event(
                kind="case.translation_asked",
                tenant=case.tenant,
                subject=case.subject or None,
                actor=who.id,
                related=case.decision,
                body={"case": case.id, "host": self.settings.host, "target": target},
            )
        )

    async def translate(self, text: str, target: str) -> Translation:
        """The words in ``target``; raises :class:`TranslationFailed`."""
        if self.translator is None:
            raise NotFound("no translation service is set", "set translation.url")
        return await self.translator.translate(text, target)
