"""A project becomes a graph: names in scope, blocks read for mistakes, the body run, what is unused cut off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial

from archlang.dataclass import dataclass
from archlang.diagnostics import Diagnostic, Label, did_you_mean, error, suggestions
from archlang.elaborate import expressions, stages
from archlang.elaborate.bodies import bind, body, bound_names, declare, module_names, no_tensor
from archlang.elaborate.context import CIRCLE, Abort, Build, Declared, Rules
from archlang.elaborate.dials import dial_values
from archlang.elaborate.finish import finish
from archlang.elaborate.inputs import declare_input, symbols_told
from archlang.elaborate.interpret import known
from archlang.elaborate.layers import declare_layer
from archlang.elaborate.outputs import declare_output, tensors_in
from archlang.elaborate.scope import define
from archlang.elaborate.structures import catalogue as structures
from archlang.elaborate.training.plan import plan_of
from archlang.elaborate.unused import report_unused
from archlang.elaborate.values import POISON, AbsentOutput, BlockValue, Env, Flowing, Place, Poison, Thunk
from archlang.elaborate.watching import Watcher
from archlang.graph.ir import Graph
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
    Layer,
    Let,
    ListOf,
    NetworkDeclaration,
    Output,
    Train,
    TreeNode,
)
from archlang.wording import listing

RULES = Rules(expressions.RULES, stages.RULES, structures.RULES)

Use = tuple[Declared, Span]
"""A declaration that another one names, and the place where it does."""


@dataclass(frozen=True)
class Built:
    """The graph of a project's network, every mistake and warning, and what the project's codes and kernels came to.

    `codes`, `proposed` and `tables` go by the id() of the tree nodes that asked for them, which live as long as the
    project.
    """

    graph: Graph
    diagnostics: tuple[Diagnostic, ...]
    codes: Mapping[int, CodeValue]
    proposed: Mapping[int, Set[tuple[Placed, ...]]]
    tables: Mapping[int, ListOf]


def build(project: Project, dials: Mapping[str, Expr], catalogue: Catalogue,
          limits: Limits, watcher: Watcher | None = None) -> Built:
    """The graph of a project's network (empty where there is none) and every mistake and warning.

    `dials` holds expressions for the network's parameters; `watcher` is told what flows where. Never raises for a
    mistake in the files.
    """
    network = project.main.network
    graph = Graph("")
    if network is not None:
        graph = Graph(network.name)
    b = Build(catalogue, limits, graph, RULES, watcher=watcher)

    for unit in project.units.values():
        b.files.update(unit.tables)
        b.trees.append(unit.file)
    if network is not None:
        b.inside_network = {dial.name: dial.span for dial in network.dials} | bound_names(network.body)

    # All scopes stand before any value is wanted: files may import each other's names in any order.
    try:
        for mistake in project.mistakes:
            b.report(mistake)
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

    if not _wrong(b):
        finish(b)
        _all_outputs(b, network)
    report_unused(b, project.main)

    diagnostics = b.diagnostics
    if _wrong(b):
        # Imported for a mistake alone: these tables are a tenth of all that `check` would read before it starts.
        from archlang.elaborate.habits.refine import refine

        files = {unit.source: unit.file for unit in project.units.values()}
        diagnostics = refine(diagnostics, files, catalogue, ranks(b.graph))
    return Built(b.graph, diagnostics, b.codes, b.proposed, b.tables)


def _wrong(b: Build) -> bool:
    """Tell whether an error stands; warnings leave a network as it is."""
    return any(diagnostic.severity == "error" for diagnostic in b.mistakes.values())


def ranks(graph: Graph) -> dict[str, int]:
    """The number of axes of each tensor of the network, by its name, as far as it was built."""
    ranks = {spec.name: spec.type.rank for spec in graph.inputs}
    for name, ports in graph.bound.items():
        if len(ports) == 1:
            ranks[name] = graph.type(ports[0]).rank
    return ranks


def _all_outputs(b: Build, network: NetworkDeclaration | None) -> None:
    """A network that is not said to be wrong is there with all its outputs."""
    if network is None or _wrong(b):
        return
    # Poison without a report behind it would end here as a smaller network, which nobody asked for.
    absent = [value for value in b.further.values() if isinstance(value, AbsentOutput)]
    wanted = sum(isinstance(s, Output) for s in network.body.statements) - len(absent)
    if absent and not wanted:
        b.refuse("missing-output", f"each output of `{network.name}` is left out by its `if`", network.name_span,
                 help="one output without a name, `output logits`, is always there")
    if len(b.graph.output_groups) < wanted:
        b.refuse("internal-error", "something is wrong with this network that archlang cannot name", network.name_span)


# --- the names of a file ---------------------------------------------------------------------------------------------


def _scope(b: Build, unit: Unit, env: Env, envs: Mapping[int, Env]) -> None:
    """Bring a file's names into its scope. Their values are worked out when first wanted, in any order."""
    _one_at_most(b, [*unit.of(NetworkDeclaration)], "network", "several-networks")
    _one_at_most(b, [*unit.of(Train)], "train", "several-trains")

    for item in unit.file.declarations:
        match item:
            case Import():
                _bring(b, unit, item, env, envs)
            case Let() | CodeDeclaration():
                define(b, env, item.name, Thunk(partial(_value, b, item, env)), item, item.name_span)
            case Block():
                define(b, env, item.name, BlockValue(item, env), item, item.name_span)

        # Allowed, so that a new operation of the catalogue breaks no file that has a block of its name.
        if isinstance(item, Let | Block | CodeDeclaration) and b.catalogue.stage(item.name) is not None:
            b.report(error("shadowed-op", f"`{item.name}` is also a stage of the catalogue; here it means this one",
                           item.name_span))


