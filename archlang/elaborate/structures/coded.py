"""Branches of a code: `branches`, `energy_normalize`, and whether codes fit the classes that a network tells apart."""

from __future__ import annotations

from dataclasses import replace

from archlang.diagnostics import Label, error
from archlang.elaborate.context import Build, chain
from archlang.elaborate.structures.common import Rule, braces, collected, inside, node_of, tensor_in
from archlang.elaborate.values import BundleValue, Place, StructureStage, Tag, TensorValue, Value
from archlang.graph.ir import CodedSite, Graph, OutputSpec, Port
from archlang.graph.plan import Loss
from archlang.source import Span


def _branches(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    """One branch a column; with `drop`, branches left out behind it, or behind the `energy_normalize` that follows."""
    tree, code, drop = braces(stage), stage.given["words"], stage.given["drop"]
    # Where every branch is left out, those that stay cannot be scaled to make up for it: 1 / (1 - drop).
    if drop == 1:
        raise b.refuse("out-of-range", "a branch stays with some probability: `drop` is less than 1",
                       stage.given.spans["drop"])
    tensor = tensor_in(b, stage, value, at, place)

    def make(i: int) -> Value:
        return inside(b, stage, tree, tensor, at, place.member("branches", i, code.branches))

    bundle = collected(code.branches, make)
    assert isinstance(bundle, BundleValue)
    b.graph.coded = {**b.graph.coded, place.path: CodedSite(place.path, code, drop, stage.span)}
    tag = Tag(code, bundle.members)
    if not drop:
        return replace(bundle, tag=tag)

    # DropSubNN takes out a subnetwork as a whole: blocks of one code leave out the same branches of a sample.
    mask = _mask_before(b, tensor, tag, drop)
    if mask is None:
        mask = node_of(b, stage, "branch_mask", {"branches": code.branches, "p": drop}, (tensor,), place, "mask")[0]
    return _left_out(b, stage, replace(tag, mask=mask, drop=drop), bundle.members, place)


def _energy_normalize(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    """`y_n = T_n / sqrt(mean_i E(T_i))`, E the mean of squares; then branches are left out (Coded ResNeXt)."""
    tag = None
    if isinstance(value, BundleValue):
        tag = value.tag
    if tag is None:
        message = "`energy_normalize` works on the branches of a code, right behind `branches`"
        raise b.refuse("expected-bundle", message, stage.span, secondary=(Label(at, f"this is {value.type}"),),
                       notes=chain(place), help="`branches(words) { ... } -> energy_normalize -> sum`")

    # Energies are those of all branches, so that they do not depend on which are left out: the mask comes behind.
    members = _tensors(b, stage, tag.branches, at, place)
    _, weights = node_of(b, stage, "energies", {"of": len(members)}, members, place, "energies")
    scaled = node_of(b, stage, "weigh", {}, (weights, *members), place, "weigh")
    if tag.mask is None:
        return BundleValue(scaled)
    left = _left_out(b, stage, tag, scaled, place)
    return BundleValue(left.members)  # without the tag: normalised once is enough


def _left_out(b: Build, stage: StructureStage, tag: Tag, members: tuple[Value, ...], place: Place) -> BundleValue:
    """The branches times the mask, tagged with what they were before."""
    assert tag.mask is not None
    tensors = _tensors(b, stage, members, stage.span, place)
    masked = node_of(b, stage, "weigh", {}, (tag.mask, *tensors), place, "drop")
    b.drops[masked[0].port.node] = tag
    return BundleValue(masked, tag)


def _tensors(b: Build, stage: StructureStage, members: tuple[Value, ...], at: Span,
             place: Place) -> tuple[TensorValue, ...]:
    tensors = tuple(member for member in members if isinstance(member, TensorValue))
    if len(tensors) < len(members):
        raise b.refuse("expected-tensor", "a branch of a code makes one tensor, this flow makes a bundle", stage.span,
                       secondary=(Label(at, f"this is {BundleValue(members).type}"),), notes=chain(place))
    return tensors


def _mask_before(b: Build, tensor: TensorValue, tag: Tag, drop: float) -> TensorValue | None:
    """The mask of the block before, where it has the same code: the last one that what enters here went through."""
    order = {id: n for n, id in enumerate(b.graph.nodes)}
    seen, waiting = {tensor.port.node}, [tensor.port.node]
    nearest = ""
    while waiting:
        id = waiting.pop()
        # What lies before a block that leaves branches out is further away than the block itself.
        if id in b.drops:
            nearest = max(nearest, id, key=lambda node: order.get(node, -1))
            continue
        unseen = [port.node for port in b.graph.node(id).inputs if port.node not in seen]
        seen.update(unseen)
        waiting.extend(unseen)

    last = b.drops.get(nearest)
    if last is None or (last.code, last.drop) != (tag.code, drop):
        return None
    return last.mask


RULES: dict[str, Rule] = {"branches": _branches, "energy_normalize": _energy_normalize}


# --- the whole network -----------------------------------------------------------------------------------------------


def head_of(graph: Graph) -> OutputSpec | None:
    """The output that tells classes apart: what the first loss with labels reads, else the main one."""
    losses: list[Loss] = []
    if graph.plan is not None:
        losses.extend(graph.plan.losses)
        for step in graph.plan.steps:
            losses.extend(step.losses)

    outputs = {output.port: output for output in graph.outputs}
    for loss in losses:
        if "label" not in loss.reads:
            continue
        for port in loss.reads:
            if isinstance(port, Port) and port in outputs:
                return outputs[port]

    # Without a `train` the output that has no name is the main one. Of a bundle no member is more so than others.
    single = [output for output in graph.outputs if output.member is None]
    for output in single:
        if output.name is None:
            return output
    return next(iter(single), None)


def codes_fit(b: Build) -> None:
    """A code has a word for each class that the network tells apart, in the order of the classes' names."""
    graph = b.graph
    # Branches that no output needs have been cut off, and their code no longer matters.
    members = [member for node in graph for member in node.members]
    regions = {member.region for member in members if member.kind == "branches"}
    graph.coded = {region: site for region, site in graph.coded.items() if region in regions}

    # Only a vector of scores tells classes apart: the head of a segmentation is a map.
    head = head_of(graph)
    if head is None or graph.type(head.port).rank != 1:
        return

    classes = graph.type(head.port).dims[0]
    labels = None
    if graph.plan is not None:
        labels = graph.plan.labels
    for site in graph.coded.values():
        if isinstance(classes, int) and classes != site.code.classes:
            has = f"the code `{site.code.name}` has {site.code.classes} words"
            message = f"{has}, the network tells {classes} classes apart"
            b.report(error("code-contract", message, site.span, "branches of this code",
                           secondary=(Label(head.span, f"{classes} classes leave here"),)))
        elif labels and site.code.names and labels != site.code.names and set(labels) == set(site.code.names):
            message = f"the code `{site.code.name}` has its classes in another order than `labels`"
            b.report(error("code-contract", message, site.span))
