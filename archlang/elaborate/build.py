"""A project becomes a graph: names in scope, blocks read for mistakes, the body run, what is unused cut off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from functools import partial

from archlang.diagnostics import Diagnostic, Label, did_you_mean, error
from archlang.elaborate import expressions, stages
from archlang.elaborate.bodies import bind, body, bound_names, declare, tensor_of
from archlang.elaborate.context import Abort, Build, Declared, Rules
from archlang.elaborate.dials import dial_values
from archlang.elaborate.finish import finish
from archlang.elaborate.habits.refine import refine
from archlang.elaborate.inputs import declare_input
from archlang.elaborate.interpret import known
from archlang.elaborate.scope import define
from archlang.elaborate.structures import catalogue as structures
from archlang.elaborate.training.plan import plan_of
from archlang.elaborate.unused import report_unused
from archlang.elaborate.values import POISON, BlockValue, BundleValue, Env, GridValue, Place, Poison, TensorValue, Thunk
from archlang.graph.ir import Graph, OutputSpec
from archlang.limits import Limits
from archlang.ops.kinds import describe
from archlang.ops.model import Catalogue
from archlang.ops.values import CodeValue, Placed
from archlang.project.project import Project, Unit
from archlang.source import Span
from archlang.syntax.tree import (
    Bind,
    Block,
    CodeDeclaration,
    Expr,
    Import,
    Input,
    Let,
    Name,
    NetworkDeclaration,
    Output,
    Train,
)
from archlang.syntax.walk import walk

RULES = Rules(expressions.RULES, stages.RULES, structures.RULES)


@dataclass(frozen=True)
class Built:
    """The graph of a project's network, every mistake and warning, and what the project's codes and kernels came to.

    `codes` and `proposed` go by the id() of the tree nodes that asked for them, which live as long as the project.
    """

    graph: Graph
    diagnostics: tuple[Diagnostic, ...]
    codes: Mapping[int, CodeValue]
    proposed: Mapping[int, Set[tuple[Placed, ...]]]


def build(project: Project, dials: Mapping[str, Expr], catalogue: Catalogue,
          limits: Limits) -> Built:
    """The graph of a project's network (empty where there is none) and every mistake and warning.

    `dials` holds expressions for the network's parameters. Never raises for a mistake in the files.
    """
    b = Build(catalogue, limits, Graph(project.main.network.name if project.main.network else ""), RULES)
    for mistake in project.mistakes:
        b.report(mistake)
    for unit in project.units.values():
        b.files.update(unit.tables)
        b.stages |= {n.text for n in walk(unit.file) if isinstance(n, Name) and n.text in catalogue.structures}
    if project.main.network:
        network = project.main.network
        b.inside_network = {dial.name: dial.span for dial in network.dials} | bound_names(network.body)
    try:
        envs = {key: Env() for key in project.units}
        for key, unit in project.units.items():
            _scope(b, unit, envs[key], {id(u): envs[u.key] for u in project.units.values()})
        for key, unit in project.units.items():
            _read(b, unit, envs[key])
        _recursions(b)
        _network(b, project.main, envs[project.main.key], dials)
    except Abort:
        pass
    except RecursionError:  # short of every other bound: the stack belongs to whoever calls
        b.refuse("nesting-too-deep", "blocks, braces and values lead too deep here", b.here)
    if not any(d.severity == "error" for d in b.mistakes.values()):
        finish(b)
        _whole(b, project.main.network)
    report_unused(b, project.main)

    diagnostics = b.diagnostics
    if any(d.severity == "error" for d in diagnostics):
        files = {unit.source: unit.file for unit in project.units.values()}
        diagnostics = refine(diagnostics, files, catalogue, _ranks(b.graph))
    return Built(b.graph, diagnostics, b.codes, b.proposed)


def _ranks(graph: Graph) -> dict[str, int]:
    """The number of axes of each tensor of the network, by its name, as far as it was built."""
    ranks = {spec.name: spec.type.rank for spec in graph.inputs}
    for name, ports in graph.bound.items():
        if len(ports) == 1:
            ranks[name] = graph.type(ports[0]).rank
    return ranks


def _whole(b: Build, network: NetworkDeclaration | None) -> None:
    """A network that is not said to be wrong is there with all its outputs."""
    if network is None or any(d.severity == "error" for d in b.mistakes.values()):
        return
    if len(b.graph.outputs) < sum(isinstance(s, Output) for s in network.body.statements):
        b.refuse("internal-error", "something is wrong with this network that archlang cannot name", network.name_span)


# --- the names of a file ---------------------------------------------------------------------------------------------


def _scope(b: Build, unit: Unit, env: Env, envs: Mapping[int, Env]) -> None:
    """Bring a file's names into its scope. Their values are worked out when first wanted, in any order."""
    for kind, word, name in ((NetworkDeclaration, "network", "several-networks"), (Train, "train", "several-trains")):
        first, *more = [*unit.of(kind), None]
        for other in more[:-1] if first else ():
            assert other is not None and first is not None
            b.refuse(name, f"a file holds one `{word}` at most", other.span,
                     secondary=(Label(first.span, "the first one"),))
    for item in unit.file.declarations:
        match item:
            case Import():
                _bring(b, unit, item, env, envs)
            case Let() | CodeDeclaration():
                define(b, env, item.name, Thunk(partial(_value, b, item, env)), item, item.name_span)
            case Block():
                define(b, env, item.name, BlockValue(item, env), item, item.name_span)
        if isinstance(item, Let | Block | CodeDeclaration) and b.catalogue.stage(item.name) is not None:
            b.report(error("shadowed-op", f"`{item.name}` is also a stage of the catalogue; here it means this one",
                           item.name_span))


