"""C2SP tlog-policy: which witnesses must have cosigned a checkpoint, as a file.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <member>...
    quorum <name>|none

A group counts as a witness when ``k`` of its members do; members are witnesses or earlier groups,
and each name is a member once, so that nobody counts twice.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from guarded_gen.audit.errors import BadNote, BadWitnessPolicy
from guarded_gen.audit.note import ED25519, Verifier
from guarded_gen.errors import ConfigInvalid

MAX_POLICY_BYTES = 1_000_000
NONE = "none"
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_THRESHOLD = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class PolicyWitness:
    verifier: Verifier
    url: str
    """Its submission prefix; empty when the file names none."""


@dataclass(frozen=True, slots=True)
class WitnessGroup:
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WitnessPolicy:
    """A parsed policy. ``groups`` stand in the order of the file: members come first."""

    logs: tuple[Verifier, ...]
    witnesses: Mapping[str, PolicyWitness]
    groups: Mapping[str, WitnessGroup]
    quorum: str

    @classmethod
    def parse(cls, data: bytes) -> WitnessPolicy:
        """Read a policy file; raises :class:`BadWitnessPolicy` with the line's number."""
        return _Parser().parse(data)

    @classmethod
    def read(cls, path: Path | None) -> WitnessPolicy | None:
        """The policy of a settings' file, None when none is set; raises :class:`ConfigInvalid`."""
        if path is None:
            return None
        try:
            return cls.parse(path.read_bytes())
        except OSError as error:
            raise ConfigInvalid(
                f"audit.witness_policy: cannot read {path}: {error.strerror}", "check the path"
            ) from error
        except BadWitnessPolicy as error:
            raise ConfigInvalid(
                f"audit.witness_policy: {error}", "write it as C2SP tlog-policy says"
            ) from error

    @property
    def verifiers(self) -> list[Verifier]:
        """The keys of all witnesses."""
        return [witness.verifier for witness in self.witnesses.values()]

    def satisfied_by(self, cosigners: Collection[Verifier]) -> bool:
        """Whether these keys together are the quorum."""
        if self.quorum == NONE:
            return True
        keys = {(key.kind, key.public) for key in cosigners}
        holds = {
            name: (witness.verifier.kind, witness.verifier.public) in keys
            for name, witness in self.witnesses.items()
        }
        for name, group in self.groups.items():
            holds[name] = sum(holds[member] for member in group.members) >= group.threshold
        return holds[self.quorum]

    def unmet(self, cosigners: Collection[Verifier]) -> str:
        """A sentence for the case that they are not."""
        found = ", ".join(sorted({key.name for key in cosigners})) or "nobody"
        return (
            f"the quorum {self.quorum!r} of the witness policy is not reached: cosigned by {found}"
        )


class _Parser:
    def __init__(self) -> None:
        self.logs: list[Verifier] = []
        self.witnesses: dict[str, PolicyWitness] = {}
        self.groups: dict[str, WitnessGroup] = {}
        self.quorum: str | None = None
        self.members: set[str] = set()

    def parse(self, data: bytes) -> WitnessPolicy:
        if len(data) > MAX_POLICY_BYTES:
            raise BadWitnessPolicy(f"a witness policy has at most {MAX_POLICY_BYTES} bytes")
        if _FORBIDDEN.search(data):
            raise BadWitnessPolicy("a witness policy has no control characters but tab and newline")
        # Bytes past ASCII are opaque by the specification: they come through unchanged.
        for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
            words = [word for word in re.split(r"[ \t]+", line) if word]
            if not words or words[0].startswith("#"):
                continue
            try:
                self._line(words)
            except (BadWitnessPolicy, BadNote, UnicodeEncodeError) as error:
                raise BadWitnessPolicy(f"line {number}: {error}") from error
        if self.quorum is None:
            raise BadWitnessPolicy("the quorum line is missing")
        return WitnessPolicy(tuple(self.logs), self.witnesses, self.groups, self.quorum)

    def _line(self, words: list[str]) -> None:
        match words:
            case ["log", vkey] | ["log", vkey, _]:
                key = Verifier.parse(vkey)
                if key.kind != ED25519:
                    raise BadWitnessPolicy("not a log's verifier key (type 0x01)")
                if key.public in {log.public for log in self.logs}:
                    raise BadWitnessPolicy("this log's key stands there twice")
                self.logs.append(key)
            case ["witness", name, vkey, *url] if len(url) <= 1:
                key = Verifier.parse(vkey)
                if not key.cosigns:
                    raise BadWitnessPolicy("not a witness's verifier key (type 0x04 or 0x06)")
                if key.public in {w.verifier.public for w in self.witnesses.values()}:
                    raise BadWitnessPolicy("this witness's key stands there twice")
                self._new(name)
                self.witnesses[name] = PolicyWitness(key, url[0] if url else "")
            case ["group", name, threshold, *members] if members:
                self._group(name, threshold, members)
            case ["quorum", name]:
                if self.quorum is not None:
                    raise BadWitnessPolicy("a second quorum line")
                if name != NONE:
                    self._known(name)
                self.quorum = name
            case _:
                raise BadWitnessPolicy(f"no line of a policy: {' '.join(words)[:80]!r}")

    def _group(self, name: str, threshold: str, members: list[str]) -> None:
        for member in members:
            self._known(member)
            if member in self.members:
                raise BadWitnessPolicy(f"{member!r} is a member already")
            self.members.add(member)
        if threshold in ("any", "all"):
            needed = 1 if threshold == "any" else len(members)
        elif _THRESHOLD.fullmatch(threshold) and int(threshold) <= len(members):
            needed = int(threshold)
        else:
            raise BadWitnessPolicy(f"{threshold!r} is neither any, all, nor 1 to {len(members)}")
        self._new(name)
        self.groups[name] = WitnessGroup(needed, tuple(members))

    def _new(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise BadWitnessPolicy(f"the name {name!r} is taken")

    def _known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise BadWitnessPolicy(f"{name!r} is not defined above")
