"""A backend gets the settings that the operator wrote for it, by its name or its preset's."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from generator import UnsupportedSpec
from guarded_gen.composition.services import Services
from guarded_gen.server import app
from guarded_gen.settings import Settings


def test_a_backend_is_set_up_by_the_settings(tmp_path: Path) -> None:
    told = {
        "remote": {"base_url": "http://127.0.0.1:9/v1", "max_side": 640},
        "diffusers:wan2.2-5b": {"model": "/no/such/folder"},
    }
    services = Services(Settings(home=tmp_path, backends=told))
    assert services.generator("remote").capabilities().max_side == 640
    with pytest.raises(Exception, match="/no/such/folder"):
        services.generator("diffusers:wan2.2-5b")
    with pytest.raises(UnsupportedSpec):
        Services(Settings(home=tmp_path)).generator("remote")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--preset", "wan2.2-5b"], "has no presets"),
        (["--backend", "diffusers", "--preset", "wan9"], "no preset 'wan9'"),
        (["--backend", "diffusers", "--preset", "wan2.2-5b"], "no commit"),
    ],
)
def test_a_preset_without_what_it_needs_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    monkeypatch.setenv("GUARDED_GEN_HOME", str(tmp_path / "home"))
    out = tmp_path / "clip.mp4"
    done = CliRunner().invoke(app, ["generate", "a dog runs", "-o", str(out), "--json", *options])
    assert done.exit_code in (1, 2) and not out.exists()
    assert said in done.output and "Traceback" not in done.output
