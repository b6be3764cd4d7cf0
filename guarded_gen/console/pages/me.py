"""What people choose for themselves: keys, time to undo, categories they get, language."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from guarded_gen.console.context import console_of
from guarded_gen.console.language import language, language_of, languages
from guarded_gen.console.render import page
from guarded_gen.console.wording import KEYS, Wording
from guarded_gen.errors import InvalidInput
from guarded_gen.review.roles import Permission
from guarded_gen.store.tables.review import Person
from policies.taxonomy import CATEGORIES

router = APIRouter(prefix="/console/me")
UNDO_CHOICES = (0, 60, 300, 1200)
"""Seconds to undo that somebody can choose instead of the server's; 0: the server's."""


@router.get("")
def show(request: Request) -> Response:
    console = console_of(request)
    found = console.session(request)
    title = Wording(language_of(request)).title
    return page(
        request,
        "me.html",
        {
            "mine": found.preferences,
            "undo": console.limits.undo,
            "choices": UNDO_CHOICES,
            "categories": sorted(CATEGORIES, key=lambda id: title(id).casefold()),
            "languages": [language(code) for code in languages()],
            "decides": found.who.may(Permission.DECIDE),
        },
    )


@router.post("")
async def change(request: Request) -> Response:
    """Keep the choices; raises :class:`InvalidInput` for a key that is no letter or digit, or that
    two actions share."""
    console = console_of(request)
    found, fields = await console.form(request)
    refuses = {str(value) for value in (await request.form()).getlist("refuses")}
    keys = {name: fields.get(f"key_{name}", "").strip().lower() or name for name in KEYS}
    wrong = [key for key in keys.values() if len(key) != 1 or not (key.isalnum() or key == "?")]
    if wrong:
        raise InvalidInput(f"{wrong[0]!r} is no key", "one letter or digit for each", "keys")
    if len(set(keys.values())) < len(keys):
        raise InvalidInput("two actions have the same key", "give each its own", "keys")
    try:
        undo = int(fields.get("undo", "0"))
    except ValueError:
        undo = -1
    if undo not in UNDO_CHOICES:
        raise InvalidInput("this is no time to undo", "choose from the list", "undo")
    spoken = fields.get("language", "")
    if spoken and spoken not in languages():
        raise InvalidInput("the console has no such language", "choose from the list", "language")
    wanted = {
        "language": spoken,
        "keys_off": fields.get("keys_off") == "1",
        "keys": {name: key for name, key in keys.items() if name != key},
        "undo": undo,
        "refuses": sorted(refuses & set(CATEGORIES)),
    }

    def work() -> None:
        with console.store.write() as session:
            person = session.get_one(Person, found.who.id)
            person.preferences = {**person.preferences, **wanted}

    await to_thread.run_sync(work)
    return RedirectResponse("/console/me?said=changed", 303)
