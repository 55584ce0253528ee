"""Every convolution with a kernel larger than 1x1 becomes, with its batch norm, a position-boosted one or a peer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar

from archlang.diagnostics import Diagnostic
from archlang.elaborate.network import Network
from archlang.graph.ir import Node
from archlang.kernels import PEERS, RULES, Extent, Window
from archlang.source import Span
from archlang.syntax.mapping import mapped
from archlang.syntax.tree import (
    Argument,
    As,
    Binary,
    Body,
    Call,
    Expr,
    File,
    Flow,
    If,
    Let,
    Name,
    Number,
    SizeLiteral,
    TreeNode,
    Truth,
)
from archlang.syntax.walk import walk
from archlang.transform.base import Transformation, refuse
from archlang.transform.branching import PlaceKey, place_key
from archlang.transform.kernels import listed, read_kernels
from archlang.transform.sequence import arguments_of, bare, stage_name

ARGUMENTS = {
    "conv": ("kernel", "channels", "stride", "padding", "dilation", "groups", "padding_mode", "bias", "init"),
    "depthwise_conv": ("kernel", "stride", "padding", "dilation", "padding_mode", "bias", "init", "multiplier"),
    "batch_norm": ("scale", "eps", "momentum"),
}
"""The stages that are replaced, and the arguments that `pbconv` takes over, in their order."""
BOOSTS = ("pbconv", *PEERS)


@dataclass(frozen=True)
class PBConv(Transformation):
    """`conv(3x3, c) -> batch_norm  -->  pbconv(3x3, c, kernels = propose(seed = 7))`.

    1. A convolution over maps whose kernel is larger than 1x1 is replaced, in blocks and loops too; where a block's
       kernel is 1x1 in some uses only, an `if` keeps those. Convolutions without a batch norm keep their bias.
       Where a name stands that `let` binds to a convolution, the boosted one is written in its place.
    2. `kernels` is a list as in the language, or several with `;` between them, each for the size that it covers;
       or the path of a file that holds them. Other sizes get proposed ones.
    3. `boost=acb` and `boost=dbb` put in the peers. `gamma=zero` lets the new branches start at nothing.
    4. Standard blocks that hold a convolution are written into the file.

    Hao et al., PBConv, sections 4.2 and 4.3.
    """

    name: ClassVar[str] = "pbconv"
    copies: ClassVar[str] = "pbconv"

    seed: int = 0
    boost: str = "pbconv"
    kernels: str = ""
    types: int = 0
    rules: str = "full"
    gamma: str = "one"

    def __post_init__(self) -> None:
        for name, words in (("boost", BOOSTS), ("rules", RULES), ("gamma", ("one", "zero"))):
            if getattr(self, name) not in words:
                raise ValueError(f"{name} is one of {', '.join(words)}")
        if self.seed < 0 or self.types < 0:
            raise ValueError("`seed` and `types` are not negative")
        _ = self.chosen  # raises for a text that is no list of small kernels

    @property
    def chosen(self) -> dict[Extent, tuple[Window, ...]]:
        """The small kernels of `kernels`, by the large kernel that they cover. Raises ValueError."""
        return read_kernels(self.kernels)

    def requires(self, net: Network) -> list[Diagnostic]:
        """There are convolutions with larger kernels, of the sizes that small kernels are given for."""
        found = sites(net)
        if not found:
            return [refuse("this network has no convolution with a kernel larger than 1x1 that is learned as it is",
                           help="1x1 kernels have one position; those with `weights = ...` are calculated")]

        sizes = {size for site in found.values() for size in site.sizes}
        # Kernels for a size that the network does not have are a slip, not a wish.
        other = set(self.chosen) - sizes
        if other:
            theirs, ours = (", ".join(f"{r}x{c}" for r, c in sorted(some)) for some in (other, sizes))
            return [refuse(f"these small kernels are for {theirs}; the kernels of this network are {ours}")]

        # A name bound twice has two meanings, and its place does not say which one holds there.
        calls = _calls(_file(net, found), found)
        return [
            refuse("this name stands for a convolution by way of a parameter, or of several `let` of one name, so it "
                   "is not clear what to put here",
                   site.nodes[0].span, help="give different names to different stages, or write the convolution here")
            for key, site in found.items() if key not in calls
        ]

    def run(self, net: Network) -> File:
        """The file with boosted convolutions; names that nothing uses any more are gone."""
        found = sites(net)
        main = _file(net, found)
        boosted = mapped(main, _Rewriter(self, found, _calls(main, found)).change)
        # Only names that were in use before: a `let` that nobody used was the user's own.
        return mapped(boosted, partial(_without_lets, names=_names(main) - _names(boosted)))

    def ensures(self, before: Network, after: Network) -> list[str]:
        """Something is boosted, and inputs and outputs keep their types."""
        boosted = any(node.op.piece == "boosted sum" for node in after.graph)
        if boosted:
            claims = []
        else:
            claims = ["nothing is boosted"]
        return claims + super().ensures(before, after)

    def kernels_for(self, size: Extent | None) -> Expr:
        """The expression after `kernels =` for a size; for several sizes at once, None."""
        if self.boost != "pbconv":
            return Name(self.boost)
        if size in self.chosen:
            return listed(self.chosen[size])

        given = [Argument("seed", Number(self.seed))]
        if self.types:
            given.append(Argument("types", Number(self.types)))
        if self.rules != "full":
            given.append(Argument("rules", Name(self.rules)))
        return Call(Name("propose"), tuple(given))


@dataclass
class ConvSite:
    """A convolution in the text: its nodes in the graph, the sizes of its kernel, whether it is 1x1 at times."""

    nodes: list[Node] = field(default_factory=list)
    sizes: set[Extent] = field(default_factory=set)
    mixed: bool = False

    @property
    def without_bias(self) -> bool:
        """Tell whether it has no bias anywhere."""
        return not any(node.args["bias"] for node in self.nodes)

    @property
    def span(self) -> Span:
        """The place in the text."""
        return self.nodes[0].span


def sites(net: Network) -> dict[PlaceKey, ConvSite]:
    """Every convolution over maps in the text that has a kernel larger than 1x1 and is no part of a boosted one."""
    found: dict[PlaceKey, ConvSite] = {}
    for node in net.graph:
        # The parts of a boosted convolution would be boosted again on a second run.
        if node.convolves != 2 or any(m.kind == "pbconv" for m in node.members):
            continue

        site = found.setdefault(place_key(node.span), ConvSite())
        site.nodes.append(node)
        rows, columns = node.args["kernel"]
        if rows * columns == 1:
            site.mixed = True
        else:
            site.sizes.add((rows, columns))
    # A place where the kernel is always 1x1 has nothing to boost.
    return {key: site for key, site in found.items() if site.sizes}


def _file(net: Network, found: dict[PlaceKey, ConvSite]) -> File:
    """The file that is rewritten: with its imports written in where one of them holds a convolution."""
    inner = any(site.span.source is not net.project.main.source for site in found.values())
    if inner:
        return net.tree
    return net.project.main.file


def _calls(main: File, found: dict[PlaceKey, ConvSite]) -> dict[PlaceKey, Call]:
    """The convolution that stands at each site, or that the `let` binds whose name stands there."""
    lets: dict[str, list[Expr]] = {}
    for node in walk(main):
        if isinstance(node, Let):
            lets.setdefault(node.name, []).append(node.value)

    calls: dict[PlaceKey, Call] = {}
    for node in walk(main):
        if isinstance(node, Call | Name) and place_key(node.span) in found:
            if isinstance(node, Name):
                bound = lets.get(node.text, [])
            else:
                bound = [node]
            if len(bound) == 1 and isinstance(bound[0], Call) and stage_name(bound[0]) in ARGUMENTS:
                calls[place_key(node.span)] = bound[0]
    return calls


def _names(tree: TreeNode) -> set[str]:
    """The names in use."""
    return {node.text for node in walk(tree) if isinstance(node, Name)}


def _without_lets(node: TreeNode, names: set[str]) -> TreeNode:
    """A body or file without the `let` of names that nothing says any more."""
    if isinstance(node, Body):
        return replace(node, statements=tuple(s for s in node.statements if not _binds(s, names)))
    if isinstance(node, File):
        return replace(node, declarations=tuple(d for d in node.declarations if not _binds(d, names)))
    return node


def _binds(node: TreeNode, names: set[str]) -> bool:
    """Tell whether a statement is the `let` of one of the names."""
    return isinstance(node, Let) and node.name in names


class _Rewriter:
    """Exchanges convolutions, with the batch norm behind them where one follows in the same flow."""

    def __init__(self, option: PBConv, found: dict[PlaceKey, ConvSite], calls: dict[PlaceKey, Call]) -> None:
        self.option, self.found, self.calls = option, found, calls

    def change(self, node: TreeNode) -> TreeNode:
        """A flow's steps, and a convolution that stands alone."""
        if isinstance(node, Flow):
            steps = self.steps(node.steps)
            # A flow of one step is printed as that step.
            if len(steps) == 1:
                return steps[0]
            return replace(node, steps=tuple(steps))
        if isinstance(node, Call | Name) and place_key(node.span) in self.calls:
            return self.boosted(place_key(node.span), None)
        return node

    def steps(self, steps: Sequence[Expr]) -> list[Expr]:
        """The steps of a flow; those that stay keep their modules' names."""
        made: list[Expr] = []
        before: dict[str, int] = {}
        after: dict[str, int] = {}
        waiting = list(steps)
        while waiting:
            step = waiting.pop(0)
            # A name given by `as`, and parentheses, belong to the step and not to the place.
            key = place_key(bare(step).span)
            if key not in self.calls:
                made.append(_with_its_name(step, before, after))
                continue

            # Module names count the stages of a name: what is replaced still counts, so that later ones keep theirs.
            named = self.named(key)
            count = _counted(named or stage_name(self.calls[key]), before)
            if waiting and _is_plain_norm(waiting[0]):
                norm = waiting.pop(0)
            else:
                norm = None
            if norm is not None:
                _counted("batch_norm", before)

            new = self.boosted(key, norm)
            if named and not isinstance(step, As):
                # A module that was called by the name of a `let` is called so still, and trained weights fit.
                new = As(new, _numbered(named, count))
            if isinstance(step, As):
                new = replace(step, step=new)
            made.append(new)
        return made

    def named(self, key: PlaceKey) -> str:
        """The name that stands at a site instead of a convolution; empty for a convolution."""
        span = self.found[key].span
        if place_key(self.calls[key].span) == key:
            return ""
        return span.text

    def boosted(self, key: PlaceKey, norm: Expr | None) -> Expr:
        """The expression in the place of a convolution and its batch norm."""
        call, site = self.calls[key], self.found[key]
        kernel = _by_name(call, stage_name(call))["kernel"]

        # One expression does for all sizes, unless small kernels are given for one of them.
        apart = self.option.boost == "pbconv" and bool(site.sizes & set(self.option.chosen))
        sizes: list[Extent | None] = [None]
        if apart or len(site.sizes) == 1:
            sizes = [*sorted(site.sizes)]
        *others, last = [(size, self.one(call, site, norm, size)) for size in sizes]

        made = last[1]
        # From the last `if` outwards, each with what came before as its `else`.
        for size, variant in reversed(others):
            assert size is not None
            test = Binary("==", kernel, SizeLiteral(size))
            made = If(test, Body(flows=(variant,)), _otherwise(made))
        if site.mixed:
            plain: Expr = call
            if norm is not None:
                plain = Flow((call, norm))
            test = Binary("==", kernel, SizeLiteral((1, 1)))
            made = If(test, Body(flows=(plain,)), _otherwise(made))
        # The place of the old convolution: messages about the new one point to what the user wrote.
        return replace(made, span=site.span)

    def one(self, call: Call, site: ConvSite, norm: Expr | None, size: Extent | None) -> Expr:
        """The boosted convolution for one size of its kernel."""
        name = stage_name(call)
        given = _by_name(call, name)
        kernel = given.pop("kernel")
        arguments = [Argument(None, kernel)]
        if "channels" in given:
            arguments.append(Argument(None, given.pop("channels")))

        given = {"kernels": self.option.kernels_for(size), **given}
        # `groups = channels` is what a depthwise convolution means.
        if name == "depthwise_conv":
            given["groups"] = Name("channels")
        if norm is None:
            given["norm"] = Truth(False)
            # Without a norm `pbconv` has a bias unless told otherwise.
            if site.without_bias and "bias" not in given:
                given["bias"] = Truth(False)
        else:
            given |= _by_name(bare(norm), "batch_norm")
        if self.option.gamma == "zero":
            given["gamma"] = Number(0)

        arguments += [Argument(key, value) for key, value in given.items()]
        return Call(Name("pbconv"), tuple(arguments), span=site.span)


