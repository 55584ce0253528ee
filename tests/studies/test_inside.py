"""What flows through a routed model, against plain computations: routes, ranges, ends, classes, weights, ascent."""

from __future__ import annotations

import copy

import numpy
import pytest
import torch

from archlang.compiler import compile, fuse
from archlang.diagnostics import ArchError
from archlang.elaborate import load, loads
from archlang.layers.multipath import combine
from archlang.studies.inside import routers
from archlang.studies.maximise import Ascent, maximise
from archlang.studies.multipath.gates import BINS, mean_route, responses, routes
from archlang.studies.multipath.weights import parallel_weights
from archlang.train.data.splits import Data, Tensors
from archlang.views.compose import compose
from archlang.views.multipath import Strengths, route_picture

CROSSED = """archlang 1
network Crossed {
  input x: [2, 4, 4]
  y = x -> fork(2) -> each { conv(3x3, 3) -> relu } -> route(cross_prediction(conv(3x3, 5) -> batch_norm, hidden = 4))
  z = y -> each { global_avg_pool -> linear(4) } -> route(cross_connection(hidden = 0), to = 3) -> mean
  output z
}
"""
FAST = Ascent(steps=25)


@pytest.fixture(scope="module")
def model() -> torch.fx.GraphModule:
    torch.set_num_threads(1)
    return compile(loads(CROSSED), seed=3).eval()


@pytest.fixture(scope="module")
def data() -> Data:
    chance = torch.Generator().manual_seed(1)
    split = Tensors(torch.rand(30, 2, 4, 4, generator=chance), torch.arange(30) % 3)
    return Data("noise", split, split, ("a", "b", "c", "d"))


def by_hand(
    model: torch.fx.GraphModule, x: torch.Tensor
) -> tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]:
    """Gates, inputs and outputs of the cross-prediction, from the weights alone."""
    w = model.state_dict()
    ins = [torch.conv2d(x, w[f"y.each.{i}.conv.weight"], w[f"y.each.{i}.conv.bias"], padding=1).relu() for i in (0, 1)]
    z = [one.mean((2, 3)) for one in ins]
    scores = [(z[i] @ w["y.route.gates.squeeze"][i].T).relu() @ w["y.route.gates.excite"][i].T for i in (0, 1)]
    gates = torch.stack([s.softmax(1) for s in scores], 1)
    u = [[torch.conv2d(ins[i], w[f"y.route.{i}.{j}.conv.weight"], padding=1) / (1 + 1e-5) ** 0.5 for j in (0, 1)]
         for i in (0, 1)]
    outs = [sum(gates[:, i, j, None, None, None] * u[i][j] for i in (0, 1)).relu() for j in (0, 1)]
    return gates, ins, outs


def share(tensors: list[torch.Tensor]) -> torch.Tensor:
    sizes = torch.stack([t.abs().mean((1, 2, 3)) for t in tensors], 1)
    return sizes / sizes.sum(1, keepdim=True)


