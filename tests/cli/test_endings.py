"""The ending of an output decides its form or is refused before anything is computed; nothing asked for is left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import torch

from archlang.artefact import save
from archlang.cli.group import archlang
from archlang.compiler import compile
from archlang.elaborate import load
from tests.cli.conftest import ROOT, Call

NEEDED = {
    ("draw",): ("NETWORK",),
    ("diff",): ("NETWORK", "NETWORK"),
    ("import",): ("torchvision:resnet18",),
    ("export",): ("NETWORK",),
    ("compile",): ("NETWORK",),
    ("transform",): ("NETWORK", "pbconv{seed=1}"),
    ("boost",): ("NETWORK", "--data", "digits"),
    ("new",): ("image",),
    ("study",): ("NETWORK", "--data", "digits", "--seeds", "2", "--slurm", "2"),
    ("fuse",): ("MODEL",),
    ("extract",): ("MODEL", "--class", "3"),
    ("ablate",): ("MODEL", "--data", "digits"),
    ("show", "routes"): ("MODEL", "--data", "digits"),
    ("show", "gates"): ("MODEL", "--data", "digits"),
    ("show", "maximise"): ("MODEL", "--output", "3"),
    ("show", "classes"): ("MODEL", "--data", "digits"),
    ("show", "weights"): ("MODEL",),
    ("show", "patches"): ("MODEL", "--data", "digits"),
    ("show", "attention"): ("RUN",),
    ("show", "specialisation"): ("MODEL", "--data", "digits"),
    ("show", "positions"): ("MODEL",),
    ("show", "gradcam"): ("MODEL", "--data", "digits"),
    ("show", "tsne"): ("MODEL", "--data", "digits", "--stage", "maps"),
    ("show", "clusters"): ("MODEL", "--data", "digits"),
    ("show", "curves"): ("RUN",),
    ("eval",): ("MODEL", "--data", "digits", "--cut", "0.5"),
    ("show", "energies"): ("MODEL", "--data", "digits"),
    ("show", "samples"): ("digits",),
    ("codes", "design"): ("--classes", "10", "--branches", "10", "--active", "3"),
}
"""A command that writes one file, and what it needs besides."""
WRONG = ("x.gif", "x", "x.svg.txt", "x.SVGX", "folder.svg/x.jpeg")


def writers() -> Iterator[tuple[tuple[str, ...], str]]:
    """Every command with an option that names one file to write, and that option."""
    def walk(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                yield from walk(inner, (*path, name))
            return
        for option in command.params:
            words = {"-o", "--plot"} & set(option.opts)
            if words and option.metavar != "NAME=VALUE":  # `train -o` gives settings
                yield path, words.pop()

    yield from walk(archlang, ())


WRITERS = list(writers())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model of two paths."""
    torch.set_num_threads(1)
    path = tmp_path_factory.mktemp("models") / "paths.safetensors"
    save(compile(load(ROOT / "examples" / "04_paths.arch"), seed=1), path)
    return str(path)


def words_of(path: tuple[str, ...], model: str) -> list[str]:
    held = {"NETWORK": str(ROOT / "examples" / "04_paths.arch"), "MODEL": model, "RUN": str(Path(model).parent)}
    return [*path, *(held.get(word, word) for word in NEEDED[path])]


def test_every_command_that_writes_is_here() -> None:
    assert {path for path, _ in WRITERS} == set(NEEDED)


@pytest.mark.parametrize(("path", "option"), WRITERS, ids=lambda value: " ".join(value) if value else None)
def test_another_ending_is_refused_before_anything_is_computed(
    call: Call, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: tuple[str, ...], option: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.svg").mkdir()
    for name in WRONG:
        found = call(*words_of(path, model), option, name)
        assert found.status == 2 and not found.out and "error[usage]" in found.err, (name, found)
    assert [p.name for p in tmp_path.rglob("*")] == ["folder.svg"]


@pytest.mark.parametrize(("words", "said"), [
    (("boost", "NETWORK", "--data", "digits", "--plot", "-"), "not both"),
    (("eval", "MODEL", "--data", "digits", "--plot", "a.svg"), "`--cut`"),
    (("show", "gates", "MODEL", "--data", "digits", "--gate", "maps.route.0.0", "--synthesised"), "`-o`"),
    (("show", "routes", "MODEL", "--data", "digits", "--samples", "0,1", "--network", "-o", "-"), "takes one picture"),
    (("show", "routes", "MODEL", "a.png", "--samples", "0"), "images are all shown"),
    (("show", "patches", "MODEL", "--data", "digits", "--samples", "0"), "`-o`"),
    (("cluster", "NETWORK", "--data", "digits", "--tsne", "--no-pictures"), "`--tsne`"),
])
def test_what_would_not_be_written_is_refused(
    call: Call, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    held = {"NETWORK": str(ROOT / "examples" / "04_paths.arch"), "MODEL": model}
    found = call(*(held.get(word, word) for word in words))
    assert found.status == 2 and said in found.err and not found.out, found
    assert list(tmp_path.iterdir()) == []
