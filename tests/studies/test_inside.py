"""What flows through a routed model, against plain computations: routes, ranges, ends, classes, weights, ascent."""

from __future__ import annotations

import copy

import numpy
import pytest
import torch

from archlang.cli.commands.show_routes import strengths
from archlang.compiler import compile, fuse
from archlang.diagnostics import ArchError
from archlang.elaborate import load, loads
from archlang.layers.multipath import combine
from archlang.layers.patch_experts.dispatch import dispatches
from archlang.studies.inside import routers
from archlang.studies.maximise import Ascent, filters, maximise
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


# --- gates of experts ------------------------------------------------------------------------------------------------

SPARSE = """archlang 1
network Sparse {
  input x: [2, 4, 4]
  y = x -> conv(1x1, 3) -> experts(4, sparse_connection(keep = KEEP, hidden = 0, standardized = true)) { conv(3x3, 3) }
  z = y -> experts(3, cross_connection(hidden = 0)) { conv(1x1, 2) } -> global_avg_pool -> linear(4)
  output z
}
"""


def sparse_by_hand(
    model: torch.fx.GraphModule, x: torch.Tensor, keep: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The weights that are kept, the softmax before that, and each path's mean magnitude in the sum, [batch, 4]."""
    w = model.state_dict()
    x = torch.conv2d(x, w["y.conv.weight"], w["y.conv.bias"])
    scores = x.mean((2, 3)) @ w["y.experts.router.gates.weight"][0].T
    mean, variance = (w[f"y.experts.router.gates.standardize.{part}"] for part in ("mean", "variance"))
    before = ((scores - mean) / (variance + 1e-5).sqrt()).softmax(1)
    largest = torch.zeros_like(before).scatter(1, before.topk(keep, 1).indices, 1.0)
    kept = before * largest / (before * largest).sum(1, keepdim=True)
    made = [torch.conv2d(x, w[f"y.experts.{i}.conv.weight"], w[f"y.experts.{i}.conv.bias"], padding=1)
            for i in range(4)]
    active = torch.stack([y.abs().mean((1, 2, 3)) for y in made], 1) * kept
    return kept, before, active


@pytest.mark.parametrize("keep", [1, 2])
@pytest.mark.parametrize("form", ["compiled", "fused"])
def test_sparse_gates_and_gates_behind_them_are_the_hand_calculation(data: Data, form: str, keep: int) -> None:
    model = compile(loads(SPARSE.replace("KEEP", str(keep))), seed=2)
    samples = data.test.batch(range(30))[0]
    model.train()(samples)  # so that the standardisation has seen something
    model.eval()
    seen = model if form == "compiled" else fuse(model)
    kept, before, active = sparse_by_hand(model, samples, keep)

    ways = routes(seen, samples, device="cpu")
    shares = active / active.sum(1, keepdim=True)
    for row, way in enumerate(ways):
        assert [route.router for route in way] == ["y.experts.router", "z.experts.router"]
        torch.testing.assert_close(torch.tensor(way[0].gates), kept[row : row + 1], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(torch.tensor(way[0].outputs), shares[row], atol=1e-5, rtol=1e-4)
        assert way[0].inputs == (1.0,) and len(way[1].outputs) == 3 and sum(way[1].gates[0]) == pytest.approx(1)

    found = responses(seen, data, device="cpu")
    assert found.gates == (*(f"y.experts.router.0.{j}" for j in range(4)),
                           *(f"z.experts.router.0.{j}" for j in range(3)))
    torch.testing.assert_close(found.values[:, :4], kept.double(), atol=1e-5, rtol=1e-4)
    column = before[:, 1].double().numpy()
    strongest, weakest = found.extremes(1, 5)
    assert list(strongest) == sorted(range(30), key=lambda i: -column[i])[:5]
    assert list(weakest) == sorted(range(30), key=lambda i: column[i])[:5]
    assert sum(one.samples for _, one in found.by_class(0)) == 30

    gate = maximise(seen, "gate", "y.experts.router.0.2", ascent=FAST, device="cpu")
    logs = sparse_by_hand(model, gate.input[None], keep)[1][0].double().log()
    assert gate.after == pytest.approx(float(logs[2] - logs[[0, 1, 3]].logsumexp(0)), rel=1e-4)
    assert gate.after > gate.before
    assert all(dispatch.cut == (0.0 if name.startswith("y") else None) for name, dispatch in dispatches(seen).items())


def test_gates_over_patches_are_averaged_over_the_patches_of_a_sample(data: Data) -> None:
    model = compile(loads("""archlang 1
network Grid {
  input x: [2, 4, 4]
  y = x -> patches(2x2) -> experts(3, cross_connection(hidden = 0)) { conv(3x3, 4) } -> unpatch
  output y -> global_avg_pool -> linear(4)
}
"""), seed=5).eval()
    samples = data.test.batch(range(30))[0]
    weight = model.state_dict()["y.experts.router.gates.weight"][0]
    patches = samples.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))
    by_hand = (patches.permute(0, 2, 3, 1) @ weight.T).softmax(3).mean((1, 2))
    found = responses(model, data, device="cpu")
    torch.testing.assert_close(found.values, by_hand.double(), atol=1e-6, rtol=1e-5)
    way = routes(model, samples[:2], device="cpu")[1][0]
    torch.testing.assert_close(torch.tensor(way.gates), by_hand[1:2], atol=1e-6, rtol=1e-5)


def test_the_diagram_of_experts_has_their_weights_and_their_shares() -> None:
    model = compile(loads(SPARSE.replace("KEEP", "2")), seed=2).eval()
    way = routes(model, torch.rand(1, 2, 4, 4), device="cpu")[0]
    picture = route_picture(loads(SPARSE.replace("KEEP", "2")).graph,
                            {id: strengths(route) for route in way for id in route.nodes})
    fans = [arrow for arrow in picture.arrows if arrow.line == "fan"]
    wanted = sorted(round(g, 9) for route in way for g in route.gates[0])
    assert sorted(round(arrow.strength or 0, 9) for arrow in fans) == wanted
    shades = sorted(box.shade for box in picture.boxes if box.shade is not None)
    assert shades == pytest.approx(sorted(s for route in way for s in (*route.outputs, 1.0)), abs=1e-9)


@pytest.mark.parametrize("form", ["standardized", "scaled", "weight_norm"])
def test_filters_whose_kernels_are_calculated_are_filters(form: str) -> None:
    body = f"  input x: [3, 9, 9]\n  output x -> conv(3x3, 5, weights = {form}) as first\n"
    found = filters(compile(loads(f"archlang 1\nnetwork N {{\n{body}}}\n")))
    assert [(path, count) for path, (_, count) in found.items()] == [("first", 5)]
