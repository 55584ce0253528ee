"""The transformation `pbconv`: what is replaced, what stays, and that nothing changes where new branches start at 0."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from archlang.compiler import compile, load, loads
from archlang.diagnostics import ArchError
from archlang.elaborate import Network
from archlang.transform import apply
from archlang.transform.kernels import read_kernels

SPECS = Path(__file__).resolve().parents[2] / "specs"
PLAIN = """archlang 1
import std.conv (unit)
import std.resnet (basic, bottleneck)

network N(classes = 4) {
  input image: [3, 16, 16]
  stem = image -> unit(8) -> unit(8, kernel = 1x1) -> depthwise_conv(3x3, stride = 2) -> batch_norm(eps = 0.001) -> relu
  body = stem -> basic(8, 2) -> 2 * bottleneck(4) -> conv(5x5, 4) -> relu
  output body -> global_avg_pool -> linear(classes)
}
"""


def boosted(net: Network) -> int:
    """How many boosted convolutions a network has."""
    return sum(node.op.name == "boosted_sum" for node in net.graph)


def test_every_large_kernel_is_boosted_in_blocks_and_loops() -> None:
    net = apply(loads(PLAIN), "pbconv{seed=7}")
    assert boosted(net) == 7
    large = [n for n in net.graph if "conv" in n.op.name and max(n.args["kernel"]) > 1]
    assert all(any(m.kind == "pbconv" for m in node.members) for node in large)
    assert "if kernel == 1x1 {" in net.listing and "2 * bottleneck(4)" in net.listing


def test_text_of_a_small_network() -> None:
    text = """archlang 1
network N {
  input x: [3, 8, 8]
  output x -> conv(3x3, 8) -> batch_norm -> relu -> conv(1x1, 8) -> batch_norm -> conv(3x3, 4, bias = false)
}
"""
    made = apply(loads(text), "pbconv{boost=acb,gamma=zero}").listing
    assert " ".join(made.split()) == (
        "archlang 1 network N { input x: [3, 8, 8] output x -> pbconv(3x3, 8, kernels = acb, gamma = 0) -> relu "
        "-> conv(1x1, 8) as conv_2 -> batch_norm as batch_norm_2 "
        "-> pbconv(3x3, 4, kernels = acb, bias = false, norm = false, gamma = 0) }"
    )


@pytest.mark.parametrize("end", ["relu", "batch_norm", "dropout(0.5) -> batch_norm"])
@pytest.mark.parametrize("conv", ["conv(3x3, 4)", "conv(3x3, 4, bias = false)", "conv(3x3, 4, bias = true)",
                                  "depthwise_conv(3x3)", "depthwise_conv(3x3, bias = false)"])
@pytest.mark.parametrize("block", [False, True], ids=["in a flow", "in a block"])
def test_a_bias_is_there_where_it_was(block: bool, conv: str, end: str) -> None:
    """Whether it is written, or follows from a norm: one behind it, behind its block, or behind other steps."""
    first = "u" if block else conv
    text = f"archlang 1\nblock u {{ output in -> {conv} }}\n" if block else "archlang 1\n"
    before = loads(f"{text}network N {{ input x: [4, 8, 8]\n output x -> {first} -> {end} }}")
    after = apply(before, "pbconv{boost=acb}")
    assert boosted(after) == 1

    def biases(net: Network) -> set[str]:
        return {name for name in compile(net).state_dict() if name.endswith("bias") and "norm" not in name}

    assert len(biases(after)) == len(biases(before))


@pytest.mark.parametrize("second", [
    "[1x2 at (1, 1), 1x2 at (2, 1)]", "[2x1 at (1, 1), 2x1 at (1, 2)]", "[1x2 at (1, 1), 1x1 at (2, 1), 1x1 at (2, 2)]",
])
def test_two_lists_for_one_size_are_refused(second: str) -> None:
    lists = "[1x2 at (1, 1), 1x2 at (2, 1)]"
    other = "[1x3 at (1, 1), 1x3 at (2, 1), 1x3 at (3, 1)]"
    assert set(read_kernels(f"{lists}; {other}")) == {(2, 2), (3, 3)}
    for text in (f"{lists}; {second}", f"{second}; {other}; {lists}"):
        with pytest.raises(ValueError, match="two lists for 2x2"):
            read_kernels(text)


@pytest.mark.parametrize("options", ["seed=3", "boost=acb", "boost=dbb", "rules=scan,types=2"])
def test_weights_of_branch_zero_give_the_same_numbers_at_gamma_zero(options: str) -> None:
    torch.manual_seed(0)
    before = loads(PLAIN)
    after = apply(before, f"pbconv{{{options},gamma=zero}}")
    old, new = compile(before).double().eval(), compile(after).double().eval()
    for tensor in old.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.2, 1.5)
    state, plain = new.state_dict(), list(old.state_dict())
    kept = [name for name in state if "pbconv" not in name or re.search(r"pbconv(_\d+)?\.0\.", name)]
    for one, other in zip(plain, kept, strict=True):
        assert one.split(".")[-1] == other.split(".")[-1]
        state[other].copy_(old.state_dict()[one])
    x = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    with torch.no_grad():
        assert (old(x) - new(x)).abs().max() <= 1e-10 * (1 + old(x).abs().max())


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "base_cnn"])
def test_what_stays_keeps_its_name(name: str) -> None:
    before = load(SPECS / "multipath" / f"{name}.arch")
    after = apply(before, "pbconv")
    sizes = {n.path for n in before.graph if n.op.name == "conv" and max(n.args["kernel"]) == 1}
    sizes |= {n.path for n in before.graph if n.op.name == "linear"}
    assert sizes <= {n.path for n in after.graph}
    assert boosted(after) == sum(n.op.name == "conv" and max(n.args["kernel"]) > 1 for n in before.graph)


def test_given_kernels_go_to_the_size_that_they_cover() -> None:
    net = apply(loads(PLAIN), "pbconv{kernels=[3x2 at (1, 1), 3x1 at (1, 3)]; [5x5 at (1, 1)],seed=2}")
    found = {tuple(n.args["kernel"]): [str(k) for k in n.args["kernels"]]
             for n in net.graph if n.op.name == "boosted_sum"}
    assert found == {(3, 3): ["3x2 at (1, 1)", "3x1 at (1, 3)"], (5, 5): ["5x5 at (1, 1)"]}


@pytest.mark.parametrize(("options", "name", "words"), [
    ("kernels=[2x1 at (1, 1), 2x1 at (1, 2)]", "pass-does-not-apply", "these small kernels are for 2x2"),
    ("kernels=[2x1 at (1, 1), 1x1 at (1, 2)]", "out-of-range", "no small kernel covers (2, 2)"),
    ("kernels=3x1", "out-of-range", "neither a list of small kernels nor a file"),
    ("kernels=[3x1]; [7x7 at (1, 1)]", "out-of-range", "reads `3x1 at (1, 2)`"),
    ("kernels=[3x3 at (1, 1)]; [7x7 at (1, 1)]", "pass-does-not-apply", "are for 7x7"),
    ("kernels=[3x1]", "out-of-range", "reads `3x1 at (1, 2)`"),
    ("boost=rep", "out-of-range", "boost is one of pbconv, acb, dbb"),
    ("seed=-1", "out-of-range", "not negative"),
])
def test_refusals(options: str, name: str, words: str) -> None:
    with pytest.raises(ArchError) as problem:
        apply(loads(PLAIN), f"pbconv{{{options}}}")
    (only,) = problem.value.diagnostics
    assert only.name == name and words in only.message


LET = """archlang 1

