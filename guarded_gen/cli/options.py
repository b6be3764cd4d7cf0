"""Options that several commands share, each written once: a dataclass whose fields are options.

A command takes such a dataclass as one parameter and is wrapped in :func:`expanded`; at the
command line its fields stand among the command's own options.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from guarded_gen.audit import Query


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """``command`` with the fields of its dataclass parameters as parameters of their own."""
    groups: dict[str, type] = {}
    own: list[inspect.Parameter] = []
    shared: list[inspect.Parameter] = []
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        hint = hints[name]
        if not is_dataclass(hint):
            own.append(_parameter(name, hint, parameter.default))
            continue
        assert isinstance(hint, type)
        groups[name] = hint
        of_fields = get_type_hints(hint, include_extras=True)
        for field in fields(hint):
            default = inspect.Parameter.empty if field.default is MISSING else field.default
            shared.append(_parameter(field.name, of_fields[field.name], default))

    @functools.wraps(command)
    def wrapper(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    parameters = own + shared
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
    del wrapper.__wrapped__
    return wrapper


def _parameter(name: str, hint: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


Seconds = Annotated[float, typer.Option(help="Length of what is made, in seconds.")]
Size = Annotated[str | None, typer.Option(help="WIDTHxHEIGHT in pixels.")]
Backend = Annotated[str | None, typer.Option(help="Generator backend; it needs this mode.")]
SizeOfSource = Annotated[
    str | None, typer.Option(help="WIDTHxHEIGHT in pixels; by default the source's.")
]
RateOfSource = Annotated[
    float | None, typer.Option(help="Frames per second; by default the source's.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """For whom and how a picture is made."""

    size: Size = "1024x1024"
    seed: Annotated[int | None, typer.Option(help="Same seed, same frames.")] = None
    backend: Backend = None
    preset: Annotated[
        str | None, typer.Option(help="Published pipeline of `diffusers`, such as wan2.2-5b.")
    ] = None
    tenant: Annotated[str, typer.Option(help="Whose policy overlay applies.")] = "default"
    jurisdiction: Annotated[
        str,
        typer.Option(
            help="Where it is offered (ISO 3166: DE, US-CA): the laws on marking and the policy's "
            "layers of that place hold."
        ),
    ] = ""
    label: Annotated[
        str | None,
        typer.Option(
            help="The visible label: `on`, `off`, its words, or JSON with text, icon, variant "
            "(generated, modified, deepfake), corner, size, opacity and duration."
        ),
    ] = None

    def _backend(self, default: str) -> str:
        from guarded_gen.errors import InvalidInput

        named = self.backend or default
        if not self.preset:
            return named
        if named != "diffusers":
            raise InvalidInput(
                f"the backend {named!r} has no presets",
                "--backend diffusers --preset NAME",
                "preset",
            )
        return f"diffusers:{self.preset}"

    def request(self, default_backend: str) -> dict[str, Any]:
        """These, but for the size, as fields of a ``ClipRequest``.

        Raises ``InvalidInput`` for a broken label.
        """
        import json

        from guarded_gen.errors import InvalidInput

        found: dict[str, Any] = {
            "seed": self.seed,
            "backend": self._backend(default_backend),
            "tenant": self.tenant,
            "jurisdiction": self.jurisdiction.upper(),
        }
        if self.label in ("on", "off"):
            found["label"] = self.label == "on"
        elif self.label is not None and self.label.lstrip().startswith("{"):
            try:
                found["label"] = json.loads(self.label)
            except ValueError as error:
                raise InvalidInput(
                    f"--label is no JSON: {error}", 'write it like {"corner": "top-left"}', "label"
                ) from error
        elif self.label is not None:
            found["label"] = {"text": self.label}
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeClip(Made):
    """For whom and how a clip is made."""

    size: Size = "512x512"
    seconds: Seconds = 4.0
    fps: Annotated[float | None, typer.Option(help="Frames per second.")] = 24.0

    def request(self, default_backend: str) -> dict[str, Any]:
        shape = {"seconds": self.seconds, "fps": self.fps}
        return Made.request(self, default_backend) | shape


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFromPicture(MadeClip):
    """A clip that begins with a picture."""

    seconds: Seconds = 2.0
    backend: Backend = "dit"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFromVideo(MadeClip):
    """A clip that follows a video in size and rate."""

    seconds: Seconds = 2.0
    size: SizeOfSource = None
    fps: RateOfSource = None
    backend: Backend = "dit"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeBetween(MadeFromVideo):
    """A short clip that leads from one video to another."""

    seconds: Seconds = 1.0


Since = Annotated[str | None, typer.Option(help="From this time on (RFC 3339).")]
Until = Annotated[str | None, typer.Option(help="Before this time (RFC 3339).")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Which entries of the log are meant."""

    tenant: Annotated[str | None, typer.Option(help="Only this tenant.")] = None
    subject: Annotated[str | None, typer.Option(help="Only this subject (of the tenant).")] = None
    kind: Annotated[
        str | None, typer.Option(help="Only this kind; with a trailing dot, all that begin so.")
    ] = None
    action: Annotated[str | None, typer.Option(help="Only decisions with this action.")] = None
    category: Annotated[
        str | None, typer.Option(help="Only where a rule matched this category.")
    ] = None
    rule: Annotated[str | None, typer.Option(help="Only what this rule decided.")] = None
    policy: Annotated[
        str | None, typer.Option(help="Only what the policy of this digest decided.")
    ] = None
    actor: Annotated[str | None, typer.Option(help="Only what this actor or reviewer did.")] = None
    min_score: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Only scores from here on (of --category, or any)."),
    ] = None
    max_score: Annotated[
        float | None, typer.Option(min=0, max=1, help="Only scores up to here.")
    ] = None
    since: Since = None
    until: Until = None
    related: Annotated[
        str | None, typer.Option(help="Only what refers to the entry of this id.")
    ] = None

    def query(self, limit: int | None) -> Query:
        """The same for the log; raises ``InvalidInput`` for a time that is none."""
        from dataclasses import asdict

        from guarded_gen.audit import Query
        from guarded_gen.cli.audit_output import parse_time

        times = {"since": parse_time(self.since), "until": parse_time(self.until)}
        return Query(**(asdict(self) | times), limit=limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDecisions:
    """Past decisions: from the log, or from a file."""

    since: Annotated[str | None, typer.Option(help="From this moment on (ISO 8601).")] = None
    until: Annotated[str | None, typer.Option(help="Up to this moment (ISO 8601).")] = None
    tenant: Annotated[str | None, typer.Option(help="Only decisions of this tenant.")] = None
    history: Annotated[
        Path | None, typer.Option(help="Decisions kept by --save, instead of the log.")
    ] = None
    save: Annotated[Path | None, typer.Option(help="Keep the decisions read in a file.")] = None
