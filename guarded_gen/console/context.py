"""What the pages share: the rules of the review room, bound to one application's services."""

from __future__ import annotations

import json
from functools import cached_property
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from fastapi import Request

from guarded_gen.access.code_flow import CodeFlow
from guarded_gen.composition.preserving import clip_shown_by, desk_of
from guarded_gen.composition.services import Services
from guarded_gen.console import session as sessions
from guarded_gen.console.replaying import Replays
from guarded_gen.console.session import Session
from guarded_gen.errors import GuardedGenError, InvalidInput, NotFound
from guarded_gen.jobs.book import JobBook
from guarded_gen.jobs.settled import HeldJobs
from guarded_gen.jobs.webhooks import post_signed
from guarded_gen.preservation.desk import Desk
from guarded_gen.preservation.removal import RemovalRequests
from guarded_gen.production.held_files import HeldFiles
from guarded_gen.review.actions import CaseActions
from guarded_gen.review.appeals import Appeals, appeal_key
from guarded_gen.review.cases import CaseQueue
from guarded_gen.review.decide import Decisions
from guarded_gen.review.golden import GoldenCases
from guarded_gen.review.people import Member
from guarded_gen.review.publishing import Publishing
from guarded_gen.review.translation import CaseTranslations
from guarded_gen.review.translators import translator_of
from guarded_gen.store.tables.review import Person

if TYPE_CHECKING:
    from guarded_gen.jobs import Jobs


EXPLORING = 2
"""Queries over the log that are read at the same time; whoever comes then is told so at once."""


def seconds_of(text: str) -> float:
    """A form's length of time; raises :class:`InvalidInput` for what is no number."""
    try:
        return float(text)
    except ValueError as error:
        raise InvalidInput("seconds is a number", None, "seconds") from error


class Console:
    """One for each application."""

    def __init__(self, services: Services, jobs: Jobs) -> None:
        self.services = services
        self.store = services.store
        self.log = services.log
        self.storage = jobs.storage
        self.book: JobBook = jobs.book
        self.limits = self.services.settings.review
        home = self.services.settings.home
        self.golden = GoldenCases(self.store, self.log, home / "golden", self.limits.golden_rate)
        self.held_files = HeldFiles(self.store, self.storage, services.settings.work_folder)
        self.queue = CaseQueue(self.store, self.log, self.limits, mix=self.golden.mix)
        self.exploring = BoundedSemaphore(EXPLORING)
        self.decisions = Decisions(self.store, self.log, HeldJobs(self.book), self.limits)

    @cached_property
    def code_flow(self) -> CodeFlow:
        """Signing in with the operator's identity provider."""
        if not self.services.settings.sign_in.oidc_issuer:
            raise NotFound("no identity provider is set", "set sign_in.oidc_issuer")
        return CodeFlow(self.services.settings.sign_in)

    @cached_property
    def actions(self) -> CaseActions:
        """The platform's own actions, as the settings declare them."""
        return CaseActions(self.log, self.services.settings.case_actions, post_signed)

    @cached_property
    def translations(self) -> CaseTranslations:
        """Translations of cases' words, where the settings name a service."""
        chosen = self.services.settings.translation
        return CaseTranslations(self.log, chosen, translator_of(chosen))

    @cached_property
    def replays(self) -> Replays:
        return Replays(self.log)

    @cached_property
    def desk(self) -> Desk:
        return desk_of(self.services, self.storage)

    @cached_property
    def publishing(self) -> Publishing:
        return Publishing(self.store, self.log, self.services.rollout)

    @cached_property
    def appeals(self) -> Appeals:
        return Appeals(self.store, self.log, appeal_key(self.services.settings.keys_folder))

    @cached_property
    def removals(self) -> RemovalRequests:
        settings = self.services.settings
        return RemovalRequests(
            self.log,
            self.storage,
            appeal_key(settings.keys_folder),
            settings.preservation.removal,
            clip_shown_by(self.services),
        )

    def session(self, request: Request) -> Session:
        """Who asks; raises :class:`~.session.SignedOut`."""
        found = sessions.current(self.store, request)
        request.state.session = found
        return found

    def who(self, request: Request) -> Member:
        return self.session(request).who

    async def form(self, request: Request) -> tuple[Session, dict[str, str]]:
        """A posted form of the signed-in person, its token checked."""
        found = self.session(request)
        fields = {k: v for k, v in (await request.form()).items() if isinstance(v, str)}
        found.check(fields.get("csrf"))
        return found, fields

    def names(self) -> dict[str, str]:
        """Names of people by id."""
        with self.store.read() as db:
            return {person.id: person.name for person in db.query(Person)}

    def settle(self) -> None:
        """Put decisions whose undo window is over into effect; a worker calls this often."""
        self.decisions.settle()

    def words(self, who: Member, decision: str, why: str) -> dict[str, Any] | None:
        """The words behind a decision, for a person to see, put on record; None if erased.

        The prompt stands earlier along ``related``; an output gate's decision may hold words that
        were read in the frames, under ``text``.
        """
        id: str | None = decision
        seen: dict[str, Any] = {}
        for _ in range(10):
            if id is None:
                return None
            entry = self.log.entry(id)
            if entry.kind == "prompt.decision":
                prompt = self.secret(who, entry.id, why)
                return seen | prompt if prompt else None
            if entry.commit is not None:
                seen |= self.secret(who, entry.id, why)
            id = entry.related
        return None

    def secret(self, who: Member, entry: str, why: str) -> dict[str, Any]:
        """An entry's payload, for a person to see, put on record; empty if it was erased."""
        try:
            return dict(json.loads(self.log.reveal(entry, who.id, why)))
        except (GuardedGenError, ValueError):
            return {}


def console_of(request: Request) -> Console:
    console: Console = request.app.state.console
    return console
