"""Programs that break one known rule, with the name of the mistake that must be reported, and no other."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.generate.programs import Writer

STATEMENTS: tuple[tuple[str, str], ...] = (
    ("undefined-name", "b = nothing_of_this -> relu"),
    ("undefined-name", "b = map -> conv(3x3, chanels)"),
    ("unknown-stage", "b = map -> conw(3x3, 4)"),
    ("unknown-stage", "b = map -> relu -> bath_norm"),
    ("already-bound", "b = map -> relu\n  b = map -> tanh"),
    ("in-without-braces", "b = in -> relu"),
    ("unknown-argument", "b = map -> conv(3x3, 4, strid = 2)"),
    ("missing-argument", "b = map -> conv(3x3)"),
    ("repeated-argument", "b = map -> conv(3x3, 4, channels = 5)"),
    ("repeated-argument", "b = map -> conv(3x3, channels = 4, channels = 5)"),
    ("too-many-arguments", "b = map -> relu(1)"),
    ("wrong-kind", "b = map -> conv(3x3, 4.5)"),
    ("wrong-kind", "b = map -> conv(3x3, true)"),
    ("wrong-kind", "b = map -> batch_norm(eps = \"small\")"),
    ("wrong-kind", "b = map -> if 3 { relu }"),
    ("wrong-kind", "b = map -> for i in 3 { relu }"),
    ("wrong-kind", "b = map -> 1.5 * relu"),
    ("wrong-kind", "b = map -> parallel { for i in map { relu } } -> sum"),
    ("wrong-count", "b = map -> layers { for i in [] { relu } } -> sum"),
    ("not-divisible", "b = map -> parallel { for i in [4, 3] { conv(3x3, 4, groups = i) } } -> sum"),
    ("missing-else", "b = map -> conv(1x1, if 2 ** 2 == 4 { 3 })"),
    ("inexact-division", "b = map -> conv(1x1, 2 ** -1)"),
    ("number-too-large", "b = map -> conv(1x1, 9 ** 99999)"),
    ("shape-mismatch", "b = map -> mul(vector)"),
    ("wrong-kind", "b = map -> for i in (map, 3) { add(i -> relu) }"),
    ("out-of-range", "b = map -> conv(3x3, 0)"),
    ("out-of-range", "b = map -> dropout(1.5)"),
    ("out-of-range", "b = map -> batch_norm(eps = 0)"),
    ("unknown-word", "b = map -> gelu(approximate = sometimes)"),
    ("unknown-word", "b = map -> fork(2, nothing_known)"),
    ("unknown-field", "b = map -> conv(1x1, map.depth)"),
    ("index-out-of-range", "b = (map, map)[2] -> relu"),
    ("index-out-of-range", "b = map -> conv(1x1, [3, 4][-3])"),
    ("division-by-zero", "b = map -> conv(1x1, 4 // 0)"),
    ("inexact-division", "b = map -> conv(1x1, 5 / 2)"),
    ("not-callable", "b = map -> map(3)"),
    ("missing-body", "b = map -> residual"),
    ("needless-body", "b = map -> relu { tanh }"),
    ("shape-mismatch", "b = map -> conv(1x1, 7) -> add(map)"),
    ("shape-mismatch", "b = map -> residual { conv(1x1, 7) }"),
    ("expected-tensor", "b = map -> fork(2) -> relu"),
    ("expected-bundle", "b = map -> each { relu }"),
    ("expected-bundle", "b = map -> sum"),
    ("expected-bundle", "b = map -> route(cross_connection)"),
    ("unequal-members", "b = map -> parallel { relu; conv(1x1, 7) } -> sum"),
    ("unequal-members", "b = map -> parallel { relu; conv(1x1, 7) } -> shared { relu }"),
    ("unequal-members", "b = map -> parallel { relu; conv(1x1, 7) } -> route(cross_connection)"),
    ("wrong-rank", "b = map -> linear(3)"),
    ("wrong-rank", "b = vector -> conv(3x3, 4)"),
    ("wrong-rank", "b = map -> attention(1)"),
    ("not-divisible", "b = map -> conv(3x3, 4, groups = 3)"),
    ("not-divisible", "b = map -> group_norm(3)"),
    ("not-divisible", "b = map -> split(3)"),
    ("kernel-too-large", "b = map -> conv(9x9, 4, padding = none)"),
    ("kernel-too-large", "b = map -> max_pool(7x7)"),
    ("wrong-axis", "b = map -> softmax(axis = depth)"),
    ("wrong-axis", "b = map -> relu -> concat(map, axis = features)"),
    ("wrong-count", "b = map -> reshape([7, 11])"),
    ("wrong-count", "b = map -> split([1, 2])"),
    ("tensor-is-no-stage", "b = map -> vector"),
    ("stage-is-no-tensor", "b = map -> add(relu)"),
    ("stage-is-no-tensor", "b = conv(3x3, 4) -> relu"),
    ("expected-grid", "b = map -> unpatch"),
    ("patch-too-large", "b = map -> patches(99x99) -> unpatch"),
    ("too-many-parameters", "b = vector -> linear(1000000) -> linear(100000)\n  output b9 = b"),
    ("number-too-large", "b = map -> conv(1x1, 9007199254740992 * 9007199254740992)"),
    ("misplaced-statement", "phase one { epochs = 1 }"),
    ("misplaced-statement", "layer b = map -> relu"),
    ("wrong-kind", "layer b = 3"),
    ("tensor-is-no-stage", "layer b = vector"),
    ("unknown-stage", "b = map -> c\n  layer c = relu"),
    ("unknown-stage", "layer b = relu -> b"),
    ("already-bound", "layer b = relu\n  c = map -> b as d"),
    ("shadowed-name", "layer b = relu\n  c = map -> residual { b = in -> tanh; output b }"),
    ("shared-shapes", "layer b = linear(3)\n  c = vector -> b -> b"),
    ("shared-shapes", "layer b = batch_norm\n  c = map -> b -> conv(1x1, 7) -> b"),
    ("whole-numbers", "b = map -> gather(vector)"),
    ("whole-numbers", "b = map -> choose(vector)"),
    ("whole-numbers", "b = map -> argmax -> relu"),
    ("whole-numbers", "b = map -> above -> conv(1x1, 2)"),
    ("whole-numbers", "b = vector -> embedding(3)"),
    ("whole-numbers", "b = map -> to_sequence -> attention(2, mask = vector)"),
    ("shape-mismatch", "b = map -> choose(vector -> above)"),
    ("shape-mismatch", "b = map -> div(vector)"),
    ("shape-mismatch", "b = map -> einsum(\"c h w, c -> h w\", other = vector)"),
    ("wrong-count", "b = map -> einsum(\"c h -> c\")"),
    ("undefined-name", "b = map -> einsum(\"c h w, f -> q\", other = vector)"),
    ("out-of-range", "b = map -> pick([4])"),
    ("out-of-range", "b = map -> gather(vector -> argmax, axis = channels)"),
    ("out-of-range", "input tokens: [3] (range = 0)"),
    ("out-of-range", "b = vector -> experts(2, sparse_connection(keep = 3)) { linear(3) }"),
    ("out-of-range", "b = vector -> experts(2, sparse_connection(capacity = 0)) { linear(3) }"),
    ("same-twice", "b = map -> grid_sample(map)"),
    ("kernel-too-large", "b = map -> unfold(9x9)"),
    ("wrong-kind", "b = vector -> unembed(map)"),
    ("wrong-kind", "b = map -> to_sequence -> position_scores(2, rotary)"),
    ("wrong-rank", "b = vector -> coordinates"),
    ("wrong-axis", "b = map -> argmax(axis = depth)"),
    ("wrong-axis", "b = map -> cumsum(positions)"),
    ("not-divisible", "b = map -> channel_shuffle(3)"),
    ("not-divisible", "b = map -> window_attention(1, 4x4)"),
    ("reserved-word", "step = map -> relu"),
    ("brace-in-head", "b = map -> if residual { relu } == 3 { relu }"),
    ("mixed-body", "b = map -> residual { c = in -> relu; tanh }"),
    ("empty-body", "b = map -> residual { }"),
    ("missing-output", "b = map -> residual { c = in -> relu }"),
    ("positional-after-keyword", "b = map -> conv(kernel = 3x3, 4)"),
    ("several-outputs", "output again_1 = map\n  output again_1 = vector"),
    ("expected-tensor", "output again_2 = map -> fork(2) -> each { fork(2) }"),
    ("undeclared-symbol", "input z: [3, h, 4]"),
    ("reserved-symbol", "input z: [3, B, 4]"),
    ("bad-escape", "b = map -> batch_norm(eps = \"\\q\")"),
    ("unclosed-string", "b = map -> batch_norm(eps = \"abc)"),
    ("bad-number", "b = map -> conv(3x3, 4abc)"),
    ("bad-character", "b = map -> conv(3x3, 4) ? relu"),
    ("unexpected-token", "b = map -> -> relu"),
    ("unclosed-bracket", "b = map -> conv(3x3, 4"),
)
"""Mistakes that a statement of a network can hold; `map` is [4, 6, 6], `vector` is [5]."""

BLOCKS: tuple[tuple[str, str], ...] = (
    ("recursive-block", "block again(n) = again(n)\n"),
    ("recursive-block", "block one_way(n) = relu -> other_way(n)\nblock other_way(n) = one_way(n)\n"),
    ("import-not-found", "import \"./not_there_at_all.arch\" (x)\n"),
    ("import-not-found", "import std.not_there_at_all (x)\n"),
    ("shadowed-name", "let hidden_one = 3\nblock hides(hidden_one) = linear(hidden_one)\n"),
    ("undefined-name", "let wrong = nothing_of_this + 1\n"),
    ("wrong-kind", "let wrong = 3 + [4]\n"),
    ("several-networks", "network Another { input x: [3]; output x }\n"),
    ("missing-argument", "block needs(c) = conv(3x3, c)\nlet wrong = needs()\n"),
)
"""Mistakes that declarations can hold."""


@dataclass(frozen=True)
class Broken:
    """A program and the one mistake in it."""

    seed: int
    name: str
    text: str


def _statement(r: random.Random, text: str) -> tuple[str, str]:
    name, statement = r.choice(STATEMENTS)
    open_end = text.rstrip().rfind("}")
    added = f"\n  input map: [4, 6, 6]\n  input vector: [5]\n  {statement}\n"
    return name, text[:open_end] + added + text[open_end:]


def _declaration(r: random.Random, text: str) -> tuple[str, str]:
    name, block = r.choice(BLOCKS)
    first, rest = text.split("\n", 1)
    return name, f"{first}\n{block}{rest}"


def _pragma(r: random.Random, text: str) -> tuple[str, str]:
    rest = text.split("\n", 1)[1]
    return r.choice((
        ("missing-pragma", rest), ("unsupported-version", f"archlang 7\n{rest}"),
        ("hidden-character", text.replace("\nnetwork ", "\nnetwork \u202e", 1)),
        ("unmatched-bracket", text.rstrip() + "\n}\n"),
        ("missing-output", "archlang 1\nnetwork N { input x: [3] }\n"),
    ))


_WAYS: tuple[Callable[[random.Random, str], tuple[str, str]], ...] = (
    *(_statement,) * 6, *(_declaration,) * 2, _pragma,
)


def broken(seed: int) -> Broken:
    """The program of a seed with one mistake in it."""
    r = random.Random(seed)
    name, text = r.choice(_WAYS)(r, Writer(seed).program(layout=False).text)
    return Broken(seed, name, text)