def _value(b: Build, item: Let | CodeDeclaration, env: Env) -> object:
    if len(b.active) >= b.limits.nesting:
        b.refuse("nesting-too-deep", f"values stand on values more than {b.limits.nesting} deep here", item.name_span)
        return POISON
    b.active.append(item)
    try:
        value = known(b, item.value, env)
        return _code(b, item, value) if isinstance(item, CodeDeclaration) else value
    finally:
        b.active.pop()


def _code(b: Build, item: CodeDeclaration, value: object) -> object:
    """Name a code as its declaration does."""
    if isinstance(value, CodeValue):
        return replace(value, name=item.name)
    if not isinstance(value, Poison):
        help = "`design(...)`, `words(...)` or `from \"table.csv\"` make one"
        b.refuse("wrong-kind", f"a code is wanted here, this is {describe(value)}", item.value.span, help=help)
    return POISON


def _bring(b: Build, unit: Unit, item: Import, env: Env, envs: Mapping[int, Env]) -> None:
    source = unit.imported(item)
    for name in item.names:
        value: object = POISON
        if source is not None and name.name in source.exports:
            home = envs[id(source)]
            value = Thunk(lambda h=home, n=name.name: h.find(n))  # type: ignore[misc]
            b.used.add(id(source.exports[name.name]))
        elif source is not None:
            help = (*did_you_mean(name.name, source.exports), f"it declares: {', '.join(source.exports) or 'nothing'}")
            b.refuse("unknown-import", f"`{item.path}` declares no `{name.name[:64]}`", name.span, help=help)
        define(b, env, name.alias or name.name, value, name, name.span)


def _read(b: Build, unit: Unit, env: Env) -> None:
    """Work out every static value and read every block once with nothing known of its arguments."""
    for item in unit.file.declarations:
        if isinstance(item, Let | CodeDeclaration):
            env.find(item.name)
        elif isinstance(item, Block):
            _read_block(b, item, env)


def _read_block(b: Build, block: Block, home: Env) -> None:
    b.active.append(block)
    with b.survey():
        env = home.applied(POISON, Place())
        for parameter in block.parameters:
            if parameter.default is not None:
                known(b, parameter.default, env.closed())
            define(b, env, parameter.name, POISON, parameter, parameter.span)
        body(b, block.body, env)
    b.active.pop()


def _recursions(b: Build) -> None:
    """Report every circle of blocks once, at the use that closes it."""
    b.reading = False
    leads: dict[int, list[tuple[Declared, Span]]] = {}
    items = {id(caller): caller for caller, _, _ in b.calls.values()}
    for caller, called, span in b.calls.values():
        leads.setdefault(id(caller), []).append((called, span))
    done: set[int] = set()
    for start in items.values():
        way: dict[int, tuple[Declared, Iterator[tuple[Declared, Span]]]] = {}
        _follow(way, start, leads, done)
        while way:
            step = next(way[next(reversed(way))][1], None)
            if step is None:
                way.popitem()
            elif id(step[0]) in way:
                on = list(way)
                circle = on[on.index(id(step[0])) :]
                b.circular.update(circle)
                _circle(b, [items[id_].name for id_ in circle], step[1])
            else:
                _follow(way, step[0], leads, done)


