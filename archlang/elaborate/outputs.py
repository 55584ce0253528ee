"""A network's outputs: tensors and bundles of tensors, each under a name that means nothing else.

An output with a name may stand under a dial: `output aux = if deep { maps -> head }` is none where the test fails.
"""

from __future__ import annotations

from archlang.diagnostics import Label
from archlang.elaborate import arithmetic
from archlang.elaborate.bodies import body, tensor_of
from archlang.elaborate.context import Build
from archlang.elaborate.interpret import guarded, known
from archlang.elaborate.scope import name_span
from archlang.elaborate.values import (
    POISON,
    AbsentOutput,
    BundleValue,
    Env,
    Flowing,
    GridValue,
    Place,
    Poison,
    Poisoned,
    TensorValue,
)
from archlang.graph.ir import OutputSpec
from archlang.syntax.tree import Body, Expr, If, Output, Parens


def declare_output(b: Build, statement: Output, env: Env, seen: dict[str | None, Output]) -> Flowing | AbsentOutput:
    """Hand out what an `output` names, and return it. `seen` holds the outputs so far, and gets this one."""
    if statement.name in seen:
        what = "main output"
        if statement.name:
            what = f"output `{statement.name}`"
        b.refuse("several-outputs", f"a network has one {what}", statement.span,
                 secondary=(Label(seen[statement.name].span, "the first one"),),
                 help="a further one has a name: `output aux = flow`")
        return POISON

    seen[statement.name] = statement
    condition = _condition(statement)
    if condition is None:
        value: Flowing | AbsentOutput = tensor_of(b, statement.value, env)
    else:
        value = _under_condition(b, condition, env)
    _free_name(b, statement, value, env)
    # A grid is a bundle by its class, and the help for one would not do for it.
    if isinstance(value, GridValue):
        b.refuse("expected-tensor", "a network hands out tensors, this is a grid of patches", statement.value.span,
                 f"this is {value.type}", help="put the patches back first: `unpatch`")
    elif isinstance(value, BundleValue):
        _output_bundle(b, statement, value)
    elif isinstance(value, TensorValue):
        b.outputs.append(OutputSpec(statement.name, value.port, statement.span))
    return value


def _condition(statement: Output) -> If | None:
    """The `if` without `else` around a further output. The main output is always there, and wants an `else`."""
    value: Expr = statement.value
    while isinstance(value, Parens):
        value = value.inner
    if statement.name is None or not isinstance(value, If):
        return None

    last: If | Body | None = value
    while isinstance(last, If):
        last = last.otherwise
    if last is not None:
        return None
    return value


def _under_condition(b: Build, condition: If, env: Env) -> Flowing | AbsentOutput:
    """The tensors of the branch that is taken, if any is; the others are read for mistakes."""
    taken: Body | None = None
    branch: If | Body | None = condition
    while isinstance(branch, If):
        try:
            test = known(b, branch.test, env.static())
            holds = guarded(b, branch.test.span, env, lambda test=test: arithmetic.truth(test))  # type: ignore[misc]
        except Poisoned:
            return POISON
        if holds and taken is None:
            taken = branch.then
        else:
            _read(b, branch.then, env)
        branch = branch.otherwise

    if taken is None:
        return AbsentOutput()
    return body(b, taken, env)


def _read(b: Build, tree: Body, env: Env) -> None:
    """Read a branch that is not taken for mistakes."""
    with b.survey():
        body(b, tree, Env(env, entering=env.entering, flowing=POISON, place=Place()))


def _free_name(b: Build, statement: Output, value: object, env: Env) -> None:
    """Refuse an output under a name that stands for something else in the network: a reader would take it for that."""
    name = statement.name
    scopes = [env]
    if env.outer is not None:
        scopes.append(env.outer)  # that of the dials
    for scope in scopes:
        if name is None or (name not in scope.nodes and name not in scope.later):
            continue
        if isinstance(value, Poison | AbsentOutput) or tensors_in(scope.names.get(name)) == tensors_in(value) != []:
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
    b.outputs += members


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
