"""Banks in the database, and the bank of our own output."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cbor2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from classifiers.frame.banks import BankInvalid
from guarded_gen.composition.lines import make_clip
from guarded_gen.composition.scanning import scan_file
from guarded_gen.composition.services import Services
from guarded_gen.errors import Conflict, InvalidInput, NotFound
from guarded_gen.gates.banks import bank_info
from guarded_gen.origin.frame_index import BLOCK, CodeTable, FrameIndex, spread
from guarded_gen.production.marking import watermark_payload
from guarded_gen.production.request import ClipRequest
from guarded_gen.settings import load
from media.decode import decode
from media.encode import encode
from media.encoding import EncodeSettings
from media.hashing import distance, pdq, to_hex
from policies.decision import Action, CheckStatus, Stage
from provenance.fingerprint import (
    ISCC_ALGORITHM,
    PDQ_ALGORITHM,
    iscc_value,
    pdq_value,
    video_code,
)
from provenance.jumbf import parse_store
from provenance.limits import ProvenanceLimits
from provenance.picture import look
from provenance.recovery import WATERMARK_ALGORITHM
from tests.classifiers.sound.tracks import RATE, babble, written
from tests.media.pictures import picture as rough
from tests.media.wrappings import Writer, clip

PROMPT = "a big red circle moves to the right over a checkered field"


@pytest.fixture
def services(home: Path) -> Iterator[Services]:
    made = Services(load())
    yield made
    made.close()


def picture(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 255, (9, 16, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((480, 270), Image.Resampling.BICUBIC)


def exchange(*pictures: Image.Image) -> list[str]:
    return [f"pdq {to_hex(pdq(np.asarray(one))[0])}" for one in pictures]


def signal(services: Services, path: Path, category: str):
    gate = scan_file(services, path, Stage.UPLOAD).gate
    return next(s for s in gate.signals if s.category == category)


def test_a_sound_is_registered_and_found(services: Services, tmp_path: Path) -> None:
    track = babble(1, 6)
    written(tmp_path / "a.wav", track, "wav", "pcm_s16le")
    info = bank_info("sounds", "extremism", "block")
    added = services.banks.add_sound(info, tmp_path / "a.wav", load().limits.media)
    assert (added.items, added.hashes) == (1, 24)
    clip(tmp_path / "b.mp4", [np.asarray(picture(2))] * 3)
    with av.open(str(tmp_path / "b.mp4")) as video, Writer(tmp_path / "c.mkv") as out:
        copy = out.box.add_stream_from_template(video.streams.video[0])
        ear = out.box.add_stream("aac", rate=RATE, layout="mono")
        for packet in video.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                out.box.mux(packet)
        frame = av.AudioFrame.from_ndarray(track[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        out.box.mux(ear.encode(frame))
        out.box.mux(ear.encode(None))
    gate = scan_file(services, tmp_path / "c.mkv", Stage.UPLOAD).gate
    assert (gate.decision.action, gate.decision.rule_id) == (Action.BLOCK, "BANK-1")
    [told] = [s for s in gate.signals if s.check == "sound_banks" and s.category == "hash_match"]
    assert told.detail["matches"][0]["bank"] == "sounds"
    lines = list(services.banks.export("sounds"))
    assert services.banks.remove("sounds").hashes == 24
    assert services.banks.import_(info, lines).hashes == 24


def test_a_bank_comes_in_is_found_and_goes(services: Services, tmp_path: Path) -> None:
    picture(1).save(tmp_path / "a.png")
    lines = exchange(picture(1), picture(2))
    assert signal(services, tmp_path / "a.png", "hash_match").reason == "not_assessed"
    info = bank_info("listed", "extremism", "review", "a partner")
    assert services.banks.import_(info, lines).items == 2
    found = signal(services, tmp_path / "a.png", "hash_match")
    assert found.score == 0.4, "the bank asks for a review"
    assert found.detail["matches"][0]["category"] == "extremism"
    assert list(services.banks.export("listed")) == lines
    assert services.banks.remove("listed").items == 2
    assert signal(services, tmp_path / "a.png", "hash_match").status is CheckStatus.SKIPPED
    kinds = [entry.kind for entry in services.log.entries()]
    assert {"bank.imported", "bank.removed"} <= set(kinds)


def test_another_process_changes_a_bank_while_this_one_runs(
    services: Services, cli: Callable, tmp_path: Path
) -> None:
    picture(1).save(tmp_path / "a.png")
    assert signal(services, tmp_path / "a.png", "hash_match").reason == "not_assessed"
    (tmp_path / "list.txt").write_text("\n".join(exchange(picture(1))) + "\n")
    done = cli("banks", "import", "listed", tmp_path / "list.txt", "--json")
    assert done.json == {"bank": "listed", "items": 1, "hashes": 1}
    assert signal(services, tmp_path / "a.png", "hash_match").score == 1.0
    assert cli("banks", "remove", "listed").code == 0
    assert signal(services, tmp_path / "a.png", "hash_match").reason == "not_assessed"


def test_a_wrong_list_changes_nothing(services: Services) -> None:
    info = bank_info("listed", "gore", "block")
    with pytest.raises(BankInvalid, match="line 2"):
        services.banks.import_(info, [*exchange(picture(1)), "pdq 12"])
    with pytest.raises(BankInvalid, match="no pdq or vpdq"):
        services.banks.import_(info, ["video_md5 00"])
    assert [bank.where for bank in services.banks.held()] == ["published"]
    services.banks.import_(info, exchange(picture(1)))
    with pytest.raises(Conflict, match="gore"):
        services.banks.import_(bank_info("listed", "gore", "review"), exchange(picture(2)))
    with pytest.raises(NotFound):
        list(services.banks.export("other"))
    for name, action in (("No Name", "block"), ("listed", "burn"), ("own-output", "own")):
        with pytest.raises(InvalidInput):
            bank_info(name, "gore", action)


def test_files_and_database_keep_apart(services: Services, home: Path) -> None:
    (home / "banks").mkdir(parents=True)
    (home / "banks" / "listed.txt").write_text("\n".join(exchange(picture(1))) + "\n")
    with pytest.raises(Conflict, match="is a file"):
        services.banks.import_(bank_info("listed", "gore", "block"), exchange(picture(2)))
    with pytest.raises(Conflict, match="is a file"):
        services.banks.remove("listed")
    assert list(services.banks.export("listed")) == exchange(picture(1))


def bindings(services: Services, clip: str) -> dict[str, bytes]:
    """The soft bindings in a published manifest, by algorithm."""
    file = services.published.by_content_id(clip)
    assert file is not None
    active = parse_store(file.store, ProvenanceLimits()).active
    assertions = active.box.child("c2pa.assertions")
    found = [
        cbor2.loads(body)
        for box in assertions.children
        if box.label.startswith("c2pa.soft-binding")
        for name, body in box.contents
        if name == b"cbor"
    ]
    return {b["alg"]: base64.b64decode(b["blocks"][0]["value"]) for b in found}


def test_our_own_output_is_known_and_told(services: Services, tmp_path: Path) -> None:
    """A published clip, mirrored and encoded again: the check says that it is ours."""
    clip = tmp_path / "clip.mp4"
    wanted = ClipRequest(prompt=PROMPT, seconds=1, width=256, height=192, seed=7)
    made = make_clip(services, wanted, clip)
    assert made.path == clip
    assert bindings(services, made.clip) == {
        WATERMARK_ALGORITHM: watermark_payload(made.clip).to_bytes(8, "big"),
        ISCC_ALGORITHM: iscc_value(video_code(clip, 256)),
        PDQ_ALGORITHM: pdq_value(look(clip).hashes),
    }, "fingerprints of the clip as it was published, marked and encoded"
    flipped = tmp_path / "flipped.mp4"
    parts = (batch.pixels[:, :, ::-1] for batch in decode(clip))
    encode(flipped, parts, Fraction(24), EncodeSettings(crf=32))
    other = tmp_path / "other.png"
    picture(5).save(other)

    [own] = services.banks.held()
    assert (own.where, own.items) == ("published", 1)
    for path, known in ((clip, True), (flipped, True), (other, False)):
        told = signal(services, path, "own_output")
        assert (told.score == 1.0) is known, path
        if known:
            assert told.detail["matches"][0]["item"] == made.clip


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**31), files=st.integers(1, 40), size=st.integers(1, 60))
def test_the_index_finds_what_a_scan_finds(seed: int, files: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    index = FrameIndex()
    bulk = rng.integers(0, 256, (BLOCK // 4, 8, 32), dtype=np.uint8)
    index.add_many([f"bulk{k}" for k in range(len(bulk))], bulk)
    for k in range(files):
        index.add(f"file{k}", rng.integers(0, 256, (size, 32), dtype=np.uint8))
    flat = np.concatenate([bulk.reshape(-1, 32), *[np.zeros((0, 32), np.uint8)]])
    bits = np.unpackbits(flat[rng.integers(len(flat))])
    bits[rng.choice(256, 31, replace=False)] ^= 1
    wanted = np.packbits(bits)
    expected = np.flatnonzero(distance(flat, wanted) <= 31).tolist()
    assert [p for p in index.within(wanted) if p < len(flat)] == expected
    owner = f"bulk{expected[0] // 8}"
    assert expected[0] % 8 in index.look_up(wanted[None])[owner]
    assert index.nearest(np.stack([wanted] * 8), 1) == [owner]


def test_codes_and_orders() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (3_000, 8), dtype=np.uint8)
    table = CodeTable(8)
    assert table.nearest(bytes(8), 3) == []
    for k, code in enumerate(codes):
        table.add(str(k), code.tobytes())
    near = table.nearest(codes[1_234].tobytes(), 3)
    expected = sorted(enumerate(distance(codes, codes[1_234]).tolist()), key=lambda e: e[::-1])
    assert near == [(str(k), bits) for k, bits in expected[:3]]
    for count in (0, 1, 2, 7, 48):
        assert sorted(spread(count)) == list(range(count))


def test_two_registries_of_one_database_see_the_same(services: Services, home: Path) -> None:
    """What another process published is found without a restart."""
    assert services.published.known() == 0
    code = (
        "from guarded_gen.settings import load;"
        "from guarded_gen.composition.services import Services;"
        "import numpy as np; from provenance.picture import Picture;"
        "from provenance.recovery import PublishedFile;"
        "s = Services(load());"
        "s.published.publish(PublishedFile('c1', 'urn:c1', '0' * 64, b'', '', 'video/mp4', 5,"
        " picture=Picture(np.full((9, 32), 7, np.uint8), iscc=b'12345678')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert services.published.known() == 8
    assert services.published.look_up(np.full((1, 32), 7, np.uint8)) == {"c1": set(range(8))}
    [(file, score)] = services.published.by_iscc(b"12345678", 1)
    assert (file.content_id, score) == ("c1", 100)


def test_a_window_of_a_picture_in_the_database_is_found(services: Services, tmp_path: Path) -> None:
    whole = np.asarray(rough(3, 270, 480))
    Image.fromarray(whole).save(tmp_path / "a.png")
    Image.fromarray(np.ascontiguousarray(whole[8:230, 60:470])).save(tmp_path / "b.png")
    info, limits = bank_info("mine", "extremism", "block"), load().limits.media
    services.banks.add(info, tmp_path / "a.png", limits, with_keypoints=False)
    assert signal(services, tmp_path / "b.png", "hash_match").score == 0.0
    services.banks.add(info, tmp_path / "a.png", limits)
    found = signal(services, tmp_path / "b.png", "hash_match")
    assert found.score == 1.0
    assert found.detail["matches"][0]["item"] == "a@keypoints"
