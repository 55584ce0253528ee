"""What does not fit, from the command line: right, or refused by name, with the place; never a file that is neither."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from archlang.cli.main import run

EQUAL = 0
"""The status where a model comes in after all."""


@pytest.mark.parametrize(("name", "status", "said"), [
    ("branches", 1, ("asks for the numbers of a tensor", "unfit.py:")),
    ("numbers", 1, ("asks for the numbers of a tensor", "unfit.py:")),
    ("twice", EQUAL, ("outputs equal",)),
    ("moves", 1, ("`add` in the model", "writes into `seen`, a tensor of the model's own", "unfit.py:")),
    ("in_place", EQUAL, ("outputs equal",)),
    ("part_written", 1, ("writes into a tensor that is read under another shape", "unfit.py:")),
    ("spectrum", 1, ("`fft_fft2`", "complex numbers")),
    ("complex_input", 1, ("the input `x`", "torch.complex64")),
    ("half", 1, ("turns torch.float32 into torch.float16",)),
    ("random", 1, ("`rand_like`",)),
    ("over_the_batch", 1, ("`mean`", "along the batch")),
    ("mixed", 1, ("the output", "parts of samples")),
    ("by_the_batch", 1, ("something else for each number of samples",)),
    ("raises", 1, ("this needs a side of 32", "unfit.py:")),
    ("sizes_disagree", 1, ("must have same reduction dim", "unfit.py:", "in `dense`")),
    ("constant", 1, ("does not depend on the input",)),
    ("nested", 1, ("tensors in several layers",)),
    ("dictionary", 1, ("called with a dict",)),
    ("no_samples", 1, ("batches of numbers can enter",)),
    ("places", 1, ("`topk`", "unfit.py:")),
    ("frozen", EQUAL, ("outputs equal", "no training moves")),
])
def test_a_model_is_right_or_refused_by_name(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, status: int, said: tuple[str, ...]
) -> None:
    file = tmp_path / "net.arch"
    assert run(["import", f"tests.importing.unfit:{name}", "-o", str(file)]) == status
    printed = capfd.readouterr().err
    for words in said:
        assert words in printed
    # torch's own logs and graphs do not stand before the message.
    assert printed.startswith(("error[not-importable]", "imported "))
    assert file.exists() is (status == EQUAL)


NET = """archlang 1
network Net {
  input image: [1, 8, 8]
  output image -> conv(3x3, 4) as first -> relu -> conv(3x3, 8) as second -> global_avg_pool -> linear(3) as head
}
"""


class Command:
    """What a pickle of code runs when it is opened."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("this ran",))


def tables(folder: Path) -> None:
    """Files of weights: half of the network's, another network's, one of wrong shapes, and a pickle of code."""
    torch.save({"first.weight": torch.ones(4, 1, 3, 3), "first.bias": torch.zeros(4)}, folder / "half.pt")
    torch.save(nn.Linear(5, 2).state_dict(), folder / "other.pt")
    torch.save({"first.weight": torch.ones(4, 1, 5, 5), "head.weight": torch.ones(7, 8)}, folder / "shapes.pt")
    (folder / "code.pt").write_bytes(pickle.dumps({"first.weight": Command()}))


@pytest.mark.parametrize(("file", "status", "said"), [
    ("half.pt", EQUAL, ("taken by names: 2 tensors", "new: second.weight")),
    ("other.pt", 1, ("nothing-adopted", "the source's begin with `weight`, `bias`")),
    ("shapes.pt", 1, ("nothing-adopted",)),
    ("code.pt", 1, ("unsafe-model",)),
    ("none.pt", 1, ("unreadable-file", "none.pt")),
])
def test_weights_fit_or_nothing_is_announced_and_nothing_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], file: str, status: int,
    said: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.arch").write_text(NET, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tables(tmp_path)
    assert run(["compile", "net.arch", "--init", file, "-o", "net.safetensors"]) == status

    out, printed = capfd.readouterr()
    for words in said:
        assert words in printed
    assert ("compiled Net" in printed) is (status == EQUAL)
    assert Path("net.safetensors").exists() is (status == EQUAL)
    assert "this ran" not in out
