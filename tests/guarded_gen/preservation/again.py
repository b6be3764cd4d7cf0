"""Another process at the same desk, to be killed."""

from __future__ import annotations

from pathlib import Path

from guarded_gen.audit import AuditLog
from guarded_gen.preservation.desk import Desk
from guarded_gen.preservation.settings import HotlineSettings, PreservationSettings
from guarded_gen.settings import Settings
from guarded_gen.store import open_store
from tests.guarded_gen.preservation.standin import PASSWORD, USER


def open_log(home: Path) -> AuditLog:
    home.mkdir(parents=True, exist_ok=True)
    settings = Settings(home=home)
    return AuditLog.open(open_store(settings), settings.keys_folder, "example.com/log")


def go(home: str, folder: str, recipient: str, url: str) -> None:
    settings = PreservationSettings(
        recipient=Path(recipient),
        hotline=HotlineSettings(
            url=url, username=USER, password=PASSWORD, first_name="Lex", last_name="Example",
            email="lex@example.org", service="clips", timeout_s=60,
        ),
    )  # fmt: skip
    draft = Path(folder) / "draft.png"
    desk = Desk(open_log(Path(home)), settings, Path(folder) / "evidence", lambda case: (draft,))
    desk.sweep()
