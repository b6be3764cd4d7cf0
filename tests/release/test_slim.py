"""A small install: what an extra does not bring is refused here, in the children too."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import generator
from generator import GenerationSpec
from guarded_gen.errors import PackageMissing, describe, extra_of
from media.encode import encode
from provenance import ManifestRequest, TrustList, ensure_development_chain
from provenance.signer import sign_file

ROOT = Path(__file__).parents[2]
ROOMS = ("guarded_gen", "classifiers", "generator", "provenance", "policies", "media")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FINDER = """\
import sys

NAMES = frozenset({names!r})


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in NAMES:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Absent())
"""


def named(extra: str) -> set[str]:
    """The distributions that the base (no name) or an extra asks for."""
    lines = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    found: set[str] = set()
    for requirement in map(Requirement, lines):
        if requirement.name == PROJECT["name"]:
            found = found.union(*map(named, requirement.extras))
        else:
            found.add(canonicalize_name(requirement.name))
    return found


def closure(*extras: str) -> set[str]:
    """What an install with these extras has, by the metadata of what is installed here."""
    todo = [(name, "") for name in named("").union(*map(named, extras))]
    found: set[tuple[str, str]] = set()
    while todo:
        name, extra = todo.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        for requirement in map(Requirement, metadata.requires(name) or ()):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                wanted = canonicalize_name(requirement.name)
                todo += [(wanted, ""), *((wanted, other) for other in requirement.extras)]
    return {name for name, _ in found}


def absent(*extras: str) -> list[str]:
    """The modules of every other distribution that is installed here."""
    kept = closure(*extras) | {canonicalize_name(PROJECT["name"]), "setuptools"}
    return sorted(
        module
        for module, owners in metadata.packages_distributions().items()
        if not kept & {canonicalize_name(owner) for owner in owners}
    )


class Slim:
    """The command line with nothing but the base and some extras."""

    def __init__(self, folder: Path, *extras: str) -> None:
        self.home = folder / "home"
        (folder / "sitecustomize.py").write_text(FINDER.format(names=absent(*extras)))
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("GUARDED_GEN_")},
            "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT))),
            "GUARDED_GEN_HOME": str(self.home),
        }

    def run(self, *words: str, code: int | None = 0) -> dict[str, object]:
        program = [sys.executable, "-m", "guarded_gen.cli", *words, "--json"]
        done = subprocess.run(
            program, env=self.environment, capture_output=True, text=True, cwd=self.home.parent
        )
        assert code is None or done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slim") / "clip.mp4"
    spec = GenerationSpec("a red circle", 1.0, 128, 96, Fraction(12))
    frames = generator.create("world").generate(spec, lambda step: None, lambda: False)
    encode(path, frames, spec.fps)
    return path


def test_every_library_that_is_imported_is_asked_for() -> None:
    """By the base or by an extra, so that nothing is there only because something else needs it."""
    optional = PROJECT["optional-dependencies"]
    extras = set(optional) - {"test", "docs", "release"}
    asked = named("").union(*map(named, extras))
    owners = metadata.packages_distributions()
    brought = {
        "anyio": "httpx", "click": "typer", "httpcore": "httpx", "huggingface_hub": "transformers",
        "joblib": "scikit-learn", "markupsafe": "jinja2", "pydantic_core": "pydantic",
        "requests": "c2pa-python", "starlette": "fastapi",
    }  # fmt: skip
    found = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                    found.add(node.module.partition(".")[0])
    foreign = found - set(sys.stdlib_module_names) - set(ROOMS)
    foreign -= {"opentelemetry"}  # a name that several distributions share; api and sdk are asked
    unasked = {
        name
        for name in foreign
        if brought.get(name) not in asked
        and not {canonicalize_name(owner) for owner in owners.get(name, ())} & asked
    }
    assert unasked <= OWN_REMEDY


OWN_REMEDY = {"datasets"}
"""Of training alone, where the message names the library itself."""


def test_the_base_verifies(tmp_path: Path, video: Path) -> None:
    """Credentials without torch, OpenCV, SciPy and all; marks are told as not looked for."""
    identity = ensure_development_chain(tmp_path / "keys")
    trust = TrustList.of(identity)
    request = ManifestRequest(
        title="clip.mp4", backend="world", backend_version="1",
        attestation={"policy_digest": "ab" * 32, "checks": []},
    )  # fmt: skip
    file = sign_file(video, tmp_path / "signed.mp4", request, identity, trust).path
    assert {"torch", "cv2", "scipy", "av", "PIL", "onnxruntime", "fastapi", "dbos"} <= set(absent())
    answer = Slim(tmp_path).run("verify", str(file), "--deep")
    assert answer["verdict"] == "valid_untrusted"
    evidence = {one["kind"]: one for one in answer["report"]["evidence"]}
    assert evidence["credentials"]["state"] == "found"
    for kind in ("watermark", "fingerprint", "container_metadata"):
        assert evidence[kind]["state"] == "not_checked"
        assert "guarded-gen[verify]" in evidence[kind]["sentence"]


@pytest.mark.parametrize(
    ("extras", "words", "extra"),
    [
        ((), ("moderate", "a dog"), "serve"),
        ((), ("watermark", "detect", "{video}"), "verify"),
        ((), ("scan", "{video}"), "verify"),
        ((), ("policy", "check", str(ROOT / "policies/library/default.yaml")), "serve"),
        (("serve",), ("generate", "a dog", "-o", "clip.mp4"), "dit"),
    ],
)
def test_what_is_missing_is_told_with_its_extra(
    tmp_path: Path, video: Path, extras: tuple[str, ...], words: tuple[str, ...], extra: str
) -> None:
    filled = [word.format(video=video) for word in words]
    code = 2 if words[0] == "generate" else 1
    error = Slim(tmp_path, *extras).run(*filled, code=code)["error"]
    assert error["code"] == "runtime_missing"
    assert error["remedy"] == f"pip install 'guarded-gen[{extra}]'"
    assert not (tmp_path / "clip.mp4").exists()


def test_every_extra_is_found_by_its_libraries() -> None:
    for module, extra in (
        ("torch.nn", "dit"), ("cv2", "verify"), ("scipy.fft", "verify"), ("psycopg", "postgres"),
        ("cel_expr_python", "serve"), ("s3fs", "s3"), ("diffusers", "diffusers"), ("numpy", ""),
        ("nobody_has_this", ""),
    ):  # fmt: skip
        assert extra_of(module) == extra
    told = describe(ModuleNotFoundError("No module named 'torch'", name="torch"))
    assert (told.code, told.exit_code) == (PackageMissing.code, 1)
    # a module of ours that is not there is a mistake of ours
    assert describe(ModuleNotFoundError(name="policies.nowhere")).code == "internal_error"


class _Model(BaseHTTPRequestHandler):
    """The least ``/v1/videos`` server: every job is done and gives the same file."""

    video: bytes

    def log_message(self, *_: object) -> None: ...

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._send(b'{"id": "video_1", "status": "queued"}')

    def do_GET(self) -> None:
        done = b'{"id": "video_1", "status": "completed", "progress": 100}'
        self._send(self.video if self.path.endswith("/content") else done)


@pytest.fixture
def model(video: Path) -> Iterator[str]:
    handler = type("Model", (_Model,), {"video": video.read_bytes()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


DOOR = """
import sys
from fastapi.testclient import TestClient
from guarded_gen.composition.services import Services
from guarded_gen.server import create_app
from guarded_gen.settings import load

