"""A model as PyTorch source that needs torch alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from archlang.diagnostics import ArchError
from archlang.elaborate.network import Network, loads
from archlang.emit import ArchModule
from archlang.emit.emit import written_loop
from archlang.emit.weights import build_modules
from archlang.exporting.classes import ClassForm, Instance, Plans
from archlang.exporting.comments import comments_by_block, with_comments
from archlang.exporting.library import Library
from archlang.exporting.parameters import Unfit, inner_first, parametrise
from archlang.exporting.scopes import Inline, ScopeCall, beside_lists, gathered, numbered
from archlang.exporting.steps import Path, Program, program_of
from archlang.exporting.wording import docstring
from archlang.exporting.writing import Writer, defaults
from archlang.graph.ir import Graph

PROBES = 4
"""Values of a dial that its expressions are found on, beside its own."""

Dials = Mapping[str, object]
"""The dials of a network by name."""
Variants = dict[str, list[tuple[Dials, Program]]]
"""For each dial the network with other values of it."""


def source_of(model: ArchModule) -> str:
    """The source of a compiled model: classes for blocks, `nn.ModuleList` for loops, dials as arguments.

    Raises ArchError (unsupported-module) for what cannot be written.
    """
    network: Network = model.archlang.network
    fresh = not model.archlang.passes
    if fresh:
        program = _program(network.graph)
    else:
        program = beside_lists(program_of(model, model.graph, network.graph, fresh=False))

    variants: Variants = {}
    if fresh:
        variants = _variants(network, program)
    root = _planned(network.dials, program, variants)
    library = Library()
    defaults(inner_first(root.plan), root)
    writer = Writer(root, program, library)
    classes = [_commented(text, plan, root, network) for text, plan in zip(writer.classes(), writer.plans, strict=True)]
    return _file(network, library, classes)


def _commented(text: str, plan: ClassForm, root: Instance, network: Network) -> str:
    """The text of a class with the comments of its block, or of the network."""
    block: str | None = None
    if plan.call.frame is not None:
        block = plan.call.frame.block
    elif plan is not root.plan:
        # A scope of a block or of the network has no text of its own in the file.
        return text

    comments = comments_by_block(network).get(block)
    if comments is None:
        return text
    return with_comments(text, comments)


def _program(graph: Graph) -> Program:
    """The steps of a network, its members one by one; nothing is allocated."""
    modules = build_modules(graph, 0, "meta")
    return beside_lists(program_of(modules, written_loop(graph, modules), graph, fresh=True))


# --- dials ----------------------------------------------------------------------------------------------------------


def _variants(network: Network, program: Program) -> Variants:
    """The network with other values of each dial: those that lead to another form are left out with their dial."""
    found: Variants = {}
    for name, value in network.dials.items():
        programs: list[tuple[Dials, Program]] = []
        for other in _others(value):
            if len(programs) == PROBES:
                break
            dials = {**network.dials, name: other}
            made = _of_dials(network, dials)
            if made is not None:
                programs.append((dials, made))
        if len(programs) == PROBES and all(len(made.steps) == len(program.steps) for _, made in programs):
            found[name] = programs
    return found


def _others(value: object) -> list[object]:
    """Other values of a dial, more than are needed: some may not fit the network."""
    if type(value) is int:
        return [value + 1, 2 * value, 2 * value + 3, value + 2, 3 * value, 4 * value, value + 8]
    if type(value) is float:
        return [value / 2, value / 3, value / 4, value / 5]
    return []


def _of_dials(network: Network, dials: Mapping[str, object]) -> Program | None:
    """The steps of the network with these dials; None where they do not fit it."""
    given = {name: value for name, value in dials.items() if value != network.dials[name]}
    try:
        made = loads(network.text, given, limits=network.limits.of_whole, catalogue=network.catalogue)
    except ArchError:
        return None
    return _program(made.graph)


def _planned(base: Dials, program: Program, variants: Variants) -> Instance:
    """The classes of a network; its dials are arguments as far as all variants are of one form."""
    accepted: Variants = {}
    holders = numbered(program)
    for name, programs in variants.items():
        tried = _together(base, program, {**accepted, name: programs}, holders)
        if tried is not None:
            accepted[name] = programs

    root = _together(base, program, accepted, holders)
    assert root is not None, "the network alone fits itself"
    return root


def _together(base: Dials, program: Program, variants: Variants, holders: frozenset[Path]) -> Instance | None:
    """The classes of a network and its variants together; None where variants have another form or do not fit."""
    programs = [(base, program), *(one for others in variants.values() for one in others)]
    while True:
        try:
            roots = [gathered(one, holders) for _, one in programs]
            instances = _unified(roots, [{name: dials[name] for name in variants} for dials, _ in programs])
            break
        except Inline as scope:
            holders |= {scope.path}

    first = instances[0]
    if any(instance.plan is not first.plan for instance in instances):
        return None
    try:
        parametrise(first, inner_first(first.plan))
    except Unfit:
        return None
    return first


def _unified(roots: list[ScopeCall], dials: list[Dials]) -> list[Instance]:
    """The classes of networks, blocks of several forms brought to one where one form has all parts of the others.

    Raises `Inline`.
    """
    optional: frozenset[tuple[object, Path]] = frozenset()
    while True:
        plans = Plans(optional)
        instances = [plans.add(root, n, dials[n]) for n, root in enumerate(roots)]
        found = plans.completed()
        if found is None:
            return instances
        block, places, calls = found
        optional |= {(block, place) for place in places}
        roots = [_exchanged(root, calls) for root in roots]


def _exchanged(call: ScopeCall, calls: Mapping[int, ScopeCall]) -> ScopeCall:
    """A call with others inside it exchanged for those that are given by their id()."""
    if id(call) in calls:
        return calls[id(call)]
    items = [_exchanged(item, calls) if isinstance(item, ScopeCall) else item for item in call.items]
    if all(one is other for one, other in zip(items, call.items, strict=True)):
        return call
    return replace(call, items=items)


# --- the file -------------------------------------------------------------------------------------------------------


def _file(network: Network, library: Library, classes: list[str]) -> str:
    """The whole file."""
    lines = docstring(_title(network), 0)
    lines += ["", "from __future__ import annotations", "", *_imports(library)]
    is_after_definition = False
    for text in (*library.pieces.values(), *classes):
        # Two lines around a class or function, one around a constant.
        is_definition = text.startswith(("class ", "def ", "@"))
        air = 1
        if is_definition or is_after_definition:
            air = 2
        lines += [*[""] * air, text]
        is_after_definition = is_definition
    return "\n".join(lines).rstrip() + "\n"


def _title(network: Network) -> str:
    doc = network.tree.doc or f"The network {network.name}."
    dials = ", ".join(f"{name} = {value}" for name, value in network.dials.items())
    written = f"Written by archlang from the network `{network.name}`"
    if dials:
        written += f" with {dials}"
    return f"{doc}\n\n{written}."


def _imports(library: Library) -> list[str]:
    """The lines of imports: the standard library, then torch; in ruff's order."""
    plain = {module for module, name, _ in library.imports if not name}
    named: dict[str, set[str]] = {}
    for module, name, alias in library.imports:
        if name:
            named.setdefault(module, set()).add(name if name == alias else f"{name} as {alias}")
    if "torch" in library.names:
        plain.add("torch")
    if "nn" in library.names:
        named.setdefault("torch", set()).add("nn")
    if "F" in library.names:
        named.setdefault("torch.nn", set()).add("functional as F")

    lines: list[str] = []
    for ours in (False, True):
        block = [f"import {module}" for module in sorted(plain) if _is_torch(module) is ours]
        block += [f"from {module} import {', '.join(sorted(names, key=_order))}"
                  for module, names in sorted(named.items()) if _is_torch(module) is ours]
        if block and lines:
            lines.append("")
        lines += block
    return lines


def _is_torch(module: str) -> bool:
    return module.partition(".")[0] == "torch"


def _order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, each by the alphabet."""
    bare = name.partition(" ")[0]
    if bare.isupper() and len(bare) > 1:
        return 0, bare
    return (1 if bare[:1].isupper() else 2), bare
