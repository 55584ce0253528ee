"""A torch model as steps: exported by torch, then read operation by operation."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.importing.aten import READERS
from archlang.importing.held import FinalStates, Held, Known, Ref, Unknown, Unsaid
from archlang.importing.leaves import Leaf, Recognise, marked, read_leaf
from archlang.importing.reader import NoWordError, StepReader
from archlang.importing.steps import ModulePlace, State, Traced

MOVES = frozenset({
    "view", "reshape", "permute", "transpose", "unsqueeze", "squeeze", "flatten", "t", "clone", "contiguous", "to",
    "alias", "detach", "numpy_T", "unflatten",
})
"""Operations after which a parameter still holds its own numbers, each once."""

LIKE: Mapping[str, float | None] = {
    "zeros_like": 0, "ones_like": 1, "new_zeros": 0, "new_ones": 1, "new_empty": 0, "empty_like": 0, "full_like": None,
    "new_full": None,
}
"""Operations that make a tensor of one number as large as is said, or as another one is; None where they are given it."""

WHOLE = frozenset({"embedding", "contiguous", "clone", "alias", "detach", "to", "_to_copy"})
"""Operations that may read an input of whole numbers."""

ALIASING = frozenset({"dropout", "feature_dropout", "contiguous", "reshape", "flatten", "to"})
"""Operations that may hand out what they got, which torch's declarations do not say."""


def exported(model: nn.Module, inputs: Sequence[Any]) -> ExportedProgram:
    """Export a model in evaluation mode. Raises `ArchError` (not-importable) with torch's reason and the line."""
    try:
        return torch.export.export(model, tuple(inputs), strict=False)
    except Exception as problem:  # torch.export raises whatever the model's own code raises, and kinds of its own
        said = one_line(f"{type(problem).__name__}: {problem}", 400)
        frames = re.findall(r'File "([^"]+)", line (\d+), in forward', str(problem))
        notes = tuple(f"in {_short(file)}:{line}" for file, line in frames[-1:])
        raise ArchError(error(
            "not-importable", f"torch.export does not take this {type(model).__name__}: {said}", notes=notes,
            help="what depends on the values of a tensor, such as an `if`, has no place in a network's text",
        )) from problem


def trace(model: nn.Module, inputs: Sequence[Any], recognised: Mapping[str, Recognise]) -> Traced:
    """Read a model, in evaluation mode, that takes these inputs, each with the batch first.

    Raises `ArchError` (not-importable) with every operation that no text says, each with its place.
    """
    with marked(model, recognised) as leaves:
        program = exported(model, inputs)
    return read(program, leaves)


def read(program: ExportedProgram, leaves: Sequence[Leaf] = ()) -> Traced:
    """Read an exported program. Raises `ArchError` (not-importable)."""
    return _Walk(program, leaves).run()


def _short(file: str) -> str:
    """The last two parts of a file's path."""
    return "/".join(file.replace("\\", "/").split("/")[-2:])


