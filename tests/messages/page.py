"""The tables of `docs/from-pytorch.md`, made from the tables of the code.

`ARCHLANG_UPDATE_GOLDEN=1 pytest tests/messages` writes them anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from archlang.elaborate.habits.catalogue import TABLES
from archlang.elaborate.habits.elsewhere import ELSEWHERE
from archlang.elaborate.habits.native import ACTIVATIONS, CALLED, FUNCTION_NAMES, KNOWN, SETTINGS, SHORT_NAMES
from archlang.syntax.slip import Slip
from archlang.syntax.slips_imports import IMPORTS
from archlang.syntax.slips_python import PYTHON
from archlang.syntax.slips_scripts import SCRIPTS
from tests.syntax.helpers import PRAGMA, mistakes

PAGE = Path(__file__).parents[2] / "docs" / "from-pytorch.md"
MARK = "<!-- tables -->\n"


def page() -> str:
    """The page as it should be: its own text, then the tables."""
    text = PAGE.read_text(encoding="utf-8")
    return text[: text.index(MARK) + len(MARK)] + "\n" + "\n".join(_tables())


def _tables() -> Iterator[str]:
    for heading, rows in TABLES.items():
        examples = [pair for row in rows for pair in row.examples]
        sentences = [(", ".join(row.names), row.form) for row in rows if not row.examples and not row.here]
        yield f"## {heading}\n"
        yield from _table(("there", "here"), ((_code(wrong), _code(right)) for wrong, right in examples))
        yield from _table(("there", "here"), ((_code(names), text) for names, text in sentences))

    yield "## Names of stages\n"
    yield from _table(("elsewhere", "here"), ((_code(there), _code(here)) for there, here in SHORT_NAMES.items()))

    yield "## Names of functions\n"
    rows = [(_code(f"{there}(x)"), _code(f"{here}(x)")) for there, here in FUNCTION_NAMES.items()]
    yield from _table(("elsewhere", "here"), rows)

    yield "## Names of arguments\n"
    rows = [(_code(there), " or ".join(_code(name) for name in here)) for there, here in CALLED.items()]
    rows += [(", ".join(_code(name) for name in KNOWN), "not written: what enters is known"),
             (", ".join(_code(name) for name in ACTIVATIONS), "a step of its own: `conv(3x3, 8) -> relu`")]
    yield from _table(("elsewhere", "here"), rows)

    sentences: dict[str, list[str]] = {}
    for name, sentence in ELSEWHERE.items():
        sentences.setdefault(sentence, []).append(_code(name))
    yield "## Arguments that are said elsewhere\n"
    yield from _table(("elsewhere", "here"), ((", ".join(names), text) for text, names in sentences.items()))

    yield "## Settings of a `train`\n"
    yield from _table(
        ("elsewhere", "here"),
        ((_code(there), _code(habit.form.format(value="..."))) for there, habit in SETTINGS.items()),
    )

    yield "## Forms of Python\n"
    yield from _table(("a line such as", "the message"), (_form_of_python(slip) for slip in PYTHON))

    yield "## Forms of scripts and configuration files\n"
    yield from _table(("a line such as", "the message"), (_form_of_python(slip) for slip in (*IMPORTS, *SCRIPTS)))


def _table(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    lines = [f"| {left} | {right} |" for left, right in rows]
    if lines:
        yield "\n".join([f"| {head[0]} | {head[1]} |", "|---|---|", *lines]) + "\n"


def _code(text: str) -> str:
    return f"`{text}`"


def _form_of_python(slip: Slip) -> tuple[str, str]:
    """The line of a slip's first example that is wrong, and what is said of it."""
    text = PRAGMA + slip.examples[0]
    (mistake,) = mistakes(text)
    assert mistake.primary is not None
    line = text.split("\n")[mistake.primary.span.line - 1].strip()
    return _code(line), mistake.message
