"""`python -m tests.campaign.export`: every spec, example, network and standard block as PyTorch source.

Each source is compared with its model (names, outputs and gradients in float64, both modes) and given to ruff; with
every dial that is an argument of its class it is built at another value, and compared with the network compiled so.
Prints a row for each, with `--onnx` also whether its ONNX file is equal.
"""

from __future__ import annotations

import argparse
import inspect
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import archlang
from archlang.elaborate.network import Network, loads
from archlang.exporting import export
from archlang.exporting.checking import built, check_source
from archlang.exporting.variants import others
from archlang.project.standard import standard_library

ROOT = Path(__file__).parents[2]
FOLDERS = ("specs", "examples")


def networks() -> Iterator[tuple[str, Network]]:
    """Every network of the project by the name of its file."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.arch")):
            try:
                yield str(path.relative_to(ROOT)), archlang.load(path)
            except archlang.ArchError:
                continue  # files with mistakes, and such as hold blocks alone


def blocks() -> Iterator[tuple[str, Network]]:
    """The example of every standard block as a network."""
    for block in standard_library():
        head, _, flow = block.example.partition("\n")
        lines = flow.splitlines()
        text = "\n".join(["archlang 1", head, "network Block {", *lines, "}"])
        try:
            yield f"{block.module} {block.name}", archlang.loads(text)
        except archlang.ArchError as problem:
            print(f"{block.name}: not a network: {problem.diagnostics[0].message}")


def judged(name: str, network: Network, folder: Path, formats: list[str]) -> str:
    """A row: the lines of source, and what the checks said."""
    begun = time.perf_counter()
    model = archlang.compile(network)
    said = []
    for format in formats:
        try:
            exported = export(model, format)
        except archlang.ArchError as problem:
            said.append(f"{format} REFUSED: {problem.diagnostics[0].message[:120]}")
            continue
        if format == "python":
            (folder / f"{name.replace('/', '_').replace(' ', '_')}.py").write_bytes(exported.data)
            said.append(f"{len(exported.text.splitlines())} lines")
            said += turned(network, exported.text)
        said.append(f"{format} {exported.checked}")
    return f"{name}: {'; '.join(said)}; {time.perf_counter() - begun:.1f} s"


def turned(network: Network, source: str) -> Iterator[str]:
    """What comes of each dial of the source at another value: equal, or not."""
    taken = inspect.signature(type(built(source)).__init__).parameters
    for name, value in network.dials.items():
        if name not in taken:
            yield f"{name} is fixed"
            continue
        for other in others(value):
            try:
                model: Any = archlang.compile(loads(network.text, {name: other}))
            except archlang.ArchError:
                continue  # another value of the dial that does not fit the network
            try:
                check_source(source, model, {name: other})
            except archlang.ArchError as problem:
                yield f"{name} = {other} REFUSED: {problem.diagnostics[0].message[:120]}"
            else:
                yield f"{name} = {other} equal"
            break


def main() -> int:
    """Write all of them; 1 where one was refused or ruff found something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="those with this in their name")
    parser.add_argument("--onnx", action="store_true", help="ONNX as well, and .pt2")
    parser.add_argument("--aot", action="store_true", help="machine code as well; it takes a C++ compiler")
    chosen = parser.parse_args()
    formats = ["python"]
    if chosen.onnx:
        formats += ["pt2", "onnx"]
    if chosen.aot:
        formats.append("aot")

    refused = 0
    with TemporaryDirectory() as folder:
        for name, network in (*networks(), *blocks()):
            if chosen.only in name:
                row = judged(name, network, Path(folder), formats)
                refused += "REFUSED" in row
                print(row, flush=True)
        done = subprocess.run([sys.executable, "-m", "ruff", "check", "--isolated", folder], text=True, timeout=300,
                              capture_output=True)
    print(done.stdout)
    print(f"{refused} refused")
    return int(bool(refused or done.returncode))


if __name__ == "__main__":
    sys.exit(main())
