"""Structural losses: over every place of their kind in a network, unless `of` names some."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from archlang.diagnostics import did_you_mean
from archlang.elaborate.context import Build
from archlang.graph.coded import coded_blocks, within
from archlang.graph.ir import Graph, Port
from archlang.graph.patch_experts import expert_sites
from archlang.graph.plan import Loss, LossSite
from archlang.ops.values import Option
from archlang.source import Span

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
        if node.op.name in ("gates", "sparse_gates"):
            index = 1 if node.op.name == "sparse_gates" else 0  # before all but the largest are left out
            yield node.path[:-1], LossSite(".".join(node.path[:-1]), Port(node.id, index))


SITES: dict[str, tuple[Find, str, str, bool]] = {
    "coding_loss": (_energies, "energy_normalize", "branches of a code whose energies are normalised", True),
    "mixture_em": (_gates, "route", "the gates of routers", False),
    "confidence": (_unfiltered, "experts", "the weights of experts", False),
    "collapse": (_filtered, "experts", "the weights of experts", False),
}
"""Loss to: its sites with their module paths, the stage that makes one, what they are, whether it reads the labels."""


def structural(b: Build, weight: float, option: Option, span: Span) -> list[Loss]:
    """The loss over its sites; none where an `if` leaves the network without any. Raises `Poisoned` (unknown-site)."""
    find, stage, what, labelled = SITES[option.name]
    sites = list(find(b.graph))
    chosen = _chosen(b, option, sites, span)
    args = {name: value for name, value in option.args.items() if name not in ("of", "scores")}
    if args.get("augmented"):
        raise b.refuse("conflicting-arguments", f"`{option.name}` over sites reads one view of the samples: "
                       "`augmented` goes with scores that it names", span)
    if chosen:
        reads = ("label",) if labelled else ()
        return [Loss(weight, Option(option.name, option.role, args), reads, span, tuple(chosen))]
    if not sites and stage in b.stages:
        return []
    raise b.refuse("unknown-site", f"`{option.name}` is over {what}, and the network has none", span)


def _chosen(b: Build, option: Option, sites: list[tuple[tuple[str, ...], LossSite]], span: Span) -> list[LossSite]:
    wanted = option.args.get("of")
    if wanted is None or not sites:
        return [site for _, site in sites]
    names = (wanted,) if isinstance(wanted, str) else tuple(wanted)  # type: ignore[arg-type]  # a list of strings
    for name in names:
        if not any(within(name, region) for region, _ in sites):
            known = [site.name for _, site in sites]
            help = (*did_you_mean(name, known), f"there are: {', '.join(known[:8])}")
            raise b.refuse("unknown-site", f"`{option.name}` has no site `{name[:64]}`", span, help=help)
    return [site for region, site in sites if any(within(name, region) for name in names)]
