"""Samples made to fit an input."""

import pytest
import torch
from torch.nn import functional

from archlang.diagnostics import ArchError
from archlang.graph.ir import Graph, InputSpec
from archlang.shapes import Tensor, symbol
from archlang.train.data.splits import Tensors
from archlang.train.fitting import Fit, fit_of, fit_to


def graph(*dims: object, **more: object) -> Graph:
    return Graph("g", inputs=(InputSpec("image", Tensor(dims), "n0", **more),))


def test_grey_is_repeated_and_resized() -> None:
    images = torch.rand(2, 1, 8, 8)
    fitted = Fit(Tensor((3, 32, 32))).shape(images)
    expected = functional.interpolate(images, (32, 32), mode="bilinear", antialias=True, align_corners=False)
    assert fitted.shape == (2, 3, 32, 32)
    assert all(torch.equal(fitted[:, c], expected[:, 0]) for c in range(3))


def test_colour_becomes_grey() -> None:
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    assert Fit(Tensor((1, 2, 2))).shape(red).unique().tolist() == pytest.approx([0.299])


def test_symbolic_sizes_keep_the_datas() -> None:
    assert Fit(Tensor((3, symbol("H"), symbol("W")))).shape(torch.rand(1, 3, 7, 9)).shape == (1, 3, 7, 9)


def test_images_without_channels_get_one() -> None:
    assert Fit(Tensor((1, 8, 8))).shape(torch.rand(4, 8, 8)).shape == (4, 1, 8, 8)


def test_images_are_flattened_for_a_vector() -> None:
    assert Fit(Tensor((64,))).shape(torch.rand(4, 1, 8, 8)).shape == (4, 64)


@pytest.mark.parametrize(
    ("dims", "sample"), [
        ((63,), (1, 8, 8)), ((3, 32, 16), (3, 8, 8)), ((16, 8, 8), (1, 8, 8)), ((2, 8, 8), (3, 8, 8)),
        ((4, 5), (5, 4)), ((1, 2, 2, 2), (1, 2, 2)),
    ]
)
def test_what_cannot_fit(dims: tuple[int, ...], sample: tuple[int, ...]) -> None:
    with pytest.raises(ArchError) as caught:
        Fit(Tensor(dims)).shape(torch.rand(1, *sample))
    assert caught.value.diagnostics[0].name == "bad-data"


def test_normalisation_from_the_training_part() -> None:
    images = torch.stack([torch.randn(500, 4, 4) * 2 + 5, torch.ones(500, 4, 4)], 1)
    fit = fit_to(graph(2, 4, 4), Tensors(images, torch.zeros(500)))
    done = fit(images)
    assert done[:, 0].mean().abs() < 1e-4
    assert abs(float(done[:, 0].std()) - 1) < 1e-3
    assert fit.std is not None
    assert fit.std[1] == 1.0


def test_mean_and_deviation_are_those_of_all_pixels() -> None:
    images = torch.tensor([0.0, 1.0, 0.0, 0.0]).view(2, 1, 1, 2)
    fit = fit_to(graph(1, 1, 2), Tensors(images, torch.zeros(2)))
    assert (fit.mean, fit.std) == ((0.25,), (0.433013,))


def test_a_vector_is_normalised_by_one_number() -> None:
    fit = fit_to(graph(6), Tensors(torch.rand(20, 6), torch.zeros(20)))
    assert fit.mean is not None
    assert len(fit.mean) == 1
    assert fit(torch.rand(3, 6)).shape == (3, 6)


def test_the_files_own_numbers_come_first() -> None:
    fit = fit_to(graph(1, 2, 2, mean=(0.5,), std=(0.25,)), Tensors(torch.rand(4, 1, 2, 2), torch.zeros(4)))
    assert (fit.mean, fit.std) == ((0.5,), (0.25,))
    assert fit_to(graph(1, 2, 2, mean=(0.5,)), Tensors(torch.rand(4, 1, 2, 2), torch.zeros(4))).std == (1.0,)


def test_data_that_is_no_numbers() -> None:
    with pytest.raises(ArchError, match="NaN"):
        fit_to(graph(1, 2, 2), Tensors(torch.full((4, 1, 2, 2), float("nan")), torch.zeros(4)))


def test_two_inputs_are_too_many() -> None:
    two = Graph("g", inputs=(InputSpec("a", Tensor((3,)), "n0"), InputSpec("b", Tensor((3,)), "n1")))
    with pytest.raises(ArchError, match="2 inputs"):
        fit_of(two)
