"""Modules that generated code reads often are looked up once in a call.

Each look-up of a module inside another is a call of torch's `__getattr__`. A network of grouped members reads thousands
of weights, six modules deep: in Coded ResNeXt-50 that took a fifth of a forward pass of two images.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count

from torch import fx

Path = tuple[str, ...]
"""Names of modules from the model to the one meant."""

MANY = 64
"""From how many weights that are read past their modules on it pays; smaller networks keep torch's own code."""


@contextmanager
def looking_up_once(graph: fx.Graph) -> Iterator[None]:
    """Have a graph write its code with look-ups while the context lasts; another change of its code goes first."""
    with graph.on_generate_code(lambda given: given or with_lookups(graph)):
        yield


def with_lookups(graph: fx.Graph) -> Callable[[list[str]], list[str]]:
    """The change of a graph's code, line by line, that `fx.Graph.on_generate_code` takes."""
    read = [node for node in graph.nodes if node.op in ("get_attr", "call_module")]
    if sum(node.op == "get_attr" for node in read) < MANY:
        return list

    targets = {node.name: tuple(str(node.target).split(".")) for node in read}
    taken = {node.name for node in graph.nodes}
    wanted = _wanted(targets.values())

    def changed(lines: list[str]) -> list[str]:
        names: dict[Path, str] = {}
        made: list[str] = []
        # No name twice: a node may have one like these, too.
        free = (name for name in map("part_{}".format, count()) if name not in taken)

        def looked_up(path: Path) -> str:
            """The expression for a module; the first time, a line that gives it a name."""
            if path in names or not path:
                return names.get(path, "self")
            found = written(looked_up(path[:-1]), path[-1:])
            if path not in wanted:
                return found

            names[path] = next(free)
            made.append(f"{names[path]} = {found}\n")
            return names[path]

        for line in lines:
            name, equals, rest = line.partition(" = ")
            target = targets.get(name.strip())
            whole = written("self", target or ())
            # A line in another form than expected stays as torch wrote it.
            if equals and target and rest.startswith(whole):
                short = written(looked_up(target[:-1]), target[-1:])
                line = name + equals + short + rest[len(whole) :]
            made.append(line)
        return made

    return changed


def _wanted(targets: Iterable[Path]) -> set[Path]:
    """The modules that are worth a name: read more than once, and not only on the way to a single other one."""
    uses: Counter[Path] = Counter()
    inside: dict[Path, set[str]] = defaultdict(set)
    for target in targets:
        for depth in range(1, len(target)):
            uses[target[:depth]] += 1
            inside[target[:depth]].add(target[depth])
    return {path for path, times in uses.items() if times > 1 and len(inside[path]) > 1}


def written(base: str, path: Path) -> str:
    """An expression for what lies inside another, as torch.fx writes it."""
    for name in path:
        if name.isidentifier():
            base = f"{base}.{name}"
        else:
            base = f'getattr({base}, "{name}")'
    return base
