"""Users' changes of samples and batches: torchvision's own give what they give by hand; what does not fit is told."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import torch

from archlang.cli.main import run
from archlang.diagnostics import ArchError
from archlang.elaborate.network import loads
from archlang.train import Data, Progress, Tensors, fit
from archlang.train.data.reading import batches_of
from archlang.train.data.transforms import Changes
from tests.peers.libraries import torchvision_models
from tests.train.nets import NETWORK, TRAIN, bars, tiny

ROWS = [[3, 1, 4, 15], [9, 2, 6, 5]]


@pytest.fixture(scope="module")
def v2() -> ModuleType:
    torchvision_models()
    from torchvision.transforms import v2

    return v2


def read(data: Data, changes: Changes, workers: int = 0) -> list[tuple[torch.Tensor, torch.Tensor]]:
    feed = batches_of(changes.of(data.train), ROWS, (11, 12), workers)
    found = [next(feed) for _ in ROWS]
    feed.close()
    return found


@pytest.mark.parametrize("workers", [0, 2])
def test_mixup_as_torchvisions_by_hand(v2: ModuleType, workers: int) -> None:
    mixup, data = v2.MixUp(num_classes=3), bars()
    for rows, seed, (samples, labels) in zip(ROWS, (11, 12), read(data, Changes(batch=mixup), workers), strict=True):
        torch.manual_seed(seed)
        expected = mixup(*data.train.batch(rows))
        assert torch.equal(samples, expected[0]) and torch.equal(labels, expected[1])
        assert labels.shape == (4, 3)


def test_samples_as_torchvisions_by_hand(v2: ModuleType) -> None:
    change, data = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomRotation(30)]), bars()
    (samples, labels), _ = read(data, Changes(change))
    torch.manual_seed(11)
    images, expected = data.train.batch(ROWS[0])
    assert torch.equal(samples, torch.stack([change(image) for image in images]))
    assert torch.equal(labels, expected)


def test_a_label_map_moves_with_its_image(v2: ModuleType) -> None:
    images = torch.rand(20, 1, 6, 6)
    data = Data("maps", Tensors(images, (images[:, 0] * 9).long()), Tensors(images, (images[:, 0] * 9).long()))
    for samples, labels in read(data, Changes(v2.RandomAffine(0, translate=(0.3, 0.3)))):
        assert torch.equal((samples[:, 0] * 9).long(), labels)


def test_soft_labels_train_and_are_the_same_with_workers(v2: ModuleType) -> None:
    cutmix = v2.CutMix(num_classes=3)
    results = [fit(tiny(), bars(), epochs=2, batch_transform=cutmix, workers=workers) for workers in (0, 2)]
    one, two = (result.model.state_dict() for result in results)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert results[0].history[-1].test_accuracy is not None


def noisy(image: torch.Tensor) -> torch.Tensor:
    return image + 0.1 * torch.randn_like(image)


def test_going_on_asks_for_the_same_transforms(tmp_path: Path) -> None:
    class Stop(Progress):
        def step(self, beat) -> None:
            if beat.done == 8:
                raise KeyboardInterrupt

    whole = fit(tiny(), bars(), transform=noisy)
    with pytest.raises(KeyboardInterrupt):
        fit(tiny(), bars(), transform=noisy, run=tmp_path / "run", callbacks=[Stop()])
    with pytest.raises(ArchError, match="the transforms of samples"):
        fit(tiny(), bars(), run=tmp_path / "run", start="resume")
    resumed = fit(tiny(), bars(), transform=noisy, run=tmp_path / "run", start="resume", workers=1)
    mine, other = whole.model.state_dict(), resumed.model.state_dict()
    assert all(torch.equal(mine[name], other[name]) for name in mine)
    assert not torch.equal(mine["logits.linear.weight"], fit(tiny(), bars()).model.state_dict()["logits.linear.weight"])


@pytest.mark.parametrize(("change", "said"), [
    ({"transform": lambda image: None}, "neither a tensor nor an array"),
    ({"transform": lambda image, label: image}, "no pair of a sample and a label"),
    ({"transform": lambda image: image[:, : 3 + int(image.sum() * 1000) % 3]}, "different sizes"),
    ({"transform": lambda image: image / 0}, "NaN or infinity"),
    ({"transform": lambda image: 1 / 0}, "ZeroDivisionError"),
    ({"transform": 3}, "no function"),
    ({"batch_transform": lambda images, labels: (images[:2], labels[:2])}, "makes 2 samples of 16"),
    ({"batch_transform": lambda images, labels: (images, labels[:2])}, "16 samples and 2 labels"),
    ({"batch_transform": lambda images, labels: images}, "no pair of samples and labels"),
    ({"batch_transform": lambda images, labels: (images, torch.full((len(labels), 3), 0.5))}, "sum to 1.5"),
])
def test_what_is_no_change(change: dict[str, object], said: str) -> None:
    with pytest.raises(ArchError) as caught:
        fit(tiny(), bars(), epochs=1, **change)
    assert caught.value.diagnostics[0].name == "bad-data"
    assert said in caught.value.diagnostics[0].message


def test_soft_labels_for_a_loss_that_cannot_take_them() -> None:
    text = NETWORK + TRAIN.replace("cross_entropy(logits, label)", "contrastive(logits, features_too, label)")
    text = text.replace("output logits", "features_too = features -> flatten -> linear(classes)\n  output logits\n"
                        "  output features_too = features_too")

    def shares(images: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return images, torch.nn.functional.one_hot(labels, 3).float()

    pairs = Data("pairs", *(Tensors(part.samples, part.labels % 2) for part in bars().parts))
    with pytest.raises(ArchError) as caught:
        fit(loads(text), pairs, epochs=1, batch_transform=shares)
    assert caught.value.diagnostics[0].name == "bad-data"


def test_from_the_command_line(tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.arch").write_text(NETWORK.replace("6, 6", "8, 8") + TRAIN)
    Path("my_changes_here.py").write_text("def brighter(image):\n    return image * 2\n")
    words = ["train", "net.arch", "--data", "digits", "-p", "classes=10", "--epochs", "1"]
    assert run([*words, "--run", "a", "--transform", "my_changes_here:brighter"]) == 0
    assert run([*words, "--run", "b", "--transform", "my_changes_here:darker"]) == 1
    assert "names no function" in capsys.readouterr().err
