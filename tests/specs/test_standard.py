"""The standard blocks, measured by networks whose sizes are published."""

from __future__ import annotations

import pytest
import torch

from archlang.compiler import compile
from archlang.elaborate import load, loads
from archlang.project.locating import STD
from archlang.project.standard import StandardBlock, standard_library
from tests.specs.rows import ROOT

RESNEXT = """archlang 1
import std.resnet (bottleneck, stem_imagenet)
import std.heads (pooled)
network ResNeXt50 {
  input image: [3, 224, 224]
  stem   = image -> stem_imagenet
  layer1 = stem -> 3 * bottleneck(128, groups = 32, expand = 2)
  layer2 = layer1 -> bottleneck(256, 2, 32, 2) -> 3 * bottleneck(256, groups = 32, expand = 2)
  layer3 = layer2 -> bottleneck(512, 2, 32, 2) -> 5 * bottleneck(512, groups = 32, expand = 2)
  layer4 = layer3 -> bottleneck(1024, 2, 32, 2) -> 2 * bottleneck(1024, groups = 32, expand = 2)
  output layer4 -> pooled(1000)
}
"""
VIT = """archlang 1
import std.attention (encoder, patch_embedding)
network ViT {
  input image: [3, 224, 224]
  tokens = image -> patch_embedding(768) -> 12 * encoder(12, 3072) -> layer_norm
  output tokens -> slice(0, stop = 1) -> flatten -> linear(1000)
}
"""


@pytest.mark.parametrize(("text", "parameters"), [(RESNEXT, 25_028_904), (VIT, 86_567_656)], ids=["resnext", "vit"])
def test_published_sizes(text: str, parameters: int) -> None:
    assert loads(text).parameters == parameters


def test_mobilenet() -> None:
    assert load(ROOT / "examples" / "13_table.arch").parameters == 3_504_872


CODE = 'words("1100", "0110", "0011", "1001")'
USES = {
    "coded": ["grouped(8, 4, 2, stride = 2)", f"coded(8, 2, {CODE}, stride = 2)", f"coded_concat(8, 2, {CODE})",
              f"coded_stage(8, 2, {CODE}, 2)", f"coded_stage(8, 2, {CODE}, 2, use = false)"],
    "conv": ["unit(8, act = silu)", "pre_activated(8, stride = 2)", "separable(8)", "inverted(4)", "inverted(6, 1)"],
    "resnet": ["projection(4)", "projection(8, 2)", "basic(8, stride = 2)", "bottleneck(4, groups = 2)",
               "stem_cifar(8)", "stem_imagenet(8)"],
    "heads": ["pooled(5)", "dense(5, 8, drop = 0.1)", "pyramid(5)"],
    "squeeze": ["squeezed(3, gate = hardsigmoid)", "se_unit(8, ratio = 4)", "se_basic(8, stride = 2, ratio = 4)"],
    "boost": ["boosted_unit(8, boost = acb)", "boosted_basic(8, 2, propose)", "boosted_bottleneck(4, boost = dbb)",
              "boosted_inverted(4, boost = propose(seed = 2))", "boosted_repvgg(8, stride = 2)",
              "boosted_pair(6, boost = propose)", "boosted_separable(8, boost = dbb, dilation = 2)"],
    "backbone": ["deep_stem()", "plain_stem()"],
    "pce": ["project(3x3, 8)", "expert(8, drop = 0.2)", "pce(8, 8x8, n = 2)"],
    "layers": ["flattened(5)", "pooled(5)", "resized(5, 4x4)"],
    "convnext": ["convnext()", "patched(8)"],
    "dense": ["dense_layer(6)", "transition()"],
    "mobile": ["mbconv(8, 16, squeeze = 2)", "ghost(8)", "ghost_bottleneck(8, 16, stride = 2, squeeze = 4)",
               "shuffle_unit(8, stride = 2)"],
    "segment": ["double(8)", "down(8)", "down(16) -> up(x)", "aspp(8)", "pyramid_pooling()", "cells(2x2, 4)"],
    "attention": ["patch_embedding(8, patch = 8x8) -> encoder(2, 16) -> mlp(4, act = relu)"],
}


def test_every_standard_block_is_documented_and_has_an_example() -> None:
    for block in standard_library():
        assert block.doc and block.name in block.used, block.signature
    assert {block.module for block in standard_library()} == {f"std.{path.stem}" for path in STD.glob("*.arch")}


@pytest.mark.parametrize("block", standard_library(), ids=lambda block: f"{block.module}.{block.name}")
def test_the_example_of_each_standard_block_is_a_network(block: StandardBlock) -> None:
    imported, *lines = block.example.splitlines()
    net = loads("\n".join(["archlang 1", imported, "network N {", *lines, "}", ""]))
    assert net.parameters > 0
    assert net.warnings == ()


@pytest.mark.parametrize(("module", "use"), [(module, use) for module, uses in USES.items() for use in uses])
def test_each_standard_block_runs(module: str, use: str) -> None:
    names = {part.partition("(")[0] for part in use.split(" -> ")}
    net = loads(f"archlang 1\nimport std.{module} ({', '.join(sorted(names))})\n"
                f"network N {{ input x: [4, 32, 32]\n output x -> {use} }}\n")
    assert net.warnings == ()
    model = compile(net)
    assert sum(p.numel() for p in model.parameters()) == net.parameters
    assert model(torch.randn(2, 4, 32, 32)).shape[1:] == net.graph.type(net.graph.outputs[0].port).dims
