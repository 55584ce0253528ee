"""Steps that read a second tensor, and those on whole numbers that a network makes itself: masks and indices.

A mask or an index jumps where its numbers change ever so little, so they are made of inputs and of the file's own
tensors alone, which are the same to the last bit for the compiled network and for its reference.
"""

from __future__ import annotations

import random

from tests.generate.model import Around
from tests.generate.rarer import AXES
from tests.generate.stages import Type, keeping

Found = list[tuple[str, Type]]


def second(r: random.Random, t: Type, a: Around) -> tuple[str, Type] | None:
    """A step of a type with another tensor beside it."""
    if not a.flows:
        return None
    first = keeping(r, t)
    found = [*_chosen(r, t, a), *_gathered(r, t, a), *_beside(r, t, a)]
    if len(t) == 2:
        found += _of_line(r, t, a)
    if len(t) == 3:
        found += _of_map(r, t, a)
    text, made = r.choice(found)
    return f"{first} -> {text}", made


def _sure(r: random.Random, t: Type, a: Around) -> str:
    """A tensor of a type whose numbers nobody calculates: an input, or one of the file's own."""
    inputs = [name for name, held in a.tensors.items() if held == t and name.startswith("x")]
    return r.choice([*inputs, *inputs, f"parameter({list(t)}, init = normal(std = 1))"])


def _any(r: random.Random, t: Type, a: Around) -> str:
    """Any tensor of a type, or what enters."""
    found = [name for name, held in a.tensors.items() if held == t] + ["in"] * (a.entering == t)
    return f"{r.choice(found)} -> {keeping(r, t)}" if found else f"parameter({list(t)}, init = normal(std = 0.5))"


def _chosen(r: random.Random, t: Type, a: Around) -> Found:
    limit = r.choice((0.0, 0.3, -0.5))
    masks = [f"{_sure(r, t, a)} -> above({limit})"]
    if len(t) >= 3:
        masks += [f"{_sure(r, t[:1], a)} -> above", f"{_sure(r, (1, *t[1:]), a)} -> above({limit})"]
    if len(t) == 2:
        masks.append(f"{_sure(r, (t[0], 1), a)} -> above")
    rest = r.choice(("", f", fill = {r.choice((-1, 0.5))}", f", other = {_any(r, t, a)}"))
    return [(f"choose({mask}{rest})", t) for mask in masks]


def _gathered(r: random.Random, t: Type, a: Around) -> Found:
    dim = r.randrange(len(t))
    axis, size = AXES[len(t)][dim], t[dim]
    count, among = r.randint(1, 3), r.randint(1, size)
    indices = f"{_sure(r, (count, among), a)} -> argmax(axis = features)"
    found: Found = [(f"gather({indices}, axis = {axis})", (*t[:dim], count, *t[dim + 1 :]))]
    if len(t) <= 2:
        # A number for each place of the other axes; the last axis of its scores is the one that is searched.
        made = (*t[:dim], count, *t[dim + 1 :])
        last = AXES[len(t) + 1][-1]
        scores = f"parameter({[*made, among]}, init = normal(std = 1))"
        found.append((f"gather({scores} -> argmax(axis = {last}), axis = {axis})", made))
    return found


def _beside(r: random.Random, t: Type, a: Around) -> Found:
    other = _any(r, t, a)
    return [
        (f"div({other} -> tanh -> exp)", t), (f"minimum({other})", t), (f"add({other} -> detach)", t),
        (f"mul({_sure(r, t, a)} -> sign)", t),
        (f"add({_sure(r, t, a)} -> scale(1.7) -> {r.choice(('floor', 'round'))})", t),
    ]


def _of_line(r: random.Random, t: Type, a: Around) -> Found:
    p, f = t
    others = [held for name, held in a.tensors.items() if len(held) == 2 and name.startswith("x")]
    n, g = r.choice([*others, (2, 3)])
    other = _sure(r, (n, g), a)
    square = f"parameter([{p}, {p}], init = normal(std = 0.5))"
    found: Found = [
        (f"matmul({_any(r, t, a)} -> permute([features, positions]))", (p, p)),
        (f'einsum("t f, n g -> n f", other = {other})', (n, f)),
        (f'einsum("t f, t g -> f g", other = {_any(r, t, a)})', (f, f)),
        (f"attention(1, memory = {other})", t),
        (f"attention(1, added = {square})", t),
        (f"attention(1, causal = true, added = {square} -> reshape([1, {p}, {p}]))", t),
        (f"add({_sure(r, (p, 3), a)} -> argmax(axis = features) -> embedding({f}))", t),
        (f"attention(1, mask = {_sure(r, (p,), a)} -> above(-9))", t),
        (f"masked_mean({_sure(r, (p,), a)} -> above)", (f,)),
    ]
    return found


def _of_map(r: random.Random, t: Type, a: Around) -> Found:
    c, h, w = t
    rest = r.choice(("", "", ", outside = border", ", outside = reflection", ", mode = nearest", ", mode = bicubic",
                     ", align_corners = true"))
    # A place between two cells: what stands exactly on one has two gradients.
    places = f"parameter([2, {h}, {w}], init = normal(std = 0.3))"
    moved = r.choice((f"{places} -> tanh", f"{_any(r, t, a)} -> coordinates -> scale(0.9) -> add({places})"))
    return [
        (f"grid_sample({moved}{rest})", t),
        (f"concat({_any(r, t, a)} -> coordinates)", (c + 2, h, w)),
        (f'einsum("c h w, c h v -> w v", other = {_any(r, t, a)})', (w, w)),
        (f'einsum("c h w, c -> h w", other = {_any(r, t, a)} -> global_avg_pool)', (h, w)),
        ('einsum("c h w, k -> k w", other = parameter([2]))', (2, w)),
    ]
