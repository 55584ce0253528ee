"""The front of training from Python: what is given in the place of a network, a model or files is told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import archlang
from archlang.diagnostics import ArchError

NET = "archlang 1\nnetwork N {\n  input x: [1, 4, 4]\n  output x -> flatten -> linear(2)\n}\n"


@pytest.mark.parametrize("given", ["net.arch", Path("net.arch"), torch.nn.Linear(2, 2), None])
def test_what_is_no_network_is_not_trained(given: Any) -> None:
    with pytest.raises(ArchError, match=r"archlang\.load") as caught:
        archlang.fit(given, "digits")
    assert caught.value.diagnostics[0].name == "usage"


@pytest.mark.parametrize("given", ["net.safetensors", torch.nn.Linear(2, 2)])
def test_what_is_no_model_of_ours_is_told_where_models_come_from(given: Any) -> None:
    for call in (lambda: archlang.evaluate(given, "digits"), lambda: archlang.predict(given, ["a.png"])):
        with pytest.raises(ArchError, match=r"archlang\.load_model") as caught:
            call()
        assert caught.value.diagnostics[0].name == "unsupported-module"


@pytest.mark.parametrize("given", [torch.zeros(2, 1, 4, 4), "a.png", b"a.png", [torch.zeros(1, 4, 4)], 3])
def test_predict_takes_a_list_of_files(given: Any) -> None:
    model = archlang.compile(archlang.loads(NET)).eval()
    with pytest.raises(ArchError, match="list of image files") as caught:
        archlang.predict(model, given)
    assert caught.value.diagnostics[0].name == "usage"
