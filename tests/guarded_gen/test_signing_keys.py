"""A signing key in a token or behind a function, reached by settings; alerts about certificates."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key
from typer.testing import CliRunner

from guarded_gen.composition.services import Services
from guarded_gen.errors import ConfigInvalid
from guarded_gen.server import app
from guarded_gen.settings import load
from provenance.certificates import issue_authority, issue_leaf, save_certificates
from provenance.errors import CredentialInvalid, KeyUnavailable
from provenance.identities import IdentityStore
from tests.guarded_gen.test_signing import fresh

LIBRARY = Path("/usr/lib/softhsm/libsofthsm2.so")
_TOKEN_SCRIPT = """
import sys, pkcs11
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters
token = pkcs11.lib(sys.argv[1]).get_token(token_label="house")
with token.open(user_pin="1234", rw=True) as session:
    parameters = session.create_domain_parameters(
        pkcs11.KeyType.EC,
        {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}, local=True,
    )
    public, _ = parameters.generate_keypair(store=True, label="claims")
    sys.stdout.buffer.write(encode_ec_public_key(public))
"""


def chain_for(public: object, path: Path) -> None:
    root = issue_authority("House root")
    leaf = issue_leaf(root, public)  # type: ignore[arg-type]
    save_certificates(path, leaf, root.certificate)


def test_a_clip_is_signed_by_a_key_in_a_token(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shutil.which("softhsm2-util"), "install softhsm2 (scripts/setup-system.sh)"
    (tmp_path / "tokens").mkdir()
    config = tmp_path / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {tmp_path / 'tokens'}\nobjectstore.backend = file\n")
    told = {**os.environ, "SOFTHSM2_CONF": str(config)}
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", "house", "--so-pin", "4321",
         "--pin", "1234"],
        check=True, capture_output=True, env=told,
    )  # fmt: skip
    made = subprocess.run(
        [sys.executable, "-c", _TOKEN_SCRIPT, str(LIBRARY)],
        check=True, capture_output=True, env=told,
    )  # fmt: skip
    chain_for(load_der_public_key(made.stdout), tmp_path / "chain.pem")
    settings = {
        "SOFTHSM2_CONF": str(config),
        "GUARDED_GEN_SIGNING__CHAIN": str(tmp_path / "chain.pem"),
        "GUARDED_GEN_SIGNING__PKCS11__LIBRARY": str(LIBRARY),
        "GUARDED_GEN_SIGNING__PKCS11__TOKEN": "house",
        "GUARDED_GEN_SIGNING__PKCS11__LABEL": "claims",
        "GUARDED_GEN_SIGNING__PKCS11__PIN": "1234",
    }
    # in processes of their own: a PKCS#11 library reads its configuration once
    program = [sys.executable, "-m", "guarded_gen.cli"]
    clip = tmp_path / "clip.mp4"
    done = subprocess.run(
        [*program, "generate", "a red circle over the sea", "-o", str(clip), "--seconds", "1"],
        env={**told, **settings}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    shown = subprocess.run(
        [*program, "verify", str(clip), "--json", "--credentials-only"],
        env={**told, **settings}, capture_output=True, text=True,
    )  # fmt: skip
    assert '"verdict": "trusted"' in shown.stdout, shown.stdout
    assert not (home / "keys" / "development").exists(), "no other key was made"
    wrong = subprocess.run(
        [*program, "generate", "a red circle over the sea", "-o", str(tmp_path / "no.mp4"),
         "--seconds", "1", "--json"],
        env={**told, **settings, "GUARDED_GEN_SIGNING__PKCS11__PIN": "9999"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert wrong.returncode == 1, wrong.stdout
    assert "key_unavailable" in wrong.stdout
    assert "9999" not in wrong.stdout + wrong.stderr
    assert not (tmp_path / "no.mp4").exists()


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of the operator's with a key service behind it; its function's name."""
    identity = fresh(3)
    save_certificates(tmp_path / "chain.pem", *identity.chain)
    module = tmp_path / "house_keys.py"
    module.write_text("key = None\ndef sign(data):\n    return key.sign(data)\nnothing = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("house_keys", None)
    import importlib

    importlib.import_module("house_keys").key = identity.key  # type: ignore[attr-defined]
    monkeypatch.setenv("GUARDED_GEN_SIGNING__CHAIN", str(tmp_path / "chain.pem"))
    return "house_keys:sign"


def test_a_key_behind_a_function_signs(
    home: Path, tmp_path: Path, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUARDED_GEN_SIGNING__CALLBACK__FUNCTION", service)
    services = Services(load())
    assert services.identity.fingerprint == fresh_fingerprint(tmp_path)
    assert services.identity.root in services.trust.signers
    # another key's certificate in its place is found before anything is signed
    save_certificates(tmp_path / "chain.pem", *fresh(2).chain)
    with pytest.raises(CredentialInvalid, match="does not belong"):
        _ = services.identity
    assert any("nothing can be signed" in alert for alert in services.signing.alerts())
    import house_keys  # type: ignore[import-not-found]

    house_keys.key = None
    with pytest.raises(KeyUnavailable, match="callback failed"):
        _ = services.identity
    services.close()


def fresh_fingerprint(folder: Path) -> str:
    from provenance.certificates import load_certificates
    from provenance.trust import fingerprint

    return fingerprint(load_certificates(folder / "chain.pem")[0])


@pytest.mark.parametrize("name", ["house_keys:missing", "house_keys:nothing", "no_such:sign"])
def test_a_function_that_is_not_there_is_told(
    home: Path, service: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUARDED_GEN_SIGNING__CALLBACK__FUNCTION", name)
    services = Services(load())
    with pytest.raises(ConfigInvalid, match=r"signing\.callback\.function"):
        _ = services.identity
    services.close()


def test_half_a_setting_is_refused(home: Path, service: str) -> None:
    with pytest.raises(ConfigInvalid, match="chain together"):
        load()


def test_an_unfit_newest_certificate_is_an_alert(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    services = Services(load())
    store = IdentityStore(home / "keys" / "identities")
    store.add("old", fresh(30))
    store.add("new", fresh(1))
    assert services.signing.alerts() == ()
    (home / "keys" / "identities" / "new" / "leaf.key").write_text("damaged")
    (home / "keys" / "identities" / "new" / "leaf.key").chmod(0o600)
    assert services.signing.alerts()[0].startswith("the newest signing identity, new")
    assert [r for r in caplog.records if getattr(r, "event", "") == "signing_alert"]
    much_later = datetime.now(UTC) + timedelta(days=340)
    assert any("runs out on" in alert for alert in services.signing.alerts(much_later))
    assert any("c2pa is expired" in alert for alert in services.signing.alerts(much_later))
    services.close()
    shown = CliRunner().invoke(app, ["trust", "check"])
    assert shown.exit_code == 1
    assert "newest signing identity" in shown.stdout
