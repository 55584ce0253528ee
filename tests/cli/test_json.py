"""`--format json`: one document for every command, and one form of a diagnostic wherever it comes from."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
import torch

from archlang.artefact import save
from archlang.cli.group import COMMANDS, archlang
from archlang.compiler import compile
from archlang.elaborate import load
from tests.cli.conftest import DEMO, ROOT, Call, Outcome

NETWORK = """archlang 1

network Small(classes = 10) {
  input image: [1, 8, 8]
  logits = image -> flatten -> linear(classes)
  output logits
}

train {
  loss      = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.1)
  batch     = 512
  phase all { epochs = 1 }
}
"""
CLUSTERS = """archlang 1

network Clusters(clusters = 4) {
  input x: [2]
  logits = x -> linear(8) -> relu -> linear(clusters) -> standardize
  output logits
}

train {
  loss      = mixture_em(logits, gamma = 1)
  optimizer = sgd(lr = 0.1)
  batch     = 500
  phase all { epochs = 1 }
}
"""
CODED = ROOT / "specs" / "coded_resnext" / "digits.arch"
CONV = """archlang 1

network Conv(classes = 10) {
  input image: [1, 8, 8]
  maps = image -> conv(3x3, 4) -> batch_norm -> relu
  output maps -> global_avg_pool -> linear(classes)
}

train {
  loss      = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.1)
  phase all { epochs = 1 }
}
""".replace("output maps -> global_avg_pool -> linear(classes)",
            "logits = maps -> global_avg_pool -> linear(classes)\n  output logits")
MADE = """import torch

def module():
    return torch.nn.Linear(3, 2), torch.zeros(1, 3)
