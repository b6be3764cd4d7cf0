"""The contract of answers: one named schema for each object that clients get.

A schema stands once, in :data:`NAMED`, and is referred to by its name everywhere else. Objects may
grow: clients must take fields that they do not know.
"""

from __future__ import annotations

from typing import Any

from guarded_gen.jobs.webhooks import EVENT_TYPES

Schema = dict[str, Any]
NAMED: dict[str, Schema] = {}
"""Every schema of an answer, by its name in ``components.schemas``."""


def reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _named(name: str, about: str, required: str = "", /, **properties: Schema) -> Schema:
    """Put an object into the contract; ``required`` names the fields that are always there."""
    schema: Schema = {"type": "object", "description": about, "properties": properties}
    names = required.split()
    if names:
        schema["required"] = names
    NAMED[name] = schema
    return reference(name)


def _maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _many(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _map(value: Schema) -> Schema:
    return {"type": "object", "additionalProperties": value}


def _one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def _page(name: str, item: Schema) -> Schema:
    return _named(
        name,
        "A page of a list. Go on with `after` = `last_id` while `has_more`.",
        "object data has_more",
        object=_one_of("list"),
        data=_many(item),
        first_id=_maybe(TEXT),
        last_id=_maybe(TEXT),
        has_more=TRUTH,
    )


TEXT: Schema = {"type": "string"}
INT: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
TRUTH: Schema = {"type": "boolean"}
ANY: Schema = {"type": "object", "additionalProperties": True}
TIME: Schema = {"type": "integer", "description": "Seconds since 1970."}
BYTES = "application/octet-stream"
BINARY: Schema = {"type": "string", "format": "binary"}

PROBLEM = _named(
    "Problem",
    "Why a request was not served: RFC 9457 problem details, with the error object of the SDKs.",
    "type title status detail instance code error",
    type=TEXT,
    title=TEXT,
    status=INT,
    detail=TEXT,
    instance=TEXT,
    code=TEXT,
    remedy=TEXT,
    error=_named(
        "ProblemError",
        "The same for SDKs. A refusal names its decision, the reason and where to appeal.",
        "message type code",
        message=TEXT,
        type=TEXT,
        code=TEXT,
        param=_maybe(TEXT),
        remedy=TEXT,
        reason_code=TEXT,
        decision_id=TEXT,
        appeal_url=TEXT,
        rewrite=_named(
            "Rewrite",
            "A wording that would pass; send it with `rewrite_of` to confirm it.",
            "prompt removed rewrite_of",
            prompt=TEXT,
            removed=_many(TEXT),
            rewrite_of=TEXT,
        ),
        image_id=TEXT,
    ),
)
DECISION = _named(
    "Decision",
    "One recorded decision on a clip.",
    "id stage action",
    id=TEXT,
    stage=TEXT,
    action=TEXT,
    rule_id=_maybe(TEXT),
    reason=_maybe(TEXT),
)
VIDEO = _named(
    "Video",
    "A clip and how far it is. `seconds` is text, as in the SDKs.",
    "id object status model progress prompt seconds size created_at moderation",
    id=TEXT,
    object=_one_of("video"),
    status=_one_of("queued", "in_progress", "completed", "failed"),
    model=TEXT,
    progress={"type": "integer", "minimum": 0, "maximum": 100},
    prompt=TEXT,
    seconds=TEXT,
    size=TEXT,
    created_at=TIME,
    completed_at=_maybe(TIME),
    expires_at=_maybe(TIME),
    remixed_from_video_id=_maybe(TEXT),
    error=_maybe(
        _named(
            "VideoError",
            "Why there is no clip.",
            "code message",
            code=TEXT,
            message=TEXT,
            decision_id=TEXT,
            reason_code=_maybe(TEXT),
        )
    ),
    fps=NUMBER,
    seed=INT,
    metadata=_maybe(_map(TEXT)),
    moderation=_named(
        "VideoModeration",
        "What the gates said so far.",
        "state decisions decision_ids reason_codes",
        state=_one_of(
            "allowed_so_far", "allowed", "blocked", "pending_review", "approved", "rejected"
        ),
        decisions=_many(DECISION),
        decision_ids=_many(TEXT),
        reason_codes=_many(TEXT),
        appeal_url=_maybe(TEXT),
    ),
    provenance=_maybe(
        _named(
            "VideoProvenance",
            "How the published file can be recognised.",
            "manifest sha256",
            manifest=TEXT,
            sha256=TEXT,
            log_entry=_maybe(TEXT),
        )
    ),
)
VIDEO_PAGE = _page("VideoList", VIDEO)
VIDEO_LINK = _named(
    "VideoLink",
    "An address of a file that works without a key until it expires.",
    "object url expires_at",
    object=_one_of("video.link"),
    url=TEXT,
    expires_at=TIME,
)
VIDEO_DELETED = _named(
    "VideoDeleted",
    "The video is gone.",
    "id object deleted",
    id=TEXT,
    object=_one_of("video.deleted"),
    deleted=TRUTH,
)
DELETED = _named(
    "Deleted",
    "The object is gone; `object` says what it was.",
    "id object deleted",
    id=TEXT,
    object=TEXT,
    deleted=TRUTH,
)
IMAGES = _named(
    "Images",
    "Signed pictures.",
    "created data",
    created=TIME,
    output_format=TEXT,
    size=TEXT,
    data=_many(
        _named(
            "Image",
            "One picture: its bytes in base64, or where they are.",
            "id",
            id=TEXT,
            b64_json=TEXT,
            url=TEXT,
            provenance=_maybe(reference("VideoProvenance")),
        )
    ),
)
MODERATION = _named(
    "Moderation",
    "Judgements, one for each text, or one over all parts together.",
    "id model results",
    id=TEXT,
    model=TEXT,
    results=_many(
        _named(
            "ModerationResult",
            "What the policy would do, and the scores behind it.",
            "flagged categories category_scores category_applied_input_types action not_assessed",
            flagged=TRUTH,
            categories=_map(TRUTH),
            category_scores=_map(NUMBER),
            category_applied_input_types=_map(_many(TEXT)),
            unsafe=_maybe(NUMBER),
            action=_one_of("allow", "review", "block"),
            rule_id=_maybe(TEXT),
            reason_code=_maybe(TEXT),
            policy_digest=_maybe(TEXT),
            not_assessed=_many(TEXT),
            checks=_many(ANY),
        )
    ),
)
PROVENANCE = _named(
    "ProvenanceCheck",
    "What was found in a file about where it comes from.",
    "object created_at results report",
    object=_one_of("content_provenance_check"),
    created_at=TIME,
    results=_many(
        _named("ProvenanceResult", "One kind of evidence.", "type outcome", type=TEXT, outcome=TEXT)
    ),
    report=ANY,
)
_KEY_FIELDS: dict[str, Schema] = {
    "id": TEXT,
    "object": _one_of("api_key"),
    "name": TEXT,
    "tenant": TEXT,
    "scopes": _many(TEXT),
    "created_at": TIME,
    "last_used_at": _maybe(TIME),
    "expires_at": _maybe(TIME),
    "revoked_at": _maybe(TIME),
    "replaced_by": _maybe(TEXT),
}
_KEY_ALWAYS = "id object name tenant scopes created_at"
API_KEY = _named("ApiKey", "A key, without its secret.", _KEY_ALWAYS, **_KEY_FIELDS)
API_KEY_CREATED = _named(
    "ApiKeyCreated",
    "A new key. `key` is shown now and never again.",
    _KEY_ALWAYS + " key",
    **_KEY_FIELDS,
    key=TEXT,
)
API_KEY_PAGE = _page("ApiKeyList", API_KEY)
FILE = _named(
    "File",
    "An uploaded file.",
    "id object bytes created_at filename purpose status",
    id=TEXT,
    object=_one_of("file"),
    bytes=INT,
    created_at=TIME,
    expires_at=_maybe(TIME),
    filename=TEXT,
    purpose=TEXT,
    status=TEXT,
)
FILE_PAGE = _page("FileList", FILE)
BATCH = _named(
    "Batch",
    "Many videos asked for in one file.",
    "id object endpoint status input_file_id completion_window request_counts created_at",
    id=TEXT,
    object=_one_of("batch"),
    endpoint=TEXT,
    status=TEXT,
    input_file_id=TEXT,
    output_file_id=_maybe(TEXT),
    error_file_id=_maybe(TEXT),
    completion_window=_one_of("24h"),
    errors=_maybe(ANY),
    request_counts=_named(
        "BatchCounts", "", "total completed failed", total=INT, completed=INT, failed=INT
    ),
    metadata=_maybe(_map(TEXT)),
    created_at=TIME,
    in_progress_at=_maybe(TIME),
    finalizing_at=_maybe(TIME),
    completed_at=_maybe(TIME),
    failed_at=_maybe(TIME),
    cancelling_at=_maybe(TIME),
    cancelled_at=_maybe(TIME),
    expires_at=_maybe(TIME),
)
BATCH_PAGE = _page("BatchList", BATCH)
CHARACTER = _named(
    "Character",
    "A likeness. `usable` once its person agreed.",
    "id object name created_at usable",
    id=TEXT,
    object=_one_of("character"),
    name=TEXT,
    created_at=TIME,
    consent_id=_maybe(TEXT),
    usable=TRUTH,
)
CONSENT = _named(
    "Consent",
    "A person's consent.",
    "id object subject scopes created_at valid_until state",
    id=TEXT,
    object=_one_of("consent"),
    subject=TEXT,
    scopes=_many(TEXT),
    evidence_sha256=_maybe(TEXT),
    created_at=TIME,
    valid_until=TIME,
    revoked_at=_maybe(TIME),
    state=TEXT,
)
CONSENT_PAGE = _page("ConsentList", CONSENT)
_ENDPOINT_FIELDS: dict[str, Schema] = {
    "id": TEXT,
    "object": _one_of("webhook_endpoint"),
    "name": TEXT,
    "url": TEXT,
    "event_types": _many(TEXT),
    "created_at": TIME,
    "updated_at": TIME,
    "signing_secret_hint": TEXT,
}
_ENDPOINT_ALWAYS = "id object name url event_types created_at updated_at signing_secret_hint"
ENDPOINT = _named(
    "WebhookEndpoint",
    "Where events are sent.",
    _ENDPOINT_ALWAYS,
    **_ENDPOINT_FIELDS,
    dead_letters=_many(
        _named(
            "DeadLetter",
            "An event that could not be delivered.",
            "id type attempts created_at",
            id=TEXT,
            type=TEXT,
            attempts=INT,
            last_status=_maybe(INT),
            last_error=_maybe(TEXT),
            created_at=TIME,
        )
    ),
)
ENDPOINT_SECRET = _named(
    "WebhookEndpointSecret",
    "An endpoint with its signing secret, which is shown now and never again.",
    _ENDPOINT_ALWAYS + " signing_secret",
    **_ENDPOINT_FIELDS,
    signing_secret=TEXT,
)
ENDPOINT_PAGE = _page("WebhookEndpointList", ENDPOINT)
ENDPOINT_TEST = _named(
    "WebhookTest",
    "How a sample event was answered.",
    "object webhook_endpoint_id event_type status_code success",
    object=_one_of("webhook_endpoint.test"),
    webhook_endpoint_id=TEXT,
    event_type=TEXT,
    status_code=INT,
    success=TRUTH,
)
EVENT_TYPE_LIST = _named(
    "EventTypeList",
    "The events that endpoints can ask for.",
    "object data",
    object=_one_of("list"),
    data=_many(TEXT),
)
WEBHOOK_EVENT = _named(
    "WebhookEvent",
    "What an endpoint is sent. Ask the API for the object that `data.id` names.",
    "id object type created_at data",
    id=TEXT,
    object=_one_of("event"),
    type=_one_of(*EVENT_TYPES),
    created_at=TIME,
    data=_named("WebhookEventData", "What the event is about.", "id", id=TEXT),
)
APPEAL = _named(
    "Appeal",
    "A complaint against a decision.",
    "id object decision_id status created_at",
    id=TEXT,
    object=_one_of("appeal"),
    decision_id=TEXT,
    status=_one_of("open", "upheld", "overturned"),
    created_at=TIME,
    decided_at=_maybe(TIME),
    statement_of_reasons=_maybe(_map(TEXT)),
)
APPEAL_PAGE = _page("AppealList", APPEAL)
POLICY = _named(
    "Policy",
    "A policy of the library, or the one in force.",
    "id object active",
    id=TEXT,
    object=_one_of("policy"),
    active=TRUTH,
    digest=TEXT,
)
POLICY_PAGE = _page("PolicyList", POLICY)
REPLAY = _named(
    "PolicyReplay",
    "What another policy would have decided on what was recorded.",
    "object digest decisions changed changes examples unusable capped warnings",
    object=_one_of("policy.replay"),
    digest=TEXT,
    decisions=INT,
    changed=INT,
    changes=_map(INT),
    examples=_many(
        _named(
            "ReplayExample",
            "One decision that would have changed.",
            "decision_id before after",
            decision_id=TEXT,
            before=TEXT,
            after=TEXT,
            rule_id=_maybe(TEXT),
            reason=_maybe(TEXT),
        )
    ),
    unusable=INT,
    capped=TRUTH,
    warnings=_many(TEXT),
)
LOG_ENTRY = _named(
    "LogEntry",
    "One entry of the audit log, as the tree commits to it.",
    "index v id time kind tenant actor",
    index=INT,
    v=INT,
    id=TEXT,
    time=TEXT,
    kind=TEXT,
    tenant=TEXT,
    actor=TEXT,
    subject=TEXT,
    decision=ANY,
    related=TEXT,
    body=ANY,
    commit=TEXT,
)
LOG_PAGE = _page("LogEntryList", LOG_ENTRY)
REVIEW_CASE = _named(
    "ReviewCase",
    "Something that waits for a person.",
    "id object kind state item stage decision_id reason_code floor details opened_at version",
    id=TEXT,
    object=_one_of("review_case"),
    kind=TEXT,
    state=TEXT,
    item=TEXT,
    stage=TEXT,
    decision_id=TEXT,
    category=_maybe(TEXT),
    rule_id=_maybe(TEXT),
    reason_code=TEXT,
    floor=TRUTH,
    details=ANY,
    action=_maybe(TEXT),
    opened_at=TIME,
    version=INT,
)
REVIEW_PAGE = _page("ReviewCaseList", REVIEW_CASE)
REVIEW_DECISION = _named(
    "ReviewDecision",
    "What a person decided, and when it takes effect.",
    "object case_id decision_id waits_for_second",
    object=_one_of("review_decision"),
    case_id=TEXT,
    decision_id=TEXT,
    waits_for_second=TRUTH,
    effective_at=_maybe(TIME),
)
MODEL = _named(
    "Model",
    "A backend, with what it can do and whether it is a trained model.",
    "id object created owned_by",
    id=TEXT,
    object=_one_of("model"),
    created=TIME,
    owned_by=TEXT,
    policy=TEXT,
    available=TRUTH,
    reason=TEXT,
    title=TEXT,
    version=TEXT,
    neural=TRUTH,
    modes=_many(TEXT),
    max_side=INT,
    max_seconds=NUMBER,
    size_multiple=INT,
    weights=_maybe(TEXT),
    default=TRUTH,
)
MODEL_PAGE = _named(
    "ModelList", "", "object data", object=_one_of("list"), data=_many(MODEL), has_more=TRUTH
)
HEALTH = _named("Health", "The process answers.", "status version", status=TEXT, version=TEXT)
READINESS = _named(
    "Readiness",
    "Each check is `ok` or says what is wrong.",
    "status checks",
    status=_one_of("ready", "not_ready"),
    checks=_map(TEXT),
)
UPLOAD_LABEL = _named(
    "UploadLabel",
    "What a file says of itself, and what its viewers should be told.",
    "object label made_with_ai notice sources",
    object=_one_of("upload_label"),
    label=_maybe(TEXT),
    made_with_ai=_maybe(TRUTH),
    notice=_one_of("generated", "possible", "suspected", "none"),
    sources=_many(ANY),
)


def answers(
    schema: Schema | None = None, status: int = 200, media: str = "application/json"
) -> dict[int | str, Any]:
    """The ``responses`` of an operation: its answer and the one error body."""
    described: dict[int | str, Any] = {
        code: {"description": text, "content": {"application/problem+json": {"schema": PROBLEM}}}
        for code, text in (
            ("4XX", "The request cannot be served as it is; `error.code` says why."),
            ("5XX", "The service failed; nothing was lost."),
        )
    }
    if schema is not None:
        described[status] = {"description": "Done.", "content": {media: {"schema": schema}}}
    return described


def download(*types: str) -> dict[int | str, Any]:
    """The ``responses`` of an operation that gives a file, in one of these media types.

    Also as ``application/octet-stream``, for clients that ask for bytes whatever they are.
    """
    content = {kind: {"schema": BINARY} for kind in (*types, BYTES)}
    return {
        **answers(),
        200: {"description": "The file.", "content": content},
        206: {"description": "The part of the file that `range` asked for.", "content": content},
    }
