"""Calls of this language with something wrong in their parentheses: what is missing, in quotes, or meant elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archlang.dataclass import dataclass
from archlang.diagnostics import Alternative, ArchError, Fix, suggestions
from archlang.elaborate.habits.elsewhere import ELSEWHERE
from archlang.elaborate.habits.native import SHORT_NAMES
from archlang.ops.model import REQUIRED, Arg, Catalogue, Entry, Structure, by_place
from archlang.source import Source, Span
from archlang.syntax.parser import parse
from archlang.syntax.printer import print_flat
from archlang.syntax.tree import (
    Block,
    Call,
    Expr,
    Field,
    File,
    Let,
    Name,
    Text,
    TreeNode,
)
from archlang.syntax.walk import walk

_TOGETHER = ("add", "mul", "sub", "div", "maximum", "minimum", "concat", "matmul")
LONGEST = 100  # characters of an example in a message


@dataclass(frozen=True)
class Mend:
    """Help for a mistake, its edit, a message and a place where the mistake's do not fit, and other likely mends."""

    help: tuple[str, ...]
    fix: Fix | None = None
    message: str = ""
    place: Span | None = None
    alternatives: tuple[Alternative, ...] = ()


def entry_of(catalogue: Catalogue, name: str) -> Entry | None:
    """The stage or the setting of a name, where it has one meaning."""
    stage = catalogue.stage(name)
    if stage is not None:
        return stage
    roles = catalogue.roles_of(name)
    if len(roles) != 1:
        return None
    return catalogue.setting(roles[0], name)


def call_around(path: Sequence[TreeNode]) -> Call | None:
    """The innermost call of a plain name around a place, or at it."""
    return next((node for node in reversed(path) if isinstance(node, Call) and isinstance(node.callee, Name)), None)


def example(catalogue: Catalogue, name: str) -> tuple[str, ...]:
    """A whole call of an operation or a setting, as its page shows it; empty where it has none or a long one."""
    entry = entry_of(catalogue, name)
    if entry is None or not entry.example:
        return ()

    try:
        file = parse(Source("<example>", f"archlang 1\nnetwork N {{\n{entry.example}\n}}\n"))
    except ArchError:  # the example of a setting of `train`, which is no flow
        return ()
    for node in walk(file):
        if isinstance(node, Call) and isinstance(node.callee, Name) and node.callee.text == name:
            text = print_flat(replace(node, body=None))
            if len(text) <= LONGEST:
                return (f"for example: `{text}`",)
    return ()


def arguments_of(catalogue: Catalogue, name: str) -> Sequence[Arg]:
    """The arguments of a stage or a setting of the catalogue."""
    entry = catalogue.stage(name)
    if entry is not None:
        return entry.args

    for role in catalogue.roles_of(name):
        setting = catalogue.setting(role, name)
        if setting is not None:
            return setting.args
    return ()


def wanted_argument(path: Sequence[TreeNode], catalogue: Catalogue) -> Arg | None:
    """The argument at whose place a value stands, as the catalogue declares it."""
    call = call_around(path[:-1])
    if call is None or not isinstance(call.callee, Name):
        return None
    entry = entry_of(catalogue, call.callee.text)
    if entry is None:
        return None

    by_name = {arg.name: arg for arg in entry.args}
    places = by_place(entry.args)
    position = 0
    for argument in call.arguments or ():
        name = argument.name
        if name is None and position < len(places):
            name = places[position]
            position += 1
        if any(node is argument.value or node is argument for node in path):
            return by_name.get(name or "")
    return None


