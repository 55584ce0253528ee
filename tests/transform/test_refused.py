"""A transformation gives a network that checks and runs, or refuses by name; it never prints anything else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch

from archlang.compiler import compile
from archlang.diagnostics import ArchError, Diagnostic
from archlang.elaborate.network import Network, loads
from archlang.source import Source
from archlang.syntax import parse
from archlang.syntax.mapping import mapped
from archlang.syntax.tree import File, Name, TreeNode
from archlang.transform.base import Transformation, apply
from tests.generate.programs import program

HEADED = {
    "skip": "a = image -> conv(3x3, 8) -> relu\n b = a -> conv(3x3, 16)\n c = b -> add(a -> conv(1x1, 16)) -> relu\n"
            " output c -> global_avg_pool -> linear(5)",
    "skip of several layers": "a = image -> conv(3x3, 8) -> relu -> conv(3x3, 16)\n b = a -> conv(3x3, 16)\n"
                              " c = b -> add(a) -> relu\n output c -> global_avg_pool -> linear(5)",
    "skip of the input": "a = image -> conv(3x3, 3) -> relu\n b = a -> conv(3x3, 3) -> add(image)\n"
                         " output b -> global_avg_pool -> linear(5)",
}
REFUSED = {
    "skip of pooled": ("a = image -> conv(3x3, 8) -> relu -> max_pool(2x2)\n b = a -> conv(3x3, 8)\n"
                       " c = b -> add(a) -> relu\n output c -> global_avg_pool -> linear(5)", "`a` is read beside"),
    "skip in a let": ("a = image -> conv(3x3, 8)\n let s = add(a)\n b = a -> conv(3x3, 8) -> s\n"
                      " output b -> global_avg_pool -> linear(5)", "`a` is read beside"),
    "no head": ("a = image -> conv(3x3, 8) -> relu\n output a -> conv(3x3, 16)", "no head with a linear layer"),
    "no head, bound": ("a = image -> conv(3x3, 8)\n b = a -> conv(3x3, 16)\n output b", "no head with a linear layer"),
    "a pool alone": ("a = image -> conv(3x3, 8) -> conv(3x3, 16)\n output a -> global_avg_pool",
                     "no head with a linear layer"),
}
ATTENTIONS = ["layer-attention", "layer-attention{readout=resized}", "layer-attention{kind=self_attention,heads=2}"]


def network(body: str) -> Network:
    return loads(f"archlang 1\nnetwork N {{\n input image: [3, 16, 16]\n {body}\n}}\n")


@pytest.mark.parametrize("name", HEADED)
@pytest.mark.parametrize("step", ATTENTIONS)
def test_layers_of_a_network_with_a_skip(name: str, step: str) -> None:
    after = apply(network(HEADED[name]), step)
    again = loads(after.listing)  # what is printed checks
    torch.set_num_threads(1)
    assert compile(again).eval()(torch.randn(2, 3, 16, 16)).shape == (2, 5)


def test_a_skip_reads_what_it_read_before() -> None:
    said = " ".join(apply(network(HEADED["skip of several layers"]), "layer-attention").listing.split())
    assert "a = image -> layers { conv(3x3, 8) -> relu; conv(3x3, 16) }" in said
    assert "b = a[1] -> conv(3x3, 16)" in said and "c = b -> add(a[1]) -> relu" in said


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("step", ATTENTIONS)
def test_layers_that_cannot_be_read_out(name: str, step: str) -> None:
    body, said = REFUSED[name]
    with pytest.raises(ArchError, match="pass-does-not-apply") as caught:
        apply(network(body), step)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", [*HEADED, "skip of pooled", "skip in a let"])
@pytest.mark.parametrize("router", ["cross_connection", "cross_prediction", "cross_stitch", "none"])
def test_paths_of_a_network_with_a_skip_are_refused_at_its_place(name: str, router: str) -> None:
    body = HEADED.get(name) or REFUSED[name][0]
    with pytest.raises(ArchError) as caught:
        apply(network(body), f"multipath{{router={router}}}")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.name == "pass-does-not-apply" and "read beside the flow" in diagnostic.message
    assert diagnostic.primary is not None and diagnostic.primary.span.text in ("a", "image")


@dataclass(frozen=True)
class Misspelt(Transformation):
    """`relu  -->  rleu`, which no file may hold."""

    name: ClassVar[str] = "misspelt"

    def requires(self, net: Network) -> list[Diagnostic]:
        return []

    def run(self, net: Network) -> File:
        def change(node: TreeNode) -> TreeNode:
            return replace(node, text="rleu") if isinstance(node, Name) and node.text == "relu" else node

        return mapped(net.project.main.file, change)


def test_a_text_that_does_not_check_is_never_printed() -> None:
    with pytest.raises(ArchError) as caught:
        apply(network(HEADED["skip"]), Misspelt())
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.name == "pass-does-not-apply" and diagnostic.primary is None
    assert any("rleu" in note for note in diagnostic.notes)


@dataclass(frozen=True)
class Reshaping(Transformation):
    """Changes a size of the network, which no transformation may do."""

    name: ClassVar[str] = "reshaping"

    old: str = ""
    new: str = ""

    def requires(self, net: Network) -> list[Diagnostic]:
        return []

    def run(self, net: Network) -> File:
        return parse(Source("made", net.text.replace(self.old, self.new)))


@pytest.mark.parametrize(("old", "new", "said"), [
    ("linear(4)", "linear(5)", "the outputs have changed"), ("[3, 8, 8]", "[2, 8, 8]", "the inputs have changed"),
    ("conv(3x3, 6)", "conv(5x5, 7)", ""),
])
def test_a_pass_that_changes_the_outputs_breaks_its_word(old: str, new: str, said: str) -> None:
    net = loads("archlang 1\nnetwork N {\n  input x: [3, 8, 8]\n"
                "  output x -> conv(3x3, 6) -> global_avg_pool -> linear(4)\n}\n")
    if not said:
        assert new in Reshaping(old, new)(net).text
        return
    with pytest.raises(ArchError) as caught:
        Reshaping(old, new)(net)
    assert [(d.name, said in d.message) for d in caught.value.diagnostics] == [("internal-error", True)]


@pytest.mark.parametrize("step", ["multipath", "multipath{router=cross_prediction}", "multipath{router=cross_stitch}",
                                  *ATTENTIONS, "pbconv", "pbconv{boost=acb}", "pbconv{boost=dbb}"])
def test_generated_networks_are_transformed_or_refused(step: str) -> None:
    done = 0
    for seed in range(30):
        try:
            net = loads(program(seed).text)
        except ArchError:
            continue
        try:
            loads(apply(net, step).listing, {})
        except ArchError as problem:
            assert {d.name for d in problem.diagnostics} == {"pass-does-not-apply"}, (seed, step)
        done += 1
    assert done > 10
