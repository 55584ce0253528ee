"""Networks of several inputs: samples by the names that the network declares, each one row of numbers on its way.

Batches, shares of processes, checkpoints and averages know samples as one tensor. The inputs of a sample lie in it one
behind the other, as doubles, which hold every token and every float of a sample; right before the network they are
taken apart again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import torch
from PIL import Image
from torch import nn

from archlang.diagnostics import ArchError, did_you_mean
from archlang.diagnostics.text import one_line
from archlang.emit import ImagePreparation
from archlang.graph.ir import Graph
from archlang.shapes import Tensor, linear, substitute
from archlang.train.data.input_place import InputPlace
from archlang.train.data.items import Items, raw_item
from archlang.train.data.label_place import LabelPlace
from archlang.train.data.labels import LABEL
from archlang.train.data.named import NamedTensors
from archlang.train.data.pixels import kept_window, upright_size
from archlang.train.data.reading import drawing_by
from archlang.train.data.samples import Layout, as_sample
from archlang.train.data.splits import Data, Split, Tensors
from archlang.train.data.windows import cut_for
from archlang.train.fitting import Fit, fit_of, fit_to
from archlang.train.problems import bad_data
from archlang.train.processes.devices import first_weight

IMAGE = 3
"""Sizes of an image: channels, rows and columns."""


def places_of(graph: Graph, sizes: Mapping[str, Sequence[int]] | None = None) -> tuple[InputPlace, ...]:
    """The places of the inputs in a row. `sizes` are those of one sample by the names of inputs, which tell symbols.

    Raises `ArchError` (bad-data) for a size that nothing tells, and for a symbol that two sizes tell differently.
    """
    symbols = _symbols(graph, sizes or {})
    places: list[InputPlace] = []
    start = 0
    for spec in graph.inputs:
        own = []
        for size in spec.type.dims:
            told = linear(size)
            if told is not None and told[0].name not in symbols:
                raise bad_data(f"the input `{spec.name}` is {spec.type}, and no sample tells `{told[0].name}`",
                               help=f"give symbols their numbers, as in `-p {told[0].name}=32`")
            own.append(substitute(size, symbols))
        places.append(InputPlace(spec, start, tuple(own)))
        start = places[-1].stop
    return tuple(places)


def _symbols(graph: Graph, sizes: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """The numbers of symbols by the sizes of a sample; what else does not fit is told where samples are read."""
    found: dict[str, int] = {}
    for spec in graph.inputs:
        for size, have in zip(spec.type.dims, sizes.get(spec.name, ()), strict=False):
            told = linear(size)
            if told is None:
                continue

            symbol, factor, offset = told
            number = Fraction(have - offset) / factor
            if number.denominator != 1 or number < 1:
                raise bad_data(f"the input `{spec.name}` is {spec.type}, and a sample is {list(sizes[spec.name])}")
            if found.setdefault(symbol.name, int(number)) != number:
                raise bad_data(f"the inputs of a sample say that `{symbol.name}` is {found[symbol.name]} and {number}",
                               help=f"`{spec.name}` {spec.type} is {list(sizes[spec.name])}")
    return found


def sizes_of(table: Mapping[str, Any], layout: Layout = "CHW") -> dict[str, tuple[int, ...]]:
    """The sizes of a sample by the names of inputs; what is no array and no image has none."""
    found: dict[str, tuple[int, ...]] = {}
    for name, value in table.items():
        if isinstance(value, Image.Image):
            found[name] = (len(value.getbands()), *upright_size(value))
        elif hasattr(value, "shape"):
            found[name] = tuple(value.shape)
            if layout == "HWC" and len(found[name]) == IMAGE:
                rows, columns, channels = found[name]
                found[name] = (channels, rows, columns)
    return found


def _sizes_in(split: Split, table: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The sizes of the first sample of a split by the names of inputs."""
    if isinstance(split, NamedTensors):
        return {name: tuple(array.shape[1:]) for name, array in table.items()}
    assert isinstance(split, Items)  # nothing else has a table
    return sizes_of(table, split.layout)


