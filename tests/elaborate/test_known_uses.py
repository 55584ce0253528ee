"""A use of an operation is judged once: never taken for another, and never remembered where it is wrong."""

from __future__ import annotations

import pickle
import random
import subprocess
import sys

import pytest

from archlang.graph.known_uses import KnownUses
from archlang.ops import CATALOGUE
from archlang.ops.kinds import Fault
from archlang.ops.model import Op, OpCall
from archlang.ops.values import Option
from archlang.shapes import Dim, Tensor, substitute, symbol
from tests.elaborate.texts import text

RELU, TANH = CATALOGUE.ops["relu"], CATALOGUE.ops["tanh"]
MAP = (Tensor((4, symbol("H"), 8)),)


def _count(uses: list[tuple[Op, OpCall]]) -> int:
    """How many of some uses, one behind the other, are judged."""
    judged: list[OpCall] = []
    known = KnownUses()
    for op, call in uses:
        known.types_out(op, call, lambda _, call: judged.append(call) or call.inputs)  # type: ignore[func-returns-value]
    return len(judged)


def test_a_size_is_found_in_another_process() -> None:
    """Hashes of texts differ between processes: one that is kept with a size must not travel with it."""
    size = 2 * symbol("H") + 1
    assert hash(size) == hash(2 * symbol("H") + 1)
    code = ("import pickle, sys; from archlang.shapes import symbol; size = pickle.loads(sys.stdin.buffer.read()); "
            "assert {2 * symbol('H') + 1: 'found'}[size] == 'found'")
    subprocess.run([sys.executable, "-c", code], input=pickle.dumps(size), check=True)


@pytest.mark.parametrize(("other", "count"), [
    ((RELU, OpCall(MAP, {"a": 1})), 1),
    ((RELU, OpCall((Tensor((4, symbol("H"), 8)),), {"a": 1})), 1),
    ((RELU, OpCall(MAP, {"a": 1.0})), 2),
    ((RELU, OpCall(MAP, {"a": True})), 2),
    ((RELU, OpCall(MAP, {"b": 1})), 2),
    ((RELU, OpCall(MAP, {})), 2),
    ((TANH, OpCall(MAP, {"a": 1})), 2),
    ((RELU, OpCall((*MAP, *MAP), {"a": 1})), 2),
    ((RELU, OpCall((Tensor((4, symbol("H", low=2), 8)),), {"a": 1})), 2),
    ((RELU, OpCall((Tensor((4, symbol("H"), 8), range=2),), {"a": 1})), 2),
])
def test_what_differs_is_judged_by_itself(other: tuple[Op, OpCall], count: int) -> None:
    assert _count([(RELU, OpCall(MAP, {"a": 1})), other]) == count


def test_arguments_that_may_hide_a_difference_are_judged_every_time() -> None:
    assert _count([(RELU, OpCall(MAP, {"a": Option("zeros", "initialiser")}))] * 3) == 3


def test_a_wrong_use_is_wrong_every_time() -> None:
    known = KnownUses()

    def refuse(op: Op, call: OpCall) -> tuple[Tensor, ...]:
        raise Fault("wrong-kind", "no")

    for _ in range(2):
        with pytest.raises(Fault):
            known.types_out(RELU, OpCall(MAP, {}), refuse)


def test_a_mistake_that_comes_twice_is_reported_at_both_places() -> None:
    from archlang.elaborate.network import check_text

    source = text("a = x -> conv(9x9, 4, padding = none)\n b = x -> conv(9x9, 4, padding = none)\n output a -> relu")
    assert len({d.primary.span.line for d in check_text(source) if d.primary and d.severity == "error"}) == 2


def test_sizes_calculate_as_their_numbers_do() -> None:
    r = random.Random(0)
    height, width = symbol("H", low=4), symbol("W", low=4)
    sizes: list[Dim] = [height, width, 3, 0, -2]
    for _ in range(400):
        a, b = r.choice(sizes), r.choice(sizes)
        made = [a + b, a * b, a - b, r.choice((-1, 0, 1, 2, 7)) * a, a + r.choice((0, 1, -3)), (a + 9) // 2]
        values = {"H": r.randrange(4, 99), "W": r.randrange(4, 99)}
        numbers = {size: substitute(size, values) for size in (a, b)}
        assert substitute(made[0], values) == numbers[a] + numbers[b]
        assert substitute(made[1], values) == numbers[a] * numbers[b]
        assert substitute(made[2], values) == numbers[a] - numbers[b]
        assert a * 0 == 0 and 0 * a == 0 and a + 0 == a and isinstance(a * 0, int), "nothing is a number"
        small = [size for size in made if len(str(size)) < 60]
        sizes = [*sizes[:5], *r.sample(small, min(2, len(small)))]
