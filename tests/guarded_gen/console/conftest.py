"""The console in this process: no browser, real rules, real pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from guarded_gen.audit import Event, LogEntry
from guarded_gen.composition.services import Services
from guarded_gen.console.context import Console
from guarded_gen.review.cases import NewCase, open_case
from guarded_gen.review.people import Member, add_person, set_roles
from guarded_gen.review.roles import Role
from guarded_gen.server import create_app
from guarded_gen.settings import load


class Site:
    """A console with people; ``browser(name)`` is somebody signed in."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.app = create_app(services, worker=False)
        self.console: Console = self.app.state.console
        self.people: dict[str, tuple[Member, str]] = {}
        self.since = 0
        self.roles: dict[str, set[Role]] = {}
        for name, *roles in (
            ("ann", Role.REVIEWER), ("bob", Role.REVIEWER), ("lea", Role.LEAD),
            ("aud", Role.AUDITOR), ("adm", Role.ADMIN), ("pia", Role.POLICY_AUTHOR),
        ):  # fmt: skip
            self.roles[name] = set(roles)
            self.people[name] = add_person(services.log, "test", name, set(roles))

    def browser(self, name: str) -> Browser:
        return Browser(self, name)

    def open_case(self, **fields: Any) -> str:
        """A held prompt with its decision on record."""
        prompt = fields.pop("prompt", "two fencers on a stage")
        decision = self.services.log.append(
            Event(
                kind="prompt.decision",
                subject="s",
                decision={
                    "action": "review",
                    "stage": "prompt",
                    "policy_digest": "0" * 64,
                    "reason": "violence",
                },
                payload={"prompt": prompt},
            )
        )
        new = {
            "item": "video_1", "tenant": "default", "subject": "s", "stage": "prompt",
            "decision": decision, "category": "violence", "rule": "VIO-2", "reason": "violence",
            "policy_digest": "0" * 64,
        }  # fmt: skip
        made = NewCase(**{**new, **fields})
        return self.services.log.write(lambda tx: open_case(tx, made))

    def entries(self) -> list[LogEntry]:
        """What this test put on record."""
        return [e for e in self.services.log.entries() if e.index >= self.since]

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.entries()]


class Browser(TestClient):
    """One person's browser; ``press`` fills in the token of the form."""

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site.app, base_url="http://testserver", follow_redirects=False)
        answer = self.post("/console/sign-in", data={"name": name, "token": site.people[name][1]})
        assert answer.status_code == 303
        home = self.get("/console/queue").text
        self.csrf = re.findall(r'name="csrf" value="([^"]+)"', home)[0]

    def press(self, path: str, **fields: str) -> Any:
        return self.post(path, data={"csrf": self.csrf, **fields})

    def take(self, case: str) -> dict[str, str]:
        """Take a case; the hidden fields of its decision form."""
        assert self.press(f"/console/cases/{case}/take").status_code == 303
        text = self.get(f"/console/cases/{case}").text
        return dict(re.findall(r'name="(version|seconds)" value="([^"]*)"', text))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for a module: making people and keys takes a second."""
    services = Services(load(home=tmp_path_factory.mktemp("home")))
    made = Site(services)
    yield made
    made.app.state.api.jobs.close()
    services.close()


@pytest.fixture
def site(house: Site) -> Site:
    for name, roles in house.roles.items():
        set_roles(house.services.log, "test", house.people[name][0].id, roles)
    house.since = house.services.log.snapshot().size
    return house
