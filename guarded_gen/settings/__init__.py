"""Settings: ``guarded-gen.toml`` first, then the environment (``GUARDED_GEN_…``)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from classifiers.frame import FrameSettings
from classifiers.prompt.settings import PromptSettings
from classifiers.sound.settings import SoundSettings
from guarded_gen.errors import ConfigInvalid
from guarded_gen.preservation.settings import PreservationSettings
from guarded_gen.review.limits import ReviewLimits
from guarded_gen.settings.audit import AuditSettings
from guarded_gen.settings.exchanges import ExchangeSettings
from guarded_gen.settings.outward import AlertSettings, CaseAction
from guarded_gen.settings.sign_in import SignInSettings
from guarded_gen.settings.signing import SigningSettings
from guarded_gen.settings.translation import TranslationSettings
from media.encoding import EncodeSettings
from media.limits import MediaLimits
from provenance.compliance import ComplianceSettings
from provenance.timestamps import TimestampSettings

if TYPE_CHECKING:
    from sqlalchemy.engine import URL


def default_home() -> Path:
    """``$XDG_DATA_HOME/guarded-gen``, by default below ``~/.local/share``."""
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "guarded-gen"


class Limits(BaseModel):
    """Every limit of the product, in one place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    media: MediaLimits = MediaLimits()
    max_prompt_chars: int = Field(8_000, gt=0, description="longest prompt, in characters")
    max_prompts_per_call: int = Field(1_000, gt=0, description="most texts in one moderation call")
    max_upload_bytes: int = Field(512 * 1024**2, gt=0, description="largest upload, in bytes")
    min_free_bytes: int = Field(
        512 * 1024**2, ge=0, description="free space of the home below which it is not ready"
    )


class ApiSettings(BaseModel):
    """The API: who may come in, how often, and what is told to clients."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    public_url: str = Field("", description="this service's address as clients see it, for links")
    requests_per_minute: int = Field(600, gt=0, description="requests of one key in a minute")
    poll_after_ms: int = Field(1_000, gt=0, description="how long clients wait between polls")
    idempotency_hours: float = Field(24.0, gt=0, description="how long answers can be replayed")
    allow_private_fetch: bool = Field(
        False, description="let image URLs and webhooks reach private addresses; for tests only"
    )
    fetch_timeout_s: float = Field(10.0, gt=0, description="time for fetching a client's URL")
    answer_within_s: float = Field(
        10.0, gt=0, description="time for one call to database or object store; then 503"
    )
    waiting_per_tenant: int = Field(
        64, gt=0, description="most slow calls of one tenant that wait for their turn; then 429"
    )
    cors_origins: tuple[str, ...] = Field(
        (), description="origins of web pages that may call the API from a browser; `*`: any"
    )
    metrics_token: SecretStr = Field(
        SecretStr(""), description="bearer token that `/metrics` asks for; empty: anybody may read"
    )
    public_log: bool = Field(
        True, description="whether `/log` is served without a key, as witnesses and monitors expect"
    )
    links_to_store: bool = Field(
        False,
        description="let links of videos lead on to addresses that the object store signs (S3); "
        "clients must be able to reach it",
    )
    image_wait_s: float = Field(120.0, gt=0, description="how long an image request may wait")
    trace_endpoint: str = Field("", description="OTLP/HTTP address for traces; empty: none")
    oidc_issuer: str = Field("", description="OpenID Connect issuer for people; empty: none")
    oidc_audience: str = Field("", description="audience that tokens of the issuer must name")


class JobSettings(BaseModel):
    """Durable jobs and the workers that run them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gpu_concurrency: int = Field(1, gt=0, description="clips that one worker renders at once")
    cpu_concurrency: int = Field(2, gt=0, description="clips that one worker finishes at once")
    timeout_s: float = Field(3_600.0, gt=0, description="longest time one job may run")
    max_tries: int = Field(5, gt=0, description="workers that may die in one stage of a job")
    dead_after_s: float = Field(5.0, gt=1, description="silence after which a worker is dead")
    poll_s: float = Field(0.1, gt=0, description="how often a worker looks for work")
    open_per_tenant: int = Field(
        200, gt=0, description="most open jobs of a tenant that has no quota of its own"
    )
    drain_s: float = Field(60.0, ge=0, description="time to finish running stages at shutdown")
    previews: bool = Field(
        False, description="show callers signed previews of their clips while these are rendered"
    )
    clip_days: float = Field(30.0, gt=0, description="how long published clips are kept")
    draft_days: float = Field(
        30.0, gt=0, description="how long the draft of a refused clip is kept for an appeal"
    )


