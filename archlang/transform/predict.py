"""Which steps can be cross-predictions: a convolution or dense map whose activation moves behind the router's sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlang.elaborate import Network
from archlang.ops import CATALOGUE
from archlang.syntax.mapping import mapped
from archlang.syntax.tree import Argument, Block, Body, Call, Expr, Flow, Import, Name, Number, SizeLiteral, TreeNode
from archlang.syntax.walk import walk
from archlang.transform.sequence import Step, bare

MAPS = ("conv", "linear")


@dataclass(frozen=True)
class Predicted:
    """The map that takes the place of `consumed` steps (0: it is put in before them)."""

    mapping: Expr
    consumed: int


def predictions(net: Network, steps: Sequence[Step], start: int, ends: set[int]) -> dict[int, Predicted]:
    """For each step that begins a stage: what predicts there, by the step's index."""
    found: dict[int, Predicted] = {}
    for i in sorted({start, *(end + 1 for end in ends)}):
        if i >= len(steps):
            continue
        made = _whole(net, steps[i]) or _spelt(steps, i) or _inserted(steps[i])
        if made is not None:
            found[i] = made
    return found


def _whole(net: Network, step: Step) -> Predicted | None:
    """A block `conv -> batch_norm -> relu`, or `linear -> relu`, with its arguments put in."""
    expr = bare(step.expr)
    name = expr.callee if isinstance(expr, Call) and expr.body is None else expr
    block = _block(net, name.text) if isinstance(name, Name) else None
    if block is None or isinstance(block.body, Body) or not isinstance(block.body, Flow):
        return None
    inner = [bare(s) for s in block.body.steps]
    if not _mapping(inner[:-1]) or inner[-1] != Name("relu"):
        return None
    arguments = _bound(block, (expr.arguments or ()) if isinstance(expr, Call) else ())
    if arguments is None:
        return None
    steps = tuple(mapped(s, lambda node: _put(node, arguments)) for s in inner[:-1])
    if any(isinstance(n, Name) and CATALOGUE.stage(n.text) is None and n not in _names(arguments) for s in steps
           for n in walk(s)):
        return None
    return Predicted(steps[0] if len(steps) == 1 else Flow(steps), 1)


def _spelt(steps: Sequence[Step], i: int) -> Predicted | None:
    """`conv -> batch_norm -> relu` or `linear -> relu` written out among the steps."""
    for length in (3, 2):
        run = [bare(s.expr) for s in steps[i : i + length]]
        if len(run) == length and run[-1] == Name("relu") and _mapping(run[:-1]):
            return Predicted(run[0] if length == 2 else Flow(tuple(run[:-1])), length)
    return None


def _inserted(step: Step) -> Predicted | None:
    """`conv(3x3, C) -> batch_norm` at the width C that enters, before a block with convolutions."""
    if not step.windowed or step.entering.rank != 3 or not isinstance(step.entering.dims[0], int):
        return None
    width = Argument(None, Number(step.entering.dims[0]))
    conv = Call(Name("conv"), (Argument(None, SizeLiteral((3, 3))), width))
    return Predicted(Flow((conv, Name("batch_norm"))), 0)


def _mapping(steps: Sequence[Expr]) -> bool:
    """Whether steps are a convolution or dense layer, then at most a batch norm."""
    callees = [s.callee if isinstance(s, Call) else s for s in steps]
    names = [c.text for c in callees if isinstance(c, Name)]
    return len(names) == len(steps) and names[:1] != [] and names[0] in MAPS and names[1:] in ([], ["batch_norm"])


def _block(net: Network, name: str) -> Block | None:
    main = net.project.main
    found = main.exports.get(name)
    for item in main.of(Import):
        assert isinstance(item, Import)
        source = main.imported(item)
        for imported in item.names:
            if source is not None and (imported.alias or imported.name) == name:
                found = source.exports.get(imported.name)
    return found if isinstance(found, Block) else None


def _bound(block: Block, arguments: Sequence[Argument]) -> dict[str, Expr] | None:
    """The expression for each parameter of a block, given or by default."""
    bound = {p.name: p.default for p in block.parameters}
    for parameter, argument in zip(block.parameters, arguments, strict=False):
        bound[argument.name or parameter.name] = argument.value
    made = {name: value for name, value in bound.items() if value is not None}
    return made if len(made) == len(bound) else None


def _put(node: TreeNode, arguments: dict[str, Expr]) -> TreeNode:
    return arguments[node.text] if isinstance(node, Name) and node.text in arguments else node


def _names(arguments: dict[str, Expr]) -> set[TreeNode]:
    return {n for value in arguments.values() for n in walk(value) if isinstance(n, Name)}
