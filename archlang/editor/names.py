"""The names of a file: what binds each, where it is used, and which scope it belongs to.

The rules are those of `elaborate/`: a file's names are known everywhere in it, a block sees its parameters and the
file's, braces and loops add their own, `train { }` sees the network's. A test compares every use with the compiler's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from archlang.source import Span
from archlang.syntax.tree import (
    Argument,
    Bind,
    Block,
    Body,
    Call,
    CodeDeclaration,
    File,
    For,
    Import,
    Imported,
    Input,
    Layer,
    Let,
    Name,
    NetworkDeclaration,
    Output,
    Parameter,
    Stretch,
    Train,
    TreeNode,
)
from archlang.syntax.walk import children, walk

Sort = Literal["import", "let", "layer", "block", "code", "network", "parameter", "dial", "tensor", "input", "size",
               "loop", "output"]


@dataclass(eq=False)
class Binding:
    """A name that a file binds.

    span     the name where it is bound
    uses     every other place that means it
    seen     the part of the text in which it can be used
    """

    name: str
    sort: Sort
    span: Span
    node: TreeNode
    seen: Span
    uses: list[Span] = field(default_factory=list)

    @property
    def places(self) -> tuple[Span, ...]:
        """The name where it is bound and where it is used."""
        return (self.span, *self.uses)


@dataclass(frozen=True)
class NamedArgument:
    """An argument that is given by name, in a call of something that the file binds or of the catalogue's."""

    callee: Name
    name: str
    span: Span


@dataclass
class _Names:
    """The names of one pair of braces; `outer` holds those around it."""

    outer: _Names | None
    seen: Span
    found: dict[str, Binding] = field(default_factory=dict)

    def get(self, name: str) -> Binding | None:
        scope: _Names | None = self
        while scope is not None:
            if name in scope.found:
                return scope.found[name]
            scope = scope.outer
        return None


