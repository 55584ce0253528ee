"""The differences in what two networks declare: dials, sizes, inputs, outputs, codes and training.

Tensors are compared by their counterparts and never by name, so that a renaming is no difference of what reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from archlang.analysis.report import Plain, plain
from archlang.graph.ir import CodedSite, Graph, Port
from archlang.graph.plan import Loss, Phase, Plan
from archlang.ops.values import show
from archlang.sizes import LARGEST, Symbol

Declared = Literal["dial", "size", "input", "output", "code", "train"]

Partners = Mapping[str, str]
"""The counterpart of each operation, by id; one without a counterpart is not there."""


@dataclass(frozen=True)
class SettingChange:
    """One difference in what is declared: a dial, a size, an input, an output, a code or a part of the training.

    None stands where one network lacks it.
    """

    kind: Declared
    name: str
    before: Plain
    after: Plain


@dataclass(frozen=True)
class _Declared:
    """A declaration: the text that tells it, and the tensors that it reads."""

    text: Plain
    reads: tuple[Port | str, ...] = ()
    read_as: str = ""  # these tensors by name


_Declarations = dict[str, _Declared]


def settings_changes(a: Graph, b: Graph, partners: Partners) -> Iterator[SettingChange]:
    """The differences in dials, sizes, inputs, outputs, codes and training, in this order."""
    yield from _compared("dial", _dials(a), _dials(b), partners)
    yield from _compared("size", *_symbols(a, b), partners)
    yield from _compared("input", _inputs(a), _inputs(b), partners)
    yield from _compared("output", _outputs(a), _outputs(b), partners)
    yield from _codes(a, b, partners)
    yield from _compared("train", _plan(a), _plan(b), partners)
    yield from _orders(a, b)


def port_name(graph: Graph, port: Port) -> str:
    """The name of the operation that a tensor comes from, with an index where that has several results."""
    node = graph.node(port.node)
    if len(node.outputs) > 1:
        return f"{node.name}[{port.index}]"
    return node.name


def _compared(
    kind: Declared, before: _Declarations, after: _Declarations, partners: Partners
) -> Iterator[SettingChange]:
    """The entries that differ, or that one side lacks."""
    # In the order of the network before; what is new comes last.
    for name in {**before, **after}:
        x, y = before.get(name), after.get(name)
        if x is None or y is None or x.text != y.text:
            yield SettingChange(kind, name, None if x is None else x.text, None if y is None else y.text)
        elif not _same_reads(x.reads, y.reads, partners):
            yield SettingChange(kind, name, f"{x.text} of {x.read_as}", f"{y.text} of {y.read_as}")


def _same_reads(before: tuple[Port | str, ...], after: tuple[Port | str, ...], partners: Partners) -> bool:
    """Tell whether the same tensors are read, where all of them have counterparts.

    An operation without one is a change of structure, which is told as that.
    """
    if len(before) != len(after):
        return False
    kept = set(partners.values())
    for x, y in zip(before, after, strict=True):
        if isinstance(x, str) or isinstance(y, str):
            if x != y:
                return False
        elif x.node in partners and y.node in kept and Port(partners[x.node], x.index) != y:
            return False
    return True


def _dials(graph: Graph) -> _Declarations:
    return {name: _Declared(plain(value)) for name, value in graph.dials.items()}


def _symbols(a: Graph, b: Graph) -> tuple[_Declarations, _Declarations]:
    """The bounds of the symbolic sizes that both have; another symbol stands in the type of its input."""
    before, after = ({symbol.name: _Declared(_bounds(symbol)) for symbol in graph.symbols} for graph in (a, b))
    both = before.keys() & after.keys()
    return ({name: entry for name, entry in before.items() if name in both},
            {name: entry for name, entry in after.items() if name in both})


def _bounds(symbol: Symbol) -> str:
    """The bounds of a symbol as its `where` has them."""
    parts = []
    if symbol.low > 1:
        parts.append(f"{symbol.name} >= {symbol.low}")
    if symbol.high < LARGEST:
        parts.append(f"{symbol.name} <= {symbol.high}")
    if symbol.divisor > 1:
        parts.append(f"{symbol.name} % {symbol.divisor} == 0")
    return " and ".join(parts) or "any"


def _inputs(graph: Graph) -> _Declarations:
    """The type of each input, and its normalisation where it has one."""
    entries: _Declarations = {}
    for spec in graph.inputs:
        text = str(spec.type)
        if spec.mean:
            text += f" mean {show(spec.mean)} std {show(spec.std)}"
        entries[spec.name] = _Declared(text)
    return entries


def _outputs(graph: Graph) -> _Declarations:
    """The type of each output, and where it comes from."""
    return {
        output.label: _Declared(str(graph.type(output.port)), (output.port,), port_name(graph, output.port))
        for output in graph.outputs
    }


# --- codes -----------------------------------------------------------------------------------------------------------


def _codes(a: Graph, b: Graph, partners: Partners) -> Iterator[SettingChange]:
    """The codes of branches that differ. Branches that one network lacks are a change of structure."""
    counterparts = _regions(a, b, partners)
    for region, site in a.coded.items():
        other = b.coded.get(counterparts.get(region, ()))
        if other is None:
            continue
        if site.code != other.code or site.code.names != other.code.names:
            before, after = _words(site, other)
            yield SettingChange("code", other.name, before, after)
        if site.drop != other.drop:
            yield SettingChange("code", other.name, f"drop = {show(site.drop)}", f"drop = {show(other.drop)}")


def _regions(a: Graph, b: Graph, partners: Partners) -> dict[tuple[str, ...], tuple[str, ...]]:
    """The stages of branches of one network and their counterparts, by what stands in them."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for node in a:
        if node.id not in partners:
            continue
        mine, theirs = (
            [member.region for member in one.members if member.region in graph.coded]
            for graph, one in ((a, node), (b, b.node(partners[node.id])))
        )
        found.update(zip(mine, theirs, strict=False))
    return found


