"""Losses of embeddings, of lines and of distributions, beside torch's own and the papers' formulas."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from archlang import ArchError, loads
from archlang.train.losses.catalogue import FORMULAS
from tests.train.losses.test_further_losses import checked, scores

torch.manual_seed(0)


def test_triplets() -> None:
    def expected(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
        return functional.triplet_margin_loss(a, p, n, margin=0.7, eps=0.0)

    checked("triplet", [scores(6, 4), scores(6, 4), scores(6, 4)], expected, margin=0.7)


def test_a_triplet_at_one_point_has_a_gradient() -> None:
    x, far = scores(2, 3), scores(2, 3)
    FORMULAS["triplet"]([x, x.detach().clone(), far], {"margin": 9.0}).backward()
    assert x.grad is not None and bool(x.grad.isfinite().all())


def _clip(first: Tensor, second: Tensor, factor: Tensor) -> Tensor:
    """The pseudocode of CLIP's figure 3."""
    image = first / first.norm(dim=1, keepdim=True)
    text = second / second.norm(dim=1, keepdim=True)
    table = factor * image @ text.T
    by_rows = -torch.stack([table[i, i] - table[i].logsumexp(0) for i in range(len(table))]).mean()
    by_columns = -torch.stack([table[i, i] - table[:, i].logsumexp(0) for i in range(len(table))]).mean()
    return (by_rows + by_columns) / 2


def test_both_ways_over_the_batch() -> None:
    checked("info_nce", [scores(5, 3), scores(5, 3)], lambda a, b: _clip(a, b, torch.tensor(1 / 0.2)), temperature=0.2)
    learned = torch.full((5, 1), 14.3, dtype=torch.float64, requires_grad=True)
    checked("info_nce", [scores(5, 3), scores(5, 3), learned], lambda a, b, f: _clip(a, b, f.mean()), temperature=0.2)


def test_two_copies_among_all() -> None:
    """SimCLR's equation 1, written out for each of the 2 n rows."""
    def expected(one: Tensor, other: Tensor) -> Tensor:
        rows, n, total = [*one, *other], len(one), one.new_zeros(())
        cosine = [[functional.cosine_similarity(a, b, dim=0) / 0.3 for b in rows] for a in rows]
        for i in range(2 * n):
            others = torch.stack([cosine[i][k].exp() for k in range(2 * n) if k != i]).sum()
            total = total - (cosine[i][(i + n) % (2 * n)].exp() / others).log()
        return total / (2 * n)

    checked("nt_xent", [scores(4, 3), scores(4, 3)], expected, temperature=0.3)


@pytest.mark.parametrize("margin", [0.0, 0.5, 1.2])
def test_angles_with_a_margin(margin: float) -> None:
    x = functional.normalize(scores(6, 4).detach(), dim=1).requires_grad_()
    label = torch.tensor([0, 1, 2, 3, 0, 1])

    def expected(cosines: Tensor, y: Tensor) -> Tensor:
        total = cosines.new_zeros(())
        for row, right in zip(cosines, y.tolist(), strict=True):
            angle = row[right].acos()
            turned = (angle + margin).cos() if angle + margin < math.pi else row[right] - margin * math.sin(margin)
            logits = torch.stack([turned if i == right else c for i, c in enumerate(row)]) * 16
            total = total - logits.log_softmax(0)[right]
        return total / len(y)

    checked("arc_margin", [x, label], expected, margin=margin, scale=16.0)


def test_a_line_of_classes_is_spelt() -> None:
    """The chance of a label is the sum over all paths that spell it."""
    logits, label = scores(2, 4, 3), torch.tensor([[1, 1, 0], [2, 1, 0]])

    def spelt(path: tuple[int, ...]) -> list[int]:
        return [c for i, c in enumerate(path) if c and (i == 0 or path[i - 1] != c)]

    def expected(x: Tensor, y: Tensor) -> Tensor:
        shares, losses = x.softmax(2), []
        for sample, row in enumerate(y.tolist()):
            told = [c for c in row if c]
            paths = [path for path in product(range(3), repeat=4) if spelt(path) == told]
            chance = torch.stack([torch.stack([shares[sample, t, c] for t, c in enumerate(p)]).prod() for p in paths])
            losses.append(-chance.sum().log() / len(told))
        return torch.stack(losses).mean()

    checked("ctc", [logits, label], expected, blank=0, class_axis=1)


