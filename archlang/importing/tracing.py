"""A torch model as steps: exported by torch, then read operation by operation."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind

from archlang.diagnostics import ArchError
from archlang.diagnostics.text import one_line
from archlang.importing.aten import READERS
from archlang.importing.aten.masks import as_numbers
from archlang.importing.bodies import identifier, unreserved
from archlang.importing.calls import TorchCall
from archlang.importing.constants import LIKE, ConstantReader, flat, kinds_of_readers, mapped
from archlang.importing.folding import fresh
from archlang.importing.held import FinalStates, Held, Known, Mask, Ref, Unknown, Unsaid
from archlang.importing.leaves import Leaf, Recognise, marked, read_leaf, weighed
from archlang.importing.memory import SharedMemory
from archlang.importing.program import exported, output_names, place_of
from archlang.importing.reader import NoWordError, StepReader
from archlang.importing.steps import ModulePlace, State, Traced

WHOLE = frozenset({"embedding", "contiguous", "clone", "alias", "detach", "to", "_to_copy"})
"""Operations that may read an input of whole numbers."""


def trace(model: nn.Module, call: TorchCall, recognised: Mapping[str, Recognise]) -> Traced:
    """Read a model, in evaluation mode, that takes the tensors of this call, each with the batch first.

    Raises `ArchError` (not-importable) with every operation that no text says, each with its place.
    """
    written: set[str] = set()
    while True:
        with marked(model, recognised, written) as leaves:
            program = exported(model, call)
        # An operation of the language hands out no weights of attention: its products and its softmax do.
        more = weighed(program) - written
        if not more:
            walk = _Walk(program, leaves)
            try:
                return walk.run()
            except ArchError:
                more = walk.reader.crossed - written
                if not more:
                    raise
        written |= more


def read(program: ExportedProgram, leaves: Sequence[Leaf] = ()) -> Traced:
    """Read an exported program. Raises `ArchError` (not-importable)."""
    return _Walk(program, leaves).run()


class _Walk:
    """One walk over the nodes of an exported program."""

    def __init__(self, program: ExportedProgram, leaves: Sequence[Leaf]) -> None:
        self.program = program
        self.leaves = leaves
        self.reader = StepReader()
        self.held: dict[fx.Node, Held] = {}
        self.constants = ConstantReader(self.reader, self.held)
        self.memory = SharedMemory(program.graph, self.held)
        self.inputs: list[tuple[str, int]] = []
        self.batch = 0
        self.state: State = {**program.state_dict, **program.constants}
        self.reader.state = self.state

    def run(self) -> Traced:
        """Read everything, then raise what could not be said."""
        self._placeholders()
        for node in self.program.graph.nodes:
            if node.op == "call_function":
                self.reader.place = place_of(node)
                self.held[node] = self._called(node)

        outputs = self._outputs()
        ranges = self._ranges()
        if self.reader.problems:
            raise ArchError(tuple(self.reader.problems))
        return Traced(
            tuple(self.reader.steps), tuple(self.inputs), outputs, self.reader.sizes, self.reader.notes,
            {name: value for name, value in self.state.items() if isinstance(value, Tensor)},
            batch=self.batch, nodes=len(self.memory.order), ranges=ranges,
            sized=self.reader.sized,
        )

    def _placeholders(self) -> None:
        """Take the inputs, and the model's own tensors, which the graph has as inputs, too."""
        for node, spec in zip(self._nodes("placeholder"), self.program.graph_signature.input_specs, strict=True):
            value = node.meta["val"]
            if spec.kind is InputKind.USER_INPUT:
                self.held[node] = self._input(node, value)
            elif isinstance(value, Tensor):
                self.held[node] = self._own(spec.target or node.name, value, spec.kind)
                if len(kinds_of_readers(node)) > 1:
                    self.reader.several.add(spec.target or node.name)

    def _nodes(self, op: str) -> list[fx.Node]:
        return [node for node in self.program.graph.nodes if node.op == op]

    def _input(self, node: fx.Node, value: object) -> Held:
        # A number or None, as the caller gave it.
        if value is None or isinstance(value, bool | int | float):
            return value
        if not isinstance(value, Tensor):
            self.reader.refuse(f"the input `{node.name}`", "only tensors and numbers can enter")
            return Unknown()
        if value.dim() < 2 or value.is_complex() or value.dtype is torch.bool:
            self.reader.refuse(f"the input `{node.name}`", f"it is {_kind(value)}, and batches of numbers can enter")
            return Unknown()

        # A program that was exported with `dynamic_shapes` has signs where sizes are read here.
        if not all(type(size) is int for size in value.shape):
            self.reader.refuse(f"the input `{node.name}`", f"its sizes {tuple(value.shape)} are left open: export it "
                               "again without `dynamic_shapes`; a network here takes any number of samples anyway")
            return Unknown()

        self.batch = self.reader.batch = self.batch or value.shape[0]
        number = self.reader.fresh(value.shape[1:])
        if not value.is_floating_point():
            self.reader.ranges[number] = 0
        self.inputs.append((node.name, number))
        return Ref.of(number, range(value.dim() - 1))

    def _own(self, name: str, value: Tensor, kind: InputKind) -> Known:
        trained = kind is InputKind.PARAMETER
        # Numbers that the model's code wrote as a tensor, which it may write into.
        if kind is InputKind.CONSTANT_TENSOR:
            made = self.state[name].clone()
            return Known(tuple(value.shape), lambda state: made, key=name, made=made)
        return Known(tuple(value.shape), lambda state: state[name], (name,), trained)

    def _called(self, node: fx.Node) -> Held:
        """Read one call; what cannot be said is remembered, and the walk goes on."""
        if node.target is operator.getitem:
            source, index = node.args
            held = self.held[source]  # type: ignore[index]  # the first argument is a node
            self.memory.view(node, source)  # type: ignore[arg-type]
            if isinstance(held, tuple):
                return held[index]  # type: ignore[index]  # a whole number
            if not isinstance(held, Unknown):
                self.reader.refuse(f"a part of `{source}`")
            return Unknown()

        if not isinstance(node.target, torch._ops.OpOverload):
            self.reader.refuse(f"`{node.target}`")
            return Unknown()
        name = node.target._schema.name
        short = name.removeprefix("aten::")
        mutable = node.target._schema.is_mutable
        if mutable:
            short = short.removesuffix("_")

        # What is only checked makes nothing.
        if short.startswith("_assert"):
            return None
        call = self._arguments(node)
        if any(isinstance(held, Unknown) for held in flat(call.values())):
            return Unknown()
        try:
            made = self._read(node, name, short, call)
            self.memory.called(node, short, mutable, made)
            return made
        except NoWordError as reason:
            self.reader.refuse(f"`{short}`", str(reason))
            return Unknown()

    def _arguments(self, node: fx.Node) -> dict[str, Any]:
        """The arguments of a call by the names of torch's declaration, with its defaults, and the sizes it makes."""
        schema = node.target._schema  # type: ignore[union-attr]  # an overload, checked before
        call: dict[str, Any] = {}
        for at, argument in enumerate(schema.arguments):
            if at < len(node.args):
                given = node.args[at]
            elif argument.name in node.kwargs:
                given = node.kwargs[argument.name]
            else:
                given = argument.default_value
            call[argument.name] = mapped(given, self.held.__getitem__)

        value = node.meta.get("val")
        call["result"] = _sizes(value)
        call["batch"] = self.batch
        return call

    def _read(self, node: fx.Node, name: str, short: str, call: Mapping[str, Any]) -> Held:
        # Of the input these read nothing but its kind and sizes.
        if short in LIKE:
            return self.constants.like(node, short)
        used = [self.held[inner] for inner in node.all_input_nodes]
        if not any(isinstance(held, Ref | Mask | FinalStates | Unsaid) for held in flat(used)):
            return self.constants.read(node, short)
        if name == "archlang::shares":
            return Unsaid("the weights of attention leave it")
        if name == "archlang::leaf":
            return read_leaf(self.reader, call, self.leaves, self.state)  # type: ignore[no-any-return]

        # A mask that becomes numbers is ones and zeros.
        mask = call.get("self")
        if isinstance(mask, Mask) and short in ("to", "_to_copy", "type_as"):
            return as_numbers(self.reader, mask)
        self._same_kind(node, short)
        whole = any(isinstance(held, Ref) and held.value in self.reader.ranges for held in flat(used))
        if whole and short not in WHOLE:
            raise NoWordError("whole numbers that enter can be looked up in an embedding, and nothing else")
        reader = READERS.get(short)
        if reader is None or not name.startswith("aten::"):
            self.reader.refuse(f"`{name.removeprefix('aten::')}`")
            return Unknown()
        return reader(self.reader, call)  # type: ignore[no-any-return]  # readers give what is held

    def _same_kind(self, node: fx.Node, short: str) -> None:
        """Refuse changes of the kind of numbers: a file has one kind for all."""
        value = node.meta.get("val")
        before = node.all_input_nodes[0].meta.get("val")
        if short in ("to", "_to_copy", "type_as") and isinstance(value, Tensor) and isinstance(before, Tensor):
            if value.dtype is not before.dtype:
                raise NoWordError(f"it turns {before.dtype} into {value.dtype}")
        elif isinstance(value, Tensor) and value.is_complex():
            raise NoWordError("it makes complex numbers")

    def _ranges(self) -> dict[int, int]:
        """The range of each whole input: as many numbers as the tables have rows that it is looked up in."""
        for value, rows, place in self.reader.tables:
            if rows != self.reader.ranges[value]:
                self.reader.place = place
                message = f"its table has {rows} rows, and a shorter one is looked up by the same numbers"
                self.reader.refuse("`embedding`", message)
        return dict(self.reader.ranges)

    def _nested(self) -> bool:
        """Tell whether outputs stand in a list or dict that stands in another one."""
        spec = self.program.call_spec.out_spec
        return spec is not None and any(not child.is_leaf() for child in spec.children())

    def _handed_out(self, held: Held) -> int:
        """The value of an output, with its axes as torch has them."""
        try:
            return self.reader.plain(self.reader.loose(held))
        except NoWordError as reason:
            self.reader.refuse("the output", str(reason))
            return 0

    def _outputs(self) -> tuple[tuple[str | None, tuple[int, ...]], ...]:
        """The outputs: one, several side by side, or several with names."""
        node = self._nodes("output")[0]
        leaves = mapped(list(node.args[0]), self.held.__getitem__)  # type: ignore[arg-type]  # a row of nodes
        mutated = len(leaves) - len(self.program.graph_signature.user_outputs)
        self.reader.place = ModulePlace()
        values: list[int] = []
        for held in leaves[mutated:]:
            if isinstance(held, Ref | FinalStates | Unsaid):
                values.append(self._handed_out(held))
            elif not isinstance(held, Unknown) or not self.reader.problems:
                self.reader.refuse("an output that does not depend on the input")

        if self._nested():
            self.reader.refuse("the output", "it holds tensors in several layers")
        names = output_names(self.program)
        if names is None:
            return ((None, tuple(values)),)
        said = self._said(names)
        return tuple((name, (value,)) for name, value in zip(said, values, strict=False))

    def _said(self, names: Sequence[str]) -> list[str]:
        """The names of outputs as a file can have them: each once, and no word of the language."""
        said: list[str] = []
        for name in names:
            called = fresh(unreserved(identifier(name) or "out"), said)
            if called != name:
                self.reader.remark(f"its output `{one_line(name, 80)}` is called `{called}`")
            said.append(called)
        return said


def _kind(value: Tensor) -> str:
    """Name what a tensor is, for a message: `[3] of torch.bool`."""
    return f"{list(value.shape)} of {value.dtype}"


def _sizes(value: Any) -> Any:
    """The sizes of a tensor, or of each of several."""
    if isinstance(value, Tensor):
        return tuple(value.shape)
    if isinstance(value, list | tuple):
        return tuple(_sizes(one) for one in value)
    return ()