def _words(one: CodedSite, other: CodedSite) -> tuple[str, str]:
    """Two codes as texts that differ: their sizes, or the first class whose word or name is another one."""
    sizes = [f"{site.code.classes} words of {site.code.branches}" for site in (one, other)]
    if sizes[0] != sizes[1]:
        return sizes[0], sizes[1]

    told = [[f"{_class(site, number)} {word}" for number, word in enumerate(site.code.words)] for site in (one, other)]
    differing = [pair for pair in zip(*told, strict=True) if pair[0] != pair[1]]
    more = ""
    if len(differing) > 1:
        more = f" and {len(differing) - 1} more"
    return differing[0][0] + more, differing[0][1] + more


def _class(site: CodedSite, number: int) -> str:
    names = site.code.names
    if names is None:
        return f"class {number}"
    return f"class {names[number]}"


# --- training --------------------------------------------------------------------------------------------------------


def _plan(graph: Graph) -> _Declarations:
    """The parts of a training, by name."""
    plan: Plan | None = graph.plan
    if plan is None:
        return {}

    parts: _Declarations = {
        "loss": _losses(plan.losses, graph),
        "optimizer": _Declared(show(plan.optimizer)),
        "batch": _Declared(plan.batch),
        "accumulate": _Declared(plan.accumulate),
        "seed": _Declared(plan.seed),
        "augment": _Declared(show(plan.augment)),
        "labels": _Declared(show(plan.labels)),
        "clip": _Declared(show(plan.clip)),
        "precision": _Declared(plan.precision),
        "average": _Declared(show(plan.average)),
        "metrics": _Declared(show(plan.metrics)),
        "best": _Declared(show(plan.best)),
        "patience": _Declared(show(plan.patience)),
    }

    # Phases and steps by their names: one that is put in first leaves the others as they were.
    for step in plan.steps:
        losses = _losses(step.losses, graph)
        parts[f"step {step.name}"] = _Declared(f"{losses.text}; {step.optimizer}", losses.reads, losses.read_as)
    for phase in plan.phases:
        parts[f"phase {phase.name}"] = _Declared(_phase(phase))
    return parts


def _orders(a: Graph, b: Graph) -> Iterator[SettingChange]:
    """Steps and phases that are the same by name, and come in another order."""
    if a.plan is None or b.plan is None:
        return
    pairs = (("steps", a.plan.steps, b.plan.steps), ("phases", a.plan.phases, b.plan.phases))
    for word, *both in pairs:
        before, after = ([one.name for one in stretches] for stretches in both)
        # One more or less of them is told by its name.
        if before != after and sorted(before) == sorted(after):
            yield SettingChange("train", word, ", ".join(before), ", ".join(after))


def _losses(losses: tuple[Loss, ...], graph: Graph) -> _Declared:
    """A sum of losses, and the tensors and labels that they read."""
    text = " + ".join(f"{show(loss.weight)} * {loss.option}" for loss in losses)
    reads = tuple(read for loss in losses for read in (*loss.reads, *(site.port for site in loss.sites)))
    named = (read if isinstance(read, str) else port_name(graph, read) for read in reads)
    return _Declared(text, reads, ", ".join(named))


def _phase(phase: Phase) -> str:
    """A phase as text: its length, its learning rate, and the settings that it has."""
    text = f"epochs = {phase.epochs}"
    if phase.steps:
        text = f"steps = {phase.steps}"
    text += f"; lr = {show(phase.lr)}"

    # `only = []` trains nothing and differs from no `only`; to freeze nothing is to say nothing.
    optional = {"keys": phase.keys, "only": phase.only, "freeze": phase.freeze or None}
    for name, value in optional.items():
        if value is not None:
            text += f"; {name} = {show(value)}"
    return text