class _Walk:
    """One walk over the nodes of an exported program."""

    def __init__(self, program: ExportedProgram, leaves: Sequence[Leaf]) -> None:
        self.program = program
        self.leaves = leaves
        self.reader = StepReader()
        self.held: dict[fx.Node, Held] = {}
        self.base: dict[fx.Node, fx.Node] = {}  # the node whose memory a node looks into
        self.inputs: list[tuple[str, int]] = []
        self.batch = 0
        self.order = {node: at for at, node in enumerate(program.graph.nodes)}
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
            batch=self.batch, nodes=len(self.order), ranges=ranges,
        )

    def _placeholders(self) -> None:
        """Take the inputs, and the model's own tensors, which the graph has as inputs, too."""
        for node, spec in zip(self._nodes("placeholder"), self.program.graph_signature.input_specs, strict=True):
            value = node.meta["val"]
            if spec.kind is InputKind.USER_INPUT:
                self.held[node] = self._input(node, value)
            elif isinstance(value, Tensor):
                self.held[node] = self._own(spec.target or node.name, value, spec.kind)

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

        self.batch = self.reader.batch = self.batch or value.shape[0]
        number = self.reader.fresh(value.shape[1:])
        if not value.is_floating_point():
            self.reader.ranges[number] = 0
        self.inputs.append((node.name, number))
        return Ref.of(number, range(value.dim() - 1))

    def _own(self, name: str, value: Tensor, kind: InputKind) -> Known:
        trained = kind is InputKind.PARAMETER
        number = None
        # A number that the model's code wrote as a tensor.
        if kind is InputKind.CONSTANT_TENSOR and value.numel() == 1:
            number = float(self.state[name])
        return Known(tuple(value.shape), lambda state: state[name], (name,), trained, fixed=number)

    def _called(self, node: fx.Node) -> Held:
        """Read one call; what cannot be said is remembered, and the walk goes on."""
        if node.target is operator.getitem:
            source, index = node.args
            held = self.held[source]  # type: ignore[index]  # the first argument is a node
            self.base[node] = self._base(source)  # type: ignore[arg-type]
            if isinstance(held, tuple):
                return held[index]  # type: ignore[index]  # a whole number
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
        if any(isinstance(held, Unknown) for held in _flat(call.values())):
            return Unknown()
        try:
            made = self._read(node, name, short, call)
            self._alias(node, short, mutable, made)
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
            call[argument.name] = _mapped(given, self.held.__getitem__)

        value = node.meta.get("val")
        call["result"] = _sizes(value)
        call["batch"] = self.batch
        return call

    def _read(self, node: fx.Node, name: str, short: str, call: Mapping[str, Any]) -> Held:
        # Of the input these read nothing but its kind and sizes.
        if short in LIKE:
            return self._like(node, short)
        used = [self.held[inner] for inner in node.all_input_nodes]
        if not any(isinstance(held, Ref | FinalStates | Unsaid) for held in _flat(used)):
            return self._constant(node, short)
        if name == "archlang::leaf":
            return read_leaf(self.reader, call, self.leaves, self.state)  # type: ignore[no-any-return]

        self._same_kind(node, short)
        whole = any(isinstance(held, Ref) and held.value in self.reader.ranges for held in _flat(used))
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

    def _constant(self, node: fx.Node, short: str) -> Held:
        """A tensor that depends on the model alone: it is calculated when weights are taken over."""
        value = node.meta.get("val")
        used = [held for inner in node.all_input_nodes for held in _flat([self.held[inner]])]
        known = [held for held in used if isinstance(held, Known)]
        names = tuple(dict.fromkeys(name for one in known for name in one.names))
        if torch.Tag.nondeterministic_seeded in node.target.tags:  # type: ignore[union-attr]  # an overload
            raise NoWordError("it draws numbers in evaluation, too")
        if all(one.made is not None for one in known):
            return self._made(node)
        if not isinstance(value, Tensor):
            return self._several(node, value, known, names)

        shape = tuple(value.shape)
        moved = short in MOVES and len(known) == 1
        # The batch is not part of a tensor of the model's own.
        if short in ("expand", "repeat") and known and self.batch == shape[0] != known[0].shape[0]:
            rest = (1, *shape[1:])
            inner = known[0]
            return Known(rest, lambda state: inner.read(state).expand(rest), names, inner.trained, inner.derived)
        trained = moved and known[0].trained
        derived = not trained and any(one.trained or one.derived for one in known)
        number = None
        key = node.name
        if moved:
            number = known[0].number
            key = f"{known[0].key} {short}{_told(node)}"
        return Known(shape, self._value(node), names, trained, derived, number, key)

    def _like(self, node: fx.Node, short: str) -> Held:
        """A tensor of one number, as large as the graph has it."""
        value = node.meta["val"]
        number = LIKE[short]
        if number is None:
            number = node.args[-1]  # type: ignore[assignment]  # a number
        if not isinstance(number, int | float):
            raise NoWordError("it is filled with what is calculated")
        dtype = torch.float64 if value.dtype.is_floating_point else value.dtype
        made = torch.full(tuple(value.shape), number, dtype=dtype)
        return Known(tuple(made.shape), _constant_reader(made), key=node.name, made=made)

    def _made(self, node: fx.Node) -> Held:
        """Calculate, once and now, what depends on no weight: code writes into such tensors, through views of them."""
        made = self._value(node)(self.state)
        rows = made if isinstance(made, list | tuple) else [made]
        if not all(isinstance(one, Tensor) for one in rows):
            raise NoWordError("it gives no tensor")
        # The names tell one such tensor from another.
        held = tuple(
            Known(tuple(one.shape), _constant_reader(one), key=f"{node.name} {at}", made=one) for at, one in enumerate(rows)
        )
        if isinstance(made, Tensor):
            return held[0]
        return held

    def _several(self, node: fx.Node, value: Any, known: Sequence[Known], names: tuple[str, ...]) -> Held:
        if not isinstance(value, list | tuple):
            raise NoWordError("it gives no tensor")
        whole = self._value(node)
        derived = any(one.trained or one.derived for one in known)
        return tuple(
            Known(tuple(part.shape), _member(whole, index), names, derived=derived)
            for index, part in enumerate(value)
        )

    def _value(self, node: fx.Node) -> Callable[[State], Any]:
        """Calculate a node of the model's own tensors from a state."""
        held = {inner: self.held[inner] for inner in node.all_input_nodes}

        def read(state: State) -> Any:
            def value(inner: fx.Node) -> Any:
                one = held[inner]
                if isinstance(one, tuple):
                    return tuple(member.read(state) for member in one if isinstance(member, Known))
                return one.read(state) if isinstance(one, Known) else one

            args = _mapped(node.args, value)
            kwargs = {name: _mapped(given, value) for name, given in node.kwargs.items()}
            return _run(node, args, kwargs)

        return read

    def _base(self, node: fx.Node) -> fx.Node:
        return self.base.get(node, node)

    def _alias(self, node: fx.Node, short: str, mutable: bool, made: Held) -> None:
        """Follow memory: what works in place changes the value of the node it is given, too."""
        if not node.args or not isinstance(node.args[0], fx.Node):
            return
        source = node.args[0]
        schema = node.target._schema  # type: ignore[union-attr]  # an overload
        views = schema.arguments[0].alias_info is not None
        if views or short in ALIASING:
            self.base[node] = self._base(source)
        # What depends on no weight was written in place already.
        if not mutable or (isinstance(made, Known) and made.made is not None):
            return

        base, now = self._base(source), self.order[node]
        for other in self.order:
            if other in (node, source) or self._base(other) is not base or self.order[other] > now:
                continue
            if any(self.order[user] > now for user in other.users) and self.held.get(other) != self.held[source]:
                raise NoWordError("it writes into a tensor that is read under another shape afterwards")
            self.held[other] = made
        self.held[source] = made

    def _ranges(self) -> dict[int, int]:
        """How many numbers each whole input may be of: as many as the tables have rows that it is looked up in."""
        for value, rows, place in self.reader.tables:
            if rows != self.reader.ranges[value]:
                self.reader.place = place
                message = f"its table has {rows} rows, and a shorter one is looked up by the same numbers"
                self.reader.refuse("`embedding`", message)
        return dict(self.reader.ranges)

    def _outputs(self) -> tuple[tuple[str | None, tuple[int, ...]], ...]:
        """The outputs: one, several side by side, or several with names."""
        node = self._nodes("output")[0]
        leaves = [self.held[inner] if isinstance(inner, fx.Node) else inner for inner in node.args[0]]  # type: ignore[union-attr]
        mutated = len(leaves) - len(self.program.graph_signature.user_outputs)
        self.reader.place = ModulePlace()
        values: list[int] = []
        for held in leaves[mutated:]:
            if isinstance(held, Ref):
                values.append(self.reader.plain(held))
            elif not isinstance(held, Unknown):
                self.reader.refuse("an output that does not depend on the input")

        names = _names(self.program)
        if names is None:
            return ((None, tuple(values)),)
        return tuple((name, (value,)) for name, value in zip(names, values, strict=False))


