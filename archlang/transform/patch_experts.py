"""A stage into experts: several of it, each with weights of its own, and a router that weighs them for every patch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from archlang.diagnostics import Diagnostic, did_you_mean
from archlang.elaborate.network import Network
from archlang.syntax.tree import (
    Argument,
    Bind,
    Block,
    Body,
    Call,
    Expr,
    File,
    Flow,
    In,
    Name,
    Number,
    Output,
    Parameter,
    SizeLiteral,
)
from archlang.syntax.tree import NetworkDeclaration as NetworkTree
from archlang.syntax.walk import walk
from archlang.transform.base import Transformation, refuse
from archlang.transform.naming import fresh, names_in
from archlang.transform.sequence import one_flow, steps_of
from archlang.transform.splitting import LayerPair, shared_out, splittable

ROUTERS = ("cross_connection", "sparse_connection", "cosine_router")
_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")


@dataclass(frozen=True)
class PatchExperts(Transformation):
    """`x -> f  -->  x -> patches(size) -> experts(n, router) { f } -> unpatch`, for the flow called `stage`.

    1. `stage` names flows of the network, `layer3` or `layer2+layer3`; or blocks of its file, whose output then becomes
       experts in every use, and flows in them as `block.flow`. What a flow begins with stays in front.
    2. With a `size` such as `8x8` every patch has experts of its own choice, with `positions` every position of a
       sequence; without one whole samples are what is routed.
    3. The router is `cross_connection`, `sparse_connection` with the `keep` largest weights, or `cosine_router`.
    4. With `split` an expert is no copy of the stage but its share in it: of two layers with others between them that
       work on each channel, such as `linear(w) -> gelu -> linear(c)`, each expert gets `w / n` channels.

    Positional Convolution Experts, section 4.1. The border of a patch is one of zeros: only what looks at single cells
    sees nothing of it.
    """

    name: ClassVar[str] = "patch-experts"
    copies: ClassVar[str] = "experts"

    stage: str = ""
    experts: int = 4
    size: str = ""
    router: str = "cross_connection"
    hidden: int = 16
    keep: int = 1
    split: bool = False

    def __post_init__(self) -> None:
        if not self.stage:
            raise ValueError("`stage` says what becomes experts: the name of a flow, or of a block")
        if self.experts < 1 or self.keep < 1:
            raise ValueError("there is at least one expert, and at least one is kept")
        if self.hidden < 0:
            raise ValueError("a gate has at least 0 hidden units")
        if self.router not in ROUTERS:
            raise ValueError(f"the router is one of {', '.join(ROUTERS)}")
        if self.size not in ("", "positions") and not _SIZE.fullmatch(self.size):
            raise ValueError(f"`size` is rows x columns such as 8x8, or `positions`, not {self.size[:40]!r}")

    @property
    def stages(self) -> tuple[str, ...]:
        """The names of `stage`."""
        return tuple(name.strip() for name in self.stage.split("+"))

    @property
    def even(self) -> bool:
        """Shares of a stage are the stage only where all are weighed alike; copies are it whatever their weights."""
        return self.split

    def requires(self, net: Network) -> list[Diagnostic]:
        """The stages are there, and can be split where that is asked for."""
        known = _flows(net.project.main.file)
        for name in self.stages:
            if name not in known:
                help = (*did_you_mean(name, list(known)), f"there are: {', '.join(known)}")
                return [refuse(f"this file has no flow or block called `{name[:64]}`", help=help)]

            head, steps = known[name].head, known[name].steps
            if not steps:
                return [refuse(f"`{name}` has no steps that could become experts")]
            reads = next((node for step in steps for node in walk(step) if isinstance(node, In)), None)
            if reads is not None and not isinstance(head, In):
                return [refuse("inside an expert, `in` would be what enters the expert", reads.span,
                               help="bind what enters the block to a flow that is not made over")]
            if self.split and splittable(steps) is None:
                said = "it is no pair of dense layers or convolutions with layers between that work on each channel"
                return [refuse(f"`{name}` cannot be split: {said}", steps[0].span,
                               help="without `split` the experts start as copies")]
        return []

    def run(self, net: Network) -> File:
        """The file with experts, and with dials for their number and for the gate's hidden units."""
        file = net.project.main.file
        taken = names_in(file)
        count, hidden = fresh("n", taken), fresh("hidden", taken)
        return replace(file, declarations=tuple(
            self._declaration(item, count, hidden) if isinstance(item, NetworkTree | Block) else item
            for item in file.declarations
        ))

    def ensures(self, before: Network, after: Network) -> list[str]:
        """There are more experts than before, and inputs and outputs keep their types."""
        claims = super().ensures(before, after)
        counts = [sum(node.op.piece == "dispatch" for node in net.graph) for net in (before, after)]
        if counts[0] == counts[1]:
            claims.append("nothing became experts")
        return claims

    def _declaration(self, item: NetworkTree | Block, count: str, hidden: str) -> NetworkTree | Block:
        """A network or block with its stages made over."""
        if isinstance(item, NetworkTree):
            body = self._body(item.body, "", Name(count), Name(hidden))
            if body is item.body:
                return item
            dials = (*item.dials, Parameter(count, Number(self.experts)))
            if self.router != "cosine_router":
                dials = (*dials, Parameter(hidden, Number(self.hidden)))
            return replace(item, dials=dials, body=body)

        # A block does not see the network's dials.
        number, units = Number(self.experts), Number(self.hidden)
        if isinstance(item.body, Body):
            return replace(item, body=self._body(item.body, item.name, number, units))
        if item.name not in self.stages:
            return item
        return replace(item, body=one_flow(self._experts(steps_of(item.body), number, units)))

    def _body(self, body: Body, block: str, count: Expr, hidden: Expr) -> Body:
        """The statements of a network, or of a block of this name."""
        changed = []
        for statement in body.statements:
            if isinstance(statement, Bind | Output) and _called(statement, block) in self.stages:
                first, *steps = steps_of(statement.value)
                statement = replace(statement, value=one_flow([first, *self._experts(steps, count, hidden)]))
            changed.append(statement)

        if all(new is old for new, old in zip(changed, body.statements, strict=True)):
            return body
        return replace(body, statements=tuple(changed))

    def _experts(self, steps: Sequence[Expr], count: Expr, hidden: Expr) -> list[Expr]:
        """The steps of a flow with experts in their place."""
        cut = LayerPair(0, len(steps))
        if self.split:
            cut = splittable(steps) or cut
            # What stands in front goes into the experts too where they ask what enters.
            if any(isinstance(node, In) for step in steps for node in walk(step)):
                cut = LayerPair(0, cut.stop)
            steps = shared_out(steps, count)
        inside = Body(flows=(one_flow(steps[cut.start : cut.stop]),))

        arguments = [Argument(None, count), Argument(None, self._router(hidden))]
        if self.size == "positions":
            arguments.append(Argument("over", Name("positions")))
        experts: list[Expr] = [Call(Name("experts"), tuple(arguments), inside)]

        size = _SIZE.fullmatch(self.size)
        if size is not None:
            patch = SizeLiteral((int(size[1]), int(size[2])))
            experts = [Call(Name("patches"), (Argument(None, patch),)), *experts, Name("unpatch")]
        return [*steps[: cut.start], *experts, *steps[cut.stop :]]

    def _router(self, hidden: Expr) -> Expr:
        """The router with its arguments."""
        if self.router == "cosine_router":
            embedding: Expr = Call(Name("linear"), (Argument(None, Number(8)),))
            # Of maps, as the paper has it; of vectors there is nothing to pool.
            if self.size != "positions":
                pool = Call(Name("pyramid_pool"), tuple(Argument(None, Number(cells)) for cells in (1, 2, 4)))
                conv = Call(Name("conv"), (Argument(None, SizeLiteral((3, 3))), Argument(None, Number(8))))
                embedding = Flow((conv, pool))
            temperature = Argument("temperature", Number(0.1))
            return Call(Name(self.router), (Argument(None, embedding), temperature))

        arguments = [Argument("hidden", hidden)]
        if self.router == "sparse_connection":
            arguments.append(Argument("keep", Number(self.keep)))
        return Call(Name(self.router), tuple(arguments))


@dataclass(frozen=True)
class StageFlow:
    """A flow that can become experts: what it begins with, and its steps."""

    head: Expr
    steps: Sequence[Expr]


def _flows(file: File) -> dict[str, StageFlow]:
    """Every flow of a file that can become experts, by its name."""
    flows: dict[str, StageFlow] = {}
    for item in file.declarations:
        if not isinstance(item, NetworkTree | Block):
            continue
        # `block unit(c) = conv(3x3, c) -> relu` begins with what enters.
        if not isinstance(item.body, Body):
            flows[item.name] = StageFlow(In(), steps_of(item.body))
            continue

        block = ""
        if isinstance(item, Block):
            block = item.name
        for statement in item.body.statements:
            if isinstance(statement, Bind | Output) and _called(statement, block):
                head, *steps = steps_of(statement.value)
                flows[_called(statement, block)] = StageFlow(head, steps)
    return flows


def _called(statement: Bind | Output, block: str) -> str:
    """The name of a statement's flow: as it is bound, `block.flow` in a block, the block's own for its output."""
    if not block:
        return statement.name or ""
    if isinstance(statement, Output):
        return block
    return f"{block}.{statement.name}"
