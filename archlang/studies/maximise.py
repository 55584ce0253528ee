"""Inputs that a part of a network answers most, made by gradient ascent from noise (Tissera 2023, 3.5.2, fig. 4.9).

The ascent is held to smooth inputs: the input is shifted by a few pixels before each step (jitter), blurred now and
then, drawn to zero (decay) and charged its total variation. All that is drawn comes from the seed, on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import fx
from torch.nn import functional

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.graph.scores import main_output, scores_port
from archlang.layers.multipath import Gates
from archlang.layers.reparametrized import ReparametrizedConv
from archlang.rewrite.extract import told
from archlang.studies.inside import ValueRecorder, all_rows, graph_of, named, placed, routers
from archlang.train.fitting import fit_of
from archlang.train.loop.evaluation import losses_of, record_of
from archlang.train.losses.objective import tensors_of

What = Literal["gate", "output", "cluster", "filter"]


@dataclass(frozen=True)
class Ascent:
    """The climb of the input: Adam's steps and rate, and what holds it to smooth inputs; `jitter` is in pixels."""

    steps: int = 200
    rate: float = 0.05
    jitter: int = 1
    blur_every: int = 20
    decay: float = 0.005
    variation: float = 0.02


@dataclass(frozen=True)
class Maximised:
    """A synthesised input [channels, ...], as the network sees it and (`image`) as an image from 0 to 1.

    `before` and `after` are the response at the noise it began from, and at its end.
    """

    name: str
    input: torch.Tensor
    image: torch.Tensor
    before: float
    after: float


def maximise(
    model: fx.GraphModule, what: What, name: str, *, seed: int = 0, ascent: Ascent = Ascent(), device: str = "auto"
) -> Maximised:
    """The input that a part answers most: a gate `ROUTER.I.J`, an output or cluster by name or number, `CONV.CHANNEL`.

    The response is the log odds of a gate, an output before the softmax, or the mean of a filter's map, where negative
    numbers count a tenth: what goes on is the positive part, which alone would not move a silent filter. The model
    stays as it was. Raises `ArchError`: unknown-name, unsupported-module, bad-data.
    """
    record = record_of(model)
    graph = record.network.graph
    fit = fit_of(graph, record.mean, record.std, record.image)
    size = tuple(d for d in fit.type.dims if isinstance(d, int))
    if len(size) != fit.type.rank:
        raise ArchError(error("unsupported-module", f"the input {fit.type} has no fixed size"))

    with placed(model, device) as (target, kind), all_rows(model):
        response = _response(model, what, name)
        # Only the input climbs: gradients of the weights would cost their size, and stay in the caller's model.
        frozen = [p for p in model.parameters() if p.requires_grad]
        for p in frozen:
            p.requires_grad_(False)
        try:
            best, before, after = climb(response, size, seed, ascent, target, kind)
        finally:
            for p in frozen:
                p.requires_grad_(True)

    return Maximised(name, best, _as_image(best, fit.mean, fit.std), before, after)


def climb(
    response: Callable[[torch.Tensor], torch.Tensor], size: tuple[int, ...], seed: int, ascent: Ascent,
    device: torch.device, kind: torch.dtype,
) -> tuple[torch.Tensor, float, float]:
    """Gradient ascent on `response`, [1, ...] to a number: the input on the CPU, and the response at both ends."""
    chance = torch.Generator().manual_seed(seed)
    # Drawn on the CPU and moved then, so that a seed is the same noise on every device.
    x = (0.1 * torch.randn(1, *size, generator=chance)).to(device, kind).requires_grad_(True)
    adam = torch.optim.Adam([x], lr=ascent.rate)
    # Jitter, blur and variation are of neighbours in a map; a vector has none.
    maps = len(size) == 3
    with torch.no_grad():
        before = float(response(x))

    for step in range(ascent.steps):
        seen = x
        if maps and ascent.jitter:
            shift = torch.randint(-ascent.jitter, ascent.jitter + 1, (2,), generator=chance).tolist()
            seen = torch.roll(x, tuple(shift), (2, 3))

        # Adam goes down, so the response counts negative.
        loss = ascent.decay * x.square().mean() - response(seen)
        if maps:
            loss = loss + ascent.variation * _variation(x)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
        adam.step()

        # Not after the last step: what is handed out is what the ascent found, unblurred.
        if maps and ascent.blur_every and (step + 1) % ascent.blur_every == 0 and step + 1 < ascent.steps:
            with torch.no_grad():
                x.copy_(_blurred(x))

    with torch.no_grad():
        return x.detach().cpu()[0], before, float(response(x))


def _variation(x: torch.Tensor) -> torch.Tensor:
    """The mean step between neighbours, down and to the right; a map of one row or column has none of these."""
    steps = [x.diff(dim=d) for d in (2, 3) if x.shape[d] > 1]
    if not steps:
        return x.new_zeros(())
    return torch.stack([s.abs().mean() for s in steps]).sum()


def _blurred(x: torch.Tensor) -> torch.Tensor:
    """A 3x3 binomial blur, borders repeated."""
    line = x.new_tensor([0.25, 0.5, 0.25])
    kernel = torch.outer(line, line).expand(x.shape[1], 1, 3, 3)
    return functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, groups=x.shape[1])


