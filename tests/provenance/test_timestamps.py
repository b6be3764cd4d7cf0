"""Time-stamps keep files trusted; servers that fail are retried, replaced, and told."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provenance import TrustList, Verdict, sign_file
from provenance.errors import ProvenanceError, TimestampUnavailable
from provenance.keys import Algorithm, LocalKey, generate_key
from provenance.timestamps import TimestampSettings, WhenUnanswered, ask
from provenance.verifier import examine
from tests.provenance.conftest import Studio
from tests.provenance.test_keys import make_identity
from tests.provenance.tsa import UnsafeTimestampAuthority, parse_query

DEAD = "http://127.0.0.1:9/"


def test_a_time_stamp_outlives_the_certificate(studio: Studio, tmp_path: Path) -> None:
    private = generate_key(Algorithm.ES256)
    key = LocalKey(Algorithm.ES256, private)
    for seconds in (27, 81, 243):  # longer, where signing took so long that the certificate ended
        life = timedelta(seconds=seconds)
        begin = datetime.now(UTC) - timedelta(seconds=9)
        identity = make_identity(key, private.public_key(), begin=begin, life=life)
        trust = TrustList.of(identity)
        try:
            with UnsafeTimestampAuthority() as authority:
                both = trust.with_timestamps(authority.root)
                servers = TimestampSettings(servers=(authority.url,), seconds=60)
                stamped = sign_file(
                    studio.source, tmp_path / f"stamped{seconds}.mp4", studio.request(), identity,
                    both, timestamps=servers,
                )  # fmt: skip
            plain = sign_file(
                studio.source, tmp_path / f"plain{seconds}.mp4", studio.request(), identity, trust
            )
            verdict = examine(plain.path, trust).verdict
        except ProvenanceError:
            assert datetime.now(UTC) > begin + life
            continue
        if datetime.now(UTC) < begin + life:
            break
    assert stamped.timestamped and not plain.timestamped
    assert verdict is Verdict.TRUSTED
    time.sleep(max(0.0, (begin + life - datetime.now(UTC)).total_seconds()) + 1)

    after = examine(stamped.path, both)
    assert after.verdict is Verdict.TRUSTED
    assert after.timestamp is not None and after.timestamp.trusted
    ran_out = examine(plain.path, both)
    assert ran_out.verdict is Verdict.VALID_UNTRUSTED
    assert [f.code for f in ran_out.failures] == ["signer.outside_validity"]
    # the same file, asked for a moment at which the certificate was valid
    then = begin + timedelta(seconds=5)
    assert examine(plain.path, both, at=then).verdict is Verdict.TRUSTED
    # a time-stamp by somebody who is not on the list for time-stamps helps nobody, also when
    # that somebody is on the list for signers
    unknown = examine(stamped.path, trust)
    assert unknown.verdict is Verdict.VALID_UNTRUSTED
    assert unknown.timestamp is not None and not unknown.timestamp.trusted
    crossed = trust.joined(TrustList("crossed", (authority.root,)))
    assert examine(stamped.path, crossed).verdict is Verdict.VALID_UNTRUSTED
    # and the roots of signers stamp no time
    swapped = TrustList("swapped", (authority.root,), trust.signers)
    assert examine(stamped.path, swapped).verdict is Verdict.VALID_UNTRUSTED


def test_the_second_server_answers_when_the_first_is_dead(studio: Studio, tmp_path: Path) -> None:
    with UnsafeTimestampAuthority() as authority:
        settings = TimestampSettings(servers=(DEAD, authority.url), pause=0.01, seconds=60)
        trust = studio.trust.with_timestamps(authority.root)
        done = sign_file(
            studio.source, tmp_path / "o.mp4", studio.request(), studio.identity, trust,
            timestamps=settings,
        )  # fmt: skip
    assert done.timestamped and len(done.timestamp_failures) == 2


def test_no_answer_ends_the_signing_or_is_told(studio: Studio, tmp_path: Path) -> None:
    dead = TimestampSettings(servers=(DEAD,), attempts=1)
    with pytest.raises(TimestampUnavailable, match=r"127\.0\.0\.1:9") as caught:
        sign_file(
            studio.source, tmp_path / "o.mp4", studio.request(), studio.identity, studio.trust,
            timestamps=dead,
        )  # fmt: skip
    assert caught.value.remedy and list(tmp_path.iterdir()) == []
    lenient = dead.model_copy(update={"when_unanswered": WhenUnanswered.SIGN_WITHOUT})
    done = sign_file(
        studio.source, tmp_path / "o.mp4", studio.request(), studio.identity, studio.trust,
        timestamps=lenient,
    )  # fmt: skip
    assert not done.timestamped and done.timestamp_failures


def test_retries_wait_longer_each_time() -> None:
    waits: list[float] = []
    reply, asked = ask(
        b"x", TimestampSettings(servers=(DEAD,), attempts=4, pause=0.1), waits.append
    )
    assert reply is None and len(asked.failures) == 4
    assert waits == [0.1, 0.2, 0.4]


@pytest.mark.parametrize("query", [b"", b"\x30", b"\x30\x84\xff\xff\xff\xff", b"\x02\x01\x01"])
def test_the_authority_refuses_nonsense(query: bytes) -> None:
    with pytest.raises(ValueError):
        parse_query(query)
    with UnsafeTimestampAuthority() as authority:
        settings = TimestampSettings(servers=(authority.url,), attempts=1, seconds=60)
        reply, asked = ask(query, settings)
    assert reply is None and "HTTP 400" in asked.failures[0]
