"""Hash exchanges against stand-ins on loopback that answer as the services' own clients expect."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from guarded_gen.audit import Query
from guarded_gen.composition.services import Services
from guarded_gen.errors import InvalidInput, NotFound
from guarded_gen.gates.exchanges import OVERLAP_S, ExchangeRefused, ExchangeUnreachable
from guarded_gen.settings import load
from guarded_gen.settings.exchanges import ExchangeSettings

LOGIN = "Basic " + base64.b64encode(b"us:secret").decode()
FIRST, SECOND, THIRD = (f"{n}{'5a' * 31}f" for n in "123")
NS = "https://hashsharing.ncmec.org/hashsharing/v2"


class StandIn:
    """Answers by path; keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, str, dict[str, list[str]], bytes]] = []
        self.url = ""

    def last(self, method: str) -> tuple[str, dict[str, list[str]], bytes]:
        _, path, query, body = next(a for a in reversed(self.asked) if a[0] == method)
        return path, query, body


@contextmanager
def serving() -> Iterator[StandIn]:
    place = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            at = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            place.asked.append((self.command, at.path, parse_qs(at.query), body))
            key = self.headers.get("x-functions-key")
            known = self.headers.get("authorization") == LOGIN or key in ("fetch", "tell")
            found = place.answers.get(at.path + ("?next" if "next" in at.query else ""), b"{}")
            status, data = (200, found) if known else (401, b"")
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = answer

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    place.url = f"http://127.0.0.1:{server.server_port}"
    yield place
    server.shutdown()
    server.server_close()


@pytest.fixture
def place() -> Iterator[StandIn]:
    with serving() as made:
        yield made


def services_of(home: Path, *exchanges: dict[str, Any]) -> Services:
    return Services(load(home=home, exchanges=exchanges))


def ncmec(place: StandIn, **fields: Any) -> dict[str, Any]:
    given = {
        "bank": "ncmec", "kind": "ncmec", "url": place.url, "username": "us",
        "password": "secret", "category": "sexual_minors",
    }  # fmt: skip
    return {**given, **fields}


def entries(inner: str, further: str = "") -> bytes:
    paging = f"<paging><next>{further}</next></paging>" if further else ""
    text = (
        f'<queryResult xmlns="{NS}"><images count="1" maxTimestamp="2026-11-01T00:00:00Z">{inner}'
        f"</images>{paging}</queryResult>"
    )
    return text.encode()


def image(id: str, pdq: str, tag: str = "image") -> str:
    return (
        f'<{tag}><member id="42">Example</member><timestamp>2026-11-01T00:00:00Z</timestamp>'
        f"<id>{id}</id><classification>A1</classification><fingerprints><md5>{'0' * 32}</md5>"
        f"<pdq>{pdq}</pdq></fingerprints></{tag}>"
    )


def held(services: Services, bank: str) -> set[str]:
    return {line.split()[1] for line in services.banks.export(bank)}


def test_ncmec_is_fetched_page_by_page_and_goes_on_where_it_ended(
    place: StandIn, tmp_path: Path
) -> None:
    services = services_of(tmp_path, ncmec(place))
    place.answers["/v2/entries"] = entries(image("a", FIRST), "/v2/entries?next=1")
    place.answers["/v2/entries?next"] = entries(image("b", SECOND))
    first = services.exchanges.sync("ncmec")
    assert (first.put, first.removed, first.passed_over) == (2, 0, 2)
    assert held(services, "ncmec") == {FIRST, SECOND}
    assert services.banks.has("ncmec", "ncmec:42:a")

    place.answers["/v2/entries"] = entries(
        image("a", THIRD) + '<deletedImage><member id="42">x</member><id>b</id></deletedImage>'
    )
    second = services.exchanges.sync("ncmec")
    assert (second.put, second.removed) == (1, 1)
    assert held(services, "ncmec") == {THIRD}
    assert services.banks.fetched_until("ncmec") == second.until >= first.until
    assert first.until > OVERLAP_S
    synced = [e.body for e in services.log.entries(Query(kind="bank.synced"))]
    assert [body["put"] for body in synced] == [1, 2]
    assert FIRST not in json.dumps(synced)
    services.close()


