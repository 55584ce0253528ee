"""Learning rates: equal to torch's schedulers, and the edges of a phase."""

import pytest
import torch
from torch.optim import lr_scheduler

from archlang.diagnostics import ArchError
from archlang.graph.plan import Phase
from archlang.ops.values import Option, Weighted
from archlang.train.optimization.schedule import check, rate


def curve(name: str, factor: float = 1.0, **args: object) -> Weighted:
    return Weighted(((factor, Option(name, "schedule", args)),))


def torch_rates(make, steps: int, base: float = 0.1) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=base)
    scheduler = make(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("to", [0.0, 1e-4])
def test_cosine_is_torchs(to: float) -> None:
    expected = torch_rates(lambda o: lr_scheduler.CosineAnnealingLR(o, 20, eta_min=to), 20)
    assert [rate(curve("cosine", to=to), 0.1, at, 20) for at in range(20)] == pytest.approx(expected, rel=1e-9)


def test_steps_are_torchs() -> None:
    expected = torch_rates(lambda o: lr_scheduler.MultiStepLR(o, [3, 7], gamma=0.2), 10)
    assert [rate(curve("steps", at=(3, 7), by=0.2), 0.1, at, 10) for at in range(10)] == pytest.approx(expected)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 0.5, 1.0])
def test_linear_is_torchs(share: float) -> None:
    expected = torch_rates(lambda o: lr_scheduler.LinearLR(o, 1.0, share, 10), 10)
    assert [rate(curve("linear", to=0.1 * share), 0.1, at, 10) for at in range(10)] == pytest.approx(expected)
    assert rate(curve("linear", to=0.3), 0.1, 5, 10) == pytest.approx(0.2)


@pytest.mark.parametrize("power", [0.9, 1.0, 2.0])
def test_poly_is_torchs(power: float) -> None:
    expected = torch_rates(lambda o: lr_scheduler.PolynomialLR(o, 20, power), 20)
    assert [rate(curve("poly", power=power), 0.1, at, 20) for at in range(20)] == pytest.approx(expected, rel=1e-9)
    assert rate(curve("poly", power=power, to=0.05), 0.1, 20, 20) == pytest.approx(0.05)


def test_a_cool_down_is_torchs_linear_rate() -> None:
    expected = torch_rates(lambda o: lr_scheduler.LinearLR(o, 1.0, 0.0, 5), 5)
    found = [rate(curve("constant", warmup=2, cooldown=5), 0.1, at, 12) for at in range(12)]
    assert found == pytest.approx([0.0, 0.05, *[0.1] * 5, *expected])


def test_a_warm_up_and_a_cool_down_fit_the_phase() -> None:
    check([Phase("all", 5, curve("constant", warmup=2, cooldown=3))])
    with pytest.raises(ArchError, match="longer than the phase"):
        check([Phase("all", 4, curve("constant", warmup=2, cooldown=3))])


@pytest.mark.parametrize(("first", "times"), [(5, 1), (3, 2), (1, 3)])
@pytest.mark.parametrize("to", [0.0, 1e-3])
def test_restarts_are_torchs(first: int, times: int, to: float) -> None:
    expected = torch_rates(lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, first, times, eta_min=to), 20)
    found = [rate(curve("restarts", first=first, times=float(times), to=to), 0.1, at, 20) for at in range(20)]
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("rise", [0.3, 0.5])
def test_one_cycle_is_torchs(rise: float) -> None:
    # Torch turns at `pct_start * total_steps - 1` and ends at `total_steps - 1`.
    share = (rise * 20 + 1) / 21

    def make(optimizer):
        return lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=21, pct_start=share, cycle_momentum=False)

    found = [rate(curve("one_cycle", rise=rise, start=25.0, end=1e4), 0.1, at, 20) for at in range(20)]
    assert found == pytest.approx(torch_rates(make, 20), rel=1e-6)


def test_one_cycle_may_rise_to_the_end() -> None:
    assert rate(curve("one_cycle", rise=1.0, start=10.0, end=10.0), 0.1, 10, 10) == pytest.approx(0.1)


def test_a_phase_of_steps_draws_its_curve_in_steps() -> None:
    check([Phase("all", 0, curve("cosine", warmup=30), steps=40)])
    with pytest.raises(ArchError):
        check([Phase("all", 0, curve("cosine", warmup=30), steps=30)])


def test_a_warm_up_is_torchs() -> None:
    def make(optimizer):
        return lr_scheduler.LambdaLR(optimizer, lambda step: step / 4 if step < 4 else 1.0)

    expected = torch_rates(make, 8)
    assert [rate(curve("constant", warmup=4), 0.1, at, 8) for at in range(8)] == pytest.approx(expected)


def test_a_cosine_takes_what_its_warm_up_leaves() -> None:
    assert rate(curve("cosine", warmup=2, to=0.01), 0.1, 2, 10) == pytest.approx(0.1)
    assert rate(curve("cosine", warmup=2, to=0.01), 0.1, 6, 10) == pytest.approx(0.055)
    assert rate(curve("cosine", warmup=2, to=0.01), 0.1, 10, 10) == pytest.approx(0.01)


def test_milestones_count_from_the_phases_start() -> None:
    assert rate(curve("steps", at=(5,), by=0.1, warmup=2), 0.1, 5, 10) == pytest.approx(0.01)


def test_a_factor_scales_the_start_and_not_the_absolute_end() -> None:
    assert rate(curve("cosine", 0.3, to=1e-3), 0.1, 0, 10) == pytest.approx(0.03)
    assert rate(curve("cosine", 0.3, to=1e-3), 0.1, 10, 10) == pytest.approx(1e-3)


def test_without_a_curve_the_rate_stays() -> None:
    assert rate(None, 0.1, 7, 10) == 0.1


def test_a_warm_up_as_long_as_the_phase_is_refused() -> None:
    with pytest.raises(ArchError) as caught:
        check([Phase("all", 3, curve("cosine", warmup=3))])
    assert caught.value.diagnostics[0].name == "bad-phase"


def test_an_unknown_curve_is_refused() -> None:
    with pytest.raises(ArchError) as caught:
        check([Phase("all", 3, curve("zigzag"))])
    assert caught.value.diagnostics[0].name == "not-available"
