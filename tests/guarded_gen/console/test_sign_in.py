"""Signing in: with an identity provider, with tokens that lock, and sessions that end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from oidc_provider_mock import User
from pydantic import SecretStr
from starlette.testclient import TestClient

from guarded_gen.access import code_flow
from guarded_gen.access.code_flow import Begun
from guarded_gen.console.pages import signin
from guarded_gen.review import lockout
from guarded_gen.review.people import Identity, add_person, set_roles
from guarded_gen.review.roles import Role
from guarded_gen.settings.sign_in import SignInSettings
from guarded_gen.store.tables.review import Person
from tests.guarded_gen.console.conftest import Browser, Site
from tests.guarded_gen.console.provider import agree, provider
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the provider's library
ROLES = {"ts-reviewers": "reviewer", "ts-leads": "lead", "ts-admins": "admin"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    people = (
        User(sub="u-1", claims={"name": "Rina", "groups": ["ts-reviewers", "canteen"]}),
        User(sub="u-2", claims={"name": "Nora", "groups": ["canteen"]}),
    )
    with provider(*people) as url:
        yield url


@pytest.fixture
def with_provider(site: Site, issuer: str, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(code_flow, "_TIMEOUT_S", PATIENCE_S)
    wanted = SignInSettings(
        oidc_issuer=issuer, oidc_client_id="console", oidc_client_secret=SecretStr("s"), roles=ROLES
    )
    settings = site.services.settings.model_copy(update={"sign_in": wanted})
    monkeypatch.setattr(site.services, "settings", settings)
    site.console.__dict__.pop("code_flow", None)
    return site


def stranger(site: Site) -> TestClient:
    return TestClient(site.app, base_url="http://testserver", follow_redirects=False)


def walk(browser: TestClient, sub: str, **changed: str) -> Any:
    """Through the provider and back; the answer to the way back."""
    begun = browser.get("/console/sign-in/oidc")
    assert begun.status_code == 303
    back = urlsplit(agree(begun.headers["location"], sub))
    assert back.path == "/console/sign-in/oidc/back"
    query = {name: values[0] for name, values in parse_qs(back.query).items()}
    return browser.get(back.path, params={**query, **changed})


def test_somebody_comes_in_with_the_roles_of_their_groups(with_provider: Site) -> None:
    browser = stranger(with_provider)
    assert "Sign in with your organisation" in browser.get("/console/sign-in").text
    answer = walk(browser, "u-1")
    assert answer.status_code == 200, answer.text
    assert 'http-equiv="refresh"' in answer.text, "a redirect would lose the strict cookie"
    queue = browser.get("/console/queue")
    assert queue.status_code == 200 and "Rina" in queue.text
    assert browser.get("/console/people").status_code == 403
    with with_provider.services.store.read() as session:
        [rina] = session.query(Person).filter(Person.name == "Rina")
    assert rina.roles == ["reviewer"] and rina.external
    assert rina.secret == ""
    with_token = stranger(with_provider).post(
        "/console/sign-in", data={"name": "Rina", "token": ""}
    )
    assert with_token.status_code == 401, "no token opens somebody who comes from the provider"
    again = walk(stranger(with_provider), "u-1")
    assert again.status_code == 200
    with with_provider.services.store.read() as session:
        assert session.query(Person).filter(Person.external.is_not(None)).count() == 1
    assert with_provider.kinds().count("person.added") == 1


def test_without_a_group_of_ours_nobody_comes_in(with_provider: Site) -> None:
    browser = stranger(with_provider)
    answer = walk(browser, "u-2")
    assert answer.status_code == 403 and "no role" in answer.text
    assert browser.get("/console/queue").status_code == 303


def test_what_was_not_begun_here_is_refused(with_provider: Site) -> None:
    """An answer of another sign-in, another issuer's, without cookie, a refusal, a code twice."""
    for changed in ({"state": "x"}, {"iss": "http://elsewhere"}, {"code": "made-up"}):
        answer = walk(stranger(with_provider), "u-1", **changed)
        assert answer.status_code == 403, (changed, answer.text)
    assert walk(stranger(with_provider), "").status_code == 403
    browser = stranger(with_provider)
    address = browser.get("/console/sign-in/oidc").headers["location"]
    back = agree(address, "u-1").removeprefix("http://testserver")
    other = stranger(with_provider)
    assert other.get(back).status_code == 403, "the code without the browser that began"
    assert browser.get(back).status_code == 200
    assert browser.get(back).status_code == 403, "a code opens once"


def test_a_stolen_code_is_worth_nothing_without_its_verifier(with_provider: Site) -> None:
    browser = stranger(with_provider)
    address = browser.get("/console/sign-in/oidc").headers["location"]
    back = agree(address, "u-1").removeprefix("http://testserver")
    state = parse_qs(urlsplit(back).query)["state"][0]
    nonce = parse_qs(urlsplit(address).query)["nonce"][0]
    thief = stranger(with_provider)
    kept = json.dumps({"state": state, "nonce": nonce, "verifier": Begun.new().verifier})
    thief.cookies.set(signin.BEGUN, kept, path=signin.BEGUN_PATH)
    answer = thief.get(back)
    assert answer.status_code == 403 and "did not take the code" in answer.text


