"""What one carrier looks like: which spectral lines it has, and what each of them says.

The mark is a pattern that repeats in both directions with period T. Its spectrum is therefore a
set of lines at integer multiples (kx, ky) of 1/T; we use every one in the ring
``RING_LOW <= |k| <= RING_HIGH``. Where the lines lie is no secret, so that one search of the
geometry serves every key. What they say is: each line carries two signs (QPSK), and the key
decides which lines are for synchronisation and with which signs, how the code bits are spread
over the others, and how they are scrambled.

Several carriers per key, a period that depends on the payload, and a carrier index and an offset
chosen by the asset's own picture (:mod:`provenance.watermark.plan`) keep marks of different assets
from adding up when clips are averaged.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from provenance.watermark import polar
from provenance.watermark.errors import PayloadInvalid
from provenance.watermark.keys import CarrierKey

VERSION = 2
CODE_LENGTH = 512
CARRIERS = 4
RING_LOW, RING_HIGH = 7, 15
SYNC_SHARE = 0.22
SLOPE = -0.3
"""Amplitude falls as ``|k|**SLOPE``: fine lines cost more visibility than they survive."""
PERIOD_JITTER = 0.06
REST_PERIOD = 0.25
"""Period over the short side, before the jitter."""
MIN_PERIOD = 130.0
"""Pixels: small frames get relatively larger tiles, else a codec takes the fine lines."""
MIN_SIDE = 128
PAYLOAD_BITS = (64, 128)


@dataclass(frozen=True, eq=False)
class Lines:
    """The ring of lines: ``kx``, ``ky`` ``int [n]`` (half plane), ``radius`` ``float [n]``."""

    kx: NDArray[np.intp]
    ky: NDArray[np.intp]
    radius: NDArray[np.float64]
    amplitude: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.kx)


@lru_cache(maxsize=1)
def ring() -> Lines:
    k = np.arange(-RING_HIGH, RING_HIGH + 1)
    ky, kx = np.meshgrid(k, k, indexing="ij")
    radius = np.hypot(kx, ky)
    use = (radius >= RING_LOW) & (radius <= RING_HIGH) & ((ky > 0) | ((ky == 0) & (kx > 0)))
    amplitude = (radius[use] / RING_LOW) ** SLOPE
    amplitude /= np.sqrt((amplitude**2).sum() / 2)
    return Lines(kx[use], ky[use], radius[use], amplitude)


@dataclass(frozen=True, eq=False)
class Carrier:
    """One carrier of one key.

    ``sync`` and ``data`` index :func:`ring`; ``sync_signs`` is ``float [2 * len(sync)]`` of ±1;
    ``place`` maps each data sign to its code bit; ``scramble`` is ``uint8 [2 * len(data)]``.
    """

    key_id: str
    index: int
    payload_bits: int
    sync: NDArray[np.intp]
    data: NDArray[np.intp]
    sync_signs: NDArray[np.float64]
    place: NDArray[np.intp]
    scramble: NDArray[np.uint8]

    def signs(self, payload: polar.Bits) -> NDArray[np.float64]:
        """The two signs of every line, ``float [n, 2]`` of ±1, for these payload bits."""
        word = polar.encode(payload, CODE_LENGTH, VERSION)
        out = np.empty((len(ring()), 2))
        out[self.sync] = self.sync_signs.reshape(-1, 2)
        out[self.data] = _signs(word[self.place] ^ self.scramble).reshape(-1, 2)
        return out


@lru_cache(maxsize=256)
def carrier(key: CarrierKey, index: int, payload_bits: int) -> Carrier:
    """Derive carrier ``index`` (0 to ``CARRIERS - 1``) of ``key``; the same on every machine."""
    n = len(ring())
    label = f"carrier v{VERSION} {index} {payload_bits}"
    order = _permutation(key.stream(label + " lines", 8 * n))
    n_sync = int(n * SYNC_SHARE)
    sync, data = np.sort(order[:n_sync]), np.sort(order[n_sync:])
    sync_bits = _bits(key.stream(label + " sync", n), 2 * n_sync)
    spread = _permutation(key.stream(label + " place", 16 * len(data)))
    place = np.empty(2 * len(data), dtype=np.intp)
    place[spread] = np.arange(2 * len(data)) % CODE_LENGTH
    scramble = _bits(key.stream(label + " scramble", len(data)), 2 * len(data))
    return Carrier(key.key_id, index, payload_bits, sync, data, _signs(sync_bits), place, scramble)


def period_factor(key: CarrierKey, payload: int, payload_bits: int) -> float:
    """The asset's own stretch of the period, unknown to whoever has not the key.

    Within ``1 ± PERIOD_JITTER``: marks of two assets fall out of step within a few tiles.
    """
    label = f"period v{VERSION} {payload_bits} {payload:x}"
    word = int.from_bytes(key.stream(label, 4), "little") / 2**32
    return 1 + PERIOD_JITTER * (2 * word - 1)


def period(width: int, height: int) -> float:
    """The period in pixels of a frame of this size, before the jitter."""
    short = min(width, height)
    return min(max(REST_PERIOD * short, MIN_PERIOD), 0.5 * short)


def payload_to_bits(payload: int, payload_bits: int) -> polar.Bits:
    """Most significant bit first, ``uint8 [payload_bits]``; raises :class:`PayloadInvalid`."""
    if payload_bits not in PAYLOAD_BITS:
        raise PayloadInvalid(
            f"a payload has 64 or 128 bits, not {payload_bits}", "use 16 or 32 hex digits"
        )
    if not 0 <= payload < 1 << payload_bits:
        raise PayloadInvalid(
            f"the payload does not fit in {payload_bits} bits", "use 16 or 32 hex digits"
        )
    raw = np.frombuffer(payload.to_bytes(payload_bits // 8, "big"), dtype=np.uint8)
    return np.unpackbits(raw)


def bits_to_payload(bits: polar.Bits) -> int:
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def parse_payload(text: str) -> tuple[int, int]:
    """Hex digits to (payload, bits): 16 digits are 64 bits, 32 are 128."""
    digits = text.strip().lower().removeprefix("0x")
    if len(digits) * 4 not in PAYLOAD_BITS:
        raise PayloadInvalid(
            f"a payload has 16 or 32 hex digits, not {len(digits)}", "pad it with zeros"
        )
    try:
        return int(digits, 16), len(digits) * 4
    except ValueError as error:
        raise PayloadInvalid(
            f"{text!r} is no hexadecimal number", "use 16 or 32 hex digits"
        ) from error


def _permutation(stream: bytes) -> NDArray[np.intp]:
    return np.argsort(np.frombuffer(stream, dtype="<u8"), kind="stable")


def _bits(stream: bytes, count: int) -> NDArray[np.uint8]:
    return np.unpackbits(np.frombuffer(stream, dtype=np.uint8))[:count]


def _signs(bits: NDArray[np.uint8]) -> NDArray[np.float64]:
    return 1.0 - 2.0 * bits.astype(np.float64)