def _kind(value: Tensor) -> str:
    """What a tensor is, for a message: `[3] of torch.bool`."""
    return f"{list(value.shape)} of {value.dtype}"


def _names(program: ExportedProgram) -> list[str] | None:
    """The names of the outputs of a model that gives a dict; None for one that gives a tensor or a sequence."""
    spec = program.call_spec.out_spec
    if spec is None or spec.type is None or not issubclass(spec.type, dict):
        return None
    context = spec.context
    return [str(name) for name in context]


def _told(node: fx.Node) -> list[str]:
    """The arguments of a call but for its tensors."""
    return [str(given) for given in (*node.args, *node.kwargs.values()) if not isinstance(given, fx.Node)]


def _mapped(given: Any, value: Callable[[fx.Node], Any]) -> Any:
    """An argument with a value in the place of each node."""
    return fx.node.map_arg(given, value)


def _run(node: fx.Node, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """Run an operation on the model's own tensors, in the widest kind of number that is among them.

    The graph was exported in the model's kind of number, and import compares in float64.
    """
    tensors = [one for one in _flat([args, list(kwargs.values())]) if isinstance(one, Tensor)]
    kinds = {one.dtype for one in tensors if one.is_floating_point()}
    if torch.float64 in kinds:
        if node.target in CASTS and node.meta["val"].is_floating_point():
            return tensors[0]
        args, kwargs = _widened(args), {name: _widened(given) for name, given in kwargs.items()}
    assert callable(node.target)
    return node.target(*args, **kwargs)


CASTS = (
    torch.ops.aten.to.dtype, torch.ops.aten.to.dtype_layout, torch.ops.aten.to.device, torch.ops.aten._to_copy.default,
    torch.ops.aten.to.other,
)
"""Operations that turn one kind of number into another."""


def _widened(given: Any) -> Any:
    if isinstance(given, list | tuple):
        return type(given)(_widened(one) for one in given)
    if isinstance(given, Tensor) and given.is_floating_point():
        return given.double()
    return given


def _constant_reader(made: Tensor) -> Callable[[State], Tensor]:
    return lambda state: made


def _member(whole: Callable[[State], Any], index: int) -> Callable[[State], Tensor]:
    return lambda state: whole(state)[index]


def _flat(values: Any) -> list[Any]:
    """All values, those in lists and tuples too."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, list | tuple):
            found.extend(_flat(value))
        else:
            found.append(value)
    return found


def _sizes(value: Any) -> Any:
    """The sizes of a tensor, or of each of several."""
    if isinstance(value, Tensor):
        return tuple(value.shape)
    if isinstance(value, list | tuple):
        return tuple(_sizes(one) for one in value)
    return ()


def place_of(node: fx.Node) -> ModulePlace:
    """The place of a node in the model: the modules around it, and the line of the model's code."""
    stack = tuple(
        (_path(path), kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}")
        for path, kind in node.meta.get("nn_module_stack", {}).values()
    )
    frames = re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or "")
    line = ""
    if frames:
        line = f"{_short(frames[-1][0])}:{frames[-1][1]}"
    return ModulePlace(stack, line)


def _path(path: str) -> str:
    """A module's path as the model has it: programs that were stored write it as code, `L['self'].layer1[0]`."""
    path = path.removeprefix("L['self']").lstrip(".")
    return re.sub(r"\[['\"]?(\w+)['\"]?\]", r".\1", path).lstrip(".")
