"""Polar code with CRC-aided successive-cancellation list decoding (CA-SCL).

Arıkan 2009 (the transform), Tal and Vardy 2015 (the list), He et al. 2017 (polarization weight,
the order of reliability used here). Log-likelihood ratios are positive for a 0.
"""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]
CRC_BITS = 24
"""Enough to choose among the survivors of a list; what proves a mark is its p, not this."""


@cache
def _by_reliability(length: int) -> tuple[int, ...]:
    index = np.arange(length)
    weight = np.zeros(length)
    for j in range(length.bit_length() - 1):
        weight += ((index >> j) & 1) * 2 ** (j / 4)
    return tuple(int(i) for i in np.argsort(weight, kind="stable"))


def information_set(length: int, bits: int) -> NDArray[np.intp]:
    """The ``bits`` most reliable of ``length`` positions, rising."""
    return np.sort(np.array(_by_reliability(length)[length - bits :], dtype=np.intp))


def transform(u: Bits) -> Bits:
    """``u`` times the n-th Kronecker power of [[1,0],[1,1]] over GF(2); its own inverse."""
    x = u.copy()
    length = len(x)
    step = 1
    while step < length:
        pairs = x.reshape(-1, 2 * step)
        pairs[:, :step] ^= pairs[:, step:]
        step *= 2
    return x


def crc(bits: Bits, version: int) -> Bits:
    """The low bits of CRC-32 (IEEE) over format version and packed bits, ``uint8 [CRC_BITS]``."""
    value = zlib.crc32(bytes([version]) + np.packbits(bits).tobytes())
    return np.array([(value >> i) & 1 for i in range(CRC_BITS)], dtype=np.uint8)


def encode(payload: Bits, length: int, version: int) -> Bits:
    """Payload bits to a codeword, ``uint8 [length]``; ``length`` is a power of two."""
    u = np.zeros(length, dtype=np.uint8)
    info = information_set(length, len(payload) + CRC_BITS)
    u[info] = np.concatenate([payload, crc(payload, version)])
    return transform(u)


def decode(llr: NDArray[np.float64], payload_bits: int, version: int, paths: int) -> Bits | None:
    """The likeliest of ``paths`` survivors whose CRC holds, or ``None``.

    ``llr`` is ``float64 [length]``. Cost: about 25 ms for length 512 and 16 paths.
    """
    info = information_set(len(llr), payload_bits + CRC_BITS)
    words, metric = _list_decode(llr, info, paths)
    for row in np.argsort(metric, kind="stable"):
        message = words[row, info]
        payload = message[:payload_bits]
        if np.array_equal(message[payload_bits:], crc(payload, version)):
            return payload
    return None


@cache
def _steps(length: int, info: bytes) -> tuple[tuple[int, int, bool], ...]:
    """The leaves in order as (first leaf, depth of the node, is free).

    The largest subtrees without a free leaf are one node: all of it is 0, and what that costs is
    the same at the node as at its leaves, since ``f = sign min`` and ``g = a + b`` keep the sum of
    the negative parts.
    """
    depth = length.bit_length() - 1
    free = np.frombuffer(info, dtype=bool)
    out = []
    i = 0
    while i < length:
        d = depth
        while d > 1:
            size = length >> (d - 1)
            if i % size or free[i : i + size].any():
                break
            d -= 1
        out.append((i, d, bool(free[i])))
        i += length >> d
    return tuple(out)


def _list_decode(
    llr: NDArray[np.float64], info: NDArray[np.intp], paths: int
) -> tuple[Bits, NDArray[np.float64]]:
    length = len(llr)
    depth = length.bit_length() - 1
    free = np.zeros(length, dtype=bool)
    free[info] = True
    alpha = [np.zeros((1, length >> d)) for d in range(depth + 1)]
    beta = [np.zeros((1, length >> d), dtype=np.uint8) for d in range(depth + 1)]
    alpha[0][0] = llr
    metric = np.zeros(1)
    words = np.zeros((1, length), dtype=np.uint8)
    for i, end, is_free in _steps(length, free.tobytes()):
        first = 1 if i == 0 else depth - ((i & -i).bit_length() - 1)
        for d in range(first, end + 1):
            half = length >> d
            top, bottom = alpha[d - 1][:, :half], alpha[d - 1][:, half:]
            if (i >> (depth - d)) & 1:
                alpha[d] = bottom + np.where(beta[d], -top, top)
            else:
                alpha[d] = np.copysign(np.minimum(np.abs(top), np.abs(bottom)), top * bottom)
        if is_free:
            leaf = alpha[depth][:, 0]
            both = np.concatenate([metric + np.maximum(-leaf, 0), metric + np.maximum(leaf, 0)])
            keep = np.arange(len(both))
            if len(both) > paths:
                keep = np.argpartition(both, paths - 1)[:paths]
            parent, bit = keep % len(metric), (keep // len(metric)).astype(np.uint8)
            metric = both[keep]
            alpha = [level[parent] for level in alpha]
            beta = [level[parent] for level in beta]
            words = words[parent]
            words[:, i] = bit
            done = bit[:, None]
        else:
            metric = metric + np.maximum(-alpha[end], 0).sum(axis=1)
            done = np.zeros((len(metric), length >> end), dtype=np.uint8)
        # the node's place among those of its depth
        d, at = end, i >> (depth - end)
        while d > 0 and at & 1:
            done = np.concatenate([beta[d] ^ done, done], axis=1)
            d -= 1
            at >>= 1
        beta[d] = done
    return words, metric
