"""The `forward` of a class: loops over turns, comprehensions over members, one line for each other call."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from archlang.exporting.classes import scope_name
from archlang.exporting.lines import CallLines, Item, Raw, plural
from archlang.exporting.scopes import ScopeCall, relative
from archlang.exporting.steps import ModelStep, Path, Value, replaced


class Forward(CallLines):
    """Writes the body of one `forward`; rows of calls become loops."""

    def write(self, result: Any = None) -> list[str]:
        """The lines of the body. `result` is what the network returns; a class returns its outputs."""
        self.result = result
        items = self.call.items
        n = 0
        while n < len(items):
            n += self._turns(n) or self._members(n) or self._one(n)
        return self.lines

    # --- loops ------------------------------------------------------------------------------------------------------

    def _row(self, n: int) -> list[Item]:
        """The items from here on that are all modules of one list, in its order; empty where there is none."""
        items = self.call.items
        first: Path = ()
        if _has_module(items[n]):
            first = relative(items[n], self.call)
        # A list's first module; a later one is no beginning of a loop over the list.
        if len(first) < 2 or first[-1] != "0" or self.kinds.get((*self.call.path, *first[:-1])) != "list":
            return []

        row: list[Item] = []
        while n + len(row) < len(items):
            item = items[n + len(row)]
            if not _has_module(item) or relative(item, self.call) != (*first[:-1], str(len(row))):
                break
            row.append(item)
        # A loop runs over all of a list, so that some of its modules make none.
        if len(row) > 1 and len(row) == self._length((*self.call.path, *first[:-1])):
            return row
        return []

    def _length(self, path: Path) -> int:
        """Count the modules of a list."""
        return len({item.path[len(path)] for item in self.call.items
                    if _has_module(item) and item.path[: len(path)] == path})

    def _turns(self, n: int) -> int:
        """A loop, where modules of one list run one after the other."""
        row = self._row(n)
        if not row or any(len(self._results(item)) != 1 or not item.reads for item in row):
            return 0
        flowing = row[0].reads[0]
        others = row[0].reads[1:]
        for before, item in pairwise(row):
            if item.reads[:1] != list(self._results(before)) or item.reads[1:] != others:
                return 0
        if len({self._shape(item) for item in row}) > 1:
            return 0

        # Where something else reads the result of a turn, all of them are kept.
        results = tuple(self._results(item)[0] for item in row)
        is_kept = any(self.last[value] != n + m + 1 for m, value in enumerate(results[:-1]))
        last = n + len(row) - 1
        name = self._start(flowing, row[-1], n, last, is_kept)
        several = ""
        if is_kept:
            several = self._fresh("xs", last)
            self.lines.append(f"{several} = []")

        holder = relative(row[0], self.call)[:-1]
        word = "block"
        if name == word:  # what flows is called so already
            word = "turn"
        turn = self._fresh(word, n)
        text = self.expression(row[0], n, lambda value: Raw(name) if value == flowing else value, turn)
        self.lines += [f"for {turn} in {self.module(holder)}:", f"    {name} = {text}"]
        if is_kept:
            self.lines.append(f"    {several}.append({name})")
            self._bundle(results, several)
            # However many turns there are, the last is the last.
            self.variables[results[-1]] = f"{several}[-1]"
        else:
            self.variables[results[-1]] = name
        self._finish(last)
        return len(row)

    def _start(self, flowing: Value, end: Item, n: int, last: int, is_kept: bool) -> str:
        """The variable of a loop, which begins as what flows into it."""
        start = self.variables[flowing]
        name = self._name(end, last)
        if is_kept and self.is_root:
            name = self._fresh("x", last)
        if start == name:
            return name

        # One of its own, where what flows in is read again, or has a name that says more.
        if self.last[flowing] > n or self.is_root or not start.isidentifier():
            self.lines.append(f"{name} = {start}")
            return name
        return start

    def _shape(self, item: Item) -> str:
        """Describe the form of a call, whatever it is called with."""
        if isinstance(item, ScopeCall):
            return f"call {item.groups}"
        return str((item.kind, len(item.args), sorted(item.kwargs)))

    def _members(self, n: int) -> int:
        """A comprehension, where modules of one list, or one function, run side by side."""
        row = self._row(n) or self._alike(n)
        if not row or any(len(self._results(item)) != 1 for item in row) or len({self._shape(i) for i in row}) > 1:
            return 0
        changes = self._moving(row)
        if changes is None:
            return 0

        over: list[str] = []
        words: list[str] = []
        module = ""
        if _has_module(row[0]):
            module = "member"
            over, words = [self.module(relative(row[0], self.call)[:-1])], ["member"]
        rename: dict[Value, Raw] = {}
        for m, (value, bundle) in enumerate(changes.items()):
            word = "x"
            if m > 0:
                word = f"x_{m + 1}"
            rename[value] = Raw(word)
            words.append(word)
            over.append(bundle)

        last = n + len(row) - 1
        # In the network's own class results are called as in the file; in a block `x` says enough.
        called = "x"
        if self.is_root:
            called = scope_name(row[0].path[:1])
        name = self._fresh(plural(called), last)
        text = self.expression(row[0], n, lambda value: rename.get(value, value), module)
        source = over[0]
        if len(over) > 1:
            source = f"zip({', '.join(over)}, strict=True)"
        self.lines.append(f"{name} = [{text} for {', '.join(words)} in {source}]")
        self._bundle(tuple(self._results(item)[0] for item in row), name)
        self._finish(last)
        return len(row)

    def _alike(self, n: int) -> list[Item]:
        """The steps from here on that call one function with one set of arguments, on the members of a bundle."""
        first = self.call.items[n]
        if isinstance(first, ScopeCall) or first.kind != "function":
            return []
        row: list[Item] = []
        for item in self.call.items[n:]:
            if isinstance(item, ScopeCall) or (item.kind, item.target, item.kwargs) != (first.kind, first.target,
                                                                                   first.kwargs):
                break
            row.append(item)
        lengths = [len(values) for values in self.bundles if values[0] in first.reads]
        # Fewer steps than members: some member is treated otherwise, and no one line says that.
        if lengths and 1 < lengths[0] <= len(row):
            return row[: lengths[0]]
        return []

    def _moving(self, row: list[Item]) -> dict[Value, str] | None:
        """The values of the first item that are members of bundles, and their bundles; None where others differ."""
        moving: dict[Value, str] = {}
        # A value that is read twice would stand for two things.
        if any(len(item.reads) != len(row[0].reads) for item in row):
            return None
        for column in zip(*(item.reads for item in row), strict=True):
            if len(set(column)) == 1:
                continue
            if column not in self.bundles:
                return None
            moving[column[0]] = self.bundles[column]

        # The rest of the arguments is compared with all values taken out of it.
        if any(isinstance(item, ModelStep) and item.kind == "function" for item in row):
            forms = {str([replaced(arg, lambda value: "") for arg in i.args]) for i in row if isinstance(i, ModelStep)}
            if len(forms) > 1 or not moving:
                return None
        return moving


def _has_module(item: Item) -> bool:
    return isinstance(item, ScopeCall) or item.kind == "module"
