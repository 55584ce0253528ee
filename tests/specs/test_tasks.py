"""Segmentation, deblurring and detection from the command line: checked, trained for an epoch, judged, from one file.

The data is made here: scenes with a bright square each, whose cells are a class, whose middle, extent and place within
a cell are an object's, and whose blurred form is to be made sharp again. `make campaign-specs` trains the larger ones.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from archlang.cli.main import run
from tests.specs.test_pbconv import FOLDER

SCENES = '''"""Scenes with a square each."""
import torch

torch.manual_seed(3)
SIDE, COUNT = {side}, 6
corner = torch.randint(0, SIDE - 16, (COUNT, 2))
image, cells = torch.rand(COUNT, 3, SIDE, SIDE) / 2, torch.zeros(COUNT, SIDE, SIDE, dtype=torch.long)
heat = torch.zeros(COUNT, 2, SIDE // 4, SIDE // 4)
for index, (row, column) in enumerate(corner.tolist()):
    image[index, :, row : row + 16, column : column + 16] += 0.5
    cells[index, row : row + 16, column : column + 16] = 1
    heat[index, index % 2, row // 4 + 2, column // 4 + 2] = 1
cells[:, 0] = 255
extent, shift = torch.full((COUNT, 2, SIDE // 4, SIDE // 4), 4.0), torch.rand(COUNT, 2, SIDE // 4, SIDE // 4)
blurred = torch.nn.functional.avg_pool2d(image, 5, 1, 2)


def split(samples, labels):
    return (samples[:4], labels[:4]), (samples[4:], labels[4:])


def part(value, rows):
    if isinstance(value, torch.Tensor):
        return value[rows]
    return dict((name, part(held, rows)) for name, held in value.items())


def segment():
    return split(image, cells)


def restore():
    return split(blurred, image)


def detect():
    whole = dict(image=image, label=dict(heat=heat, extent=extent, shift=shift))
    return part(whole, slice(4)), part(whole, slice(4, None))
'''

TASKS = {  # the file, its data, the side of its images, dials, a figure that is told
    "deeplabv3": ("segment", 32, ["classes=2", "backbone=mobilenet_v2"], "miou"),
    "deep_deblur": ("restore", 32, ["blocks=1", "width=6"], "psnr"),
    "mimo_unet": ("restore", 32, ["blocks=1", "width=8"], "psnr"),
    "centernet": ("detect", 32, ["classes=2"], "loss"),
}


@pytest.fixture
def scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of modules, from which data is taken by name."""
    torch.set_num_threads(1)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("scenes_")]:
        del sys.modules[name]


@pytest.mark.parametrize("name", TASKS)
def test_a_task_from_file_to_figure(name: str, scenes: Path, capfd: pytest.CaptureFixture[str]) -> None:
    function, side, dials, figure = TASKS[name]
    (scenes / f"scenes_{side}.py").write_text(SCENES.format(side=side))
    data, folder, path = f"scenes_{side}:{function}", scenes / "run", str(FOLDER / f"{name}.arch")

    given = [word for dial in dials for word in ("-p", dial)]
    assert run(["check", path, *given]) == 0
    assert run(["train", path, "--data", data, "--run", str(folder), "--epochs", "1", *given]) == 0
    _, told = capfd.readouterr()
    assert figure in told, told

    rows = (folder / "log.csv").read_text().splitlines()
    found = dict(zip(rows[0].split(","), rows[1].split(","), strict=True))
    assert math.isfinite(float(found["test_loss"]))
    assert run(["eval", str(folder / "best.safetensors"), "--data", data]) == 0
    judged, _ = capfd.readouterr()
    assert f"loss {float(found['test_loss']):.4f}" in judged
