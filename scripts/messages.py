"""Brings the catalogues of the console's languages up to date with what its pages say.

    python scripts/messages.py [CODE]

Reads every message of templates and code and merges it into ``guarded_gen/console/languages/*.po``;
with a CODE, such as ``fr``, it begins a new language. New and changed messages come out empty: a
test fails until they are translated.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import policies  # noqa: E402
from guarded_gen.console.wording import REASONS, codes  # noqa: E402
from policies.taxonomy import CATEGORIES  # noqa: E402

CONSOLE = ROOT / "guarded_gen" / "console"
FOLDER = CONSOLE / "languages"
ERRORS = (
    *("guarded_gen/console", "guarded_gen/review", "guarded_gen/errors.py", "media/errors.py"),
    *("guarded_gen/access/code_flow.py", "guarded_gen/preservation/removal.py"),
    *("guarded_gen/preservation/desk.py", "guarded_gen/preservation/reports.py"),
    *("guarded_gen/preservation/evidence.py", "guarded_gen/preservation/sealing.py"),
    "policies/rollout.py",
)
"""Where errors are raised that pages show."""
SENTENCES = ("provenance/sentences.py", "provenance/report.py", "provenance/labels.py")
"""Where the sentences of the verify page are made."""
WIDTH = 100


def catalogue() -> Catalog:
    """Every message that the pages show, in English."""
    found = Catalog(project="Guarded Gen", charset="utf-8")
    for where, line, message, context in _of_pages():
        found.add(message, locations=[(f"guarded_gen/console/{where}", line)], context=context)
    for word in (*codes(), *_of_policies(), *(entry.title for entry in CATEGORIES.values())):
        found.add(word)
    for file in _files(ERRORS):
        for message in errors_of(ast.parse(file.read_text("utf-8"))):
            found.add(message, locations=[(str(file.relative_to(ROOT)), 0)])
    for file in _files(SENTENCES):
        for message in sentences_of(ast.parse(file.read_text("utf-8"))):
            found.add(message, locations=[(str(file.relative_to(ROOT)), 0)])
    return found


def _of_policies() -> Iterator[str]:
    """The reasons that the shipped policies give."""
    for name in policies.library():
        policy = policies.load(name)
        for rule in policy.rules:
            if rule.reason not in REASONS:
                yield rule.reason.replace("_", " ")


def _of_pages() -> Iterator[tuple[str, int, str | tuple[str, ...], str | None]]:
    keywords = {"N_": None, "_": None, "gettext": None, "ngettext": (1, 2)}
    keywords |= {"say": None, "said": None}  # gettext of a language at hand
    jinja = {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}
    for where, line, message, _, context in extract_from_dir(
        CONSOLE,
        [("**.py", "python"), ("templates/**.html", "jinja2")],
        {"templates/**.html": jinja},
        keywords,
    ):
        yield where, line, message, context


def _files(places: Iterable[str]) -> Iterator[Path]:
    for place in places:
        path = ROOT / place
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def errors_of(tree: ast.Module) -> Iterator[str]:
    """Message and remedy of every error of ours that is made here."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            builtin = isinstance(node.exc.func, ast.Name) and hasattr(builtins, node.exc.func.id)
            if not builtin:
                for argument in node.exc.args[:2]:
                    yield from messages_in(argument)
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.List):
            for item in node.value.elts:  # a list of problems
                yield from (m for m in messages_in(item) if " " in m)
        elif isinstance(node, ast.Call) and _name(node.func) == "append":
            for argument in node.args:  # lists of problems
                yield from (m for m in messages_in(argument) if " " in m)