@pytest.mark.parametrize("form", ["compiled", "fused"])
def test_routes_are_the_hand_calculation(model: torch.fx.GraphModule, form: str) -> None:
    x = torch.rand(3, 2, 4, 4, generator=torch.Generator().manual_seed(5))
    seen = model if form == "compiled" else fuse(model)
    ways = routes(seen, x, device="cpu")
    gates, ins, outs = by_hand(model, x)
    for row, way in enumerate(ways):
        assert [r.router for r in way] == ["y.route", "z.route"]
        torch.testing.assert_close(torch.tensor(way[0].gates), gates[row], atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(torch.tensor(way[0].inputs), share(ins)[row], atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(torch.tensor(way[0].outputs), share(outs)[row], atol=1e-6, rtol=1e-4)
        assert len(way[1].outputs) == 3
    mean = mean_route(ways)
    torch.testing.assert_close(torch.tensor(mean[0].gates), gates.mean(0), atol=1e-6, rtol=1e-5)


def test_outputs_of_a_cross_connection_are_the_weighted_sums(model: torch.fx.GraphModule) -> None:
    x = torch.rand(1, 2, 4, 4, generator=torch.Generator().manual_seed(6))
    outs = by_hand(model, x)[2]
    w = model.state_dict()
    v = [o.mean((2, 3)) @ w[f"z.each.{i}.linear.weight"].T + w[f"z.each.{i}.linear.bias"] for i, o in enumerate(outs)]
    gates = torch.stack([(v[i] @ w["z.route.gates.weight"][i].T).softmax(1) for i in (0, 1)], 1)
    sums = torch.stack([y.abs().mean(1) for y in combine(gates, *v)], 1)
    way = routes(model, x, device="cpu")[0][1]
    torch.testing.assert_close(torch.tensor(way.outputs), (sums / sums.sum())[0], atol=1e-6, rtol=1e-4)


def test_gates_over_data_by_sorting_and_by_numpy(model: torch.fx.GraphModule, data: Data) -> None:
    found = responses(model, data, device="cpu")
    plain = by_hand(model, data.test.batch(range(30))[0])[0].flatten(1).double()
    assert found.gates[:4] == ("y.route.0.0", "y.route.0.1", "y.route.1.0", "y.route.1.1") and len(found.gates) == 10
    torch.testing.assert_close(found.values[:, :4], plain, atol=1e-6, rtol=1e-5)
    column = found.values[:, 1].numpy()
    top, low = found.extremes(1, 4)
    assert list(top) == sorted(range(30), key=lambda i: -column[i])[:4]
    assert list(low) == sorted(range(30), key=lambda i: column[i])[:4]
    counts = numpy.histogram(column, BINS, (0, 1))[0]
    one = found.range_of(1)
    assert list(one.counts) == counts.tolist() and one.mean == pytest.approx(column.mean())
    by_class = dict(found.by_class(1))
    assert list(by_class) == ["a", "b", "c"]
    assert by_class["b"].mean == pytest.approx(column[1::3].mean()) and by_class["b"].samples == 10
    assert list(by_class["b"].counts) == numpy.histogram(column[1::3], BINS, (0, 1))[0].tolist()


def test_weights_of_peers_share_an_axis(model: torch.fx.GraphModule) -> None:
    layers = {one.name: one for one in parallel_weights(model)}
    assert set(layers) == {"y.each.*.conv", "y.route.*.conv", "z.each.*.linear"}
    held = [model.state_dict()[f"y.each.{i}.conv.weight"].numpy().ravel() for i in (0, 1)]
    layer = layers["y.each.*.conv"]
    assert (layer.low, layer.high) == pytest.approx((min(h.min() for h in held), max(h.max() for h in held)))
    for one, weights in zip(layer.members, held, strict=True):
        assert sum(one.counts) == one.count == weights.size
        assert one.deviation == pytest.approx(weights.std(), rel=1e-5)
        assert list(one.counts) == numpy.histogram(weights.astype(float), 40, (layer.low, layer.high))[0].tolist()
    assert len(layers["y.route.*.conv"].members) == 4


@pytest.mark.parametrize(("what", "name"), [
    ("gate", "y.route.1.0"), ("output", "2"), ("cluster", "0"), ("filter", "y.each.1.conv.2"),
])
@pytest.mark.parametrize("form", ["compiled", "fused"])
def test_ascent_climbs_is_repeated_by_its_seed_and_leaves_the_model(
    model: torch.fx.GraphModule, what: str, name: str, form: str
) -> None:
    seen = copy.deepcopy(model) if form == "compiled" else fuse(model)
    before = copy.deepcopy(seen.state_dict())
    trained = [p.requires_grad for p in seen.parameters()]
    one = maximise(seen, what, name, seed=1, ascent=FAST, device="cpu")  # type: ignore[arg-type]  # one of the four
    again = maximise(seen, what, name, seed=1, ascent=FAST, device="cpu")  # type: ignore[arg-type]  # as above
    other = maximise(seen, what, name, seed=2, ascent=FAST, device="cpu")  # type: ignore[arg-type]  # as above
    assert one.after > one.before and torch.equal(one.input, again.input) and not torch.equal(one.input, other.input)
    assert all(torch.equal(v, before[k]) for k, v in seen.state_dict().items())
    assert [p.requires_grad for p in seen.parameters()] == trained and all(p.grad is None for p in seen.parameters())
    assert 0 <= float(one.image.min()) <= float(one.image.max()) <= 1


def test_the_responses_are_what_the_network_gives(model: torch.fx.GraphModule) -> None:
    x = maximise(model, "output", "3", ascent=FAST, device="cpu")
    assert x.after == pytest.approx(float(model(x.input[None])[0, 3].detach()), rel=1e-5)
    gate = maximise(model, "gate", "y.route.0.1", ascent=FAST, device="cpu")
    assert gate.after == pytest.approx(float(by_hand(model, gate.input[None])[0][0, 0, 1].logit()), rel=1e-4)


def test_the_diagram_has_each_gate_as_strength_and_each_share_as_shade(model: torch.fx.GraphModule) -> None:
    graph = loads(CROSSED).graph
    way = routes(model, torch.rand(1, 2, 4, 4), device="cpu")[0]
    picture = route_picture(graph, {id: Strengths(r.gates, r.inputs, r.outputs) for r in way for id in r.nodes})
    fans = [arrow for arrow in picture.arrows if arrow.line == "fan"]
    wanted = sorted(round(g, 9) for r in way for row in r.gates for g in row)
    assert sorted(round(arrow.strength or 0, 9) for arrow in fans) == wanted
    shades = [box.shade for box in picture.boxes if box.shade is not None]
    assert sorted(shades) == pytest.approx(sorted(s for r in way for s in (*r.inputs, *r.outputs)), abs=1e-9)
    assert len(picture.boxes) == len(compose(graph, 99).boxes)


def test_what_has_no_gates_is_refused_with_names_of_what_has() -> None:
    plain = compile(load("specs/multipath/base_cnn.arch"))
    with pytest.raises(ArchError, match="gates") as caught:
        routers(plain)
    assert "base_cnn_cc" in str(caught.value.diagnostics[0].help)
    with pytest.raises(ArchError, match="parallel"):
        parallel_weights(plain)
    with pytest.raises(ArchError, match="there is no output"):
        maximise(plain, "output", "11", ascent=FAST, device="cpu")
    with pytest.raises(ArchError, match="filter"):
        maximise(plain, "filter", "nowhere.1", ascent=FAST, device="cpu")
