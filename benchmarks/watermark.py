"""The watermark against everything that happens to videos, peers beside it.

``python -m benchmarks.watermark FOLDER [--json OUT] [--frames N] [--attacks "a|b"] [--peers]``
marks every video below FOLDER, attacks it and reads it back. Quality is measured before coding.
VMAF needs the static FFmpeg of ``imageio-ffmpeg``, peers need their packages; what is missing is
left out and said. OUT is written after every reading; a run that was stopped goes on from there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

os.environ.setdefault("SVT_LOG", "1")
from benchmarks.watermark_attacks import ATTACKS, Attack, Luma
from benchmarks.watermark_remade import REMADE
from benchmarks.watermark_scenes import SCENES, Scene
from provenance.watermark import DetectorSettings, Embedder, KeyRing
from provenance.watermark.assurance import assure, luma_psnr
from provenance.watermark.detector import detect_luma

Pixels = NDArray[np.uint8]
KEYS = KeyRing.from_secrets(b"benchmark key, 32 bytes of text!")


def load(path: Path, most: int) -> Pixels:
    out = []
    with av.open(str(path)) as box:
        for frame in box.decode(video=0):
            out.append(frame.to_ndarray(format="rgb24"))
            if len(out) == most:
                break
    pixels = np.stack(out)
    return pixels[:, : pixels.shape[1] // 2 * 2, : pixels.shape[2] // 2 * 2]


def ssim(before: Pixels, after: Pixels) -> float:
    """Mean SSIM of luma (Wang 2004, Gaussian window of 11), every eighth frame."""
    values = []
    for one, other in zip(before[::8], after[::8], strict=True):
        a, b = (
            cv2.cvtColor(np.ascontiguousarray(f), cv2.COLOR_RGB2GRAY).astype(np.float64)
            for f in (one, other)
        )
        blur = [cv2.GaussianBlur(v, (11, 11), 1.5) for v in (a, b, a * a, b * b, a * b)]
        ma, mb = blur[0], blur[1]
        va, vb, ab = blur[2] - ma * ma, blur[3] - mb * mb, blur[4] - ma * mb
        c1, c2 = 6.5025, 58.5225
        values.append(
            float(
                np.mean(
                    (2 * ma * mb + c1) * (2 * ab + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))
                )
            )
        )
    return float(np.mean(values))


def vmaf(before: Pixels, after: Pixels) -> float | None:
    """By the static FFmpeg of imageio-ffmpeg; ``None`` when that is not installed."""
    try:
        import imageio_ffmpeg  # type: ignore[import-not-found]
    except ImportError:
        return None
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / "a.mkv", Path(folder) / "b.mkv"]
        for path, pixels in zip(paths, (before, after), strict=True):
            with av.open(str(path), "w") as box:
                stream = box.add_stream(
                    "libx264", rate=Fraction(24), options={"qp": "0", "preset": "ultrafast"}
                )
                stream.height, stream.width = pixels.shape[1:3]
                stream.pix_fmt = "yuv420p"
                for frame in pixels:
                    box.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
                box.mux(stream.encode())
        log = Path(folder) / "vmaf.json"
        subprocess.run(
            [
                imageio_ffmpeg.get_ffmpeg_exe(),
                "-v",
                "error",
                "-i",
                str(paths[1]),
                "-i",
                str(paths[0]),
                "-lavfi",
                f"libvmaf=log_fmt=json:log_path={log}",
                "-f",
                "null",
                "-",
            ],
            check=True,
            capture_output=True,
        )
        return float(json.loads(log.read_text())["pooled_metrics"]["vmaf"]["mean"])


def seeded(scene: Scene, name: str) -> Attack:
    """The scene with a seed of the clip's own, the same in every run."""
    return lambda p: scene(p, zlib.crc32(name.encode() + p[0, ::16, ::16].tobytes()))


