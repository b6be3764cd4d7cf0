"""Requests that work, by operation: shown in the contract, and sent by a test."""

from __future__ import annotations

from typing import Any

EXAMPLES: dict[str, dict[str, Any]] = {
    "create_video": {
        "prompt": "a red ball rolls over green grass",
        "seconds": "1",
        "size": "128x128",
        "safety_identifier": "user-4711",
        "metadata": {"order": "2026-0815"},
    },
    "edit_video": {"prompt": "make the ball blue", "video[id]": "video_0f1e2d"},
    "extend_video": {
        "prompt": "the ball goes on rolling",
        "seconds": 1,
        "video[id]": "video_0f1e2d",
    },
    "blend_videos": {
        "prompt": "the ball rolls into the sea",
        "seconds": 1,
        "videos": [{"id": "video_0f1e2d"}, {"id": "video_3c4b5a"}],
    },
    "link_video": {"variant": "video", "expires_in": 3600},
    "remix_video": {"prompt": "a blue ball rolls over green grass"},
    "generate_image": {
        "prompt": "a red ball lies on green grass",
        "size": "128x128",
        "response_format": "b64_json",
    },
    "moderate": {"input": ["a boat on the sea", "a quiet street at night"]},
    "create_batch": {
        "input_file_id": "file_0f1e2d",
        "endpoint": "/v1/videos",
        "completion_window": "24h",
    },
    "create_endpoint": {
        "name": "production",
        "url": "https://example.com/hooks",
        "event_types": ["video.completed", "video.failed"],
    },
    "update_endpoint": {"event_types": ["video.completed"]},
    "rotate_secret": {"keep_old_secret_active_for_24_hours": True},
    "test_endpoint": {"event_type": "video.completed"},
    "create_appeal": {"decision_id": "dec_0f1e2d", "reason": "this is a scene of a film"},
    "decide_case": {"action": "allow", "reason": "context_changes_meaning", "note": "a film"},
    "replay_policy": {
        "policy": 'policy: stricter\nversion: "1"\nextends: default\ntighten: {}\n',
    },
    "create_key": {"name": "production", "scopes": ["generate"], "expires_in_days": 90},
}
