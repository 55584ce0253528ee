"""Figures of layers and experts while a network trains, at every step.

Each kind becomes a table `NAME.csv` in the run's folder, a row for every step, and a picture `NAME.svg` at the end:
`attention` has a column SITE.LAYER for every layer that an `attend` or a `residual(join = concat)` reads (means over
the batch), `gradients` the norm of the gradient of all weights of each step of `layers`, `betas` each learned mix;
`usage` the mean weight of each expert after the filter, `thresholds` the mean threshold of each router and its parts,
`keys` the largest cosine of two keys of each router, and the share of patches in which an expert passes the filter.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from archlang.atomic import unwritable, write_whole
from archlang.emit.names import module_name
from archlang.emit.watching import Look, watch
from archlang.graph.ir import Graph, Node
from archlang.graph.patch_experts import expert_sites
from archlang.graph.uses import named
from archlang.layers.patch_experts.keys import Keyed, largest_cosine
from archlang.layers.patch_experts.router import passing
from archlang.layers.processes import mean
from archlang.ops.layer_attention import attends
from archlang.train.kept.runs import append
from archlang.train.loop.watch_pictures import STYLES, pictures
from archlang.train.processes.sharding import full, norm
from archlang.views.canvas.svg import svg_of

Rows = Sequence[Sequence[float]]
COLLAPSED = 0.99
"""The cosine above which two keys count as one."""


def sites(graph: Graph) -> dict[str, Node]:
    """The modules that attend to layers, by the module path of their `attend`; their second result is the attention."""
    return named((node for node in graph if attends(node.op)), lambda node: ".".join(node.path[:-1]))


def routing(graph: Graph) -> dict[str, Node]:
    """The routers of experts that filter weights, by the name of their stage; the first result holds the weights."""
    routers = {site.name: graph.node(site.weights.node) for site in expert_sites(graph)}
    return {name: node for name, node in routers.items() if _tap(node, "before") is not None}


def _tap(node: Node, name: str) -> int | None:
    """The index of the result that an operation hands out under a name."""
    return next((index for index, tap in node.op.taps if tap == name), None)


@dataclass
class StepTable:
    """Columns with a row for every step.

    `read` gives the numbers of the step just done. `steps` holds epoch and step of each row; the first `written` rows
    are in the file, which has `size` bytes.
    """

    name: str
    columns: tuple[str, ...]
    read: Callable[[], list[float]]
    steps: list[tuple[int, int]] = field(default_factory=list)
    rows: list[list[float]] = field(default_factory=list)
    written: int = 0
    size: int = 0

    def note(self, epoch: int, step: int, is_done: bool) -> None:
        """Take the numbers of a step, as precise as the file has them; those of a step that was skipped are none.

        A training that goes on reads its rows from the file, and must draw the picture that one in a single run draws.
        """
        values = [math.nan] * len(self.columns)
        if is_done:
            values = [float(_shown(value)) for value in self.read()]
        self.steps.append((epoch, step))
        self.rows.append(values)

    def write(self, folder: Path) -> None:
        """Append the rows that the file does not have. Raises `ArchError` (unwritable-output)."""
        path = self.path(folder)
        if self.written and path.exists() and path.stat().st_size == self.size:
            text = self._text(self.written)
            append(path, text)
            self.size += len(text.encode())
        else:
            self._write_all(path)
        self.written = len(self.rows)  # only now: rows that did not fit on the disk are still to be written

    def resume(self, folder: Path, steps: int) -> int:
        """Take up the first so many rows from the file; returns how many of them it has lost.

        What the file holds beyond them is cut off, and so is everything from the first line on that is no row of this
        table. A file with other columns is of another network, which a fork leaves behind: it begins anew.
        """
        path = self.path(folder)
        text = ""
        if path.exists():
            try:
                text = path.read_bytes().decode("utf-8", "replace")
            except OSError as problem:
                raise unwritable(path, problem) from None

        # What stands behind the last line end was cut in the middle of a number, which still reads as one.
        head, *lines = text.split("\n")[:-1] or [""]
        is_ours = f"{head}\n" == _line(self.head)
        for line in lines[:steps] if is_ours else ():
            row = self._row(line)
            if row is None:
                break
            self.steps.append(row[0])
            self.rows.append(row[1])

        if self.rows:
            self._write_all(path)
        else:
            path.unlink(missing_ok=True)
        self.written = len(self.rows)
        return steps - len(self.rows)

    def path(self, folder: Path) -> Path:
        """The file."""
        return folder / f"{self.name}.csv"

    def _write_all(self, path: Path) -> None:
        """Write the file anew, with its head and all rows."""
        data = (_line(self.head) + self._text(0)).encode()
        write_whole(path, data)
        self.size = len(data)

    def _text(self, first: int) -> str:
        """The lines of all rows from the `first` on."""
        rows = list(zip(self.steps, self.rows, strict=True))[first:]
        return "".join(_line([*step, *map(_shown, row)]) for step, row in rows)

    def _row(self, line: str) -> tuple[tuple[int, int], list[float]] | None:
        """The step and the numbers of a line; None where it is no row of this table."""
        epoch, *rest = line.split(",")
        if len(rest) != 1 + len(self.columns):
            return None
        try:
            return (int(epoch), int(rest[0])), [float(value) for value in rest[1:]]
        except ValueError:
            return None

    @property
    def head(self) -> list[str]:
        """The first line of the file."""
        return ["epoch", "step", *self.columns]


class TrainingWatch:
    """Looks at a model in training. `note` is called after every step, `write` now and then, `close` at the end."""

    def __init__(self, model: nn.Module, graph: Graph) -> None:
        self.count = 0
        self.attention: dict[str, torch.Tensor] = {}
        self.routed: dict[str, tuple[torch.Tensor, ...]] = {}
        looks = [(node, _training(name, self._attended)) for name, node in sites(graph).items()]
        looks += [(node, _training(name, self._routed)) for name, node in routing(graph).items()]
        self.handles = [watch(model, graph, node, look) for node, look in looks]

        tables = (
            self._attention(graph), _gradients(model, graph), _betas(model, graph), self._usage(graph),
            self._thresholds(graph), self._keys(model, graph),
        )
        self.tables = [table for table in tables if table.columns]

    def note(self, epoch: int, step: int, is_done: bool) -> None:
        """Take the numbers of a step."""
        # Counted here and not from a table: a network may have none.
        self.count += 1
        for table in self.tables:
            table.note(epoch, step, is_done)

    def write(self, folder: Path) -> None:
        """Append the rows that no file has yet. Raises `ArchError` (unwritable-output)."""
        for table in self.tables:
            table.write(folder)

    def resume(self, folder: Path, steps: int, told: Callable[[str], None]) -> None:
        """Take up the rows of the first so many steps from their files; rows that are lost are told."""
        self.count = steps  # where no table is, steps count nevertheless
        for table in self.tables:
            lost = table.resume(folder, steps)
            if lost:
                told(f"{table.name}.csv has lost the rows of {lost} of {steps} steps; it goes on without them")

    def close(self) -> None:
        """Leave the model alone from now on."""
        for handle in self.handles:
            handle.remove()

    def draw(self, folder: Path) -> None:
        """Draw what was seen. Raises `ArchError` (unwritable-output)."""
        for table in (table for table in self.tables if table.name in STYLES):
            for site, picture in pictures(table.name, table.columns, table.rows):
                write_whole(folder / f"{table.name}{site}.svg", svg_of(picture).encode())

    def _attended(self, name: str, result: tuple[torch.Tensor, ...]) -> None:
        self.attention[name] = result[1].detach()

    def _routed(self, name: str, result: tuple[torch.Tensor, ...]) -> None:
        self.routed[name] = tuple(part.detach() for part in result)

    def _attention(self, graph: Graph) -> StepTable:
        layers = {name: len(node.inputs) for name, node in sites(graph).items()}

        def read() -> list[float]:
            return [v for name in layers for v in mean(self.attention[name]).tolist()]

        return StepTable("attention", _numbered(layers), read)

    def _usage(self, graph: Graph) -> StepTable:
        experts = {name: int(node.outputs[0].dims[0]) for name, node in routing(graph).items()}  # type: ignore[arg-type]

        def read() -> list[float]:
            return [v for name in experts for v in mean(self.routed[name][0]).tolist()]

        return StepTable("usage", _numbered(experts), read)

    def _thresholds(self, graph: Graph) -> StepTable:
        places = {name: (_tap(node, "threshold"), _tap(node, "parts")) for name, node in routing(graph).items()}
        indices = {name: [i for i in pair if i is not None] for name, pair in places.items() if None not in pair}
        columns = tuple(f"{name}.{part}" for name in indices for part in ("threshold", "max", "entropy", "gap"))

        def read() -> list[float]:
            return [v for name, pair in indices.items() for i in pair for v in mean(self.routed[name][i]).tolist()]

        return StepTable("thresholds", columns, read)

    def _keys(self, model: nn.Module, graph: Graph) -> StepTable:
        """The largest cosine of two keys, and the share of patches in which each expert passes the filter."""
        routers = {name: model.get_submodule(module_name(node.path)) for name, node in routing(graph).items()}
        keyed = {name: module for name, module in routers.items() if isinstance(module, Keyed)}
        columns = [
            f"{name}.{last}" for name, module in keyed.items()
            for last in ("cosine", *range(1, len(module.keys) + 1))
        ]

        def read() -> list[float]:
            row: list[float] = []
            for name, module in keyed.items():
                row.append(largest_cosine(full(module.keys.detach())))
                row += mean(passing(*self.routed[name][:3]).double()).tolist()
            return row

        return StepTable("keys", tuple(columns), read)


def _training(name: str, keep: Callable[[str, tuple[torch.Tensor, ...]], None]) -> Look:
    """Hand the results of a module in training to `keep`."""

    def look(module: nn.Module, inputs: object, result: tuple[torch.Tensor, ...]) -> None:
        if module.training:  # what is measured on the test part is no step
            keep(name, result)

    return look


def _numbered(counts: dict[str, int]) -> tuple[str, ...]:
    """Columns NAME.1, NAME.2, ... for each name."""
    return tuple(f"{name}.{i + 1}" for name, count in counts.items() for i in range(count))


def _gradients(model: nn.Module, graph: Graph) -> StepTable:
    parameters = layer_parameters(model, graph)

    def read() -> list[float]:
        norms = []
        for weights in parameters.values():
            gradients = [p.grad for p in weights if p.grad is not None]
            size = 0.0
            if gradients:  # a phase may freeze all weights of a layer
                size = float(norm(gradients))

            norms.append(size)
        return norms

    return StepTable("gradients", tuple(parameters), read)


def _betas(model: nn.Module, graph: Graph) -> StepTable:
    learned = [node for node in graph if any(weight.name == "logit" for weight in graph.weights(node))]
    mixes = {".".join(node.path[:-1]): node for node in learned}
    logits = [model.get_parameter(f"{module_name(node.path)}.logit") for node in mixes.values()]

    def read() -> list[float]:
        return [float(torch.sigmoid(full(p.detach()))) for p in logits]

    return StepTable("betas", tuple(mixes), read)


def collapsed_keys(model: nn.Module, graph: Graph) -> dict[str, str]:
    """Warn of each stage of experts two of whose keys have become one: returns the warning by the stage's name.

    Every process must call it: keys may be spread over all of them.
    """
    warnings = {}
    for name, node in routing(graph).items():
        router = model.get_submodule(module_name(node.path))
        if not isinstance(router, Keyed):
            continue

        cosine = largest_cosine(full(router.keys.detach()))
        if cosine > COLLAPSED:
            warnings[name] = (
                f"keys of `{name}` have collapsed: two of them have the cosine {cosine:.4f}, so that their experts get "
                "the same weights; a lower `temperature` keeps keys apart"
            )
    return warnings


def layer_parameters(model: nn.Module, graph: Graph) -> dict[str, list[nn.Parameter]]:
    """The weights of each step of each `layers`, by the step's module path."""
    paths: dict[str, set[str]] = {}
    for node in graph:
        for member in node.members:
            if member.kind == "layers":
                layer = ".".join((*member.region, str(member.index + 1)))
                paths.setdefault(layer, set()).add(module_name(node.path))

    # A step of `layers` may be a block of many modules, or share one with another step.
    named = dict(model.named_parameters())
    parameters = {
        layer: [p for name, p in named.items() if any(name.startswith(f"{path}.") for path in modules)]
        for layer, modules in paths.items()
    }
    return {layer: weights for layer, weights in parameters.items() if weights}


def _line(values: Sequence[object]) -> str:
    """A line of a table."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def _shown(value: float) -> str:
    return f"{value:.6g}"
