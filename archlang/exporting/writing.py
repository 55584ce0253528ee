"""Classes as source: constructor, `forward`, docstring; and the whole file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from torch import nn

from archlang.exporting.classes import CONDITION, MODULES, ClassForm, Instance, Slot, scope_name
from archlang.exporting.construction import Construction, refused
from archlang.exporting.fitting import plain, same
from archlang.exporting.forward import Forward
from archlang.exporting.layout import BracketedText, Framed, laid_out
from archlang.exporting.library import Library
from archlang.exporting.lines import Item
from archlang.exporting.parameters import inner_first, numbers
from archlang.exporting.scopes import ScopeCall, relative
from archlang.exporting.starts import start_line
from archlang.exporting.steps import ModelStep, Path, Program
from archlang.exporting.wording import class_name, construction, docstring, literal, unique

STRUCTURAL = frozenset({
    "each", "shared", "parallel", "layers", "residual", "loop", "repeat", "branches", "experts", "route", "fork",
})
"""Names that the language gives to scopes."""

Homes = dict[str, Any]
"""Modules of a class by the parts of their paths: the index of an item, or what lies further in."""


class Writer:
    """Writes the classes of a network.

    Args:
        root: the network.
        program: what it calculates.
        library: what the file needs beside the classes.
    """

    def __init__(self, root: Instance, program: Program, library: Library) -> None:
        self.root, self.program, self.library = root, program, library
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


class _Class:
    """Writes one class."""

    def __init__(self, writer: Writer, plan: ClassForm) -> None:
        self.writer, self.plan, self.library = writer, plan, writer.library
        self.base = plan.base
        self.call = self.base.call
        self.is_root = plan is writer.root.plan
        self.values = numbers(self.base)
        self.kinds: dict[Path, str] = {}
        self.homes: Homes = {}
        self.fields: dict[Slot, str] = {}
        self._settle()

    def _settle(self) -> None:
        """Find the place of every module, and the numbers that `forward` needs."""
        for n, item in enumerate(self.call.items):
            if not _is_module(item):
                continue
            *outer, last = relative(item, self.call)
            home = self.homes
            for part in outer:
                home = home.setdefault(part, {})
                if not isinstance(home, dict):
                    raise refused(f"`{'.'.join(item.path)}` stands inside a module that is called itself")
            if isinstance(home.get(last), dict):
                raise refused(f"`{'.'.join(item.path)}` is called and holds modules")
            home.setdefault(last, n)
        self._find_kinds(self.homes, ())

        for slot, text in self.plan.texts.items():
            if slot[1].startswith("@") and text is not None:
                name = text
                # `2 * c` is no name of an attribute: it is called by what it is for.
                if not text.isidentifier():
                    name = f"{scope_name(self.call.items[slot[0]].path)}_{slot[1][1:]}"
                while name in self.homes or name in self.fields.values():
                    name += "_"
                self.fields[slot] = name

    def _find_kinds(self, homes: Homes, path: Path) -> None:
        for part, inner in homes.items():
            if isinstance(inner, dict):
                here = (*path, part)
                counted = sorted(inner) == sorted(map(str, range(len(inner))))
                kind = "dict"
                if counted:
                    kind = "list"
                self.kinds[(*self.call.path, *here)] = kind
                self._find_kinds(inner, here)

    # --- the constructor --------------------------------------------------------------------------------------------

    def number(self, slot: Slot, value: object) -> str:
        """A number of the body: an expression of parameters, or itself."""
        text = self.plan.texts.get(slot)
        if text is None:
            return literal(value, self.library)
        return text

    def constructor(self) -> list[str]:
        """The lines of `__init__`."""
        lines = ["        super().__init__()"]
        for field, text in self._field_texts().items():
            lines.append(f"        self.{field} = {text}")
        for part, home in self.homes.items():
            if isinstance(home, int) and self._step(home) is not None and self._step(home).kind == "tensor":  # type: ignore[union-attr]
                lines += self._tensor(part, home)
                continue
            lines += laid_out(f"self.{part} = ", self._home(home, (part,)), 8)

        for n, item in enumerate(self.call.items):
            if isinstance(item, ModelStep) and item.made is not None and self._first(n):
                name = Forward.module(self._forward(), relative(item, self.call))
                lines += [f"        {start_line(f'{name}.{weight}', option, self.library)}"
                          for weight, option in item.made.starts.items()]
        if len(lines) == 1 and not self.plan.parameters:
            return []
        return [self._signature(), *lines]

    def _step(self, n: int) -> ModelStep | None:
        item = self.call.items[n]
        if isinstance(item, ModelStep):
            return item
        return None

    def _first(self, n: int) -> bool:
        """Tell whether an item is the first call of its module in this class."""
        path = self.call.items[n].path
        return all(item.path != path or not _is_module(item) for item in self.call.items[:n])

    def _field_texts(self) -> Mapping[str, str]:
        return {field: str(self.plan.texts[slot]) for slot, field in self.fields.items()}

    def _tensor(self, name: str, n: int) -> list[str]:
        """A weight of the class itself."""
        step = self._step(n)
        assert step is not None and step.made is not None
        given = {key: self.number((n, key), value) for key, value in step.made.arguments.items()}
        self.library.names.update(("torch", "nn"))
        zeros = f"torch.zeros({given['shape']}, dtype={step.made.arguments['dtype']})"
        if step.made.arguments["trained"]:
            return [f"        self.{name} = nn.Parameter({zeros})"]
        return [f'        self.register_buffer("{name}", {zeros})']

    def _home(self, home: Any, path: Path) -> str | BracketedText:
        """The expression that makes a module, or the list or dict of modules at a path."""
        if isinstance(home, int):
            return self._item(home)

        self.library.names.add("nn")
        if self.kinds[(*self.call.path, *path)] == "dict":
            members = [(key, self._home(inner, (*path, key))) for key, inner in home.items()]
            return BracketedText("nn.ModuleDict({", [Framed(f'"{key}": ', piece, "") for key, piece in members], "})")

        pieces = [self._home(home[str(n)], (*path, str(n))) for n in range(len(home))]
        runs = [list(run) for _, run in groupby(pieces, str)]
        if len(runs) == 1 and len(pieces) > 1:
            return BracketedText("nn.ModuleList(", [Framed("", pieces[0], f" for _ in range({len(pieces)})")], ")")
        parts: list[str | BracketedText | Framed] = []
        for run in runs:
            # Two of a kind are shorter written out.
            if len(run) > 2:
                parts.append(Framed("*(", run[0], f" for _ in range({len(run)}))"))
            else:
                parts += run
        return BracketedText("nn.ModuleList([", parts, "])")

    def _item(self, n: int) -> str | BracketedText:
        """The expression that makes the module of an item."""
        item = self.call.items[n]
        if isinstance(item, ModelStep):
            piece: str | BracketedText = self._module(item.made, lambda key, value: self.number((n, key), value))
        else:
            piece = self._child(self.plan.children[n], self.base.children[n], (n, ""))

        test = self.plan.texts.get((n, CONDITION))
        if test is None:
            return piece
        return BracketedText("(", [Framed("", piece, ""), f"if {test}", "else nn.Identity()"], ")")

    def _child(self, plan: ClassForm, instance: Instance, at: Slot) -> str | BracketedText:
        """The expression that makes a module of a class, or a chain. `at` says where its numbers stand here."""
        n, prefix = at
        if not plan.flat:
            return self._instance(plan, instance, at)

        parts: list[Framed] = []
        for m, item in enumerate(plan.call.items):
            here = f"{prefix}{m}/"
            if isinstance(item, ScopeCall):
                piece = self._child(plan.children[m], instance.children[m], (n, here))
            elif item.made is None:
                piece = self._flatten(instance.call.items[m], (n, here))
            else:
                made = instance.call.items[m].made  # type: ignore[union-attr]
                piece = self._module(made, lambda key, value, here=here: self.number((n, here + key), value))
            # A module without weights has no name in a state_dict.
            if len(plan.call.items) == 1 and isinstance(item, ModelStep) and not item.weights:
                return piece
            parts.append(Framed(f"{relative(item, plan.call)[0]}=", piece, ""))
        self.library.names.add("nn")
        self.library.imports.add(("collections", "OrderedDict", "OrderedDict"))
        return BracketedText("nn.Sequential(", [BracketedText("OrderedDict(", parts, ")")], ")")

    def _flatten(self, item: Item, at: Slot) -> str:
        """The module of a function that has one."""
        assert isinstance(item, ModelStep) and item.target in MODULES
        given = {str(key): self.number((at[0], f"{at[1]}@{key}"), value) for key, value in item.kwargs.items()}
        return str(self._module(Construction(nn.Flatten, given), lambda key, value: str(value)))

    def _module(self, made: Construction | None, text: Any) -> BracketedText:
        assert made is not None
        texts = {key: text(key, plain(value, made.target)) for key, value in made.arguments.items()}
        return construction(made.target, texts, self.library)

    def _instance(self, plan: ClassForm, instance: Instance, at: Slot) -> BracketedText:
        """The call of a class of the file: two arguments by place, the others by name."""
        n, prefix = at
        given: list[str] = []
        for name in _ordered(plan):
            text = self.number((n, prefix + name), instance.given[name])
            default = plan.defaults.get(name)
            if name in plan.defaults and self.plan.texts.get((n, prefix + name)) is None \
                    and same(default, instance.given[name]):
                continue
            if len(given) < 2 and name not in plan.defaults:
                given.append(text)
            else:
                given.append(f"{name}={text}")
        return BracketedText(f"{plan.name}(", given, ")")

    def _signature(self) -> str:
        """The line of `__init__`."""
        words = ["self"]
        for name in _ordered(self.plan):
            values = [instance.given[name] for instance in self.plan.instances]
            word = f"{name}: {_annotation(values)}"
            if name in self.plan.defaults:
                word += f" = {literal(self.plan.defaults[name], self.library)}"
            words.append(word)
        return f"    def __init__({', '.join(words)}) -> None:"

    # --- forward, and the whole class -------------------------------------------------------------------------------

    def _forward(self) -> Forward:
        names: list[str] = []
        if self.is_root:
            names = [name for name, _ in self.writer.program.inputs]
        return Forward(self.plan, self.library, self.kinds, self.fields, names)

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
            return self.writer.program.doc or f"The network `{self.writer.program.name}`."
        if frame is not None:
            # What stands behind is an example in the language of the file.
            return (frame.doc or "").partition("\n\n  Example:")[0].partition("\nExample:")[0].strip() \
                or f"The block `{frame.block}`."
        if self.call.around is not None:
            return f"The part `{scope_name(self.call.path)}` of the block `{self.call.around.block}`."
        return f"The part `{'.'.join(self.call.path)}` of the network."


def _is_module(item: Item) -> bool:
    """Tell whether an item has a place among the modules."""
    return isinstance(item, ScopeCall) or item.made is not None


def _ordered(plan: ClassForm) -> list[str]:
    """The parameters of a constructor, those with defaults last."""
    return sorted(plan.parameters, key=lambda name: name in plan.defaults)


def defaults(plans: Sequence[ClassForm], root: Instance) -> None:
    """Find the defaults of constructors: the dials' values for the network, for blocks what most uses leave away."""
    for plan in plans:
        if plan is root.plan:
            plan.defaults = dict(root.given)
            continue
        for name in plan.parameters:
            values = [instance.given[name] for instance in plan.instances if _left_away(instance, name)]
            counts = Counter(map(repr, values))
            if values and len(counts) == 1:
                plan.defaults[name] = values[0]


def _left_away(instance: Instance, name: str) -> bool:
    """Tell whether a use of a block does not give a parameter."""
    frame = instance.call.frame
    return frame is not None and name in frame.known and name not in dict(frame.values)


def _annotation(values: Sequence[object]) -> str:
    """The type of a parameter."""
    kinds = []
    for value in values:
        kind = type(value).__name__
        if isinstance(value, tuple):
            kind = "tuple[int, ...]"
        if value is None:
            kind = "None"
        kinds.append(kind)
    return " | ".join(sorted(set(kinds), key=lambda kind: (kind == "None", kind)))
