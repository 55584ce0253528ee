"""Classes as source: constructor, `forward`, docstring; and the whole file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archlang.exporting.classes import ClassForm, Instance, scope_name
from archlang.exporting.constructors import Constructor
from archlang.exporting.library import Library
from archlang.exporting.parameters import inner_first
from archlang.exporting.steps import Program
from archlang.exporting.wording import class_name, docstring, unique

STRUCTURAL = frozenset({
    "each", "shared", "parallel", "layers", "residual", "loop", "repeat", "branches", "experts", "route", "fork",
})
"""Names that the language gives to scopes."""

class Writer:
    """Writes the classes of a network.

    Args:
        root: the network.
        program: what it calculates.
        library: what the file needs beside the classes.
        fixed: the dials of the network that are no arguments.
    """

    def __init__(self, root: Instance, program: Program, library: Library, fixed: Sequence[str] = ()) -> None:
        self.root, self.program, self.library, self.fixed = root, program, library, fixed
        self.plans = [plan for plan in inner_first(root.plan) if not plan.flat]
        self.sizes = {step.name for step in program.steps if step.kind == "size"}

    def classes(self) -> list[str]:
        """The text of every class, each behind those that it uses."""
        # What comes out of the library has its name already: it is found by a first walk over all modules.
        for plan in self.plans:
            _Class(self, plan).constructor()
        taken = {*self.library.taken, "Tensor", "OrderedDict"}
        self.root.plan.name = unique(class_name(self.program.name), taken)
        for plan in self.plans:
            if plan is not self.root.plan:
                plan.name = unique(class_name(_title(plan)), taken)
        return ["\n".join(_Class(self, plan).text()) for plan in self.plans]

    def uneven(self, results: Sequence[Any]) -> ClassForm | None:
        """A class whose modules differ in their `forward`, for all that their rows have other lengths; None if none.

        `results` is what the network returns in each of its variants.
        """
        for plan in self.plans:
            texts: dict[tuple[int, ...], list[str]] = {}
            for instance in plan.instances:
                lengths = tuple(map(len, instance.groups))
                # A row of one has no loop of its own: nothing can be read off it.
                if lengths in texts or any(one == 1 < most for one, most in zip(lengths, map(len, plan.base.groups),
                                                                                strict=True)):
                    continue
                texts[lengths] = _Class(self, plan, instance).body(results[instance.variant])
            if any(text != next(iter(texts.values())) for text in texts.values()):
                return plan
        return None


def _title(plan: ClassForm) -> str:
    """Find the name for a class: its block's, or the scope's; one called by a word of the language says whose it is."""
    if plan.call.frame is not None:
        return plan.call.frame.block
    names = [part for part in plan.call.path if not part.isdigit()]
    if plan.call.around is not None:
        return f"{plan.call.around.block}_{names[-1]}"
    while len(names) > 1 and names[-1].partition("_")[0] in STRUCTURAL and names[-2].partition("_")[0] in STRUCTURAL:
        del names[-2]
    if names[-1].partition("_")[0] in STRUCTURAL:
        return "_".join(names[-2:])
    return names[-1]

class _Class(Constructor):
    """Writes one class, as one of its modules has it: `base`, the largest where none is given."""

    def __init__(self, writer: Writer, plan: ClassForm, base: Instance | None = None) -> None:
        super().__init__(plan, writer.library, [name for name, _ in writer.program.inputs], base)
        self.writer = writer

    def body(self, result: Any) -> list[str]:
        """The lines of `forward`; `result` is what the network returns."""
        if not self.is_root:
            result = None
        return self._forward().write(result)

    def text(self) -> list[str]:
        """The lines of the class."""
        forward = self._forward()
        result = None
        if self.is_root:
            result = self.writer.program.result
        body = forward.write(result)
        self.library.names.add("nn")
        self.library.imports.add(("torch", "Tensor", "Tensor"))

        words = ["self"]
        start = 0
        for name, size in zip(forward.inputs, self.call.groups, strict=True):
            kind = "Tensor"
            if size > 1:
                kind = "Sequence[Tensor]"
                self.library.imports.add(("collections.abc", "Sequence", "Sequence"))
            if self.call.inputs[start].step in self.writer.sizes:
                kind = "int"
            start += size
            words.append(f"{name}: {kind}")
        signature = f"    def forward({', '.join(words)}) -> {self._returns(result)}:"

        constructor = self.constructor()
        lines = [f"class {self.plan.name}(nn.Module):", *docstring(self._doc(), 4), ""]
        if constructor:
            lines += [*constructor, ""]
        return [*lines, signature, *(f"        {line}" for line in body)]

    def _returns(self, result: Any) -> str:
        if not self.is_root:
            if len(self.call.outputs) == 1:
                return "Tensor"
            self.library.imports.add(("collections.abc", "Sequence", "Sequence"))
            return "Sequence[Tensor]"
        if isinstance(result, Mapping):
            inner = {"Tensor" if not isinstance(value, tuple) else "tuple[Tensor, ...]" for value in result.values()}
            return f"dict[str, {' | '.join(sorted(inner))}]"
        if isinstance(result, tuple):
            return "tuple[Tensor, ...]"
        return "Tensor"

    def _doc(self) -> str:
        frame = self.call.frame
        if self.is_root:
            doc = self.writer.program.doc or f"The network `{self.writer.program.name}`."
            if self.writer.fixed:
                names = ", ".join(f"`{name}`" for name in self.writer.fixed)
                doc += f"\n\nFixed in this form: {names}."
            return doc
        if frame is not None:
            # What stands behind is an example in the language of the file.
            return (frame.doc or "").partition("\n\n  Example:")[0].partition("\nExample:")[0].strip() \
                or f"The block `{frame.block}`."
        if self.call.around is not None:
            return f"The part `{scope_name(self.call.path)}` of the block `{self.call.around.block}`."
        return f"The part `{'.'.join(self.call.path)}` of the network."