def _otherwise(made: Expr) -> Body | If:
    """An expression as the `else` of an `if`."""
    if isinstance(made, If):
        return made
    return Body(flows=(made,))


def _by_name(expr: Expr, name: str) -> dict[str, Expr]:
    """A call's arguments by name."""
    # By place, arguments come in the stage's own order.
    return {argument.name or ARGUMENTS[name][i]: argument.value for i, argument in enumerate(arguments_of(expr))}


def _is_plain_norm(step: Expr) -> bool:
    """Tell whether a step is a batch norm that `pbconv` can have itself."""
    expr = bare(step)
    given = arguments_of(expr)
    # An argument that `pbconv` does not take over (or a norm without statistics) keeps the norm where it is.
    known = all(a.name in (None, *ARGUMENTS["batch_norm"]) for a in given) and len(given) <= 3
    return stage_name(expr) == "batch_norm" and known


def _numbered(name: str, count: int) -> str:
    """The name of a stage's modules: the first has its name alone."""
    if count == 1:
        return name
    return f"{name}_{count}"


def _counted(name: str, counts: dict[str, int]) -> int:
    """The number of a stage among those of its name, from 1."""
    counts[name] = counts.get(name, 0) + 1
    return counts[name]


def _with_its_name(step: Expr, before: dict[str, int], after: dict[str, int]) -> Expr:
    """A step that stays: with `as` where steps before it are gone and its module's name would change."""
    name = stage_name(step)
    if name not in ARGUMENTS or isinstance(step, As):
        return step
    was, now = _counted(name, before), _counted(name, after)
    if was == now:
        # Steps of this name before it were replaced: without `as` its module would move up, and lose its weights.
        return step
    return As(step, _numbered(name, was), span=step.span)
