"""Videos that are made from videos: what becomes of the request, without rendering anything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete
from starlette.testclient import TestClient

from guarded_gen.api.links import link_token
from guarded_gen.composition.services import Services
from guarded_gen.server import create_app
from guarded_gen.store.tables.jobs import ApiKey, Job

from .live import settings_for

PROMPT = "a red circle moves over the sea"


class Shop:
    def __init__(self, folder: Path) -> None:
        self.services = Services(settings_for(folder, backend="dit"))
        self.app = create_app(self.services, worker=False)
        self.http = TestClient(self.app)
        for id, tenant in (("video_1", "default"), ("video_2", "default"), ("video_3", "other")):
            self.sell(id, tenant)

    def sell(self, id: str, tenant: str) -> None:
        """A completed video whose file is in the storage."""
        key = f"{id}/clip.mp4"
        file = self.services.settings.home / "clip.mp4"
        file.write_bytes(b"a stand-in for a clip")
        self.app.state.api.jobs.storage.put(key, file)
        request = {
            "prompt": PROMPT, "mode": "text_to_video", "backend": "dit", "width": 128,
            "height": 128, "fps": 12.0, "seconds": 1.0, "seed": 7, "tenant": tenant,
        }  # fmt: skip
        row: dict[str, Any] = {column.name: None for column in Job.__table__.columns}
        row |= {
            "id": id, "tenant": tenant, "kind": "video", "status": "completed", "stage": "done",
            "progress": 100, "priority": 10, "model": "dit", "request": request, "details": {},
            "seconds": 1.0, "decisions": [], "bytes": 1, "fence": 1, "round": 1, "tries": 0,
            "cancel": False, "created_at": 1, "queued_at": 1, "completed_at": 2,
            "assets": {"video": {"key": key, "bytes": 1, "type": "video/mp4", "sha256": ""}},
        }  # fmt: skip
        with self.services.store.write() as session:
            session.add(Job(**row))

    def asked(self, where: str, **fields: Any) -> dict[str, Any]:
        """The request of the job that was taken in."""
        answer = self.http.post(f"/v1/videos/{where}", json={"prompt": PROMPT, **fields})
        assert answer.status_code == 200, answer.text
        with self.services.store.read() as session:
            job = session.get(Job, answer.json()["id"])
        assert job is not None
        return {**job.request, "details": job.details}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = Shop(tmp_path_factory.mktemp("shop"))
    yield made
    made.app.state.api.jobs.close()
    made.services.close()


def test_a_blend_starts_from_two_videos_in_their_order(shop: Shop) -> None:
    videos = [{"id": "video_2"}, {"id": "video_1"}]
    asked = shop.asked("blends", videos=videos, seconds=1)
    assert asked["mode"] == "blend"
    assert [one["source"] for one in asked["references"]] == ["video_2", "video_1"]
    assert (asked["width"], asked["height"], asked["fps"]) == (128, 128, 12.0)
    assert asked["details"]["blended_from"] == ["video_2", "video_1"]


@pytest.mark.parametrize(
    ("direction", "mode"), [(None, "extend"), ("forward", "extend"), ("back", "extend_back")]
)
def test_an_extension_has_a_direction(shop: Shop, direction: str | None, mode: str) -> None:
    way = {} if direction is None else {"direction": direction}
    asked = shop.asked("extensions", video={"id": "video_1"}, seconds=1, **way)
    assert asked["mode"] == mode
    assert [one["source"] for one in asked["references"]] == ["video_1"]


@pytest.mark.parametrize(
    ("videos", "status"),
    [
        ([{"id": "video_1"}], 400),
        ([{"id": "video_1"}] * 3, 400),
        ([{"id": "video_1"}, {"id": "video_3"}], 404),
        ([{"id": "video_1"}, {"id": "video_9"}], 404),
    ],
)
def test_a_blend_needs_two_of_ones_own(
    shop: Shop, videos: list[dict[str, str]], status: int
) -> None:
    body = {"prompt": PROMPT, "videos": videos, "seconds": 1}
    answer = shop.http.post("/v1/videos/blends", json=body)
    assert answer.status_code == status, answer.text
    assert "video" in answer.json()["error"]["message"]


def test_a_link_works_without_a_key_until_it_expires(shop: Shop) -> None:
    _, key = shop.app.state.api.keys.create("default", "ours", ["generate"])
    mine = {"authorization": f"Bearer {key}"}
    try:
        assert shop.http.get("/v1/videos/video_1/content").status_code == 401
        answer = shop.http.post("/v1/videos/video_1/links", json={"expires_in": 60}, headers=mine)
        assert answer.status_code == 200, answer.text
        url = answer.json()["url"]
        assert url.startswith("http://testserver/v1/links/video_1/video/")
        found = shop.http.get(url)
        assert (found.status_code, found.content) == (200, b"a stand-in for a clip")
        part = shop.http.get(url, headers={"range": "bytes=2-9"})
        assert (part.status_code, part.content) == (206, b"stand-in")

        parts = url.split("/")
        others = ("video_2", "thumbnail", "9999999999", "0" * 32)
        for at, other in (*zip(range(-4, 0), others, strict=True), (-1, "ä" * 32)):
            changed = [*parts]
            changed[at] = other
            assert shop.http.get("/".join(changed)).status_code == 404

        theirs = shop.http.post("/v1/videos/video_3/links", json={}, headers=mine)
        assert theirs.status_code == 404
        none = shop.http.post(
            "/v1/videos/video_1/links", json={"variant": "thumbnail"}, headers=mine
        )
        assert none.status_code == 404
        past = int(time.time()) - 5
        token = link_token(shop.app.state.api.appeal_key, "video_1", "video", past)
        gone = shop.http.get(f"/v1/links/video_1/video/{past}/{token}")
        assert (gone.status_code, gone.json()["error"]["code"]) == (410, "link_expired")
    finally:
        with shop.services.store.write() as session:
            session.execute(delete(ApiKey))
        shop.app.state.api.keys._any = None