services = Services(load())
with TestClient(create_app(services), client=("127.0.0.1", 5000)) as door:
    assert door.get("/healthz").status_code == 200
    judged = door.post("/v1/moderations", json={"input": "a dog runs on a beach"})
    assert judged.status_code == 200, judged.text
    listed = {one["id"]: one for one in door.get("/v1/models").json()["data"]}
    assert listed["remote"]["default"], listed
    assert listed["world"]["reason"] == listed["diffusers"]["reason"] == "runtime_missing"
assert "torch" not in sys.modules
"""


def test_a_door_with_a_remote_model_needs_no_torch(tmp_path: Path, model: str) -> None:
    slim = Slim(tmp_path, "serve")
    slim.home.mkdir(mode=0o700)
    slim.environment |= {
        "GUARDED_GEN_BACKEND": "remote",
        "GUARDED_GEN_BACKENDS": json.dumps({"remote": {"base_url": model, "poll_seconds": 0.05}}),
    }
    done = subprocess.run(
        [sys.executable, "-c", DOOR],
        env=slim.environment, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # the whole line: the clip of another size is scaled, checked, marked, signed; held or published
    words = ("a dog runs on a beach", "-o", "clip.mp4", "--size", "160x128", "--seconds", "1")
    answer = slim.run("generate", *words, code=None)
    assert answer["state"] in ("published", "held_for_review"), answer


def test_the_words_for_help_load_no_library(tmp_path: Path) -> None:
    program = "import sys; import guarded_gen.server; print(*sorted(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    tops = {name.partition(".")[0] for name in done.stdout.split()}
    heavy = {"numpy", "pydantic", "sqlalchemy", "av", "cv2", "torch", "fastapi", "cryptography"}
    assert not tops & heavy


def test_readme_and_pages_name_extras_that_exist() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for path in [*pages, *(p for room in ROOMS for p in (ROOT / room).rglob("*.py"))]:
        for inside in re.findall(r"guarded-gen\[([\w,-]+)\]", path.read_text()):
            unknown = set(inside.split(",")) - set(PROJECT["optional-dependencies"])
            assert not unknown, f"{path}: {unknown}"
