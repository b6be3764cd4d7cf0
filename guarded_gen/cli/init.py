"""``guarded-gen init``: make the home with its keys, database and log."""

from __future__ import annotations

from guarded_gen.cli.common import Json, console, emit, errors_to_user, opened_services


def init(json: Json = False) -> None:
    """Make everything that is made on first use, now: home, keys, certificates, database, log."""
    with errors_to_user(json), opened_services() as services:
        from sqlalchemy.engine import make_url

        services.prepare_home()
        _ = services.log
        identity = services.identity
        record = {
            "home": str(services.settings.home),
            "database": make_url(services.settings.sqlalchemy_url).render_as_string(),
            "policy": services.policy.digest,
            "certificate": identity.leaf.subject.rfc4514_string(),
        }
        if json:
            emit(record)
        else:
            for name, value in record.items():
                console().print(f"{name:<12} {value}", markup=False)