def _response(model: fx.GraphModule, what: What, name: str) -> Callable[[torch.Tensor], torch.Tensor]:
    if what == "gate":
        return _gate(model, name)
    if what == "filter":
        return _filter(model, name)
    return _output(model, name, what)


def _gate(model: fx.GraphModule, name: str) -> Callable[[torch.Tensor], torch.Tensor]:
    known = routers(model)
    # Inputs first, as the names stand.
    every = [(router, i) for router in known for i in range(len(router.gates))]
    router, place = every[named([gate for router in known for gate in router.gates], name)]

    gates = model.get_submodule(str(router.call.target))
    assert isinstance(gates, Gates)
    entering = [n for n in router.call.args if isinstance(n, fx.Node)]
    # A gate's number counts its input's row of outputs.
    given, wanted = divmod(place, gates.outputs)

    def response(x: torch.Tensor) -> torch.Tensor:
        recorder = ValueRecorder(model, entering)
        recorder.run(x)
        # Rows are the patches of this one input where experts stand on a grid: the mean over them.
        scores = gates.scores(*(recorder.seen[n] for n in entering))[:, given]

        # Log odds: the logit less the log of the summed exponentials of its rivals. A gate alone has no rival.
        others = torch.cat([scores[:, :wanted], scores[:, wanted + 1 :]], 1)
        if others.shape[1] == 0:
            return scores[:, wanted].mean()
        return (scores[:, wanted] - others.logsumexp(1)).mean()

    return response


def _output(model: fx.GraphModule, name: str, what: str) -> Callable[[torch.Tensor], torch.Tensor]:
    record = record_of(model)
    graph = record.network.graph
    # Without labels nothing says which output holds classes: the main one is meant.
    port = main_output(graph)
    if record.labels:
        port = scores_port(graph, losses_of(graph))
    index = [output.port for output in graph.outputs].index(port)
    result = next(n for n in graph_of(model).nodes if n.op == "output").args[0]
    node = tensors_of(result)[index]

    size = graph.type(port).dims
    if len(size) != 1:
        raise ArchError(error("unsupported-module", f"the main output {graph.type(port)} is no row of scores"))

    # A model from which single classes were extracted has fewer scores, and they keep their old numbers.
    few = told(record.passes)
    numbers = list(range(int(size[0])))
    if few is not None:
        numbers = list(few)
    names = [record.labels[i] if record.labels and i < len(record.labels) else str(i) for i in numbers]
    # A label that is a number goes before the number of a class.
    by_number = name.isdigit() and name not in names and int(name) in numbers
    if by_number:
        place = numbers.index(int(name))
    else:
        place = named(names, name, what)

    def response(x: torch.Tensor) -> torch.Tensor:
        recorder = ValueRecorder(model, [node])
        recorder.run(x)
        value: torch.Tensor = recorder.seen[node][0, place]
        return value

    return response


def _filter(model: fx.GraphModule, name: str) -> Callable[[torch.Tensor], torch.Tensor]:
    path, _, channel = name.rpartition(".")
    convs = filters(model)

    if path not in convs or not channel.isdigit():
        if not convs:
            raise ArchError(error("unknown-name", f"there is no filter `{name}`: this model has no convolution"))
        near = did_you_mean(path or name, list(convs))
        raise ArchError(error("unknown-name", "a filter is called by its convolution and channel, as `PATH.CHANNEL`",
                              help=[*near, f"convolutions: {', '.join(list(convs)[:12])}"]))

    node, count = convs[path]
    if int(channel) >= count:
        raise ArchError(error("unknown-name", f"`{path}` has {count} filters, from 0 to {count - 1}"))

    def response(x: torch.Tensor) -> torch.Tensor:
        recorder = ValueRecorder(model, [node])
        recorder.run(x)
        # A tenth of the negative part: a filter that is silent at first would have no gradient to climb by.
        return functional.leaky_relu(recorder.seen[node][0, int(channel)], 0.1).mean()

    return response


def filters(model: fx.GraphModule) -> dict[str, tuple[fx.Node, int]]:
    """The convolutions of a model by their module paths: where each runs, and how many channels it gives."""
    found: dict[str, tuple[fx.Node, int]] = {}
    for node in graph_of(model).nodes:
        if node.op != "call_module":
            continue
        module = model.get_submodule(node.target)
        if isinstance(module, torch.nn.modules.conv._ConvNd | ReparametrizedConv):
            # Of a convolution that is called more than once, the first call.
            found.setdefault(str(node.target), (node, module.out_channels))

    return found


def _as_image(x: torch.Tensor, mean: tuple[float, ...] | None, std: tuple[float, ...] | None) -> torch.Tensor:
    """Normalisation taken back, then stretched to 0..1 so that its pattern can be seen."""
    if mean is not None and std is not None and x.ndim > 1:
        shape = (-1, *(1,) * (x.ndim - 1))
        x = x * x.new_tensor(std).view(shape) + x.new_tensor(mean).view(shape)

    low, high = x.min(), x.max()
    if high > low:
        return (x - low) / (high - low)
    # An input of one value everywhere has no range to stretch: grey.
    return torch.full_like(x, 0.5)


__all__ = ["Ascent", "Maximised", "climb", "filters", "maximise"]
