"""Byte for byte: values that stand in the C2SP specifications or follow from their definitions."""

from __future__ import annotations

import base64
import itertools
from types import ModuleType

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from guarded_gen.audit.errors import BadNote, BadProof
from guarded_gen.audit.merkle import TILE_WIDTH, Tree, leaf_hash, root_of, split_edge
from guarded_gen.audit.note import (
    COSIGNATURE,
    Checkpoint,
    Note,
    Signer,
    Verifier,
    open_note,
    parse_note,
    signed,
)
from guarded_gen.audit.proof import Prover, TlogProof, verify_consistency, verify_inclusion
from guarded_gen.audit.tiles import TilePath, index_path, split_bundle
from guarded_gen.errors import InvalidInput

LEAVES = [leaf_hash(n.to_bytes(4, "big")) for n in range(70_000)]
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def tiles_of(leaves: list[bytes]) -> tuple[Tree, dict[tuple[int, int], bytes]]:
    tree = Tree()
    tree.extend(leaves)
    tiles = {(level, n): hashes for level, n, hashes in tree.drain()}
    for level, tile in enumerate(split_edge(tree.size, tree.edge())):
        if tile:
            tiles[level, (tree.size >> (8 * level)) // TILE_WIDTH] = tile
    return tree, tiles


def test_the_known_roots_of_rfc_6962() -> None:
    # The test vectors that certificate-transparency implementations share.
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657",
              "606162636465666768696a6b6c6d6e6f"]  # fmt: skip
    roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]
    leaves = [leaf_hash(bytes.fromhex(data)) for data in inputs]
    for size, root in enumerate(roots, 1):
        assert root_of(leaves[:size]).hex() == root
    assert root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_tree_of_70000_has_the_tiles_that_the_specification_counts() -> None:
    _, tiles = tiles_of(LEAVES)
    widths = {key: len(tile) // 32 for key, tile in tiles.items()}
    assert sum(1 for (level, _), w in widths.items() if level == 0 and w == 256) == 273
    assert widths[0, 273] == 112
    assert (widths[1, 0], widths[1, 1], widths[2, 0]) == (256, 17, 1)
    _, small = tiles_of(LEAVES[:256])
    assert {key: len(tile) // 32 for key, tile in small.items()} == {(0, 0): 256, (1, 0): 1}


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 700), min_size=1, max_size=5))
def test_growing_in_any_steps_gives_the_same_tree(stranger: ModuleType, steps: list[int]) -> None:
    tree = Tree()
    full = []
    for step in steps:
        tree.extend(LEAVES[tree.size : tree.size + step])
        full += tree.drain()
        tree = Tree.load(tree.size, tree.edge())
    assert tree.root() == stranger.mth(LEAVES[: tree.size])
    whole, _ = tiles_of(LEAVES[: tree.size])
    assert whole.edge() == tree.edge()
    assert sum(1 for level, _, _ in full if level == 0) == tree.size // 256


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_proofs_are_those_of_rfc_6962(stranger: ModuleType, data: st.DataObject) -> None:
    size = data.draw(st.one_of(st.integers(1, 300), st.integers(500, 1100)))
    leaves = LEAVES[:size]
    _, tiles = tiles_of(leaves)
    prover = Prover(lambda level, n: tiles[level, n])
    root = stranger.mth(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = prover.inclusion(index, size)
    assert path == stranger.path(index, leaves)
    verify_inclusion(leaves[index], index, size, path, root)
    assert stranger.root_from_path(leaves[index], index, size, path) == root
    old = data.draw(st.integers(1, size))
    proof = prover.consistency(old, size)
    assert proof == stranger.subproof(old, leaves, True)
    verify_consistency(old, size, stranger.mth(leaves[:old]), root, proof)
    assert prover.root(old) == stranger.mth(leaves[:old])


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_altered_proofs_are_refused(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 600))
    _, tiles = tiles_of(LEAVES[:size])
    prover = Prover(lambda level, n: tiles[level, n])
    root = prover.root(size)
    index = data.draw(st.integers(0, size - 1))
    path = prover.inclusion(index, size)
    other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index))
    bad = list(path)
    at = data.draw(st.integers(0, len(path) - 1))
    bad[at] = bytes([bad[at][0] ^ 1]) + bad[at][1:]
    for leaf, i, n, p in (
        (LEAVES[other], index, size, path),
        (LEAVES[index], other, size, path),
        (LEAVES[index], index, size, bad),
        (LEAVES[index], index, size, path[:-1]),
        (LEAVES[index], index, size, [*path, path[0]]),
    ):
        with pytest.raises(BadProof):
            verify_inclusion(leaf, i, n, p, root)
    old = data.draw(st.integers(1, size - 1))
    proof, old_root = prover.consistency(old, size), prover.root(old)
    forged = bytes([old_root[0] ^ 1]) + old_root[1:]
    for first, second, p in (
        (forged, root, proof),
        (old_root, forged, proof),
        (old_root, root, proof[:-1]),
        (old_root, root, [*proof, root]),
    ):
        with pytest.raises(BadProof):
            verify_consistency(old, size, first, second, p)


def test_tile_paths() -> None:
    assert index_path(1_234_067) == "x001/x234/067"
    assert str(TilePath(0, 273, 112)) == "tile/0/273.p/112"
    assert str(TilePath(None, 1000)) == "tile/entries/x001/000"


@given(st.one_of(st.none(), st.integers(0, 63)), st.integers(0, 10**15), st.integers(1, 256))
def test_tile_paths_read_back(level: int | None, n: int, width: int) -> None:
    tile = TilePath(level, n, width)
    assert TilePath.parse(str(tile)) == tile