def test_stopncii_withdraws_and_counts_what_cannot_be_compared(
    place: StandIn, tmp_path: Path
) -> None:
    keys = {"subscription_key": "sub", "fetch_key": "fetch", "feedback_key": "tell"}
    one = {"bank": "ncii", "kind": "stopncii", "url": place.url, "category": "ncii", **keys}
    services = services_of(tmp_path, one)

    def answer(*records: tuple[str, str, str], at: int) -> bytes:
        rows = [
            {
                "lastModtimestamp": at, "signalType": kind, "hashValue": value,
                "hashStatus": status, "caseNumbers": {"1": status}, "CSPFeedbacks": [],
            }
            for kind, value, status in records
        ]  # fmt: skip
        whole = {
            "count": len(rows), "nextPageToken": None, "nextSetTimestamp": at,
            "hasMoreRecords": False, "hashRecords": rows,
        }  # fmt: skip
        return json.dumps(whole).encode()

    place.answers["/FetchHashes"] = answer(
        ("ImagePDQ", FIRST, "Active"), ("ImagePDQ", SECOND, "Active"),
        ("VideoMD5", "0" * 32, "Active"), at=1_700,
    )  # fmt: skip
    first = services.exchanges.sync("ncii")
    assert (first.put, first.passed_over, first.until) == (2, 1, 1_700)
    place.answers["/FetchHashes"] = answer(("ImagePDQ", FIRST, "Withdrawn"), at=1_800)
    second = services.exchanges.sync("ncii")
    assert (second.removed, held(services, "ncii")) == (1, {SECOND})
    assert place.last("GET")[1]["startTimestamp"] == ["1700"]

    services.exchanges.feedback("ncii", f"stopncii:{SECOND}", agree=False, reason="not this person")
    path, _, body = place.last("POST")
    assert path == "/SubmitFeedback"
    told = json.loads(body)["hashFeedbacks"][0]
    assert (told["hashValue"], told["feedbackValue"]) == (SECOND, "NotBlocked")
    [entry] = services.log.entries(Query(kind="bank.feedback"))
    assert entry.body["agree"] is False
    with pytest.raises(NotFound):
        services.exchanges.feedback("ncii", f"stopncii:{FIRST}", agree=True)
    services.close()


def test_ncmec_feedback_asks_for_a_reason_only_where_there_is_a_choice(
    place: StandIn, tmp_path: Path
) -> None:
    services = services_of(tmp_path, ncmec(place))
    place.answers["/v2/entries"] = entries(image("a", FIRST))
    services.exchanges.sync("ncmec")
    services.exchanges.feedback("ncmec", "ncmec:42:a", agree=True)
    path, _, body = place.last("PUT")
    assert path == "/v2/entries/42/a/PDQ/feedback"
    assert b"affirmative" in body

    reasons = "".join(f'<reason guid="g{n}" name="why {n}" />' for n in (1, 2))
    place.answers["/v2/feedback/PDQ/reasons"] = (
        f'<r xmlns="{NS}"><availableFeedbackReasons>{reasons}</availableFeedbackReasons></r>'
    ).encode()
    with pytest.raises(InvalidInput, match="g1: why 1"):
        services.exchanges.feedback("ncmec", "ncmec:42:a", agree=False)
    services.exchanges.feedback("ncmec", "ncmec:42:a", agree=False, reason="g2")
    assert b"<guid>g2</guid>" in place.last("PUT")[2]
    services.close()


@pytest.mark.parametrize("fault", ["login", "away", "garbage"])
def test_what_goes_wrong_is_told_and_what_was_fetched_stays(
    place: StandIn, tmp_path: Path, fault: str
) -> None:
    home = tmp_path / "home"
    services = services_of(home, ncmec(place))
    place.answers["/v2/entries"] = entries(image("a", FIRST))
    services.exchanges.sync("ncmec")
    services.close()
    change: dict[str, Any] = {}
    if fault == "login":
        change = {"password": "wrong"}
    elif fault == "away":
        change = {"url": "http://127.0.0.1:9"}
    else:
        place.answers["/v2/entries"] = b"<html>down for maintenance</html"
    services = services_of(home, ncmec(place, **change))
    kind = ExchangeRefused if fault == "login" else ExchangeUnreachable
    before = services.banks.fetched_until("ncmec")
    with pytest.raises(kind) as told:
        services.exchanges.sync("ncmec")
    assert told.value.remedy
    assert "secret" not in str(told.value)
    assert held(services, "ncmec") == {FIRST}
    assert services.banks.fetched_until("ncmec") == before
    services.close()


def test_settings_say_what_is_missing() -> None:
    with pytest.raises(ValidationError, match="url, username and password"):
        ExchangeSettings(bank="x", kind="ncmec")
    with pytest.raises(ValidationError, match="subscription_key and fetch_key"):
        ExchangeSettings(bank="x", kind="stopncii")
