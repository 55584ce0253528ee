"""Class names through extraction, saving and loading: cut once, whatever is replayed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from archlang.artefact import load_model, save
from archlang.compiler import compile, fuse
from archlang.elaborate import loads
from archlang.rewrite.extract import extract, told

TEXT = """archlang 1
code four = words("1100", "0110", "0011", "1001")
network N {
  input image: [3, 6, 6]
  body = image -> branches(four) { conv(1x1, 4) -> batch_norm -> relu -> conv(1x1, 8, bias = false) }
       -> energy_normalize -> sum
  output body -> batch_norm -> relu -> global_avg_pool -> linear(4)
}
"""
NAMES = ("ant", "bee", "cat", "dog")


def test_names_of_extracted_classes_come_back_as_they_were(tmp_path: Path) -> None:
    model = compile(loads(TEXT)).eval()
    model.archlang = replace(model.archlang, labels=NAMES)
    cut = extract(model, [1, 3])
    names = cut.archlang.labels
    for number, smaller in enumerate((cut, fuse(cut))):
        save(smaller, tmp_path / f"{number}")
        once = load_model(tmp_path / f"{number}")
        save(once, tmp_path / f"{number}b")
        twice = load_model(tmp_path / f"{number}b")
        for loaded in (once, twice):
            assert loaded.archlang.labels == names
            assert told(loaded.archlang.passes) == (1, 3)
        x = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(twice(x), smaller(x))
    shown = [NAMES[i] for i in told(cut.archlang.passes) or ()]
    assert shown == ["bee", "dog"] and names in (NAMES, tuple(shown))
