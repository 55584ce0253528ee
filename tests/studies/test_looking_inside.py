"""Numbers in pictures of trained models beside plain torch, scikit-learn and numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score
from torch import nn
from torch.nn import functional

from archlang.compiler import compile, fuse
from archlang.diagnostics import ArchError
from archlang.elaborate import loads
from archlang.studies.curves import log_of, shared
from archlang.studies.embedding import nearest_alike, places_of
from archlang.studies.gradcam import class_maps
from archlang.studies.patch_experts.specialisation import mutual_information, specialisation_of, switched_off
from archlang.studies.pbconv.magnitudes import layers_of, means_of, positions_of, pruned
from archlang.studies.stages import features_of, stage_node
from archlang.transform import apply

NET = """archlang 1
network N {
  input image: [1, 6, 6]
  first = image -> conv(3x3, 4) -> relu
  second = first -> conv(3x3, 5) -> relu -> max_pool(2x2)
  output second -> flatten -> linear(3)
}
"""


def images(count: int, *sizes: int) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(3)
    return torch.rand(count, *sizes, generator=chance), torch.randint(0, 3, (count,), generator=chance)


class Plain(nn.Module):
    """The network of NET, written by hand."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 5, 3, padding=1)
        self.last = nn.Linear(45, 3)
        held = iter(model.state_dict().values())
        for parameter in self.parameters():
            value = next(held)
            assert value.shape == parameter.shape
            parameter.data.copy_(value)

    def maps(self, x: torch.Tensor) -> torch.Tensor:
        return functional.max_pool2d(self.two(self.one(x).relu()).relu(), 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.maps(x).flatten(1))


@pytest.fixture(scope="module")
def both() -> tuple[torch.fx.GraphModule, Plain]:
    torch.set_num_threads(1)
    model = compile(loads(NET), seed=4).eval()
    return model, Plain(model).eval()


@pytest.mark.parametrize("wanted", [None, 2])
def test_gradcam_is_that_of_a_plain_module(both: tuple[torch.fx.GraphModule, Plain], wanted: int | None) -> None:
    model, plain = both
    x, _ = images(4, 1, 6, 6)
    stage, found = class_maps(model, x, "second", wanted, device="cpu")
    assert stage == "second"
    for i, one in enumerate(found):
        maps = plain.maps(x[i : i + 1]).detach().requires_grad_(True)
        scores = plain.last(maps.flatten(1))[0]
        kind = int(scores.argmax()) if wanted is None else wanted
        scores[kind].backward()
        assert maps.grad is not None
        shares = maps.grad.numpy().mean((2, 3))[0]
        by_hand = np.maximum((shares[:, None, None] * maps.detach().numpy()[0]).sum(0), 0)
        by_hand = by_hand / by_hand.max() if by_hand.max() > 0 else by_hand
        assert one.map.numpy() == pytest.approx(by_hand, abs=1e-5)
        assert (one.wanted, one.predicted) == (kind, int(scores.argmax()))
    assert all(p.grad is None for p in model.parameters())
    # Without a stage the last that has maps: the pooled ones.
    assert torch.equal(class_maps(model, x, None, wanted, device="cpu")[1][0].map, found[0].map)


def test_features_are_what_leaves_the_stage(both: tuple[torch.fx.GraphModule, Plain]) -> None:
    model, plain = both
    x, labels = images(40, 1, 6, 6)
    found = features_of(model, (x, labels), ["second"], most=1000, device="cpu")
    with torch.no_grad():
        rows = {tuple(row.tolist()): None for row in plain.maps(x).mean((2, 3)).double().round(decimals=4)}
    assert len(found.labels) == len(found.rows["second"])
    assert all(tuple(row.tolist()) in rows for row in found.rows["second"].round(decimals=4))
    with pytest.raises(ArchError, match="no stage called"):
        stage_node(model, "secnd")


def test_tsne_brings_like_samples_together() -> None:
    middles = torch.eye(3)[torch.arange(30) % 3] * 20
    rows = middles + torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
    places, labels = places_of(rows, 1), torch.arange(30) % 3
    assert nearest_alike(places, labels) == nearest_alike(rows, labels) == 1.0
    assert torch.equal(places, places_of(rows, 1))
    with pytest.raises(ArchError, match="too few"):
        places_of(rows[:3])
    with pytest.raises(ArchError, match="not finite"):
        places_of(rows / 0)


def test_mutual_information_is_that_of_scikit_learn() -> None:
    chance = np.random.default_rng(5)
    for _ in range(5):
        a = chance.integers(0, 4, 200)
        b = (a + chance.integers(0, 3, 200)) % 5
        wanted = mutual_info_score(a, b) / np.log(2)
        assert mutual_information(torch.from_numpy(a), torch.from_numpy(b)) == pytest.approx(wanted, abs=1e-12)


EXPERTS = """archlang 1
network N {
  input x: [4]
  output x -> experts(2, cosine_router(linear(6), threshold = none)) { linear(3) }
}
"""


