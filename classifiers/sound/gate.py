"""Every sound track past every check; without a check that understands it, not assessed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from classifiers.base import CheckReport, SoundCheck, TrackCheck
from policies.decision import CheckStatus, Signal

if TYPE_CHECKING:
    from media.open import Media, Sound

_log = logging.getLogger(__name__)

SOUND = "sound"
"""The category, and the name of the check, of sound whose content nobody assessed."""

NOT_ASSESSED = "not_assessed"


@dataclass(frozen=True, slots=True)
class Heard:
    """The signals of all sound tracks, and what was listened to (a JSON object)."""

    signals: tuple[Signal, ...] = ()
    coverage: Mapping[str, Any] = field(default_factory=dict)


def silent(checks: Sequence[TrackCheck]) -> tuple[Signal, ...]:
    """What the checks say of something without a sound track: nothing in it is loud or spoken."""
    return tuple(s for check in checks if isinstance(check, SoundCheck) for s in check.silent())


def listen(media: Media, checks: Sequence[TrackCheck]) -> Heard:
    """Show every sound track of a file to every check; of a file without sound see :func:`silent`.

    A check that raises ends as ``failed``. Where no check speaks of ``sound``, or one that does
    could not, the category is ``not_assessed``: silence of the checks is never a pass.
    """
    if not media.sounds:
        return Heard(silent(checks))
    signals: list[Signal] = []
    tracks: list[dict[str, Any]] = []
    for track in media.sounds:
        told: dict[str, Any] = {
            "stream": track.stream,
            "codec": track.codec,
            "rate": track.rate,
            "channels": track.channels,
            "default": track.default,
            "checks": {},
        }
        spoken: list[Signal] = []
        for check in checks:
            if not isinstance(check, SoundCheck):
                continue
            report = _listen(check, media, track)
            spoken += report.signals
            told["checks"][check.name] = dict(report.coverage)
        if not any(s.category == SOUND for s in spoken):
            cause = {"cause": "no check of speech is configured"}
            spoken.append(Signal.skipped(SOUND, SOUND, NOT_ASSESSED, detail=cause))
        signals += _named(spoken, track, len(media.sounds))
        tracks.append(told)
    return Heard(tuple(signals), {"tracks": tracks})


def _listen(check: SoundCheck, media: Media, track: Sound) -> CheckReport:
    try:
        report = check.listen(media, track)
    except Exception as error:  # noqa: BLE001 - a check's error is its finding
        # A check of any make may break in any way; none of them may open the gate.
        _log.error("sound check %s failed", check.name, exc_info=error)
        code = getattr(error, "code", None)
        reason = code if isinstance(code, str) else type(error).__name__
        return CheckReport(
            tuple(Signal.failed(check.name, c, reason) for c in check.categories), {}
        )
    named = {signal.category for signal in report.signals}
    missing = tuple(
        Signal.failed(check.name, c, "no_signal") for c in check.categories if c not in named
    )
    return replace(report, signals=report.signals + missing)


def _named(signals: Sequence[Signal], track: Sound, count: int) -> list[Signal]:
    if count == 1:
        return list(signals)
    return [
        replace(s, detail={**s.detail, "track": track.stream})
        if s.status is CheckStatus.RAN or s.detail
        else s
        for s in signals
    ]
