"""Every command line of the pages names commands and options that exist; data blocks parse."""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import typer
import yaml

from guarded_gen.server import app

from .pages import PAGES, ROOT, blocks

COMMAND = typer.main.get_command(app)
IN_LINE = re.compile(r"`(guarded-gen [^`]+)`")
INDENTED = re.compile(r"^    (guarded-gen .+)$", re.M)


def command_lines() -> Iterator[tuple[str, str]]:
    """(where, command line) of every call of ``guarded-gen`` in a block, a line or a sentence."""
    for page in PAGES:
        where = str(page.relative_to(ROOT))
        for block in blocks(page):
            text = re.sub(r"\\\n\s*", "", block.text)
            for line in text.splitlines():
                if found := re.search(r"(?:^|[\s(])(guarded-gen [^|)]*)", line.split("#")[0]):
                    yield f"{block.place}", found[1]
        text = page.read_text()
        for found in [*IN_LINE.finditer(text), *INDENTED.finditer(text)]:
            line = text.count("\n", 0, found.start()) + 1
            yield f"{where}:{line}", found[1].replace("\n", " ").split("#")[0]


def words(line: str) -> list[str]:
    """The words of a call, without the brackets of a synopsis and what a shell does with it."""
    line = re.split(r"\s(?:>|2>|&|;|<)", line)[0]
    line = re.sub(r"[\[\]…]", " ", line)
    return [w for w in shlex.split(line.replace("'", "")) if w not in ("...", "|")][1:]


def complaint(line: str) -> str | None:
    """What is wrong with a call; None when its commands and options exist."""
    command: Any = COMMAND
    rest = words(line)
    while rest and hasattr(command, "commands") and not rest[0].startswith("-"):
        name = rest.pop(0)
        if name not in command.commands:
            return f"no command {name!r}"
        command = command.commands[name]
    known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)} | {"--help"}
    for word in rest:
        option = word.split("=")[0]
        if re.match(r"--?[a-z]", option) and option not in known:
            return f"no option {option!r}"
    return None


def test_commands_and_options_exist() -> None:
    lines = list(command_lines())
    assert len(lines) > 80
    wrong = [(place, line, said) for place, line in lines if (said := complaint(line))]
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize(
    "line",
    ["guarded-gen verfy clip.mp4", "guarded-gen audit verify --no-such", "guarded-gen keys mend"],
)
def test_a_wrong_call_is_found(line: str) -> None:
    assert complaint(line)


def test_data_and_code_blocks_parse() -> None:
    readers = {"toml": tomllib.loads, "yaml": yaml.safe_load, "python": ast.parse}
    read = 0
    for page in PAGES:
        for block in blocks(page):
            try:
                if block.language in readers:
                    readers[block.language](block.text)
                elif block.language == "json":
                    json.loads(block.text)
                else:
                    continue
            except (ValueError, SyntaxError, yaml.YAMLError) as error:
                pytest.fail(f"{block.place}: {error}")
            read += 1
    assert read > 10