def _one_at_most(b: Build, items: Sequence[TreeNode], word: str, name: str) -> None:
    for other in items[1:]:
        b.refuse(name, f"a file holds one `{word}` at most", other.span,
                 secondary=(Label(items[0].span, "the first one"),))


def _value(b: Build, item: Let | CodeDeclaration, env: Env) -> object:
    if len(b.active) >= b.limits.nesting:
        b.refuse("nesting-too-deep", f"values stand on values more than {b.limits.nesting} deep here", item.name_span)
        return POISON

    b.active.append(item)
    try:
        value = known(b, item.value, env)
        if isinstance(item, CodeDeclaration):
            return _code(b, item, value)
        return no_tensor(b, value, item.span)
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
            value = Thunk(partial(home.find, name.name))
            b.used.add(id(source.exports[name.name]))
        elif source is not None:  # a file that cannot be read is reported by the project
            declared = listing(source.exports) or "nothing"
            help = (*did_you_mean(name.name, source.exports), f"it declares: {declared}")
            b.refuse("unknown-import", f"`{item.path}` declares no `{name.name[:64]}`", name.span, help=help)
            # The file may use the right name: it would be unknown only because of this mistake.
            for near in suggestions(name.name, source.exports):
                env.names.setdefault(near, POISON)
        define(b, env, name.alias or name.name, value, name, name.span)


def _read(b: Build, unit: Unit, env: Env) -> None:
    """Work out every static value and read every block once with nothing known of its arguments."""
    for item in unit.file.declarations:
        if isinstance(item, Let | CodeDeclaration):
            env.find(item.name)  # finding a name works its value out
        elif isinstance(item, Block):
            _read_block(b, item, env)