def test_a_line_with_lengths_and_another_blank() -> None:
    logits, label, lengths = scores(3, 7, 5), torch.tensor([[1, 0, 4], [2, 2, 4], [3, 4, 4]]), torch.tensor([7, 4, 2])

    def expected(x: Tensor, y: Tensor, n: Tensor) -> Tensor:
        return functional.ctc_loss(x.log_softmax(2).transpose(0, 1), y, n, torch.tensor([2, 2, 1]), 4)

    checked("ctc", [logits, label, lengths], expected, blank=4, class_axis=1)


def test_numbers_with_a_variance() -> None:
    def expected(m: Tensor, x: Tensor, s: Tensor) -> Tensor:
        return functional.gaussian_nll_loss(m, x, s.exp())

    checked("gaussian_nll", [scores(4, 3), torch.randn(4, 3, dtype=torch.float64), scores(4, 3)], expected)


ZERO = torch.zeros(2, 3)


@pytest.mark.parametrize(("name", "reads", "says"), [
    ("info_nce", [ZERO[:1], ZERO[:1]], "has one"),
    ("nt_xent", [ZERO[:1], ZERO[:1]], "has one"),
    ("arc_margin", [torch.full((2, 3), 4.0), torch.tensor([0, 1])], "reach 4"),
    ("ctc", [torch.zeros(2, 4, 3), torch.tensor([1, 2])], "[n]"),
    ("ctc", [torch.zeros(2, 4, 3), torch.tensor([[1, 2], [0, 2]])], "behind the blank"),
    ("ctc", [torch.zeros(2, 3, 3), torch.tensor([[1, 1, 0], [1, 1, 1]])], "needs 5"),
    ("ctc", [torch.zeros(2, 4, 3), torch.tensor([[1, 3], [1, 2]])], "label 3"),
])
def test_batches_that_are_none(name: str, reads: list[Tensor], says: str) -> None:
    with pytest.raises(ArchError) as caught:
        FORMULAS[name](reads, {"blank": 0, "class_axis": 1 if name == "ctc" else 0, "margin": 0.5, "scale": 64.0,
                               "temperature": 1.0})
    (problem,) = caught.value.diagnostics
    assert problem.name == "bad-data" and says in problem.message


TEXT = """archlang 1
network N {{
  input image: [3, 8, 8]
  input many: [1] (range = 9)
  maps   = image -> conv(3x3, 4)
  vector = maps -> global_avg_pool
  rows   = maps -> to_sequence
  factor = parameter([2])
  output maps
  output vector = vector
  output rows = rows
  output factor = factor
}}
train {{ loss = {loss}; optimizer = sgd(lr = 0.1); phase all {{ epochs = 1 }} }}
"""


@pytest.mark.parametrize(("loss", "kind"), [
    ("triplet(vector, vector, label)", "exchanged-arguments"),
    ("info_nce(maps, maps)", "shape-mismatch"),
    ("info_nce(vector, factor)", "shape-mismatch"),
    ("info_nce(vector, vector, factor = factor)", "shape-mismatch"),
    ("ctc(vector, label)", "wrong-rank"),
    ("ctc(rows, label, blank = 4)", "out-of-range"),
    ("ctc(rows, label, lengths = factor)", "shape-mismatch"),
    ("gaussian_nll(vector, label, factor)", "shape-mismatch"),
    ("gaussian_nll(vector, label, label)", "shape-mismatch"),
])
def test_what_a_file_shows_to_be_wrong(loss: str, kind: str) -> None:
    with pytest.raises(ArchError) as caught:
        loads(TEXT.format(loss=loss))
    assert [problem.name for problem in caught.value.diagnostics] == [kind]
