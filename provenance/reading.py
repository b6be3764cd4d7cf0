"""Everything that only decoding shows, read in a guarded child: marks, picture, labels.

A decoder is the largest surface that a hostile file can attack, so no upload is decoded in the
process that serves.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from media.errors import MediaError, UnreadableMedia
from media.limits import MediaLimits
from provenance.errors import ProvenanceError
from provenance.fingerprint import CODE_BITS, PDQ_BYTES, video_code
from provenance.isolation import Sandbox
from provenance.labels import read_labels_of
from provenance.limits import ProvenanceLimits
from provenance.picture import KeyFrames, Picture, look
from provenance.recovery import Mark
from provenance.verdicts import clean
from provenance.watermark import KeyRing
from provenance.watermark.geometry import Geometry
from provenance.watermark.part import Part


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read. ``problem`` says why something could not be, and is empty when all was.

    ``labels`` is None when not even they were read.
    """

    marks: tuple[Mark, ...] = ()
    picture: Picture | None = None
    labels: Mapping[str, str] | None = field(default=None)
    problem: str = ""
    no_libraries: bool = False


def read(
    path: Path,
    keys_folder: Path,
    sandbox: Sandbox,
    limits: ProvenanceLimits | None = None,
    media: MediaLimits | None = None,
    *,
    iscc: bool = False,
) -> Reading:
    """Marks, picture and labels of a file, decoded in a child of ``sandbox``.

    ``iscc`` computes the picture's ISCC Video-Code too, at the cost of another decode.

    Never raises for what is in the file. Raises :class:`VerifierUnavailable`.
    """
    chosen = limits or ProvenanceLimits()
    request = {
        "task": "read",
        "path": str(path.absolute()),
        "keys": str(keys_folder.absolute()),
        "media": (media or MediaLimits()).model_dump(),
        "iscc": iscc,
    }
    outcome = sandbox.call(request, chosen.picture_seconds)
    if outcome.answer is None:
        return Reading(problem=f"{outcome.code}: {outcome.message}")
    return _from_json(outcome.answer)


def read_labels(
    path: Path, sandbox: Sandbox, limits: ProvenanceLimits | None = None
) -> Mapping[str, str]:
    """The labels alone, without decoding, in a child of ``sandbox``.

    Raises ``ModuleNotFoundError`` where what opens media is not installed.
    """
    request = {"task": "read", "path": str(path.absolute()), "only_labels": True}
    outcome = sandbox.call(request, (limits or ProvenanceLimits()).picture_seconds)
    answer = outcome.answer or {}
    if missing := answer.get("missing"):
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)
    return answer.get("labels", {})


def read_request(request: Mapping[str, Any]) -> dict[str, Any]:
    """What the child does with one request of :func:`read`."""
    path = Path(request["path"])
    if request.get("only_labels"):
        try:
            return {"labels": read_labels_of(path)}
        except ModuleNotFoundError as error:
            return {"missing": error.name}
    limits = MediaLimits.model_validate(request["media"])
    answer: dict[str, Any] = {
        "marks": [],
        "picture": None,
        "labels": None,
        "problem": "",
    }
    try:
        answer["labels"] = read_labels_of(path)
        from provenance.marks import read_marks

        keys = KeyRing.open(Path(request["keys"]))
        answer["marks"] = [_mark_json(mark) for mark in read_marks(path, keys, limits)]
        picture = look(path, limits)
        if request.get("iscc"):
            with suppress(UnreadableMedia):  # a still has no video code
                picture = replace(picture, iscc=video_code(path, CODE_BITS, limits).raw)
    except (MediaError, ProvenanceError, OSError) as error:
        answer["problem"] = clean(str(error), 400)
        return answer
    except ModuleNotFoundError as error:
        return answer | {"problem": f"{error.name} is not installed", "no_libraries": True}
    answer["picture"] = _picture_json(picture)
    return answer


def _picture_json(picture: Picture) -> dict[str, Any]:
    return {
        "hashes": base64.b64encode(picture.hashes.tobytes()).decode(),
        "keys": base64.b64encode(picture.keys.to_bytes()).decode() if picture.keys else "",
        "samples": [
            [*sample.shape, base64.b64encode(sample.tobytes()).decode()]
            for sample in picture.samples
        ],
        "iscc": picture.iscc.hex(),
    }


def _mark_json(mark: Mark) -> dict[str, Any]:
    return {
        "payload": mark.payload.hex(),
        "geometry": asdict(mark.geometry) if mark.geometry else None,
        "spans": [list(span) for span in mark.spans],
        "seconds": mark.seconds,
        "picture": _picture_json(mark.picture) if mark.picture else None,
        "transplanted": mark.transplanted,
    }


def _from_json(answer: Mapping[str, Any]) -> Reading:
    marks = tuple(
        Mark(
            bytes.fromhex(mark["payload"]),
            _geometry(mark["geometry"]) if mark["geometry"] else None,
            tuple((a, b) for a, b in mark["spans"]),
            mark["seconds"],
            _picture(mark["picture"]) if mark["picture"] else None,
            mark["transplanted"],
        )
        for mark in answer["marks"]
    )
    picture = _picture(answer["picture"]) if answer["picture"] else None
    missing = bool(answer.get("no_libraries"))
    return Reading(marks, picture, answer["labels"], answer["problem"], missing)


def _picture(p: Mapping[str, Any]) -> Picture:
    return Picture(
        np.frombuffer(base64.b64decode(p["hashes"]), np.uint8).reshape(-1, PDQ_BYTES),
        KeyFrames.from_bytes(base64.b64decode(p["keys"])) if p["keys"] else None,
        tuple(
            np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width)
            for height, width, data in p["samples"]
        ),
        bytes.fromhex(p["iscc"]),
    )


def _geometry(record: Mapping[str, Any]) -> Geometry:
    matrix = tuple(tuple(float(x) for x in row) for row in record["matrix"])
    part = record["part"]
    if part is not None:
        part = Part(
            tuple((float(x), float(y)) for x, y in part["corners"]),
            (part["frame"][0], part["frame"][1]),
            (part["size"][0], part["size"][1]),
        )
    return Geometry(**{**record, "matrix": matrix, "part": part})
