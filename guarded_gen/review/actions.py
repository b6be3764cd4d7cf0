"""Actions of the platform's own, run from a case: a signed webhook, its outcome on record.

What is sent follows Standard Webhooks, as everything that this server posts. The log has two
entries: that it was asked for, before anything is sent, and how it ended.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from guarded_gen.audit import AuditLog, Event
from guarded_gen.errors import GuardedGenError, InvalidInput, NotFound
from guarded_gen.review.cases import visible
from guarded_gen.review.errors import NotAllowed
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Permission
from guarded_gen.settings.outward import CaseAction
from guarded_gen.store.tables.review import ReviewCase

Post = Callable[[str, bytes, str, str], int]
"""Posts a body to an address under an id, signed with a secret; the status, or an exception."""


class ActionFailed(GuardedGenError):
    """The platform's own system did not take an action."""

    code = "action_failed"
    http_status = 502


@dataclass(frozen=True, slots=True)
class CaseActions:
    """The actions of the settings."""

    log: AuditLog
    declared: Mapping[str, CaseAction]
    post: Post

    def offered(self, who: Member, case: ReviewCase) -> dict[str, str]:
        """Titles by name of what this person may run from this case."""
        if not who.may(Permission.SEE_QUEUE) or case.kind == "golden":
            return {}
        return {
            name: action.title
            for name, action in self.declared.items()
            if who.roles & set(action.roles) and (case.subject or not action.needs_subject)
        }

    def run(self, who: Member, id: str, name: str) -> None:
        """Run one action; raises :class:`ActionFailed` when the other side did not take it."""
        who.require(Permission.SEE_QUEUE)
        action = self.declared.get(name)
        if action is None:
            raise NotFound(f"there is no action {name[:40]}", "see `case_actions` in the settings")
        with self.log.store.read() as session:
            case = visible(session, who, id)
        if not who.roles & set(action.roles):
            raise NotAllowed(f"{who.name} may not run {action.title}", "ask a lead")
        if case.kind == "golden":  # it must look like any other, and nothing may happen by it
            return
        if action.needs_subject and not case.subject:
            raise InvalidInput("the caller named no end user", "choose another action", "action")
        key = f"act_{uuid.uuid4().hex}"
        self._note("action.asked", who, case, {"action": name, "id": key})
        try:
            status: int | str = self.post(
                action.url,
                self._body(key, name, who, case),
                key,
                action.secret.get_secret_value(),
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes on record and is told
            status = type(error).__name__
        done = isinstance(status, int) and 200 <= status < 300
        outcome = {"action": name, "id": key, "answer": status}
        self._note("action.done" if done else "action.failed", who, case, outcome)
        if not done:
            raise ActionFailed(
                f"{action.title}: the other side answered {status}",
                "try again; if it stays so, tell whoever runs that system",
            )

    def _body(self, key: str, name: str, who: Member, case: ReviewCase) -> bytes:
        data = {
            "action": name,
            "case": case.id,
            "tenant": case.tenant,
            "user": case.subject or None,
            "item": case.item,
            "decision": case.decision,
            "category": case.category,
            "reason": case.reason,
            "person": who.id,
        }
        body = {"id": key, "type": f"action.{name}", "created_at": int(time.time()), "data": data}
        return json.dumps(body, separators=(",", ":")).encode()

    def _note(self, kind: str, who: Member, case: ReviewCase, body: dict[str, str | int]) -> None:
        self.log.append(
            Event(
                kind=kind,
                tenant=case.tenant,
                subject=case.subject or None,
                actor=who.id,
                related=case.decision,
                body={"case": case.id, **body},
            )
        )
