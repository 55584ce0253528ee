"""Transformations: network in, network out, by way of the tree, so that blocks and loops stay as they are written."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from archlang.diagnostics import ArchError, Diagnostic
from archlang.elaborate.network import Network, rebuilt
from archlang.passes.base import Pass, does_not_apply
from archlang.passes.catalogue import PASSES, PassCatalogue
from archlang.syntax.tree import File
from archlang.syntax.tree import NetworkDeclaration as NetworkTree

refuse = does_not_apply


@dataclass(frozen=True)
class Transformation(Pass[Network, Network]):
    """Base of all transformations. What comes out is printed, read and checked like any file."""

    subject: ClassVar[Literal["network", "model"]] = "network"

    copies: ClassVar[str] = ""
    """The structure of the language whose members start as copies, or as parts, of what stood there before."""

    @property
    def even(self) -> bool:
        """True where new gates must weigh all members alike at first, for copies to be together what one was."""
        return False

    @abstractmethod
    def run(self, net: Network) -> File:
        """The main file, rewritten. Only called where `requires` is empty."""

    def applied(self, subject: Network, inputs: Sequence[Any] | None) -> Network:  # noqa: ARG002 - of models
        """The network of the rewritten file. Raises ArchError (pass-does-not-apply) for one with a mistake in it."""
        # The old file's remarks are gone: the counts they quote are of another network.
        file = _with_new_docs(self.run(subject), f"{subject.name}, made over by `{self}`.")
        try:
            return rebuilt(subject, file)
        except ArchError as problem:
            raise ArchError(self._wrong(problem)) from problem

    def ensures(self, before: Network, after: Network) -> list[str]:
        """Inputs and outputs keep their types."""
        claims = []
        # By type, not by name: a pass may rename what stands between, and must keep what users feed and read.
        if [spec.type for spec in before.graph.inputs] != [spec.type for spec in after.graph.inputs]:
            claims.append("the inputs have changed")
        if output_types(before) != output_types(after):
            claims.append("the outputs have changed")
        return claims

    def _wrong(self, problem: ArchError) -> Diagnostic:
        """The refusal of a network in which the pass would write a mistake, with the line that it would write."""
        first = next((d for d in problem.diagnostics if d.severity == "error"), problem.diagnostics[0])
        notes = [f"{first.name}: {first.message}"]
        if first.primary is not None:
            # The span belongs to a text that nobody has seen: its line is shown, its number would mislead.
            span = first.primary.span
            notes.append(f"in the line it would write: {span.source.line(span.line).strip()}")
        return refuse(f"`{self}` would make a network of this one that does not check", notes=notes)


def output_types(net: Network) -> list[object]:
    """The types of a network's outputs, in their order."""
    return [net.graph.type(output.port) for output in net.graph.outputs]


def apply(net: Network, what: str | Pass[Any, Any], passes: PassCatalogue = PASSES) -> Network:
    """The network after a transformation, checked.

    Raises ArchError: unknown-pass, pass-does-not-apply, or the mistakes of the text that names the pass.
    """
    if isinstance(what, str):
        chosen = passes.parse(what)
    else:
        chosen = what
    if not isinstance(chosen, Transformation):  # a rewriting, which is not imported here: it needs torch
        raise ArchError(refuse(f"`{chosen.name}` rewrites a model, and this is a network",
                               help="compile it first: `archlang compile FILE -o MODEL.safetensors`"))
    return chosen(net)


def _with_new_docs(file: File, doc: str) -> File:
    """The file without what was said of it and of its network before: counts above all would no longer be true."""
    declarations = []
    for declaration in file.declarations:
        if isinstance(declaration, NetworkTree):
            body = declaration.body
            # `doc and doc`: only where there was a text is there one afterwards.
            declaration = replace(
                declaration, doc=declaration.doc and doc, body=replace(body, doc=body.doc and doc))
        declarations.append(declaration)
    return replace(file, declarations=tuple(declarations), doc=file.doc and doc)

