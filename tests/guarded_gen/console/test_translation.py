"""Words of a case in the reviewer's language: only when asked for, on record, and never a 500."""

from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from guarded_gen.review.people import add_person
from guarded_gen.review.roles import Role
from guarded_gen.review.translation import CaseTranslations
from guarded_gen.review.translators import translator_of
from guarded_gen.settings.translation import TranslationSettings
from tests.guarded_gen.console.conftest import Site

SPANISH = "dos esgrimistas sobre un escenario"
ENGLISH = {"translatedText": "two fencers on a stage", "detectedLanguage": {"language": "es"}}
NOTE = "seen <twice> & kept"
FORM = {"note": NOTE, "reason": "violence"}


class Service:
    """A translation service on loopback: ``answer`` writes to the handler what it likes."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.url = ""
        self.over = threading.Event()
        self.answer: Callable[[BaseHTTPRequestHandler], None] = says(ENGLISH)


def says(body: object, status: int = 200, **headers: str) -> Callable[[Any], None]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(raw)

    return answer


@contextmanager
def serving() -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            service.asked.append((self.path, json.loads(body)))
            try:
                service.answer(self)
            except OSError:
                return  # the other side hung up

        def log_message(self, *args: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield service
    finally:
        service.over.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as made:
        yield made


@pytest.fixture
def use(site: Site, service: Service, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has the console use the service, with further settings."""

    def chosen(**settings: Any) -> None:
        settings = {"url": service.url, "timeout_s": 60.0} | settings
        made = TranslationSettings.model_validate(settings)
        using = CaseTranslations(site.services.log, made, translator_of(made))
        monkeypatch.setitem(site.console.__dict__, "translations", using)

    chosen()
    return chosen


def trained(site: Site) -> Any:
    if "tess" not in site.people:
        site.roles["tess"] = {Role.RESTRICTED}
        site.people["tess"] = add_person(site.services.log, "test", "tess", {Role.RESTRICTED})
    return site.browser("tess")


def asked(site: Site) -> list[dict[str, Any]]:
    return [e.body for e in site.entries() if e.kind == "case.translation_asked"]


def keeps_note(page: str) -> bool:
    return any(html.unescape(t) == NOTE for t in re.findall(r"<textarea[^>]*>([^<]*)<", page))


def test_off_by_default(site: Site) -> None:
    assert site.services.settings.translation.url == ""
    case = site.open_case(prompt=SPANISH)
    ann = site.browser("ann")
    ann.take(case)
    assert "/translate" not in ann.get(f"/console/cases/{case}").text
    answer = ann.press(f"/console/cases/{case}/translate", **FORM)
    assert answer.status_code == 404 and "no translation service is set" in answer.text
    assert keeps_note(answer.text) and asked(site) == []


def test_the_words_are_sent_when_asked_for_and_not_before(site: Site, service, use) -> None:
    use(api_key="sesame")
    case = site.open_case(prompt=SPANISH)
    ann = site.browser("ann")
    ann.take(case)
    page = ann.get(f"/console/cases/{case}").text
    host = service.url.removeprefix("http://")
    assert f'formaction="/console/cases/{case}/translate#asked"' in page and host in page
    assert service.asked == [] and asked(site) == []
    answer = ann.press(f"/console/cases/{case}/translate", **FORM)
    assert answer.status_code == 200
    assert service.asked == [
        ("/translate", {
            "q": SPANISH, "source": "auto", "target": "en", "format": "text", "api_key": "sesame",
        })
    ]  # fmt: skip
    assert '<bdi class="foreign">two fencers on a stage</bdi>' in answer.text
    assert "Machine translation from Spanish" in answer.text
    assert SPANISH in answer.text and keeps_note(answer.text)
    entry = next(e for e in site.entries() if e.kind == "case.translation_asked")
    assert entry.actor == site.people["ann"][0].id
    assert entry.body == {"case": case, "host": host, "target": "en"} and entry.commit is None
    assert "two fencers" not in ann.get(f"/console/cases/{case}").text, "it is not kept"


def test_the_target_is_the_readers_language_and_no_key_is_made_up(site, service, use) -> None:
    case = site.open_case(prompt=SPANISH)
    ann = site.browser("ann")
    ann.take(case)
    ann.headers.update({"accept-language": "de"})
    page = ann.press(f"/console/cases/{case}/translate").text
    assert service.asked[0][1]["target"] == "de" and "api_key" not in service.asked[0][1]
    assert "Maschinelle Übersetzung aus der Sprache Spanisch" in page
    service.answer = says(b"", 429)
    page = ann.press(f"/console/cases/{case}/translate").text
    assert "Der Übersetzungsdienst hat mit 429 geantwortet" in page
    assert "Versuchen Sie es erneut" in page


