"""The trust store: dated snapshots, never an older one, and every change on record."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from guarded_gen.audit.search import Query
from guarded_gen.composition.services import Services
from guarded_gen.errors import Conflict, InvalidInput
from guarded_gen.origin.trust import TrustStore, obtain
from guarded_gen.server import app
from guarded_gen.settings import load
from provenance.certificates import issue_authority, save_certificates
from provenance.errors import TrustListInvalid
from provenance.trust import TrustList
from tests.provenance.test_trustlists import ROOT, STAMPS, lote, pem

NOW = datetime.now(UTC)


@pytest.fixture
def run(home: Path) -> Callable[..., Any]:
    def call(*words: str, code: int = 0) -> Any:
        result = CliRunner().invoke(app, ["trust", *words, "--json"])
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    return call


def test_a_list_is_added_counts_at_once_and_stands_in_the_log(
    run: Callable[..., Any], home: Path, tmp_path: Path
) -> None:
    partner = issue_authority("Partner root")
    save_certificates(tmp_path / "partner.pem", partner.certificate)
    services = Services(load())
    assert partner.certificate not in services.trust.signers
    added = run("add", str(tmp_path / "partner.pem"), "--name", "partner", "--as", "signers",
                "--expires", "2099-01-01")  # fmt: skip
    assert added["added"] == [partner.certificate.subject.rfc4514_string()]
    assert partner.certificate in services.trust.signers, "without a restart"
    [entry] = list(services.log.entries(Query(kind="trust.changed")))
    assert entry.body["list"] == "partner"
    assert entry.body["anchors"] == {"signers": 1, "timestamps": 0, "identities": 0}
    services.close()
    names = {held["name"]: held for held in run("show")}
    assert set(names) == {"c2pa", "c2pa-tsa", "partner"}
    assert names["partner"]["source"].endswith("partner.pem")
    assert all(held["expires"] and held["issued"] for held in names.values())
    assert run("check")["lists"][0]["state"] == "good"


def test_stampers_cannot_be_added_as_signers(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "C2PA-TSA-TRUST-LIST.pem").write_bytes(pem(ROOT, STAMPS))
    path = str(tmp_path / "C2PA-TSA-TRUST-LIST.pem")
    assert run("add", path, "--name", "x", "--as", "signers", code=1)["error"]
    assert run("update", "c2pa", "--from", path, code=1)["error"]["code"] == "trust_list_invalid"
    assert len(run("add", path, "--name", "x")["timestamps"]) == 2


def test_a_newer_official_list_replaces_the_shipped_one_and_an_older_one_never(
    home: Path, tmp_path: Path
) -> None:
    services = Services(load())
    store, log = services.signing.store, lambda: services.log
    newer = lote("C2PA TSA Trust List", ROOT, STAMPS)
    change = store.add(log, "c2pa-tsa", newer, "a file")
    assert len(change.removed) == 22
    [held] = [item for item in store.lists() if item.name == "c2pa-tsa"]
    assert set(held.trust.timestamps) == {ROOT.certificate, STAMPS.certificate}
    with pytest.raises(Conflict, match="issued 2020"):
        store.add(log, "c2pa-tsa", newer.replace(b"2026-08-05", b"2020-08-05"), "a file")
    with pytest.raises(TrustListInvalid, match="expiry"):
        store.add(log, "c2pa-tsa", newer.replace(b"2027-08-05", b"2026-09-05"), "a file")
    assert len(list((home / "trust" / "c2pa-tsa").iterdir())) == 1
    services.close()


def test_expiry_is_told_before_and_after(home: Path, tmp_path: Path) -> None:
    services = Services(load())
    soon = TrustList("soon", (ROOT.certificate,), expires=NOW + timedelta(days=3), issued=NOW)
    services.signing.store.add(
        lambda: services.log, "soon", json.dumps(soon.to_json()).encode(), "here"
    )
    services.close()
    [held] = TrustStore(home / "trust", with_shipped=False).lists()
    assert held.state(NOW) == "expires_soon"
    assert held.state(NOW + timedelta(days=4)) == "expired"
    checked = CliRunner().invoke(app, ["trust", "check"])
    assert checked.exit_code == 1
    assert "expires_soon" in checked.stdout


@pytest.mark.parametrize("source", ["http://example.org/list.pem", "/no/such/file.pem"])
def test_where_lists_come_from(source: str) -> None:
    with pytest.raises(InvalidInput):
        obtain(source)
