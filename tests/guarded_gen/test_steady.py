"""The same file, scanned again, by another process: the same frames are judged."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from guarded_gen.composition.services import Services
from guarded_gen.errors import StorageFailed
from guarded_gen.gates.sampling_key import NAME, sampling_secret
from guarded_gen.settings import load
from media.encode import encode


def test_scans_of_one_file_agree_and_others_cannot_foresee_them(cli, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (24, 96, 160, 3), dtype=np.uint8)
    encode(tmp_path / "a.mp4", iter([pixels]), Fraction(24))
    records = [cli("scan", tmp_path / "a.mp4", "--json").json for _ in range(2)]
    first, again = ({**r, "entry": ""} for r in records)
    for record in (first, again):
        for check in record["coverage"]["checks"].values():
            check.pop("seconds")
    assert first == again
    elsewhere = {"GUARDED_GEN_HOME": str(tmp_path / "elsewhere")}
    other = cli("scan", tmp_path / "a.mp4", "--json", env=elsewhere).json
    assert other["coverage"]["sampling"]["seed"] != first["coverage"]["sampling"]["seed"]


def test_the_key_is_one_for_all_and_private(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(sampling_secret, [tmp_path / "keys"] * 16))
    assert len(keys) == 1
    assert (tmp_path / "keys" / NAME).stat().st_mode & 0o077 == 0
    assert [f.name for f in (tmp_path / "keys").iterdir()] == [NAME]
    (tmp_path / "keys" / NAME).write_text("short")
    with pytest.raises(StorageFailed):
        sampling_secret(tmp_path / "keys")


def test_a_secret_of_the_settings_stands_in_for_the_key(home: Path, monkeypatch) -> None:
    monkeypatch.setenv("GUARDED_GEN_FRAMES__SAMPLING__SECRET", "ours")
    services = Services(load())
    assert services.frame_settings.sampling.secret.get_secret_value() == "ours"
    assert not (home / "keys" / NAME).exists()
