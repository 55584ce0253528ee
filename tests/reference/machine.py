"""The reference: evaluates the tree of a file on tensors, written from the language document alone.

It shares nothing with `graph`, `emit` and `layers`. `Reference.plan` runs a network on tensors without numbers and says
which modules, weights and shapes there are; `Reference.run` then computes with given weights in their own precision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from archlang.source import Source
from archlang.syntax import parse, parse_expr, tree
from tests.reference import static
from tests.reference.coded import declared
from tests.reference.names import evaluate
from tests.reference.values import BlockName, Flowing, Group, Later, Scope, Surprise, Value, Where

STANDARD = Path(__file__).parents[2] / "archlang" / "std"


@dataclass
class Made:
    """One operation that ran: its name, its module's path, which operations it read, the weights that it asked for.

    `open_bias` is the axis (the batch is 0) along which a bias runs that the file left open, `centres` the one along
    which a norm takes the mean off.
    """

    name: str
    path: tuple[str, ...]
    reads: tuple[int, ...]
    weights: dict[str, tuple[tuple[int, ...], bool]] = field(default_factory=dict)
    open_bias: int | None = None
    centres: int | None = None


@dataclass
class Plan:
    """What a network consists of: its live operations, and module path to weight name to (shape, whether trained)."""

    steps: list[Made]
    live: set[int]
    outputs: dict[str | None, tuple[int, ...]]
    weights: dict[tuple[str, ...], dict[str, tuple[tuple[int, ...], bool]]]

    def total(self, trained: bool) -> int:
        """Numbers in all parameters, or in all buffers."""
        found = [shape for held in self.weights.values() for shape, kind in held.values() if kind is trained]
        return sum(torch.Size(shape).numel() for shape in found)


class Reference:
    """A network of a file, with values for its dials."""

    def __init__(self, file: tree.File, dials: Mapping[str, str] | None = None, folder: Path | None = None,
                 search: Sequence[Path] = ()) -> None:
        self.file, self.folder, self.search = file, folder, search
        self.dials = {name: parse_expr(text) for name, text in (dials or {}).items()}
        self.network = next(d for d in file.declarations if isinstance(d, tree.NetworkDeclaration))
        self.biases: dict[tuple[str, ...], bool] = {}
        self.state: Callable[[tuple[str, ...], str], Tensor] | None = None
        self.training = False
        self.device = "cpu"
        self.updates: dict[tuple[tuple[str, ...], str], Tensor] = {}
        self.steps: list[Made] = []
        self.batch = 0
        self.live: set[int] | None = None
        self.planned: tuple[tuple[int, ...], ...] | None = None
        self.ranges: dict[int, tuple[Tensor, int | None]] = {}

    def plan(self, shapes: tuple[tuple[int, ...], ...], batch: int = 2, device: str = "cpu") -> Plan:
        """The network's modules for inputs of these sizes. All numbers are 0.

        On the device `meta` nothing is computed: that takes less time for large networks alone, for each of its
        operations is worked out in Python.
        """
        self.state, self.live, self.biases, self.updates = None, None, {}, {}
        self.training = False
        self.device = device
        values = self._evaluate([torch.zeros(batch, *shape, dtype=torch.float64, device=device) for shape in shapes])
        live: set[int] = set()
        waiting = [value.made for value in values.values()]
        ends = set(waiting)
        while waiting:
            here = waiting.pop()
            if here not in live:
                live.add(here)
                waiting.extend(self.steps[here].reads)
        self._settle(live, ends)
        self.live, self.planned = live, shapes
        weights: dict[tuple[str, ...], dict[str, tuple[tuple[int, ...], bool]]] = {}
        for number in sorted(live):
            step = self.steps[number]
            kept = {n: w for n, w in step.weights.items() if n != "bias" or self.biases.get(step.path, True)}
            if kept:
                weights[step.path] = kept
        return Plan(self.steps, live, {name: value.sizes for name, value in values.items()}, weights)

    def run(self, inputs: tuple[Tensor, ...], state: Callable[[tuple[str, ...], str], Tensor],
            training: bool = False) -> dict[str | None, Tensor]:
        """The outputs by name (None: the main one). `state` gives a weight of a module path; `updates` are left."""
        shapes = tuple(tuple(x.shape[1:]) for x in inputs)
        if shapes != self.planned:
            self.plan(shapes)
        self.state, self.training, self.updates = state, training, {}
        return {name: value.data for name, value in self._evaluate(list(inputs)).items()}

    def _settle(self, live: set[int], ends: set[int]) -> None:
        """A bias left open: learned, unless the only reader at every use of the module takes it off again."""
        readers: dict[int, list[Made]] = {}
        for number in live:
            for read in self.steps[number].reads:
                readers.setdefault(read, []).append(self.steps[number])
        for number in live:
            step = self.steps[number]
            if step.open_bias is not None:
                alone = [reader.centres for reader in readers.get(number, [])] == [step.open_bias]
                useless = alone and number not in ends
                self.biases[step.path] = self.biases.get(step.path, False) or not useless

    # --- what operations ask for ---

    def make(self, name: str, path: tuple[str, ...], reads: tuple[Value, ...],
             compute: Callable[[Use], Tensor | tuple[Tensor, ...]]) -> Flowing:
        """Run one operation; a tuple of results is a bundle."""
        number = len(self.steps)
        self.steps.append(Made(name, path, tuple(v.made for v in reads)))
        made = compute(Use(self, number, path))
        for one in made if isinstance(made, tuple) else (made,):
            self._keep_range(one, reads)
        if isinstance(made, tuple):
            return Value(made[0], number) if len(made) == 1 else Group(tuple(Value(t, number) for t in made))
        return Value(made, number)

    def _keep_range(self, made: Tensor, reads: tuple[Value, ...]) -> None:
        """What moves whole numbers keeps their range; of what calculates, nobody asks for one."""
        if id(made) not in self.ranges:
            known = [self.ranges[id(read.data)][1] for read in reads if id(read.data) in self.ranges]
            self.ranges[id(made)] = made, next((range for range in known if range is not None), None)

    # --- declarations ---

    def _evaluate(self, inputs: list[Tensor]) -> dict[str | None, Value]:
        self.steps, self.batch, self.ranges = [], inputs[0].shape[0], {}
        home = self._file(self.file, self.folder)
        where = Where()
        outer = Scope(home, None, where)
        for dial in self.network.dials:
            expr = self.dials.get(dial.name, dial.default)
            assert expr is not None, dial.name
            outer.names[dial.name] = evaluate(self, expr, outer if expr is dial.default else home)
        return self._statements(self.network.body, Scope(outer, None, where), inputs)

    def _statements(self, body: tree.Body, scope: Scope, inputs: list[Tensor]) -> dict[str | None, Value]:
        from tests.reference.flows import bind, layer, let, reserve, tensors

        outputs: dict[str | None, Value] = {}
        names = reserve(body, scope)
        for statement in body.statements:
            match statement:
                case tree.Input():
                    entering = inputs.pop(0)
                    self.ranges[id(entering)] = _range(statement, entering)
                    made = self.make("input", (statement.name,), (), lambda use, x=entering: x)  # type: ignore[misc]
                    assert isinstance(made, Value)
                    _symbols(statement, scope, made.sizes)
                    scope.names[statement.name] = made
                case tree.Let():
                    let(self, statement, scope)
                case tree.Layer():
                    layer(self, statement, scope, names[id(statement)])
                case tree.Bind():
                    bind(self, statement, scope, names[id(statement)])
                case tree.Output():
                    given = statement.value
                    # An `if` around a further output: the flow that is taken, or no output at all.
                    if statement.name and isinstance(given, tree.If):
                        branch: tree.If | tree.Body | None = given
                        while isinstance(branch, tree.If):
                            branch = branch.then if evaluate(self, branch.test, scope) else branch.otherwise
                        if branch is None:
                            continue
                        (given,) = branch.flows
                    value = tensors(self, given, scope)
                    if isinstance(value, Group):
                        name = statement.name or "output"
                        members = {f"{name}[{i}]": member for i, member in enumerate(value.members)}
                        assert all(isinstance(member, Value) for member in members.values())
                        outputs |= members  # type: ignore[arg-type]  # checked in the line before
                    else:
                        outputs[statement.name] = value
        return outputs

    def _file(self, file: tree.File, folder: Path | None) -> Scope:
        scope = Scope(None, None, None)
        for item in file.declarations:
            match item:
                case tree.Import():
                    source = self._imported(item, folder)
                    for name in item.names:
                        scope.names[name.alias or name.name] = Later(lambda s=source, n=name.name: s.find(n))  # type: ignore[misc]
                case tree.Let():
                    scope.names[item.name] = Later(lambda e=item.value: evaluate(self, e, scope))  # type: ignore[misc]
                case tree.CodeDeclaration():
                    scope.names[item.name] = Later(lambda e=item.value: declared(self, e, scope, folder))  # type: ignore[misc]
                case tree.Block():
                    scope.names[item.name] = BlockName(item, scope)
        return scope

    def _imported(self, item: tree.Import, folder: Path | None) -> Scope:
        if item.quoted:
            assert folder is not None, "a text has no neighbours"
            path = folder / item.path
        else:
            # `std` is a folder of packages like those that a user names.
            below = Path(*item.path.split(".")).with_suffix(".arch")
            path = next(folder / below for folder in (STANDARD.parent, *self.search) if (folder / below).is_file())
        return self._file(parse(Source(path.name, path.read_text(encoding="utf-8"))), path.parent)


def _range(statement: tree.Input, x: Tensor) -> tuple[Tensor, int | None]:
    """An input beside the range of whole numbers that it declares."""
    for argument in statement.arguments or ():
        if argument.name == "range":
            assert isinstance(argument.value, tree.Number)
            return x, int(argument.value.value)
    return x, None


def _symbols(statement: tree.Input, scope: Scope, sizes: tuple[int, ...]) -> None:
    """Capitalised names in an input's type are the sizes that come in."""
    for item, size in zip(statement.sizes.items, sizes, strict=True):
        if isinstance(item, tree.Name) and scope.find(item.text) is None:
            scope.names[item.text] = size
        elif isinstance(item, tree.Number) and item.value != size:
            raise Surprise(f"{sizes} came in, {item.value} was declared")