@dataclass(frozen=True)
class PackedSplit:
    """A split whose samples, a tensor for each input, come as rows of numbers, [batch, all of them].

    `source` is a `NamedTensors`, or `Items` whose samples are tables.
    """

    source: Any
    places: tuple[InputPlace, ...]

    def __len__(self) -> int:
        return len(self.source)

    def batch(self, indices: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows by index, and labels. Raises `ArchError` (bad-data) where a sample does not fit the inputs."""
        if isinstance(self.source, Items):
            return self.source.batch(indices)

        rows = torch.as_tensor(list(indices), dtype=torch.int64)
        parts = []
        for place in self.places:
            array = Tensors(self.source.samples[place.spec.name], self.source.labels, place.whole)
            parts.append(_fitted(place, array.batch(rows.tolist())[0]))
        return torch.cat(parts, 1), self.source.labels[rows]


def named_data(data: Data, graph: Graph) -> Data:
    """Data whose samples are called as the network's inputs are; a single input is taken out of its table.

    Text is cut into windows as long as the network's input.

    Raises `ArchError` (bad-data) where data lacks an input, has others, or has no names for several inputs.
    """
    data, validation = cut_for(data, graph), None
    places: tuple[InputPlace, ...] = ()
    if len(graph.inputs) > 1:
        table = _table_of(data.train)
        # Without names the parts are refused below.
        if table is not None:
            places = places_of(graph, _sizes_in(data.train, table))
    if data.validation is not None:
        validation = _named(data.validation, graph, places)
    return replace(data, train=_named(data.train, graph, places), test=_named(data.test, graph, places),
                   validation=validation, label_places=_label_places(data), input_places=places)


def _label_places(data: Data) -> tuple[LabelPlace, ...]:
    """The places of labels with names, which all parts of the data have alike."""
    places = [getattr(part, "label_places", ()) for part in data.parts if len(part)]
    if any(other != places[0] for other in places):
        raise bad_data("the parts of the data differ in the names, sizes or kinds of their labels")
    return next(iter(places), ())


def _named(split: Split, graph: Graph, places: tuple[InputPlace, ...]) -> Split:
    names, table = [spec.name for spec in graph.inputs], _table_of(split)
    if table is None:
        if len(names) == 1:
            return split
        listed = ", ".join(f"`{name}`" for name in names)
        raise bad_data(f"the network has {len(names)} inputs, {listed}, and the samples of the data have no names",
                       help=f'give a table of them: {{"{names[0]}": ..., "{names[1]}": ...}}')

    require_names(table, names)
    if len(names) == 1 and isinstance(split, NamedTensors):
        return Tensors(split.samples[names[0]], split.labels)
    if len(names) == 1:
        return replace(split, name=names[0])  # type: ignore[type-var]  # a table of items is of `Items`

    if isinstance(split, Items):
        split = replace(split, row=Row(places))
    return PackedSplit(split, places)


def _table_of(split: Split) -> Mapping[str, Any] | None:
    """The names of a split's samples, with one of each; None where samples have no names."""
    if isinstance(split, NamedTensors):
        return split.samples
    if isinstance(split, Items) and len(split):
        sample = raw_item(split.dataset, split.rows[0])[0]
        if isinstance(sample, Mapping):
            return sample
    return None


def require_names(table: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raises `ArchError` (bad-data) unless a sample's table has these names and no others."""
    lacking = [name for name in names if name not in table]
    if lacking:
        help = did_you_mean(lacking[0], [str(name) for name in table])
        raise bad_data(f"the network reads `{lacking[0]}`, and samples have {_shown(table)}", help=help)

    # What nobody reads may be a slip in a name, or an answer that the network must not see.
    more = [str(name) for name in table if name not in names]
    if more:
        raise bad_data(f"samples have {_shown(more)}, which the network does not read",
                       help=f"its inputs are {_shown(names)}; labels are called `{LABEL}`")


def _shown(names: Iterable[str]) -> str:
    return ", ".join(f"`{one_line(str(name), 40)}`" for name in list(names)[:8])


@dataclass(frozen=True)
class Row:
    """Makes the row of one sample of a table."""

    places: tuple[InputPlace, ...]

    def __call__(self, sample: Mapping[str, Any], layout: Layout) -> torch.Tensor:
        """Numbers in the order of the inputs. Raises `ArchError` (bad-data), naming the input that does not fit."""
        require_names(sample, [place.spec.name for place in self.places])

        rows = []
        for place in self.places:
            value, preparation = sample[place.spec.name], None
            if len(place.sizes) == IMAGE:
                preparation = ImagePreparation(*place.sizes)
                _refuse_cut(place, value, preparation)
            pixels = as_sample(value, layout, preparation, place.whole)
            rows.append(_fitted(place, pixels[None])[0])
        return torch.cat(rows)


def _refuse_cut(place: InputPlace, value: Any, preparation: ImagePreparation) -> None:
    """An image that is cut would no longer lie on the other inputs, nor on a label map."""
    if not isinstance(value, Image.Image):
        return
    rows, columns = upright_size(value)
    if kept_window(rows, columns, preparation) != (rows, columns):
        raise bad_data(f"the input `{place.spec.name}` is an image of {rows} x {columns}, which would be cut",
                       help="bring all inputs to the network's proportions")


def _fitted(place: InputPlace, samples: torch.Tensor) -> torch.Tensor:
    """Samples of one input in its sizes, as rows of doubles."""
    try:
        fitted = Fit(place.spec.type).shape(samples)
    except ArchError as problem:
        first = problem.diagnostics[0]
        raise bad_data(f"the input `{place.spec.name}`: {first.message}", help=first.help) from None
    return fitted.double().flatten(1)


# --- rows taken apart ------------------------------------------------------------------------------------------------


class Unpacking(nn.Module):
    """A network of several inputs that takes rows of numbers, [batch, all of them]."""

    def __init__(self, model: nn.Module, places: tuple[InputPlace, ...]) -> None:
        super().__init__()
        self.model, self.places = model, places

    def forward(self, rows: torch.Tensor) -> Any:
        """The outputs of the network; its inputs are normalised as the file says, tokens are whole numbers."""
        weight = first_weight(self.model)
        return self.model(*(self._input(place, rows, weight.dtype) for place in self.places))

    @staticmethod
    def _input(place: InputPlace, rows: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        values = place.of_rows(rows)
        if place.whole:
            return values.long()

        spec = place.spec
        std = spec.std or (1.0,) * len(spec.mean or ())
        return Fit(spec.type, spec.mean, std or None).normalise(values).to(dtype)


def taking_rows(model: nn.Module, places: tuple[InputPlace, ...]) -> nn.Module:
    """The model itself, or, for a network of several inputs, one that takes them as rows: at these places."""
    if not places:
        return model
    return Unpacking(model, places)


def fit_of_inputs(graph: Graph, mean: Sequence[float] | None = None, std: Sequence[float] | None = None,
                  image: ImagePreparation | None = None, places: tuple[InputPlace, ...] = ()) -> Fit:
    """The fit of a network's one input (`fitting.fit_of`), or that of the rows of several, at their places."""
    if not places:
        return fit_of(graph, mean, std, image)
    return Fit(Tensor((places[-1].stop,)), places=places)


@drawing_by(0)
def fit_of_data(graph: Graph, split: Split, places: tuple[InputPlace, ...] = ()) -> Fit:
    """The fit of a network's one input to data (`fitting.fit_to`), or that of the rows of several, at their places.

    Several inputs are normalised by what each declares itself (`mean`, `std`), and not by the data.
    """
    if not places:
        return fit_to(graph, split)
    return fit_of_inputs(graph, places=places)
