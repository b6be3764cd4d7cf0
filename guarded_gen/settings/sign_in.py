"""Signing in to the console: ``[sign_in]`` in ``guarded-gen.toml``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from guarded_gen.review.roles import Role


class SignInSettings(BaseModel):
    """Who may come into the console, and what a wrong token costs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    oidc_issuer: str = Field(
        "", description="OpenID Connect issuer that people sign in with; empty: none"
    )
    oidc_client_id: str = Field("", description="this console's client id at the issuer")
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), description="this console's secret at the issuer; empty: a public client"
    )
    oidc_scopes: str = Field("openid profile email", description="scopes that are asked for")
    roles_claim: str = Field("groups", description="claim of the ID token that gives the roles")
    roles: dict[str, Role] = Field(
        default_factory=dict, description="role for each value of that claim; others give none"
    )
    tenants_claim: str = Field(
        "", description="claim that names the tenants a person sees; empty: all"
    )
    tokens: bool = Field(True, description="let people sign in with name and access token too")
    tries: int = Field(5, gt=0, description="wrong tokens in a row after which a name is locked")
    first_lock_s: float = Field(
        10.0, gt=0, description="how long the first lock lasts, in seconds; each further one twice"
    )
    longest_lock_s: float = Field(900.0, gt=0, description="longest lock of a name, in seconds")
