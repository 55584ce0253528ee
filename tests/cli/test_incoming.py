"""`-` for a FILE that may be a model: told apart from a text by its bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import DEMO, Call

torch = pytest.importorskip("torch", reason="models are torch's")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from archlang.artefact import save
    from archlang.compiler import compile
    from archlang.elaborate import loads

    torch.set_num_threads(1)
    path = tmp_path_factory.mktemp("models") / "demo.safetensors"
    save(compile(loads(DEMO), seed=1), path)
    return path


@pytest.mark.parametrize("words", [
    ["info", "FILE", "--format", "json"], ["draw", "FILE"], ["diff", "FILE", "OTHER"],
    ["export", "FILE", "--to", "python"], ["transform", "FILE", "fuse", "--verify"], ["fuse", "FILE", "--verify"],
    ["transform", "FILE", "multipath{paths=2}"], ["compile", "OTHER", "--init", "FILE"],
    ["show", "positions", "FILE"],
], ids=" ".join)
def test_a_model_on_standard_input_is_as_one_in_a_file(words: list[str], call: Call, model: Path, demo: str) -> None:
    named = {"OTHER": demo}
    first = call(*(named.get(word, str(model) if word == "FILE" else word) for word in words))
    second = call(*(named.get(word, "-" if word == "FILE" else word) for word in words), given=model.read_bytes())
    assert first.status == 0, first
    assert (second.status, second.out) == (0, first.out.replace(str(model), "-"))


@pytest.mark.parametrize("words", [["info", "FILE"], ["export", "FILE", "--to", "python"], ["draw", "FILE"],
                                   ["transform", "FILE", "multipath{paths=2}"]], ids=" ".join)
def test_a_text_on_standard_input_is_still_one(words: list[str], call: Call, demo: str) -> None:
    first = call(*(demo if word == "FILE" else word for word in words))
    second = call(*("-" if word == "FILE" else word for word in words), given=DEMO.encode())
    assert first.status == 0 and second == first


@pytest.mark.parametrize("given", [b"", b"ab", b"\0" * 40, b"\xff" * 40, b"\x08\0\0\0\0\0\0\0nonsense"], ids=repr)
@pytest.mark.parametrize("words", [["fuse", "-"], ["info", "-"], ["export", "-", "--to", "python"]], ids=" ".join)
def test_what_is_neither_is_refused(words: list[str], given: bytes, call: Call) -> None:
    found = call(*words, "--format", "json", given=given)
    assert found.status == 1 and len(json.loads(found.out)["diagnostics"]) >= 1


def test_a_stream_without_an_end_is_refused_by_its_first_bytes(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/zero").open("r") as endless:
        monkeypatch.setattr("sys.stdin", endless)
        found = call("fuse", "-")
    assert found.status == 1 and "error[" in found.err


@pytest.mark.parametrize("words", [["eval", "-", "-", "--data", "digits"], ["diff", "-", "-"],
                                   ["compile", "-", "--init", "-"]], ids=" ".join)
def test_standard_input_is_read_once(words: list[str], call: Call, model: Path) -> None:
    given = DEMO.encode() if words[0] == "compile" else model.read_bytes()
    found = call(*words, given=given)
    assert found.status == 2 and "standard input can be read once only" in found.err


def test_a_pickle_is_not_written_and_the_way_to_one_is_told(call: Call, demo: str, tmp_path: Path) -> None:
    found = call("compile", demo, "-o", str(tmp_path / "net.pt"))
    assert found.status == 2 and list(tmp_path.iterdir()) == [Path(demo)]
    assert "this is written as .safetensors, not as" in found.err
    assert f"= help: `-o {tmp_path / 'net'}.safetensors`" in found.err and "`archlang.load_model` opens it" in found.err


def test_the_text_of_a_network_in_the_place_of_a_model_is_told_as_that(call: Call, demo: str) -> None:
    found = call("fuse", demo)
    assert found.status == 1 and f"`{demo}` is the text of a network" in found.err
    assert f"`archlang train {demo} --data NAME` makes one" in found.err

    other = call("fuse", "-", given=DEMO.encode())
    assert other.status == 1 and "is no model file" in other.err


@pytest.mark.parametrize(("name", "helps"), [
    ("net.pt", ("net.safetensors` writes the bare weights", "net.pt2` a program of torch")),
    ("net.txt", ("net.py`", "net.onnx`")),
])
def test_an_ending_that_is_no_format_is_told_as_that(name: str, helps: tuple[str, ...], call: Call, demo: str) -> None:
    found = call("export", demo, "-o", name)
    assert found.status == 2 and all(help in found.err for help in helps), found
