"""Initialisers that several layers have: named once, before all blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from archlang.importing.expressions import static
from archlang.importing.folding import fresh
from archlang.importing.steps import Initial, Traced, Word
from archlang.syntax import tree


def named_starts(traced: Traced, taken: Collection[str]) -> tuple[Traced, tuple[tree.Let, ...]]:
    """A traced model whose steps name the initialisers that several of them have, and the `let` of each.

    What has no arguments is as short as a name would be.
    """
    found = [step.args["init"] for step in traced.steps if isinstance(step.args.get("init"), Initial)]
    count = Counter(one for one in found if isinstance(one, Initial) and one.args)
    names: dict[Initial, str] = {}
    for initial, times in count.items():
        if times > 1:
            names[initial] = fresh("start", {*taken, *names.values()})
    if not names:
        return traced, ()

    steps = []
    for step in traced.steps:
        init = step.args.get("init")
        if isinstance(init, Initial) and init in names:
            step = replace(step, args={**step.args, "init": Word(names[init])})
        steps.append(step)
    lets = tuple(tree.Let(name, static(initial)) for initial, name in names.items())
    return replace(traced, steps=tuple(steps)), lets
