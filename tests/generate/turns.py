"""Steps whose flows a loop makes, steps that spread a smaller tensor, and outputs under a test."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.generate.model import Around
from tests.generate.stages import CHANNELS, Type, keeping

Fresh = Callable[[str], str]


def turned(r: random.Random, t: Type, a: Around, fresh: Fresh) -> tuple[str, Type] | None:
    """Branches and steps that a `for` makes, and a `for` over tensors."""
    name, count = fresh("turn"), r.randint(1, 3)
    kind = r.choice(("branches", "branches", "steps", "tensors"))

    if kind == "branches" and len(t) == 3:
        c, kernels = r.choice(CHANNELS), [r.choice((1, 3)) for _ in range(count)]
        more = r.choice(("", f"conv(1x1, {c}); ", f"for {fresh('turn')}_ in [] {{ relu }}; "))
        branches = count + more.startswith("conv")
        flow = f"parallel {{ {more}for {name} in {kernels} {{ conv(size({name}, {name}), {c}) }} }}"
        return f"{flow} -> concat", (branches * c, *t[1:])

    others = [other for other, held in a.tensors.items() if held == t]
    if kind == "tensors" and a.flows and others:
        items = [r.choice(others), *r.sample(others, min(len(others), 1))]
        listed = r.choice(("[{}]", "({})")).format(", ".join(items))
        return f"{keeping(r, t)} -> for {name} in {listed} {{ add({name} -> {keeping(r, t)}) }}", t

    word = r.choice(("layers", "parallel"))
    outer = f"for {name} in range({count}) {{ scale(1.0 / (1 + {name})) -> {keeping(r, t)} }}"
    if r.random() < 0.3:
        outer = f"for {fresh('turn')}_ in range(1) {{ {outer} }}"
    return f"{word} {{ {outer} }} -> {r.choice(('sum', 'mean', 'maximum'))}", t


def spread(r: random.Random, t: Type, a: Around) -> tuple[str, Type] | None:
    """A vector over the places of a map, an axis of size 1 along a longer one, a tensor of the file's own."""
    if not a.flows:
        return None
    op = r.choice(("add", "mul", "sub", "maximum", "minimum"))
    first = keeping(r, t)

    found = [f"parameter({list(t)}, init = normal(std = 0.5))"]
    if len(t) >= 3:
        found += [f"parameter([{t[0]}])", f"parameter([{t[0]}{', 1' * (len(t) - 1)}], trained = false, init = ones)",
                  f"parameter([{', '.join(['1', *map(str, t[1:])])}])"]
    if len(t) == 3 and a.entering == t:
        found += [f"in -> global_avg_pool -> linear({t[0]}) -> sigmoid", "in -> conv(1x1, 1)",
                  f"in -> global_max_pool -> reshape([{t[0]}, 1, 1])"]
    return f"{first} -> {op}({r.choice(found)})", t


def under_test(r: random.Random, name: str, flow: str) -> tuple[str, bool]:
    """The line of a further output that stands under a test, and whether it is there."""
    there = r.random() < 0.5
    test = r.choice(("2 ** 3 == 8", "1 + 1 == 2")) if there else r.choice(("3 ** 2 < 2 ** 3", "not true"))
    rest = r.choice(("", f" else if {test} {{ {flow} }}"))
    return f"  output {name} = if {test} {{ {flow} }}{rest}", there