EVERY: dict[str, Attack] = {
    **ATTACKS,
    **REMADE,
    **{name: seeded(scene, name) for name, scene in SCENES.items()},
}


def measure(
    path: Path, frames: int, names: list[str], record: dict[str, Any], done: Callable[[], None]
) -> None:
    """One clip: quality, speed and every attack, into ``record``, which may hold some already."""
    attacks = record.setdefault("attacks", {})
    missing = [name for name in names if name not in attacks]
    if not missing:
        return
    clip = load(path, frames)
    height, width = clip.shape[1:3]
    payload = int.from_bytes(np.random.default_rng(len(path.stem)).bytes(8), "big")
    promise = assure(clip, KEYS, payload)
    embedder = Embedder(KEYS, payload, width, height, strength=promise.strength, plan=promise.plan)
    start = time.process_time()
    marked = embedder.embed(clip)
    seconds = time.process_time() - start
    if "psnr" not in record:
        record |= {
            "size": f"{width}x{height}",
            "frames": len(clip),
            "strength": round(promise.strength, 3),
            "promised": promise.readable,
            "aimed": promise.to_json(),
            "psnr": round(luma_psnr(clip, marked), 2),
            "ssim": round(ssim(clip, marked), 4),
            "vmaf": vmaf(clip, marked),
            "embed_fps": round(len(clip) / max(seconds, 1e-3)),
        }
    for name in missing:
        attacked = EVERY[name](marked)
        start = time.process_time()
        found = detect_luma(iter(attacked), KEYS, DetectorSettings())
        attacks[name] = {
            "exact": found.payload == payload,
            "wrong": found.found and found.payload != payload,
            "part": found.geometry is not None and found.geometry.part is not None,
            "log10_p": round(found.log10_p, 1),
            "frames": found.frames_used,
            "seconds": round(time.process_time() - start, 2),
        }
        done()


# ------------------------------------------------------------------------------------- peers
PEER_FRAMES = 8


def peer_marks() -> dict[str, Any]:
    """Name → (bits, embed(frame, bits) -> frame, read(frame, count) -> soft bits).

    The attacks of this protocol hand on luma only, which is fair to marks that lie in luma.
    ``invisible-watermark`` hides in chroma, so it would be judged wrongly and is left out.
    """
    out: dict[str, Any] = {}
    try:
        from blind_watermark.bwm_core import WaterMarkCore  # type: ignore

        def embed_blind(frame: Pixels, bits: NDArray[np.uint8]) -> Pixels:
            core = WaterMarkCore(password_img=1)
            core.read_img_arr(img=np.ascontiguousarray(frame[..., ::-1]))
            core.read_wm(bits.astype(bool))
            return np.clip(np.rint(core.embed()), 0, 255).astype(np.uint8)[..., ::-1]

        def read_blind(frame: Pixels, count: int) -> NDArray[np.float64]:
            core = WaterMarkCore(password_img=1)
            shown = np.ascontiguousarray(frame[..., ::-1])
            return np.asarray(core.extract_with_kmeans(img=shown, wm_shape=(count,)), dtype=float)

        out["blind-watermark"] = (32, embed_blind, read_blind)
    except ImportError:
        pass
    return out


def measure_peer(mark: Any, path: Path, names: list[str]) -> dict[str, Any]:
    """Bit accuracy of the mean over frames; peers need the frame's own size back to read it."""
    count, embed, read = mark
    clip = load(path, PEER_FRAMES)
    bits = np.random.default_rng(1).integers(0, 2, count).astype(np.uint8)
    start = time.process_time()
    marked = np.stack([embed(frame, bits) for frame in clip]).astype(np.uint8)
    record: dict[str, Any] = {
        "clip": path.stem,
        "psnr": round(luma_psnr(clip, marked), 2),
        "embed_ms": round(1000 * (time.process_time() - start) / len(clip)),
        "attacks": {},
    }
    for name in names:
        try:
            attacked: list[Luma] = ATTACKS[name](marked)
            soft = [read(np.stack([y] * 3, axis=-1), count) for y, _ in attacked[:PEER_FRAMES]]
            heard = np.mean(soft, axis=0) > 0.5
            record["attacks"][name] = round(float((heard == bits).mean()), 3)
        except Exception as error:  # noqa: BLE001 - a peer that fails is a result
            record["attacks"][name] = f"failed: {type(error).__name__}"
    return record


