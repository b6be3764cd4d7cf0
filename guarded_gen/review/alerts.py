"""Alerts of cases that wait longer than their queue promises: a signed webhook, a mail, or both.

An alert says how many and where, and nothing of a case: it leaves this server.
"""

from __future__ import annotations

import json
import logging
import smtplib
import ssl
import time
import uuid
from collections import Counter
from collections.abc import Callable
from email.message import EmailMessage

from sqlalchemy import select, update

from guarded_gen.audit import AuditLog, Event, Transaction
from guarded_gen.review.actions import Post
from guarded_gen.review.cases import WAITING, Clock, now_ms
from guarded_gen.settings.outward import AlertSettings
from guarded_gen.store.tables.review import ReviewCase

EVERY_S = 30.0
MOST = 500
_TIMEOUT_S = 15.0
_log = logging.getLogger(__name__)


class Overdue:
    """Tells of each overdue case once. A chore of the service; cheap when nothing is due."""

    def __init__(
        self, log: AuditLog, settings: AlertSettings, link: str, post: Post, clock: Clock = now_ms
    ) -> None:
        self._log, self._settings, self._link = log, settings, link
        self._post, self._clock = post, clock
        self._next = 0.0

    def __call__(self) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY_S
            self.sweep()

    def sweep(self) -> int:
        """Tell of what became overdue; how many cases. What could not be told is tried again."""
        with self._log.store.read() as session:
            rows = session.execute(
                select(ReviewCase.id, ReviewCase.queue)
                .where(
                    ReviewCase.state.in_(WAITING),
                    ReviewCase.due_at <= self._clock(),
                    ReviewCase.alerted.is_(False),
                )
                .limit(MOST)
            ).all()
        if not rows:
            return 0
        counts = Counter(str(row.queue) for row in rows)
        told = [name for name, tell in self._ways() if self._tried(name, tell, counts)]
        if self._ways() and not told:
            return 0

        def work(tx: Transaction) -> None:
            ids = [row.id for row in rows]
            tx.session.execute(
                update(ReviewCase).where(ReviewCase.id.in_(ids)).values(alerted=True)
            )
            for queue, n in sorted(counts.items()):
                body = {"queue": queue, "cases": n, "told": told}
                tx.append(Event(kind="queue.overdue", actor="system", body=body))

        self._log.write(work)
        return len(rows)

    def _ways(self) -> list[tuple[str, Callable[[Counter[str]], None]]]:
        chosen = self._settings
        found: list[tuple[str, Callable[[Counter[str]], None]]] = []
        if chosen.url:
            found.append(("webhook", self._webhook))
        if chosen.smtp_host and chosen.mail_to:
            found.append(("mail", self._mail))
        return found

    @staticmethod
    def _tried(name: str, tell: Callable[[Counter[str]], None], counts: Counter[str]) -> bool:
        try:
            tell(counts)
        except Exception as error:  # noqa: BLE001 - whatever it is, the service goes on
            _log.warning("alert by %s failed: %s", name, error, extra={"event": "alert_failed"})
            return False
        return True

    def _webhook(self, counts: Counter[str]) -> None:
        key = f"evt_{uuid.uuid4().hex}"
        data = {"queues": dict(counts), "link": self._link}
        body = {"id": key, "type": "queue.overdue", "created_at": int(time.time()), "data": data}
        status = self._post(
            self._settings.url,
            json.dumps(body, separators=(",", ":")).encode(),
            key,
            self._settings.secret.get_secret_value(),
        )
        if not 200 <= status < 300:
            raise OSError(f"the receiver answered {status}")

    def _mail(self, counts: Counter[str]) -> None:
        chosen, total = self._settings, sum(counts.values())
        mail = EmailMessage()
        mail["From"], mail["To"] = chosen.mail_from, ", ".join(chosen.mail_to)
        mail["Subject"] = f"Guarded Gen: {total} case{'' if total == 1 else 's'} overdue"
        lines = [f"{queue}: {n}" for queue, n in sorted(counts.items())]
        mail.set_content("\n".join([*lines, "", self._link]))
        with smtplib.SMTP(chosen.smtp_host, chosen.smtp_port, timeout=_TIMEOUT_S) as server:
            if chosen.smtp_starttls:
                server.starttls(context=ssl.create_default_context())
            if chosen.smtp_user:
                server.login(chosen.smtp_user, chosen.smtp_password.get_secret_value())
            server.send_message(mail)