def test_a_strangers_words_are_isolated_and_a_strange_source_is_not_believed(
    site: Site, service, use
) -> None:
    case = site.open_case(prompt=SPANISH)
    ann = site.browser("ann")
    ann.take(case)
    strange = {
        "translatedText": "<script>\u202eevil\ud800",
        "detectedLanguage": {"language": "<b>"},
    }
    service.answer = says(strange)
    page = ann.press(f"/console/cases/{case}/translate")
    assert page.status_code == 200 and "<script>\u202e" not in page.text
    assert "&lt;script&gt;\ufffdevil\ufffd" in page.text
    assert "the service named no source language" in page.text


def hangs(service: Service) -> Callable[[Any], None]:
    return lambda handler: service.over.wait(60)


def trickles(service: Service) -> Callable[[Any], None]:
    """A byte now and then: no single wait is too long, the whole is."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not service.over.wait(0.05):
            handler.wfile.write(b" ")

    return answer


@pytest.mark.parametrize("make", [hangs, trickles])
def test_a_service_that_hangs(site: Site, service, use, make) -> None:
    use(timeout_s=0.5)
    service.answer = make(service)
    case = site.open_case(prompt=SPANISH)
    ann = site.browser("ann")
    form = ann.take(case)
    answer = ann.press(f"/console/cases/{case}/translate", **FORM)
    assert answer.status_code == 502 and "did not answer within 0.5 s" in answer.text
    assert SPANISH in answer.text and keeps_note(answer.text)
    assert len(asked(site)) == 1
    done = ann.press(f"/console/cases/{case}/decide", **form, **FORM, action="block")
    assert done.status_code == 303, "the case goes on"


RUBBISH = {
    "no JSON": says(b"\x00\xff rubbish"),
    "a list": says(["two fencers"]),
    "a number": says(5),
    "nothing": says(b""),
    "no text": says({"translatedText": None}),
    "a list of texts": says({"translatedText": ["two fencers"]}),
    "an empty text": says({"translatedText": " "}),
    "a deep one": says(b"[" * 100_000),
    "a long one": says({"translatedText": "x" * 300_000}),
    "packed": says(b"\x1f\x8b rubbish", content_encoding="gzip"),
    "refused": says({"error": "Invalid API key"}, 403),
    "broken": says(b"", 500),
    "no HTTP": lambda handler: handler.wfile.write(b"rubbish\r\n\r\n"),
    "hung up": lambda handler: handler.connection.close(),
}


@pytest.mark.parametrize("what", RUBBISH)
def test_a_service_that_answers_rubbish(site: Site, service, use, what: str) -> None:
    service.answer = RUBBISH[what]
    case = site.open_case(prompt=SPANISH)
    ann = site.browser("ann")
    ann.take(case)
    answer = ann.press(f"/console/cases/{case}/translate", **FORM)
    assert answer.status_code == 502 and "the translation service" in answer.text
    assert "What to do: try again" in html.unescape(re.sub("<[^>]*>", "", answer.text))
    assert SPANISH in answer.text and keeps_note(answer.text)
    assert "Machine translation" not in answer.text and len(service.asked) == 1


def test_nobody_listens(site: Site, service, use) -> None:
    with serving() as gone:
        url = gone.url
    use(url=url)
    case = site.open_case(prompt=SPANISH)
    ann = site.browser("ann")
    ann.take(case)
    answer = ann.press(f"/console/cases/{case}/translate", **FORM)
    assert answer.status_code == 502 and "gave no answer" in answer.text
    assert keeps_note(answer.text)


def test_a_redirect_is_not_followed(site: Site, service, use) -> None:
    with serving() as elsewhere:
        service.answer = says(b"", 307, location=f"{elsewhere.url}/translate")
        case = site.open_case(prompt=SPANISH)
        ann = site.browser("ann")
        ann.take(case)
        answer = ann.press(f"/console/cases/{case}/translate", **FORM)
        assert answer.status_code == 502 and "answered 307" in answer.text
        assert len(service.asked) == 1 and elsewhere.asked == []


def test_words_that_are_too_long_are_not_sent(site: Site, service, use) -> None:
    use(max_chars=10)
    case = site.open_case(prompt=SPANISH)
    ann = site.browser("ann")
    ann.take(case)
    answer = ann.press(f"/console/cases/{case}/translate", **FORM)
    assert answer.status_code == 409 and "more than 10" in answer.text
    assert keeps_note(answer.text)
    assert service.asked == [] and asked(site) == []


def test_only_who_may_read_the_words_may_send_them(site: Site, service, use) -> None:
    case = site.open_case(prompt=SPANISH)
    ann = site.browser("ann")
    ann.take(case)
    for name, status in (("bob", 409), ("aud", 403), ("adm", 403), ("pia", 403)):
        answer = site.browser(name).press(f"/console/cases/{case}/translate", **FORM)
        assert answer.status_code == status, name
        assert SPANISH not in answer.text
    form = {"csrf": "wrong", **FORM}
    assert ann.post(f"/console/cases/{case}/translate", data=form).status_code == 403
    assert ann.get(f"/console/cases/{case}/translate").status_code == 405
    assert service.asked == [] and asked(site) == []


def test_a_lease_that_ran_out_meanwhile_shows_nothing_and_keeps_the_note(
    site: Site, service, use
) -> None:
    case = site.open_case(prompt=SPANISH)
    ann = site.browser("ann")
    ann.take(case)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        site.console.queue.give_back(site.people["ann"][0], case)
        says(ENGLISH)(handler)

    service.answer = answer
    page = ann.press(f"/console/cases/{case}/translate", **FORM)
    assert len(service.asked) == 1 and page.status_code == 200
    assert "two fencers" not in page.text and SPANISH not in page.text
    assert keeps_note(page.text)


def test_a_decided_case_keeps_the_note_of_its_thread(site: Site, service, use) -> None:
    case = site.open_case(prompt=SPANISH)
    ann = site.browser("ann")
    form = ann.take(case)
    ann.press(f"/console/cases/{case}/decide", **form, action="block", reason="violence")
    page = ann.get(f"/console/cases/{case}").text
    assert 'form="noting"' in page and 'id="noting"' in page
    page = ann.press(f"/console/cases/{case}/translate", note=NOTE).text
    assert "two fencers" in page and keeps_note(page)


def test_a_service_that_fails_after_the_lease_ran_out_is_told_of(site: Site, service, use) -> None:
    case = site.open_case(prompt=SPANISH)
    ann = site.browser("ann")
    ann.take(case)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        site.console.queue.give_back(site.people["ann"][0], case)
        says(b"", 500)(handler)

    service.answer = answer
    page = ann.press(f"/console/cases/{case}/translate", **FORM)
    assert page.status_code == 502 and "answered 500" in page.text and keeps_note(page.text)
    assert SPANISH not in page.text


@pytest.mark.parametrize("allowed", [False, True])
def test_restricted_words_leave_only_where_the_settings_say_so(
    site: Site, service, use, allowed: bool
) -> None:
    use(restricted=allowed)
    case = site.open_case(prompt=SPANISH, category="ncii", rule="NCII-1", floor=True)
    tess = trained(site)
    tess.take(case)
    assert ("/translate" in tess.get(f"/console/cases/{case}").text) is allowed
    answer = tess.press(f"/console/cases/{case}/translate", **FORM)
    assert answer.status_code == (200 if allowed else 409) and keeps_note(answer.text)
    assert len(service.asked) == len(asked(site)) == int(allowed)
    if not allowed:
        assert "restricted cases are not sent" in answer.text
    other = site.browser("ann").press(f"/console/cases/{case}/translate")
    assert other.status_code == 404 and len(service.asked) == int(allowed)


@pytest.mark.parametrize(
    "url", ["translate.example", "ftp://x.example", "http://", "http://x:99999", "http://u:p@x.example",
            "http://x.example/?key=1"],
)  # fmt: skip
def test_an_address_that_cannot_be_is_refused_when_the_settings_are_read(url: str) -> None:
    with pytest.raises(ValidationError):
        TranslationSettings(url=url)


def test_every_kind_of_the_settings_has_its_adapter() -> None:
    for kind in get_args(TranslationSettings.model_fields["kind"].annotation) or ():
        assert translator_of(TranslationSettings(url="http://x.example", kind=kind)) is not None
    assert TranslationSettings(url="https://[::1]:5000/t/").host == "[::1]:5000"
    assert translator_of(TranslationSettings()) is None
