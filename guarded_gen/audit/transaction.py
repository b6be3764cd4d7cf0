"""What a caller's work sees: a database session and a place to put events."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from guarded_gen.audit.event import EntryDraft, Event


class Transaction:
    """One transaction. State changed through ``session`` and events given to ``append`` are
    committed together or not at all. Used only inside the work that it was given to."""

    def __init__(
        self, prepare: Callable[[Event], EntryDraft], session: Callable[[], Session]
    ) -> None:
        self._prepare = prepare
        self._open = session
        self._session: Session | None = None
        self.drafts: list[EntryDraft] = []

    @property
    def session(self) -> Session:
        """The SQLAlchemy session, opened when first asked for."""
        if self._session is None:
            self._session = self._open()
        return self._session

    @property
    def opened(self) -> Session | None:
        return self._session

    def append(self, event: Event) -> str:
        """Put an event on record; gives the id that its entry will have."""
        draft = self._prepare(event)
        self.drafts.append(draft)
        return draft.id

    def pseudonym_of(self, entry: str) -> str:
        """The pseudonym of the subject of an event that this transaction appended, "" for none."""
        return next((d.subject or "" for d in self.drafts if d.id == entry), "")
