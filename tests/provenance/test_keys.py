"""All seven algorithms, keys at rest, callbacks, a real software HSM, rotation."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance import SigningIdentity, TrustList, Verdict, ensure_development_chain, sign_file
from provenance.certificates import (
    CLAIM_SIGNING,
    Authority,
    _usage,
    issue_authority,
    issue_leaf,
    load_certificates,
    load_identity,
    save_certificates,
)
from provenance.errors import CredentialInvalid, KeyUnavailable, SigningFailed
from provenance.identities import IdentityStore
from provenance.keys import (
    Algorithm,
    CallbackKey,
    Key,
    LocalKey,
    check_signature,
    der_to_raw,
    generate_key,
    load_key,
    raw_to_der,
    save_key,
)
from provenance.pkcs11 import Pkcs11Key
from provenance.profile import check_certificate, check_identity
from provenance.verifier import examine
from tests.provenance.conftest import Studio


def make_identity(key: Key, public: object, **leaf: object) -> SigningIdentity:
    root = issue_authority("Test root")
    middle = issue_authority("Test intermediate", root, path_length=0)
    certificate = issue_leaf(middle, public, **leaf)  # type: ignore[arg-type]
    return SigningIdentity(key, (certificate, middle.certificate), root.certificate)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_every_algorithm_signs_a_file(studio: Studio, tmp_path: Path, algorithm: Algorithm) -> None:
    private = generate_key(algorithm)
    identity = make_identity(LocalKey(algorithm, private), private.public_key())
    trust = TrustList.of(identity)
    done = sign_file(studio.source, tmp_path / "out.mp4", studio.request(), identity, trust)
    assert done.report.verdict is Verdict.TRUSTED
    assert done.report.signer is not None and done.report.signer.algorithm == algorithm.value
    assert not check_signature(private.public_key(), algorithm, b"\0" * 64, b"data")
    assert check_signature(private.public_key(), algorithm, identity.key.sign(b"data"), b"data")


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=200))
def test_der_and_raw_signatures_are_inverse(data: bytes) -> None:
    private = ec.derive_private_key(7, ec.SECP521R1())
    raw = LocalKey(Algorithm.ES512, private).sign(data)
    assert der_to_raw(raw_to_der(raw, Algorithm.ES512), Algorithm.ES512) == raw


def test_keys_are_private_and_encrypted_at_rest(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    private = generate_key(Algorithm.ES256)
    save_key(path, private, b"correct horse")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"ENCRYPTED" in path.read_bytes()
    assert load_key(path, b"correct horse").private.public_key() == private.public_key()
    with pytest.raises(CredentialInvalid, match="passphrase"):
        load_key(path, b"wrong")
    with pytest.raises(CredentialInvalid):
        load_key(path)
    path.chmod(0o644)
    with pytest.raises(CredentialInvalid, match="read by others"):
        load_key(path, b"correct horse")
    with pytest.raises(KeyUnavailable):
        load_key(tmp_path / "none.pem")
    path.chmod(0o600)
    path.write_bytes(b"no key")
    with pytest.raises(CredentialInvalid):
        load_key(path)


def test_the_development_chain_is_made_once_and_is_private(tmp_path: Path) -> None:
    made: list[SigningIdentity] = []
    threads = [
        threading.Thread(target=lambda: made.append(ensure_development_chain(tmp_path / "k")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({identity.fingerprint for identity in made}) == 1 and len(made) == 4
    home = tmp_path / "k" / "development"
    assert {p.name for p in home.glob("*.key")} == {"root.key", "intermediate.key", "leaf.key"}
    assert {stat.S_IMODE(p.stat().st_mode) for p in home.glob("*.key")} == {0o600}
    assert not list((tmp_path / "k").glob(".*"))
    purposes = made[0].leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(purposes) == {CLAIM_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION}


def test_an_expired_development_leaf_is_renewed(tmp_path: Path) -> None:
    first = ensure_development_chain(tmp_path)
    home = tmp_path / "development"
    _, middle, root = load_certificates(home / "chain.pem")
    issuer = Authority(middle, load_key(home / "intermediate.key").private)
    old = issue_leaf(
        issuer, first.leaf.public_key(), begin=datetime.now(UTC) - timedelta(days=9),
        life=timedelta(days=1),
    )  # fmt: skip
    save_certificates(home / "chain.pem", old, middle, root)
    again = ensure_development_chain(tmp_path)
    assert again.leaf.not_valid_after_utc > datetime.now(UTC)
    assert again.root == first.root
    assert check_identity(again, datetime.now(UTC)) == ()


def test_a_key_service_may_answer_in_der(studio: Studio, tmp_path: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())

    def service(data: bytes) -> bytes:
        from cryptography.hazmat.primitives import hashes

        return private.sign(data, ec.ECDSA(hashes.SHA256()))

    key = CallbackKey(Algorithm.ES256, service, der=True)
    identity = make_identity(key, private.public_key())
    done = sign_file(
        studio.source, tmp_path / "o.mp4", studio.request(), identity, TrustList.of(identity)
    )
    assert done.report.verdict is Verdict.TRUSTED


def test_a_wrong_signature_never_leaves(studio: Studio, tmp_path: Path) -> None:
    identity = replace(studio.identity, key=CallbackKey(Algorithm.ES256, lambda _: b"\1" * 64))
    with pytest.raises(SigningFailed):
        sign_file(studio.source, tmp_path / "o.mp4", studio.request(), identity, studio.trust)
    assert list(tmp_path.iterdir()) == []


BAD_LEAVES = {
    "key_usage": {"usage": _usage(content_commitment=True)},
    "purpose": {"purposes": (ExtendedKeyUsageOID.SERVER_AUTH,)},
    "purpose_alone": {"purposes": (CLAIM_SIGNING,)},
    "expired": {"begin": datetime(2020, 1, 1, tzinfo=UTC), "life": timedelta(days=1)},
    "not_yet": {"begin": datetime(2090, 1, 1, tzinfo=UTC)},
}


@pytest.mark.parametrize("code", BAD_LEAVES)
def test_a_certificate_outside_the_profile_is_refused_with_a_reason(
    studio: Studio, tmp_path: Path, code: str
) -> None:
    private = generate_key(Algorithm.ES256)
    identity = make_identity(
        LocalKey(Algorithm.ES256, private), private.public_key(), **BAD_LEAVES[code]
    )
    assert code in {p.code for p in check_identity(identity, datetime.now(UTC))}
    with pytest.raises(CredentialInvalid, match="does not fit") as caught:
        sign_file(
            studio.source, tmp_path / "o.mp4", studio.request(), identity, TrustList.of(identity)
        )
    assert caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_chain_and_algorithm_are_checked() -> None:
    private = generate_key(Algorithm.ES256)
    good = make_identity(LocalKey(Algorithm.ES256, private), private.public_key())
    now = datetime.now(UTC)
    assert check_identity(good, now) == ()
    other = issue_authority("Somebody else")
    broken = replace(good, chain=(good.leaf, other.certificate))
    assert [p.code for p in check_identity(broken, now)] == ["chain"]
    wrong = replace(good, key=CallbackKey(Algorithm.PS256, lambda d: d))
    assert [p.code for p in check_identity(wrong, now)] == ["algorithm"]
    assert "authority" in {p.code for p in check_certificate(other.certificate)}


def test_keys_rotate_without_a_stop(studio: Studio, tmp_path: Path) -> None:
    store = IdentityStore(tmp_path / "identities", b"secret")
    with pytest.raises(CredentialInvalid, match="there is none"):
        store.current()

    def fresh(days_old: int) -> SigningIdentity:
        private = generate_key(Algorithm.ES256)
        return make_identity(
            LocalKey(Algorithm.ES256, private), private.public_key(),
            begin=datetime.now(UTC) - timedelta(days=days_old),
        )  # fmt: skip

    old, new = fresh(30), fresh(1)
    store.add("2026-a", old)
    assert store.current().fingerprint == old.fingerprint
    trust = TrustList.of(store.current())
    before = sign_file(studio.source, tmp_path / "a.mp4", studio.request(), old, trust)
    store.add("2026-b", new)
    assert store.current().fingerprint == new.fingerprint
    both = TrustList.of(old, new)
    after = sign_file(studio.source, tmp_path / "b.mp4", studio.request(), store.current(), both)
    assert {examine(f.path, both).verdict for f in (before, after)} == {Verdict.TRUSTED}
    # a damaged new identity does not stop the service: the old one goes on
    (tmp_path / "identities" / "2026-b" / "chain.pem").write_text("nonsense")
    assert store.current().fingerprint == old.fingerprint
    assert [bool(i.problems) for i in store.list()] == [False, True]
    with pytest.raises(CredentialInvalid, match="taken"):
        store.add("2026-a", new)


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SoftHSM token named ``guarded``; its library."""
    libraries = [
        Path(p)
        for p in (
            "/usr/lib/softhsm/libsofthsm2.so",
            "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
            "/usr/lib64/libsofthsm2.so",
            "/opt/homebrew/lib/softhsm/libsofthsm2.so",
        )
    ]
    library = next((p for p in libraries if p.exists()), None)
    assert library and shutil.which("softhsm2-util"), "install softhsm2 (scripts/setup-system.sh)"
    home = tmp_path_factory.mktemp("softhsm")
    config = home / "softhsm2.conf"
    (home / "tokens").mkdir()
    config.write_text(f"directories.tokendir = {home / 'tokens'}\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(config)
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", "guarded", "--so-pin", "4321",
         "--pin", "1234"],
        check=True, capture_output=True,
    )  # fmt: skip
    return library


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.ES384, Algorithm.PS256])
def test_a_key_in_a_token_signs(
    token: Path, studio: Studio, tmp_path: Path, algorithm: Algorithm
) -> None:
    import pkcs11
    from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters
    from pkcs11.util.rsa import encode_rsa_public_key

    label = f"signer-{algorithm}"
    with (
        pkcs11.lib(str(token))
        .get_token(token_label="guarded")
        .open(user_pin="1234", rw=True) as session
    ):
        if algorithm is Algorithm.PS256:
            public, _ = session.generate_keypair(pkcs11.KeyType.RSA, 2048, store=True, label=label)
            from cryptography.hazmat.primitives.asymmetric import rsa
            from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

            numbers = rsa.RSAPublicNumbers(
                int.from_bytes(public[pkcs11.Attribute.PUBLIC_EXPONENT], "big"),
                int.from_bytes(public[pkcs11.Attribute.MODULUS], "big"),
            )
            loaded = numbers.public_key()
            assert encode_rsa_public_key(public) == loaded.public_bytes(
                Encoding.DER, PublicFormat.PKCS1
            )
        else:
            curve = "secp256r1" if algorithm is Algorithm.ES256 else "secp384r1"
            parameters = session.create_domain_parameters(
                pkcs11.KeyType.EC,
                {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(curve)},
                local=True,
            )
            public, _ = parameters.generate_keypair(store=True, label=label)
            loaded = load_der_public_key(encode_ec_public_key(public))
    key = Pkcs11Key(algorithm, token, "guarded", label, "1234")
    identity = make_identity(key, loaded)
    done = sign_file(
        studio.source, tmp_path / "o.mp4", studio.request(), identity, TrustList.of(identity)
    )
    assert done.report.verdict is Verdict.TRUSTED
    assert "1234" not in repr(key)
    for broken in (replace(key, pin="9999"), replace(key, label="none"), replace(key, token="x")):
        with pytest.raises(KeyUnavailable):
            broken.sign(b"data")


def test_load_identity_wants_a_pair(tmp_path: Path) -> None:
    identity = ensure_development_chain(tmp_path)
    save_key(tmp_path / "other.key", generate_key(Algorithm.ES256), None)
    save_certificates(tmp_path / "chain.pem", *identity.chain)
    with pytest.raises(CredentialInvalid, match="belong"):
        load_identity(tmp_path / "chain.pem", tmp_path / "other.key")
