from __future__ import annotations

from pathlib import Path

import pytest

from provenance.watermark import CarrierKey, KeyRing, WatermarkKeyError
from provenance.watermark.carrier import carrier, period_factor


def test_a_first_key_is_made_private_and_found_again(tmp_path: Path) -> None:
    ring = KeyRing.open(tmp_path / "w")
    (path,) = (tmp_path / "w").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyRing.open(tmp_path / "w").active == ring.active
    assert ring.active.secret.hex() not in repr(ring) + repr(ring.active)


def test_after_rotation_the_new_key_marks_and_the_old_one_reads(tmp_path: Path) -> None:
    old = KeyRing.open(tmp_path).active
    ring = KeyRing.rotate(tmp_path)
    assert ring.active != old
    assert old in list(ring)


def test_damaged_or_readable_key_files_are_refused(tmp_path: Path) -> None:
    KeyRing.open(tmp_path)
    (path,) = tmp_path.iterdir()
    path.chmod(0o644)
    with pytest.raises(WatermarkKeyError, match="others can read"):
        KeyRing.open(tmp_path)
    path.chmod(0o600)
    path.write_text(path.read_text().replace('"secret": "', '"secret": "00'))
    with pytest.raises(WatermarkKeyError):
        KeyRing.open(tmp_path)


def test_keys_have_32_bytes_and_rings_are_not_empty() -> None:
    with pytest.raises(WatermarkKeyError):
        CarrierKey(b"short")
    with pytest.raises(WatermarkKeyError):
        KeyRing([])


def test_carriers_are_fixed_for_good() -> None:
    """A change here makes every published mark unreadable: raise VERSION instead."""
    key = CarrierKey(bytes(range(32)))
    one = carrier(key, 1, 64)
    assert key.key_id == "67961c89"
    assert one.sync[:4].tolist() == [4, 5, 6, 17]
    assert round(period_factor(key, 7, 64), 6) == 0.950628
    assert one.place[:4].tolist() == [8, 43, 280, 74]
    assert one.scramble[:8].tolist() == [0, 0, 1, 1, 1, 0, 0, 1]
