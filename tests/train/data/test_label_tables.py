"""Several labels by their names: tables in every form of data, read by losses each by itself, and refused by item."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor

import archlang
from archlang import ArchError, Network
from archlang.train import fit
from archlang.train.data.sources import find
from tests.elaborate.texts import wrong

TEXT = """archlang 1
network Centres {{
  input image: [1, 8, 8]
  maps   = image -> conv(3x3, 4) -> relu
  heat   = maps -> conv(1x1, 2)
  extent = maps -> conv(1x1, 2)
  sort   = maps -> global_avg_pool -> linear(3)
  output heat
  output extent = extent
  output sort = sort
}}
train {{
  loss = {loss}
  optimizer = sgd(lr = 0.01)
  seed = 1
  batch = 4
  {more}
  phase all {{ epochs = 1 }}
}}
"""
LOSS = ("heatmap_focal(heat, label.heat) + 0.1 * l1(extent, label.extent, places = label.heat) "
        "+ cross_entropy(sort, label.sort)")


def network(loss: str = LOSS, more: str = "") -> Network:
    """A small detector with a class for the whole image."""
    return archlang.loads(TEXT.format(loss=loss, more=more))


def arrays(count: int = 8) -> dict[str, Tensor]:
    """Images, heatmaps with a centre each, extents, and classes."""
    draw = torch.Generator().manual_seed(2)
    heat = torch.rand(count, 2, 8, 8, generator=draw) * 0.9
    heat[:, 0, 3, 5] = 1
    return {"image": torch.rand(count, 1, 8, 8, generator=draw), "heat": heat,
            "extent": torch.rand(count, 2, 8, 8, generator=draw), "sort": torch.arange(count) % 3}


def labels(made: dict[str, Tensor], row: int | slice = slice(None)) -> dict[str, Tensor]:
    """The labels among the arrays, of one sample or of some."""
    return {name: array[row] for name, array in made.items() if name != "image"}


class Pairs(torch.utils.data.Dataset[Any]):
    """Pairs of an image and a table of labels."""

    def __init__(self, made: dict[str, Tensor]) -> None:
        self.made = made

    def __len__(self) -> int:
        return len(self.made["image"])

    def __getitem__(self, row: int) -> tuple[Tensor, dict[str, Tensor]]:
        return self.made["image"][row], labels(self.made, row)


class Tables(Pairs):
    """Tables with everything in them."""

    def __getitem__(self, row: int) -> Any:
        return {"image": self.made["image"][row], "label": labels(self.made, row)}


def in_every_form(tmp_path: Path) -> dict[str, Any]:
    """The same six samples for training and two for the test, as each form of data holds them."""
    made = arrays()
    parts = {"train": {n: a[:6] for n, a in made.items()}, "test": {n: a[6:] for n, a in made.items()}}
    for name, part in parts.items():
        numpy.savez(tmp_path / f"{name}.npz", image=part["image"].numpy(),
                    **{f"label.{key}": value.numpy() for key, value in labels(part).items()})
    return {
        "pairs": {n: Pairs(p) for n, p in parts.items()}, "tables": {n: Tables(p) for n, p in parts.items()},
        "arrays": {n: {"image": p["image"], "label": labels(p)} for n, p in parts.items()},
        "beside": tuple(({"image": p["image"]}, labels(p)) for p in parts.values()),
        "npz": find(f"npz:{tmp_path}"),
    }


def test_every_form_of_data_trains_alike(tmp_path: Path) -> None:
    found = {name: fit(network(), data, device="cpu").history[-1] for name, data in in_every_form(tmp_path).items()}
    first = found["pairs"]
    assert set(first.parts) >= {"heatmap_focal", "l1", "cross_entropy"}
    for name, epoch in found.items():
        assert epoch.train_loss == pytest.approx(first.train_loss, rel=1e-5), name
        assert epoch.test_loss == pytest.approx(first.test_loss, rel=1e-5), name


def test_a_loss_counts_at_its_places_alone() -> None:
    """The test loss of a training that hardly moves, beside the formula."""
    made = arrays()
    net = network("l1(extent, label.extent, places = label.heat)")
    result = fit(net, {name: {"image": made["image"], "label": labels(made)} for name in ("train", "test")},
                 device="cpu")
    image = made["image"]
    mean, std = result.model.archlang.mean, result.model.archlang.std
    assert mean is not None
    assert std is not None
    with torch.no_grad():
        extent = result.model((image - mean[0]) / std[0])["extent"]
    wanted = (extent - made["extent"])[:, :, 3, 5].abs().mean()
    assert result.history[-1].test_loss == pytest.approx(float(wanted), rel=1e-5)


@pytest.mark.parametrize(("loss", "said"), [
    ("heatmap_focal(heat, label.hat)", "a loss reads `label.hat`, and the data has `label.extent`, `label.heat`"),
    ("heatmap_focal(heat, label)", "the data has several labels by their names"),
    ("l1(extent, label.extent, places = label.sort)", "`places` are []"),
    ("l1(extent, label.sort)", "the network gives"),
])
def test_what_does_not_fit_is_refused(loss: str, said: str) -> None:
    made = arrays()
    with pytest.raises(ArchError) as caught:
        fit(network(loss), {"train": Pairs(made), "test": Pairs(made)}, device="cpu")
    assert said in caught.value.diagnostics[0].message


def test_one_label_is_no_table() -> None:
    made = arrays()
    with pytest.raises(ArchError, match="labels of the data have no names"):
        fit(network(), {"train": (made["image"], made["heat"]), "test": (made["image"], made["heat"])}, device="cpu")


@pytest.mark.parametrize(("change", "said"), [
    (lambda table: table | {"heat": table["heat"][:, :4]}, r"the label `heat` \[2, 4, 8\]"),
    (lambda table: {"heat": table["heat"]}, "has the label"),
    (lambda table: table["heat"], "has one label"),
    (lambda table: table | {"sort": "cat"}, "is no class of the data"),
    (lambda table: table | {"sort": None}, "has no `label.sort`"),
])
def test_an_item_that_differs_is_named(change: Any, said: str) -> None:
    class Changed(Pairs):
        def __getitem__(self, row: int) -> Any:
            image, table = super().__getitem__(row)
            return image, change(table) if row == 5 else table

    with pytest.raises(ArchError, match=f"item 5.*{said}|{said}"):
        fit(network(), {"train": Changed(arrays()), "test": Pairs(arrays())}, device="cpu")


def test_what_moves_images_is_refused_beside_labels_that_lie_on_them() -> None:
    made = arrays()
    with pytest.raises(ArchError, match="`flip` would move images"):
        fit(network(more="augment = [flip]"), {"train": Pairs(made), "test": Pairs(made)}, device="cpu")


def test_metrics_do_not_know_which_label_is_meant() -> None:
    assert "conflicting-arguments" in wrong(TEXT.format(loss=LOSS, more="metrics = [mae]"))
    assert "unknown-field" in wrong(TEXT.format(loss="l1(extent, label.extent.deep)", more=""))
