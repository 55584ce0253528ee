"""A file that somebody writes to while it is read is read as it was at one moment, or refused."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from archlang import atomic
from archlang.atomic import read_whole
from archlang.cli.main import run
from archlang.compiler import compile
from archlang.diagnostics import ArchError
from archlang.elaborate.network import check, load
from archlang.train.data.formats.published_files import PublishedLayout, open_files
from archlang.train.data.image_files import NoImage, read_pixels

SMALL = "archlang 1\nnetwork N {\n  input x: [4]\n  output x -> relu\n}\n"
WIDE = SMALL.replace("[4]", "[1200]")


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object], int], list[int]]:
    """Somebody who writes so many times, each time just after the state of an open file was looked at."""
    asked = os.fstat

    def begin(write: Callable[[], object], times: int) -> list[int]:
        written: list[int] = []

        def fstat(descriptor: int) -> os.stat_result:
            state = asked(descriptor)
            if len(written) < times:
                written.append(descriptor)
                write()
            return state

        monkeypatch.setattr(atomic.os, "fstat", fstat)
        return written

    return begin


Writer = Callable[[Callable[[], object], int], list[int]]


def longer(path: Path) -> Callable[[], object]:
    """Writes to a file in its place, one byte more each time."""
    return lambda: path.write_bytes(path.read_bytes() + b"\n")


def test_it_is_read_again(writer: Writer, tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"old")
    written = writer(lambda: file.write_bytes(b"newer"), 1)
    assert read_whole(file) == b"newer" and written


def test_a_file_that_never_rests_is_refused(writer: Writer, tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"old")
    writer(longer(file), 1000)
    with pytest.raises(OSError, match="changed while it was read"):
        read_whole(file)


def test_texts(writer: Writer, tmp_path: Path) -> None:
    file = tmp_path / "n.arch"
    file.write_text(SMALL)
    writer(lambda: file.write_text(WIDE), 1)
    assert str(load(file).graph.inputs[0].type) == "[1200]"

    writer(longer(file), 1000)
    (found,) = check(file)
    assert found.name == "unreadable-file" and "changed while it was read" in found.message


@pytest.mark.parametrize("line", ['import "b.arch" (b)\n', 'code c = from "b.arch"\n'])
def test_imports_and_tables(line: str, writer: Writer, tmp_path: Path) -> None:
    file, other = tmp_path / "n.arch", tmp_path / "b.arch"
    file.write_text(SMALL.replace("archlang 1\n", f"archlang 1\n{line}"))
    other.write_text("archlang 1\nblock b = relu\n")
    writer(longer(other), 1000)
    first = check(file)[0]
    assert first.name == "import-not-found" and "changed while it was read" in first.message


def test_a_table_that_is_named_twice_is_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rows.csv").write_text("c\n4\n")
    (tmp_path / "n.arch").write_text(
        'archlang 1\nlet a = from "rows.csv"\nlet b = from "./rows.csv"\n'
        "network N {\n  input x: [4]\n  output x -> linear(a[0] + b[0])\n}\n")

    read = Path.read_bytes
    seen = iter(["c\n4\n", "c\n7\n"])

    def other(path: str | os.PathLike[str], *rest: int, **more: bool) -> bytes:
        if Path(path).suffix == ".csv":
            return next(seen).encode()
        return read(Path(path))

    monkeypatch.setattr("archlang.project.project.read_whole", other)
    assert compile(load(tmp_path / "n.arch"))(torch.rand(1, 4)).shape == (1, 8)


def test_images_and_archives(writer: Writer, tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    Image.new("L", (3, 2)).save(image)
    writer(longer(image), 1000)
    with pytest.raises(NoImage, match="changed while it was read"):
        read_pixels(image, None)

    (tmp_path / "data.bin").write_bytes(bytes(100))
    writer(longer(tmp_path / "data.bin"), 1000)
    files = open_files(tmp_path, PublishedLayout("data"), ["data.bin"])
    with pytest.raises(ArchError, match="changed while it was read"):
        files.read("data.bin")


def test_only_regular_files_where_others_are_named_by_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(OSError, match=r"regular file|a folder"):
            read_whole(path, 10, regular=True)
    assert read_whole("/dev/zero", 3) == b"\0\0\0"


def test_fmt_writes_over_nothing_that_it_has_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "n.arch"
    file.write_text(SMALL.replace("  input", "input"))
    sync = os.fsync

    def saved_meanwhile(descriptor: int) -> None:
        sync(descriptor)
        file.write_text(WIDE)

    monkeypatch.setattr(os, "fsync", saved_meanwhile)
    assert run(["fmt", str(file)]) == 1
    assert "changed in the meantime" in capsys.readouterr().err
    assert file.read_text() == WIDE
    assert [path.name for path in tmp_path.iterdir()] == ["n.arch"]
