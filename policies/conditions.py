"""``when:`` conditions in CEL (https://cel.dev), type-checked at load, bounded, BOOL or nothing.

The evaluator behind this module gives a *value* of type ERROR where evaluation fails (a
missing key, a division by zero); as Python object it is a non-empty string and so truthy.
:func:`Condition.holds` therefore knows three outcomes: True, False and None, where None
means that the condition failed and its rule counts as a failed check.

CEL has no loops but its macros; a condition may not nest them, and its length is limited,
so that its cost is bounded by (number of terms) × (entries of the largest collection)
before it ever runs. Regular expressions are RE2's: linear in their input.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property, lru_cache
from typing import Any

from policies.context import MAX_CAPABILITIES, MAX_ENTITIES, Context
from policies.decision import Stage
from policies.taxonomy import CATEGORIES

MAX_CHARS = 2_000
MAX_TERMS = 200
MAX_DEPTH = 24
"""The evaluator itself gives up at 32 levels, with a text that helps nobody."""
MIN_BATCH, MAX_BATCH = 3, 24
BUDGET = MAX_TERMS * max(MAX_TERMS, MAX_CAPABILITIES, MAX_ENTITIES, len(CATEGORIES))
"""Most steps that a condition can take: its terms × entries of the largest collection."""

VARIABLES: Mapping[str, str] = {
    "scores": "map(string, double)",
    "stage": "string",
    "tenant": "string",
    "jurisdiction": "string",
    "age_mode": "string",
    "strikes": "int",
    "resembles_refused": "bool",
    "backend": "string",
    "capabilities": "list(string)",
    "has_reference": "bool",
    "entities": "list(string)",
    "duration": "double",
    "faces": "int",
}


@dataclass(frozen=True, eq=False)
class ConditionNames:
    """The names that conditions of one kind may look at, with CEL's type of each."""

    types: Mapping[str, str]

    @cached_property
    def environment(self) -> Any:
        from cel_expr_python import cel

        types = {
            "bool": cel.Type.BOOL,
            "double": cel.Type.DOUBLE,
            "int": cel.Type.INT,
            "list(string)": cel.Type.List(cel.Type.STRING),
            "map(string, double)": cel.Type.Map(cel.Type.STRING, cel.Type.DOUBLE),
            "string": cel.Type.STRING,
        }
        return cel.NewEnv(variables={name: types[kind] for name, kind in self.types.items()})

    def activation(self, values: dict[str, Any]) -> Any:
        """What a condition is evaluated on; a name without a value makes it fail."""
        return self.environment.Activation(values)


