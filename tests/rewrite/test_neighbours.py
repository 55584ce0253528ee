"""Conformance, part B: what stands directly before and behind a convolution or dense map."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.rewrite.branches import Affine
from tests.rewrite.harness import check, exported
from tests.rewrite.subjects import Flow, Functional, chain, conv, randomised

MAP = (2, 4, 9, 8)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_case_27_convolutions(stride, dilation, groups):
    for padding in range(4):
        made = conv(4, 8, 3, stride=stride, dilation=dilation, groups=groups, padding=padding, bias=padding % 2 == 0)
        check(made, (2, 4, 9, 8), known=False)


@pytest.mark.parametrize("k", [3, 4, 5, 6, 7])
@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_case_27_kernels_and_padding_modes(k, mode):
    check(conv(4, 6, k, padding=3, padding_mode=mode), MAP, known=False)


def test_case_27_other_ranks():
    check(chain(nn.Conv1d(4, 6, 3), nn.BatchNorm1d(6)), (2, 4, 9), known=True)
    check(chain(nn.Conv3d(2, 6, (1, 3, 2), groups=2), nn.BatchNorm3d(6)), (2, 2, 5, 5, 4))
    check(chain(nn.Conv2d(4, 6, (1, 7), padding="same"), nn.BatchNorm2d(6)), MAP)


@pytest.mark.parametrize("out", [4, 6])
@pytest.mark.parametrize("groups", [1, 2])
def test_case_28_and_29_transposed(out, groups):
    settings = {"groups": groups, "stride": 2, "padding": 1, "output_padding": 1, "dilation": 2}
    check(chain(nn.ConvTranspose1d(4, out, 3, **settings), nn.BatchNorm1d(out)), (2, 4, 7), known=True)
    check(chain(nn.ConvTranspose2d(4, out, 3, **settings), nn.BatchNorm2d(out)), (2, 4, 5, 6))
    check(chain(nn.ConvTranspose3d(4, out, 3, **settings), nn.BatchNorm3d(out)), (2, 4, 3, 3, 3))
    check(chain(nn.ConvTranspose2d(4, 4, 2, groups=4), nn.BatchNorm2d(4)), (2, 4, 5, 6))


def test_case_30_linear_2d():
    check(chain(nn.Linear(4, 6), nn.BatchNorm1d(6)), (5, 4), known=True)
    check(chain(nn.Linear(4, 6, bias=False), nn.BatchNorm1d(6)), (5, 4), known=False, left=1, reasons=["rank-unknown"])


@pytest.mark.parametrize("length", [6, 5])
def test_case_31_linear_3d(length):
    check(chain(nn.Linear(4, 6), nn.BatchNorm1d(length)), (2, length, 4), known=True, left=1, reasons=["other-axis"])
    check(chain(nn.Linear(4, 6), nn.BatchNorm1d(length)), (2, length, 4), known=False, left=1)


def test_case_32_linear_one_feature():
    check(chain(nn.Linear(4, 6), nn.BatchNorm1d(1)), (2, 1, 4), left=1)


def test_case_33_conv1d_unbatched():
    check(chain(nn.Conv1d(4, 6, 3), nn.BatchNorm1d(6)), (4, 8), left=1)


def test_case_34_no_affine():
    check(chain(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6, affine=False)), MAP)
    check(chain(nn.Linear(4, 6), nn.BatchNorm1d(6, affine=False)), (5, 4), known=True)


def test_case_35_no_statistics():
    check(chain(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6, track_running_stats=False)), MAP, left=1,
          reasons=["no-statistics"])

    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(4, 6, 3)

        def forward(self, x):
            return functional.batch_norm(self.conv(x), None, None, training=True)

    check(Bare(), MAP, left=1)


def test_case_36_synchronised_and_instance_norms():
    check(chain(nn.Conv2d(4, 6, 3), nn.SyncBatchNorm(6)), MAP, known=True)
    check(chain(nn.Conv2d(4, 6, 3), nn.InstanceNorm2d(6, affine=True, track_running_stats=True)), MAP)
    check(chain(nn.Conv2d(4, 6, 3), nn.InstanceNorm2d(6, affine=True)), MAP, left=1)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_case_37_bn_then_conv(mode):
    check(chain(nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, padding=1, padding_mode=mode)), MAP)
    check(chain(nn.BatchNorm2d(4), nn.Conv2d(4, 8, 3, stride=2, groups=2)), MAP)
    check(chain(nn.BatchNorm2d(4), nn.ZeroPad2d(1), nn.Conv2d(4, 6, 3)), MAP, left=1, reasons=["border"])
    check(chain(nn.BatchNorm2d(4), nn.ZeroPad2d((1, -1, -1, 0)), nn.Conv2d(4, 6, 3)), MAP, left=1, reasons=["border"])


def test_case_37_bn_then_padded_conv():
    check(chain(nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, padding=1)), MAP, left=1, reasons=["border"])
    model = randomised(chain(nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, padding=1)))
    model[0].running_mean.zero_()
    model[0].bias.data.zero_()
    check(model, MAP, prepared=True)
    check(chain(nn.BatchNorm1d(4), nn.Linear(4, 6)), (5, 4), known=True)
    check(chain(nn.BatchNorm2d(4), nn.Conv2d(4, 6, 1)), MAP)
    check(chain(nn.BatchNorm2d(4), nn.ConvTranspose2d(4, 6, 3)), MAP, left=1, reasons=["transposed"])


def test_case_38_double_bn():
    check(chain(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.BatchNorm2d(6)), MAP)
    check(chain(nn.BatchNorm2d(4), nn.BatchNorm2d(4), nn.Conv2d(4, 6, 1), nn.BatchNorm2d(6)), MAP)


def test_case_39_identity_or_dropout_between():
    check(chain(nn.Conv2d(4, 6, 3), nn.Identity(), nn.Dropout2d(), nn.Dropout(), nn.BatchNorm2d(6)), MAP)
    dropping = Flow(lambda s, x: s.norm(functional.dropout(s.conv(x), 0.5, False)), conv=nn.Conv2d(4, 6, 3),
                    norm=nn.BatchNorm2d(6))
    check(dropping, MAP)


def test_case_40_relu_between():
    check(chain(nn.Conv2d(4, 6, 3), nn.ReLU(), nn.BatchNorm2d(6)), MAP, left=1, reasons=["no-contraction"])


def test_case_41_reshape_and_cat():
    between = {
        "flatten": (lambda s, x: s.norm(s.a(x).flatten(2)), nn.BatchNorm1d(6)),
        "shuffle": (lambda s, x: s.norm(s.a(x).reshape(2, 2, 3, 7, 6).transpose(1, 2).reshape(2, 6, 7, 6)),
                    nn.BatchNorm2d(6)),
        "cat": (lambda s, x: s.norm(torch.cat([s.a(x), s.b(x)], 1)), nn.BatchNorm2d(12)),
    }
    def made(name):
        run, norm = between[name]
        return Flow(run, a=nn.Conv2d(4, 6, 3), b=nn.Conv2d(4, 6, 3), norm=norm)

    check(made("shuffle"), MAP, left=1, reasons=["no-contraction"])
    check(made("cat"), MAP, convs=2)
    check(made("flatten"), MAP, known=True)
    check(made("flatten"), MAP, known=False, left=1, reasons=["rank-unknown"])
    levit = Flow(lambda s, x: s.norm(s.a(x).flatten(0, 1)).reshape(2, 5, 6), a=nn.Linear(4, 6), norm=nn.BatchNorm1d(6))
    check(levit, (2, 5, 4), known=True)
    check(levit, (2, 5, 4), known=False, left=1, reasons=["rank-unknown"], prepared=True)


def test_case_42_scale_const():
    check(chain(nn.Conv2d(4, 6, 3), Affine(6), nn.BatchNorm2d(6)), MAP)
    check(chain(Affine(4), nn.Conv2d(4, 6, 3)), MAP)
    check(chain(nn.Linear(4, 6), Affine(6, 0)), (5, 4))
    numbers = Flow(lambda s, x: (1 - 2 * s.norm(s.conv(x) / 3 + 0.5)) * -0.5, conv=nn.Conv2d(4, 6, 3),
                   norm=nn.BatchNorm2d(6))
    check(numbers, MAP)

    class Viewed(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.gamma = nn.Conv2d(4, 6, 3), nn.Parameter(torch.randn(6))

        def forward(self, x):
            return self.conv(x) * self.gamma.view(1, -1, 1, 1)

    made = check(Viewed(), MAP, known=True)
    assert "gamma" not in made.state_dict() and len(made.graph.nodes) == 3


def test_case_43_functions():
    for how in ("args", "kwargs"):
        check(Functional(how), MAP, known=True)
    check(Functional("training"), MAP, left=1, reasons=["training-mode"])
    check(Functional("calculated"), MAP, left=1, known=True, reasons=["calculated-weights"])
    kwargs = Flow(lambda s, x: s.norm(input=s.conv(input=x)), conv=nn.Conv2d(4, 6, 3), norm=nn.BatchNorm2d(6))
    check(kwargs, MAP)


class Branched(nn.Module):
    """Most patterns in one model."""

    def __init__(self):
        super().__init__()
        self.a, self.na = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.b, self.nb = nn.Conv2d(4, 4, (3, 1), bias=False), nn.BatchNorm2d(4)
        self.c, self.nc = nn.Conv2d(4, 4, 1, padding="same", bias=False), nn.BatchNorm2d(4)
        self.pool, self.skip = nn.AvgPool2d(3, 1, 1), nn.BatchNorm2d(4)
        self.up = nn.ConvTranspose2d(4, 6, 2, stride=2)
        self.norm, self.head, self.last = nn.BatchNorm2d(6), nn.Linear(6, 5), nn.BatchNorm1d(5)

    def forward(self, x):
        y = self.na(self.a(x)) + self.nb(self.b(functional.pad(functional.pad(x, (1, 1, 1, 1)), (0, -2, 0, 0))))
        y = y + self.nc(self.c(x)) - self.pool(x) + self.skip(x)
        y = self.norm(self.up(torch.relu(y))).mean((2, 3))
        return self.last(self.head(functional.dropout(y, 0.5, self.training)))


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_exported_graphs():
    for graph in (exported(Branched(), MAP), exported(conv(4, 6, 3), MAP), exported(Functional("kwargs"), MAP),
                  exported(conv(4, 6, 4, padding=2, padding_mode="reflect"), MAP)):
        check(graph, MAP, convs=3 if len(list(graph.graph.nodes)) > 40 else 1, prepared=True)
    check(Branched(), MAP, convs=3, known=True)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_decomposed_graphs():
    model = randomised(conv(4, 6, 3))
    x = torch.randn(MAP, dtype=torch.float64)
    graph = torch.export.export(model, (x,)).run_decompositions().module()
    check(graph, MAP, prepared=True)
