"""The position search for any torch model: its scores are eq. 1, and those of the search over files."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from itertools import islice

import numpy
import pytest
import torch
from torch import nn

import archlang
from archlang.diagnostics import ArchError
from archlang.kernels import candidates
from archlang.studies.pbconv.equivalent import model_kernels, model_scores
from archlang.studies.pbconv.model_search import Search, search
from archlang.studies.pbconv.positions import dispersion, equivalent_kernels, maps_by_size
from archlang.studies.pbconv.search import written

IMAGES, LABELS = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(16) % 4


def plain() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU(),
        nn.Conv2d(6, 6, (1, 5), padding=(0, 2)), nn.ReLU(),
        nn.Conv2d(6, 8, 3), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))


def step(model: nn.Module) -> Iterator[None]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    while True:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(IMAGES), LABELS).backward()
        optimizer.step()
        yield


@pytest.fixture(scope="module")
def found() -> Search:
    return search(plain(), step, 3, iterations=3, seed=4)


def by_hand(model: nn.Module) -> dict[str, float]:
    """Eq. 1 and the deviation over positions, cell by cell, for the boosted form of `plain`."""
    maps: dict[str, list[numpy.ndarray]] = {}
    for module in model.modules():
        if type(module).__name__ != "BoostedConv":
            continue
        rows, columns = module.branches[0][0].kernel_size
        total = numpy.zeros((module.branches[0][0].out_channels, module.branches[0][0].in_channels, rows, columns))
        places = [(0, 0), *((window.row - 1, window.column - 1) for window in module.windows)]
        for branch, (top, left) in zip(module.branches, places, strict=True):
            kernel = branch[0].weight.detach().double().numpy()
            for o, channel in enumerate(kernel):
                scale = 1.0
                if len(branch) > 1:
                    norm = branch[1]
                    scale = float(norm.weight.detach()[o]) / numpy.sqrt(float(norm.running_var[o]) + norm.eps)
                for i, plane in enumerate(channel):
                    for r, c in numpy.ndindex(plane.shape):
                        total[o, i, top + r, left + c] += scale * plane[r, c]
        sums = numpy.abs(total).sum(axis=(0, 1))
        maps.setdefault(f"{rows}x{columns}", []).append(sums / sums.max())
    return {size: float(numpy.mean(layers, axis=0).std()) for size, layers in maps.items()}


def test_scores_are_equation_1(found: Search) -> None:
    assert [trial.failed for trial in found.trials] == ["", "", ""]
    for trial in found.trials:
        kernels = {size: [windows for _, windows in candidates(size, 3, 4)][trial.number] for size in found.kernels}
        model = plain()
        torch.manual_seed(4)
        model = archlang.boost(model, kernels=kernels, gamma="one").train()
        assert by_hand(model) == pytest.approx(trial.starts, abs=1e-9)
        for _ in islice(step(model), 3):
            pass
        assert by_hand(model) == pytest.approx(trial.scores, abs=1e-6)
        assert by_hand(model) != pytest.approx(trial.starts, abs=1e-6)

    # Each size has the kernels of the trial with the largest score.
    for (rows, columns), windows in found.kernels.items():
        best = max(found.trials, key=lambda trial: trial.scores[f"{rows}x{columns}"])
        assert best.kernels[f"{rows}x{columns}"] == written(windows)


def test_a_graph_has_the_scores_of_its_module(found: Search) -> None:
    traced = search(torch.fx.symbolic_trace(plain()), step, 3, iterations=3, seed=4)
    for ours, theirs in zip(traced.trials, found.trials, strict=True):
        assert ours.kernels == theirs.kernels
        assert all(abs(ours.scores[size] - theirs.scores[size]) < 1e-6 for size in theirs.scores)


def test_scores_are_those_of_a_network_of_the_language() -> None:
    net = archlang.loads("""archlang 1
    network Digits {
      input image: [1, 8, 8]
      logits = image -> conv(3x3, 6) -> batch_norm -> relu -> conv(3x3, 8, stride = 2) -> batch_norm -> relu
                     -> global_avg_pool -> linear(4)
      output logits
    }
    """)
    windows = next(w for _, w in candidates((3, 3), 1, 7))
    text = archlang.transform(net, f"pbconv{{kernels={written(windows)}}}")
    ours = archlang.compile(text, seed=3).train()
    module = archlang.boost(archlang.compile(net), kernels=windows, gamma="one").train()

    # The same weights: branch `l` is called `pbconv.l` in the text, `conv.branches.l` beside a module.
    state = dict(module.state_dict())
    for name, value in ours.state_dict().items():
        parts = name.split(".")
        if "pbconv" in parts[1]:
            number = parts[1].removeprefix("pbconv")
            inner = {"conv": "0", "batch_norm": "1"}[parts[3]]
            name = ".".join([parts[0], f"conv{number}", "branches", parts[2], inner, *parts[4:]])
        state[name] = value
    module.load_state_dict(state)

    def scores() -> float:
        return dispersion(list(maps_by_size(equivalent_kernels(ours, text.graph))[3, 3].values()))

    assert abs(model_scores(module)["3x3"] - scores()) < 1e-9
    for model in (ours, module):
        steps = step(model)
        for _ in range(3):
            next(steps)
    assert abs(model_scores(module)["3x3"] - scores()) < 1e-6


def test_a_model_that_is_not_boosted_has_kernels_too() -> None:
    model = plain().eval()
    with torch.no_grad():
        model[1].running_var.uniform_(0.5, 2, generator=torch.Generator().manual_seed(1))
    kernels = model_kernels(model)
    sizes = {name: tuple(kernel.shape[2:]) for name, kernel in kernels.items()}
    assert sizes == {"0": (3, 3), "3": (1, 5), "5": (3, 3)}
    scale = model[1].weight / (model[1].running_var + model[1].eps).sqrt()
    torch.testing.assert_close(kernels["0"].float(), model[0].weight * scale[:, None, None, None])
    # A line is one row.
    assert model_kernels(nn.Sequential(nn.Conv1d(2, 4, 7)))["0"].shape == (4, 2, 1, 7)


def test_model_and_chance_stay_as_they_were(found: Search) -> None:
    model, chance = plain(), torch.get_rng_state()
    before = copy.deepcopy(model.state_dict())
    again = search(model, step, 3, iterations=3, seed=4, device="cpu")
    assert [trial.scores for trial in again.trials] == [trial.scores for trial in found.trials]
    assert torch.equal(chance, torch.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def fails(model: nn.Module) -> Iterator[None]:
    yield
    raise RuntimeError("no more data")


def short(model: nn.Module) -> Iterator[None]:
    yield from (None, None)


def spoils(model: nn.Module) -> Iterator[None]:
    while True:
        for parameter in model.parameters():
            parameter.data.fill_(float("nan"))
        yield


@pytest.mark.parametrize(("turns", "said"), [
    (fails, "no more data"), (short, "2 steps of 3"), (spoils, "not finite any more"),
])
def test_a_search_in_which_nothing_can_be_trained(turns: Callable[[nn.Module], Iterator[None]], said: str) -> None:
    with pytest.raises(ArchError, match="diverged") as caught:
        search(plain(), turns, 2, iterations=3)
    assert said in str(caught.value)


@pytest.mark.parametrize(("model", "options", "name"), [
    (nn.Linear(3, 3), {}, "pass-does-not-apply"), (plain(), {"candidates": 0}, "out-of-range"),
    (plain(), {"types": 99}, "out-of-range"), (plain(), {"gamma": "two"}, "out-of-range"),
])
def test_what_cannot_be_searched(model: nn.Module, options: dict[str, object], name: str) -> None:
    with pytest.raises(ArchError) as caught:
        search(model, step, iterations=1, **options)
    assert caught.value.diagnostics[0].name == name
