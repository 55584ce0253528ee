"""What is watched while a network with layers or experts trains: what each of them gets, at every step.

Each becomes a table `NAME.csv` in the run's folder, a row for every step, and a picture `NAME.svg` at the end:
`attention` has a column SITE.LAYER for every layer that an `attend` or a `residual(join = concat)` reads (means over
the batch), `gradients` the norm of the gradient of all weights of each step of `layers`, `betas` each learned mix;
`usage` the mean weight of each expert after the filter, `thresholds` the mean threshold of each router and its parts.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import torch
from torch import nn

from archlang.atomic import write_whole
from archlang.emit.names import module_name
from archlang.graph.ir import Graph, Node
from archlang.graph.patch_experts import ROUTED, expert_sites
from archlang.layers.processes import mean
from archlang.ops.layer_attention import PREFIX
from archlang.ops.model import Module
from archlang.train.kept.runs import append
from archlang.train.processes.sharding import full, norm
from archlang.views.chart import Course, strips


def sites(graph: Graph) -> dict[str, Node]:
    """The modules that attend to layers, by the module path of their `attend`; their second result is the attention."""
    found = [node for node in graph if node.op.name.startswith(PREFIX) and isinstance(node.op.torch, Module)]
    return {".".join(node.path[:-1]): node for node in found}


def routing(graph: Graph) -> dict[str, Node]:
    """The routers of experts that filter weights, by the name of their stage; the first result holds the weights."""
    found = ((site, graph.node(site.weights.node)) for site in expert_sites(graph))
    return {site.name: node for site, node in found if node.op.name in ROUTED}


@dataclass
class StepTable:
    """Columns with a row for every step; `read` gives the numbers of the step just done."""

    name: str
    columns: tuple[str, ...]
    read: Callable[[], list[float]]
    rows: list[list[float]] = field(default_factory=list)
    written: int = 0


class TrainingWatch:
    """Looks at a model in training. `note` is called after every step, `keep` now and then, `close` at the end."""

    def __init__(self, model: nn.Module, graph: Graph) -> None:
        self.seen: dict[str, torch.Tensor] = {}
        self.steps: list[tuple[int, int]] = []
        self.routed: dict[str, tuple[torch.Tensor, ...]] = {}
        self.handles = [self._hook(model, name, node) for name, node in sites(graph).items()]
        self.handles += [self._routing(model, name, node) for name, node in routing(graph).items()]
        made = (self._attention(graph), self._gradients(model, graph), self._betas(model, graph),
                self._usage(graph), self._thresholds(graph))
        self.tables = [table for table in made if table.columns]

    def note(self, epoch: int, step: int, done: bool) -> None:
        """Take the numbers of a step; those of a step that was skipped are none."""
        self.steps.append((epoch, step))
        for table in self.tables:
            table.rows.append(table.read() if done else [math.nan] * len(table.columns))

    def keep(self, folder: Path) -> None:
        """Append the rows that no file has yet. Raises `ArchError` (unwritable-output)."""
        for table in self.tables:
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            if not table.written:
                writer.writerow(["epoch", "step", *table.columns])
            for place in range(table.written, len(table.rows)):
                writer.writerow([*self.steps[place], *(f"{value:.6g}" for value in table.rows[place])])
            table.written = len(table.rows)
            append(folder / f"{table.name}.csv", text.getvalue())

    def resume(self, folder: Path, steps: int) -> None:
        """Take up the rows of the first so many steps from their files; what the files hold beyond is cut off."""
        for table in self.tables:
            path = folder / f"{table.name}.csv"
            if not steps or not path.exists():
                path.unlink(missing_ok=True)
                continue
            head, *lines = path.read_text(encoding="utf-8").splitlines()
            write_whole(path, "".join(f"{line}\n" for line in (head, *lines[:steps])).encode())
            cells = [line.split(",") for line in lines[:steps]]
            self.steps = [(int(row[0]), int(row[1])) for row in cells]
            table.rows = [[float(value) for value in row[2:]] for row in cells]
            table.written = len(table.rows)

    def close(self, folder: Path | None) -> None:
        """Draw what was seen, and leave the model alone from now on."""
        for handle in self.handles:
            handle.remove()
        for table in self.tables if folder is not None else ():
            assert folder is not None
            for site, picture in pictures(table.name, table.columns, table.rows):
                write_whole(folder / f"{table.name}{site}.svg", picture.encode())

    def _hook(self, model: nn.Module, name: str, node: Node) -> torch.utils.hooks.RemovableHandle:
        def look(module: nn.Module, inputs: object, result: tuple[torch.Tensor, ...]) -> None:
            if module.training:
                self.seen[name] = result[1].detach()

        return model.get_submodule(module_name(node.path)).register_forward_hook(look)

    def _routing(self, model: nn.Module, name: str, node: Node) -> torch.utils.hooks.RemovableHandle:
        def look(module: nn.Module, inputs: object, result: tuple[torch.Tensor, ...]) -> None:
            if module.training:
                self.routed[name] = tuple(part.detach() for part in result)

        return model.get_submodule(module_name(node.path)).register_forward_hook(look)

    def _usage(self, graph: Graph) -> StepTable:
        found = {name: int(node.outputs[0].dims[0]) for name, node in routing(graph).items()}  # type: ignore[arg-type]
        columns = tuple(f"{name}.{i + 1}" for name, count in found.items() for i in range(count))
        return StepTable("usage", columns, lambda: [v for name in found for v in mean(self.routed[name][0]).tolist()])

    def _thresholds(self, graph: Graph) -> StepTable:
        found = [name for name, node in routing(graph).items() if node.op.name == "cosine"]
        columns = tuple(f"{name}.{part}" for name in found for part in ("threshold", "max", "entropy", "gap"))

        def read() -> list[float]:
            return [v for name in found for part in self.routed[name][2:4] for v in mean(part).tolist()]

        return StepTable("thresholds", columns, read)

    def _attention(self, graph: Graph) -> StepTable:
        found = {name: len(node.inputs) for name, node in sites(graph).items()}
        columns = tuple(f"{name}.{i + 1}" for name, count in found.items() for i in range(count))
        return StepTable("attention", columns, lambda: [v for name in found for v in mean(self.seen[name]).tolist()])

    def _gradients(self, model: nn.Module, graph: Graph) -> StepTable:
        held = layer_parameters(model, graph)

        def read() -> list[float]:
            norms = [[p.grad for p in weights if p.grad is not None] for weights in held.values()]
            return [float(norm(g)) if g else 0.0 for g in norms]

        return StepTable("gradients", tuple(held), read)

    def _betas(self, model: nn.Module, graph: Graph) -> StepTable:
        mixes = {".".join(n.path[:-1]): n for n in graph if n.op.name == "mix" and n.args["beta"] is None}
        logits = [model.get_parameter(f"{module_name(node.path)}.logit") for node in mixes.values()]
        return StepTable("betas", tuple(mixes), lambda: [float(torch.sigmoid(full(p.detach()))) for p in logits])


def layer_parameters(model: nn.Module, graph: Graph) -> dict[str, list[nn.Parameter]]:
    """The weights of each step of each `layers`, by the step's module path."""
    paths: dict[str, dict[str, None]] = {}
    for node in graph:
        for member in node.members:
            if member.kind == "layers":
                layer = ".".join((*member.region, str(member.index + 1)))
                paths.setdefault(layer, {})[module_name(node.path)] = None
    named = dict(model.named_parameters())
    found = {
        layer: [p for name, p in named.items() if name.rpartition(".")[0] in held or _inside(name, held)]
        for layer, held in paths.items()
    }
    return {layer: weights for layer, weights in found.items() if weights}


def _inside(name: str, held: dict[str, None]) -> bool:
    return any(name.startswith(path + ".") for path in held)


def pictures(name: str, columns: tuple[str, ...], rows: list[list[float]]) -> Iterator[tuple[str, str]]:
    """A picture for each site of a table: what to add to the file's name, and the SVG."""
    split = [tuple(column.rpartition(".")[::2]) for column in columns]
    groups = [list(g) for _, g in groupby(range(len(columns)), lambda i: split[i][0])] if name != "betas" else []
    for number, places in enumerate(groups or [list(range(len(columns)))]):
        site = split[places[0]][0]
        shown = tuple(_shown(name, *split[i]) for i in places)
        title = f"{name}: {site}" if name != "betas" else "beta, the share of f(x)"
        course = Course(title, shown, [[row[i] for i in places] for row in rows])
        yield "" if number == 0 else f"-{number + 1}", strips(course, low=None if name == "gradients" else 0.0)


def _shown(name: str, site: str, last: str) -> str:
    """A column as the picture names it."""
    if name == "betas":
        return f"{site}.{last}" if site else last
    return last if name == "thresholds" else f"{'expert' if name == 'usage' else 'layer'} {last}"
