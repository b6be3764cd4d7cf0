"""``POST /v1/moderations``: scores of texts and pictures, in the SDK's 13 categories and ours."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from guarded_gen.access.keys import Scope
from guarded_gen.api.bodies import body_of
from guarded_gen.api.context import Api, api_of
from guarded_gen.api.problems import invalid
from guarded_gen.api.references import image_at
from guarded_gen.api.requests import Moderate, parsed, request_body, subject_of
from guarded_gen.api.schemas import MODERATION, answers
from guarded_gen.gates.gate import GateResult, classify, judge, judge_text
from guarded_gen.production.request import clean_prompt
from media.errors import MediaError
from media.limits import MediaLimits
from policies import Context
from policies.decision import Action, CheckStatus, Signal, Stage
from policies.rollout import Choice
from policies.taxonomy import CATEGORIES, HARM, OPENAI_CATEGORIES

router = APIRouter(prefix="/v1/moderations", tags=["moderations"])
MODEL = "guarded-gen-moderation"
_MOST_IMAGES = 16
_FEW_TEXTS = 16
"""So many texts are judged as quickly as one."""
_MOST_SECONDS = 60.0
"""Longest animation that is judged while the caller waits."""
_FLAG_AT = 0.5
"""Where the policy acts, a category is flagged that a rule acted on, and each whose score means
"more likely than not" after calibration, unless it is harmless by itself."""
_OURS = tuple(name for name in HARM if name != "unsafe")
_TO_OPENAI = {
    theirs: tuple(c.id for c in CATEGORIES.values() if theirs in c.openai)
    for theirs in OPENAI_CATEGORIES
}


@router.post("", responses=answers(MODERATION), openapi_extra=request_body(Moderate))
async def moderate(request: Request) -> Response:
    """Judge texts and pictures without generating anything.

    A category without a score was not assessed: it is absent from ``category_scores`` of ours
    and stands as 0 in the SDK's 13, where ``not_assessed`` lists it. ``action`` is what the
    prompt gate would do.
    """
    api = api_of(request)
    caller = await api.enter(request, Scope.MODERATE)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(Moderate, body)
        texts, pictures = inputs(api, wanted.input)
        subject = subject_of(wanted, caller)
        user = wanted.safety_identifier or wanted.user
        # The same choice as for a clip of this caller: a canary's share is judged by the canary.
        policy = api.services.choice_for(subject, caller.tenant)
        if pictures:
            context = await api.quick.run(_context, api, caller.tenant, user, *texts)
            results = await api.slow.run(_with_pictures, api, policy, texts, pictures, context)
        elif len(texts) == 1:
            context = await api.quick.run(_context, api, caller.tenant, user, texts[0])
            signals = await api.classify_one(texts[0])
            gate = judge_text(policy, signals, texts[0], context)
            results = [result(gate, {signal.category: ["text"] for signal in signals})]
        else:
            budget = api.quick if len(texts) <= _FEW_TEXTS else api.slow
            results = await budget.run(_texts, api, policy, texts, caller.tenant, user)
    return JSONResponse(
        {"id": f"modr-{secrets.token_hex(12)}", "model": wanted.model or MODEL, "results": results}
    )


def inputs(api: Api, given: Any) -> tuple[list[str], list[str]]:
    """Texts and picture URLs of an ``input``: a text, a list of texts, or a list of objects."""
    limits = api.settings.limits
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list) or not given:
        raise invalid("input is a text, or a list of texts or of objects", "input")
    if len(given) > limits.max_prompts_per_call:
        raise invalid(f"at most {limits.max_prompts_per_call} inputs in one call", "input")
    if all(isinstance(item, str) for item in given):
        return [clean_prompt(item, limits, param="input") for item in given], []
    texts: list[str] = []
    pictures: list[str] = []
    for item in given:
        kind = item.get("type") if isinstance(item, dict) else None
        if kind == "text" and isinstance(item.get("text"), str):
            texts.append(clean_prompt(item["text"], limits, param="input"))
        elif kind == "image_url" and isinstance(item.get("image_url"), dict):
            url = item["image_url"].get("url")
            if not isinstance(url, str):
                raise invalid("image_url needs a url", "input")
            pictures.append(url)
        else:
            raise invalid("an input object is a text or an image_url", "input")
    if len(pictures) > _MOST_IMAGES:
        raise invalid(f"at most {_MOST_IMAGES} pictures in one call", "input")
    return texts, pictures


def _texts(
    api: Api, policy: Choice, texts: Sequence[str], tenant: str, user: str | None
) -> list[dict[str, Any]]:
    context = _context(api, tenant, user)
    gates = [
        judge_text(policy, signals, text, _resembling(api, context, text))
        for signals, text in zip(
            classify(api.services.prompt_classifiers, texts), texts, strict=True
        )
    ]
    return [result(gate, {signal.category: ["text"] for signal in gate.signals}) for gate in gates]


def _context(api: Api, tenant: str, user: str | None, *texts: str) -> Context:
    """What the policy may ask for beside the texts, which are judged together: strikes of the end
    user whom the caller named, and whether a text is nearly a refused one."""
    strikes = api.services.strikes(tenant, user) if user else 0
    return _resembling(api, Context(tenant=tenant, strikes=strikes), *texts)


def _resembling(api: Api, context: Context, *texts: str) -> Context:
    services = api.services
    sketches = [services.sketch(context.tenant, text) for text in texts]
    again = any(services.resembles(context.tenant, one) for one in sketches)
    return replace(context, resembles_refused=again) if again else context


def _with_pictures(
    api: Api, policy: Choice, texts: Sequence[str], pictures: Sequence[str], context: Context
) -> list[dict[str, Any]]:
    """One result over all parts together, as the SDK's service gives for mixed inputs."""
    signals: list[Signal] = []
    applied: dict[str, list[str]] = {}
    for told in classify(api.services.prompt_classifiers, texts):
        signals.extend(told)
        applied.update({signal.category: ["text"] for signal in told})
    api.scratch.mkdir(parents=True, exist_ok=True)
    for url in pictures:
        path = api.scratch / secrets.token_hex(16)
        try:
            image_at(api, url, path, "input")
            told = picture_signals(api, path)
        finally:
            path.unlink(missing_ok=True)
        signals.extend(told)
        for signal in told:
            kinds = applied.setdefault(signal.category, [])
            if "image" not in kinds:
                kinds.append("image")
    stage = Stage.PROMPT if texts else Stage.OUTPUT
    gate = judge(policy, stage, signals, context, text="\n".join(texts) or None)
    return [result(gate, applied)]


