"""Links that lead on to the object store, by addresses that the store itself signs."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

from guarded_gen.api.links import STORE_LINK_S, link_token
from guarded_gen.store.objects import Storage
from tests import buckets, waiting
from tests.waiting import until

from .live import serving, settings_for

FIELDS = {"prompt": "a red ball rolls over green grass", "size": "128x128", "seconds": 1}


def test_a_link_leads_to_the_store_while_the_video_lives(tmp_path: Path) -> None:
    with buckets.running() as bucket:
        settings = settings_for(tmp_path / "home", **bucket)
        api = settings.api.model_copy(update={"links_to_store": True})
        with serving(settings.model_copy(update={"api": api})) as (url, app):
            id = waiting.post(f"{url}/v1/videos", json=FIELDS).json()["id"]
            video = f"{url}/v1/videos/{id}"
            until(lambda: waiting.get(video).json()["status"] == "completed", "the clip")
            made = waiting.post(f"{video}/links", json={"expires_in": 3600}).json()

            led = waiting.get(made["url"])
            assert (led.status_code, led.headers["cache-control"]) == (307, "no-store")
            store = led.headers["location"]
            endpoint = bucket["storage_options"]["client_kwargs"]["endpoint_url"]
            assert store.startswith(f"{endpoint}/clips/")
            signed = parse_qs(urlsplit(store).query)
            assert 0 < int(signed["X-Amz-Expires"][0]) <= STORE_LINK_S
            clip = httpx.get(store, timeout=waiting.PATIENCE_S)
            assert clip.content == waiting.get(f"{video}/content").content
            assert clip.headers["content-type"] == "video/mp4"
            assert clip.headers["content-disposition"] == f'attachment; filename="{id}.mp4"'
            head = waiting.request("HEAD", made["url"])
            assert (head.status_code, head.headers["content-length"]) == (
                200, str(len(clip.content)),
            )  # fmt: skip

            past = int(time.time()) - 1
            token = link_token(app.state.api.appeal_key, id, "video", past)
            expired = waiting.get(f"{url}/v1/links/{id}/video/{past}/{token}")
            assert (expired.status_code, expired.json()["code"]) == (410, "link_expired")

            assert waiting.delete(video).status_code == 200
            assert waiting.get(made["url"]).status_code == 404
            assert httpx.get(store, timeout=waiting.PATIENCE_S).status_code in (403, 404)


def test_a_local_folder_signs_nothing(tmp_path: Path) -> None:
    assert Storage(str(tmp_path)).signed_url("clips/a.mp4", 60, "a.mp4", "video/mp4") is None
