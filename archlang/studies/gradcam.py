"""The places that a classifier looks at: Grad-CAM maps of a stage (Selvaraju et al. 2017, PBConv, figure 7)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, fx
from torch.nn import functional

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.graph.scores import scores_port
from archlang.studies.inside import ValueRecorder, all_rows, graph_of, placed
from archlang.studies.stages import path_of, stage_node
from archlang.train.fitting import fit_of
from archlang.train.loop.evaluation import losses_of, record_of
from archlang.train.losses.objective import tensors_of


@dataclass(frozen=True)
class ClassMap:
    """A map [rows, columns] from 0 to 1 of one sample, as large as the stage's; its class, and the one predicted."""

    map: Tensor
    wanted: int
    predicted: int

    def resized(self, rows: int, columns: int) -> Tensor:
        """The map at the size of an image, bilinear."""
        whole = functional.interpolate(self.map[None, None], (rows, columns), mode="bilinear", align_corners=False)
        return whole[0, 0]


def class_maps(
    model: fx.GraphModule, samples: Tensor, stage: str | None = None, wanted: int | None = None, *, device: str = "auto"
) -> tuple[str, tuple[ClassMap, ...]]:
    """The name of the stage, and for each sample [count, ...] the places that speak for a class.

    `ReLU(sum_k a_k A_k)` with `a_k` the mean over all places of the gradient of the class's score by the map `A_k`; the
    largest place of each sample is 1. Without a stage it is the last one with maps of more than one place, without a
    class the one that is predicted. Raises `ArchError`: unknown-name, unsupported-module (no maps), out-of-range.
    """
    record = record_of(model)
    graph = record.network.graph
    fit = fit_of(graph, record.mean, record.std, record.image)
    port = scores_port(graph, losses_of(graph))
    index = [output.port for output in graph.outputs].index(port)
    last = next(node for node in graph_of(model).nodes if node.op == "output")
    scores_node = tensors_of(last.args[0])[index]

    sizes = graph.type(port).dims
    if len(sizes) != 1 or not isinstance(sizes[0], int):
        raise ArchError(error("unsupported-module", f"the main output {graph.type(port)} is no row of scores"))
    count = sizes[0]
    if wanted is not None and not 0 <= wanted < count:
        message = f"there are {count} classes, from 0 to {count - 1}; there is no {wanted}"
        raise ArchError(error("out-of-range", message))

    with placed(model, device) as (target, kind), all_rows(model), torch.enable_grad():
        inputs = fit(samples.to(target)).to(kind)
        node = _chosen(model, inputs[:1], stage)
        # Gradients of the weights are not asked for, so none are kept; the input's make the graph reach the stage.
        recorder = ValueRecorder(model, [node, scores_node])
        recorder.run(inputs.detach().requires_grad_(True))
        maps, scores = recorder.seen[node], recorder.seen[scores_node]
        predicted = scores.argmax(1)
        classes = predicted
        if wanted is not None:
            classes = torch.full_like(predicted, wanted)

        # Samples do not depend on one another in evaluation mode: the sum's gradient is that of each.
        (gradient,) = torch.autograd.grad(scores.gather(1, classes[:, None]).sum(), maps)

    weighted = (gradient.mean((2, 3), keepdim=True) * maps).sum(1).relu().detach().double().cpu()
    most = weighted.amax((1, 2), keepdim=True)
    # Where nothing speaks for the class the map is zero everywhere.
    weighted = weighted / torch.where(most > 0, most, torch.ones_like(most))
    found = tuple(ClassMap(one, int(c), int(p)) for one, c, p in zip(weighted, classes, predicted, strict=True))
    return stage or path_of(node), found


def _chosen(model: fx.GraphModule, sample: Tensor, stage: str | None) -> fx.Node:
    """The operation whose maps are looked at."""
    called = ("call_module", "call_function")
    nodes: list[fx.Node] = [node for node in graph_of(model).nodes if path_of(node) and node.op in called]
    if stage is not None:
        nodes = [stage_node(model, stage)]

    recorder = ValueRecorder(model, nodes)
    with torch.no_grad():
        recorder.run(sample)
    # Rows that are patches lie several to a sample, and have no place in the whole image.
    maps = [node for node in nodes if _is_map(recorder.seen.get(node))]
    if maps:
        return maps[-1]

    named = "no stage gives maps of more than one place"
    if stage is not None:
        named = f"`{one_line(stage, 80)}` gives no maps [channels, rows, columns] of more than one place"
    raise ArchError(error("unsupported-module", named, help="a map is what a convolution gives, before it is pooled"))


def _is_map(value: object) -> bool:
    return isinstance(value, Tensor) and value.ndim == 4 and len(value) == 1 and value[0, 0].numel() > 1