def wilson(good: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    if count == 0:
        return 0.0, 1.0
    share, square = good / count, z * z / count
    middle = (share + square / 2) / (1 + square)
    half = z * float(np.sqrt(share * (1 - share) / count + square / (4 * count))) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def table(clips: list[dict[str, Any]], peers: dict[str, list[dict[str, Any]]]) -> str:
    """In Markdown. A clip without an exact payload counts as half its bits: a guess."""
    heads = ["attack", "exact payload", "95 % interval", "in parts", "bits right"]
    heads += ["median log10 p", "most seconds", *(f"{name}: bits" for name in peers)]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name in dict.fromkeys(name for clip in clips for name in clip["attacks"]):
        got = [clip["attacks"][name] for clip in clips if name in clip["attacks"]]
        exact = sum(g["exact"] for g in got)
        low, high = wilson(exact, len(got))
        row = [
            name,
            f"{exact} / {len(got)}",
            f"{low:.2f}-{high:.2f}",
            str(sum(g.get("part", False) for g in got)),
            f"{np.mean([1.0 if g['exact'] else 0.5 for g in got]):.2f}",
            f"{np.median([g['log10_p'] for g in got]):.0f}",
            f"{max(g['seconds'] for g in got):.1f}",
        ]
        for runs in peers.values():
            seen = [r["attacks"].get(name) for r in runs]
            right = [v for v in seen if isinstance(v, float)]
            row.append(f"{np.mean(right):.2f}" if right else "–")
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path, default=Path("out/watermark.json"))
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--attacks", default="|".join(EVERY))
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--clips", type=int, default=10_000)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    asked = args.attacks.split("|")
    if unknown := [name for name in asked if name not in EVERY]:
        parser.error(f"no such attack: {unknown[0]}; there are: {', '.join(EVERY)}")
    kinds = {".mp4", ".mkv", ".webm", ".mov", ".avi"}
    paths = sorted(p for p in args.folder.rglob("*") if p.suffix.lower() in kinds)[: args.clips]
    state: dict[str, Any] = {"clips": [], "peers": {}}
    if args.json.is_file():
        state = json.loads(args.json.read_text())
        if state.get("asked") != args.frames:
            parser.error(f"{args.json} is of another number of frames: remove it or name another")
    state["asked"] = args.frames
    args.json.parent.mkdir(parents=True, exist_ok=True)

    def kept() -> None:
        part = args.json.with_suffix(".part")
        part.write_text(json.dumps(state, indent=1))
        part.replace(args.json)

    have = {clip["clip"]: clip for clip in state["clips"]}
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("readings", total=len(paths) * len(asked))
        for path in paths:
            if path.stem not in have:
                have[path.stem] = {"clip": path.stem}
                state["clips"].append(have[path.stem])
            record = have[path.stem]
            before = sum(name in record.get("attacks", {}) for name in asked)
            bar.update(task, advance=before, description=path.stem)

            def done() -> None:
                kept()
                bar.advance(task)

            measure(path, args.frames, asked, record, done)
    if args.peers:
        for name, mark in peer_marks().items():
            names = [attack for attack in asked if attack in ATTACKS]
            state["peers"][name] = [measure_peer(mark, path, names) for path in paths]
            kept()
    wrong = sum(a["wrong"] for clip in state["clips"] for a in clip["attacks"].values())
    print(table(state["clips"], state["peers"]))
    print(f"wrong payloads: {wrong}")


if __name__ == "__main__":
    main()