def without_quotes(text: Text, path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    """A name in quotes where a stage or a setting stands by its name."""
    arg = wanted_argument(path, catalogue)
    names: tuple[str, ...] = ()
    if arg is not None:
        words = tuple(arg.kind.words)
        if arg.kind.role:
            names = catalogue.of_role(arg.kind.role)
        names = (*words, *names)
        # Where a number is wanted, no name is meant: "sixteen" is not `sin`.
        if not names and not arg.kind.stages:
            return None
    if not names:
        names = (*catalogue.stages, *(name for _, name in catalogue.settings))

    here = SHORT_NAMES.get(text.value.lower(), text.value)
    near = [name for name in names if name == here] or suggestions(here, names)
    near = near or [name for name in names if here and here in name.split("_")]
    if not near:  # the text may be a path or a label, and quotes are right around it
        return None

    written = _with_required(catalogue, near[0], names)
    fix: Fix | None = None
    if written == near[0]:
        fix = Fix(text.span, written)
    return Mend((f"names stand without quotes: write `{written}`",), fix)


def _with_required(catalogue: Catalogue, name: str, names: Sequence[str]) -> str:
    """A setting or a stage by its name, with places for what it must be given."""
    entry = entry_of(catalogue, name)
    if entry is None:
        return name

    required = [f"{arg.name} = ..." for arg in entry.args if arg.default is REQUIRED]
    if not required:
        return name
    shown = example(catalogue, name)
    if shown:
        return shown[0].partition("`")[2].rstrip("`")
    return f"{name}({', '.join(required)})"


def flow_in_braces(call: Call, catalogue: Catalogue) -> Mend | None:
    """A stage as the last argument in parentheses, where it stands in braces behind them."""
    assert isinstance(call.callee, Name)
    entry = catalogue.stage(call.callee.text)
    arguments = call.arguments or ()
    if not isinstance(entry, Structure) or entry.body == "none" or call.body is not None or len(arguments) < 2:
        return None
    required = len(by_place(entry.args))
    if not required or len(arguments) != required + 1 or any(argument.name is not None for argument in arguments):
        return None

    head = print_flat(replace(call, arguments=arguments[:-1]))
    text = f"{head} {{ {print_flat(arguments[-1].value)} }}"
    return Mend((f"the flow of this stage stands in braces: write `{text}`",), Fix(call.span, text))


def block_call(name: Name, path: Sequence[TreeNode]) -> Mend | None:
    """A call of a block that lacks an argument: what the block takes, and what flows in without being one."""
    file = path[0]
    assert isinstance(file, File)
    block = next((one for one in file.declarations if isinstance(one, Block) and one.name == name.text), None)
    if block is None:
        return None

    first, *others = [parameter.name for parameter in block.parameters]
    call = f"`{name.text}({', '.join((first, *others))})`"
    if first in ("x", "input", "inputs", "image", "img", "features"):
        head = f"block {name.text}"
        if others:
            head += f"({', '.join(others)})"
        help = f"what flows in is called `in` and is no parameter: declare `{head} = stage -> stage`"
        message = f"`{first}` is a parameter of the block `{name.text}`; what flows in is none"
        return Mend((help,), None, message, block.parameters[0].span)
    return Mend((f"it is called with all of them, {call}, but for those that have a default",))


def counted_too(node: TreeNode, path: Sequence[TreeNode], known_help: tuple[str, ...]) -> Mend | None:
    """Tensors brought together as in `x -> add(a, b)`, where the sum of two was meant."""
    call = call_around(path)
    if call is None or not isinstance(call.callee, Name) or call.callee.text not in _TOGETHER or call.body is not None:
        return None
    arguments = call.arguments or ()
    if len(arguments) < 2 or any(argument.name is not None for argument in arguments):
        return None

    first, *others = [print_flat(argument.value) for argument in arguments]
    meant = f"`{first} -> {call.callee.text}({', '.join(others)})`"
    return Mend((f"what flows in is brought together with them; without it, write {meant}", *known_help))


def text_for_parameter(name: Name, said: str, path: Sequence[TreeNode]) -> Text | None:
    """The text in quotes that a parameter of a block carried to a place where a stage or a word is wanted."""
    file, block = path[0], next((node for node in path if isinstance(node, Block)), None)
    if block is None or name.text not in [parameter.name for parameter in block.parameters]:
        return None

    texts = [node for node in walk(file) if isinstance(node, Text) and f'the text "{node.value}"' in said]
    for node in walk(file):
        if isinstance(node, Call) and isinstance(node.callee, Name) and node.callee.text == block.name:
            given = [argument.value for argument in node.arguments or ()]
            carried = next((text for text in texts if any(text is value for value in given)), None)
            if carried is not None:
                return carried
    return None


def meant_elsewhere(path: Sequence[TreeNode], name: str) -> tuple[str, ...]:
    """The place in this language of an argument of other programs that is not in the call."""
    sentence = ELSEWHERE.get(name)
    if call_around(path) is None or sentence is None:
        return ()
    return (sentence,)


# --- codes -----------------------------------------------------------------------------------------------------------


def bound_by_let(path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    """The mend of a `let` of a code, which is declared beside the network, or of a tensor, which needs no word."""
    let = next((node for node in path if isinstance(node, Let)), None)
    if let is None:
        return None

    value, called = let.value, ""
    if isinstance(value, Call) and isinstance(value.callee, Name):
        called = value.callee.text
    if called not in catalogue.of_role("code"):
        text = f"{let.name} = {print_flat(value)}"
        return Mend((f"write `{text}`",), Fix(let.span, text))

    text = f"code {let.name} = {print_flat(let.value)}"
    if path.index(let) == 1:  # the file stands around it, and nothing else
        return Mend((f"write `{text}`",), Fix(let.span, text))
    return Mend((f"write `{text}` outside of the braces, before the network",))


# --- optimizers ------------------------------------------------------------------------------------------------------


def optimizer(path: Sequence[TreeNode], catalogue: Catalogue) -> Mend | None:
    """An optimizer of this language that is given the weights of a model, as PyTorch's are."""
    call = call_around(path)
    if call is None or not isinstance(call.callee, Name) or not call.arguments:
        return None
    if catalogue.setting("optimizer", call.callee.text) is None or not _gives_weights(call.arguments[0].value):
        return None

    text = print_flat(replace(call, arguments=call.arguments[1:]))
    message = f"`{call.callee.text}` is not given the parameters of a model: they are those of the network"
    return Mend((f"write `{text}`",), Fix(call.span, text), message)


def _gives_weights(value: Expr) -> bool:
    """Recognise `model.parameters()`, or a plain name such as `params`."""
    if isinstance(value, Call) and isinstance(value.callee, Field):
        return value.callee.name in ("parameters", "named_parameters", "trainable_variables")
    return isinstance(value, Name) and value.text in ("params", "parameters", "model", "weights")
