"""Grouped blocks of a plain ResNeXt become coded ones: their groups are branches that follow a code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

from archlang.atomic import read_whole
from archlang.codes.contract import Contract
from archlang.codes.table import read
from archlang.diagnostics import ArchError, Diagnostic, did_you_mean
from archlang.diagnostics.text import one_line
from archlang.elaborate.network import Network, rebuilt
from archlang.graph.ir import Node
from archlang.limits import DEFAULT
from archlang.source import Source, Span
from archlang.syntax import parse
from archlang.syntax.tree import (
    Argument,
    Bind,
    Block,
    Body,
    Call,
    CodeDeclaration,
    Expr,
    Field,
    File,
    From,
    Input,
    ListOf,
    Name,
    Output,
    Text,
    Train,
    Truth,
)
from archlang.syntax.tree import NetworkDeclaration as NetworkTree
from archlang.syntax.walk import walk
from archlang.transform.base import Transformation, refuse
from archlang.transform.branching import Branching, Chain, PlaceKey, chains, place_key
from archlang.transform.scoring import with_coding_loss
from archlang.transform.sequence import tree_of

CODE = "branch_words"
"""The name of a code that the pass declares."""


@dataclass(frozen=True)
class CodedBranches(Transformation):
    """`conv(1x1, w) -> norm -> relu -> conv(3x3, w, groups = g) -> norm -> relu -> conv(1x1, c) -> norm
    -->  branches(code) { the same of width w / g } -> energy_normalize -> sum -> norm(scale = 0)`, norm a batch norm.

    1. `code` is the name of a code that the file declares, or `design(...)`, `words(...)`, or a table `file.csv` whose
       words are written out: then it is declared. It has as many branches as the convolutions have groups.
    2. `blocks` names the flows of the network whose blocks change, as `layer3` or `[layer2, layer3]`; by default all.
    3. A block that is used elsewhere too gets a coded twin; standard blocks are written into the file.
    4. `loss` is the weight of the coding loss that is added to what the file trains on, 0 for none.

    The number of parameters stays, but for a bias before the last batch norm. Avranas and Kountouris, Coded ResNeXt.
    """

    name: ClassVar[str] = "coded"
    copies: ClassVar[str] = "branches"

    code: str = ""
    blocks: str = ""
    drop: float = 0.1
    loss: float = 6.0

    def __post_init__(self) -> None:
        if not self.code:
            raise ValueError("`code` says which branches work for which classes: the name of a code, or `design(...)`")
        if not 0 <= self.drop < 1:
            raise ValueError("`drop` is at least 0 and less than 1")
        if self.loss < 0:
            raise ValueError("`loss` is not negative")
        _ = self.declared  # raises for a text that is no code, before any network is looked at

    @cached_property
    def declared(self) -> Expr:
        """The code as an expression of the language. Raises ValueError, and ArchError for a table that holds none."""
        if self.code.endswith(".csv"):
            return _table(self.code)

        try:
            # Read by the language's own parser: whatever a file may write is taken here too.
            (declaration,) = parse(Source("<code>", f"archlang 1\ncode {CODE} = {self.code}\n")).declarations
        except (ArchError, ValueError):
            raise ValueError(f"`code` is a name or how a code is made, not {self.code[:80]!r}") from None
        assert isinstance(declaration, CodeDeclaration)

        if isinstance(declaration.value, From):
            raise ValueError("a table is given by its path alone: `code=words.csv`")
        return declaration.value

    @property
    def chosen(self) -> tuple[str, ...]:
        """The names of `blocks`."""
        return tuple(name.strip() for name in self.blocks.strip("[] ").split(",") if name.strip())

    def requires(self, net: Network) -> list[Diagnostic]:
        """Flows and code are known, and convolutions have as many groups as the code has branches."""
        # `blocks` names flows, and an output that is no name has none.
        names = [s.name for s in _flows(net) if isinstance(s, Bind)]
        strange = [name for name in self.chosen if name not in names]
        if strange:
            help = (*did_you_mean(strange[0], names), f"there are: {', '.join(names)}")
            return [refuse(f"no flow of this network is called `{strange[0][:64]}`", help=help)]

        known = [code.name for code in net.project.main.of(CodeDeclaration) if isinstance(code, CodeDeclaration)]
        if isinstance(self.declared, Name) and self.declared.text not in known:
            help = (*did_you_mean(self.declared.text, known), "or give `design(...)`, `words(...)`, a table `file.csv`")
            return [refuse(f"this file declares no code `{self.declared.text[:64]}`", help=help)]

        count = self.branches(net)
        sites = _sites(net, self.chosen)
        # One fitting convolution is enough; the others (a stem of other groups) stay.
        if any(node.args["groups"] == count for nodes in sites.values() for node in nodes):
            return self._mixed(sites, count)
        return [self._without_sites(net, count)]

    def _mixed(self, sites: dict[PlaceKey, list[Node]], count: int) -> list[Diagnostic]:
        """Convolutions that stand once in the text and have the code's groups in some uses only."""
        return [refuse(f"this convolution has {count} groups in some uses and others elsewhere", nodes[0].span,
                       help="`blocks` picks uses that are alike")
                for nodes in sites.values() if len({node.args["groups"] == count for node in nodes}) > 1]

    def _without_sites(self, net: Network, count: int) -> Diagnostic:
        """The reason why no block can be coded."""
        groups = sorted({node.args["groups"] for node in _grouped(net, self.chosen)})
        if not groups:
            return refuse("there is no grouped convolution to make branches of", help="`blocks` says where")
        if count in groups:
            return refuse("the grouped convolution stands in no block of 1x1, grouped and 1x1 convolutions with "
                          "batch norms")
        listed = ", ".join(map(str, groups))
        return refuse(f"the code has {count} branches; there are convolutions of {listed} groups")

    def branches(self, net: Network) -> int:
        """The number of the code's branches, taken from a network that has it as a size."""
        main = net.project.main.file
        code, new = self._code(net)

        sizes = ListOf((Field(Name(code), "branches"),))
        # Only a checked network knows how many branches `design(...)` or a table has: one of that size is asked.
        probe = NetworkTree("Probe", (), Body(statements=(Input("x", sizes), Output(None, Name("x")))))
        kept = [d for d in main.declarations if not isinstance(d, NetworkTree | Train)]

        without_dials = replace(net, given={})  # the probe has none to be given
        size = rebuilt(without_dials, replace(main, declarations=(*kept, *new, probe))).graph.inputs[0].type.dims[0]
        assert isinstance(size, int), "a code has a number of branches"
        return size

    def _code(self, net: Network) -> tuple[str, tuple[CodeDeclaration, ...]]:
        """The code's name, and its declaration where the file has none."""
        if isinstance(self.declared, Name):
            return self.declared.text, ()
        taken = {getattr(node, "name", None) for node in walk(net.tree)}
        # More candidates than names: one is free.
        name = next(n for n in (CODE, *(f"{CODE}_{i}" for i in range(2, len(taken) + 3))) if n not in taken)
        return name, (CodeDeclaration(name, self.declared),)

    def run(self, net: Network) -> File:

        """The file with coded blocks, the code, and the coding loss."""
        count, (code, new) = self.branches(net), self._code(net)
        sites = {key for key, nodes in _sites(net, self.chosen).items()
                 if any(node.args["groups"] == count for node in nodes)}
        uses = [node for node in _grouped(net, self.chosen) if place_key(node.span) in sites]

        # Blocks of other files are written in where one of them changes.
        inner = any(span.source is not net.project.main.source for node in uses for span in _way(node))
        if inner:
            file = net.tree
        else:
            file = net.project.main.file
        ways = {place_key(span) for node in uses for span in _way(node)}
        coded = Branching(file, ways, sites, Name(code), self.drop).file()

        # A code stands before whatever reads it.
        place = next(i for i, d in enumerate(coded.declarations) if isinstance(d, NetworkTree | Block))
        declarations = (*coded.declarations[:place], *new, *coded.declarations[place:])
        return with_coding_loss(replace(coded, declarations=declarations), self.loss)

    def ensures(self, before: Network, after: Network) -> list[str]:
        """Something is coded, and inputs and outputs keep their types."""
        if after.graph.coded:
            claims = []
        else:
            claims = ["nothing is coded"]
        return claims + super().ensures(before, after)


