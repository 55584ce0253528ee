"""The constructor of a class as source: modules, lists of them, weights of its own, initial values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from torch import nn

from archlang.exporting.classes import CONDITION, MODULES, ClassForm, Instance, scope_name
from archlang.exporting.construction import Construction, refused
from archlang.exporting.fitting import plain, same
from archlang.exporting.forms import COUNT, Slot, indices
from archlang.exporting.forward import Forward
from archlang.exporting.layout import BracketedText, Framed, laid_out
from archlang.exporting.library import Library
from archlang.exporting.lines import Item
from archlang.exporting.parameters import numbers
from archlang.exporting.scopes import ScopeCall, relative
from archlang.exporting.signatures import annotation, ordered
from archlang.exporting.starts import start_line
from archlang.exporting.steps import ModelStep, Path
from archlang.exporting.wording import construction, literal

Homes = dict[str, Any]
"""Modules of a class by the parts of their paths: the index of an item, or what lies further in."""


class Constructor:
    """Writes the constructor of a class, as one of its modules has it.

    Args:
        plan: the class.
        library: what the file needs beside the classes.
        names: the inputs' names, for the network itself.
        base: the module; the largest where none is given.
    """

    def __init__(self, plan: ClassForm, library: Library, names: Sequence[str], base: Instance | None = None) -> None:
        self.plan, self.library, self.names = plan, library, names
        self.base = base or plan.base
        self.call = self.base.call
        self.group = indices(self.base.groups)
        self.is_root = not self.call.path
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
                    name = f"{scope_name(self.base.item(slot[0]).path)}_{slot[1][1:]}"
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

        for n in range(len(self.call.items)):
            lines += [f"        {line}" for line in self._starts(n)]
        if len(lines) == 1 and not self.plan.parameters:
            return []
        return [self._signature(), *lines]

    def _starts(self, n: int) -> list[str]:
        """The lines that set the initial weights of an item; of a row of any length those of its first say all."""
        item = self.call.items[n]
        if isinstance(item, ScopeCall) or item.made is None or not item.made.starts or not self._first(n):
            return []

        where = relative(item, self.call)
        module = self._forward().module(where)
        if not self._count(n):
            return [start_line(f"{module}.{weight}", option, self.library)
                    for weight, option in item.made.starts.items()]
        if n != self.base.groups[self.group[n]][0]:
            return []
        holder = self._forward().module(where[:-1])
        if where[-1] != "0":
            holder += f"[{where[-1]}:]"
        return [f"for part in {holder}:", *(f"    {start_line(f'part.{weight}', option, self.library)}"
                                            for weight, option in item.made.starts.items())]

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
        group = self.group[n]
        given = {key: self.number((group, key), value) for key, value in step.made.arguments.items()}
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

        members = [home[str(n)] for n in range(len(home))]
        counts = [self._count(member) for member in members]
        pieces = [(self._home(member, (*path, str(n))), counts[n]) for n, member in enumerate(members)]
        runs = [list(run) for _, run in groupby(pieces, lambda piece: (str(piece[0]), piece[1]))]
        if len(runs) == 1 and (len(pieces) > 1 or counts[0]):
            many = counts[0] or len(pieces)
            return BracketedText("nn.ModuleList(", [Framed("", pieces[0][0], f" for _ in range({many})")], ")")

        parts: list[str | BracketedText | Framed] = []
        for run in runs:
            piece, count = run[0]
            # Two of a kind are shorter written out.
            if count or len(run) > 2:
                parts.append(Framed("*(", piece, f" for _ in range({count or len(run)}))"))
            else:
                parts += [piece for piece, _ in run]
        return BracketedText("nn.ModuleList([", parts, "])")

    def _count(self, member: Any) -> str:
        """The expression of how many modules the row of a member has; "" where that never differs."""
        if not isinstance(member, int):
            return ""
        return self.plan.texts.get((self.group[member], COUNT)) or ""

    def _item(self, n: int) -> str | BracketedText:
        """The expression that makes the module of an item."""
        item, group = self.call.items[n], self.group[n]
        if isinstance(item, ModelStep):
            piece: str | BracketedText = self._module(item.made, lambda key, value: self.number((group, key), value))
        else:
            piece = self._child(self.plan.children[group], self.base.children[group], (group, ""))

        test = self.plan.texts.get((group, CONDITION))
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
        for name in ordered(plan):
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
        for name in ordered(self.plan):
            values = [instance.given[name] for instance in self.plan.instances]
            word = f"{name}: {annotation(values)}"
            if name in self.plan.defaults:
                word += f" = {literal(self.plan.defaults[name], self.library)}"
            words.append(word)
        return f"    def __init__({', '.join(words)}) -> None:"

    def _forward(self) -> Forward:
        names: Sequence[str] = ()
        if self.is_root:
            names = self.names
        fields = {(n, what): name for n, group in self.group.items()
                  for (at, what), name in self.fields.items() if at == group}
        return Forward(self.call, self.library, self.kinds, fields, names)


def _is_module(item: Item) -> bool:
    """Tell whether an item has a place among the modules."""
    return isinstance(item, ScopeCall) or item.made is not None