def _read_block(b: Build, block: Block, home: Env) -> None:
    b.active.append(block)
    with b.survey():
        # Poison flows in: only what is wrong whatever the arguments are is found here.
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
    uses: dict[int, list[Use]] = {}
    items = {id(caller): caller for caller, _, _ in b.calls.values()}
    for caller, called, span in b.calls.values():
        uses.setdefault(id(caller), []).append((called, span))

    # A search in depth with a stack of its own: a long chain of blocks would be too deep for Python's.
    visited: set[int] = set()
    for start in items.values():
        way: dict[int, Iterator[Use]] = {}  # the declarations from `start` on, each with its uses still to be followed
        _follow(way, start, uses, visited)
        while way:
            innermost = next(reversed(way))
            use = next(way[innermost], None)
            if use is None:
                way.popitem()
                continue

            called, span = use
            if id(called) not in way:
                _follow(way, called, uses, visited)
                continue
            ids = list(way)
            circle = ids[ids.index(id(called)) :]
            b.circular.update(circle)
            _circle(b, [items[id_].name for id_ in circle], span)


def _follow(way: dict[int, Iterator[Use]], item: Declared, uses: Mapping[int, list[Use]], visited: set[int]) -> None:
    """Go one declaration further, unless it was seen before."""
    if id(item) not in visited:
        visited.add(id(item))
        way[id(item)] = iter(uses.get(id(item), ()))


def _circle(b: Build, names: list[str], span: Span) -> None:
    message = f"`{names[0]}` uses itself"
    if len(names) > 1:
        shown = names[:8]
        if len(names) > len(shown):
            shown.append("...")
        way = " -> ".join([*shown, names[0]])
        message = f"`{names[0]}` leads back to itself: {way}"
    b.refuse("recursive-block", message, span, help=CIRCLE)


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

    # Dials stand in a scope outside: their defaults see none of the network's tensors.
    inner = env.inner()
    inner.later = bound_names(network.body)
    _statements(b, network, inner)
    if train is not None:
        b.graph.plan = plan_of(b, train, _with_outputs(b, inner))


def _with_outputs(b: Build, env: Env) -> Env:
    """The names that `train` sees: the network's own, and those of its further outputs."""
    seen = env.inner()
    seen.names = {name: value for name, value in b.further.items() if not env.has(name)}
    return seen


def _statements(b: Build, network: NetworkDeclaration, env: Env) -> None:
    assert env.place is not None
    called = module_names(network.body, env.place)
    if not any(isinstance(s, Input) for s in network.body.statements):
        b.inputless = True
        b.refuse("missing-input", f"the network `{network.name}` has no input", network.name_span,
                 help="declare one: `input image: [3, 32, 32]`")
    if not any(isinstance(s, Output) for s in network.body.statements):
        b.refuse("missing-output", f"the network `{network.name}` hands nothing out", network.name_span,
                 help="end it with `output name`")

    try:
        bound = _declared(b, network, env, called)
    finally:
        # Also where the build ends early. Put together one by one, thousands would be copied thousands of times.
        b.graph.outputs = tuple(b.outputs)
    symbols_told(b, [statement for statement in network.body.statements if isinstance(statement, Input)])

    sound = {name: tensors_in(value) for name, value in bound.items() if not isinstance(value, Poison)}
    b.graph.bound = {name: tuple(tensor.port for tensor in tensors) for name, tensors in sound.items()}


def _declared(b: Build, network: NetworkDeclaration, env: Env, called: Mapping[int, str]) -> dict[str, Flowing]:
    """Declare what the statements of a network declare, and return what its flows with names came to."""
    # One by one in the order of the text: a name is known behind the place where it is bound.
    seen: dict[str | None, Output] = {}
    bound: dict[str, Flowing] = {}
    for statement in network.body.statements:
        match statement:
            case Input():
                declare_input(b, statement, env)
            case Let():
                declare(b, env, statement)
            case Layer():
                declare_layer(b, env, statement, (called[id(statement)],))
            case Bind():
                bound[statement.name] = bind(b, env, statement, called[id(statement)])
            case Output():
                value = declare_output(b, statement, env, seen)
                if statement.name is not None:
                    b.further.setdefault(statement.name, value)
    return bound