def test_an_expert_switched_off_leaves_the_other_alone() -> None:
    model = compile(loads(EXPERTS), seed=2).eval()
    x, labels = images(60, 4)
    modules = {name: m for name, m in model.named_modules() if isinstance(m, nn.Linear)}
    experts = [m for name, m in modules.items() if m.out_features == 3]
    assert len(experts) == 2
    whole, left = switched_off(model, (x, labels), device="cpu")
    from archlang.train.loop.evaluation import data_of

    test, right = data_of(model, (x, labels)).test.batch(range(len(data_of(model, (x, labels)).test)))
    record = model.archlang
    seen = test
    if record.mean is not None:
        seen = (test - torch.tensor(record.mean)) / torch.tensor(record.std)
    with torch.no_grad():
        assert whole == pytest.approx(float((model(seen).argmax(1) == right).double().mean()))
        for one in left:
            other = experts[2 - one.expert]
            assert one.accuracy == pytest.approx(float((other(seen).argmax(1) == right).double().mean()))

    sites, names = specialisation_of(model, (x, labels), device="cpu")
    (router,) = [m for m in model.modules() if type(m).__name__ == "CosineRouter"]
    (embed,) = [m for name, m in modules.items() if m.out_features == 6]
    with torch.no_grad():
        keys = functional.normalize(router.keys, dim=1)
        weights = (functional.normalize(embed(seen), dim=1) @ keys.t()).softmax(1).double()
    for kind in range(3):
        assert sites[0].by_class[kind] == pytest.approx(weights[right == kind].mean(0).tolist(), abs=1e-6)
    assert sites[0].about_place == 0 and names == ("0", "1", "2")
    wanted = mutual_info_score(weights.argmax(1).numpy(), right.numpy()) / np.log(2)
    assert sites[0].about_class == pytest.approx(wanted, abs=1e-9)
    assert sites[0].cosines is not None and sites[0].cosines[0][1] == pytest.approx(float(keys[0] @ keys[1]), abs=1e-6)


def test_maps_of_positions_are_those_of_the_weights(both: tuple[torch.fx.GraphModule, Plain]) -> None:
    model, plain = both
    found = {layer.name: layer for layer in positions_of(model)}
    for layer, conv in zip(found.values(), (plain.one, plain.two), strict=True):
        sums = np.abs(conv.weight.detach().numpy()).sum((0, 1))
        assert np.array(layer.map) == pytest.approx(sums / sums.max(), abs=1e-6) and layer.branches == ()
    (mean,) = means_of(tuple(found.values()))
    by_hand = np.mean([layer.map for layer in found.values()], 0)
    assert np.array(mean.map) == pytest.approx(by_hand) and mean.dispersion == pytest.approx(by_hand.std())


def test_pruning_a_position_is_a_zero_there_in_all_layers(both: tuple[torch.fx.GraphModule, Plain]) -> None:
    model, plain = both
    data = images(60, 1, 6, 6)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    whole, left = pruned(model, data, device="cpu")
    assert len(left) == 9 and all(torch.equal(value, before[name]) for name, value in model.state_dict().items())

    from archlang.train.loop.evaluation import data_of

    read = data_of(model, data).test
    x, right = read.batch(range(len(read)))
    for one in left:
        bare = Plain(model)
        with torch.no_grad():
            for conv in (bare.one, bare.two):
                conv.weight[:, :, one.row - 1, one.column - 1] = 0
            assert one.accuracy == pytest.approx(float((bare(x).argmax(1) == right).double().mean()))
    with torch.no_grad():
        assert whole == pytest.approx(float((plain(x).argmax(1) == right).double().mean()))


def test_branches_before_fusion_amount_to_the_map_after_it() -> None:
    text = """archlang 1
network N {
  input x: [2, 6, 6]
  output x -> conv(3x3, 4) -> batch_norm -> relu -> flatten -> linear(2)
}
"""
    model = compile(apply(loads(text), "pbconv{seed=1}"), seed=1).eval()
    (layer,) = positions_of(model)
    assert len(layer.branches) >= 2 and max(v for _, rows in layer.branches for row in rows for v in row) == 1.0
    (after,) = positions_of(fuse(model))
    assert np.array(after.map) == pytest.approx(np.array(layer.map), abs=1e-5) and after.branches == ()
    # A branch's map is zero outside its place.
    (branches,) = layers_of(model).values()
    for branch, (_, rows) in zip(branches, layer.branches, strict=True):
        reach = np.zeros((3, 3), bool)
        (r, c), (h, w) = branch.place, branch.weight.shape[-2:]
        reach[r - 1 : r - 1 + h, c - 1 : c - 1 + w] = True
        assert (np.array(rows)[~reach] == 0).all() and (np.array(rows)[reach] > 0).all()


def test_logs_are_read_and_refused(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("epoch,phase,train_loss,test_loss\n1,all,2.0,\n2,all,1.0,0.5\n")
    log = log_of(str(tmp_path))
    assert log.course("train_loss") == [(1, 2.0), (2, 1.0)] and log.course("test_loss") == [(2, 0.5)]
    assert shared([log], ()) == ("train_loss", "test_loss") and "phase" not in log.figures
    for text, said in (("epoch\n", "no epoch"), ("a,b\n1,2\n", "no log")):
        (tmp_path / "log.csv").write_text(text)
        with pytest.raises(ArchError, match=said):
            log_of(str(tmp_path))
    with pytest.raises(ArchError, match="cannot read"):
        log_of(str(tmp_path / "missing"))
    with pytest.raises(ArchError, match="no run has"):
        shared([log], ("tset_loss",))
