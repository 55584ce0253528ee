"""Values of a kind that only newcomers write at their place: tuples for sizes, numbers for lists, lists of tensors."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.diagnostics import Diagnostic, Fix
from archlang.elaborate.habits.calls import (
    Mend,
    call_around,
    entry_of,
    example,
    wanted_argument,
    without_quotes,
)
from archlang.elaborate.habits.elsewhere import STAGES_ELSEWHERE
from archlang.elaborate.habits.flows import FlowReader
from archlang.elaborate.habits.habit import items_of, size_text, whole_number
from archlang.ops.kinds import ListKind, SizeOf
from archlang.ops.model import REQUIRED, Arg, Catalogue, by_place
from archlang.syntax.printer import print_flat
from archlang.syntax.tree import (
    Bind,
    Call,
    CodeDeclaration,
    Expr,
    Flow,
    Index,
    ListOf,
    Name,
    Number,
    Text,
    TreeNode,
    TupleOf,
)


def mend_of_value(
    mistake: Diagnostic, path: Sequence[TreeNode], reader: FlowReader, catalogue: Catalogue
) -> Mend | None:
    """The mend for a value that does not fit its place.

    Args:
        mistake: what elaboration says of it.
        path: the nodes around it, from the file to itself.
        reader: reads flows with the names of the place.
        catalogue: all operations and settings.
    """
    node, parent = path[-1], path[max(len(path) - 2, 0)]
    match node:
        case Index():
            return _index(node, reader, catalogue)
        case Number() if isinstance(parent, Bind) and parent.name == "lr":
            return _rate(parent)
        case ListOf():
            return _list(node, path, reader, catalogue)
        case TupleOf():
            return _brackets(node, path, catalogue)
        case Text():
            return _text(node, path, catalogue)
        case Name():
            return _fallback(node, path, catalogue, mistake)

    if isinstance(node, Expr):
        return _brackets(node, path, catalogue) or _fallback(node, path, catalogue, mistake)
    return None


def _list(node: ListOf, path: Sequence[TreeNode], reader: FlowReader, catalogue: Catalogue) -> Mend | None:
    """A list of a code's words, of losses, of stages, of the numbers of a size, or of tensors."""
    parent = path[-2]
    if isinstance(parent, Flow) and node in parent.steps[1:] and node.items:
        if _is_brought_together(parent, node, reader):
            text = f"parallel {{ {'; '.join(print_flat(item) for item in node.items)} }}"
            return Mend((f"stages side by side stand in braces: write `{text}`",), Fix(node.span, text))
        text = " -> ".join(print_flat(item) for item in node.items)
        return Mend((f"stages one behind the other are a flow: write `{text}`",), Fix(node.span, text))

    known = _words_of_list(node, path) or _summed(node, path) or _brackets(node, path, catalogue)
    if known is None and node.items and isinstance(node.items[0], Text):
        return _text(node.items[0], (*path, node.items[0]), catalogue)
    if known is not None or len(node.items) < 2:
        return known

    # Tensors alone make a bundle; with a number among them nothing is certain.
    sources = [source for item in node.items if (source := reader.source(item)) is not None]
    if len(sources) != len(node.items):
        return None
    bundle = f"({', '.join(sources)})"
    help = f"a list holds static values; tensors make a bundle: write `{bundle}`"
    return Mend((help,), Fix(node.span, bundle))


def _is_brought_together(flow: Flow, step: ListOf, reader: FlowReader) -> bool:
    """Return whether the step behind a list brings several tensors together."""
    at = next(at for at, one in enumerate(flow.steps) if one is step)
    if at + 1 >= len(flow.steps):
        return False
    behind = flow.steps[at + 1]
    if isinstance(behind, Call):
        behind = behind.callee
    return isinstance(behind, Name) and reader.names.is_merge(behind.text)


