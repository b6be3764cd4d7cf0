"""Parsers of what others wrote: whatever the bytes, a value or a typed error, never a crash."""

from __future__ import annotations

import tempfile
import unicodedata
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance import ProvenanceLimits, TrustList, Verdict
from provenance.containers import ContainerBroken, read_container
from provenance.errors import SoftBindingInvalid, TrustListInvalid
from provenance.formats import AVI, JPEG, MP4, PNG, WEBP, detect
from provenance.jumbf import StoreBroken, parse_signature, parse_store
from provenance.picture import KeyFrames
from provenance.verdicts import clean, clean_json
from provenance.verifier import examine
from tests.provenance.test_verifier import box

LIMITS = ProvenanceLimits(max_boxes=200, max_box_depth=10)
kinds = st.sampled_from([b"jumb", b"jumd", b"cbor", b"json", b"free", b"moov", b"mdat", b"uuid"])
trees = st.recursive(
    st.builds(box, kinds, st.binary(max_size=40)),
    lambda inner: st.builds(
        lambda kind, parts: box(kind, b"".join(parts)), kinds, st.lists(inner, max_size=4)
    ),
    max_leaves=12,
)
FAST = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@FAST
@given(st.one_of(trees, st.binary(max_size=300)))
def test_stores(data: bytes) -> None:
    with suppress(StoreBroken):
        store = parse_store(data, LIMITS)
        for manifest in store.manifests:
            _ = manifest.claim, manifest.signature


@FAST
@given(st.binary(max_size=300))
def test_signatures(data: bytes) -> None:
    with suppress(StoreBroken):
        parse_signature(data)


@FAST
@given(st.sampled_from([MP4, PNG, JPEG, WEBP, AVI]), st.one_of(trees, st.binary(max_size=300)))
def test_containers(kind: object, data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with suppress(ContainerBroken):
            read_container(Path(file.name), kind, LIMITS)  # type: ignore[arg-type]
    detect(data)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(
        [b"\0\0\0\x18ftypisom", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF", b""]
    ),
    st.one_of(trees, st.binary(max_size=400)),
)
def test_whole_files_are_never_trusted(head: bytes, data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(head + data)
        file.flush()
        report = examine(Path(file.name), TrustList(), limits=LIMITS)
    assert report.verdict in (Verdict.UNREADABLE, Verdict.UNSIGNED, Verdict.TAMPERED)
    assert len(report.steps) == 12


@FAST
@given(st.binary(max_size=200))
def test_key_frames_and_trust_lists(data: bytes) -> None:
    with suppress(SoftBindingInvalid):
        KeyFrames.from_bytes(data)
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with suppress(TrustListInvalid):
            TrustList.load(Path(file.name))


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=20,
)


@FAST
@given(json_values)
def test_cleaning_leaves_nothing_hidden(value: object) -> None:
    def texts(item: object) -> list[str]:
        if isinstance(item, str):
            return [item]
        if isinstance(item, dict):
            return [t for k, v in item.items() for t in (k, *texts(v))]
        return [t for v in item for t in texts(v)] if isinstance(item, list) else []

    for text in texts(clean_json(value)):
        assert not {unicodedata.category(c) for c in text} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
        assert clean(text) == text
