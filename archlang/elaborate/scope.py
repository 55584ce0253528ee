"""Names: defining them once, finding them, and saying what is meant when they are not there."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.diagnostics import Label, did_you_mean, error
from archlang.elaborate.context import Build
from archlang.elaborate.values import POISON, Env, OpenWord, Poisoned, Thunk
from archlang.ops.kinds import Kind, StageKind
from archlang.source import Span
from archlang.syntax.tree import (
    As,
    Bind,
    Block,
    CodeDeclaration,
    File,
    Imported,
    Input,
    Layer,
    Let,
    LoopName,
    Parameter,
    Train,
    TreeNode,
)
from archlang.syntax.walk import walk

FUNCTIONS = ("range", "len", "min", "max", "size", "words", "round", "floor", "ceil", "round_to")

ALIASED = "it is imported as"
"""The beginning of the help for a name that a file has under another one."""

_BOUND_INSIDE = (Bind, Let, Layer, LoopName, Parameter)
"""Statements that bind a name in the braces that they stand in."""


def define(b: Build, env: Env, name: str, value: object, node: TreeNode, span: Span) -> None:
    """Bind a name in a scope. Reports a second binding, and a name that hides one of the same file."""
    # The same node again is no second binding.
    earlier = env.nodes.get(name)
    if earlier is not None and earlier is not node:
        before = Label(name_span(earlier), "bound here first")
        help: tuple[str, ...] = ()
        if isinstance(node, Bind):
            help = ("give each step its own name, or write them as one flow",)
        b.report(error("already-bound", f"`{name}` is bound twice", span, "again here", secondary=(before,), help=help))
        return

    # In one file a name means one thing, whichever braces a reader is in.
    hidden = _outer_place(env.outer, name)
    if hidden:
        before = Label(hidden, "the outer one")
        message = f"`{name}` hides another `{name}` of this file"
        b.report(error("shadowed-name", message, span, "", secondary=(before,), help="give one of them another name"))
    env.names[name] = value
    env.nodes[name] = node
    if b.watcher is not None and not isinstance(value, Thunk):
        b.watcher.named(span, node, value)


def _outer_place(env: Env | None, name: str) -> Span | None:
    """Find the place where a name is bound further out, above or below."""
    while env is not None:
        if name in env.nodes:
            return name_span(env.nodes[name])
        if name in env.later:
            return env.later[name]
        env = env.outer
    return None


def lookup(b: Build, env: Env, name: str, span: Span) -> object | None:
    """Return what a name stands for here, or None; remembers that it was read, and which block names which."""
    node = find_node(env, name)
    if node is not None:
        b.used.add(id(node))
        # Who names whom is noted while files are read, so that recursion is reported before anything is expanded.
        if b.reading and b.active and isinstance(node, Block | Let | CodeDeclaration):
            caller = b.active[-1]
            b.calls.setdefault((id(caller), id(node)), (caller, node, span))

    value = env.find(name)
    if node is not None and b.watcher is not None:
        b.watcher.named(span, node, value)
    if value is POISON:
        raise Poisoned
    return value


def takes_no_arguments(node: TreeNode | None) -> bool:
    """Tell whether a name is bound to what can never be called, such as a code or a tensor.

    A call then means the function of that name. A model's file depends on it: it spells designed codes `words(...)`,
    also where a code or an input of the network is called `words`.
    """
    return isinstance(node, Bind | CodeDeclaration | Input | Let | Parameter)


def find_node(env: Env, name: str) -> TreeNode | None:
    """The tree node that binds a name in this scope or further out."""
    scope: Env | None = env
    while scope is not None:
        if name in scope.nodes:
            return scope.nodes[name]
        scope = scope.outer
    return None


def unknown(b: Build, env: Env, name: str, span: Span, expect: Kind | None) -> Poisoned:
    """Report a name that means nothing here, with what it may have been meant to be."""
    shown = name[:64]
    elsewhere, label = _elsewhere(b, env, name)

    # A name that is bound out of sight is meant more likely than one that is spelt like it.
    if expect is not None and (expect.words or expect.role):
        words = choices(b, expect)
        message = f"`{shown}` is not known here: {_listed(words)}"
        spelt_alike = did_you_mean(name, words) or _is_stage(b, name, expect) or did_you_mean(name, env.all_names())
        help = elsewhere or spelt_alike
        return b.refuse("unknown-word", message, span, help=help, secondary=label)

    stages = (*b.catalogue.stages, *env.all_names())
    if isinstance(expect, StageKind):
        help = elsewhere or did_you_mean(name, stages) or ("`archlang ops` lists all that there are",)
        return b.refuse("unknown-stage", f"there is no stage called `{shown}`", span, help=help, secondary=label)

    settings = {setting for _, setting in b.catalogue.settings}
    help = elsewhere or did_you_mean(name, env.all_names()) or did_you_mean(name, {*stages, *settings, *FUNCTIONS})
    return b.refuse("undefined-name", f"nothing is called `{shown}` here", span, help=help, secondary=label)


def misplaced(b: Build, word: OpenWord, expect: Kind, at: Span) -> Poisoned:
    """Report a word that has no meaning where it lands, at `at`: at its own place, which may be far from there."""
    span = word.expr.span
    landing: tuple[Label, ...] = ()
    if span != at:
        landing = (Label(at, "it lands here"),)

    if expect.words or expect.role:
        words = choices(b, expect)
        message = f"`{word.text[:64]}` is not known where it lands: {_listed(words)}"
        return b.refuse("unknown-word", message, span, secondary=landing, help=did_you_mean(word.text, words))

    if expect.stages:
        message = f"`{word.text[:64]}` lands where a stage is wanted, and no stage is called so"
        return b.refuse("unknown-stage", message, span, secondary=landing)

    message = f"{expect.text} is wanted where it lands, this is {word.described}"
    return b.refuse("wrong-kind", message, span, secondary=landing)


def choices(b: Build, expect: Kind) -> tuple[str, ...]:
    """The words that a kind of argument knows, and the settings of its role."""
    if not expect.role:
        return tuple(expect.words)
    return (*expect.words, *b.catalogue.of_role(expect.role))


def _elsewhere(b: Build, env: Env, name: str) -> tuple[tuple[str, ...], tuple[Label, ...]]:
    """Help, and a place, for a name that is bound where it cannot be seen from here."""
    scope: Env | None = env
    while scope is not None:
        if name in scope.later:
            return ("a name can be used behind the place where it is bound",), (Label(scope.later[name], "bound here"),)
        scope = scope.outer

    # A block stands outside the network, and its scope does not lead there.
    if name in b.inside_network:
        help = f"`{name}` belongs to the network; a block sees what it is given: make it a parameter"
        return (help,), (Label(b.inside_network[name], "the network's"),)

    # Looked for after a mistake alone, and once: it is a walk through the whole file.
    if b.hidden is None:
        b.hidden = _hidden(b.trees)
    shown, node = name[:64], b.hidden.get(name)
    match node:
        case Imported():
            return (f"{ALIASED} `{node.alias}`: write that",), (Label(node.span, "imported here"),)
        case As():
            help = f"`as {shown}` names the modules of a step and binds no value: write `{shown} = ...` before the flow"
            return (help,), (Label(node.name_span, "modules are called so here"),)
        case None:
            return (), ()

    help = f"`{shown}` is seen inside its own braces alone: bind it before them, or use what they hand out"
    return (help,), (Label(name_span(node), "bound inside these braces"),)


def _hidden(trees: Sequence[File]) -> dict[str, TreeNode]:
    """The names of a project that may not be seen from elsewhere: imported under others, of steps, inside braces."""
    nodes = [node for tree in trees for node in walk(tree)]
    # A setting of a `train` binds nothing.
    settings = {id(node) for train in nodes if isinstance(train, Train) for node in walk(train)}

    # The likeliest meaning last, so that it stays; of equal ones the first.
    hidden: dict[str, TreeNode] = {}
    hidden.update((node.name, node) for node in reversed(nodes)
                  if isinstance(node, _BOUND_INSIDE) and id(node) not in settings)
    hidden.update((node.name, node) for node in reversed(nodes) if isinstance(node, As) and isinstance(node.name, str))
    hidden.update((node.name, node) for node in reversed(nodes) if isinstance(node, Imported) and node.alias)
    return hidden


def _is_stage(b: Build, name: str, expect: Kind) -> tuple[str, ...]:
    """Help for the name of a stage where something else is wanted."""
    if expect.stages or b.catalogue.stage(name) is None:
        return ()
    return (f"`{name}` is a stage: it stands in a flow of the network, `-> {name}`",)


def _listed(words: tuple[str, ...]) -> str:
    if not words:
        return "there is nothing to choose from yet"
    listed = "it can be " + ", ".join(f"`{word}`" for word in words[:12])
    if len(words) > 12:
        listed += " ..."
    return listed


def name_span(node: TreeNode) -> Span:
    """Find the place where a declaration or statement names what it binds."""
    span: Span | None = getattr(node, "name_span", None)
    # A node that was made rather than parsed has its name nowhere in the text.
    if span is None or not span.end:
        return node.span
    return span
