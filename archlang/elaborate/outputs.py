"""A network's outputs: tensors and bundles of tensors, each under a name that means nothing else."""

from __future__ import annotations

from archlang.diagnostics import Label
from archlang.elaborate.bodies import tensor_of
from archlang.elaborate.context import Build
from archlang.elaborate.scope import name_span
from archlang.elaborate.values import BundleValue, Env, GridValue, Poison, TensorValue
from archlang.graph.ir import OutputSpec
from archlang.syntax.tree import Output


def declare_output(b: Build, statement: Output, env: Env, seen: dict[str | None, Output]) -> None:
    """Hand out what an `output` names. `seen` holds the outputs so far, and gets this one."""
    if statement.name in seen:
        what = "main output"
        if statement.name:
            what = f"output `{statement.name}`"
        b.refuse("several-outputs", f"a network has one {what}", statement.span,
                 secondary=(Label(seen[statement.name].span, "the first one"),),
                 help="a further one has a name: `output aux = flow`")
        return

    seen[statement.name] = statement
    value = tensor_of(b, statement.value, env)
    _free_name(b, statement, value, env)
    # A grid is a bundle by its class, and the help for one would not do for it.
    if isinstance(value, GridValue):
        b.refuse("expected-tensor", "a network hands out tensors, this is a grid of patches", statement.value.span,
                 f"this is {value.type}", help="put the patches back first: `unpatch`")
    elif isinstance(value, BundleValue):
        _output_bundle(b, statement, value)
    elif isinstance(value, TensorValue):
        b.graph.outputs = (*b.graph.outputs, OutputSpec(statement.name, value.port, statement.span))


def _free_name(b: Build, statement: Output, value: object, env: Env) -> None:
    """Refuse an output under a name that stands for something else in the network: a reader would take it for that."""
    name = statement.name
    scopes = [env]
    if env.outer is not None:
        scopes.append(env.outer)  # that of the dials
    for scope in scopes:
        if name is None or (name not in scope.nodes and name not in scope.later):
            continue
        if isinstance(value, Poison) or tensors_in(scope.names.get(name)) == tensors_in(value) != []:
            return

        where = scope.later.get(name)
        if name in scope.nodes:
            where = name_span(scope.nodes[name])
        assert where is not None
        b.refuse("already-bound", f"`{name}` is another value of this network, which is not what this output hands out",
                 statement.name_span, secondary=(Label(where, "bound here"),), help="give the output another name")
        return


def _output_bundle(b: Build, statement: Output, bundle: BundleValue) -> None:
    """Hand out the members of a bundle side by side: the model gives a tuple of them."""
    if not all(isinstance(member, TensorValue) for member in bundle.members):
        b.refuse("expected-tensor", "a network hands out tensors and bundles of tensors, this bundle holds bundles",
                 statement.value.span, f"this is {bundle.type}",
                 help="bring the inner ones together first (sum, mean, concat, stack), or name an output for each")
        return

    members = [
        OutputSpec(statement.name, member.port, statement.span, index)
        for index, member in enumerate(bundle.members) if isinstance(member, TensorValue)
    ]
    b.graph.outputs = (*b.graph.outputs, *members)


def tensors_in(value: object) -> list[TensorValue]:
    """All tensors of a value, those of bundles inside bundles too."""
    if isinstance(value, TensorValue):
        return [value]
    if isinstance(value, GridValue):
        return [value.tensor]
    if not isinstance(value, BundleValue):
        return []

    tensors = []
    for member in value.members:
        tensors.extend(tensors_in(member))
    return tensors
