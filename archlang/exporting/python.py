"""A model as PyTorch source that needs torch alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from archlang.elaborate.network import Network
from archlang.emit import ArchModule
from archlang.exporting.classes import ClassForm, Instance, Plans, identity
from archlang.exporting.comments import comments_by_block, with_comments
from archlang.exporting.library import Library
from archlang.exporting.parameters import Unfit, inner_first, parametrise
from archlang.exporting.scopes import Inline, ScopeCall, beside_lists, gathered, numbered
from archlang.exporting.signatures import defaults
from archlang.exporting.steps import Path, Program, program_of
from archlang.exporting.variants import Dials, Variants, fits, program_of_graph, variants
from archlang.exporting.wording import docstring
from archlang.exporting.writing import Writer


def source_of(model: ArchModule) -> str:
    """The source of a compiled model: classes for blocks, `nn.ModuleList` for loops, dials as arguments.

    Raises ArchError (unsupported-module) for what cannot be written.
    """
    network: Network = model.archlang.network
    if model.archlang.passes:
        program = beside_lists(program_of(model, model.graph, network.graph, fresh=False))
        return _written(network, program, {})

    program = program_of_graph(network.graph)
    fitted, held = variants(network)
    while True:
        text = _written(network, program, fitted)
        # A formula that some values led to is believed where it is right for one that it does not stem from.
        wrong = [name for name, (dials, graph) in held.items() if name in fitted and not fits(text, dials, graph)]
        if not wrong:
            return text
        fitted = {name: programs for name, programs in fitted.items() if name not in wrong}


def _written(network: Network, program: Program, variants: Variants) -> str:
    """The source, the dials of which there are variants as arguments."""
    root = _planned(network.dials, program, variants)
    library = Library()
    defaults(inner_first(root.plan), root)
    fixed = [name for name in network.dials if name not in root.given and name not in root.names]
    writer = Writer(root, program, library, fixed)
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


# --- classes --------------------------------------------------------------------------------------------------------


def _planned(base: Dials, program: Program, variants: Variants) -> Instance:
    """The classes of a network; its dials are arguments as far as all variants are of one form."""
    accepted: Variants = {}
    made = [program, *(one for others in variants.values() for _, one in others)]
    holders = frozenset[Path]().union(*map(numbered, made))
    # Mostly all of them are of one form; where they are not, it is found out which.
    root = _together(base, program, variants, holders)
    if root is not None:
        return root
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
    results = [one.result for _, one in programs]
    fixed: frozenset[object] = frozenset()
    while True:
        try:
            roots = [gathered(one, holders) for _, one in programs]
            instances = _unified(roots, [{name: dials[name] for name in variants} for dials, _ in programs], fixed)
        except Inline as scope:
            holders |= {scope.path}
            continue

        first = instances[0]
        if any(instance.plan is not first.plan for instance in instances):
            return None
        try:
            parametrise(first, inner_first(first.plan))
        except Unfit:
            return None
        # Rows are counted where one text says all of them.
        uneven = Writer(first, program, Library()).uneven(results)
        if uneven is None:
            return first
        fixed |= {identity(uneven.call)}


def _unified(roots: list[ScopeCall], dials: list[Dials], fixed: frozenset[object]) -> list[Instance]:
    """The classes of networks, blocks of several forms brought to one where one form has all parts of the others.

    In the blocks that are `fixed` rows are not counted. Raises `Inline`.
    """
    optional: frozenset[tuple[object, Path]] = frozenset()
    while True:
        plans = Plans(optional, fixed)
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
