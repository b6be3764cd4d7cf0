"""What is documented exists, and what exists is documented."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from generator.remote import RemoteSettings
from guarded_gen.settings import ApiSettings, JobSettings, Settings

ROOT = Path(__file__).parents[3]


def test_settings_stand_in_the_page_that_the_operators_page_names() -> None:
    assert "(reference/settings.md)" in (ROOT / "docs" / "operate.md").read_text()
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    names = [f"api.{n}" for n in ApiSettings.model_fields]
    names += [f"jobs.{n}" for n in JobSettings.model_fields]
    names += ["home", "database_url", "policy", "backend", "storage_url", "storage_options"]
    for name in names:
        assert f"`{name}`" in page, name
    for name, field in Settings.model_fields.items():
        assert field.description, name


def test_kubernetes_manifests_fit_the_published_schemas() -> None:
    import kubernetes_validate

    documents = list(yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text()))
    assert {d["kind"] for d in documents} >= {"Deployment", "Service", "Secret"}
    for document in documents:
        kubernetes_validate.validate(document, "1.33", strict=True)


def test_compose_names_settings_that_exist() -> None:
    for file, services in (
        ("compose.yaml", ("api", "worker")),
        ("compose.in-front.yaml", ("gate",)),
    ):
        compose = yaml.safe_load((ROOT / "deploy" / file).read_text())
        for service in services:
            for name, value in compose["services"][service]["environment"].items():
                path = name.removeprefix("GUARDED_GEN_").lower().split("__")
                assert path[0] in Settings.model_fields, name
                if path[0] == "api" and len(path) > 1:
                    assert path[1] in ApiSettings.model_fields, name
                if path == ["backends", "remote"]:
                    RemoteSettings(**json.loads(value))
            assert compose["services"][service]["command"][0] in ("serve", "worker")


def test_every_path_has_words() -> None:
    """Summaries and descriptions of the OpenAPI document come from docstrings."""
    import importlib
    import pkgutil

    import guarded_gen.api as package

    for module in pkgutil.iter_modules(package.__path__):
        loaded = importlib.import_module(f"guarded_gen.api.{module.name}")
        router = getattr(loaded, "router", None)
        for route in getattr(router, "routes", []):
            assert route.endpoint.__doc__, route.path