@pytest.mark.parametrize(
    ("claims", "settings", "roles"),
    [
        ({"groups": "ts-leads other"}, {}, {"lead"}),
        ({"groups": ["ts-leads", "ts-admins"]}, {}, {"lead", "admin"}),
        ({"groups": 7}, {}, set()),
        ({"realm": ["ts-leads"]}, {"roles_claim": "realm"}, {"lead"}),
    ],
)
def test_roles_by_claim(claims: dict[str, Any], settings: Any, roles: set[str]) -> None:
    wanted = SignInSettings(roles=ROLES, **settings)
    found = signin.identity_of({"iss": "i", "sub": "s", **claims}, wanted)
    assert {role.value for role in found.roles} == roles and not found.tenants


def test_a_claim_of_tenants_that_is_missing_means_none_and_not_all() -> None:
    from guarded_gen.review.errors import NotAllowed

    wanted = SignInSettings(roles=ROLES, tenants_claim="orgs")
    who = {"iss": "i", "sub": "s", "groups": ["ts-leads"]}
    with pytest.raises(NotAllowed):
        signin.identity_of(who, wanted)
    assert signin.identity_of({**who, "orgs": ["a"]}, wanted).tenants == {"a"}


def test_the_last_admin_stays_one_whatever_the_claims_say(site: Site) -> None:
    from guarded_gen.review.people import admit

    def arrive(*roles: Role) -> Any:
        identity = Identity("i", "s-last", "Olga", frozenset(roles), frozenset())
        return site.services.log.write(lambda tx: admit(tx, identity))

    log, adm = site.services.log, site.people["adm"][0]
    arrive(Role.ADMIN)
    try:
        with site.services.store.read() as session:
            others = [
                p.id
                for p in session.query(Person)
                if "admin" in p.roles and p.active and p.name != "Olga"
            ]
        for id in others:
            set_roles(log, "test", id, {Role.REVIEWER})
        assert Role.ADMIN in arrive(Role.REVIEWER).roles
    finally:
        set_roles(log, "test", adm.id, {Role.ADMIN})
    assert Role.ADMIN not in arrive(Role.REVIEWER).roles, "another one is there now"


def test_wrong_tokens_lock_a_name_for_longer_each_time(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = [1_800_000_000_000]
    monkeypatch.setattr("guarded_gen.console.session.now_ms", lambda: at[0])
    name, browser = "locked", stranger(site)
    _, right = add_person(site.services.log, "test", name, {Role.REVIEWER})

    def offer(token: str) -> Any:
        return browser.post("/console/sign-in", data={"name": name, "token": token})

    codes = [offer("wrong").status_code for _ in range(5)]
    assert codes == [401] * 5
    locked = offer(right)
    assert locked.status_code == 429 and "10 seconds" in locked.text, "even the right one"
    at[0] += 10_000
    assert offer("wrong").status_code == 401
    assert "20 seconds" in offer(right).text
    at[0] += 20_000
    assert offer(right).status_code == 303
    assert offer("wrong").status_code == 401, "the count begins anew"
    assert [e.body["tries"] for e in site.entries() if e.kind == "person.locked_out"][::-1] == [
        5,
        6,
    ]


def test_a_name_that_nobody_has_locks_alike(site: Site) -> None:
    browser = stranger(site)
    for _ in range(5):
        browser.post("/console/sign-in", data={"name": "no such person", "token": "x"})
    answer = browser.post("/console/sign-in", data={"name": " No Such Person", "token": "x"})
    assert answer.status_code == 429
    with pytest.raises(lockout.LockedOut):
        lockout.require_open(site.services.store, "no such person", 0)


def test_sessions_are_listed_and_ended(site: Site) -> None:
    first, second = site.browser("bob"), Browser(site, "bob")
    page = second.get("/console/sessions").text
    assert page.count("testclient") >= 2 and "this one" in page
    assert "Other people" not in page
    assert second.press("/console/sessions/end").status_code == 303
    assert first.get("/console/queue").status_code == 303, "ended at once"
    assert second.get("/console/queue").status_code == 200
    stranger_ = site.browser("ann")
    bob = site.people["bob"][0].id
    assert stranger_.press("/console/sessions/end", person=bob).status_code == 403
    admin = site.browser("adm")
    assert "Other people" in admin.get("/console/sessions").text
    assert admin.press("/console/sessions/end", person=bob).status_code == 303
    assert second.get("/console/queue").status_code == 303
    assert site.kinds().count("person.sessions_ended") == 2


def test_tokens_can_be_turned_off(with_provider: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = with_provider.services.settings
    off = settings.sign_in.model_copy(update={"tokens": False})
    monkeypatch.setattr(
        with_provider.services, "settings", settings.model_copy(update={"sign_in": off})
    )
    browser = stranger(with_provider)
    assert "Access token" not in browser.get("/console/sign-in").text
    name, token = "ann", with_provider.people["ann"][1]
    answer = browser.post("/console/sign-in", data={"name": name, "token": token})
    assert answer.status_code == 404
