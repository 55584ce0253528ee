"""What a test may compare: static values by their value; tensors, bundles and stages are refused, never unequal."""

from __future__ import annotations

import pytest

import archlang
from archlang.elaborate.network import check_text

TEXT = """archlang 1
block other = conv(3x3, 3)
block kept(act = sin, guide = none) {{ output in -> if {test} {{ sigmoid }} else {{ tanh }} }}
network N {{
  input x: [3, H, W] where H >= 8 and W >= 8
  y = x -> conv(3x3, 4)
  output x -> {stage}
  output second = y
}}
"""


def _taken(test: str, stage: str = "kept") -> str:
    """The operation of the branch that a test takes."""
    net = archlang.loads(TEXT.format(test=test, stage=stage))
    (name,) = {node.op.name for node in net.graph.nodes.values()} & {"sigmoid", "tanh"}
    return name


def _refused(test: str, stage: str) -> set[str]:
    """The kinds of all mistakes."""
    return {d.name for d in check_text(TEXT.format(test=test, stage=stage)) if d.severity == "error"}


@pytest.mark.parametrize("sign", ["==", "!="])
@pytest.mark.parametrize(("left", "right"), [
    ("x", "3"), ("x", "y"), ("x", "x"), ("3", "x"), ("x", "true"), ("x", '"x"'), ("x", "3x3"), ("[x]", "[3]"),
    ("[1, x]", "[1, y]"), ("parameter([3])", "3"), ("(x, y)", "3"), ("(x, y)", "(x, y)"), ("(x, y)[0]", "x"),
    ("conv(3x3, 3)", "3"), ("other", "3"), ("other", "other"), ("add(x)", "add(y)"), ("(sin -> cos)", "(sin -> cos)"),
    ("x.size", "8"), ("3", "3x3"), ("[3x3]", "[3]"),
])
def test_what_has_no_static_value_is_not_compared(left: str, sign: str, right: str) -> None:
    stage = f"if {left} {sign} {right} {{ sigmoid }} else {{ tanh }}"
    found = _refused("true", stage)
    assert found and found <= {"wrong-kind", "foreign-form"}


@pytest.mark.parametrize("test", [
    "not x", "not (x, y)", "-x == 3", "x + 1 == 2", "x < 3", "x and true", "min(x, 3) == 3", "not parameter([3])",
    "x % 2 == 0", "(x, y) * 2 == 3", "not sin",
])
def test_nothing_is_calculated_with_tensors(test: str) -> None:
    found = _refused("true", f"if {test} {{ sigmoid }} else {{ tanh }}")
    assert found and found <= {"wrong-kind", "foreign-form"}


@pytest.mark.parametrize(("test", "stage", "equal"), [
    ("act == sin", "kept", True),
    ("act == sin", "kept(cos)", False),
    ("act == sin", "kept(relu)", False),
    ("act == relu", "kept(relu)", True),
    ("act == sin", "kept(other)", False),
    ("act == sin", "kept(other())", False),
    ("act == sin", "kept(leaky_relu(0.2))", False),
    ("act == pow(2)", "kept(pow(2))", True),
    ("act == pow(2)", "kept(pow(3))", False),
    ("act == none", "kept(none)", True),
    ("act == none", "kept(other)", False),
    ("guide == none", "kept", True),
    ("guide == none", "kept(guide = x)", False),
    ("in.size == in.size", "kept", True),
    ("in.size == 4x4", "kept", False),
    ("[in.height, 3] == [in.height, 4]", "kept", False),
    ("[in.width, 3] == [in.height, 4]", "kept", False),
    ("[in.height, in.width] == [in.height, in.width]", "kept", True),
    ("[1, 2.0] == [1.0, 2]", "kept", True),
    ("[true] == [1]", "kept", False),
    ('"3" == 3', "kept", False),
])
def test_static_values_are_compared_by_value(test: str, stage: str, equal: bool) -> None:
    assert _taken(test, stage) == ("sigmoid" if equal else "tanh")
    if test.count("==") == 1:
        assert _taken(test.replace("==", "!="), stage) == ("tanh" if equal else "sigmoid")


@pytest.mark.parametrize("test", ["[in.height] == [in.width]", "in.size == size(in.width, in.height)"])
def test_sizes_that_may_be_equal_are_undecided_in_lists_too(test: str) -> None:
    assert _refused(test, "kept") == {"unknown-size"}
