"""The word under a cursor: what it is, what flows there, what it costs, what it is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlang.diagnostics.text import one_line
from archlang.editor.calls import form_of_call
from archlang.editor.cursor import cursor_at
from archlang.editor.forms import FUNCTIONS, Form, FormArgument, of_block, of_entry
from archlang.editor.meaning import Meaning, Passage
from archlang.editor.names import Binding
from archlang.editor.workspace import ArchText, OpenDocument, OpenFiles
from archlang.graph.outline import compact
from archlang.shapes import Dim
from archlang.source import Span
from archlang.syntax.lexing import WORDS, Token
from archlang.syntax.tree import Bind, Block, Input, NetworkDeclaration

SHOWN = 6
"""Types, and values of a name, that are listed."""

_SORTS = {
    "import": "imported", "let": "value", "layer": "layer", "block": "block", "code": "code", "network": "network",
    "parameter": "parameter", "dial": "dial", "tensor": "tensor", "input": "input", "size": "symbolic size",
    "loop": "name of a loop", "output": "output",
}


@dataclass(frozen=True)
class Explained:
    """All that is known of a word: the part of the text it belongs to, and paragraphs of Markdown."""

    span: Span
    paragraphs: tuple[str, ...]

    @property
    def text(self) -> str:
        """All paragraphs."""
        return "\n\n".join(part for part in self.paragraphs if part)


def explained_at(files: OpenFiles, document: OpenDocument, offset: int) -> Explained | None:
    """Say what the word at a place is; None where there is nothing to say."""
    file = document.now
    token = _token_at(file, offset)
    if token is None:
        return None

    meaning = document.current
    argument = _argument(files, file, token)
    if argument is not None:
        return Explained(token.span, (_code(argument.label), argument.doc, f"takes {argument.takes}"))
    found = file.names.at(offset)
    flow = _flow(file, token.start, meaning)
    if found is not None and token.type == "NAME":
        return Explained(found[1], (*_binding(files, file, found[0], found[1], meaning), *flow))

    form = _form(files, file, token, meaning)
    if form is not None:
        example = ""
        if form.example:
            example = _code(form.example)
        return Explained(token.span, (_code(form.label), *flow, form.doc, _listed(form), example))
    if token.text in FUNCTIONS and token.type == "NAME":
        return Explained(token.span, (_code(f"{token.text}(...)"), FUNCTIONS[token.text]))
    return _number(file, token, meaning)


def _token_at(file: ArchText, offset: int) -> Token | None:
    """The word at a place; behind its last letter counts too, but not before another word."""
    touching = [token for token in file.reading.tokens if token.start <= offset <= token.end]
    # Behind `(` of `conv(` the cursor touches both, and the name is meant.
    names = [token for token in touching if token.type == "NAME" or token.text in WORDS]
    if names:
        return names[-1]
    return next((token for token in touching if token.start <= offset < token.end), None)


def _argument(files: OpenFiles, file: ArchText, token: Token) -> FormArgument | None:
    """The argument that a word names, `stride` in `conv(3x3, 8, stride = 2)`."""
    tokens = file.reading.tokens
    behind = tokens.index(token) + 1
    if token.type != "NAME" or behind >= len(tokens) or tokens[behind].type != "EQUAL":
        return None
    form = form_of_call(files, file, cursor_at(file.reading, token.start))
    if form is None:
        return None
    return form.argument(token.text)


def _form(files: OpenFiles, file: ArchText, token: Token, meaning: Meaning | None) -> Form | None:
    """The form of an entry of the catalogue: as the compiler read it, else as its place suggests."""
    if token.type != "NAME":
        return None
    if meaning is not None and (token.start, token.end) in meaning.entries:
        return of_entry(meaning.entries[token.start, token.end])
    return files.form(file, token.text, token.start)


def _binding(files: OpenFiles, file: ArchText, binding: Binding, span: Span, meaning: Meaning | None) -> list[str]:
    """The declaration of a name, and the values it has."""
    declared = files.declared(file, binding)
    node = binding.node
    if declared is not None:
        node = declared.binding.node
    if isinstance(node, Block | NetworkDeclaration):
        form = of_block(node)
        where = ""
        if declared is not None and declared.file is not file:
            where = f"from `{declared.file.place.name}`"
        return [_code(f"{form.what} {form.label}"), where, form.doc]

    parts = [f"{_SORTS[binding.sort]} `{binding.name}`"]
    written = node.span
    if not isinstance(node, Bind | Input) and written.end <= len(written.source.text) and len(written.text) > 1:
        parts.append(_code(one_line(written.text, 200)))
    values = _values(span, binding, meaning)
    if values:
        parts.append("is " + _several([f"`{value}`" for value in values]))
    return parts


def _values(span: Span, binding: Binding, meaning: Meaning | None) -> Sequence[str]:
    """The values of a name at its use, or where it is bound."""
    if meaning is None:
        return ()
    here = meaning.values.get((span.start, span.end), [])
    # The compiler knows the value of a declaration by its uses.
    return here or meaning.values.get((binding.node.span.start, binding.node.span.end), [])


def _flow(file: ArchText, start: int, meaning: Meaning | None) -> list[str]:
    """The types that go through the stage that begins at a place, and what that costs."""
    if meaning is None:
        return []
    length = len(file.text.text)  # a stage that is not finished ends behind the text
    keys = [key for key in meaning.passages if key[0] == start and key[1] <= length]
    if not keys:
        return []

    # A flow begins where its first stage does, and that one is meant.
    passages = meaning.passages[min(keys)]
    ways = list(dict.fromkeys(f"`{one.entered}` -> `{one.left}`" for one in passages))
    return [_several(ways), _cost(meaning, passages)]


def _cost(meaning: Meaning, passages: Sequence[Passage]) -> str:
    cost = meaning.cost(passages)
    text = f"{count_shown(cost.parameters)} parameters, {count_shown(cost.flops)} FLOPs, "
    text += f"{bytes_shown(cost.result_bytes)} of results"
    uses = len(passages)
    if uses > 1:
        return f"in {uses} uses together: {text}"
    return text


def count_shown(number: Dim) -> str:
    """Write a count: four digits whole, more in three figures.

    >>> count_shown(1216), count_shown(335_040)
    ('1,216', '335 k')
    """
    if isinstance(number, int) and number < 10_000:
        return f"{number:,}"
    return compact(number)


def bytes_shown(number: Dim) -> str:
    """Write a number of bytes.

    >>> bytes_shown(512), bytes_shown(1_200)
    ('512 B', '1.2 kB')
    """
    text = compact(number)
    if text[-1:].isalpha() and " " in text:  # `1.2 k` of bytes are `1.2 kB`
        return f"{text}B"
    return f"{text} B"


def _several(parts: Sequence[str]) -> str:
    """Some parts in a row, the first few of many."""
    if len(parts) > SHOWN:
        return ", ".join(parts[:SHOWN]) + f" and {len(parts) - SHOWN} more"
    return ", ".join(parts)


def _listed(form: Form) -> str:
    """The arguments of a form, one a line."""
    lines = []
    for one in form.arguments:
        text = f"- `{one.label}`: {one.takes}"
        if one.doc:
            text += f"; {one.doc}"
        lines.append(text)
    return "\n".join(lines)


def _number(file: ArchText, token: Token, meaning: Meaning | None) -> Explained | None:
    """The types that go through a stage whose sign is under the cursor, such as the braces of `each`."""
    if token.type not in ("LBRACE", "HEAD_BRACE", "FOR", "IF"):
        return None
    parts = _flow(file, token.start, meaning)
    if not parts:
        return None
    return Explained(token.span, tuple(parts))


def _code(text: str) -> str:
    return f"```arch\n{text}\n```"
