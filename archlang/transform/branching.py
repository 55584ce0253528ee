"""The text of grouped blocks made over into branches of a code: chains found, blocks copied, the code handed down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace

from archlang.source import Span
from archlang.syntax.mapping import mapped
from archlang.syntax.tree import (
    Argument,
    Binary,
    Block,
    Body,
    Call,
    Declaration,
    Expr,
    Field,
    File,
    Flow,
    Name,
    Number,
    Parameter,
    Parens,
    TreeNode,
    Truth,
)
from archlang.syntax.tree import NetworkDeclaration as NetworkTree
from archlang.syntax.walk import walk
from archlang.transform.sequence import arguments_of, bare, stage_name

PlaceKey = tuple[int, int, int]
CONV = ("kernel", "channels", "stride", "padding", "dilation", "groups", "padding_mode", "bias", "init")
WORDS = "code_words"
"""The parameter by which a coded block gets its code."""
LENGTH = 8
"""Steps of a chain: 1x1, norm, act, grouped, norm, act, 1x1, norm."""


@dataclass(frozen=True)
class Chain:
    """The steps of a grouped block in a flow, from its first convolution to its last batch norm; where it begins."""

    start: int
    steps: tuple[Expr, ...]

    @property
    def middle(self) -> Call:
        """The grouped convolution."""
        call = bare(self.steps[3])
        assert isinstance(call, Call)
        return call


def place_key(span: Span) -> PlaceKey:
    """A place in the text that can be compared."""
    # The source by identity: two files may have the same text at the same offsets.
    return id(span.source), span.start, span.end


def chains(node: TreeNode) -> Iterator[Chain]:
    """The chains that a flow holds."""
    if isinstance(node, Flow):
        steps = node.steps
    else:
        steps = ()

    for start in range(len(steps) - LENGTH + 1):
        run = steps[start : start + LENGTH]
        # Names first: they rule out most runs, and are cheap to compare.
        names = [stage_name(bare(step)) for step in run]
        convs = names[0] == names[3] == names[6] == "conv"
        norms = names[1] == names[4] == names[7] == "batch_norm"
        if convs and norms and _is_chain(run):
            yield Chain(start, run)


def _is_chain(steps: Sequence[Expr]) -> bool:
    """Tell whether only the middle one of three convolutions has groups, at one width with the first."""
    first, middle, last = (given(bare(steps[i])) for i in (0, 3, 6))
    alike = first.get("channels") == middle.get("channels") and "groups" in middle
    biased = last.get("bias", Truth(False)) != Truth(False)  # the sum of the branches has none
    return alike and not biased and "groups" not in first and "groups" not in last and "channels" in last


def given(expr: Expr, names: Sequence[str] = CONV) -> dict[str, Expr]:
    """A call's arguments by name."""
    arguments = enumerate(arguments_of(expr))
    # More arguments by place than the stage has would be a mistake that checking has reported already.
    return {a.name or names[i]: a.value for i, a in arguments if a.name or i < len(names)}


