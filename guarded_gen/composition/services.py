"""The parts of the house, put together once from the settings and made on first use."""

from __future__ import annotations

from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from pydantic import SecretStr

import generator
import policies
from classifiers.base import FrameCheck, PromptClassifier, TrackCheck
from classifiers.captions.words import CaptionWords
from classifiers.errors import ClassifierError
from classifiers.frame import FrameSettings, KnownCheck, Library, default_checks
from classifiers.frame.banks import ItemKind
from classifiers.prompt import default as default_prompt_classifier
from classifiers.registry import WeightsRegistry
from classifiers.sound import KnownSoundCheck, LoudnessCheck, SpeechCheck
from guarded_gen.audit import AuditLog
from guarded_gen.audit.search import Query
from guarded_gen.audit.witness_policy import WitnessPolicy
from guarded_gen.consent.book import ConsentBook
from guarded_gen.gates.banks import Banks, OwnSource, known_as_ours
from guarded_gen.gates.examples import judge_of
from guarded_gen.gates.exchanges import Exchanges
from guarded_gen.gates.sampling_key import sampling_secret
from guarded_gen.governance.rollout import PolicyRollouts
from guarded_gen.origin.detection import SyntheticDetector
from guarded_gen.origin.registry import SqlRegistry
from guarded_gen.origin.service import Asking, OriginService
from guarded_gen.origin.signing import Signing
from guarded_gen.origin.trust import TrustStore
from guarded_gen.review.looks import RefusedLooks
from guarded_gen.review.resemblance import Resemblance
from guarded_gen.review.strikes import Strikes
from guarded_gen.settings import Settings
from guarded_gen.store import Store, open_store
from policies import Policy
from policies.engine import known_text
from policies.rollout import Choice
from provenance.certificates import SigningIdentity
from provenance.label import Box
from provenance.picture import Picture
from provenance.products import load_products
from provenance.recovery import PublishedFile
from provenance.trust import TrustList
from provenance.watermark.keys import KeyRing

if TYPE_CHECKING:
    from generator.base import Generator
    from guarded_gen.consent.enrolment import Enrolment
    from guarded_gen.production.duties import Faces
    from guarded_gen.production.marking import Mark, Pixels
    from guarded_gen.production.request import ClipRequest
    from provenance.watermark.assurance import Assurance

_SIGNED_WITHIN_MS = 10 * 60_000
"""A file is in the registry this close to its entry in the log."""


