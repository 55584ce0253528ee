"""`python -m tests.campaign.wheel`: the built wheel in two empty environments, with and without torch.

pip installs the wheel and all that it asks for. The torch that runs this is lent to the one with torch, so that it is
not fetched again. Every command is called in both: it works, or says which extra brings what it takes.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import urllib.request
import zlib
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]

NETWORK = """archlang 1
network Small(classes = 4) {
  input image: [1, 8, 8]
  layer1 = image -> conv(1x1, 8) -> batch_norm -> relu
                 -> conv(3x3, 8, groups = 4) -> batch_norm -> relu
                 -> conv(1x1, 8) -> batch_norm
  logits = layer1 -> global_avg_pool -> linear(classes)
  output logits
}

train {
  loss      = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.1)
  batch     = 16
  labels    = ["a", "b", "c", "d"]
  phase all { epochs = 1 }
}
"""

MODULE = """
import torch
from torch import nn


def data():
    return torch.rand(32, 1, 8, 8), torch.arange(32) % 4


def net():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 4)), torch.zeros(2, 1, 8, 8)
"""

CODED = 'coded{code=words("1100", "0110", "0011", "1001"),loss=0}'


@dataclass(frozen=True)
class Row:
    """A call, as typed behind `archlang`. `bare`: it works without torch. `extra`: another extra that it may want."""

    words: tuple[str, ...]
    bare: bool = False
    extra: str = ""


def row(text: str, *more: str, bare: bool = False, extra: str = "") -> Row:
    return Row((*text.split(), *more), bare, extra)


ROWS = (
    row("new", bare=True), row("new image -o new.arch", bare=True), row("check net.arch", bare=True),
    row("fmt --check net.arch", bare=True), row("info net.arch", bare=True), row("draw net.arch -o net.svg", bare=True),
    row("diff net.arch net.arch -o both.html", bare=True), row("transform net.arch multipath -o wide.arch", bare=True),
    row("explain shape-mismatch", bare=True), row("ops conv", bare=True), row("doctor", bare=True),
    row("codes design --classes 4 --branches 4 --active 2 -o code.csv", bare=True),
    row("codes check code.csv", bare=True), row("transform net.arch", CODED, "-o", "coded.arch", bare=True),
    row("compile net.arch -o net.safetensors"), row("compile coded.arch -o coded.safetensors"),
    row("info net.safetensors", bare=True), row("draw net.safetensors -o model.svg", bare=True),
    row("diff net.safetensors net.arch", bare=True), row("import mine:net -o in.arch --weights in.safetensors"),
    row("transform net.safetensors multipath -o wide.safetensors"), row("train net.arch --data mine:data --run run"),
    row("train net.arch --data digits --run other", extra="train"),
    row("study net.arch --data mine:data --seeds 2 --run several"),
    row("sweep net.arch --data mine:data --trials 2 --set optimizer.lr=0.01..0.1:log --run swept", extra="search"),
    row("new clusters -o clusters.arch", bare=True),
    row("cluster clusters.arch --data mine:data --clusters 4 --epochs 1 --run clusters", extra="train"),
    row("boost net.arch --data mine:data --candidates 2 --iterations 1 -o best.arch"),
    row("fuse net.safetensors --verify -o fused.safetensors"), row("export net.safetensors -o net.py"),
    row("export net.safetensors -o net.pt2"), row("export net.safetensors -o net.onnx", extra="onnx"),
    row("predict run/best.safetensors image.png"), row("eval run/best.safetensors --data mine:data"),
    row("extract coded.safetensors --class 1 -o one.safetensors"),
    row("ablate coded.safetensors --data mine:data"), row("show weights wide.safetensors -o weights.svg"),
    row("serve net.arch --no-browser", bare=True), row("lsp", extra="lsp"),
)
"""Every command, in an order in which later ones find the files of earlier ones."""


def main() -> int:
    """Build, install and call; 1 where a call neither works nor says what it wants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="a folder to work in, which stays")
    chosen = parser.parse_args()
    with TemporaryDirectory() as made:
        place = Path(chosen.keep or made).resolve()
        place.mkdir(parents=True, exist_ok=True)
        wheel = built(place)
        print(f"{wheel.name}: {wheel.stat().st_size / 1024:.0f} KiB", flush=True)

        work = place / "work"
        prepared(work)
        bad = 0
        # With torch first: the other one reads its model files.
        for name, wanted, lent in (("with torch", "[torch]", True), ("without torch", "", False)):
            print(f"\n{name}", flush=True)
            program = installed(place / name.replace(" ", "-"), f"{wheel}{wanted}", lent)
            missing = commands(program, work) - {one.words[0] for one in ROWS}
            if missing:
                print(f"  not tried: {', '.join(sorted(missing))}")
            bad += len(missing) + sum(not tried(program, work, one, lent) for one in ROWS)
    print(f"\n{bad} wrong")
    return int(bool(bad))


