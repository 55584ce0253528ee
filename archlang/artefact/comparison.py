"""The comparison of a model with the one that its text compiles to: everything but the weights.

A file holds a text and weights. Whoever changed a module's attributes, exchanged or hooked a module, or edited the
graph has a model that no file describes.
"""

from __future__ import annotations

import threading
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn

from archlang.artefact.replay import describe, rebuild
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.emit import ArchModule, Record
from archlang.emit.emit import written_forms
from archlang.emit.lookups import looking_up_once
from archlang.emit.weights import build_modules
from archlang.graph.ir import Graph
from archlang.layers.patch_experts.dispatch import Dispatch
from archlang.layers.patch_experts.keys import Keyed
from archlang.layers.synced import SyncedBatchNorm
from archlang.passes.catalogue import PASSES, PassCatalogue

HELP = "a file holds the text and the weights alone: undo the change, or write it into the text and compile that"

OWN_STATE = frozenset(vars(nn.Module()))
"""Attributes of every module: its parameters, buffers, parts and hooks, which are looked at by themselves."""

FORWARD_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_state_dict_hooks", "_state_dict_pre_hooks")
"""Hooks that can change results, or the weights on their way into the file."""

TRANSIENT: Mapping[type[nn.Module], frozenset[str]] = {
    Keyed: frozenset({"decay"}),  # set for each phase of a training
    Dispatch: frozenset({"executed"}),  # a count of what ran
    nn.RNNBase: frozenset({"_flat_weights", "_flat_weight_refs"}),  # the parameters once more
    nn.Module: frozenset({"_compiled_call_impl"}),  # set by `compile()`, which keeps results
}
"""Attributes that change without changing what a model computes in evaluation mode."""

Described = list[object]
"""The nodes of a graph as values that can be compared."""

DEEPEST = 8
"""Levels of objects inside an attribute that are compared."""


def check_unchanged(model: fx.GraphModule, record: Record, passes: PassCatalogue = PASSES) -> None:
    """Compare a model with the one that its record describes; `passes` are those that the record may name.

    Raises `ArchError` (changed-model) for a difference.
    """
    if not record.passes:
        reference = _reference_for(model, record)
        _compare_modules(model, reference.modules)
        _compare_graphs(model, reference.forms())
        return

    # A pass works on weights: the model is made again, with fresh ones.
    fresh = rebuild(record.network, describe(record), passes)
    _compare_modules(model, fresh)
    _compare_graphs(model, _rebuilt_forms(fresh, record, passes))


def _rebuilt_forms(fresh: fx.GraphModule, record: Record, passes: PassCatalogue) -> Iterator[Described]:
    """The graph of a rebuilt model, and its form with taps, for which it is rebuilt once more if that is asked for."""
    yield list(_described(fresh.graph))
    yield list(_described(rebuild(record.network, describe(record), passes, taps=True).graph))


class Reference:
    """The modules of a freshly compiled network, and every form of its graph, described when it is first asked for."""

    def __init__(self, graph: Graph, device: str) -> None:
        self.modules = build_modules(graph, 0, device)
        self._forms = written_forms(graph, self.modules)
        self._described: list[Described] = []

    def forms(self) -> Iterator[Described]:
        """The forms, the usual one first."""
        yield from self._described
        for form in self._forms:
            self._described.append(list(_described(form)))
            yield self._described[-1]


_own = threading.local()
"""`last`: the last graph of a thread and its reference. A training saves its model after every epoch, and compiles for
that once; threads do not share a reference, whose forms are written while they are looked at."""


def _reference_for(model: nn.Module, record: Record) -> Reference:
    """The reference of a record's network; nothing is allocated unless values are kept elsewhere than in the state."""
    graph = record.network.graph
    for module in model.modules():
        if module._non_persistent_buffers_set or any(isinstance(v, Tensor) for v in vars(module).values()):
            return Reference(graph, "cpu")

    # Graphs are compared by identity, since a reference is of one graph and graphs may change.
    last = getattr(_own, "last", None)
    if last is None or last[0] is not graph:
        last = _own.last = (graph, Reference(graph, "meta"))
    return last[1]


# --- modules ---------------------------------------------------------------------------------------------------------


def _compare_modules(model: nn.Module, fresh: nn.Module) -> None:
    """Raise `ArchError` for the first module that differs in its class, its hooks or its attributes."""
    present = dict(model.named_modules(remove_duplicate=False))
    wanted = dict(fresh.named_modules(remove_duplicate=False))
    for name in [*wanted, *present]:
        if name not in present:
            raise _changed(f"the module `{name}` of its text is gone")
        if name not in wanted:
            raise _changed(f"its text has no module `{one_line(name, 80)}`")

    for name, module in present.items():
        shown = "the model"
        if name:
            shown = f"`{name}`"
        _compare_hooks(shown, module)
        # The root is compared by its graph; a rebuilt one has another class and other state.
        if module is model:
            _compare_root(module)
            continue
        _compare_class(shown, module, wanted[name])
        _compare_attributes(name, module, wanted[name])


def _compare_root(model: nn.Module) -> None:
    """Raise `ArchError` if a method of the model is hidden by an attribute."""
    for name in vars(model):
        if name not in OWN_STATE and callable(getattr(type(model), name, None)):
            raise _changed(f"`{name}` of the model was replaced")


