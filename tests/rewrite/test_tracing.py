"""A traced graph is the model: what tracing forgets is traced otherwise, or refused by name."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from archlang.diagnostics import ArchError
from archlang.rewrite import fuse
from archlang.rewrite.tracing import TraceOptions, traced
from tests.rewrite.harness import assert_same, assert_untouched, example, norms, snapshot
from tests.rewrite.subjects import chain, randomised

MAP = (2, 4, 6, 6)
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # torch's own, of its trees


class Base(nn.Module):
    """A convolution and its norm, and whatever a subclass does with them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)

    def body(self, x: Tensor) -> Tensor:
        made: Tensor = self.norm(self.conv(x))
        return made


# --- optional arguments ----------------------------------------------------------------------------------------------


class Targets(Base):
    def forward(self, x: Tensor, targets: Tensor | None = None) -> Tensor:
        y = self.body(x)
        return y if targets is None else y - targets


class Worded(Base):
    def forward(self, x: Tensor, how: str = "plain", flip: bool = False, power: int = 2) -> Tensor:
        y = self.body(x)
        if how == "soft":
            y = y.softmax(1)
        if flip:
            y = y.flip(-1)
        for _ in range(power):
            y = y * y
        return y


class ByName(Base):
    def forward(self, x: Tensor, *, scale: float = 0.5, mask: Tensor | None = None) -> Tensor:
        y = self.body(x) * scale
        return y if mask is None else y * mask


class Asking(Base):
    def forward(self, x: Tensor, shift: float = 0.0) -> Tensor:
        return self.body(x) + (shift if isinstance(shift, float) else 100)


class Several(Base):
    def forward(self, x: Tensor, *others: Tensor, **named: Tensor) -> Tensor:
        return self.body(x) + sum(others) if others else self.body(x)


@pytest.mark.parametrize("kind", [Targets, Worded, ByName, Asking])
@pytest.mark.parametrize("given", [False, True])
def test_an_argument_that_is_not_given(kind: Any, given: bool) -> None:
    model, x = randomised(kind()), example(MAP)
    made = fuse(model, (x,) if given else None)
    assert_same(model(x), made(x))
    assert norms(made) == 0 and made.meta["report"].compared


def test_an_argument_that_is_given() -> None:
    model, x, t = randomised(Targets()), example(MAP), example(MAP, 5)
    made = fuse(model, (x, t))
    assert_same(model(x, t), made(x, t))
    made = fuse(model)
    with pytest.raises(ArchError, match="`targets` was None when this model was rewritten"):
        made(x, t)
    with pytest.raises(ArchError, match="`flip` was False"):
        fuse(randomised(Worded()))(x, "plain", True)
    assert_same(model(x, None), made(x, None))


def test_a_number_that_is_not_asked_for_stays_open() -> None:
    model, x = randomised(ByName()), example(MAP)
    made = fuse(model)
    assert_same(model(x, scale=3.0), made(x, scale=3.0))


@pytest.mark.parametrize("given", [False, True])
def test_arguments_of_any_number(given: bool) -> None:
    model, x = randomised(Several()), example(MAP)
    if not given:
        with pytest.raises(ArchError, match="not-traceable"):
            fuse(model)
        return
    assert_same(model(x, x, x), fuse(model, (x, x, x))(x, x, x))


# --- chance ----------------------------------------------------------------------------------------------------------


def noisy(draw: Callable[[Tensor], Any]) -> nn.Module:
    class Noisy(Base):
        def forward(self, x: Tensor) -> Tensor:
            return self.body(x) + draw(x)

    return Noisy()


