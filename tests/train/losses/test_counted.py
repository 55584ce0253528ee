"""Losses that leave places out, over a part of the data: means over all that counts, however it is cut into batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

import archlang
from archlang.diagnostics import ArchError
from archlang.train import evaluate, fit

WEIGHTS = [0.5, 0.0, 2.0, 1.0]
MAPS = """archlang 1
network Maps {{
  input image: [3, 6, 6]
  maps = image -> conv(3x3, 4)
  output maps
}}
train {{
  loss      = {loss}
  optimizer = sgd(lr = 0.1)
  batch     = 7
  phase all {{ epochs = 1 }}
}}
"""


def _data(ignored: str) -> dict[str, Any]:
    """Images and maps of classes, more or less of each map ignored; of `ignored`, one part or both, all."""
    random = torch.Generator().manual_seed(3)
    images = torch.rand(50, 3, 6, 6, generator=random)
    label = torch.randint(0, 4, (50, 6, 6), generator=random)
    label[torch.rand(50, 6, 6, generator=random) < torch.rand(50, 1, 1, generator=random)] = 255
    label[20:30] = 255  # a whole batch, in the training part and in the test part
    label[40:] = 255
    parts = {"train": (images[:30], label[:30]), "test": (images[30:], label[30:])}
    for part in ignored.split():
        parts[part] = (parts[part][0], torch.full_like(parts[part][1], 255))
    return parts


def _focal(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    log_p = -functional.cross_entropy(logits, label, reduction="none", ignore_index=255)
    counts = (label != 255) * torch.tensor(WEIGHTS)[label.where(label != 255, 0)]
    return (-((1 - log_p.exp()) ** 2) * log_p * counts).sum() / counts.sum()


@pytest.mark.parametrize(("loss", "want"), [
    ("cross_entropy(maps, label, ignore = 255, weights = [0.5, 0, 2, 1])",
     lambda logits, label: functional.cross_entropy(logits, label, torch.tensor(WEIGHTS), ignore_index=255)),
    ("focal(maps, label, ignore = 255, weights = [0.5, 0, 2, 1])", _focal),
    ("focal(maps, label, ignore = 255, weights = [0.5, 0, 2, 1]) + 0.5 * cross_entropy(maps, label, ignore = 255)",
     lambda logits, label: (_focal(logits, label)
                            + 0.5 * functional.cross_entropy(logits, label, ignore_index=255))),
])
@pytest.mark.parametrize("batch", [1, 3, 256])
def test_a_test_loss_is_one_mean_over_all_places_that_count(loss: str, want: Any, batch: int) -> None:
    model = archlang.compile(archlang.loads(MAPS.format(loss=loss)))
    data = _data("")
    images, label = data["test"]
    with torch.no_grad():
        right = want(model.eval()(images), label)
    found = evaluate(model, data, batch=batch)
    assert found.loss == pytest.approx(float(right), abs=1e-6)


@pytest.mark.parametrize("loss", ["cross_entropy", "focal", "dice"])
@pytest.mark.parametrize(("ignored", "said"), [
    ("train", "nothing in the training part counts"), ("test", "nothing in the part of the data that is measured"),
])
def test_a_part_in_which_nothing_counts_is_no_loss_of_0(loss: str, ignored: str, said: str, tmp_path: Path) -> None:
    network = archlang.loads(MAPS.format(loss=f"{loss}(maps, label, ignore = 255)"))
    data = _data(ignored)
    with pytest.raises(ArchError, match=said) as caught:
        fit(network, data, run=tmp_path / "run")
    assert caught.value.diagnostics[0].name == "bad-data"


def test_weights_of_0_for_every_class_are_refused() -> None:
    with pytest.raises(ArchError, match="0 for every class"):
        archlang.loads(MAPS.format(loss="cross_entropy(maps, label, weights = [0, 0, 0, 0])"))
