"""Structural losses: over every place of their kind in a network, unless `of` names some."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from archlang.diagnostics import did_you_mean
from archlang.elaborate.context import Build
from archlang.graph.coded import coded_blocks, within
from archlang.graph.ir import Graph, Port
from archlang.graph.patch_experts import expert_sites
from archlang.graph.plan import Loss, LossSite
from archlang.ops.facts import SiteFacts, SiteKind
from archlang.ops.values import Option
from archlang.source import Span
from archlang.syntax.tree import Name
from archlang.syntax.walk import walk

Find = Callable[[Graph], Iterator[tuple[tuple[str, ...], LossSite]]]


def _energies(graph: Graph) -> Iterator[tuple[tuple[str, ...], LossSite]]:
    for block in coded_blocks(graph):
        yield block.coded.region, LossSite(block.name, block.energies, block.coded.code)


def _unfiltered(graph: Graph) -> Iterator[tuple[tuple[str, ...], LossSite]]:
    for site in expert_sites(graph):
        yield site.region, LossSite(site.name, site.before)


def _filtered(graph: Graph) -> Iterator[tuple[tuple[str, ...], LossSite]]:
    for site in expert_sites(graph):
        yield site.region, LossSite(site.name, site.weights)


def _gates(graph: Graph) -> Iterator[tuple[tuple[str, ...], LossSite]]:
    for node in graph:
        if "gates" in node.op.gives:
            region = node.path[:-1]
            yield region, LossSite(".".join(region), Port(node.id, node.op.gives.index("gates")))


FINDERS: dict[SiteKind, Find] = {
    "energies": _energies, "gates": _gates, "weights": _unfiltered, "filtered weights": _filtered,
}
"""Kind of site to a function that gives all of them in a graph, with their module paths."""


def structural(b: Build, weight: float, option: Option, facts: SiteFacts, span: Span) -> list[Loss]:
    """The loss over its sites; none where an `if` leaves the network without any. Raises `Poisoned` (unknown-site)."""
    sites = list(FINDERS[facts.kind](b.graph))
    chosen = _chosen(b, option, sites, span)

    # Two views of a sample are two tensors to compare, and a site has the one that the network makes there.
    if option.args.get("augmented"):
        raise b.refuse("conflicting-arguments", f"`{option.name}` over sites reads one view of the samples: "
                       "`augmented` goes with scores that it names", span)
    if chosen:
        # The tensors that it could have been given, and what picked the sites, say nothing to its formula.
        args = {name: value for name, value in option.args.items() if name not in ("of", "scores")}
        reads: tuple[str, ...] = ()
        if facts.labelled:
            reads = ("label",)  # before the tensors of the sites
        return [Loss(weight, Option(option.name, option.role, args), reads, span, tuple(chosen))]

    # A branch of an `if` that is not taken would have the sites: for this setting of the dials the loss is 0.
    if not sites and _is_written(b, facts.stage):
        return []
    help = f"take it out of the loss, or use `{facts.stage}` in the network: `archlang ops {facts.stage}`"
    raise b.refuse("unknown-site", f"`{option.name}` is over {facts.description}, and the network has none", span,
                   help=help)


def _is_written(b: Build, stage: str) -> bool:
    """Tell whether a file of the project names a stage, in branches of an `if` that is not taken too."""
    return any(isinstance(node, Name) and node.text == stage for file in b.trees for node in walk(file))


def _chosen(b: Build, option: Option, sites: list[tuple[tuple[str, ...], LossSite]], span: Span) -> list[LossSite]:
    wanted = option.args.get("of")
    if wanted is None or not sites:
        return [site for _, site in sites]

    names: tuple[str, ...]
    if isinstance(wanted, str):
        names = (wanted,)
    else:
        names = tuple(wanted)  # type: ignore[arg-type]  # a list of strings
    for name in names:
        if not any(within(name, region) for region, _ in sites):
            known = [site.name for _, site in sites]
            help = (*did_you_mean(name, known), f"there are: {', '.join(known[:8])}")
            raise b.refuse("unknown-site", f"`{option.name}` has no site `{name[:64]}`", span, help=help)
    return [site for region, site in sites if any(within(name, region) for name in names)]
