"""The verb of this room: a torch module becomes a checked network with its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, fx, nn

from archlang.compiler import compile
from archlang.elaborate.network import Network, loads
from archlang.importing.calls import TorchCall
from archlang.importing.checking import TOLERANCE, TorchComparison
from archlang.importing.extents import another, sides
from archlang.importing.leaves import Recognise
from archlang.importing.recognisers import RECOGNISED
from archlang.importing.sources import TorchSource
from archlang.importing.starting import otherwise, started
from archlang.importing.steps import State, Traced
from archlang.importing.taking import origins, taken
from archlang.importing.tidying import tidy
from archlang.importing.tracing import read, trace
from archlang.importing.writing import DIALS, Normalisation, write
from archlang.limits import DEFAULT, Limits
from archlang.syntax.printer import print_file


@dataclass(frozen=True, eq=False)
class ImportedModel:
    """A torch model as a network of the language.

    Args:
        text: the file.
        network: the checked network of the file.
        model: the compiled network with the torch model's weights, in evaluation mode.
        mapped: for each tensor of `model` the tensors of the torch model that it was made of.
        left: tensors of the torch model that its evaluation form never reads.
        notes: what a reader must know: what was calculated once, what only training does.
        difference: how far outputs differ in float64, with perturbed weights, over the largest output.
        blocks: how many blocks the file has.
        nodes: how many nodes the exported graph has.
    """

    text: str
    network: Network
    model: fx.GraphModule = field(repr=False)
    mapped: Mapping[str, tuple[str, ...]] = field(repr=False)
    left: tuple[str, ...]
    notes: tuple[str, ...]
    difference: float
    blocks: int
    nodes: int


def import_model(
    module: nn.Module, inputs: Sequence[Any] | Mapping[str, Any], *, name: str | None = None, doc: str | None = None,
    normalisation: Normalisation | None = None, recognised: Mapping[str, Recognise] | None = None,
    limits: Limits = DEFAULT, untrained: nn.Module | None = None,
) -> ImportedModel:
    """Make a readable network of a torch module, take its weights over, and prove both equal.

    Args:
        module: any module that `torch.export` takes; it is read in evaluation mode and left as it is.
        inputs: an example of its inputs, each with the batch first, in their order or by the names of `forward`.
            Numbers and None among them are settings, and stay as they are.
        name: the network's name; that of the module's class where it is left out.
        doc: the first line of the file.
        normalisation: the mean and deviation of the data, which the file keeps.
        recognised: modules that are one operation, by the full name of their class, beside those that are known.
        limits: bounds on the text, as for any file.
        untrained: the same module before any training, whose numbers tell how weights start; `module` where left out.

    Raises `ArchError`: not-importable, with every place that no text says; not-equal.

    >>> import torch
    >>> small = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU())
    >>> print(import_model(small, (torch.zeros(2, 3, 8, 8),), name="Small", doc="Small.").text)
    archlang 1
    \"\"\"Small.\"\"\"
    network Small(side = 8) {
      input image: [3, side, side]
      logits = image -> conv(3x3, 8) -> relu
      output logits
    }
    <BLANKLINE>
    """
    # The caller's model is as it was, whatever happens.
    training = module.training
    module.eval()
    call = TorchCall.of(module, inputs)
    try:
        traced = tidy(trace(module, call, {**RECOGNISED, **(recognised or {})}))
        called = name or type(module).__name__
        said = doc or f"{called}, imported from torch."
        return _imported(module, call, traced, called, said, normalisation, limits, untrained=untrained)
    finally:
        module.train(training)


def import_source(source: TorchSource, *, name: str | None = None, limits: Limits = DEFAULT) -> ImportedModel:
    """The same for what a name stands for, as `archlang import` takes it."""
    called = name or source.name
    if source.program is None:
        return import_model(
            source.module, source.inputs, name=called, doc=source.doc, normalisation=source.normalisation,
            limits=limits, untrained=source.untrained,
        )
    traced = tidy(read(source.program))
    traced = replace(traced, notes=(*traced.notes, *source.notes))
    call = TorchCall.of(source.module, source.inputs)
    return _imported(source.module, call, traced, called, source.doc, None, limits, traced.batch, drawn=source.drawn)


def _imported(
    module: nn.Module, call: TorchCall, traced: Traced, name: str, doc: str, normalisation: Normalisation | None,
    limits: Limits, batch: int | None = None, untrained: nn.Module | None = None, drawn: bool = True,
) -> ImportedModel:
    fresh: State = {**traced.state, **(untrained or module).state_dict()}
    if drawn:
        traced, known = started(traced, fresh)
    written = write(traced, name, doc, normalisation, resizable=sides(traced) is not None)
    network = loads(print_file(written.file), limits=limits)
    where = origins(network, written.steps)

    # One model for both: first in float64 with perturbed weights, then with the weights that are wanted.
    model = compile(network)
    own = model.state_dict()
    starts: tuple[str, ...] = ()
    if drawn:
        starts = otherwise(where, dict(model.named_parameters()), fresh, known)
    sizes = [traced.sizes[value] for _, value in traced.inputs]
    ranges = {at: traced.ranges[value] for at, (_, value) in enumerate(traced.inputs) if value in traced.ranges}
    comparison = TorchComparison(module, call, lambda state: taken(where, state), traced.state)
    found = _resized(network, model, comparison, sizes[0], limits) if sides(traced) is not None else None
    if found is None:
        # A dial for the size is promised in the text, so that it is tried before anybody sees it.
        if sides(traced) is not None:
            unsized = replace(traced, sized=True)
            written = write(unsized, name, doc, normalisation)
            network = loads(print_file(written.file), limits=limits)
            model = compile(network)
            own = model.state_dict()
        found = comparison.verify(model, sizes, batch, ranges)
    model.load_state_dict(own, assign=True)
    state: State = {**traced.state, **module.state_dict()}
    model.float().load_state_dict(_kinds(taken(where, state)))

    used = {one for origin in where.values() for one in origin.names}
    mapped = {ours: origin.names for ours, origin in where.items()}
    notes = (*traced.notes, *starts, *_frozen(module, used))
    return ImportedModel(
        network.text, network, model.eval(), mapped, _left(module, used), notes, found, written.blocks,
        traced.nodes,
    )


def _resized(
    network: Network, model: fx.GraphModule, comparison: TorchComparison, sizes: Sequence[int], limits: Limits
) -> float | None:
    """The difference of both networks on maps of another size than the exported one; None where they are not equal.

    No step says a size, so that a network that computes the same there was read right: the torch model ran its own code
    on that size, and the file is what was exported on the other one.
    """
    other = another(sizes[1:])
    dials = dict(zip(DIALS[2:], other, strict=True))
    if other[0] == other[1] and sizes[1] == sizes[2]:
        dials = {"side": other[0]}
    try:
        loads(network.text, dials, limits=limits)
        found = comparison.difference(model, [(sizes[0], *other)])
    except Exception:  # either of them may want its one size, and says so in its own way
        return None
    if found > TOLERANCE:
        return None
    return found


def _kinds(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors in the one kind of floating-point number that models of the language have at first."""
    return {name: value.to(_kind(value)) for name, value in state.items()}


def _kind(value: Tensor) -> torch.dtype:
    # Counters stay whole.
    if value.is_floating_point():
        return torch.float32
    return value.dtype


def _frozen(module: nn.Module, read: set[str]) -> tuple[str, ...]:
    """A note on parameters that the torch model's training leaves alone, for which the language has no word."""
    names = [name for name, value in module.named_parameters() if name in read and not value.requires_grad]
    if not names:
        return ()
    more = ""
    if len(names) > 1:
        more = f" and {len(names) - 1} more"
    return (f"`{names[0]}`{more}: no training moves it in the torch model, and a training of the file does",)


def _left(module: nn.Module, read: set[str]) -> tuple[str, ...]:
    """The tensors that nothing read, but for the counters of norms, which evaluation never reads."""
    state = module.state_dict()
    # A module that is called from several places has several names for one tensor.
    known = {_memory(state[name]) for name in read if name in state}
    return tuple(
        name for name, value in state.items()
        if name not in read and not name.endswith("num_batches_tracked") and _memory(value) not in known
    )


def _memory(value: Tensor) -> tuple[int, tuple[int, ...]]:
    return value.data_ptr(), tuple(value.shape)


