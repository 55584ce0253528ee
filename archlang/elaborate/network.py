"""A checked file: a graph with its text, its dials and its warnings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from archlang.dataclass import dataclass
from archlang.diagnostics import ArchError, Diagnostic, error
from archlang.elaborate.build import Built, build, ranks
from archlang.graph.ir import Graph
from archlang.limits import DEFAULT, Limits
from archlang.ops import CATALOGUE
from archlang.ops.model import Catalogue
from archlang.ops.plugins import catalogue_with
from archlang.ops.values import show
from archlang.project.locating import Folders, Located, is_standard
from archlang.project.project import Project, open_held, open_project, open_text, reopened
from archlang.shapes import Dim
from archlang.source import Source
from archlang.syntax import parse
from archlang.syntax.lexing import WORDS
from archlang.syntax.tree import Expr, File, Import, Let, TreeNode

Dials = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Network:
    """A checked network. It needs no torch; `archlang.compile` makes a module of it.

    `limits` and `catalogue` are those that it was checked with.
    """

    graph: Graph
    project: Project
    given: Mapping[str, Expr]
    warnings: tuple[Diagnostic, ...]
    built: Built = field(repr=False)
    limits: Limits = DEFAULT
    catalogue: Catalogue = field(default=CATALOGUE, repr=False)

    settings: Mapping[str, str] = field(default_factory=dict)
    """The settings of its `train` that were given from outside its file, as they were written."""

    picture: ClassVar[Callable[[Network], str] | None] = None
    """The function that draws a network as SVG; whoever can draw puts it here."""

    def __repr__(self) -> str:
        """One line: name, dials, parameters, what enters and what leaves."""
        dials = ", ".join(f"{name} = {show(value)}" for name, value in self.dials.items())
        entering = ", ".join(f"{spec.name} {spec.type}" for spec in self.graph.inputs)
        leaving = ", ".join(f"{output.label} {self.graph.type(output.port)}" for output in self.graph.outputs)
        count = self.parameters
        if isinstance(count, int):
            count = f"{count:,}"  # type: ignore[assignment]  # a number as text
        return f"<Network {self.name}({dials}): {count} parameters, {entering} -> {leaving}>"

    def _repr_svg_(self) -> str | None:
        """The diagram, for a notebook."""
        if Network.picture is None:
            return None
        return Network.picture(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """A network is pickled as its text: rules of operations are functions, which no pickle holds.

        Raises `ArchError` (usage) for operations that no installed plug-in offers.
        """
        if catalogue_with(self.catalogue.plugins).ops.keys() != self.catalogue.ops.keys():
            raise ArchError(error("usage", "a network whose operations no installed plug-in offers cannot be pickled"))
        return _unpickled, (self.text, self.project.main.source.name, self.limits, self.catalogue.plugins)

    @property
    def name(self) -> str:
        """The network's name in the file."""
        return self.graph.name

    @property
    def dials(self) -> Mapping[str, object]:
        """The dials' values, given or by default."""
        return self.graph.dials

    @cached_property
    def tree(self) -> File:
        """One file that needs no other: imports written out, dials given from outside as defaults, no comments lost."""
        # Checking a file prints nothing: what prints is loaded where it is asked for.
        from archlang.project.flatten import flatten

        return flatten(self.project, self.given, self.built.codes, self.built.proposed, self.built.tables)

    @cached_property
    def text(self) -> str:
        """The tree in canonical form."""
        from archlang.syntax.printer import print_file

        return print_file(self.tree)

    @cached_property
    def reread(self) -> Network:
        """The network of the text alone, checked as a model file's is. Raises ArchError where it would be refused."""
        return loads(self.text, name="<model>", limits=self.limits.of_whole, catalogue=self.catalogue)

    @cached_property
    def listing(self) -> str:
        """The text as a reader wants it: imports of standard blocks stay imports, nothing else is needed."""
        imports = [item for item in self.project.main.of(Import) if isinstance(item, Import)]
        # Dials given from outside, codes that were searched for and files of the user's are not in its text.
        own_files = not all(is_standard(item) for item in imports)
        if self.given or self.built.codes or self.built.tables or own_files:
            return self.text

        from archlang.syntax.printer import print_file

        return print_file(self.project.main.file)

    @property
    def parameters(self) -> Dim:
        """Numbers in all parameters."""
        return self.graph.parameters

    @property
    def buffers(self) -> Dim:
        """Numbers in all buffers: running statistics and their counters."""
        return self.graph.buffers

    @property
    def flops(self) -> Dim:
        """Floating-point operations for one sample, a multiply-add as two."""
        return self.graph.flops

    @property
    def activation_bytes(self) -> Dim:
        """Bytes of every node's result for one sample in float32."""
        return self.graph.activation_bytes


