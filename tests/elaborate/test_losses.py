"""Losses of a `train`: what a file alone shows to be wrong with what they read."""

from __future__ import annotations

import pytest

from archlang.elaborate.network import loads
from tests.elaborate.texts import text, wrong

BODY = """scores = x -> flatten -> linear(4)
  shares = scores -> softmax
  chances = scores -> sigmoid
  other = x -> flatten -> linear(5)
  one = x -> flatten -> linear(1)
  map = x -> conv(1x1, 4)
  output scores"""


def mistakes(loss: str, body: str = BODY) -> list[str]:
    """The names of the mistakes of a network with this loss."""
    train = f"train {{\n loss = {loss}\n optimizer = sgd(lr = 0.1)\n phase all {{ epochs = 1 }}\n}}"
    return [name for name in wrong(text(body, train)) if name != "unused-name"]


@pytest.mark.parametrize("loss", ["cross_entropy", "mse", "bce", "kl"])
@pytest.mark.parametrize("arguments", ["label, scores", "label, map"])
def test_exchanged_arguments(loss: str, arguments: str) -> None:
    assert mistakes(f"{loss}({arguments})") == ["exchanged-arguments"]


@pytest.mark.parametrize("loss", ["cross_entropy(label, label)", "mse(label, label)", "agreement(label)"])
def test_a_loss_reads_something_of_the_network(loss: str) -> None:
    assert mistakes(loss) == ["unknown-site"]


@pytest.mark.parametrize("stages", [
    "", " -> reshape([2, 2]) -> flatten", " -> dropout(0.1)", " -> reshape([4, 1, 1]) -> global_avg_pool",
])
@pytest.mark.parametrize("squash", ["softmax", "sigmoid", "hardsigmoid"])
@pytest.mark.parametrize("loss", ["cross_entropy(p, label)", "bce(p, label)", "kl(p, scores)", "kl(scores, p)",
                                  "iic(p)"])
def test_probabilities_are_no_scores(loss: str, squash: str, stages: str) -> None:
    body = f"scores = x -> flatten -> linear(4)\n p = scores -> {squash}{stages}\n output scores"
    assert mistakes(loss, body) == ["expected-logits"]


@pytest.mark.parametrize("loss", [
    "mse(shares, label)", "mse(chances, label)", "cross_entropy(scores, shares)", "bce(scores, chances)",
    "bce(scores, shares)", "agreement(shares)", "mixture_em(chances)",
])
def test_probabilities_where_they_belong(loss: str) -> None:
    assert mistakes(loss) == []


@pytest.mark.parametrize("stage", ["log_softmax", "relu", "softmax -> linear(4)", "sigmoid -> batch_norm"])
def test_what_is_learned_or_scaled_after_a_softmax_is_scores_again(stage: str) -> None:
    body = f"p = x -> flatten -> linear(4) -> {stage}\n output p"
    assert mistakes("cross_entropy(p, label)", body) == []


@pytest.mark.parametrize("loss", ["cross_entropy(scores, other)", "mse(scores, other)", "bce(scores, one)",
                                  "kl(scores, map)"])
def test_two_tensors_have_the_same_sizes(loss: str) -> None:
    assert mistakes(loss) == ["shape-mismatch"]


def test_cross_entropy_over_one_class_is_refused_and_bce_is_not() -> None:
    assert mistakes("cross_entropy(one, label)") == ["wrong-count"]
    assert mistakes("bce(one, label)") == []
    single = "p = x -> to_sequence -> linear(1)\n output p"
    assert mistakes("cross_entropy(p, label)", single) == ["wrong-count"]


def test_the_message_shows_the_softmax_and_says_what_to_do() -> None:
    with pytest.raises(Exception, match="applies a softmax itself") as caught:
        loads(text(BODY, "train { loss = cross_entropy(shares, label); optimizer = sgd(lr = 0.1); "
                         "phase all { epochs = 1 } }"))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.secondary[0].span.text == "softmax"
    assert "before `softmax`" in diagnostic.help[0]


@pytest.mark.parametrize("loss", ["minimize(x)", "mse(x, x)", "minimize(best)"])
def test_what_no_weight_moves_is_no_loss(loss: str) -> None:
    body = "scores = x -> flatten -> linear(4)\n best = scores -> argmax\n output scores"
    assert mistakes(loss, body) == ["unknown-site"]
