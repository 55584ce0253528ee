"""To the Hub and back, against a stand-in that speaks with the real client over HTTP."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import fx, nn

import archlang
from archlang.hub import from_pretrained, push_to_hub
from tests.hub.standin import Hub, running

ORDER = ["POST /api/repos/create", "POST /api/validate-yaml", "POST /api/models/me/net/preupload/main",
         "POST /api/models/me/net/commit/main"]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def model() -> fx.GraphModule:
    return archlang.compile(archlang.load("examples/04_paths.arch", paths=3), seed=4).eval()


def test_a_model_goes_to_the_hub_and_comes_back(hub: Hub, model: fx.GraphModule, tmp_path: Path) -> None:
    address = push_to_hub(model, "me/net", token=hub.token, endpoint=hub.address)
    assert address == f"{hub.address}/me/net/commit/a" and hub.asked == ORDER
    files = hub.repositories["me/net"]
    assert sorted(files) == ["README.md", "model.safetensors", "network.arch", "network.svg"]
    assert files["network.arch"].decode() == model.archlang.network.listing
    assert files["network.svg"].startswith((b"<?xml", b"<svg", b"<!DOCTYPE"))

    again = from_pretrained("me/net", endpoint=hub.address, cache=tmp_path / "cache", token=hub.token)
    x = torch.rand(3, 1, 8, 8)
    with torch.no_grad():
        assert torch.equal(again(x), model(x))
    assert not again.training

    # A second push is a commit more, not an error.
    push_to_hub(archlang.fuse(model), "me/net", token=hub.token, endpoint=hub.address)
    (tmp_path / "model.safetensors").write_bytes(files["model.safetensors"])
    fused = from_pretrained(tmp_path)
    assert fused.archlang.passes == ("fuse",)
    assert "| passes | fuse |" in files["README.md"].decode()


def test_the_card_says_what_a_reader_asks(hub: Hub, model: fx.GraphModule) -> None:
    archlang.push_to_hub(model, "me/net", token=hub.token, endpoint=hub.address)
    card = hub.repositories["me/net"]["README.md"].decode()
    head, _, body = card.removeprefix("---\n").partition("\n---\n")
    assert "library_name: archlang" in head and body.lstrip().startswith("# TwoPaths\n")
    for row in (f"| parameters | {model.archlang.network.parameters:,} |", "| input `image` | [1, 8, 8] |",
                "| dial `paths` | 3 |"):
        assert row in body
    # What it shows loads the network again.
    text = body.rpartition("## The network\n\n```\n")[2].removesuffix("\n```\n")
    assert archlang.loads(text).parameters == model.archlang.network.parameters
    assert 'archlang.from_pretrained("me/net")' in body and "trust_remote_code" not in body


def test_what_comes_from_the_hub_is_checked_like_any_file(hub: Hub, model: fx.GraphModule, tmp_path: Path) -> None:
    push_to_hub(model, "me/net", token=hub.token, endpoint=hub.address)
    files = hub.repositories["me/net"]
    files["model.safetensors"] = files["model.safetensors"][:-9] + b"\x00" * 9
    with pytest.raises(archlang.ArchError, match="altered-model"):
        from_pretrained("me/net", endpoint=hub.address, cache=tmp_path / "a", token=hub.token)

    # A pickle is no model file, whatever it is called.
    torch.save(nn.Linear(2, 2), tmp_path / "model.safetensors")
    files["model.safetensors"] = (tmp_path / "model.safetensors").read_bytes()
    with pytest.raises(archlang.ArchError) as caught:
        from_pretrained("me/net", endpoint=hub.address, cache=tmp_path / "b", token=hub.token)
    assert caught.value.diagnostics[0].name in ("unsafe-model", "not-a-model")


@pytest.mark.parametrize("name", ["me/none", "no name", "../x", ""])
def test_repositories_that_are_not_there(hub: Hub, name: str, tmp_path: Path) -> None:
    with pytest.raises(archlang.ArchError, match="unreadable-file"):
        from_pretrained(name or "me/", endpoint=hub.address, cache=tmp_path, token=hub.token)


def test_what_the_hub_does_not_take(hub: Hub, model: fx.GraphModule) -> None:
    with pytest.raises(archlang.ArchError, match="unwritable-output") as caught:
        push_to_hub(model, "me/net", token="hf_other", endpoint=hub.address)
    assert "401" in str(caught.value) and "hf_other" not in str(caught.value)
    with pytest.raises(archlang.ArchError, match="unwritable-output"):
        push_to_hub(model, "me/net", token=hub.token, endpoint="http://127.0.0.1:9")
    with pytest.raises(archlang.ArchError, match="unsupported-module"):
        push_to_hub(nn.Linear(3, 3), "me/net", token=hub.token, endpoint=hub.address)
    assert "me/net" not in hub.repositories


def test_without_the_client(model: fx.GraphModule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for call in (lambda: push_to_hub(model, "me/net"), lambda: from_pretrained("me/net")):
        with pytest.raises(archlang.ArchError, match="missing-tool") as caught:
            call()
        assert "archlang[hub]" in str(caught.value)