def _unpickled(text: str, name: str, limits: Limits, plugins: tuple[str, ...]) -> Network:
    """The network that was pickled as this text."""
    return loads(text, name=name, limits=limits.of_whole, catalogue=catalogue_with(plugins))


def load(path: str | Path, dials: Dials | None = None, *, limits: Limits = DEFAULT,
         catalogue: Catalogue = CATALOGUE, folders: Folders = ()) -> Network:
    """Read and check a file; `folders` hold packages that it may import by name.

    Raises ArchError with every mistake in it.
    """
    try:
        project = opened(lambda: open_project(Path(path), limits, folders), limits, catalogue)
        return _checked(project, dials or {}, limits, catalogue)
    except ArchError as problem:
        file = _of_file(Path(path), folders)
        raise ArchError(_mended(problem.diagnostics, str(path), file, dials, limits, catalogue)) from None


def loads(text: str, dials: Dials | None = None, *, name: str = "<text>", limits: Limits = DEFAULT,
          catalogue: Catalogue = CATALOGUE, folders: Folders = ()) -> Network:
    """Check a text. Raises ArchError with every mistake in it.

    >>> net = loads("archlang 1\\nnetwork N { input x: [3, 8, 8]\\n output x -> conv(3x3, 4) -> batch_norm }")
    >>> net.parameters, net.buffers
    (116, 9)
    """
    try:
        project = opened(lambda: open_text(text, name, limits, folders), limits, catalogue)
        return _checked(project, dials or {}, limits, catalogue)
    except ArchError as problem:
        file = _of_text(name, folders)
        raise ArchError(_mended(problem.diagnostics, name, file, dials, limits, catalogue)) from None


def configured(net: Network, settings: Mapping[str, Any]) -> Network:
    """The network with settings of its `train` exchanged: `{"batch": 64, "optimizer.lr": 0.01, "all.epochs": 3}`.

    A string is read as an expression of the language. Raises ArchError: missing-train, unknown-setting, usage, and
    what checking the file raises.
    """
    if not settings:
        return net

    from archlang.project.settings import with_settings
    from archlang.syntax.printer import print_flat

    read = {name: _setting(name, value, net.limits) for name, value in settings.items()}
    project = with_settings(net.project, read)
    found = _checked(project, dict(net.given), net.limits, net.catalogue)
    return replace(found, settings={**net.settings, **{name: print_flat(let.value) for name, let in read.items()}})


def rebuilt(net: Network, file: File) -> Network:
    """The network of a file that was rewritten: printed, read and checked again, with the imports it had before."""
    from archlang.syntax.places import former_places
    from archlang.syntax.printer import print_file

    project = reopened(net.project, print_file(file), net.limits)
    # What trained weights follow into the new text.
    project.main.source.former.update(former_places(file, project.main.file))
    return _checked(project, dict(net.given), net.limits, net.catalogue)


def check(path: str | Path, dials: Dials | None = None, *, limits: Limits = DEFAULT,
          catalogue: Catalogue = CATALOGUE, folders: Folders = ()) -> tuple[Diagnostic, ...]:
    """Every mistake and warning of a file, which may be one of blocks alone."""
    # A text that cannot be parsed raises; whoever checks wants to see that mistake like any other.
    try:
        project = opened(lambda: open_project(Path(path), limits, folders), limits, catalogue)
        found = build(project, dial_expressions(dials or {}, limits), catalogue, limits).diagnostics
    except ArchError as problem:
        found = problem.diagnostics
    return _mended(found, str(path), _of_file(Path(path), folders), dials, limits, catalogue)


def check_text(text: str, dials: Dials | None = None, *, name: str = "<text>", limits: Limits = DEFAULT,
               catalogue: Catalogue = CATALOGUE, folders: Folders = ()) -> tuple[Diagnostic, ...]:
    """The same for a text."""
    try:
        project = opened(lambda: open_text(text, name, limits, folders), limits, catalogue)
        found = build(project, dial_expressions(dials or {}, limits), catalogue, limits).diagnostics
    except ArchError as problem:
        found = problem.diagnostics
    return _mended(found, name, _of_text(name, folders), dials, limits, catalogue)


Reread = Callable[[str, Limits], Project]
"""Reads a text that stands for a file, with the imports of that file."""


def _of_file(path: Path, folders: Folders) -> Reread:
    def reread(text: str, limits: Limits) -> Project:
        resolved = path.resolve()
        return open_held(Located(str(resolved), str(path), resolved, resolved.parent), text, limits, folders)

    return reread


