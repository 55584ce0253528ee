"""Conformance, part A: parallel branches of one tensor, whatever their geometry."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional

from archlang.rewrite import fuse
from tests.rewrite.branches import Affine, Placed, Total, block
from tests.rewrite.harness import assert_same, check, example
from tests.rewrite.subjects import randomised

MAP = (2, 4, 9, 8)
STRANGE = [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (7, 7), (1, 7), (3, 5), (2, 3)]


def places(whole):
    """Every rectangle inside a whole, at most a handful for the large ones."""
    heights, widths = ([(a, k) for k in range(1, w + 1) for a in range(w - k + 1)] for w in whole)
    every = list(itertools.product(heights, widths))
    return every[:: max(1, len(every) // 5)]


def placed(whole, rectangles, channels=(4, 6), padding=None, how="two", settings=None, **kwargs):
    settings = settings or {}
    dilation = settings.get("dilation", (1, 1))
    padding = padding if padding is not None else [d * (k - 1) // 2 for d, k in zip(dilation, whole)]
    parts = [Placed(channels, (h, w), (a, b), whole, how, padding=padding, **settings, **kwargs)
             for (a, h), (b, w) in rectangles]
    main = Placed(channels, whole, (0,) * len(whole), whole, "two", padding=padding, **settings, **kwargs)
    return Total(main, *parts)


@pytest.mark.parametrize("whole", STRANGE, ids=str)
def test_case_01_pb_every_placement(whole):
    for rectangle in places(whole):
        check(placed(whole, [rectangle]), MAP, known=False)
    check(placed(whole, places(whole)[:4]), MAP)


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 1), (3, 3)], ids=str)
@pytest.mark.parametrize("k", [3, 4, 5, 7])
def test_case_02_pb_stride(stride, k):
    check(placed((k, k), [((0, k), (1, 1)), ((1, 1), (0, k)), ((k - 1, 1), (k - 1, 1))], settings={"stride": stride}),
          (2, 4, 15, 14))


@pytest.mark.parametrize("dilation", [(1, 1), (2, 1), (2, 3), (3, 3)], ids=str)
@pytest.mark.parametrize("stride", [1, 2])
def test_case_03_pb_dilation(dilation, stride):
    settings = {"dilation": dilation, "stride": stride}
    check(placed((3, 3), [((0, 3), (0, 1)), ((2, 1), (0, 2))], settings=settings), (2, 4, 13, 15))


@pytest.mark.parametrize("padding", [0, 1, 2, 3])
@pytest.mark.parametrize("how", ["two", "slice", "net"])
def test_case_04_pb_zero_pad_p0_and_pad_big(padding, how):
    check(placed((3, 3), [((0, 3), (0, 1)), ((0, 1), (1, 2)), ((2, 1), (2, 1))], padding=[padding] * 2, how=how), MAP)


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("k", [3, 5, 7])
def test_case_05_pb_tiny_input(size, k):
    model = placed((k, k), [((0, k), (0, 1)), ((0, k), (k - 1, 1)), ((0, 1), (0, k)), ((k - 1, 1), (0, 2))])
    check(model, (2, 4, size, size), known=False)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("k", [3, 5])
def test_case_06_pb_padding_mode(mode, k):
    check(placed((k, k), [((0, k), (0, 1)), ((1, 1), (0, k)), ((k - 1, 1), (k - 1, 1))], mode=mode), MAP)
    modules = Total(block((4, 4), k, padding_mode=mode), block((4, 4), 1), nn.Identity())
    check(modules, MAP)


@pytest.mark.filterwarnings("ignore:Using padding")
@pytest.mark.parametrize("k", [2, 4])
def test_case_07_pb_same_even(k):
    main = block((4, 6), k, padding="same")
    pads = [((k - 1) // 2, k - 1 - (k - 1) // 2)] * 2
    small = Placed((4, 6), (k, 1), (0, k - 1), (k, k), padding=pads)
    check(Total(main, small), MAP)


@pytest.mark.filterwarnings("ignore:Using padding")
@pytest.mark.parametrize("k", [2, 3, 4, 5])
@pytest.mark.parametrize("norm", [True, False])
def test_case_08_pb_identity_even(k, norm):
    check(Total(block((4, 4), k, padding="same"), nn.BatchNorm2d(4) if norm else nn.Identity()), MAP)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_case_09_pb_identity_grouped(groups):
    check(Total(block((4, 4), 3, groups=groups), nn.BatchNorm2d(4), nn.Identity()), MAP)


def test_case_10_pb_identity_strided_or_of_other_channels():
    made = check(Total(block((4, 4), 3, stride=2), nn.Identity()), (2, 4, 1, 1), reasons=["stride"])
    assert len(made.meta["report"].merges[0].parts) == 2
    check(Total(block((1, 4), 3), nn.Identity()), (2, 1, 8, 8), reasons=["channels"])
    check(Total(block((4, 4), 3, padding=0), nn.Identity()), (2, 4, 3, 3), reasons=["sizes"])


def test_case_11_pb_groups():
    check(Total(block((4, 8), 3, groups=2), block((4, 8), 1, groups=2)), MAP)
    check(Total(block((4, 4), 3, groups=4), block((4, 4), (3, 1), groups=4), block((4, 4), 1, groups=4)), MAP)
    check(Total(block((4, 12), 3, groups=4), block((4, 12), (1, 3), groups=4)), MAP)
    check(Total(block((4, 8), 3), block((4, 8), 3, groups=2), block((4, 8), 1, groups=4)), MAP)
    check(Total(block((4, 8), 3, groups=2), block((4, 8), 3, groups=4)), MAP)
    check(Total(block((6, 6), 3, groups=6), block((6, 6), 1)), (2, 6, 8, 8), convs=2, reasons=["cost"])


@pytest.mark.parametrize("norms", list(itertools.product([True, False], repeat=3)), ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_case_12_and_13_pb_bias_and_mixed_norms(norms, bias):
    parts = [Placed((4, 6), k, (0, 0), (3, 3), norm=n, bias=bias) for k, n in zip([(3, 3), (3, 1), (1, 3)], norms)]
    if norms[1]:
        parts[1].norm = nn.BatchNorm2d(6, eps=1e-1, affine=False)
    made = check(Total(*parts), MAP)
    assert any(name.endswith("bias") for name in made.state_dict()) == (bias or any(norms))


def test_case_14_pb_one_branch_in_training():
    model = randomised(Total(block((4, 6), 3), block((4, 6), (1, 3)), block((4, 6), 1)))
    model.parts[1][1].train()
    before = len(list(model.parameters()))
    made = fuse(model)
    found = [skip for skip in made.meta["report"].skipped if skip.name == "trained-branch"]
    assert found and "parts.1.1" in found[0].reason and before == 9
    assert isinstance(made.get_submodule("parts.1.1"), nn.BatchNorm2d)


def test_case_15_pb_all_padding_window():
    corner = Placed((4, 6), (1, 1), (0, 0), (5, 5), padding=[2, 2])
    check(Total(Placed((4, 6), (5, 5), (0, 0), (5, 5), padding=[2, 2]), corner), (2, 4, 1, 1))


def test_case_16_pb_overlap_and_duplicates():
    check(placed((3, 3), [((0, 3), (0, 1))] * 2 + [((0, 3), (0, 3)), ((0, 3), (0, 2)), ((0, 3), (1, 2))]), MAP)


def test_case_17_pb_not_full_coverage():
    check(placed((3, 3), [((0, 1), (0, 1))]), MAP)


@pytest.mark.parametrize("k", [3, 5])
def test_case_18_pb_1d_and_3d(k):
    line = Total(Placed((4, 6), (k,), (0,), (k,)), Placed((4, 6), (1,), (k - 1,), (k,)), block((4, 6), 1, count=1))
    check(line, (2, 4, 11), known=True)
    whole = (3, 3, k)
    volume = Total(Placed((2, 4), whole, (0, 0, 0), whole), Placed((2, 4), (1, 3, 1), (2, 0, k - 1), whole),
                   block((2, 4), 1, count=3))
    check(volume, (2, 2, 5, 5, 6))


def test_case_19_pb_dilated_branch():
    def dilated(k, d, **more):
        return block((4, 6), k, dilation=d, **more)

    check(Total(dilated(5, 1), dilated(3, 2)), MAP)
    check(Total(dilated(5, 2), dilated(3, 4)), (2, 4, 13, 12))
    check(Total(dilated(7, 1), dilated(3, 3), dilated(3, 2), dilated(5, 1)), (2, 4, 13, 12))
    check(Total(dilated(5, 2), dilated(3, 3)), MAP, convs=2, reasons=["cost"])
    check(Total(dilated(3, 1), dilated(3, 2)), MAP, convs=2, reasons=["cost"])
    check(Total(dilated(3, 1, stride=2), dilated(3, 1, stride=(2, 1))), (2, 4, 5, 1), convs=2, reasons=["stride"])


def test_case_20_pb_shared_input_only():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = block((4, 6), 3), block((4, 6), 1)

        def forward(self, x):
            return self.a(x) + self.b(x.relu())

    check(Two(), MAP, convs=2)
    inside = nn.Sequential(nn.ReLU(), *block((4, 6), 1))
    check(Total(block((4, 6), 3), inside), MAP, convs=2)
    idle = nn.Sequential(nn.Dropout(0.5), *block((4, 6), 1), nn.Identity(), nn.Dropout2d(0.1))
    check(Total(block((4, 6), 3), idle), MAP)
    model = randomised(Total(block((4, 6), 3), idle))
    model.parts[1][0].train()
    made = fuse(model)
    assert "trained-branch" in {s.name for s in made.meta["report"].skipped}
    assert isinstance(made.get_submodule("parts.1.0"), nn.Dropout)


def test_case_21_pb_partial_escape():
    class Escaping(Total):
        def forward(self, x):
            a, b, c = (part(x) for part in self.parts)
            return a + b + c, c.relu()

    check(Escaping(block((4, 6), 3), block((4, 6), (3, 1)), block((4, 6), 1)), MAP, convs=2)


@pytest.mark.parametrize("how", ["left", "right", "inplace", "alpha", "sum", "minus"])
@pytest.mark.parametrize("identity", [True, False])
def test_case_22_pb_sum_order(how, identity):
    parts = [block((4, 4), 3), block((4, 4), (1, 3)), block((4, 4), 1)]
    parts += [nn.BatchNorm2d(4)] if identity else []
    check(Total(*parts, how=how), MAP)


def test_case_23_pb_scaled_branch():
    check(Total(block((4, 6), 3), nn.Sequential(*block((4, 6), 1), Affine(6)), Placed((4, 6), (3, 1), (0, 0), (3, 3))),
          MAP)
    check(Total(nn.Sequential(Affine(4), *block((4, 6), 1)), block((4, 6), 3)), MAP)


@pytest.mark.parametrize("settings", [{}, {"divisor_override": 5}, {"count_include_pad": True}], ids=str)
def test_case_24_avg_branch(settings):
    pool = nn.AvgPool2d(3, 1, 1, **settings)
    check(Total(block((4, 4), 3), nn.Sequential(pool, nn.BatchNorm2d(4))), MAP)
    check(Total(block((4, 6), 3, stride=2), nn.Sequential(*block((4, 6), 1), nn.AvgPool2d(2, 2, 0, **settings))),
          (2, 4, 8, 8), convs=2, reasons=["sizes"])
    check(Total(block((4, 6), 3), nn.Sequential(nn.AvgPool2d(3, 1, 1, **settings), *block((4, 6), 1))), MAP)


def test_case_24_avg_branch_that_counts_otherwise():
    pool = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    made = check(Total(block((4, 4), 3), nn.Sequential(pool, nn.BatchNorm2d(4))), MAP, left=1, reasons=["pooling"])
    assert made.meta["report"].merges
    functional_pool = Total(block((4, 4), 3), nn.AvgPool2d((1, 3), 1, (0, 1)))
    check(functional_pool, MAP)


def test_case_25_seq_1x1_kxk():
    def chain(inner, outer, norm=True, bias=False, stride=1):
        first = nn.Conv2d(4, 8, 1, padding=inner, bias=bias, stride=stride)
        middle = [nn.BatchNorm2d(8)] if norm else []
        return nn.Sequential(first, *middle, nn.Conv2d(8, 6, 3, padding=outer, bias=False), nn.BatchNorm2d(6))

    check(chain(0, 0), MAP)
    check(chain(1, 0), MAP)
    check(chain(0, 1, norm=False), MAP)
    check(chain(0, 1), MAP, convs=2, reasons=["border"])
    check(chain(0, 1, norm=False, bias=True), MAP, convs=2, reasons=["border"])
    check(chain(0, 0, stride=2), MAP, convs=2, reasons=["stride"])
    check(Total(block((4, 6), 3), chain(1, 0)), MAP)
    check(Total(block((4, 6), 3), chain(0, 1)), MAP, convs=3, reasons=["border"])
    check(nn.Sequential(nn.Conv2d(2, 12, 1), nn.Conv2d(12, 2, 1)), (2, 2, 5, 5))
    check(nn.Sequential(nn.Conv2d(12, 2, 1), nn.Conv2d(2, 12, 1)), (2, 12, 5, 5), convs=2)


def test_case_26_post_sum_bn():
    check(Total(block((4, 4), 3, groups=4), nn.Conv2d(4, 4, 1, groups=4), nn.Identity(), behind=nn.BatchNorm2d(4)), MAP)


def test_branches_inside_branches():
    inner = Total(block((4, 4), 3), block((4, 4), 1), nn.BatchNorm2d(4), behind=nn.BatchNorm2d(4))
    check(Total(block((4, 4), 5), inner, nn.Identity(), behind=nn.BatchNorm2d(4)), MAP)


def test_a_tensor_that_is_overwritten_is_no_common_source():
    class Overwriting(Total):
        def forward(self, x):
            y = functional.relu(x)
            a = self.parts[0](y)
            y.mul_(2)
            return a + self.parts[1](y)

    check(Overwriting(nn.Conv2d(4, 6, 3, padding=1), nn.Conv2d(4, 6, 1)), MAP, convs=2, reasons=["changed-in-place"])


def test_case_01_random_configurations():
    generator = torch.Generator().manual_seed(0)

    def pick(low, high):
        return int(torch.randint(low, high + 1, (), generator=generator))

    for _ in range(20):
        whole = (pick(1, 7), pick(1, 7))
        groups = pick(1, 2) * 2 if pick(0, 2) == 0 else 1
        settings = {"stride": (pick(1, 3), pick(1, 3)), "dilation": (pick(1, 3), pick(1, 3)), "groups": groups}
        rectangles = []
        for _ in range(pick(1, 4)):
            size = [pick(1, w) for w in whole]
            rectangles.append([(pick(0, w - k), k) for w, k in zip(whole, size)])
        extent = [d * (k - 1) + 1 for d, k in zip(settings["dilation"], whole)]
        padding = [pick(0, 3) for _ in whole]
        shape = (1, 4, *(max(1, e - 2 * p) + pick(0, 4) for e, p in zip(extent, padding)))
        check(placed(whole, rectangles, channels=(4, 8), padding=padding, settings=settings), shape, known=False)


def test_a_merged_branch_knows_its_parts():
    model = randomised(Total(block((4, 6), 3), block((4, 6), 1)))
    merge, = fuse(model).meta["report"].merges
    assert set(merge.parts) == {"parts.0.0", "parts.0.1", "parts.1.0", "parts.1.1"} and merge.into == "parts.0.0"
    x = example(MAP)
    assert_same(model(x), fuse(model)(x))