@dataclass
class Use:
    """One use of an operation: gives weights, keeps what training changes."""

    machine: Reference
    number: int
    path: tuple[str, ...]

    def range(self, x: Tensor) -> int:
        """The range of a tensor of whole numbers."""
        _, found = self.machine.ranges[id(x)]
        assert found is not None
        return found

    def whole(self, made: Tensor, range: int) -> Tensor:
        """What an operation makes, as whole numbers of a range."""
        self.machine.ranges[id(made)] = made, range
        return made

    @property
    def training(self) -> bool:
        """Whether batch statistics count."""
        return self.machine.training

    def weight(self, name: str, *shape: int, trained: bool = True) -> Tensor:
        """A parameter or buffer of this module, which must have this shape."""
        self.machine.steps[self.number].weights[name] = (shape, trained)
        changed = self.machine.updates.get((self.path, name))
        if changed is not None:
            return changed
        if self.machine.state is None:
            return torch.zeros(shape, dtype=torch.float64, device=self.machine.device)
        if self.machine.live is not None and self.number not in self.machine.live:
            return torch.zeros(shape, dtype=torch.float64)  # nothing of it is ever seen
        found = self.machine.state(self.path, name)
        assert tuple(found.shape) == shape, f"{'.'.join(self.path)}.{name} is {tuple(found.shape)}, not {shape}"
        return found

    def bias(self, given: object, size: int, axis: int) -> Tensor | None:
        """A bias along an axis; left open, it is there unless the only reader takes the mean off along that axis."""
        machine = self.machine
        if given is None and machine.state is None and machine.live is None:
            machine.steps[self.number].open_bias = axis
        wanted = machine.biases.get(self.path, True) if given is None else given
        return self.weight("bias", size) if wanted else None

    def centres(self, axis: int) -> None:
        """Say that in training the mean is taken off for each index of an axis."""
        self.machine.steps[self.number].centres = axis

    def change(self, name: str, value: Tensor) -> None:
        """What training leaves in a buffer; what no output needs never runs."""
        if self.machine.live is not None and self.number in self.machine.live:
            self.machine.updates[self.path, name] = value.detach()


def quietly(scope: Scope) -> Scope:
    """The scope where no flow may be written: a head, a default, a `let`."""
    return replace(scope, where=None)


__all__ = ["Any", "Made", "Plan", "Reference", "Use", "quietly", "static"]