class Services:
    """Everything that a gate or a stage needs. Parts that are never asked for cost nothing.

    Not for sharing between processes: after a fork, make a new one.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._generators: dict[str, Generator] = {}
        self.pinned_policy: Policy | None = None
        """Decides in this process instead of whatever is active; for seeding and trials."""

    def prepare_home(self) -> None:
        """Make the home folder; private, because keys and drafts lie below it."""
        self.settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)

    @cached_property
    def store(self) -> Store:
        self.prepare_home()
        return open_store(self.settings)

    @cached_property
    def log(self) -> AuditLog:
        settings = self.settings
        log = AuditLog.open(
            self.store,
            settings.keys_folder,
            settings.audit.origin,
            settings.high_water_folder,
            witness_policy=WitnessPolicy.read(settings.audit.witness_policy),
        )
        log.policies.source = self._policy_text
        return log

    def _policy_text(self, digest: str) -> bytes | None:
        """For the log, which keeps every policy that decided."""
        pinned = known_text(self.pinned_policy, digest) if self.pinned_policy else None
        return pinned or self.rollout.text(digest)

    @cached_property
    def configured_policy(self) -> Policy:
        """The policy that the settings name."""
        return policies.load(self.settings.policy)

    @cached_property
    def rollout(self) -> PolicyRollouts:
        judge = judge_of(lambda: self.prompt_classifiers)
        return PolicyRollouts(self.store, self.configured_policy, judge)

    @property
    def policy(self) -> Policy:
        """The active policy: the one that was activated, else the one that the settings name."""
        if self.pinned_policy is not None:
            return self.pinned_policy
        if "store" not in self.__dict__ and not self.settings.database_exists:
            return self.configured_policy
        return self.rollout.plan().active

    def choice(self, request: ClipRequest) -> Choice:
        """The policy that acts for a request's subject, and those that only look on."""
        return self.choice_for(request.subject, request.tenant)

    def choice_for(self, subject: str | None, tenant: str) -> Choice:
        """The same for somebody who asks for a judgement only."""
        if self.pinned_policy is not None:
            return Choice(self.pinned_policy)
        return self.rollout.choose(subject, tenant)

    def strikes(self, tenant: str, subject: str) -> int:
        """How many refusals of this tenant's user stand and count; see ``review.strikes``."""
        if "store" not in self.__dict__ and not self.settings.database_exists:
            return 0
        return self.struck.count(tenant, subject)

    def sketch(self, tenant: str, text: str) -> bytes | None:
        """A prompt as keyed bits; see ``review.resemblance``."""
        if "store" not in self.__dict__ and not self.settings.database_exists:
            return None
        return self.resemblance.sketch(tenant, text)

    def resembles(self, tenant: str, sketched: bytes | None) -> bool:
        """Whether the words are nearly those of a prompt that was refused."""
        return sketched is not None and self.resemblance.near(tenant, sketched)

    @cached_property
    def resemblance(self) -> Resemblance:
        secret = self.log.keys.pseudonym("", "sketches of refused prompts").encode()
        return Resemblance(self.store, secret, self.settings.review.strike_days)

    @property
    def refused_looks(self) -> RefusedLooks | None:
        """Pictures that were refused; see ``review.looks``. None while there is no database."""
        if "store" not in self.__dict__ and not self.settings.database_exists:
            return None
        return self._looks

    @cached_property
    def _looks(self) -> RefusedLooks:
        secret = self.log.keys.pseudonym("", "frames of refused pictures").encode()
        return RefusedLooks(self.store, secret, self.settings.review.strike_days)

    @cached_property
    def struck(self) -> Strikes:
        return Strikes(self.store, self.log.keys.pseudonym, self.settings.review.strike_days)

    @cached_property
    def registry(self) -> WeightsRegistry:
        return WeightsRegistry(self.settings.weights_folder)

    @cached_property
    def prompt_classifiers(self) -> tuple[PromptClassifier, ...]:
        return (default_prompt_classifier(self.registry, self.settings.prompts),)

    @cached_property
    def frame_settings(self) -> FrameSettings:
        """The settings of the frame checks, with this home's sampling secret filled in."""
        frames = self.settings.frames
        if frames.sampling.secret.get_secret_value():
            return frames
        self.prepare_home()
        secret = SecretStr(sampling_secret(self.settings.keys_folder))
        sampling = frames.sampling.model_copy(update={"secret": secret})
        return frames.model_copy(update={"sampling": sampling})

    @cached_property
    def frame_checks(self) -> tuple[FrameCheck, ...]:
        return default_checks(
            self.registry,
            self.frame_settings,
            self.banks.sources,
            self.consent,
            self.published,
            lambda: self.prompt_classifiers,
        )

    @cached_property
    def faces(self) -> Faces | None:
        """Where faces are, for the visible label to keep clear of; None without the weights."""
        from classifiers.frame.faces import WEIGHTS, BlazeFace

        try:
            finder = BlazeFace(self.registry.path(WEIGHTS))
        except ClassifierError:
            return None
        alone = Lock()

        def found(frame: Pixels) -> list[Box]:
            with alone:  # the detector is not for several threads
                seen = finder.detect(frame)
            return [Box(f.x, f.y, f.x + f.width, f.y + f.height) for f in seen]

        return found

    @cached_property
    def sound_checks(self) -> tuple[TrackCheck, ...]:
        """Of what a file has beside its pictures: sound, subtitles, chapters' titles."""
        sound = self.settings.sound
        checks = (
            LoudnessCheck(sound.loudness),
            KnownSoundCheck(Library(self.banks.sources, ItemKind.SOUND)),
            CaptionWords(lambda: self.prompt_classifiers),
        )
        if not sound.speech.model:
            return checks
        speech = SpeechCheck(self.registry, lambda: self.prompt_classifiers, sound.speech)
        return (*checks, speech)

    @cached_property
    def published(self) -> SqlRegistry:
        """What was published here: manifests, and the bank of our own output."""
        return SqlRegistry(lambda: self.store)

    @cached_property
    def exchanges(self) -> Exchanges:
        return Exchanges(self.settings.exchanges, self.banks)

    @cached_property
    def banks(self) -> Banks:
        return Banks(
            lambda: self.store,
            lambda: self.log,
            self.settings.home / "banks",
            lambda: (self.published.count(), self.published.known()),
        )

    @cached_property
    def consent(self) -> ConsentBook:
        home, keys = self.settings.home, self.settings.keys_folder
        return ConsentBook(home / "consent", keys / "consent", lambda: self.log)

    @property
    def enrolment(self) -> Enrolment:
        from guarded_gen.consent.enrolment import Enrolment

        settings = self.settings
        embedder = settings.frames.likeness.embedder
        return Enrolment(self.consent, self.registry, embedder, settings.limits.media)

    @cached_property
    def signing(self) -> Signing:
        self.prepare_home()
        passphrase = self.settings.signing_passphrase.get_secret_value().encode() or None
        settings = self.settings
        store = TrustStore(settings.home / "trust", with_shipped=settings.trust_shipped)
        return Signing(
            settings.keys_folder, passphrase, settings.trust_lists, store, settings.signing
        )

    @property
    def identity(self) -> SigningIdentity:
        """The identity that may sign now: the youngest of ``keys/identities``, else the
        development chain. Asked anew for each signature, so keys change without a stop."""
        return self.signing.current()

    @property
    def trust(self) -> TrustList:
        """Whom we believe, as the files say now."""
        return self.signing.trust()

    @cached_property
    def origin(self) -> OriginService:
        # the child that reads marks may write no file, so the keys must be there before it
        _ = self.watermark_keys
        return OriginService(
            self.signing.own,
            self.signing.trust,
            self.published,
            self.settings.keys_folder / "watermark",
            asking=Asking(self._proof, self._known, self._detection),
            media=self.settings.limits.media,
            products=load_products(listed) if (listed := self.settings.products) else (),
        )

    def _known(self, picture: Picture) -> tuple[str, ...] | None:
        return known_as_ours(self._own_check, picture)

    @cached_property
    def _own_check(self) -> KnownCheck:
        own = Library([OwnSource(source) for source in self.banks.sources])
        return KnownCheck(own, self.settings.frames.known, self.published)

    @cached_property
    def _detection(self) -> SyntheticDetector:
        return SyntheticDetector(self.settings, self.registry)

    def _proof(self, file: PublishedFile) -> tuple[int, dict[str, str]] | None:
        """Where the log says that this file was signed, with the proof of it."""
        near = Query(
            kind="clip.signed",
            since=file.published_at - _SIGNED_WITHIN_MS,
            until=file.published_at + _SIGNED_WITHIN_MS,
        )
        for entry in self.log.entries(near):
            if entry.body.get("manifest") == file.manifest_label:
                return entry.index, {"tlog_proof": self.log.proof(entry.index).encode()}
        return None

    def generator(self, backend: str) -> Generator:
        """The backend of this name; ``UnknownBackend`` names those that exist."""
        if backend not in self._generators:
            told = self.settings.backends
            own = told.get(backend) or told.get(backend.partition(":")[0]) or {}
            self._generators[backend] = generator.create(backend, own)
        return self._generators[backend]

    @cached_property
    def watermark_keys(self) -> KeyRing:
        return KeyRing.open(self.settings.keys_folder / "watermark")

    def marker(self, clip: str, sample: Pixels) -> tuple[Mark, Assurance]:
        """The watermark embedder of one clip, as strong as its first frames need.

        ``sample`` is ``uint8 [T, H, W, 3]``. It is marked, coded hard and read back first; what
        that showed comes along. Raises ``FrameUnsuitable`` for frames that are too small, and
        ``CannotCarry`` when the mark was lost and ``watermark_required`` is set.
        """
        from guarded_gen.production.marking import watermark_payload
        from provenance.watermark.assurance import assure, require
        from provenance.watermark.embedder import Embedder

        keys, payload = self.watermark_keys, watermark_payload(clip)
        height, width = sample.shape[1:3]
        trial = assure(sample, keys, payload)
        if self.settings.watermark_required:
            require(trial)
        embedder = Embedder(keys, payload, width, height, strength=trial.strength, plan=trial.plan)
        return embedder.embed, trial

    def close(self) -> None:
        """Give connections, children and the models' memory back: whoever still knows of these
        services, as a framework's caches do, keeps nothing large alive."""
        if "origin" in self.__dict__:
            self.origin.close()
        if "_detection" in self.__dict__:
            self._detection.close()
        if "log" in self.__dict__:
            self.log.close()
        if "store" in self.__dict__:
            self.store.close()
        self._generators.clear()
        for name in ("prompt_classifiers", "frame_checks", "sound_checks", "faces"):
            self.__dict__.pop(name, None)