class FileNames:
    """Every binding of a file, every name that means none of them, and the arguments that are given by name.

    bindings   in the order of the text
    foreign    names in use that the file does not bind: the catalogue's, words, mistakes
    arguments  those given by name
    """

    def __init__(self, file: File) -> None:
        self.file = file
        self.bindings: list[Binding] = []
        self.foreign: list[Name] = []
        self.arguments: list[NamedArgument] = []
        self.meaning: dict[tuple[int, int], Binding] = {}  # by start and end of a name
        self._top = _Names(None, file.span)
        self._network = self._top
        self._read()

    # --- questions -----------------------------------------------------------------------------------------------

    def at(self, offset: int) -> tuple[Binding, Span] | None:
        """The binding that is meant at a place, and the name there; the place behind a name counts as well."""
        for binding in self.bindings:
            for span in binding.places:
                if span.start <= offset <= span.end:
                    return binding, span
        return None

    def argument_at(self, offset: int) -> NamedArgument | None:
        """The name of an argument at a place."""
        return next((one for one in self.arguments if one.span.start <= offset <= one.span.end), None)

    def visible(self, offset: int) -> Iterator[Binding]:
        """The bindings that can be used at a place, inner ones first."""
        around = [b for b in self.bindings if b.seen.start <= offset <= b.seen.end]
        # A `train` sees the network's names, wherever both stand.
        if any(isinstance(d, Train) and d.span.start <= offset <= d.span.end for d in self.file.declarations):
            around += [b for b in self.bindings if b.seen is self._network.seen and b not in around]
        yield from sorted(around, key=lambda b: b.seen.end - b.seen.start)

    def of(self, name: str) -> Binding | None:
        """The file's own declaration of a name, which others may import."""
        return self._top.found.get(name)

    def meant(self, name: Name) -> Binding | None:
        """The binding that a name in use means."""
        return self.meaning.get((name.span.start, name.span.end))

    # --- reading ---------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        for item in self.file.declarations:
            self._declare(item)
        for item in self.file.declarations:
            match item:
                case Let() | CodeDeclaration():
                    self._use(item.value, self._top)
                case Block():
                    inner = self._parameters(item.parameters, "parameter", item.span, self._top)
                    self._use(item.body, inner)
                case NetworkDeclaration():
                    dials = self._parameters(item.dials, "dial", item.span, self._top)
                    self._network = self._statements(item.body, dials)

        # Last, as it sees the names of the network wherever it stands.
        for item in self.file.declarations:
            if isinstance(item, Train):
                self._train(item.body, _Names(self._network, item.span))

    def _declare(self, item: TreeNode) -> None:
        match item:
            case Import():
                for one in item.names:
                    self._bind(self._top, one.alias or one.name, "import", imported_as(one), one)
            case Let():
                self._bind(self._top, item.name, "let", item.name_span, item)
            case Block():
                self._bind(self._top, item.name, "block", item.name_span, item)
            case CodeDeclaration():
                self._bind(self._top, item.name, "code", item.name_span, item)

            case NetworkDeclaration():
                # Nothing in a file can use it, so that it may be called as a block is.
                self._add(Binding(item.name, "network", item.name_span, item, item.name_span))

    def _bind(self, scope: _Names, name: str, sort: Sort, span: Span, node: TreeNode) -> None:
        if name in scope.found:  # bound twice, which is a mistake: the first one counts
            self._refer(scope.found[name], span)
            return
        scope.found[name] = Binding(name, sort, span, node, scope.seen)
        self._add(scope.found[name])

    def _add(self, binding: Binding) -> None:
        self.bindings.append(binding)
        self.meaning[binding.span.start, binding.span.end] = binding

    def _refer(self, binding: Binding, span: Span) -> None:
        binding.uses.append(span)
        self.meaning[span.start, span.end] = binding

    def _parameters(self, parameters: Iterable[Parameter], sort: Sort, seen: Span, outer: _Names) -> _Names:
        scope = _Names(outer, seen)
        for parameter in parameters:
            self._bind(scope, parameter.name, sort, _head(parameter.span, parameter.name), parameter)
        for parameter in parameters:
            if parameter.default is not None:
                self._use(parameter.default, scope)
        return scope

    def _statements(self, body: Body, outer: _Names) -> _Names:
        """Bind the names of a body, read what its statements use, and return its scope."""
        scope = _Names(outer, body.span)
        for statement in body.statements:
            match statement:
                case Let():
                    self._bind(scope, statement.name, "let", statement.name_span, statement)
                case Layer():
                    self._bind(scope, statement.name, "layer", statement.name_span, statement)
                case Bind():
                    self._bind(scope, statement.name, "tensor", statement.name_span, statement)
                case Input():
                    self._bind(scope, statement.name, "input", statement.name_span, statement)

        # The further outputs have names for `train` alone; one that repeats a tensor's name means the tensor there.
        outputs = [s for s in body.statements if isinstance(s, Output) and s.name is not None]
        for statement in body.statements:
            if isinstance(statement, Input):
                self._sizes(statement, scope)
            elif isinstance(statement, Let | Layer | Bind | Output):
                self._use(statement.value, scope)
        return self._outputs(outputs, scope)

    def _outputs(self, outputs: list[Output], scope: _Names) -> _Names:
        seen = _Names(scope, scope.seen)
        for output in outputs:
            assert output.name is not None
            if output.name in scope.found:
                self._add(Binding(output.name, "output", output.name_span, output, output.name_span))
            else:
                self._bind(seen, output.name, "output", output.name_span, output)
        return seen

    def _sizes(self, statement: Input, scope: _Names) -> None:
        """A name in a size that nothing binds is a symbol: its first place binds it."""
        for node in walk(statement.sizes):
            if isinstance(node, Name) and scope.get(node.text) is None:
                self._bind(scope, node.text, "size", node.span, node)
            elif isinstance(node, Name):
                self._name(node, scope)
        for argument in statement.arguments or ():
            self._use(argument.value, scope)
        if statement.where is not None:
            self._use(statement.where, scope)

    def _train(self, body: Body, scope: _Names) -> None:
        for statement in body.statements:
            if isinstance(statement, Let):
                self._bind(scope, statement.name, "let", statement.name_span, statement)
        for statement in body.statements:
            match statement:
                case Let() | Bind():  # a setting is no name that could be used
                    self._use(statement.value, scope)
                case Stretch():
                    self._train(statement.body, _Names(scope, statement.span))

    def _use(self, node: TreeNode, scope: _Names) -> None:
        """Read the names that an expression or a pair of braces uses."""
        waiting: list[tuple[TreeNode, _Names]] = [(node, scope)]
        while waiting:
            one, names = waiting.pop()
            match one:
                case Name():
                    self._name(one, names)
                    continue
                case Body() if one.statements:
                    self._statements(one, names)
                    continue
                case For():
                    waiting.append((one.values, names))
                    inner = _Names(names, one.span)
                    for loop_name in one.names:
                        self._bind(inner, loop_name.name, "loop", loop_name.span, loop_name)
                    waiting.append((one.body, inner))
                    continue
                case Call():
                    self._given(one)

            # Reversed, as the last one is taken first: symbols and loops are bound in the order of the text.
            waiting += [(child, names) for child in reversed(children(one))]

    def _name(self, node: Name, scope: _Names) -> None:
        binding = scope.get(node.text)
        if binding is None:
            self.foreign.append(node)
        else:
            self._refer(binding, node.span)

    def _given(self, call: Call) -> None:
        if not isinstance(call.callee, Name):
            return
        for argument in call.arguments or ():
            if argument.name is not None:
                self.arguments.append(NamedArgument(call.callee, argument.name, name_place(argument)))


def name_place(argument: Argument) -> Span:
    """The place of an argument's name."""
    assert argument.name is not None
    if argument.name_span.end:
        return argument.name_span
    return _head(argument.span, argument.name)


def imported_as(one: Imported) -> Span:
    """The place of the name that an import binds: that behind `as`, where there is one."""
    if one.alias is None:
        return _head(one.span, one.name)
    return Span(one.span.source, one.span.end - len(one.alias), one.span.end)


def imported_name(one: Imported) -> Span:
    """The place of the name that an import reads in the other file."""
    return _head(one.span, one.name)


def name_span_of(parameter: Parameter) -> Span:
    """The place of a parameter's name, without its default."""
    return _head(parameter.span, parameter.name)


def _head(span: Span, name: str) -> Span:
    """The name at the beginning of a span."""
    return Span(span.source, span.start, span.start + len(name))