def built(place: Path) -> Path:
    """The wheel of this checkout."""
    done = run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w",
               str(place / "dist"), str(ROOT))
    assert done.returncode == 0, done.stderr
    return next((place / "dist").glob("*.whl"))


def installed(folder: Path, wheel: str, lent: bool) -> Path:
    """The `archlang` program of an empty environment into which pip put the wheel."""
    run(sys.executable, "-m", "venv", "--clear", str(folder))
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if lent:
        lend(folder, python)
    done = run(str(python), "-m", "pip", "install", "--quiet", wheel)
    assert done.returncode == 0, done.stderr
    asked = run(str(python), "-c", "import archlang; print(archlang.__file__)", cwd=folder)
    assert str(folder) in asked.stdout, f"the checkout was imported: {asked.stdout}{asked.stderr}"
    return python.with_name("archlang")


def lend(folder: Path, python: Path) -> None:
    """Let an environment see the torch that runs this, and nothing else of where it lies."""
    torch = importlib.metadata.distribution("torch")
    links = folder / "lent"
    links.mkdir()
    tops = {Path(str(file)).parts[0] for file in torch.files or () if not str(file).startswith("..")}
    for name in tops:
        (links / name).symlink_to(Path(str(torch.locate_file(name))).resolve())
    where = run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
    Path(where, "lent.pth").write_text(f"{links}\n", encoding="utf-8")


def prepared(work: Path) -> None:
    """The files that the calls begin with."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (work / "net.arch").write_text(NETWORK, encoding="utf-8")
    (work / "mine.py").write_text(MODULE, encoding="utf-8")
    (work / "image.png").write_bytes(picture())


def picture() -> bytes:
    """A grey image of 8 x 8 pixels as PNG."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(range(8 * i, 8 * i + 8)) for i in range(8))
    head = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def commands(program: Path, work: Path) -> set[str]:
    """The commands that the help lists."""
    listed = run(str(program), "--help", cwd=work).stdout.partition("Commands:")[2]
    return set(re.findall(r"^  (\w+) ", listed, re.MULTILINE))


def tried(program: Path, work: Path, one: Row, with_torch: bool) -> bool:
    """Call a command, print what came of it, and tell whether that is right."""
    call = served if one.words[0] == "serve" else run
    # A file that is there already is never written over, and the other environment made one.
    if one.words[0] == "new":
        (work / one.words[-1]).unlink(missing_ok=True)
    done = call(str(program), *one.words, cwd=work)
    works = done.returncode == 0
    named = re.search(r"archlang\[(\w+)\]", done.stderr)
    says = done.returncode == 4 and named is not None

    # What is promised to work has to; the rest works or names the extra that it wants.
    if one.bare or (with_torch and not one.extra):
        right = works
    else:
        right = works or (says and named is not None and named[1] in ("torch", one.extra))
    said = "works"
    if not works:
        said = f"status {done.returncode}"
        if says and named is not None:
            said = f"wants archlang[{named[1]}]"
    print(f"  {'ok ' if right else 'BAD'} {' '.join(one.words)[:70]}: {said}", flush=True)
    if not right:
        print(done.stderr[-800:])
    return right


def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A process, of which nothing of this one's Python settings is known."""
    return subprocess.run(words, capture_output=True, text=True, cwd=cwd, env=apart(), timeout=1800,
                          stdin=subprocess.DEVNULL, check=False)


def served(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A process that serves a page until it is told to end: its page is fetched first."""
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=apart(),
                          stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        page = ""
        try:
            if said:
                with urllib.request.urlopen(said.strip(), timeout=60) as answer:
                    page = answer.read().decode()
        finally:
            # As Ctrl-C does, which ends the command with status 0.
            process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)

    status = process.returncode
    if "<html" not in page:
        status, errors = status or 1, f"no page: {page[:200]!r}; {errors}"
    return subprocess.CompletedProcess(words, status, said + rest, errors)


def apart() -> dict[str, str]:
    """The environment of such a process."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}


if __name__ == "__main__":
    sys.exit(main())