def _table(path: str) -> Expr:
    """The words of a table, written in place. Raises ValueError where the table cannot be read."""
    try:
        # One byte more than allowed is enough to know that the file is too large.
        data = read_whole(path, DEFAULT.total_bytes + 1)
    except (OSError, ValueError):  # ValueError: a name with a null in it
        raise ValueError(f"`code`: the table `{one_line(path, 200)}` cannot be read") from None

    # Duplicates are allowed here and written down as such: whether they are wanted is the file's affair.
    code = read(data, path, Contract(duplicates=True))
    arguments = [Argument(None, Text(word)) for word in code.words]
    if len(set(code.words)) < len(code.words):
        arguments.append(Argument("duplicates", Truth(True)))
    return Call(Name("words"), tuple(arguments))


def _flows(net: Network) -> Sequence[Bind | Output]:
    """The statements of the network that hold flows."""
    return [s for s in tree_of(net).body.statements if isinstance(s, Bind | Output)]


def _way(node: Node) -> list[Span]:
    """The places in the text that lead to a node: each block's use, then the stage itself."""
    return [*(frame.span for frame in node.frames), node.span]


def _grouped(net: Network, chosen: Sequence[str]) -> list[Node]:
    """Convolutions with groups in the flows that are chosen, depthwise ones and those of branches left out."""
    spans = [s.value.span for s in _flows(net) if not chosen or s.name in chosen]
    grouped = []

    for node in net.graph:
        first = _way(node)[0]
        # The whole statement must hold the use: a block's own lines stand elsewhere, and have frames.
        here = any(s.source is first.source and s.start <= first.start and first.end <= s.end for s in spans)
        groups = node.args.get("groups", 1)
        # `groups = channels` is a word, and means a depthwise convolution.
        several = isinstance(groups, int) and groups > 1
        if here and node.convolves == 2 and several and not node.members:
            grouped.append(node)
    return grouped


def _sites(net: Network, chosen: Sequence[str]) -> dict[PlaceKey, list[Node]]:
    """Grouped convolutions in the middle of a chain, by their place in the text."""
    # Of all files: the chain may stand in an imported block.
    known = {place_key(chain.middle.span) for unit in net.project.units.values() for chain in _chains(unit.file)}
    sites: dict[PlaceKey, list[Node]] = {}
    for node in _grouped(net, chosen):
        if place_key(node.span) in known:
            sites.setdefault(place_key(node.span), []).append(node)
    return sites


def _chains(file: File) -> list[Chain]:
    """The chains of a file."""
    return [chain for node in walk(file) for chain in chains(node)]