def _compare_hooks(shown: str, module: nn.Module) -> None:
    """Raise `ArchError` for a hook, except those with which archlang looks at a training."""
    for kind in FORWARD_HOOKS:
        for hook in getattr(module, kind).values():
            if not str(getattr(hook, "__module__", "")).startswith("archlang."):
                raise _changed(f"a hook on {shown} may change what it computes")


def _compare_class(shown: str, module: nn.Module, fresh: nn.Module) -> None:
    """Raise `ArchError` for a module of another class."""
    kind: type[nn.Module] = type(module)

    # In evaluation mode synchronised batch norms compute what plain ones do.
    if isinstance(module, SyncedBatchNorm):
        kind = module.plain
    if isinstance(module, nn.SyncBatchNorm) and isinstance(fresh, nn.modules.batchnorm._BatchNorm):
        return

    if kind is not type(fresh):
        raise _changed(f"{shown} is a {kind.__name__}, its text says {type(fresh).__name__}")


def _compare_attributes(name: str, module: nn.Module, fresh: nn.Module) -> None:
    """Raise `ArchError` for an attribute that differs, or hides one of the class."""
    transient = {attribute for kind, names in TRANSIENT.items() if isinstance(module, kind) for attribute in names}
    present, wanted = _attributes(module, transient), _attributes(fresh, transient)

    for attribute, value in wanted.items():
        if attribute not in present:
            raise _changed(f"`{name}.{attribute}` is gone")
        if not _alike(present[attribute], value):
            before, after = one_line(repr(value), 60), one_line(repr(present[attribute]), 60)
            raise _changed(f"`{name}.{attribute}` is {after}, its text says {before}")

    # What a module does not know it does not read, unless it stands before a method or setting of its class.
    for attribute in present.keys() - wanted.keys():
        if hasattr(type(fresh), attribute):
            raise _changed(f"`{one_line(f'{name}.{attribute}', 80)}` was replaced")


def _attributes(module: nn.Module, transient: set[str]) -> dict[str, Any]:
    """The attributes of a module that say how it computes, with buffers that are not saved."""
    values = {name: value for name, value in vars(module).items() if name not in OWN_STATE | transient}
    return values | {name: module._buffers[name] for name in module._non_persistent_buffers_set}


def _alike(a: object, b: object, depth: int = 0) -> bool:
    """True for values that are equal, of one type; objects that do not say so are compared by their attributes."""
    if a is b:
        return True
    if type(a) is not type(b) or depth > DEEPEST:
        return False

    match a, b:
        case Tensor(), Tensor():
            return a.shape == b.shape and (a.is_meta or b.is_meta or torch.equal(a.cpu(), b.cpu()))
        case (list() | tuple(), list() | tuple()):
            return len(a) == len(b) and all(_alike(x, y, depth + 1) for x, y in zip(a, b, strict=True))
        case dict(), dict():
            return a.keys() == b.keys() and all(_alike(a[key], b[key], depth + 1) for key in a)
        case (types.FunctionType() | type(), _):
            return False  # they are what they are

    if type(a).__eq__ is object.__eq__:
        return _alike(getattr(a, "__dict__", None), getattr(b, "__dict__", None), depth + 1)
    return bool(a == b)


# --- the graph -------------------------------------------------------------------------------------------------------


def _compare_graphs(model: fx.GraphModule, forms: Iterable[Described]) -> None:
    """Raise `ArchError` unless the graph is one of those that the text compiles to, and the model runs it."""
    nodes = list(_described(model.graph))
    if nodes not in forms:
        raise _changed("its graph was edited")
    if not _runs(model):
        raise _changed("its `forward` is not the one that its graph says")


def _described(graph: fx.Graph) -> Iterator[object]:
    """The nodes of a graph as values that can be compared: names have no part in it."""
    number = {node: i for i, node in enumerate(graph.nodes)}

    def plain(value: object) -> object:
        match value:
            case fx.Node():
                return ("node", number[value])
            case list() | tuple():
                return tuple(plain(item) for item in value)
            case dict():
                return tuple((key, plain(item)) for key, item in value.items())
        # 1, 1.0 and True are equal, and different arguments.
        return (type(value).__name__, value)

    for node in graph.nodes:
        yield node.op, node.target, plain(node.args), plain(node.kwargs)


def _runs(model: fx.GraphModule) -> bool:
    """True if the class of a model runs the code of its graph, with the functions that the graph names."""
    kind = type(model)
    if isinstance(model, ArchModule) and kind.__call__ is not ArchModule.__call__:
        return False

    if isinstance(model, ArchModule):
        with looking_up_once(model.graph):
            generated = model.graph.python_code(root_module="self")
    else:
        generated = model.graph.python_code(root_module="self")
    forward = getattr(kind.forward, "__code__", None)
    if generated.src != model.code or forward is None:
        return False

    (compiled,) = (c for c in compile(generated.src, "", "exec").co_consts if isinstance(c, types.CodeType))
    if (forward.co_code, forward.co_names, forward.co_consts) != (
        compiled.co_code, compiled.co_names, compiled.co_consts
    ):
        return False
    return all(kind.forward.__globals__.get(name) is value for name, value in generated.globals.items())


def _changed(message: str) -> ArchError:
    """The error of a model that a file cannot describe."""
    return ArchError(error("changed-model", f"the model is no longer that of its text: {message}", help=HELP))