@given(st.text(alphabet="tile/entriesx0123456789.p", max_size=30))
def test_only_canonical_paths_are_read(text: str) -> None:
    try:
        tile = TilePath.parse(text)
    except InvalidInput:
        return
    assert str(tile) == text


# The example checkpoint of tlog-checkpoint and tlog-cosignature.
EXAMPLE = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5"
    "/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJs"
    "X3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)


def test_the_specifications_example_reads_back_byte_for_byte() -> None:
    note = parse_note(EXAMPLE)
    head = Checkpoint.parse(note.text)
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert head.text() == note.text
    assert note.encode() == EXAMPLE
    assert len(note.signatures[0].blob) == 64
    assert len(note.signatures[1].blob) == 72
    assert int.from_bytes(note.signatures[1].blob[:8], "big") == 1_679_315_147


def test_a_known_verifier_key_of_the_world_reads_back() -> None:
    # The public key of Go's checksum database.
    vkey = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    assert Verifier.parse(vkey).vkey == vkey


@pytest.mark.parametrize("kind", [0x01, COSIGNATURE])
def test_both_kinds_of_signatures_convince_a_stranger(stranger: ModuleType, kind: int) -> None:
    signer = Signer("example.com/k", KEY, kind)
    text = Checkpoint("example.com/log", 7, bytes(32)).text()
    line = signer.sign(text) if kind == 0x01 else signer.cosign(text, 1_700_000_000)
    note = signed(text, [line])
    assert stranger.open_note(note.encode(), [signer.verifier.vkey]) == (text, ["example.com/k"])
    assert open_note(note, [signer.verifier])[0].text == text
    with pytest.raises(BadNote):
        open_note(note.replace("\n7\n", "\n8\n"), [signer.verifier])


def test_unknown_signatures_are_ignored_and_alone_do_not_suffice() -> None:
    ours, other = Signer("example.com/a", KEY), Signer("example.com/b", KEY)
    text = Checkpoint("example.com/a", 1, bytes(32)).text()
    both = signed(text, [other.sign(text), ours.sign(text)])
    assert open_note(both, [ours.verifier])[1] == [ours.verifier]
    with pytest.raises(BadNote, match="no known key"):
        open_note(signed(text, [other.sign(text)]), [ours.verifier])


GOOD = signed("a\n1\nb\n", [Signer("k", KEY).sign("a\n1\nb\n")])


@pytest.mark.parametrize(
    "bad",
    [
        "", "text\n", "text\n\n", GOOD[:-1], GOOD.replace("— ", "- "), GOOD.replace("a\n", "a\t\n"),
        GOOD.replace("— k ", "— k+ "), GOOD.replace("— k ", "— k  "), GOOD + "\n",
        GOOD.encode() + b"\xff\n", "a\n\n— k AAAA\n", GOOD[:-3] + "\n",
    ],
)  # fmt: skip
def test_malformed_notes_are_refused(bad: str | bytes) -> None:
    with pytest.raises(BadNote):
        parse_note(bad)


@pytest.mark.parametrize("size", ["01", "-1", "+1", "", "1 ", "0x1", "9" * 20])
def test_malformed_checkpoints_are_refused(size: str) -> None:
    with pytest.raises(BadNote):
        Checkpoint.parse(f"origin\n{size}\n{base64.b64encode(bytes(32)).decode()}\n")


def test_a_proof_reads_back_and_malformed_ones_are_refused() -> None:
    signer = Signer("example.com/log", KEY)
    text = Checkpoint("example.com/log", 1, leaf_hash(b"x")).text()
    note = signed(text, [signer.sign(text)])
    proof = TlogProof(0, (), note, b"x")
    assert TlogProof.parse(proof.encode()) == proof
    proof.verify(b"x", signer.verifier)
    with pytest.raises(BadProof):
        proof.verify(b"y", signer.verifier)
    with pytest.raises(BadProof):
        proof.verify(b"x", Signer("example.com/other", KEY).verifier)
    good = proof.encode()
    for bad in (
        good.replace("@v1", "@v2"),
        good.replace("index 0", "index 00"),
        good.replace("index 0\n", "index 0\nAAAA\n"),
        good.replace("index 0", "index x"),
        good.replace("extra ", "extra %"),
        good.partition("\n\n")[0],
    ):
        with pytest.raises(BadProof):
            TlogProof.parse(bad)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_read_back(entries: list[bytes]) -> None:
    data = b"".join(len(e).to_bytes(2, "big") + e for e in entries)
    assert split_bundle(data) == entries
    if data:
        with pytest.raises(InvalidInput):
            split_bundle(data[:-1] if entries[-1] else data + b"\x00")


def test_a_cosignature_commits_to_its_time() -> None:
    signer = Signer("example.com/w", KEY, COSIGNATURE)
    text = Checkpoint("example.com/log", 7, bytes(32)).text()
    line = signer.cosign(text, 1_700_000_000)
    later = type(line)(line.name, line.key_id, (1_700_000_001).to_bytes(8, "big") + line.blob[8:])
    assert signer.verifier.check(text, line)
    assert not signer.verifier.check(text, later)
    assert Note(text, (line,)).signatures[0].blob[:8] == (1_700_000_000).to_bytes(8, "big")


def test_every_split_of_a_small_tree(stranger: ModuleType) -> None:
    for size in range(1, 34):
        _, tiles = tiles_of(LEAVES[:size])
        prover = Prover(lambda level, n, tiles=tiles: tiles[level, n])
        root = prover.root(size)
        for index, old in itertools.product(range(size), range(1, size + 1)):
            verify_inclusion(LEAVES[index], index, size, prover.inclusion(index, size), root)
            verify_consistency(
                old, size, stranger.mth(LEAVES[:old]), root, prover.consistency(old, size)
            )
