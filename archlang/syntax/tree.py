"""The tree: the content of a `.arch` file, before anything is known of its meaning. Every kind of node is on this page.

Spans and comments take no part in equality, so `parse(print(tree)) == tree` compares meanings alone.
"""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from archlang.dataclass import dataclass, unguarded
from archlang.source import NOWHERE, Span


@unguarded
@dataclass(frozen=True)
class Comment:
    """A `#` comment with its sign, right-stripped. `blank` marks an empty line before it."""

    text: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    blank: bool = field(default=False, compare=False, repr=False)


@unguarded
@dataclass(frozen=True, kw_only=True)
class TreeNode:
    """The parts common to all nodes: place and comments.

    `before` holds comments on lines of their own, `behind` the one at the end of the line. The parser builds nodes
    bottom-up and hangs comments on them last; from then on a tree does not change.
    """

    span: Span = field(default=NOWHERE, compare=False, repr=False)
    before: tuple[Comment, ...] = field(default=(), compare=False, repr=False)
    behind: Comment | None = field(default=None, compare=False, repr=False)
    blank: bool = field(default=False, compare=False, repr=False)  # an empty line stands before it


# --- expressions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Name(TreeNode):
    """A name in use: `stem`, `relu`, `H`."""

    text: str


@dataclass(frozen=True)
class In(TreeNode):
    """`in`: the value that enters the innermost block, or the innermost braces that are applied to a value."""


@dataclass(frozen=True)
class Number(TreeNode):
    """An integer or a float. `written` is its spelling in the file, which the printer keeps: `1e-3`, not `0.001`."""

    value: int | float
    written: str = field(default="", compare=False)


@dataclass(frozen=True)
class Truth(TreeNode):
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True)
class Text(TreeNode):
    """A string in double quotes, with its escapes resolved."""

    value: str


@dataclass(frozen=True)
class SizeLiteral(TreeNode):
    """`3x3`, `1x7`, `3x3x3`: rows x columns, or depth x rows x columns."""

    sizes: tuple[int, ...]


@dataclass(frozen=True)
class ListOf(TreeNode):
    """`[a, b]`: a static list, or a tensor's type after `input name:`."""

    items: tuple[Expr, ...]


@dataclass(frozen=True)
class TupleOf(TreeNode):
    """`(a, b)`: a bundle of tensors, or a place such as `(1, 2)`. `(a)` without a comma is `Parens`."""

    items: tuple[Expr, ...]


@dataclass(frozen=True)
class Parens(TreeNode):
    """`(a -> b)`: an expression in parentheses. They are kept even if precedence does not need them."""

    inner: Expr


@dataclass(frozen=True)
class Unary(TreeNode):
    """`-a`, `+a`, `not a`."""

    operator: Literal["-", "+", "not"]
    operand: Expr


Operator = Literal["or", "and", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "//", "%", "**", "at"]


@dataclass(frozen=True)
class Binary(TreeNode):
    """`left operator right`; also a repetition, `4 * stage`, and a kernel at a place, `3x1 at (1, 2)`."""

    operator: Operator
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Argument(TreeNode):
    """One argument of a call. `name` is None for a positional one."""

    name: str | None
    value: Expr
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Call(TreeNode):
    """`callee(arguments) { body }`. `arguments` is None without parentheses, `body` is None without braces."""

    callee: Expr
    arguments: tuple[Argument, ...] | None
    body: Body | None = None


@dataclass(frozen=True)
class Field(TreeNode):
    """`value.name`."""

    value: Expr
    name: str


@dataclass(frozen=True)
class Index(TreeNode):
    """`value[index]`."""

    value: Expr
    index: Expr


@dataclass(frozen=True)
class Flow(TreeNode):
    """`a -> b -> c`, two steps or more."""

    steps: tuple[Expr, ...]


@dataclass(frozen=True)
class As(TreeNode):
    """`step as name`: gives the modules of the step a name, which may be calculated: `step as ("stage" + i)`."""

    step: Expr
    name: str | Expr
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class If(TreeNode):
    """`if test { then } else { otherwise }`. `otherwise` is another `If` for `else if`, and None without `else`."""

    test: Expr
    then: Body
    otherwise: Body | If | None = None