def picture_signals(api: Api, path: Path) -> tuple[Signal, ...]:
    """What the checks say of everything that a picture can show: every frame, tile and alpha."""
    from classifiers.frame.scan import scan

    services = api.services
    try:
        done = scan(
            path,
            services.frame_checks,
            services.frame_settings,
            limits_of(api),
            sounds=services.sound_checks,
        )
    except MediaError as error:
        raise invalid(f"the picture cannot be read: {error}", "input") from error
    return done.report.signals


def limits_of(api: Api) -> MediaLimits:
    """Animations and clips that are sent as pictures are judged while the caller waits."""
    media = api.settings.limits.media
    return media.model_copy(update={"max_seconds": min(_MOST_SECONDS, media.max_seconds)})


def result(gate: GateResult, applied: dict[str, list[str]]) -> dict[str, Any]:
    """One gate's outcome in the SDK's shape, with ours beside it."""
    scores: dict[str, float] = {}
    for signal in gate.signals:
        if signal.status is CheckStatus.RAN and signal.score is not None:
            scores[signal.category] = max(signal.score, scores.get(signal.category, 0.0))
    decision = gate.decision.to_json()
    acts = gate.decision.action is not Action.ALLOW
    acted_on = {m.category for m in gate.decision.trace if m.action is not Action.ALLOW}

    def flagged(name: str) -> bool:
        """Nothing is flagged that the gate lets through: a client that reads `flagged` and one
        that reads `action` must do the same."""
        known = CATEGORIES.get(name)
        if not acts or (known is not None and known.harmless_alone):
            return False
        return name in acted_on or scores.get(name, 0.0) >= _FLAG_AT

    categories: dict[str, bool] = {}
    category_scores: dict[str, float] = {}
    applied_types: dict[str, list[str]] = {}
    missing = [name for name in _OURS if name not in scores]
    for theirs, ours in _TO_OPENAI.items():
        known = [scores[name] for name in ours if name in scores]
        category_scores[theirs] = round(max(known, default=0.0), 6)
        categories[theirs] = any(flagged(name) for name in ours)
        applied_types[theirs] = sorted({k for n in ours if n in scores for k in applied.get(n, [])})
        if ours and not known:
            missing.append(theirs)
    for name in (*_OURS, *(name for name in scores if name not in CATEGORIES)):
        if name in scores and name not in category_scores:
            category_scores[name] = round(scores[name], 6)
            categories[name] = flagged(name)
            applied_types[name] = applied.get(name, [])
    return {
        "flagged": acts,
        "categories": categories,
        "category_scores": category_scores,
        "category_applied_input_types": applied_types,
        "unsafe": round(scores["unsafe"], 6) if "unsafe" in scores else None,
        "action": decision["action"],
        "rule_id": decision.get("rule_id"),
        "reason_code": decision.get("reason"),
        "policy_digest": decision.get("policy_digest"),
        "not_assessed": sorted(set(missing)),
        "checks": gate.checks(),
    }
