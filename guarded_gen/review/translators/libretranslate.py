"""LibreTranslate's interface: ``POST /translate``, as its API documentation describes it."""

from __future__ import annotations

import json
import re

import anyio
import httpx

from guarded_gen.review.translation import Translation, TranslationFailed
from guarded_gen.settings.translation import TranslationSettings

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")
_AGAIN = "try again; if it stays so, tell whoever runs that system"


class LibreTranslate:
    """Speaks to one service: no redirect is followed, no proxy, cookie or netrc is used."""

    def __init__(self, settings: TranslationSettings) -> None:
        self._settings = settings

    async def translate(self, text: str, target: str) -> Translation:
        """See :meth:`~guarded_gen.review.translation.Translator.translate`."""
        timeout_s = self._settings.timeout_s
        try:
            with anyio.fail_after(timeout_s):  # httpx bounds each read, not the whole
                answer = await self._answer(self._asked(text, target))
        except (TimeoutError, httpx.TimeoutException) as error:
            raise TranslationFailed(
                f"the translation service did not answer within {timeout_s:g} s", _AGAIN
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise TranslationFailed(
                f"the translation service gave no answer: {type(error).__name__}", _AGAIN
            ) from error
        return _read(answer)

    def _asked(self, text: str, target: str) -> bytes:
        asked = {"q": text, "source": "auto", "target": target, "format": "text"}
        if key := self._settings.api_key.get_secret_value():
            asked["api_key"] = key
        return json.dumps(asked).encode()  # in ASCII: a lone surrogate has no UTF-8

    async def _answer(self, asked: bytes) -> bytes:
        most = self._settings.max_answer_bytes
        # compressed, a short answer could become a long one
        headers = {"content-type": "application/json", "accept-encoding": "identity"}
        async with (
            httpx.AsyncClient(
                timeout=self._settings.timeout_s, follow_redirects=False, trust_env=False
            ) as client,
            client.stream(
                "POST", f"{self._settings.url}/translate", content=asked, headers=headers
            ) as answer,
        ):
            if answer.status_code != 200:
                raise TranslationFailed(
                    f"the translation service answered {answer.status_code}", _AGAIN
                )
            read = bytearray()
            async for chunk in answer.aiter_raw():
                read += chunk
                if len(read) > most:
                    raise TranslationFailed(
                        f"the translation service answered more than {most} bytes", _AGAIN
                    )
        return bytes(read)


def _read(answer: bytes) -> Translation:
    try:
        said = json.loads(answer)
        text = said["translatedText"]
        if not isinstance(text, str) or not text.strip():
            raise ValueError("no text")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise TranslationFailed(
            "the translation service's answer cannot be read", _AGAIN
        ) from error
    found = said.get("detectedLanguage")
    code = found.get("language") if isinstance(found, dict) else None
    known = isinstance(code, str) and _LANGUAGE.fullmatch(code)
    return Translation(text, str(code) if known else None)
