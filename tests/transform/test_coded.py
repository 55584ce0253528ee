"""Grouped blocks to coded ones: counts, what the text becomes, where it does not apply."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from archlang.compiler import compile
from archlang.diagnostics import ArchError
from archlang.elaborate import Network, load, loads
from archlang.transform import apply

SPECS = Path(__file__).parents[2] / "specs"
HEAD = "archlang 1\nimport std.coded (grouped)\nimport std.resnet (stem_cifar, bottleneck)\n"
CODE = 'code five = words("11000", "01100", "00110", "00011", "10001")\n'
TRAIN = "train { loss = cross_entropy(logits, label); optimizer = sgd(lr = 0.1); phase all { epochs = 3 } }\n"


def network(body: str, code: str = CODE, blocks: str = "") -> Network:
    return loads(f"{HEAD}{code}{blocks}network N {{\n  input image: [3, 8, 8]\n{body}\n"
                 "  logits = c -> global_avg_pool -> linear(5)\n  output logits\n}\n" + TRAIN)


PLAIN = network("  a = image -> stem_cifar(20)\n  b = a -> grouped(40, 20, groups = 5)\n"
                "  c = b -> grouped(40, 20, 5, 2) -> 2 * grouped(40, 20, groups = 5)")


def test_the_published_network_comes_out_of_the_plain_one() -> None:
    plain = load(SPECS / "coded_resnext" / "resnext29.arch")
    tables = SPECS / "coded_resnext"
    half = apply(plain, f"coded{{code={tables / 'cifar10_5of10.csv'},blocks=layer2}}")
    made = apply(half, f"coded{{code={tables / 'cifar10_3of10.csv'},blocks=[layer3]}}")
    written = load(SPECS / "coded_resnext" / "cifar10.arch")
    assert made.parameters == written.parameters == plain.parameters == 4_638_926
    assert made.flops == written.flops
    assert [site.code.words for site in made.graph.coded.values()] == [
        site.code.words for site in written.graph.coded.values()]
    assert made.listing.count("coding_loss") == 1


def test_only_the_flows_that_are_named_change() -> None:
    made = apply(PLAIN, "coded{code=five,blocks=[c],drop=0}")
    said = " ".join(made.listing.split())
    assert "b = a -> grouped(40, 20, groups = 5)" in said
    assert ("b -> coded_grouped(40, 20, code_words = five, stride = 2) "
            "-> 2 * coded_grouped(40, 20, code_words = five)") in said
    assert len(made.graph.coded) == 3
    torch.set_num_threads(1)
    assert compile(made).eval()(torch.randn(2, 3, 8, 8)).shape == (2, 5)


def test_a_block_that_nothing_uses_any_more_goes() -> None:
    made = apply(PLAIN, "coded{code=five}")
    assert "block grouped" not in made.listing and "block coded_grouped" in made.listing
    assert made.parameters == PLAIN.parameters and len(made.graph.coded) == 4


@pytest.mark.parametrize("code", ['words("11000", "01100", "00110", "00011", "10001")',
                                  "design(classes = 5, branches = 5, active = 2)"])
def test_a_code_that_the_file_lacks_is_declared(code: str) -> None:
    made = apply(network("  c = image -> grouped(40, 20, groups = 5)", code=""), f"coded{{code={code},loss=0}}")
    assert "code branch_words = words(" in made.text and "coding_loss" not in made.text
    assert len(made.graph.coded) == 1


def test_blocks_within_blocks_hand_the_code_down() -> None:
    blocks = ("block cell(g, c = 40) = grouped(c, 20, g) -> relu\n"
              "block stage(n) = n * cell(5)\nblock fixed = conv(1x1, 10) -> batch_norm -> relu "
              "-> conv(3x3, 10, groups = 5) -> batch_norm -> gelu -> conv(1x1, 40, bias = false) -> batch_norm\n")
    made = apply(network("  c = image -> stage(2) -> fixed", blocks=blocks), "coded{code=five}")
    said = " ".join(made.listing.split())
    assert "block coded_cell(code_words, c = 40) = coded_grouped(c, 20, code_words = code_words) -> relu" in said
    assert "block coded_stage(n, code_words) = n * coded_cell(code_words = code_words)" in said
    assert "coded_stage(2, code_words = five) -> coded_fixed(code_words = five)" in said
    assert len(made.graph.coded) == 3


def test_a_chain_in_the_network_itself() -> None:
    chain = ("conv(1x1, 20) -> batch_norm -> relu -> conv(3x3, 20, stride = 2, groups = 5) -> batch_norm -> relu "
             "-> conv(1x1, 8) -> batch_norm(eps = 1e-3) -> relu")
    made = apply(network(f"  c = image -> {chain}"), "coded{code=five}")
    said = " ".join(made.listing.split())
    assert "conv(1x1, 20 / five.branches)" in said and "conv(3x3, 20 / five.branches, stride = 2)" in said
    assert "-> energy_normalize -> sum -> batch_norm(eps = 1e-3, scale = 0) -> relu" in said


@pytest.mark.parametrize(("option", "body", "said"), [
    ("code=six", "  c = image -> grouped(40, 20, groups = 5)", "declares no code `six`"),
    ("code=five,blocks=d", "  c = image -> grouped(40, 20, groups = 5)", "no flow of this network is called `d`"),
    ("code=five", "  c = image -> grouped(40, 20, groups = 4)", "the code has 5 branches; there are convolutions of 4"),
    ("code=five", "  c = image -> conv(3x3, 20)", "no grouped convolution"),
    ("code=five", "  c = image -> conv(1x1, 20) -> conv(3x3, 20, groups = 5)", "stands in no block of 1x1"),
    ("code=five", "  c = image -> conv(1x1, 20) -> batch_norm -> relu -> conv(3x3, 20, groups = 5) -> batch_norm"
     " -> relu -> conv(1x1, 20, bias = true) -> batch_norm", "stands in no block of 1x1"),
    ("code=five", "  c = image -> grouped(40, 20, groups = 5) -> for g in [4, 5] { grouped(40, 20, groups = g) }",
     "5 groups in some uses and others elsewhere"),
    ("", "  c = image -> grouped(40, 20, groups = 5)", "says which branches work for which classes"),
    ("code=five,drop=1", "  c = image -> grouped(40, 20, groups = 5)", "`drop` is at least 0"),
    ("code=no.csv", "  c = image -> grouped(40, 20, groups = 5)", "the table `no.csv` cannot be read"),
    ('code=from "a.csv"', "  c = image -> grouped(40, 20, groups = 5)", "a table is given by its path alone"),
    ("code=1 +", "  c = image -> grouped(40, 20, groups = 5)", "`code` is a name or how a code is made"),
])
def test_where_it_does_not_apply(option: str, body: str, said: str) -> None:
    with pytest.raises(ArchError) as caught:
        apply(network(body), f"coded{{{option}}}")
    assert said in str(caught.value)
