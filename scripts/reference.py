"""Writes ``docs/reference``: commands, settings, endpoints, events and metrics, from the code.

``python scripts/reference.py`` writes the pages; a test compares them with what it would write,
so that nothing of the product is left out of its documents.
"""

from __future__ import annotations

import ast
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import typer
from pydantic import BaseModel, SecretStr

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
sys.path.insert(0, str(ROOT))


def commands() -> str:
    """The help of every command."""
    from guarded_gen.server import app

    parts = ["# Commands", "", "Every command takes `--json` and `--help`.", ""]

    def walk(command: click.Command, path: str) -> None:
        if isinstance(command, click.Group) or hasattr(command, "commands"):
            for name in sorted(command.commands):  # type: ignore[attr-defined]
                walk(command.commands[name], f"{path} {name}")  # type: ignore[attr-defined]
            return
        parts.extend([f"## {path}", "", (command.help or "").strip(), ""])
        rows = []
        for parameter in command.params:
            names = ", ".join((*parameter.opts, *parameter.secondary_opts))
            if parameter.param_type_name == "argument":
                names = (parameter.metavar or parameter.name or "").upper()
            text = getattr(parameter, "help", None) or ""
            if names not in ("--help", "--json"):
                rows.append(f"| `{names}` | {text} |")
        if rows:
            parts.extend(["| argument or option | meaning |", "|---|---|", *rows, ""])

    walk(typer.main.get_command(app), "guarded-gen")
    return "\n".join(parts)


def settings() -> str:
    """Every setting with its variable, default and meaning."""
    from guarded_gen.settings import Settings

    parts = [
        "# Settings",
        "",
        "In `guarded-gen.toml` in the home folder (or the file that `GUARDED_GEN_CONFIG` names),",
        "or in the environment: `GUARDED_GEN_` and the name in capitals, `__` between levels.",
        "The environment wins.",
        "",
        "| setting | default | meaning |",
        "|---|---|---|",
    ]

    def shown(value: Any) -> str:
        if isinstance(value, frozenset):
            # sets have no order of their own, and the page must not change by chance
            value = ", ".join(sorted(str(item) for item in value))
        elif isinstance(value, SecretStr):
            value = value.get_secret_value()
        elif isinstance(value, (tuple, list)):
            value = ", ".join(str(item) for item in value)
        elif isinstance(value, bool):
            value = str(value).lower()
        text = "" if value is None else str(value)
        return f"`{text}`" if text else "empty"

    def walk(model: BaseModel, prefix: str) -> None:
        for name, field in type(model).model_fields.items():
            value = getattr(model, name)
            if isinstance(value, BaseModel):
                walk(value, f"{prefix}{name}.")
                continue
            meaning = (field.description or "").replace("|", "\\|")
            default = "`~/.local/share/guarded-gen`" if prefix + name == "home" else shown(value)
            parts.append(f"| `{prefix}{name}` | {default} | {meaning} |")

    # An instance, not its class: what runs is what a factory made, not what the field says.
    walk(Settings.model_construct(), "")
    return "\n".join([*parts, ""])


def endpoints() -> str:
    """Every path of the API with its first sentence."""
    from guarded_gen.composition.services import Services
    from guarded_gen.server import create_app
    from guarded_gen.settings import Settings

    with tempfile.TemporaryDirectory() as home:
        services = Services(Settings(home=Path(home)))
        document: dict[str, Any] = create_app(services, worker=False).openapi()
        services.close()
    parts = ["# Endpoints", "", "| call | what it does |", "|---|---|"]
    for path, methods in sorted(document["paths"].items()):
        for method, about in sorted(methods.items()):
            text = (about.get("description") or about.get("summary") or "").split("\n")[0]
            parts.append(f"| `{method.upper()} {path}` | {text} |")
    return "\n".join([*parts, ""])


_MAKERS = ("Event", "_of_the_line")
"""What makes an entry of the audit log."""


def events() -> str:
    """Every kind of entry that the audit log can hold, found in the code."""
    kinds: dict[str, str] = {}
    for file in sorted((ROOT / "guarded_gen").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _MAKERS:
                named = [k.value for k in node.keywords if k.arg == "kind"] + node.args[:1]
                for value in named[:1]:
                    for kind in _texts(value):
                        kinds.setdefault(kind, str(file.relative_to(ROOT)))
    parts = ["# Events of the audit log", "", "| kind | written by |", "|---|---|"]
    parts += [f"| `{kind}` | `{file}` |" for kind, file in sorted(kinds.items())]
    return "\n".join([*parts, ""])


def _texts(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    if isinstance(node, ast.JoinedStr):
        inner = (
            "<stage>" if isinstance(p, ast.FormattedValue) else str(p.value) for p in node.values
        )  # type: ignore[attr-defined]
        return ["".join(inner)]
    return []


def metrics() -> str:
    """Every Prometheus metric with its help."""
    from guarded_gen.telemetry import Metrics

    parts = ["# Metrics", "", "| metric | kind | meaning |", "|---|---|---|"]
    for family in sorted(Metrics().registry.collect(), key=lambda f: f.name):
        if family.name.startswith("guarded_gen"):
            parts.append(f"| `{family.name}` | {family.type} | {family.documentation} |")
    return "\n".join([*parts, ""])


LAWS_AT = "2026-12-02"
"""The day of the table: a page that followed today's date would change by itself."""


def laws() -> str:
    """Every law on marking: how each of its demands stands, by format."""
    from datetime import date

    from guarded_gen.production.formats import CARRIES
    from provenance.law import laws, looked_at, table

    parts = ["# Laws on marking", "", f"As they stand on {LAWS_AT}, from `provenance/laws`. `met`:"]
    parts += [
        "a clip that is signed for the law has it. `only you can`: no file can show it. `refused`:",
        "the format cannot carry it, and the request is refused before anything is generated.",
        "† not verified against the text at its source.",
        "",
        table(date.fromisoformat(LAWS_AT), CARRIES),
        "",
        "| law | title | place | from | source |",
        "|---|---|---|---|---|",
    ]
    for law in laws().values():
        since = f"{law.since}" + (f"; {law.grace}" if law.grace else "")
        source = f"[{law.source}]({law.url})" if law.url else law.source
        parts.append(f"| {law.law} | {law.title} | {law.jurisdiction} | {since} | {source} |")
    parts += ["", "Where a demand was read:", ""]
    for law in laws().values():
        for demand in law.demands:
            parts.append(f"- {demand.id}: {demand.verification}")
    parts += ["", "## Looked at, without a document", ""]
    for place in looked_at():
        parts.append(
            f"- **{place.place}** {place.title} ({place.looked}): {place.found} <{place.read}>"
        )
    return "\n".join([*parts, ""])


PAGES = {
    "laws.md": laws,
    "commands.md": commands,
    "settings.md": settings,
    "endpoints.md": endpoints,
    "events.md": events,
    "metrics.md": metrics,
}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, write in PAGES.items():
        (FOLDER / name).write_text(write(), "utf-8")


if __name__ == "__main__":
    main()
