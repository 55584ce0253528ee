"""Mistakes at run time name the line of the file."""

from __future__ import annotations

import pytest
import torch

from archlang.diagnostics import ArchError
from archlang.emit import emit
from archlang.shapes import symbol
from tests.emit.graphs import Maker
from tests.emit.networks import plain, routed, several

WRONG = [
    ((3, 8, 8), "must be [batch, 3, 8, 8], this is [3, 8, 8]", "x.unsqueeze(0)"),
    ((2, 3, 8, 9), "this is [2, 3, 8, 9]", None),
    ((2, 8, 8, 3), "this is [2, 8, 8, 3]", "permute"),
    ((2, 192), "this is [2, 192]", None),
    ((), "this is []", None),
]


@pytest.mark.parametrize(("shape", "says", "help"), WRONG)
def test_a_wrong_shape_names_the_input_and_its_line(shape, says, help):
    with pytest.raises(ArchError) as caught:
        emit(plain())(torch.zeros(shape))
    (found,) = caught.value.diagnostics
    assert found.name == "input-shape" and says in found.message and "`image`" in found.message
    assert str(found.primary.span) == "small.arch:3:3" and "small.arch:3:3" in str(caught.value)
    assert bool(found.help) == (help is not None) and (help is None or help in found.help[0])


def test_what_is_no_tensor_or_is_missing():
    model = emit(several())
    x = torch.zeros(1, 4, 8, 8)
    for args, says in (((x, [1]), "this is a list"), ((x,), "takes 2 inputs (`image`, `mask`), this call has 1"),
                       ((x, x, x), "this call has 3"), ((), "this call has 0")):
        with pytest.raises(ArchError) as caught:
            model(*args)
        assert says in caught.value.diagnostics[0].message
    with pytest.raises(TypeError, match="no further input called 'image'"):
        model(x, image=x)
    with pytest.raises(ArchError) as caught:
        model(x[:, :1], x[0])
    assert len(caught.value.diagnostics) == 2


def test_symbolic_sizes_are_compared_with_their_bounds():
    size, other = symbol("H", low=8, high=16, divisor=4), symbol("W")
    make = Maker()
    x, y = make.input("image", 3, size, other), make.input("mask", 3, size, other)
    model = emit(make.output(make.add("add", (x, y), "add")))
    good = torch.zeros(1, 3, 8, 5)
    model(good, good)
    for a, b, says in (((8, 5), (12, 5), "`H` cannot be 8 and 12"), ((9, 5), (9, 5), "4 must divide `H`"),
                       ((20, 5), (20, 5), "`H` goes from 8 to 16"), ((8, 5), (8, 6), "`W` cannot be 5 and 6")):
        with pytest.raises(ArchError) as caught:
            model(torch.zeros(1, 3, *a), torch.zeros(1, 3, *b))
        assert says in caught.value.diagnostics[0].message


def test_a_failure_inside_names_its_line_and_keeps_its_type():
    model = emit(plain())
    with pytest.raises(RuntimeError, match=r"(?s)in `conv` \(stem\.conv\)\n  --> small\.arch:4:3") as caught:
        model(torch.zeros(1, 3, 8, 8, dtype=torch.float64))
    assert not isinstance(caught.value, ArchError)
    model.head.linear = torch.nn.Linear(7, 10)
    with pytest.raises(RuntimeError, match=r"small\.arch:10:3"):
        model(torch.zeros(1, 3, 8, 8))


def test_a_failure_with_other_arguments_gets_a_note(monkeypatch):
    model = emit(routed())

    def fail(*tensors):
        raise KeyError(3)

    monkeypatch.setattr(model.get_submodule("head.route.gates"), "forward", fail)
    with pytest.raises(KeyError) as caught:
        model(torch.zeros(2, 3, 8, 8))
    assert "(head.route.gates)" in caught.value.__notes__[0]


def test_failures_of_a_foreign_call_are_left_alone():
    model = emit(plain())
    model.register_forward_pre_hook(lambda module, args: 1 / 0)
    with pytest.raises(ZeroDivisionError, match=r"^division by zero$"):
        model(torch.zeros(2, 3, 8, 8))