class Branching:
    """Rewrites a file: `ways` are the uses of blocks and stages that lead to the convolutions at `sites`."""

    def __init__(self, file: File, ways: Set[PlaceKey], sites: Set[PlaceKey], code: Name, drop: float) -> None:
        self.original, self.ways, self.sites, self.code, self.drop = file, ways, sites, code, drop
        self.blocks = {d.name: d for d in file.declarations if isinstance(d, Block)}
        self.taken = {getattr(node, "name", None) for node in walk(file)}
        self.twins: dict[str, Block] = {}
        self.carriers: dict[str, str | None] = {}  # by block: the parameter that held the groups

    def file(self) -> File:
        """The file with coded twins of the blocks on the way; those that nothing uses any more are gone."""
        declarations: list[Declaration] = []
        for item in self.original.declarations:
            # Blocks are left alone: a use outside the flows that were chosen must keep its groups.
            if isinstance(item, NetworkTree):
                item = mapped(item, self.change(self.code, None))
            declarations.append(item)

        placed: list[Declaration] = []
        for item in declarations:
            placed.append(item)
            if isinstance(item, Block) and item.name in self.twins:
                placed.append(self.twins[item.name])
        return replace(self.original, declarations=tuple(self._used(placed)))

    def _used(self, items: list[Declaration]) -> list[Declaration]:
        """Without originals that only the rewritten uses needed."""
        # Until nothing changes: an original may have been used only by another original.
        while True:
            names = {n.text for d in items for n in walk(d) if isinstance(n, Name)}
            # A user's own unused block stays; only those that were replaced may go.
            left = [d for d in items if not (isinstance(d, Block) and d.name in self.twins and d.name not in names)]
            if len(left) == len(items):
                return left
            items = left

    def change(self, code: Name, carrier: str | None) -> Callable[[TreeNode], TreeNode]:
        """The change of a body's nodes, with the code known as `code`; `carrier` is the parameter it came in for."""
        def changed(node: TreeNode) -> TreeNode:
            if isinstance(node, Flow):

                chain = next((c for c in chains(node) if place_key(c.middle.span) in self.sites), None)
                if chain is not None:
                    before, behind = node.steps[: chain.start], node.steps[chain.start + LENGTH :]
                    return replace(node, steps=(*before, *self.branched(chain, code), *behind))

            if isinstance(node, Call | Name) and place_key(node.span) in self.ways and stage_name(node) in self.blocks:
                return self.used(node, code)
            # Elsewhere in the block (a width, say), the number of groups is now the code's number of branches.
            if isinstance(node, Name) and carrier is not None and node.text == carrier and node.text != WORDS:
                return Field(Name(WORDS), "branches")
            return node

        return changed

    def used(self, use: Call | Name, code: Name) -> TreeNode:
        """A use of a block as one of its twin, which is made where it is first wanted."""
        block = self.blocks[stage_name(use)]
        if block.name not in self.twins:
            self._twin(block)
        twin, carrier = self.twins[block.name], self.carriers[block.name]

        names = [p.name for p in block.parameters]
        old = given(use, names)
        if isinstance(use, Call):
            placed = sum(a.name is None for a in (use.arguments or ()))
        else:
            placed = 0
        if carrier:
            at = names.index(carrier)
        else:
            at = len(names)

        # Arguments given by place stay so up to the one that the code replaces; the code moves those behind it.
        front = names[: min(placed, at)]
        new = (*(Argument(None, old.pop(n)) for n in front), Argument(WORDS, code),
               *(Argument(n, value) for n, value in old.items() if n != carrier))
        body = None
        if isinstance(use, Call):
            body = use.body
        return Call(Name(twin.name), new, body, span=use.span)

    def _twin(self, block: Block) -> None:
        """The block with its chains coded; the parameter that held the groups holds the code."""
        carrier = self._carrier(block)
        name = next(n for n in (f"coded_{block.name}", *(f"coded_{block.name}_{i}" for i in range(2, 99)))
                    if n not in self.taken)
        self.taken.add(name)
        self.carriers[block.name] = carrier

        # In the language, parameters with a default stand behind those without.
        kept = [p for p in block.parameters if p.name != carrier]
        without_default = [p for p in kept if p.default is None]
        with_default = [p for p in kept if p.default is not None]
        parameters = (*without_default, Parameter(WORDS), *with_default)

        said = f"`{block.name}` with a branch for each column of a code."
        body = mapped(block.body, self.change(Name(WORDS), carrier))
        if isinstance(body, Body) and body.doc is not None:
            body = replace(body, doc=said)
        self.twins[block.name] = replace(
            block, name=name, parameters=parameters, body=body, doc=block.doc and said)

    def _carrier(self, block: Block) -> str | None:
        """The parameter that the groups of the block's chains come from, if it is one parameter."""
        names = {p.name for p in block.parameters}
        carriers: set[str | None] = set()
        for node in walk(block):
            for chain in chains(node):
                # The groups may come through a block in between: its parameter then comes from one of this block.
                if place_key(chain.middle.span) in self.sites:
                    groups = given(chain.middle)["groups"]
                    carriers.add(_parameter(groups, names))

            if isinstance(node, Call) and place_key(node.span) in self.ways and stage_name(node) in self.blocks:
                inner = self.blocks[stage_name(node)]
                carrier = self._carrier(inner)
                value = given(node, [p.name for p in inner.parameters]).get(carrier or "")
                carriers.add(_parameter(value, names))
        # Groups from two parameters, or of a number in place, leave none for the code to stand in for.
        if len(carriers) == 1:
            return carriers.pop()
        return None

    def branched(self, chain: Chain, code: Name) -> tuple[Expr, ...]:
        """`branches(code, drop) { ... } -> energy_normalize -> sum -> batch_norm(scale = 0)`."""
        steps = chain.steps
        width = _share(given(bare(steps[0]))["channels"], code)
        # Branches share no groups among themselves: each is one group, of the width of one.
        first = _conv(steps[0], {"channels": width})
        middle = _conv(steps[3], {"channels": width}, without=("groups",))
        last = _conv(steps[6], {"bias": Truth(False)})
        inside = Flow((first, steps[1], steps[2], middle, steps[4], steps[5], last))

        drop = Argument("drop", Number(self.drop))
        branches = Call(Name("branches"), (Argument(None, code), drop), Body(flows=(inside,)))

        norm = bare(steps[7])
        # The block starts as its shortcut alone.
        rest = [a for a in arguments_of(norm) if a.name != "scale"]
        batch_norm = Call(Name("batch_norm"), (*rest, Argument("scale", Number(0))), span=norm.span)
        return branches, Name("energy_normalize"), Name("sum"), batch_norm


def _parameter(value: Expr | None, names: Set[str]) -> str | None:
    """The parameter of a block that an expression is; None for another expression."""
    if isinstance(value, Name) and value.text in names:
        return value.text
    return None


def _share(width: Expr, code: Name) -> Expr:
    """The width of one branch: its part of the whole."""
    inner = bare(width)
    # `a + b / n` would divide `b` alone.
    if isinstance(inner, Binary):
        inner = Parens(inner)
    return Binary("/", inner, Field(code, "branches"))


def _conv(step: Expr, new: dict[str, Expr], without: Sequence[str] = ()) -> Expr:
    """A convolution with some arguments exchanged or gone."""
    call = bare(step)
    values = {name: value for name, value in given(call).items() if name not in without} | new
    kernel, channels = values.pop("kernel"), values.pop("channels")
    arguments = [Argument(None, kernel), Argument(None, channels), *(Argument(n, v) for n, v in values.items())]
    # At its old place: that is where its weights are looked for.
    return Call(Name("conv"), tuple(arguments), span=call.span)