let wide = conv(5x5, 8) -> batch_norm

network N {
  let c = conv(3x3, 8, bias = false)
  input x: [3, 8, 8]
  y = x -> wide -> relu -> c -> c -> batch_norm -> relu -> conv(1x1, 8) as c_last -> 2 * c
  output y
}
"""


def test_stages_bound_by_let_are_boosted_where_they_are_used() -> None:
    before = loads(LET)
    after = apply(before, "pbconv{boost=acb}")
    assert " ".join(after.listing.split()) == (
        "archlang 1 let wide = pbconv(5x5, 8, kernels = acb) network N { input x: [3, 8, 8] y = x -> wide -> relu "
        "-> pbconv(3x3, 8, kernels = acb, bias = false, norm = false) as c "
        "-> pbconv(3x3, 8, kernels = acb, bias = false) as c_2 -> relu -> conv(1x1, 8) as c_last "
        "-> 2 * pbconv(3x3, 8, kernels = acb, bias = false, norm = false) output y }")
    assert boosted(after) == sum(n.op.name == "conv" and n.args["kernel"][0] > 1 for n in before.graph) == 5


def test_a_let_of_two_meanings_is_refused() -> None:
    block = "block wide {\n  let c = conv(7x7, 8)\n  output in -> c\n}"
    text = LET.replace("let wide = conv(5x5, 8) -> batch_norm", block)
    with pytest.raises(ArchError, match=r"(?s)several `let` of one name.*<text>:\d+:\d+"):
        apply(loads(text), "pbconv")


def test_a_convolution_that_a_parameter_hands_on_is_refused_by_that_name() -> None:
    block = "block twice(s) {\n layer f = s\n output in -> conv(1x1, 8) -> f -> f }"
    text = f"archlang 1\n{block}\nnetwork N {{ input x: [3, 8, 8]\n output x -> twice(conv(3x3, 8)) }}"
    with pytest.raises(ArchError, match=r"(?s)by way of a parameter.*<text>:\d+:\d+"):
        apply(loads(text), "pbconv")


@pytest.mark.parametrize("uses", ["f -> batch_norm -> f -> batch_norm", "f -> relu -> f",
                                  "fork(2) -> each { f } -> sum"])
def test_a_shared_convolution_is_boosted_once(uses: str) -> None:
    text = f"archlang 1\nnetwork N {{ input x: [8, 6, 6]\n layer f = conv(3x3, 8)\n output x -> {uses} }}"
    after = apply(loads(text), "pbconv{boost=acb,gamma=zero}")
    assert after.listing.count("pbconv(") == 1
    assert boosted(after) == 2, "two uses"
    paths = [node.path for node in after.graph if node.op.name == "conv"]
    assert len(paths) == 2 * len(set(paths)), "of one set of weights"


def test_nothing_to_boost() -> None:
    with pytest.raises(ArchError, match="no convolution with a kernel larger"):
        apply(loads("archlang 1\nnetwork N { input x: [3]\n output x -> linear(2) }"), "pbconv")