RULES = ConditionNames(VARIABLES)
"""What a policy's conditions look at."""
_MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})
TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
      |(?P<string>[rRbB]{0,2}(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''
                              |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
      |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
      |(?P<number>(?:0[xX][0-9a-fA-F]+|[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)u?)
      |(?P<mark>&&|\|\||[<>=!]=|.)""",
    re.VERBOSE | re.DOTALL,
)
_MESSAGE = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_TYPES = {
    "int": "a whole number",
    "uint": "a whole number",
    "double": "a number with decimals",
    "string": "text",
    "bool": "true or false",
    "list(string)": "a list",
    "map(string, double)": "the scores",
    "null": "nothing",
}
_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '\((.*)\)'")


@dataclass(frozen=True, slots=True)
class Mistake:
    """Why a condition cannot be used; ``line`` and ``column`` count from 0 inside its text."""

    message: str
    remedy: str
    line: int = 0
    column: int = 0
    length: int = 1


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition. ``variables`` are the names that it looks at; ``categories`` those
    whose scores it reads, None where it may read any."""

    text: str
    variables: frozenset[str]
    categories: frozenset[str] | None
    _eval: Any

    def holds(self, activation: Any) -> bool | None:
        """True, False, or None where the evaluation failed. About 2 µs."""
        value = self._eval(activation).plain_value()
        # Identity, not truth: an ERROR's plain value is a non-empty string.
        return value if value is True or value is False else None


@dataclass(frozen=True, slots=True)
class JoinedConditions:
    """Several conditions as one expression: a call into the evaluator costs more than a term."""

    texts: tuple[str, ...]
    _eval: Any

    def answers(self, activation: Any) -> dict[str, bool | None]:
        """Every condition's outcome; nothing when one of them failed, then ask them singly."""
        values = self._eval(activation).plain_value()
        # The type check at load made it a list of BOOL; an ERROR's plain value is text.
        return dict(zip(self.texts, values, strict=True)) if type(values) is list else {}


def batch(texts: tuple[str, ...]) -> JoinedConditions | None:
    """One expression for all of ``texts``, which are compiled conditions.

    None where that would not pay: few of them, or so many that most are not asked for.
    """
    if not MIN_BATCH <= len(texts) <= MAX_BATCH:
        return None
    # A condition may end in a comment: the bracket goes on a line of its own.
    joined = ", ".join(f"({text}\n)" for text in texts)
    return JoinedConditions(texts, RULES.environment.compile(f"[{joined}]").eval)


@lru_cache(maxsize=4_096)
def compile(
    text: str, own: frozenset[str] | None = frozenset(), names: ConditionNames = RULES
) -> Condition:
    """Check and compile one condition over ``names``.

    ``own``: the categories besides those of the taxonomy that it may name; None: any, since the
    document that it stands in was checked. Raises :class:`ConditionInvalid` with every mistake
    that was found.
    """
    errors, words, named = _inspect(text, own)
    if errors:
        raise ConditionInvalid(errors)
    try:
        expression = names.environment.compile(text)
    except RuntimeError as error:
        raise ConditionInvalid(_translate(text, str(error), names)) from None
    if expression.return_type().name() != "BOOL":
        name = expression.return_type().name().lower()
        found = _TYPES.get(name, f"a {name.partition('<')[0]}")
        raise ConditionInvalid(
            [
                Mistake(
                    f"the condition gives {found}, not true or false",
                    "compare it with something, for instance `strikes > 1`",
                    length=len(text.split("\n", 1)[0]),
                )
            ]
        )
    categories = frozenset(named) if words.get("scores", 0) == len(named) else None
    return Condition(
        text, frozenset(words.keys() & names.types.keys()), categories, expression.eval
    )


class ConditionInvalid(Exception):
    """All mistakes of one condition."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("; ".join(mistake.message for mistake in mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Variables:
    """What the conditions of one table look at, sorted by where it comes from."""

    direct: tuple[str, ...]
    unknowable: tuple[str, ...]
    categories: tuple[str, ...] | None
    scores: bool
    stage: bool
    age_mode: bool
    capabilities: bool
    entities: bool

    @classmethod
    def of(cls, conditions: Iterable[Condition]) -> Variables:
        used = list(conditions)
        names = {name for condition in used for name in condition.variables}
        read = [condition.categories for condition in used]
        categories = None if None in read else {c for named in read for c in named or ()}
        special = ("scores", "stage", "age_mode", "capabilities", "entities")
        unknowable = {"duration", "faces"}
        return cls(
            tuple(sorted(names - {*special} - unknowable)),
            tuple(sorted(names & unknowable)),
            None if categories is None else tuple(sorted(categories)),
            *(
                name in names
                for name in ("scores", "stage", "age_mode", "capabilities", "entities")
            ),
        )


def activation(
    stage: Stage, scores: Mapping[str, float], context: Context, variables: Variables
) -> Any:
    """What conditions are evaluated on; only ``variables`` are handed over.

    ``duration`` and ``faces`` are left out while unknown, so that a condition that asks for
    them fails.
    """
    data: dict[str, Any] = {name: getattr(context, name) for name in variables.direct}
    if variables.scores:
        # The evaluator copies the map: hand over no more than is read.
        named = variables.categories
        data["scores"] = scores if named is None else {c: scores[c] for c in named if c in scores}
    if variables.stage:
        data["stage"] = stage._value_
    if variables.age_mode:
        data["age_mode"] = context.age_mode._value_
    if variables.capabilities:
        data["capabilities"] = list(context.capabilities)
    if variables.entities:
        data["entities"] = list(context.entities)
    for name in variables.unknowable:
        value = getattr(context, name)
        if value is not None:
            data[name] = value
    return RULES.activation(data)


def _inspect(
    text: str, own: frozenset[str] | None
) -> tuple[list[Mistake], dict[str, int], list[str]]:
    """What the compiler does not check: size, nesting, and names of categories.

    Also gives how often every name stands in the text, and the categories that it names.
    """
    if len(text) > MAX_CHARS:
        return (
            [
                Mistake(
                    f"the condition has {len(text)} characters, more than {MAX_CHARS}",
                    "split it over several rules",
                )
            ],
            {},
            [],
        )
    tokens = [m for m in TOKEN.finditer(text) if m.lastgroup != "space"]
    terms = sum(m.lastgroup != "mark" for m in tokens)
    if terms > MAX_TERMS:
        return (
            [
                Mistake(
                    f"the condition has {terms} terms, more than {MAX_TERMS}",
                    "split it over several rules",
                )
            ],
            {},
            [],
        )
    errors: list[Mistake] = []
    opened: list[bool] = []
    words: dict[str, int] = {}
    named: list[str] = []
    for i, token in enumerate(tokens):
        word = token.group()
        before = tokens[i - 1].group() if i else ""
        after = tokens[i + 1].group() if i + 1 < len(tokens) else ""
        if token.lastgroup == "word" and before != ".":
            words[word] = words.get(word, 0) + 1
        if token.lastgroup == "mark" and word in "([{":
            macro = word == "(" and before in _MACROS and i > 1 and tokens[i - 2].group() == "."
            if macro and any(opened):
                errors.append(
                    _at(
                        text,
                        tokens[i - 1],
                        f"`{before}` stands inside another loop over a list",
                        "use one loop at a time; several rules can say the rest",
                    )
                )
            opened.append(macro)
            if len(opened) > MAX_DEPTH:
                errors.append(
                    _at(
                        text,
                        token,
                        f"more than {MAX_DEPTH} brackets inside each other",
                        "remove brackets, or split the condition over several rules",
                    )
                )
                return errors, words, named
        elif token.lastgroup == "mark" and word in ")]}" and opened:
            opened.pop()
        category = _named_category(tokens, i, before, after)
        if category is not None:
            named.append(category)
        unknown = category not in CATEGORIES and own is not None and category not in own
        if category is not None and unknown:
            near = get_close_matches(category, (*CATEGORIES, *(own or ())), n=1, cutoff=0.5)
            errors.append(
                _at(
                    text,
                    token,
                    f'unknown category "{category}" in the condition',
                    f'did you mean "{near[0]}"?' if near else "use a category of the taxonomy",
                )
            )
    return errors, words, named


def _named_category(tokens: list[re.Match[str]], i: int, before: str, after: str) -> str | None:
    """The category that token ``i`` names: ``scores["x"]``, ``scores.x`` or ``"x" in scores``."""
    token = tokens[i]
    owner = tokens[i - 2].group() if i > 1 else ""
    if token.lastgroup == "word" and before == "." and owner == "scores" and after != "(":
        return token.group()
    if token.lastgroup == "string" and "\\" not in token.group():
        follows = tokens[i + 2].group() if i + 2 < len(tokens) else ""
        if (before == "[" and owner == "scores") or (after == "in" and follows == "scores"):
            return token.group().strip("rR\"'")
    return None


def _at(text: str, token: re.Match[str], message: str, remedy: str) -> Mistake:
    head = text[: token.start()]
    line = head.count("\n")
    column = len(head) - (head.rfind("\n") + 1)
    return Mistake(message, remedy, line, column, len(token.group()))


def _translate(text: str, report: str, names: ConditionNames) -> list[Mistake]:
    """The compiler's report in the words of somebody who does not program."""
    lines = text.split("\n")
    found = []
    for match in _MESSAGE.finditer(report):
        line, column, message = int(match[1]) - 1, int(match[2]) - 1, match[3]
        rest = lines[line][column:] if line < len(lines) else ""
        token = TOKEN.match(rest) if rest else None
        length = len(token.group().rstrip()) if token else 1
        said, remedy = _plainly(message, names)
        found.append(Mistake(said, remedy, line, column, max(1, length)))
    if not found:
        found.append(
            Mistake(
                f"the condition cannot be read: {report.splitlines()[0]}",
                "write it shorter, see the page on policies for examples",
            )
        )
    return found


def _plainly(message: str, names: ConditionNames) -> tuple[str, str]:
    if message.startswith("undeclared reference to "):
        name = message.split("'")[1]
        near = get_close_matches(name, names.types, n=1, cutoff=0.6)
        known = ", ".join(names.types)
        remedy = f"did you mean `{near[0]}`?" if near else f"a condition knows: {known}"
        return f'unknown name "{name}" in the condition', remedy
    overload = _OVERLOAD.search(message)
    if overload:
        operator = overload[1]
        types = re.findall(r"[a-z_]+(?:\([^)]*\))?", overload[2])
        shown = f"`{operator.strip('_')}`"
        found = " and ".join(_TYPES.get(t, t) for t in types)
        if set(types) == {"double", "int"}:
            return (
                f"{shown} cannot compare a number with decimals and a whole number",
                "scores and duration have decimals: write 2.0; strikes and faces are whole",
            )
        if operator in ("_&&_", "_||_", "!_"):
            return (
                f"{shown} joins conditions, but stands beside {found}",
                "compare first, for instance `strikes > 1 && has_reference`",
            )
        return (
            f"{shown} does not fit {found}",
            "compare text with text in quotes, and numbers with numbers",
        )
    if message.startswith("Syntax error"):
        detail = message.removeprefix("Syntax error: ").split(" expecting ")[0]
        if "<EOF>" in detail:
            return "the condition ends too early", "complete it, for instance `strikes > 1`"
        quoted = re.search(r"'(.+)'", detail)
        said = f"`{quoted[1]}` is not understood here" if quoted else "this is not understood"
        return (
            said,
            "join parts by && (and) or || (or), compare by ==, !=, <, <=, >, >=",
        )
    return f"the condition is wrong: {message}", "see the page on policies for examples"