"""
LOG = """epoch,phase,lr,train_loss,train_accuracy,test_loss,test_accuracy,skipped,seconds
1,all,0.01,1.95,0.54,1.86,0.59,0,0.3
2,all,0.01,1.17,0.83,1.08,0.74,0,0.2
"""


@dataclass(frozen=True)
class Case:
    """A command: the words of a call that works, a key that its document has, and whether it takes data or a model."""

    words: str
    key: str
    data: bool = False
    model: bool = False


CASES = {
    ("new",): Case("", "tasks"),
    ("check",): Case("small.arch", "diagnostics"),
    ("fmt",): Case("small.arch --diff", "files"),
    ("info",): Case("small.arch", "parameters"),
    ("draw",): Case("small.arch", "text"),
    ("diff",): Case("small.arch conv.arch", "before"),
    ("import",): Case("made:module -o x.arch", "parameters"),
    ("compile",): Case("small.arch -o x.safetensors", "parameters"),
    ("transform",): Case("small.arch multipath{paths=2}", "text"),
    ("train",): Case("small.arch --data digits --run run", "best", data=True),
    ("study",): Case("small.arch --data digits --seeds 1", "figure", data=True),
    ("sweep",): Case("small.arch --data digits --trials 1 --set optimizer.lr=0.1,0.2", "trials", data=True),
    ("cluster",): Case("clusters.arch --data moons --no-pictures --run groups", "counts", data=True),
    ("boost",): Case("conv.arch --data digits --candidates 1 --iterations 1 -o y.arch", "sizes", data=True),
    ("fuse",): Case("conv.safetensors --verify", "merged", model=True),
    ("export",): Case("conv.safetensors -o x.py", "checked", model=True),
    ("predict",): Case("conv.safetensors a.png", "predictions", model=True),
    ("extract",): Case("coded.safetensors --class 3", "parameters", model=True),
    ("ablate",): Case("coded.safetensors --data digits --remove 1", "removed", data=True, model=True),
    ("eval",): Case("conv.safetensors --data digits", "accuracy", data=True, model=True),
    ("explain",): Case("usage", "kinds"),
    ("ops",): Case("conv", "entries"),
    ("doctor",): Case("", "packages"),
    ("codes", "design"): Case("--classes 4 --branches 4 --active 2", "words"),
    ("codes", "check"): Case("code.csv", "distance"),
    ("show", "routes"): Case("paths.safetensors --data digits", "inputs", data=True, model=True),
    ("show", "gates"): Case("paths.safetensors --data digits", "gates", data=True, model=True),
    ("show", "maximise"): Case("paths.safetensors --output 3 --steps 1", "maximised", model=True),
    ("show", "classes"): Case("paths.safetensors --data digits", "gates", data=True, model=True),
    ("show", "weights"): Case("paths.safetensors", "layers", model=True),
    ("show", "patches"): Case("experts.safetensors --data digits", "usage", data=True, model=True),
    ("show", "attention"): Case("attention.safetensors --data digits", "diagnostics", data=True, model=True),
    ("show", "energies"): Case("coded.safetensors --data digits", "blocks", data=True, model=True),
    ("show", "specialisation"): Case("experts.safetensors --data digits", "classes", data=True, model=True),
    ("show", "positions"): Case("paths.safetensors", "models", model=True),
    ("show", "gradcam"): Case("paths.safetensors --data digits", "maps", data=True, model=True),
    ("show", "tsne"): Case("paths.safetensors --data digits --stage maps --count 40", "stages", data=True, model=True),
    ("show", "clusters"): Case("conv.safetensors --data digits", "models", data=True, model=True),
    ("show", "curves"): Case("curve", "runs"),
    ("show", "samples"): Case("digits", "data"),
}
"""Command to a call that works. `serve` has a test of its own."""
PROTOCOL = {("lsp",)}
"""Commands whose standard output is a protocol, for which there is no other form."""

MODELS = {
    "conv": "conv.arch", "coded": CODED, "paths": ROOT / "examples" / "04_paths.arch",
    "experts": ROOT / "specs" / "pce" / "pce_tiny.arch",
    "attention": ROOT / "specs" / "layer_attention" / "digits.arch",
}

DIAGNOSTIC = {
    "name", "severity", "message", "file", "line", "column", "end_line", "end_column", "label", "help", "notes",
    "secondary", "fix",
}


def leaves() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that can be called, with the words that name it."""
    def walk(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
        if not isinstance(command, click.Group):
            yield path, command
            return
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from walk(inner, (*path, name))

    yield from walk(archlang, ())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files for every call."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("json")
    for name, text in {"small": NETWORK, "clusters": CLUSTERS, "conv": CONV}.items():
        (place / f"{name}.arch").write_text(text)
    (place / "code.csv").write_text("a,1100\nb,0011\n")
    (place / "made.py").write_text(MADE)
    for name, source in MODELS.items():
        save(compile(load(place / source), seed=1), place / f"{name}.safetensors")

    from PIL import Image

    Image.new("L", (8, 8)).save(place / "a.png")
    (place / "curve").mkdir()
    (place / "curve" / "log.csv").write_text(LOG)
    return place


def document(found: Outcome) -> dict[str, Any]:
    """The one document of a call, in the form that all have."""
    read = json.loads(found.out)
    first, *_, last = read
    assert (first, read["format_version"], last) == ("format_version", 1, "diagnostics")
    for each in read["diagnostics"]:
        assert set(each) == DIAGNOSTIC, each
    assert isinstance(read, dict)
    return read


def test_every_command_that_prints_a_result_is_here() -> None:
    found = {path for path, _ in leaves()}
    assert found == {*CASES, *PROTOCOL, ("serve",)}
    assert {path[0] for path in found} == set(COMMANDS)


def test_every_command_takes_the_option() -> None:
    without = {path for path, command in leaves() if not any("--format" in option.opts for option in command.params)}
    assert without == PROTOCOL


@pytest.mark.parametrize("path", CASES, ids=" ".join)
def test_a_result_is_one_document(path: tuple[str, ...], call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch,
                                  ) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    found = call(*path, *CASES[path].words.split(), "--format", "json")
    assert found.status == 0, found
    read = document(found)
    assert CASES[path].key in read and read["diagnostics"] == []


@pytest.mark.parametrize("path", [path for path, _ in leaves() if path not in PROTOCOL], ids=" ".join)
def test_a_call_typed_wrong_is_one_document(path: tuple[str, ...], call: Call) -> None:
    found = call(*path, "--no-such-option", "--format", "json")
    assert found.status == 2 and found.err == ""
    assert [each["name"] for each in document(found)["diagnostics"]] == ["usage"]


@pytest.mark.parametrize("path", [path for path, case in CASES.items() if case.data], ids=" ".join)
def test_bad_data_is_one_document(path: tuple[str, ...], call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch,
                                  ) -> None:
    monkeypatch.chdir(folder)
    words = CASES[path].words.replace("digits", "digitz").replace("moons", "digitz").split()
    found = call(*path, *words, "--format", "json")
    assert found.status == 1, found
    assert [each["name"] for each in document(found)["diagnostics"]] == ["unknown-data"]


@pytest.mark.parametrize("path", [path for path, case in CASES.items() if case.model], ids=" ".join)
def test_a_refused_model_is_one_document(path: tuple[str, ...], call: Call, tmp_path: Path, folder: Path,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes((folder / "conv.safetensors").read_bytes()[:-8])
    words = [str(broken) if word.endswith(".safetensors") else word for word in CASES[path].words.split()]
    found = call(*path, *words, "--format", "json")
    assert found.status == 1, found
    read = document(found)
    assert len(read["diagnostics"]) == 1 and read["diagnostics"][0]["severity"] == "error"


@pytest.mark.parametrize("name", ["check", "info", "draw", "compile", "train", "export"])
def test_a_mistake_of_a_file_is_the_same_object_everywhere(name: str, call: Call, tmp_path: Path) -> None:
    file = tmp_path / "wrong.arch"
    file.write_text(DEMO.replace("relu", "rellu"))
    needed = {"train": ["--data", "digits"], "export": ["-o", str(tmp_path / "x.py")]}
    found = call(name, str(file), *needed.get(name, []), "--format", "json")
    expected = json.loads(call("check", str(file), "--format", "json").out)
    assert found.status == 1 and json.loads(found.out) == expected and len(expected["diagnostics"]) == 1


def test_warnings_stand_in_the_document(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "unused.arch"
    file.write_text(DEMO.replace("  output", "  spare = stem -> relu\n  output"))
    for words in (["info", str(file)], ["draw", str(file)], ["compile", str(file)]):
        read = document(call(*words, "--format", "json"))
        assert [each["name"] for each in read["diagnostics"]] == ["unused-name"], words
        assert read["diagnostics"][0]["line"] == 5


def test_there_is_never_a_second_document(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails after the document was written is said on standard error; the status tells."""
    from archlang.cli.session import Session

    def failing(self: Session, *given: Any) -> None:
        told(self, *given)
        raise ValueError("odd")

    told = Session.document
    monkeypatch.setattr(Session, "document", failing)
    found = call("explain", "--format", "json")
    assert found.status == 70 and "internal-error" in found.err
    document(found)


def test_numbers_that_are_not_finite_are_null(capsys: pytest.CaptureFixture[str]) -> None:
    from archlang.cli.session import Session

    Session(format="json").document({"a": float("nan"), "b": [float("inf"), 1.5], "c": {"d": (float("-inf"),)}})
    read = json.loads(capsys.readouterr().out)
    assert (read["a"], read["b"], read["c"]) == (None, [None, 1.5], {"d": [None]})


def test_the_address_of_a_page_is_one_document(demo: str, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    from archlang.page.server import PageServer

    seen: list[int] = []

    def visited(server: PageServer, **_: Any) -> None:
        threading.Thread(target=PageServer.handle_request, args=(server,), daemon=True).start()
        with urllib.request.urlopen(server.address, timeout=20) as answer:
            seen.append(answer.status)

    monkeypatch.setattr(PageServer, "serve_forever", visited)
    found = call("serve", demo, "--no-browser", "--format", "json")
    assert found.status == 0 and seen == [200]
    assert document(found)["address"].startswith("http://127.0.0.1:")


def test_fmt_tells_what_went_well_beside_what_is_wrong(call: Call, tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.arch", tmp_path / "wrong.arch"
    right.write_text(DEMO.replace("  output", "     output"))
    wrong.write_text("archlang 1\nnetwork {\n")
    found = call("fmt", str(right), str(wrong), "--format", "json")
    read = document(found)
    assert found.status == 1 and read["files"] == [{"file": str(right), "changed": True}]
    assert read["diagnostics"] and right.read_text() == DEMO

    again = document(call("fmt", "-", "--format", "json", given=DEMO.replace("  output", "\toutput").encode()))
    assert again["files"] == [{"file": "<stdin>", "changed": True, "text": DEMO}]


def test_a_result_that_is_asked_for_on_standard_output_stands_there_alone(call: Call, demo: str) -> None:
    assert call("draw", demo, "-o", "-", "--format", "json").out.endswith("</svg>\n")
    refused = call("draw", demo, "--to", "png", "--format", "json")
    assert refused.status == 2
    assert document(refused)["diagnostics"][0]["message"] == "a JSON document holds no bytes"
