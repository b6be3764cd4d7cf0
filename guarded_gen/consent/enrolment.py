"""Enrolling somebody who agreed: their pictures become vectors, the signed form becomes a hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.frame.faces import WEIGHTS, BlazeFace
from classifiers.frame.likeness import FaceEmbedder
from classifiers.registry import WeightsRegistry
from guarded_gen.consent.book import MAX_VECTORS, ConsentBook, ConsentRecord
from guarded_gen.errors import InvalidInput
from media.decode import decode
from media.hashing import sha256_file
from media.limits import MediaLimits


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What enrolling needs: the record of consents, and the models that read a face.

    ``embedder`` is the name of the embedding weights.
    """

    book: ConsentBook
    weights: WeightsRegistry
    embedder: str
    limits: MediaLimits

    def vectors_of(self, pictures: Sequence[Path]) -> NDArray[np.float32]:
        """Unit vectors ``float32 [N, D]`` of the one face in each picture, in memory only.

        Raises :class:`InvalidInput` for a picture with no face or with several, ``MediaError`` for
        what is no picture, and ``ClassifierError`` without the detector or the embedding model.
        """
        if not 1 <= len(pictures) <= MAX_VECTORS:
            raise InvalidInput(f"{len(pictures)} pictures", f"send 1 to {MAX_VECTORS}", "pictures")
        detector = BlazeFace(self.weights.path(WEIGHTS))
        embedder = FaceEmbedder(self.weights.path(self.embedder))
        found = []
        for number, path in enumerate(pictures, 1):
            frame = next(decode(path, self.limits)).pixels[0]
            faces = detector.detect(frame)
            if len(faces) != 1:
                raise InvalidInput(
                    f"picture {number} shows {len(faces) or 'no'} faces",
                    "send pictures with only this person, the face from the front",
                    "pictures",
                )
            found.append(embedder.embed(frame, faces[0]))
        return np.stack(found)

    def enrol(
        self,
        subject: str,
        scopes: Sequence[str],
        evidence: Path | str,
        pictures: Sequence[Path],
        *,
        days: float,
        actor: str,
    ) -> ConsentRecord:
        """Keep the consent of ``subject``; ``evidence`` is the signed form or its SHA-256 (hex).

        Only the form's hash is kept, and of the pictures only sealed vectors. Raises what
        :meth:`vectors_of` and :meth:`ConsentBook.enroll` raise.
        """
        digest = sha256_file(evidence) if isinstance(evidence, Path) else evidence
        vectors = self.vectors_of(pictures)
        return self.book.enroll(subject, scopes, digest, vectors, days=days, actor=actor)
