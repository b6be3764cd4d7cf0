"""A DASH stream through the API: the initialisation segment with its media segments."""

from __future__ import annotations

from pathlib import Path

import httpx

from provenance import ensure_development_chain
from tests.conformance.c2pa.handmade import sign_stream
from tests.provenance.test_fragments import fragmented, split


def test_a_stream_is_checked_segment_by_segment(url: str, tmp_path: Path) -> None:
    stranger = ensure_development_chain(tmp_path / "keys")
    init, pieces = split(fragmented(tmp_path / "source.mp4"))
    first, signed = sign_stream(init.read_bytes(), [p.read_bytes() for p in pieces], stranger)

    def check(segments: list[bytes]) -> dict[str, object]:
        parts = [("file", ("init.mp4", first)), *(("segments[]", ("s.m4s", s)) for s in segments)]
        answer = httpx.post(f"{url}/v1/content_provenance_checks", files=parts, timeout=120)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    good = check(signed)
    assert good["verdict"] == "valid_untrusted"
    file = good["report"]["verification"]["file"]  # type: ignore[index]
    assert [part["intact"] for part in file["segments"]] == [True] * 3
    changed = [signed[0], signed[1][:-5] + bytes([signed[1][-5] ^ 1]) + signed[1][-4:], signed[2]]
    bad = check(changed)
    assert (bad["verdict"], bad["origin"]) == ("tampered", "altered")
