"""The transformation `patch-experts`: text as a person would write it, counts, refusals."""

from __future__ import annotations

import pytest

from archlang.diagnostics import ArchError
from archlang.elaborate import loads
from archlang.syntax import parse
from archlang.syntax.printer import print_file
from archlang.transform.base import apply

TEXT = """archlang 1
block mlp(w) {
  output in -> layer_norm -> linear(w) -> gelu -> linear(in.features)
}

block skipping(c) {
  body = in -> conv(3x3, c)
  output body -> add(in)
}

network N(classes = 10) {
  input image: [3, 16, 16]
  stem   = image -> conv(3x3, 8) -> batch_norm -> relu -> skipping(8)
  layer1 = stem -> conv(1x1, 32) -> batch_norm -> relu -> conv(1x1, 16) -> relu
  layer2 = layer1 -> conv(3x3, 16, stride = 2) -> batch_norm -> relu
  tokens = layer2 -> to_sequence -> residual { mlp(64) }
  output tokens -> global_avg_pool -> linear(classes)
}
"""


@pytest.mark.parametrize(("step", "line"), [
    ("stage=layer1,experts=2", "layer1 = stem   -> experts(n, cross_connection(hidden = hidden)) {"),
    ("stage=layer2,size=8x8", "layer2 = layer1 -> patches(8x8)"),
    ("stage=layer2,size=8x8,router=sparse_connection,keep=2",
     "-> experts(n, sparse_connection(hidden = hidden, keep = 2)) {"),
    ("stage=layer2,size=8x8,router=cosine_router",
     "-> experts(n, cosine_router(conv(3x3, 8) -> pyramid_pool(1, 2, 4), temperature = 0.1)) {"),
    ("stage=layer1,split=true", "conv(1x1, 32 / n) -> batch_norm -> relu -> conv(1x1, 16)\n"),
    ("stage=mlp,size=positions,split=true", "layer_norm -> linear(w / 4) -> gelu -> linear(in.features)\n"),
    ("stage=skipping.body", "body = in -> experts(4, cross_connection(hidden = 16)) { conv(3x3, c) }"),
])
def test_the_text_is_a_persons(step: str, line: str) -> None:
    made = apply(loads(TEXT), f"patch-experts{{{step}}}")
    assert line in made.listing
    # What is printed is what was checked, in canonical form.
    assert loads(made.listing).parameters == made.parameters
    assert print_file(parse(made.project.main.source)) == made.listing


def test_parameters_are_those_of_the_copies_and_the_gate() -> None:
    plain = loads(TEXT)
    stage = 3 * 3 * 16 * 16 + 2 * 16
    gate = 16 * 16 + 16 * 4
    made = apply(plain, "patch-experts{stage=layer2,size=4x4}")
    assert made.parameters == plain.parameters + 3 * stage + gate

    # Shares of a stage are as many as the stage: but for the last bias, which every expert has.
    shared = apply(plain, "patch-experts{stage=layer1,split=true}")
    assert shared.parameters == plain.parameters + 3 * 16 + (8 * 16 + 16 * 4)


def test_a_second_stage_gets_names_of_its_own() -> None:
    twice = apply(apply(loads(TEXT), "patch-experts{stage=layer1}"), "patch-experts{stage=layer2,experts=2}")
    assert "network N(classes = 10, n = 4, hidden = 16, n_2 = 2, hidden_2 = 16)" in twice.listing
    both = apply(loads(TEXT), "patch-experts{stage=layer1+layer2}")
    assert both.listing.count("experts(n, ") == 2


@pytest.mark.parametrize(("step", "name", "said"), [
    ("experts=2", "out-of-range", "`stage` says what becomes experts"),
    ("stage=layer9", "pass-does-not-apply", "no flow or block called `layer9`"),
    ("stage=layer2,split=true", "pass-does-not-apply", "`layer2` cannot be split"),
    ("stage=layer1,split=true,experts=5", "pass-does-not-apply", "inexact-division"),
    ("stage=skipping", "pass-does-not-apply", "`in` would be what enters the expert"),
    ("stage=layer1,size=positions", "pass-does-not-apply", "only a sequence"),
    ("stage=layer2,size=32x32", "pass-does-not-apply", "patch-too-large"),
    ("stage=layer2,size=0x4", "out-of-range", "rows x columns"),
    ("stage=layer2,router=cross_stitch", "out-of-range", "the router is one of"),
    ("stage=layer2,router=sparse_connection,keep=9", "pass-does-not-apply", "more than there are"),
])
def test_what_cannot_be_is_refused(step: str, name: str, said: str) -> None:
    with pytest.raises(ArchError) as caught:
        apply(loads(TEXT), f"patch-experts{{{step}}}")
    assert caught.value.diagnostics[0].name == name
    assert said in str(caught.value)