@dataclass(frozen=True)
class LoopName(TreeNode):
    """A name that a `for` gives to each item of a list, or to a member of each item."""

    name: str


@dataclass(frozen=True)
class For(TreeNode):
    """`for name in values { body }`; with several names, `for (a, b) in rows { body }`, each item is taken apart."""

    names: tuple[LoopName, ...]
    values: Expr
    body: Body


@dataclass(frozen=True)
class From(TreeNode):
    """`from "file.csv" (distance = 6)`: the value of a `code`. Its arguments are properties that are checked."""

    path: str
    arguments: tuple[Argument, ...] | None = None


Expr = (
    Name | In | Number | Truth | Text | SizeLiteral | ListOf | TupleOf | Parens | Unary | Binary | Call | Field | Index
    | Flow | As | If | For | From
)


# --- statements and bodies -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Let(TreeNode):
    """`let name = value`: a static value or a stage."""

    name: str
    value: Expr
    doc: str | None = None
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Layer(TreeNode):
    """`layer name = stage` in a body: a stage that holds its weights once, however often it is used."""

    name: str
    value: Expr
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Bind(TreeNode):
    """`name = value`: a tensor or bundle in a body, a setting in a `train`, a `phase` or a `step`."""

    name: str
    value: Expr
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Input(TreeNode):
    """`input name: [C, H, W] (mean = [...], std = [...]) where test`."""

    name: str
    sizes: ListOf
    arguments: tuple[Argument, ...] | None = None
    where: Expr | None = None
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Output(TreeNode):
    """`output value` (name is None) or `output name = value`."""

    name: str | None
    value: Expr
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Stretch(TreeNode):
    """`phase name { settings }` or `step name { settings }` in a `train`."""

    word: Literal["phase", "step"]
    name: str
    body: Body
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


Statement = Let | Layer | Bind | Input | Output | Stretch


@dataclass(frozen=True)
class Body(TreeNode):
    """Braces: perhaps a doc string, then statements or flows, never both.

    `after` holds the comments before the closing brace.
    """

    doc: str | None = None
    statements: tuple[Statement, ...] = ()
    flows: tuple[Expr, ...] = ()
    after: tuple[Comment, ...] = field(default=(), compare=False, repr=False)


# --- declarations ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Imported(TreeNode):
    """One name of an import, perhaps under another one: `name as alias`."""

    name: str
    alias: str | None = None


@dataclass(frozen=True)
class Import(TreeNode):
    """`import std.resnet (names)`, whose path is the dotted name, or, `quoted`, `import "./file.arch" (names)`."""

    path: str
    names: tuple[Imported, ...]
    quoted: bool = False
    path_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Parameter(TreeNode):
    """A parameter of a block or a dial of a network. Only that of a block may lack a default."""

    name: str
    default: Expr | None = None


@dataclass(frozen=True)
class Block(TreeNode):
    """`block name(parameters) = flow`, whose `body` is an expression, or with braces, whose `body` is a `Body`."""

    name: str
    parameters: tuple[Parameter, ...]
    body: Expr | Body
    doc: str | None = None
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class CodeDeclaration(TreeNode):
    """`code name = value`: codewords of branches, designed, written in place or read from a file."""

    name: str
    value: Expr
    doc: str | None = None
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class NetworkDeclaration(TreeNode):
    """`network name(dials) { statements }`."""

    name: str
    dials: tuple[Parameter, ...]
    body: Body
    doc: str | None = None
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Train(TreeNode):
    """`train { settings, phases, steps }`."""

    body: Body
    doc: str | None = None


Declaration = Import | Let | Block | CodeDeclaration | NetworkDeclaration | Train


@dataclass(frozen=True)
class File(TreeNode):
    """A whole file. `after` holds the comments behind the last declaration."""

    declarations: tuple[Declaration, ...]
    doc: str | None = None
    version: int = 1
    after: tuple[Comment, ...] = field(default=(), compare=False, repr=False)