class Settings(BaseSettings):
    """All settings. ``docs/reference/settings.md`` is made from them, which a test checks."""

    model_config = SettingsConfigDict(
        env_prefix="GUARDED_GEN_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    home: Path = Field(
        default_factory=default_home, description="folder of all state: keys, database, media"
    )
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite below the home")
    database_timeout_s: float = Field(
        60.0, gt=0, description="silence after which a connection to PostgreSQL is given up"
    )
    policy: str = Field("default", description="name of a library policy, or path of a YAML file")
    backend: str = Field("world", description="generator backend used when a request names none")
    backends: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="settings of each generator backend, by its name or `diffusers:PRESET`",
    )
    encode: EncodeSettings = Field(
        default_factory=EncodeSettings, description="how published clips are encoded"
    )
    compliance: ComplianceSettings = Field(
        default_factory=ComplianceSettings, description="laws to sign for, and the provider's name"
    )
    timestamps: TimestampSettings = Field(
        default_factory=TimestampSettings, description="RFC 3161 servers for signatures"
    )
    preservation: PreservationSettings = Field(
        default_factory=PreservationSettings,
        description="evidence of the gravest cases, and who they are reported to",
    )
    exchanges: tuple[ExchangeSettings, ...] = Field(
        (), description="hash exchanges (NCMEC, StopNCII) and the banks that they fill"
    )
    products: Path | None = Field(
        None, description="the C2PA Conforming Products List (JSON); names known signers' products"
    )
    trust_lists: tuple[Path, ...] = Field(
        (), description="trust list files (PEM or JSON), besides our own root"
    )
    trust_shipped: bool = Field(
        True, description="believe the official lists that ship, until a newer one is added"
    )
    signing_passphrase: SecretStr = Field(
        SecretStr(""), description="passphrase of the signing keys; empty: not encrypted"
    )
    signing: SigningSettings = Field(
        default_factory=SigningSettings,
        description="a signing key in a token or behind a function, see `signing`",
    )
    frames: FrameSettings = Field(
        default_factory=FrameSettings, description="the checks of frames and their thresholds"
    )
    sound: SoundSettings = Field(
        default_factory=SoundSettings, description="the checks of sound, see `sound`"
    )
    prompts: PromptSettings = Field(
        default_factory=PromptSettings, description="own entity lists and the second judge"
    )
    audit: AuditSettings = Field(
        default_factory=AuditSettings, description="the audit log: name, retention, witnesses"
    )
    watermark_required: bool = Field(
        False, description="fail a clip whose watermark does not survive a test coding"
    )
    limits: Limits = Field(default_factory=Limits, description="every limit, see `limits`")
    storage_url: str = Field(
        "", description="where clips lie, a path or s3://bucket/prefix; empty: below the home"
    )
    storage_options: dict[str, Any] = Field(
        default_factory=dict, description="options of the fsspec file system, such as an endpoint"
    )
    api: ApiSettings = Field(default_factory=ApiSettings, description="the API, see `api`")
    review: ReviewLimits = Field(
        default_factory=ReviewLimits, description="reviewing, see `review`"
    )
    case_actions: dict[str, CaseAction] = Field(
        default_factory=dict,
        description="the platform's own actions that people run from a case: signed webhooks",
    )
    alerts: AlertSettings = Field(
        default_factory=AlertSettings, description="alerts of cases that wait too long"
    )
    translation: TranslationSettings = Field(
        default_factory=TranslationSettings,
        description="translating a case's words for its reviewer, see `translation`",
    )
    sign_in: SignInSettings = Field(
        default_factory=SignInSettings, description="signing in to the console, see `sign_in`"
    )
    jobs: JobSettings = Field(default_factory=JobSettings, description="jobs, see `jobs`")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        home = Path(os.environ.get("GUARDED_GEN_HOME") or default_home())
        named = os.environ.get("GUARDED_GEN_CONFIG")
        toml = Path(named) if named else home / "guarded-gen.toml"
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml))

    @property
    def sqlalchemy_url(self) -> str | URL:
        """The database's URL. An object for a file below the home: in text, a folder's ``%`` or
        ``?`` would mean something else."""
        if self.database_url:
            return self.database_url
        from sqlalchemy.engine import URL

        return URL.create("sqlite", database=str(self.home / "guarded-gen.db"))

    @property
    def database_exists(self) -> bool:
        """Whether there is a database that may hold something; a URL is taken at its word."""
        return bool(self.database_url) or (self.home / "guarded-gen.db").exists()

    @property
    def high_water_folder(self) -> Path:
        """What notices that the database was rolled back; see ``guarded_gen.audit.high_water``."""
        return self.audit.high_water_folder or self.home / "high-water"

    @property
    def keys_folder(self) -> Path:
        return self.home / "keys"

    @property
    def media_folder(self) -> Path:
        return self.home / "media"

    @property
    def work_folder(self) -> Path:
        """Private: drafts that were not yet marked and signed. Never served."""
        return self.home / "work"

    @property
    def weights_folder(self) -> Path:
        return self.home / "weights"


def load(**overrides: object) -> Settings:
    """Read the settings; raises :class:`ConfigInvalid` that names every wrong one."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors()
        )
        raise ConfigInvalid(wrong, "correct guarded-gen.toml or the environment") from error
    except (ValueError, OSError) as error:
        raise ConfigInvalid(str(error), "correct guarded-gen.toml or the environment") from error