def _follow(way: dict[int, tuple[Declared, Iterator[tuple[Declared, Span]]]], item: Declared,
            leads: Mapping[int, list[tuple[Declared, Span]]], done: set[int]) -> None:
    """Go one declaration further, unless it was seen before."""
    if id(item) not in done:
        done.add(id(item))
        way[id(item)] = (item, iter(leads.get(id(item), ())))


def _circle(b: Build, names: list[str], span: Span) -> None:
    message = f"`{names[0]}` uses itself"
    if len(names) > 1:
        way = " -> ".join([*names[:8], *(["..."] if names[8:] else []), names[0]])
        message = f"`{names[0]}` leads back to itself: {way}"
    help = "everything is worked out where it is used, so nothing may hold itself; repeat with `for` or `n * stage`"
    b.refuse("recursive-block", message, span, help=help)


# --- the network -----------------------------------------------------------------------------------------------------


def _network(b: Build, unit: Unit, home: Env, dials: Mapping[str, Expr]) -> None:
    network, train = unit.network, unit.train
    if network is None:
        for name in dials:
            b.refuse("unknown-dial", f"there is no network, so there is no dial `{name[:64]}`", unit.file.span)
        if train is not None:
            b.refuse("missing-network", "`train` needs a network in the same file", train.span)
        return
    env = Env(home, place=Place())
    b.graph.doc = network.doc or network.body.doc
    b.graph.dials = dial_values(b, network, env, home, dials)
    inner = env.inner()
    inner.later = bound_names(network.body)
    _statements(b, network, inner)
    if train is not None:
        b.graph.plan = plan_of(b, train, inner)


def _statements(b: Build, network: NetworkDeclaration, env: Env) -> None:
    assert env.place is not None
    for statement in network.body.statements:
        if isinstance(statement, Bind | Input):
            env.place.reserve(statement.name)
    if not any(isinstance(s, Input) for s in network.body.statements):
        b.inputless = True
        b.refuse("missing-input", f"the network `{network.name}` has no input", network.name_span,
                 help="declare one: `input image: [3, 32, 32]`")
    if not any(isinstance(s, Output) for s in network.body.statements):
        b.refuse("missing-output", f"the network `{network.name}` hands nothing out", network.name_span,
                 help="end it with `output name`")
    seen: dict[str | None, Output] = {}
    bound = {}
    for statement in network.body.statements:
        match statement:
            case Input():
                declare_input(b, statement, env)
            case Let():
                declare(b, env, statement)
            case Bind():
                bound[statement.name] = bind(b, env, statement)
            case Output():
                _output(b, statement, env, seen)
    b.graph.bound = {
        name: tuple(v.port for v in _tensors(value)) for name, value in bound.items() if not isinstance(value, Poison)
    }


def _output(b: Build, statement: Output, env: Env, seen: dict[str | None, Output]) -> None:
    if statement.name in seen:
        what = f"output `{statement.name}`" if statement.name else "main output"
        b.refuse("several-outputs", f"a network has one {what}", statement.span,
                 secondary=(Label(seen[statement.name].span, "the first one"),),
                 help="a further one has a name: `output aux = flow`")
        return
    seen[statement.name] = statement
    value = tensor_of(b, statement.value, env)
    if isinstance(value, GridValue):
        b.refuse("expected-tensor", "a network hands out tensors, this is a grid of patches", statement.value.span,
                 f"this is {value.type}", help="put the patches back first: `unpatch`")
    elif isinstance(value, BundleValue):
        b.refuse("expected-tensor", "a network hands out tensors, this is a bundle", statement.value.span,
                 f"this is {value.type}", help="bring its members together first: sum, mean, concat, stack")
    elif isinstance(value, TensorValue):
        b.graph.outputs = (*b.graph.outputs, OutputSpec(statement.name, value.port, statement.span))


def _tensors(value: object) -> list[TensorValue]:
    if isinstance(value, TensorValue):
        return [value]
    if isinstance(value, GridValue):
        return [value.tensor]
    return [t for m in value.members for t in _tensors(m)] if isinstance(value, BundleValue) else []
