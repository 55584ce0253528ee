"""The losses of a `train`: what each of them reads, and what is wrong with that as far as a file can show it.

Labels are known only from the data; the rest of the checks is in `train/losses/targets.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archlang.diagnostics import Label
from archlang.elaborate.context import Build
from archlang.elaborate.label import LabelValue
from archlang.elaborate.own import OwnTensor
from archlang.elaborate.training.sites import structural
from archlang.elaborate.values import TensorValue
from archlang.graph.ir import Port
from archlang.graph.plan import Loss
from archlang.graph.scores import LABEL, applied, class_axis
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import LossFacts
from archlang.ops.values import Option, Weighted
from archlang.source import Span

PROBABILITIES = ("shares", "chances")
"""Results of operations that are no scores any more."""


def losses_of(b: Build, total: Weighted | None, span: Span) -> tuple[Loss, ...]:
    """The losses of a weighted sum, each with what it reads. Raises `Poisoned`."""
    losses: list[Loss] = []
    if total is None:
        return ()

    for weight, option in total.terms:
        _no_own_tensors(b, option, span)
        facts = facts_of(option, LossFacts)
        has_tensor = any(isinstance(value, TensorValue) for value in option.args.values())
        if facts.sites is not None and not has_tensor:
            losses += structural(b, weight, option, facts.sites, span)
        else:
            losses.append(_over_tensors(b, weight, option, facts, span))
    return tuple(losses)


def _no_own_tensors(b: Build, option: Option, span: Span) -> None:
    """A loss reads tensors that the network has names for. Raises `Poisoned`."""
    if any(isinstance(value, OwnTensor) for value in option.args.values()):
        message = f"`{option.name}` reads tensors of the network; a new one is made in the network"
        raise b.refuse("wrong-kind", message, span, help="give it a name there: `name = parameter(...)`")


def _over_tensors(b: Build, weight: float, option: Option, facts: LossFacts, span: Span) -> Loss:
    """A loss over tensors that the file names."""
    # In the order of the loss's arguments, whichever way the file gives them.
    reads: dict[str, Port | str] = {}
    words: dict[str, object] = {}
    for name, value in option.args.items():
        if isinstance(value, TensorValue):
            reads[name] = value.port
        elif isinstance(value, LabelValue):
            reads[name] = value.word
        else:
            words[name] = value

    # Without a tensor of the network nothing would have a gradient.
    if not any(isinstance(read, Port) for read in reads.values()):
        raise b.refuse("unknown-site", f"`{option.name}` reads nothing of the network", span,
                       help="name a tensor of it: `cross_entropy(logits, label)`")

    _can_be_moved(b, option, [read for read in reads.values() if isinstance(read, Port)], span)
    if facts.target == "pairs":
        _paired(b, option, reads, span)
    elif facts.target is not None:
        _compared(b, option, facts, reads, span)
    if facts.vectors:
        _embedded(b, option, reads, span)
    if facts.clusters:
        words |= _clustered(b, option, facts, reads, span)
    return Loss(weight, Option(option.name, option.role, words), tuple(reads.values()), span)


def _can_be_moved(b: Build, option: Option, ports: Sequence[Port], span: Span) -> None:
    """Refuse a loss over nothing but inputs of the network, or but whole numbers: no weight moves it."""
    if all(b.graph.type(port).range is not None for port in ports):
        raise b.refuse("unknown-site", f"`{option.name}` reads whole numbers alone, which have no gradient", span,
                       help="name the scores that they were chosen by")

    inputs = {spec.node for spec in b.graph.inputs}
    if all(port.node in inputs for port in ports):
        raise b.refuse("unknown-site", f"`{option.name}` reads inputs alone, which no weight moves", span,
                       help="name a tensor that the network computes, such as its output")


def _compared(b: Build, option: Option, facts: LossFacts, reads: Mapping[str, Port | str], span: Span) -> None:
    """A loss that compares scores with a target: their order, their sizes, their range."""
    (first, scores), (second, target), *_ = reads.items()
    if not isinstance(scores, Port):
        raise b.refuse(
            "exchanged-arguments",
            f"the first argument of `{option.name}` is `{first}`, a tensor of the network, and the label is given",
            span, help=f"the label comes second: `{option.name}({first}, {LABEL})`",
        )

    _not_squashed(b, option, facts, first, scores, span)
    # The share of the only class is 1 whatever the scores are.
    sizes = b.graph.type(scores).dims
    if facts.target == "classes" and sizes[class_axis(b.graph, scores)] == 1:
        raise b.refuse("wrong-count", f"`{option.name}` over one class is always 0, and `{first}` has one", span,
                       help="`bce` reads a single logit as the chance of the second of two classes")
    if facts.target == "classes":
        _fits_classes(b, option, first, scores, span)
    _told_beside(b, option, scores, reads, span)
    if not isinstance(target, Port):
        return  # what the label holds is known from the data alone

    if facts.target == "scores":
        _not_squashed(b, option, facts, second, target, span)
    if b.graph.type(target) != b.graph.type(scores) and not option.args.get("resize"):
        raise b.refuse("shape-mismatch", f"`{option.name}` compares `{first}` {b.graph.type(scores)} with `{second}` "
                       f"{b.graph.type(target)}", span, help=(*_of_type(b, target), "both have the same sizes"))


def _of_type(b: Build, target: Port) -> tuple[str, ...]:
    """The tensors of the network that have the sizes of a target, as one of them may have been meant."""
    inputs = {spec.node for spec in b.graph.inputs}
    near = [name for name, ports in b.graph.bound.items()
            if len(ports) == 1 and ports[0].node not in inputs and b.graph.type(ports[0]) == b.graph.type(target)]
    if not near:
        return ()
    return (f"did you mean {', '.join(f'`{name}`' for name in near[-3:])}? It is {b.graph.type(target)}",)


def _told_beside(b: Build, option: Option, scores: Port, reads: Mapping[str, Port | str], span: Span) -> None:
    """Sizes of what some losses read beside scores and a target: variances, one length for a sample."""
    types = {name: b.graph.type(read) for name, read in reads.items() if isinstance(read, Port)}
    # A label has no sizes here; the data alone tells them.
    variance, lengths = types.get("log_variance"), types.get("lengths")
    if "log_variance" in reads and variance != b.graph.type(scores):
        raise b.refuse("shape-mismatch", f"`{option.name}` wants a variance for each mean {b.graph.type(scores)}, this "
                       f"is {variance or 'a label'}", span)
    if lengths is not None and (lengths.dims != (1,) or lengths.range is None):
        raise b.refuse("shape-mismatch", f"the lengths of `{option.name}` are a whole number [1] for each sample, this "
                       f"is {lengths}", span)
    if facts_of(option, LossFacts).target != "transcript":
        return

    # Positions have an axis of their own: a vector or a map is no sequence.
    sizes, blank = b.graph.type(scores).dims, option.args["blank"]
    classes = sizes[class_axis(b.graph, scores)]
    if isinstance(classes, int) and isinstance(blank, int) and blank >= classes:
        raise b.refuse("out-of-range", f"the blank {blank} is none of the classes 0 to {classes - 1}", span)
    if len(sizes) != 2:
        raise b.refuse("wrong-rank", f"`{option.name}` reads the scores of a sequence [positions, classes], this is "
                       f"{b.graph.type(scores)}", span)


def _fits_classes(b: Build, option: Option, name: str, scores: Port, span: Span) -> None:
    """Compare what a loss says of classes with the number of classes, where the sizes tell it."""
    sizes = b.graph.type(scores).dims
    classes = sizes[class_axis(b.graph, scores)]
    weights, ignore = option.args.get("weights"), option.args.get("ignore")
    if ignore is not None and len(sizes) == 1:
        raise b.refuse("conflicting-arguments", "`ignore` is for places of maps and sequences: a sample without a "
                       "label is left out of the data", span)
    if isinstance(weights, tuple) and not any(weights):
        raise b.refuse("out-of-range", "`weights` are 0 for every class, so that nothing counts", span)
    if not isinstance(classes, int):
        return

    if isinstance(weights, tuple) and len(weights) != classes:
        raise b.refuse("wrong-count", f"`weights` holds {len(weights)} numbers, and `{name}` tells {classes} classes "
                       "apart", span)
    if isinstance(ignore, int) and ignore < classes:
        raise b.refuse("out-of-range", f"`ignore = {ignore}` is a class: `{name}` tells 0 to {classes - 1} apart",
                       span, help="a label that is ignored is no class; 255 is usual")


def _paired(b: Build, option: Option, reads: Mapping[str, Port | str], span: Span) -> None:
    """A loss over two embeddings and whether they belong together."""
    (first, one), (second, other), _ = reads.items()
    if not isinstance(one, Port) or not isinstance(other, Port):
        raise b.refuse("exchanged-arguments", f"`{option.name}` takes two tensors of the network, then the label", span,
                       help=f"the label comes last: `{option.name}({first}, {second}, {LABEL})`")

    types = b.graph.type(one), b.graph.type(other)
    if types[0].rank != 1 or types[0] != types[1]:
        raise b.refuse("shape-mismatch", f"`{option.name}` compares vectors of one size, and these are {types[0]} and "
                       f"{types[1]}", span)


def _embedded(b: Build, option: Option, reads: Mapping[str, Port | str], span: Span) -> None:
    """A loss over embeddings: vectors of one size, but for a `factor`, which is a single number."""
    types = {name: b.graph.type(read) for name, read in reads.items() if isinstance(read, Port)}
    if len(types) < len(reads):
        raise b.refuse("exchanged-arguments", f"`{option.name}` takes tensors of the network alone", span,
                       help="it reads no label: what belongs together stands in one sample")

    # The factor is the same for all samples, however wide embeddings are.
    factor = types.pop("factor", None)
    if factor is not None and factor.dims != (1,):
        raise b.refuse("shape-mismatch", f"the factor of `{option.name}` is a single number [1], this is {factor}",
                       span)
    if any(one.rank != 1 for one in types.values()) or len(set(types.values())) > 1:
        told = " and ".join(map(str, types.values()))
        raise b.refuse("shape-mismatch", f"`{option.name}` compares vectors of one size, and this is {told}", span)


def _not_squashed(b: Build, option: Option, facts: LossFacts, name: str, port: Port, span: Span) -> None:
    """Scores must not be probabilities: under a second softmax or sigmoid the loss never comes near its minimum."""
    result = applied(b.graph, port)
    if facts.applies is None or result is None or result[0] not in PROBABILITIES:
        return

    before = result[1].op.name
    raise b.refuse(
        "expected-logits",
        f"`{option.name}` applies a {facts.applies} itself, and its `{name}` have been through `{before}` already",
        span, secondary=(Label(result[1].span, "here"),), help=f"hand it what stands before `{before}`",
    )


def _clustered(b: Build, option: Option, facts: LossFacts, reads: Mapping[str, Port | str],
               span: Span) -> dict[str, object]:
    """Tell whether what a clustering loss reads is standardised in the network. Raises `Poisoned`."""
    ((name, port),) = ((name, read) for name, read in reads.items() if isinstance(read, Port))
    dims = b.graph.type(port).dims
    if len(dims) != 1 or (isinstance(dims[0], int) and dims[0] < 2):
        raise b.refuse("wrong-rank", f"`{option.name}` reads a vector of two clusters or more, this is "
                       f"{b.graph.type(port)}", span)
    if option.args.get("of") is not None or option.args.get("over") == "router":
        raise b.refuse("conflicting-arguments", f"`{option.name}` is over the scores that it names, or over gates: "
                       "`of` and `over` pick gates", span)

    _not_squashed(b, option, facts, name, port, span)
    gives = b.graph.node(port.node).op.gives
    return {"standardized": bool(gives) and gives[port.index] == "standardised"}