def sentences_of(tree: ast.Module) -> Iterator[str]:
    """Every text of a file that is one of words, docstrings apart."""
    apart: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            apart.add(node.value)
        if isinstance(node, ast.Raise | ast.Compare | ast.Subscript) or node in apart:
            apart.update(ast.iter_child_nodes(node))
        elif isinstance(node, ast.BinOp | ast.JoinedStr | ast.Constant):
            found = [m for m in messages_in(node) if " " in m and "\\" not in m]
            yield from found
            if isinstance(node, ast.JoinedStr):
                apart.update(c for c in node.values if isinstance(c, ast.Constant))
            elif found and isinstance(node, ast.BinOp):
                apart.update(c for c in ast.walk(node) if isinstance(c, ast.JoinedStr | ast.BinOp))
                apart.update(c for c in (node.left, node.right) if isinstance(c, ast.Constant))
    return


def messages_in(node: ast.expr) -> Iterator[str]:
    """The texts that an expression can become, values as ``{name}``."""
    if isinstance(node, ast.IfExp):
        yield from messages_in(node.body)
        yield from messages_in(node.orelse)
        return
    text = _text(node, {})
    if text is not None and any(c.isalpha() for c in _own(text)):
        yield text.strip()


def _own(text: str) -> str:
    from guarded_gen.console.told import _HOLE

    return _HOLE.sub("", text)


def _text(node: ast.expr, names: dict[str, str]) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        parts = []
        for part in node.values:
            if isinstance(part, ast.Constant):
                parts.append(str(part.value))
            elif isinstance(part, ast.FormattedValue):
                parts.append(_hole(part.value, names))
        return "".join(parts)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left, names), _text(node.right, names)
        if left is None and right is None:
            return None
        return (left if left is not None else _hole(node.left, names)) + (
            right if right is not None else _hole(node.right, names)
        )
    return None


def _hole(node: ast.expr, names: dict[str, str]) -> str:
    """``{name}`` for a value: the same name for the same value, another for another."""
    name, source = _name(node), ast.unparse(node)
    while names.setdefault(name, source) != source:
        name += "_"
    return "{" + name + "}"


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id.lower().strip("_")
    if isinstance(node, ast.Attribute):
        if node.attr in ("value", "name") and not isinstance(node.value, ast.Name):
            return _name(node.value)
        if isinstance(node.value, ast.Name) and node.attr == "value":
            return _name(node.value)
        return node.attr.lower().strip("_")
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr == "join" and node.args:
            return _name(node.args[0])
        if isinstance(node.func, ast.Attribute) and node.func.attr == "replace":
            return _name(node.func.value)
        if isinstance(node.func, ast.Name) and node.func.id in ("sorted", "clean", "date", "len"):
            return _name(node.args[0])
        return _name(node.func)
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    if isinstance(node, ast.BoolOp):
        return _name(node.values[0])
    return "value"


def merged(code: str, template: Catalog) -> Catalog:
    """The catalogue of a language with every message of ``template``, and no other."""
    file = FOLDER / f"{code}.po"
    if file.is_file():
        found = read_po(BytesIO(file.read_bytes()), locale=code)
    else:
        found = Catalog(locale=code, project="Guarded Gen", charset="utf-8")
    found.update(template, no_fuzzy_matching=True)
    found.obsolete.clear()
    return found


def written(catalog: Catalog) -> str:
    """The file of a catalogue: sorted, without dates and line numbers, which only make noise."""
    buffer = BytesIO()
    write_po(buffer, catalog, width=WIDTH, no_location=True, omit_header=True, sort_output=True)
    head = (
        f'msgid ""\nmsgstr ""\n"Language: {catalog.locale}\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: {catalog.plural_forms}\\n"\n\n'
    )
    return head + buffer.getvalue().decode().rstrip() + "\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    template = catalogue()
    for code in sorted({file.stem for file in FOLDER.glob("*.po")} | set(sys.argv[1:2])):
        catalog = merged(code, template)
        (FOLDER / f"{code}.po").write_text(written(catalog), "utf-8")
        left = sum(1 for message in catalog if message.id and not translated(message.string))
        print(f"{code}: {len(catalog)} messages, {left} to translate")


def translated(string: str | tuple[str, ...]) -> bool:
    """Whether every form of a message has its translation."""
    return bool(string) and all(string if isinstance(string, tuple) else (string,))


if __name__ == "__main__":
    main()
