"""Stages of experts as sites of losses: which weights are read, which stages `of` picks, what is reported."""

from __future__ import annotations

import pytest
import torch

import archlang
from archlang.compiler import compile
from archlang.diagnostics import ArchError
from archlang.elaborate import Network, loads
from archlang.emit import observing
from archlang.graph.patch_experts import expert_sites
from archlang.train import fit
from archlang.train.loop.evaluation import losses_of
from archlang.train.losses.objective import inner_ports, objective, values_of
from archlang.train.losses.patch_experts import collapse, confidence

TEXT = """archlang 1
import std.pce (pce)
network N {
  input image: [1, 8, 8]
  first  = image -> pce(4, 4x4, 3, 0.1, 0.0)
  second = first -> experts(2, cross_connection(hidden = 0)) { conv(3x3, 4) }
  logits = second -> global_avg_pool -> linear(10)
  output logits
}
train {
  loss      = cross_entropy(logits, label) + LOSS
  optimizer = sgd(lr = 0.1)
  phase all { epochs = 1 }
}
"""


def network(loss: str) -> Network:
    return loads(TEXT.replace("LOSS", loss))


def test_every_stage_of_experts_is_a_site() -> None:
    first, second = expert_sites(network("confidence()").graph)
    assert (first.name, first.experts, second.name, second.experts) == ("first.pce.experts", 3, "second.experts", 2)
    assert first.cut is not None and second.cut is None
    assert first.before.node == first.weights.node and first.before != first.weights
    assert second.before == second.weights


def test_losses_read_the_weights_before_and_after_the_filter() -> None:
    torch.set_num_threads(1)
    net = network("0.5 * confidence() + 2 * collapse(below = 0.4)")
    assert net.graph.plan is not None
    losses, sites = net.graph.plan.losses, expert_sites(net.graph)
    goal, ports = objective(losses, net.graph), inner_ports(losses, net.graph)
    x, label = torch.randn(4, 1, 8, 8), torch.tensor([1, 2, 3, 4])
    model = observing(compile(net).eval(), net.graph, ports)
    values = values_of(net.graph, model(x), label, ports)
    total, parts = goal(values)
    before, after = ([values[getattr(site, which)] for site in sites] for which in ("before", "weights"))
    assert len(before[0]) == 4 * 4 and len(before[1]) == 4
    assert parts["confidence"].allclose(confidence(before, {}))
    assert parts["collapse"].allclose(collapse(after, {"below": 0.4}))
    assert total.allclose(parts["cross_entropy"] + 0.5 * parts["confidence"] + 2 * parts["collapse"])
    assert float(parts["unused_experts"]) == 0


def test_of_picks_a_stage() -> None:
    plan = network('confidence(of = "second")').graph.plan
    assert plan is not None and [site.name for site in plan.losses[1].sites] == ["second.experts"]


@pytest.mark.parametrize(("loss", "said"), [
    ('confidence(of = "third")', "`confidence` has no site `third`"),
    ("collapse(below = 0)", "a number greater than 0, at most 1"),
    ("collapse(below = 1.5)", "1.5"),
])
def test_what_is_refused(loss: str, said: str) -> None:
    with pytest.raises(ArchError) as caught:
        network(loss)
    assert said in str(caught.value)


def test_a_network_without_experts_has_no_site() -> None:
    text = TEXT.replace("pce(4, 4x4, 3, 0.1, 0.0)", "conv(3x3, 4)").replace(
        "experts(2, cross_connection(hidden = 0)) { conv(3x3, 4) }", "relu").replace("import std.pce (pce)\n", "")
    with pytest.raises(ArchError, match="`collapse` is over the weights of experts, and the network has none"):
        loads(text.replace("LOSS", "collapse()"))


def test_training_reports_each_loss_and_the_literal_count() -> None:
    torch.set_num_threads(1)
    net = network("0.01 * confidence() + 0.001 * collapse(below = 0.01)")
    done = fit(net, "digits", epochs=1, seed=0, device="cpu")
    assert set(done.history[0].parts) == {"cross_entropy", "confidence", "collapse", "unused_experts"}


@pytest.mark.parametrize(("body", "sites"), [
    ("x -> experts(4, sparse_connection(keep = 1), over = positions) { linear(6) }", 1),
    ("x -> experts(4, sparse_connection(keep = 2, capacity = 1.0), over = positions) { linear(6) }", 1),
    ("x -> 2 * residual { layer_norm -> experts(4, sparse_connection(keep = 1), over = positions) { linear(6) } }", 2),
    ("x -> e -> relu -> e", 2),
])
def test_the_balance_is_that_of_all_weights_whatever_the_filter_keeps(body: str, sites: int) -> None:
    """Of a sparse gate too P is a mean over the softmax of all experts, so that one that is not kept has a gradient."""
    layer = "layer e = experts(4, sparse_connection(keep = 1), over = positions) { linear(6) }\n" * ("-> e" in body)
    text = (f"archlang 1\nnetwork N {{ input x: [5, 6]\n {layer} y = {body} -> flatten -> linear(3)\n output y }}\n"
            "train { loss = cross_entropy(y, label) + 0.5 * load_balance()\n optimizer = sgd(lr = 0.1)\n"
            " phase all { epochs = 1 } }")
    model = archlang.compile(archlang.loads(text)).double()
    for module in model.modules():
        if type(module).__name__ == "SparseGates":
            for weight in module.parameters():
                torch.nn.init.normal_(weight, generator=torch.Generator().manual_seed(1))
    graph = model.archlang.network.graph
    losses = losses_of(graph)
    ports = inner_ports(losses, graph)
    values = values_of(graph, observing(model, graph, ports)(torch.randn(16, 5, 6, dtype=torch.float64)),
                       torch.arange(16) % 3, ports)
    goal = objective(losses, graph)
    gates = [values[read].detach() for term in goal.terms if term.name == "load_balance" for read in term.reads]
    assert len(gates) == sites

    wanted = 0.0
    for weights in gates:
        assert bool((weights > 0).all()), "before the filter every expert has a weight"
        torch.testing.assert_close(weights.sum(1), torch.ones(80, dtype=torch.float64))
        for expert in range(4):
            share = sum(int(row.argmax()) == expert for row in weights) / 80
            wanted += 4 * share * float(weights[:, expert].mean()) / sites
    _, parts = goal(values)
    assert float(parts["load_balance"].detach()) == pytest.approx(wanted, abs=1e-9)