DRAWS: dict[str, tuple[Callable[[Tensor], Any], bool]] = {
    "of a shape": (lambda x: torch.rand(4, 1, 1), True),
    "normal": (lambda x: torch.randn((1, 4, 1, 1)), True),
    "integers": (lambda x: torch.randint(0, 9, (4, 1, 1)), True),
    "like": (lambda x: torch.rand_like(x), True),
    "in place": (lambda x: torch.empty(4, 1, 1).uniform_(), False),
    "method": (lambda x: x.clone().normal_(), True),
    "numpy": (lambda x: float(np.random.rand()), False),
    "python": (lambda x: random.random(), False),
    "dropout": (lambda x: functional.dropout(x, 0.5, True), True),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("given", [False, True])
def test_draws_of_chance(name: str, given: bool) -> None:
    draw, holds = DRAWS[name]
    model, x = randomised(noisy(draw)).float(), torch.randn(MAP)
    states = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    try:
        made = fuse(model, (x,) if given else None)
    except ArchError as problem:
        assert not holds and problem.diagnostics[0].name == "not-traceable"
        assert "random" in str(problem) or "differ" in str(problem)
        made = None
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == np.random.get_state()[1].tolist() and states[2] == random.getstate()
    if made is None:
        return

    for seed in (1, 2):
        torch.manual_seed(seed)
        wanted = model(x)
        torch.manual_seed(seed)
        torch.testing.assert_close(made(x), wanted, rtol=1e-4, atol=1e-4)


# --- state -----------------------------------------------------------------------------------------------------------


class Moving(Base):
    """Writes into its buffers in one of several ways."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.steps = how, 0
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        match self.how:
            case "counts":
                self.count += 1
            case "counts and uses":
                self.count += 1
                y = y * self.count
            case "adds":
                self.count.add_(1)
                y = y + self.count
            case "assigns":
                self.count = self.count + 2
                y = y + self.count
            case "follows":
                self.mean.mul_(0.9).add_(y.mean((0, 2, 3)).view(4, 1, 1), alpha=0.1)
                y = y - self.mean
            case "assigns what it follows":
                self.mean = 0.9 * self.mean + 0.1 * y.mean((0, 2, 3)).view(4, 1, 1)
                y = y - self.mean
            case "number":
                self.steps += 1
                y = y * self.steps
        return y


BUFFERS = ["counts", "counts and uses", "adds", "assigns", "follows", "assigns what it follows", "reads"]


@pytest.mark.parametrize("how", BUFFERS)
@pytest.mark.parametrize("given", [False, True])
@torch.no_grad()
def test_buffers_that_move(how: str, given: bool) -> None:
    model, x = randomised(Moving(how)), example(MAP)
    before = snapshot(model)
    made = fuse(model, (x,) if given else None)
    assert_untouched(before, snapshot(model))
    for _ in range(3):
        assert_same(model(x), made(x))
    counted = dict(made.named_buffers()).get("count")
    assert counted is None or torch.equal(counted, model.count)


def test_a_number_that_moves_is_refused() -> None:
    model = randomised(Moving("number"))
    for given in (None, (example(MAP),)):
        with pytest.raises(ArchError, match="not-traceable") as caught:
            fuse(model, given)
        assert "second call" in str(caught.value) and model.steps == 0


def test_norms_that_train_move_in_the_new_model_alone() -> None:
    model = randomised(chain(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)))
    model.train()
    model[1].eval()
    x = example(MAP)
    before = snapshot(model)
    made = fuse(model, (x,), training="keep")
    assert_untouched(before, snapshot(model))
    assert torch.equal(made.get_submodule("4").running_mean, model[4].running_mean)
    assert_same(model(x), made(x))
    assert torch.allclose(made.get_submodule("4").running_mean, model[4].running_mean)


# --- the call itself -------------------------------------------------------------------------------------------------


class Doubling(Base):
    """Its call is more than its forward."""

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)

    def __call__(self, x: Tensor) -> Any:
        return 2 * super().__call__(x)


class DoublingAny(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return 2 * super().__call__(*args, **kwargs)


class DoublingInside(Base):
    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)

    def _call_impl(self, *args: Any, **kwargs: Any) -> Any:
        return 2 * super()._call_impl(*args, **kwargs)


@pytest.mark.parametrize("kind", [Doubling, DoublingAny, DoublingInside])
def test_a_call_of_its_own(kind: Any) -> None:
    x = example(MAP)
    for model in (randomised(kind()), randomised(nn.Sequential(kind(), nn.ReLU()))):
        for given in (None, (x,)):
            try:
                made = fuse(model, given)
            except ArchError as problem:
                assert problem.diagnostics[0].name == "not-traceable"
                assert kind is not Doubling
                continue
            assert_same(model(x), made(x))


def test_a_forward_of_one_object() -> None:
    model = randomised(Doubling())
    inner = model.forward
    model.forward = lambda x: inner(x) + 1  # type: ignore[method-assign]
    with pytest.raises(ArchError, match="exchanged on this one object"):
        fuse(model)


@pytest.mark.filterwarnings("ignore:torch.get_autocast_dtype")
def test_precision_and_gradients_inside() -> None:
    class Inside(Base):
        def __init__(self, how: str) -> None:
            super().__init__()
            self.how = how

        def forward(self, x: Tensor) -> Tensor:
            match self.how:
                case "autocast":
                    with torch.autocast("cpu", torch.bfloat16):
                        return self.body(x)
                case "no autocast":
                    with torch.autocast("cpu", enabled=False):
                        return self.body(x)
                case "no_grad":
                    with torch.no_grad():
                        y = self.conv(x)
                    return self.norm(y)
                case "inference":
                    with torch.inference_mode():
                        return self.body(x)
            return self.body(x)

    x = torch.randn(MAP)
    for how in ("autocast", "no autocast", "no_grad", "inference", "none"):
        model = randomised(Inside(how)).float()
        for given in (None, (x,)):
            try:
                made = fuse(model, given)
            except ArchError as problem:
                assert how == "autocast" and given is None and "torch.autocast" in str(problem)
                continue
            wanted, got = model(x), made(x)
            assert got.dtype == wanted.dtype and got.requires_grad == wanted.requires_grad, how
            torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)


def test_gradients_stop_where_the_model_stops_them() -> None:
    class Half(Base):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Conv2d(4, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                y = self.conv(x).relu()
            return self.head(y)

    model, x = randomised(Half()), example(MAP)
    made = fuse(model)
    made(x).sum().backward()
    model(x).sum().backward()
    assert made.get_submodule("conv").weight.grad is None and model.conv.weight.grad is None
    assert torch.equal(made.get_submodule("head").weight.grad, model.head.weight.grad)


# --- export ----------------------------------------------------------------------------------------------------------


class ByShape(Base):
    """Its way depends on a size, which torch.fx does not know."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        return y.mean(3) if y.shape[2] > 3 else y.sum(3)


def test_torch_export_is_tried_with_an_example() -> None:
    model, x = randomised(ByShape()), example(MAP)
    with pytest.raises(ArchError, match="not-traceable"):
        fuse(model)
    before = snapshot(model)
    made = fuse(model, (x,))
    assert_untouched(before, snapshot(model))
    assert_same(model(x), made(x))
    assert norms(made) == 0 and made.meta["report"].compared
    assert not made.training
    larger = example((5, 4, 9, 8))
    assert_same(model(larger), made(larger))  # sizes stay open where the model lets them be


def test_an_exported_part_without_gradients() -> None:
    class Parted(Base):
        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                y = self.conv(x)
            return self.norm(y)

    model, x = randomised(Parted()), example(MAP)
    graph: Any = torch.export.export(model, (x,)).module()
    assert_same(model(x), fuse(graph)(x))
    assert_same(model(x), fuse(graph, (x,))(x))


def test_values_that_decide_are_refused_with_an_example_too() -> None:
    class Moody(Base):
        def forward(self, x: Tensor) -> Tensor:
            return self.body(x) if x.sum() > 0 else -self.body(x)

    with pytest.raises(ArchError, match="not-traceable") as caught:
        fuse(randomised(Moody()), (example(MAP),))
    assert "torch.export fails" in str(caught.value)


# --- what the caller has ---------------------------------------------------------------------------------------------


def test_a_trace_says_what_it_saw() -> None:
    trace = traced(randomised(Moving("counts")))
    assert trace.moves_buffers and not trace.doubts
    assert not traced(randomised(Moving("counts")), TraceOptions(buffers=True)).doubts
