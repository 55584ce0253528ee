"""Steps that can be cross-predictions: a convolution or linear layer whose activation moves behind the router's sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlang.elaborate.network import Network
from archlang.ops import CATALOGUE
from archlang.syntax.mapping import mapped
from archlang.syntax.tree import Argument, Block, Call, Expr, Flow, Import, Name, Number, SizeLiteral, TreeNode
from archlang.syntax.walk import walk
from archlang.transform.sequence import SequentialStep, arguments_of, bare, one_flow, stage_name

MAPS = ("conv", "linear")


@dataclass(frozen=True)
class Predicted:
    """The map that takes the place of `consumed` steps (0: it is put in before them)."""

    mapping: Expr
    consumed: int


def predictions(net: Network, steps: Sequence[SequentialStep], start: int, ends: set[int]) -> dict[int, Predicted]:
    """The prediction for each step that begins a stage, by the step's index."""
    found: dict[int, Predicted] = {}
    # A stage begins at the start, and behind each end.
    for i in sorted({start, *(end + 1 for end in ends)}):
        if i >= len(steps):
            continue
        # The first that fits: a block as it is, then steps written out, and a new convolution only where neither does.
        prediction = _by_block(net, steps[i]) or _written_out(steps, i) or _inserted(steps[i])
        if prediction is not None:
            found[i] = prediction
    return found


def _by_block(net: Network, step: SequentialStep) -> Predicted | None:
    """A block `conv -> batch_norm -> relu`, or `linear -> relu`, with its arguments put in."""
    expr = bare(step.expr)
    if isinstance(expr, Call) and expr.body is None:
        name = expr.callee
    else:
        name = expr
    if isinstance(name, Name):
        block = _block(net, name.text)
    else:
        block = None
    if block is None or not isinstance(block.body, Flow):
        return None

    inner = [bare(s) for s in block.body.steps]
    # Only a relu may move behind the sum: the stage's activation there is a relu unless told otherwise.
    if not _is_mapping(inner[:-1]) or inner[-1] != Name("relu"):
        return None

    arguments = _bound(block, arguments_of(expr))
    if arguments is None:
        return None

    steps = tuple(mapped(s, lambda node: _substituted(node, arguments)) for s in inner[:-1])
    # A name that is neither a stage nor an argument belongs to the block's own file, and means nothing here.
    known = _names(arguments)
    names = (n for s in steps for n in walk(s) if isinstance(n, Name))
    if any(CATALOGUE.stage(n.text) is None and n not in known for n in names):
        return None
    return Predicted(one_flow(steps), 1)


def _written_out(steps: Sequence[SequentialStep], i: int) -> Predicted | None:
    """`conv -> batch_norm -> relu` or `linear -> relu` written out among the steps."""
    # Three before two: with a batch norm in between, the shorter run would end before the relu.
    for length in (3, 2):
        run = [bare(s.expr) for s in steps[i : i + length]]
        if len(run) == length and run[-1] == Name("relu") and _is_mapping(run[:-1]):
            return Predicted(one_flow(run[:-1]), length)
    return None


def _inserted(step: SequentialStep) -> Predicted | None:
    """`conv(3x3, C) -> batch_norm` at the width C that enters, before a block with convolutions."""
    # A prediction over vectors or of an open width has no channels that could be written down.
    if not step.windowed or step.entering.rank != 3 or not isinstance(step.entering.dims[0], int):
        return None
    width = Argument(None, Number(step.entering.dims[0]))
    conv = Call(Name("conv"), (Argument(None, SizeLiteral((3, 3))), width))
    return Predicted(Flow((conv, Name("batch_norm"))), 0)


def _is_mapping(steps: Sequence[Expr]) -> bool:
    """Tell whether steps are a convolution or linear layer, then at most a batch norm."""
    names = [stage_name(step) for step in steps]
    if not all(names) or not names:
        return False
    return names[0] in MAPS and names[1:] in ([], ["batch_norm"])


def _block(net: Network, name: str) -> Block | None:
    """The block of a name, of this file or imported."""
    main = net.project.main
    found = main.exports.get(name)
    for item in main.of(Import):
        assert isinstance(item, Import)
        source = main.imported(item)
        for imported in item.names:
            if source is not None and (imported.alias or imported.name) == name:
                found = source.exports.get(imported.name)
    if isinstance(found, Block):
        return found
    return None


def _bound(block: Block, arguments: Sequence[Argument]) -> dict[str, Expr] | None:
    """The expression for each parameter of a block, given or by default; None where one is missing."""
    bound = {p.name: p.default for p in block.parameters}
    for parameter, argument in zip(block.parameters, arguments, strict=False):
        bound[argument.name or parameter.name] = argument.value

    given = {name: value for name, value in bound.items() if value is not None}
    if len(given) == len(bound):
        return given
    return None


def _substituted(node: TreeNode, arguments: dict[str, Expr]) -> TreeNode:
    """The argument in the place of a parameter's name."""
    if isinstance(node, Name) and node.text in arguments:
        return arguments[node.text]
    return node


def _names(arguments: dict[str, Expr]) -> set[TreeNode]:
    """The names that stand in arguments."""
    return {n for value in arguments.values() for n in walk(value) if isinstance(n, Name)}
