"""The lines of a `forward`: calls as expressions, variables that read well."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from archlang.exporting.classes import scope_name
from archlang.exporting.construction import refused
from archlang.exporting.fitting import same
from archlang.exporting.library import Library
from archlang.exporting.optional import ABSENT
from archlang.exporting.scopes import ScopeCall, relative
from archlang.exporting.steps import ModelStep, Path, Value, replaced, values_in
from archlang.exporting.wording import INFIX, TAKEN, dotted, literal

Item = ModelStep | ScopeCall
END = 10**9
"""The place behind all items, where results are handed out."""


class Raw(str):
    """Source in an argument, where a literal would stand otherwise."""


class CallLines:
    """Writes the lines of one `forward`, one for each call.

    Args:
        call: the call of the class.
        library: what the file needs beside it.
        kinds: for each scope that holds modules by number or name, `list` or `dict`.
        fields: the attribute that holds a number of the body, for those that differ between uses.
        names: the inputs' names, for the network itself.
    """

    def __init__(self, call: ScopeCall, library: Library, kinds: Mapping[Path, str],
                 fields: Mapping[tuple[int, str], str], names: Sequence[str] = ()) -> None:
        self.call, self.library, self.kinds, self.fields = call, library, kinds, fields
        self.is_root = not call.path
        self.lines: list[str] = []
        self.variables: dict[Value, str] = {}
        self.bundles: dict[tuple[Value, ...], str] = {}
        self.inputs: list[str] = []
        self.last = self._last_uses()
        self.result: Any = None
        self._enter(names)

    # --- inputs and variables ---------------------------------------------------------------------------------------

    def _enter(self, names: Sequence[str]) -> None:
        """Name what comes in: `x`, and `xs` for the members of a bundle."""
        start = 0
        letters = iter(("x", "y", "z", "u", "v", "w", *(f"x_{n + 2}" for n in range(len(self.call.inputs)))))
        for n, size in enumerate(self.call.groups):
            values = tuple(self.call.inputs[start : start + size])
            start += size
            if size == 1:
                # The network's inputs have the names of the file, which callers may use.
                if names:
                    name = self._safe(names[n])
                else:
                    name = self._fresh(next(letters), -1)
                self.variables[values[0]] = name
            else:
                name = self._fresh(f"{next(letters)}s", -1)
                self._bundle(values, name)
            self.inputs.append(name)

        for value, (tensor, axis) in self.call.shapes.items():
            self.variables[value] = f"{self.variables[tensor]}.shape[{axis}]"

    def _safe(self, name: str) -> str:
        while name in TAKEN or name in self.library.taken:
            name += "_"
        return name

    def _bundle(self, values: tuple[Value, ...], name: str) -> None:
        self.bundles[values] = name
        for n, value in enumerate(values):
            self.variables[value] = f"{name}[{n}]"

    def _last_uses(self) -> dict[Value, int]:
        last = {value: n for n, item in enumerate(self.call.items) for value in item.reads}
        last.update(dict.fromkeys(self.call.outputs, END))

        # A tensor stays where it is while its sizes are asked for.
        for value, (tensor, _) in self.call.shapes.items():
            last[tensor] = max(last.get(tensor, -1), self._asked(value))
        return last

    def _asked(self, size: Value) -> int:
        """The last item that asks for a size."""
        return max((n for n, item in enumerate(self.call.items) if self._asks(item, size)), default=-1)

    def _asks(self, item: Item, size: Value) -> bool:
        if isinstance(item, ModelStep):
            return size in item.reads
        # Inside it may be the size of something that enters there.
        return size in item.inputs

    def _fresh(self, wanted: str, at: int) -> str:
        """A variable's name for a result of the item at a place: no value that is read later has it."""
        alive = {name.partition("[")[0] for value, name in self.variables.items() if self.last.get(value, -1) > at}
        # Arguments of the network keep their names: a reader knows them from the signature.
        if self.is_root:
            alive.update(self.inputs)
        wanted = self._safe(wanted)
        name, count = wanted, 1
        while name in alive:
            count += 1
            name = f"{wanted}_{count}"
        return name

    def _free(self, name: str, at: int) -> bool:
        return self._fresh(name, at) == name

    # --- expressions ------------------------------------------------------------------------------------------------

    def module(self, path: Path) -> str:
        """The expression for a module of this class."""
        return "self" + "".join(self._part(path[: n + 1]) for n in range(len(path)))

    def _part(self, path: Path) -> str:
        kind = self.kinds.get((*self.call.path, *path[:-1]), "attribute")
        if kind == "list":
            return f"[{path[-1]}]"
        if kind == "dict":
            return f'["{path[-1]}"]'
        return f".{path[-1]}"

    def text(self, item: Any) -> str:
        """An argument as source."""
        if isinstance(item, Raw):
            return str(item)
        if isinstance(item, Value):
            return self.variables[item]
        if isinstance(item, slice):
            return self._slice(item)
        if isinstance(item, tuple) and any(True for _ in values_in(item)):
            if item in self.bundles:
                return self.bundles[item]
            shape = self._shape_of(item)
            if shape:
                return shape
            inner = ", ".join(self.texts(item))
            if len(item) == 1:
                inner += ","
            return f"({inner})"
        if isinstance(item, Mapping):
            inner = ", ".join(f"{literal(key, self.library)}: {self.text(value)}" for key, value in item.items())
            return f"{{{inner}}}"
        return literal(item, self.library)

    def _shape_of(self, items: tuple[Any, ...]) -> str:
        """The sizes of a map or volume, `x.shape[2:]`; "" for other sizes."""
        found = [self.call.shapes.get(item) for item in items if isinstance(item, Value)]
        if len(found) != len(items) or len(items) < 2 or None in found:
            return ""
        tensors = {place[0] for place in found if place is not None}
        axes = [place[1] for place in found if place is not None]
        if len(tensors) > 1 or axes != list(range(2, len(items) + 2)):
            return ""
        return f"{self.variables[next(iter(tensors))]}.shape[2:]"

    def texts(self, items: Sequence[Any]) -> list[str]:
        """Arguments as source; all members of a bundle in a row are `*xs`."""
        found: list[str] = []
        n = 0
        while n < len(items):
            whole = next((values for values in self.bundles if tuple(items[n : n + len(values)]) == values), None)
            if whole is None:
                found.append(self.text(items[n]))
                n += 1
            else:
                found.append(f"*{self.bundles[whole]}")
                n += len(whole)
        return found

    def expression(self, item: Item, n: int, rename: Callable[[Any], Any] = lambda value: value,
                   module: str = "") -> str:
        """The call of an item; `rename` changes the values that it reads, `module` stands for the module called."""
        if isinstance(item, ScopeCall):
            return f"{module or self.module(relative(item, self.call))}({', '.join(self._groups(item, rename))})"

        args = [self._argument(n, key, replaced(arg, rename)) for key, arg in enumerate(item.args)]
        kwargs = {key: self.text(self._argument(n, key, replaced(arg, rename)))
                  for key, arg in item.kwargs.items() if not _is_default(item, key, arg)}
        if item.kind in ("tensor", ABSENT):
            return self.module(relative(item, self.call))
        named = [f"{key}={value}" for key, value in kwargs.items()]
        if item.kind == "module":
            name = module or self.module(relative(item, self.call))
            return f"{name}({', '.join([*self.texts(args), *named])})"
        return self._function(item, args, named)

    def _slice(self, item: slice) -> str:
        """`start:stop`, with `:step` where there is one."""
        parts = [item.start, item.stop]
        if item.step is not None:
            parts.append(item.step)

        words = []
        for part in parts:
            # An end that is not given stands for the tensor's own.
            word = ""
            if part is not None:
                word = self.text(part)
            words.append(word)
        return ":".join(words)

    def _argument(self, n: int, key: object, value: Any) -> Any:
        """An argument, or the attribute that holds it where it differs between uses of the class."""
        field = self.fields.get((n, f"@{key}"))
        if field is None:
            return value
        return Raw(f"self.{field}")

    def _groups(self, item: ScopeCall, rename: Callable[[Any], Any]) -> Iterator[str]:
        start = 0
        for size in item.groups:
            values = tuple(replaced(value, rename) for value in item.inputs[start : start + size])
            start += size
            # A bundle is handed on as one tuple, a single tensor as itself.
            if size > 1:
                yield self.text(values)
            else:
                yield self.text(values[0])

    def _function(self, item: ModelStep, args: list[Any], named: list[str]) -> str:
        """The call of a function, or its sign."""
        if isinstance(item.target, str):
            if item.target == "size":
                return f"{self.text(args[0])}.shape[{self.text(args[1])}]"
            rest = ", ".join([*self.texts(args[1:]), *named])
            return f"{self.text(args[0])}.{item.target}({rest})"
        if _is_infix(item):
            return f"{self.text(args[0])} {INFIX[item.target]} {self.text(args[1])}"
        if getattr(item.target, "__name__", "") == "getitem":
            index = args[1]
            # Inside brackets a tuple needs no parentheses.
            if isinstance(index, tuple):
                inner = ", ".join(map(self.text, index))
            else:
                inner = self.text(index)
            return f"{self.text(args[0])}[{inner}]"
        if not callable(item.target):
            raise refused(f"`{item.target}` is no function")
        return f"{dotted(item.target, self.library)}({', '.join([*self.texts(args), *named])})"

    # --- lines ------------------------------------------------------------------------------------------------------

    def _one(self, n: int) -> int:
        """One call, one line."""
        item = self.call.items[n]
        text = self.expression(item, n)
        results = self._results(item)
        # The first of several results, where nothing reads the others.
        if len(results) == 1 and results[0].index is not None and isinstance(item, ModelStep):
            text += "[0]"
        is_last = n + 1 == len(self.call.items)
        if is_last and self._returned() in (results[0], results) and not (self.is_root and len(results) > 1):
            self.lines.append(f"return {text}")
            return 1
        # A sum that the next call alone reads stands in that call.
        if not is_last and self._is_sum(item) and self._read_once(results[0], n + 1):
            self.variables[results[0]] = text
            return 1

        if len(results) == 1:
            name = self._name(item, n)
            self.variables[results[0]] = name
        else:
            called = "xs"
            if self.is_root:
                called = plural(scope_name(item.path))
            name = self._fresh(called, n)
            self._bundle(results, name)
        self.lines.append(f"{name} = {text}")
        self._finish(n)
        return 1

    def _is_sum(self, item: Item) -> bool:
        return isinstance(item, ModelStep) and _is_infix(item) and len(self._results(item)) == 1

    def _read_once(self, value: Value, n: int) -> bool:
        """Tell whether the call at a place reads a value, once, and nothing else does."""
        item = self.call.items[n]
        if self.last.get(value) != n or isinstance(item, ScopeCall):
            return False
        steps = [i for i in self.call.items if isinstance(i, ModelStep)]
        readers = sum(list(values_in((i.args, i.kwargs))).count(value) for i in steps)
        others = sum(value in i.inputs for i in self.call.items if isinstance(i, ScopeCall))
        return readers == 1 and not others and item.kind == "module" and value in item.args

    def _finish(self, n: int) -> None:
        """Return what is handed out, behind the last item."""
        if n + 1 == len(self.call.items):
            result = self._returned()
            text = self.text(result)
            # A list was made on the way, and the network hands out tuples.
            if self.is_root and isinstance(result, tuple) and result in self.bundles:
                text = f"tuple({text})"
            self.lines.append(f"return {text}")

    def _returned(self) -> Any:
        if self.is_root:
            return self.result
        outputs = tuple(self.call.outputs)
        if len(outputs) == 1:
            return outputs[0]
        return outputs

    def _results(self, item: Item) -> tuple[Value, ...]:
        """The values that an item makes: one, or all of several in order."""
        if isinstance(item, ScopeCall):
            return tuple(item.outputs)
        read = [value for value in self.last if value.step == item.name and value.index is not None]
        if not read:
            return (Value(item.name),)
        most = max(value.index or 0 for value in read)
        return tuple(Value(item.name, m) for m in range(most + 1))

    def _name(self, item: Item, n: int) -> str:
        """The name of a result: that of its part in the network; `x` in a class, where that is free."""
        if isinstance(item, ScopeCall) and (self.is_root or not self._free("x", n)):
            return self._fresh(scope_name(item.path), n)
        if self._free("x", n) and not (self.is_root and "x" in self.inputs):
            return "x"
        return self._fresh(scope_name(item.path) or "y", n)


def _is_infix(item: ModelStep) -> bool:
    """Tell whether a call is written with a sign."""
    return item.kind != "module" and not isinstance(item.target, str) and item.target in INFIX \
        and len(item.args) == 2 and not item.kwargs


def _is_default(item: ModelStep, key: str, value: Any) -> bool:
    """Tell whether an argument of a function of ours is what it would be anyway."""
    if item.kind != "function" or not inspect.isfunction(item.target) or any(True for _ in values_in(value)):
        return False
    parameter = inspect.signature(item.target).parameters.get(key)
    return parameter is not None and parameter.default is not parameter.empty and same(parameter.default, value)


def plural(name: str) -> str:
    """The name of several things of a name."""
    if name.endswith("s"):
        return name
    return f"{name}s"
