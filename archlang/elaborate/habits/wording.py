"""The words for forms of other frameworks, and small questions about the text that takes their place."""

from __future__ import annotations

import re
from collections.abc import Collection

from archlang.diagnostics import did_you_mean
from archlang.elaborate.habits.flows import IN_BRACES
from archlang.elaborate.habits.joining import REPEATED
from archlang.elaborate.habits.translation import Translation
from archlang.elaborate.scope import FUNCTIONS
from archlang.syntax.tree import (
    As,
    Binary,
    Call,
    Expr,
    Field,
    Index,
    ListOf,
    Name,
    Number,
    Parens,
    SizeLiteral,
    Text,
    TreeNode,
    Truth,
    Unary,
)


def message_of(translation: Translation) -> str:
    """The message about a form of another framework, or of Python."""
    origin, shown = translation.origin, translation.shown
    if origin == "Python":
        return _python_message(shown)

    here = ""
    if translation.habit is not None:
        here = _stage_of(translation, translation.habit.here)
    if here and shown.startswith("."):
        return f"`{shown}` is a method of {origin}'s tensors; here a tensor flows through `{here}`"
    if here:
        return f"`{shown}` belongs to {origin}; here it is `{here}`"
    return f"`{shown}` belongs to {origin}"


def _stage_of(translation: Translation, usual: str) -> str:
    """The stage that stands for a name: that of its row, unless the arguments make it another one."""
    if translation.text is None or re.search(rf"\b{usual}\b", translation.text):
        return usual
    return re.split(r"\W", translation.text.split(" -> ")[-1])[0] or usual


def without(translation: Translation) -> str:
    """Say behind a mend which arguments it does without; empty if it has them all."""
    if not translation.dropped:
        return ""
    names = ", ".join(f"`{name}`" for name in translation.dropped)
    verb = "have" if len(translation.dropped) > 1 else "has"
    return f"; {names} {verb} no counterpart here"


def help_of_unknown(shown: str, stages: Collection[str]) -> str:
    """Help for a name of a framework that no table has: a whole network is a file, all else may be a stage."""
    if shown in ("+", "-", "*", "/", "**"):
        return ("numbers go with tensors in stages: `x -> scale(0.5)`, `x -> shift(1)`, `x -> pow(2)`; an "
                "input is brought to a range by its `mean` and `std`")
    parts = shown.split(".")
    first, last = parts[0], parts[-1]
    if last == "shape":
        return "the batch is never written; sizes are `x.channels`, `x.height`, `x.width`, `x.features`, `x.positions`"
    if first in ("timm", "models") or "applications" in shown or last in ("create_model", "from_pretrained", "load"):
        return ("a whole network is no stage: docs/networks.md lists published ones as files, and their blocks are "
                "imported, `import std.resnet (basic)`")
    general = "`archlang ops` lists all stages; docs/from-pytorch.md shows their names in PyTorch"
    return (*did_you_mean(snake_case(last), stages), general)[0]


def _python_message(shown: str) -> str:
    """The message for a form that is no name of a framework."""
    if shown == "self":
        return "there is no `self`: names belong to the braces in which they are bound"
    if shown == REPEATED:
        return "a stage is repeated with the number before it"
    if shown == IN_BRACES:
        return "the flows of this stage stand in braces, not in parentheses"

    # What is left is a stage called like a function, a method, or a sign.
    if shown.endswith("("):
        return f"a tensor flows through `{shown[:-1]}`; it is not given as an argument"
    if shown.startswith("."):
        return f"`{shown}` is no method of a tensor: a tensor flows through stages"
    return f"`{shown}` works on numbers; tensors flow through a stage"


def snake_case(name: str) -> str:
    """A class name as this language spells names: `GlobalAvgPool2d` as `global_avg_pool2d`.

    >>> snake_case("GlobalAvgPool2d")
    'global_avg_pool2d'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def fitted(text: str, parent: TreeNode) -> str:
    """The text in parentheses if it is a flow and stands where only one value can."""
    # The arrow binds weaker than any sign, so that `a -> b + c` would be another flow.
    if " -> " in text and isinstance(parent, Binary | Unary | As | Index | Field):
        return f"({text})"
    return text


def is_function_of_numbers(node: Expr) -> bool:
    """Return whether an expression is a call such as `range(2)`, which means the same in this language."""
    if not isinstance(node, Call) or not isinstance(node.callee, Name) or node.callee.text not in FUNCTIONS:
        return False
    # Of a list or a name, too: no tensor has a `range`.
    if node.callee.text == "range":
        return True
    return bool(node.arguments) and all(isinstance(argument.value, Number) for argument in node.arguments or ())


def is_static(value: TreeNode) -> bool:
    """Return whether an expression is a number, a list, a size or a text for certain."""
    match value:
        case Number() | ListOf() | SizeLiteral() | Text() | Truth():
            return True
        case Binary(left=left, right=right):
            return is_static(left) and is_static(right)
        case Unary(operand=inner) | Parens(inner=inner):
            return is_static(inner)

    return False