def _text(node: Text, path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    """A name in quotes: what it is called here, or what is written in its place."""
    sentence = STAGES_ELSEWHERE.get(node.value.lower())
    if sentence is not None:
        return Mend((sentence,))
    return without_quotes(node, path, catalogue)


def _rate(setting: Bind) -> Mend:
    """A learning rate as a number, where a phase has a curve."""
    number = print_flat(setting.value)
    return Mend((f"the rate is the optimizer's, `adam(lr = {number})`; in a phase it is a curve: `lr = constant`",))


def _index(node: Index, reader: FlowReader, catalogue: Catalogue) -> Mend | None:
    """The arguments of a stage in square brackets, or the index of a tensor."""
    if not isinstance(node.value, Name):
        return None

    name, index = node.value.text, print_flat(node.index)
    if reader.source(node.value) is not None:
        return Mend((f"a part of a tensor is taken by a stage: `{name} -> slice({index}, ...)`, along `axis = ...`",))
    if catalogue.stage(name) is None:
        return None
    return Mend((f"arguments stand in parentheses, `( )`: `{name}({index})`",))


def _brackets(value: Expr, path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    """A value in the brackets that its argument wants: a size of a tuple, a list around a single item."""
    arg = wanted_argument(path, catalogue)
    call = call_around(path[:-1])
    if arg is None or call is None:
        return None

    kinds = (arg.kind, *getattr(arg.kind, "kinds", ()))
    if isinstance(value, TupleOf | ListOf):
        numbers = [whole_number(item) for item in value.items]
        known = [number for number in numbers if number is not None]
        wants_size = any(isinstance(kind, SizeOf) for kind in kinds)
        if not wants_size or len(known) != len(numbers) or not 2 <= len(known) <= 3:
            return None
        text = size_text(known)
        return Mend((f"a size is its numbers with an x between them: write `{text}`",), Fix(value.span, text))

    if not any(isinstance(kind, ListKind) for kind in kinds):
        return None
    given = [argument.value for argument in call.arguments or () if argument.name is None]
    if given and given[0] is value and len(by_place(_entry_args(call, catalogue))) == 1:  # `reshape(8, 16)`
        text = f"{print_flat(call.callee)}([{', '.join(print_flat(item) for item in given)}])"
        if whole_number(value) == -1 and len(given) > 1:
            note = "the batch is never written, so that nothing stands for it"
            sizes = ", ".join(print_flat(item) for item in given[1:])
            return Mend((f"write `{print_flat(call.callee)}([{sizes}])`: {note}",))
        return Mend((f"a list stands in square brackets: write `{text}`",))
    text = f"[{print_flat(value)}]"
    return Mend((f"a list stands in square brackets: write `{text}`",), Fix(value.span, text))


def _fallback(value: Expr, path: Sequence[TreeNode], catalogue: Catalogue, mistake: Diagnostic) -> Mend | None:
    """A value of another kind than its argument: what can stand there, or a whole call as an example."""
    if mistake.help:
        return None
    if isinstance(value, Name) and "a text in quotes" in mistake.message:
        return Mend((f'write `"{value.text}"`',), Fix(value.span, f'"{value.text}"'))
    if mistake.message.startswith("a code is wanted"):
        return Mend(("declare one beside the network, `code half = design(classes = 10, branches = 10, active = 5)`, "
                     "and write its name here: `half`",))

    arg = wanted_argument(path, catalogue)
    call = call_around(path[:-1])
    if arg is None or call is None or not isinstance(call.callee, Name):
        return None
    taking = _taking_number(catalogue, arg.kind.role)
    if isinstance(value, Number) and len(taking) == 1:
        text = f"{taking[0]}({print_flat(value)})"
        return Mend((f"write `{text}`",), Fix(value.span, text))
    shown = example(catalogue, call.callee.text)
    if not shown:
        return None
    return Mend(shown)


def _taking_number(catalogue: Catalogue, role: str | None) -> list[str]:
    """The settings of a role that take one argument and must have it."""
    settings = [setting for (of_role, _), setting in catalogue.settings.items() if role and of_role == role]
    return [one.name for one in settings if [arg.default is REQUIRED for arg in one.args] == [True]]


def _entry_args(call: Call, catalogue: Catalogue) -> tuple[Arg, ...]:
    """The arguments of what is called; empty where the catalogue does not have it."""
    assert isinstance(call.callee, Name)
    entry = entry_of(catalogue, call.callee.text)
    if entry is None:
        return ()
    return tuple(entry.args)


def _summed(value: ListOf, path: Sequence[TreeNode]) -> Mend | None:
    """Losses in a list: their sum is minimised."""
    parent = path[-2]
    if not isinstance(parent, Bind) or parent.name != "loss" or not value.items:
        return None
    text = " + ".join(print_flat(item) for item in value.items)
    return Mend((f"losses are a weighted sum: write `{text}`",), Fix(value.span, text))


def _words_of_list(value: ListOf, path: Sequence[TreeNode]) -> Mend | None:
    """The words of a code as a list: of texts, or of rows of 0 and 1."""
    if not any(isinstance(node, CodeDeclaration) for node in path):
        return None

    words = [_word(item) for item in value.items]
    if not words or None in words:
        return None
    quoted = [f'"{word}"' for word in words]
    text = f"words({', '.join(quoted)})"
    return Mend((f"a code is made of words: write `{text}`",), Fix(value.span, text))


def _word(item: Expr) -> str | None:
    if isinstance(item, Text):
        return item.value
    bits = [whole_number(bit) for bit in items_of(item)]
    if not bits or not set(bits) <= {0, 1}:
        return None
    return "".join(str(bit) for bit in bits)