def _of_text(name: str, folders: Folders) -> Reread:
    def reread(text: str, limits: Limits) -> Project:
        return open_text(text, name, limits, folders)

    return reread


def _mended(found: tuple[Diagnostic, ...], name: str, reread: Reread, dials: Dials | None, limits: Limits,
            catalogue: Catalogue) -> tuple[Diagnostic, ...]:
    """The mistakes of the text `name`, their mends tried; what was found, where there is no error."""
    source = next((one.primary.span.source for one in found if one.severity == "error" and one.primary is not None
                   and one.primary.span.source.name == name), None)
    if source is None:
        return found

    # Imported for a mistake alone, as all that explains them is.
    from archlang.elaborate.holding import bounded, with_mends_that_hold

    cheap = bounded(limits)

    def recheck(text: str) -> tuple[Diagnostic, ...]:
        try:
            return build(reread(text, cheap), dial_expressions(dials or {}, limits), catalogue, cheap).diagnostics
        except ArchError as problem:
            return problem.diagnostics

    return with_mends_that_hold(found, source, recheck, lambda name: catalogue.stage(name) is not None)


def opened(read: Callable[[], Project], limits: Limits, catalogue: Catalogue) -> Project:
    """The project that a function reads. Mistakes of its text are worded anew where it is Python."""
    try:
        return read()
    except ArchError as problem:
        # Imported for a mistake alone, as all that explains them is.
        from archlang.elaborate.python.refused import read_as_python

        def ranks_of(text: str) -> Mapping[str, int]:
            try:
                return ranks(build(open_text(text, "<rest>", limits), {}, catalogue, limits).graph)
            except ArchError:  # it has other mistakes of form
                return {}

        raise ArchError(read_as_python(problem.diagnostics, catalogue, ranks_of)) from None


def _checked(project: Project, dials: Dials, limits: Limits, catalogue: Catalogue) -> Network:
    given = dial_expressions(dials, limits)
    built = build(project, given, catalogue, limits)
    if any(diagnostic.severity == "error" for diagnostic in built.diagnostics):
        raise ArchError(built.diagnostics)

    # A file of blocks alone is right, and can be checked; it cannot be loaded.
    if project.main.network is None:
        message = f"{project.main.source.name} declares no network"
        help = "it can be imported by a file that does: `network Name { ... }`"
        raise ArchError(error("missing-network", message, project.main.file.span, help=help))
    return Network(built.graph, project, given, built.diagnostics, built, limits, catalogue)


def dial_expressions(dials: Dials, limits: Limits) -> dict[str, Expr]:
    """Each dial's value as an expression of the language; a string is read as one. Raises ArchError (bad-dial)."""
    return {name: _expression(name, value, limits) for name, value in dials.items()}


def _expression(name: str, value: object, limits: Limits) -> Expr:
    if isinstance(value, TreeNode):
        return value  # type: ignore[return-value]  # an expression that was read before

    written = value
    if not isinstance(written, str):
        written = show(value)
    let = _let(f"<dial {name[:64]}>", name, written, limits)
    if let is None:
        message = f"the value of the dial `{name[:64]}` is not an expression: {written[:80]!r}"
        raise ArchError(error("bad-dial", message))
    return let.value


def _setting(name: str, value: object, limits: Limits) -> Let:
    """A setting's value as it would stand in a file. Raises ArchError (usage)."""
    written = value
    if not isinstance(written, str):
        written = show(value)

    parts = name.split(".")
    let = _let(f"<setting {name[:64]}>", parts[-1], written, limits)
    if not all(re.fullmatch(_NAME, part, re.ASCII) for part in parts):
        raise ArchError(error("usage", f"`{name[:64]}` is no name of a setting",
                              help="such as `batch`, `optimizer.lr`, or `all.epochs` for the phase `all`"))
    if let is None:
        message = f"the value of the setting `{name[:64]}` is not an expression: {written[:80]!r}"
        raise ArchError(error("usage", message))
    return let


_NAME = r"[A-Za-z_]\w{0,63}"


def _let(place: str, name: str, written: str, limits: Limits) -> Let | None:
    """A value that stands in no file, in the `let` of a text of its own; None where it is no expression."""
    # The name stands in the text that messages quote, unless it would be no name there.
    called = "value"
    if re.fullmatch(_NAME, name, re.ASCII) and name not in WORDS:
        called = name

    source = Source(place, f"archlang 1\nlet {called} = {written}\n")
    try:
        declarations = parse(source, limits).declarations
    except ArchError:
        return None

    # A value with a line of its own behind it, "3\nlet x = 4", would bring in more than a value.
    if len(declarations) != 1 or not isinstance(declarations[0], Let):
        return None
    return declarations[0]
