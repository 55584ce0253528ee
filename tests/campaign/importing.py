"""Import of the networks of libraries: `python -m tests.campaign.importing` writes the table of docs/import.md.

No weights are fetched: import compares in float64 with weights drawn anew. What came in goes out again as PyTorch
source and as ONNX, each of which compares itself with the model. Each network has a process of its own and a bound on
its time, so that one that hangs or dies is a row like any other. Fewer than nine of ten families with an equal member
end the campaign with status 1.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import torch

import archlang
from archlang.diagnostics import ArchError
from archlang.importing import import_model
from tests.campaign.families import Make, families

FORMATS = ("python", "onnx")
"""The formats in which what came in goes out."""


@dataclass(frozen=True)
class Outcome:
    """What became of one network; `reasons` say why it was refused, `out` for each format why it did not go out."""

    family: str
    name: str
    lines: int = 0
    blocks: int = 0
    nodes: int = 0
    difference: float = float("inf")
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    out: tuple[str, ...] = ()
    seconds: float = 0.0


def tried(family: str, name: str, make: Make, formats: Sequence[str], keep: Path | None = None) -> Outcome:
    """Import one network, and write it out in these formats."""
    started = time.perf_counter()
    try:
        model, sizes = make()
        found = import_model(model.eval(), (torch.zeros(2, *sizes),))
    except ArchError as problem:
        reasons = tuple(f"{one.message} {' '.join(one.notes)}".strip() for one in problem.diagnostics)
        return Outcome(family, name, reasons=reasons, seconds=time.perf_counter() - started)
    except Exception as problem:  # a mistake of ours: it stands in the table like any other
        reason = f"{type(problem).__name__}: {problem}"[:300]
        return Outcome(family, name, reasons=(reason,), seconds=time.perf_counter() - started)

    seconds = time.perf_counter() - started
    if keep is not None:
        (keep / f"{name.replace(':', '_')}.arch").write_text(found.text, encoding="utf-8")
    out = tuple(_out(found.model, format) for format in formats)
    return Outcome(family, name, found.text.count("\n"), found.blocks, found.nodes, found.difference, (), found.notes,
                   out, seconds)


def _out(model: torch.fx.GraphModule, format: str) -> str:
    """Write a model out: the empty text where it is equal, else the reason."""
    try:
        archlang.export(model, format)
    except ArchError as problem:
        return f"{format}: {problem.diagnostics[0].message}"
    except Exception as problem:  # as above
        return f"{format}: {type(problem).__name__}: {problem}"[:300]
    return ""


def apart(family: str, name: str, options: argparse.Namespace) -> Outcome:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "tests.campaign.importing", "--one", name, "--formats", options.formats]
    if options.texts:
        command += ["--texts", str(options.texts)]
    started = time.perf_counter()
    try:
        done = subprocess.run(command, text=True, timeout=options.seconds, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return Outcome(family, name, reasons=(f"more than {options.seconds} s",), seconds=options.seconds)
    if done.returncode:
        reason = f"the process ended with status {done.returncode}"
        return Outcome(family, name, reasons=(reason,), seconds=time.perf_counter() - started)
    return outcome(done.stdout.splitlines()[-1])


def outcome(line: str) -> Outcome:
    """The outcome that a line of JSON holds."""
    row = json.loads(line)
    return Outcome(**{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})


def kept(path: Path | None) -> dict[str, Outcome]:
    """The outcomes of a file by their networks, the last of each; none where it is not there yet."""
    if path is None or not path.exists():
        return {}
    return {row.name: row for row in map(outcome, path.read_text(encoding="utf-8").splitlines())}


def table(rows: Sequence[Outcome]) -> str:
    """The rows as the page has them."""
    lines = ["| network | nodes | lines | blocks | largest difference | refused |", "|---|---|---|---|---|---|"]
    for row in rows:
        if row.lines:
            said = "; ".join(reason for reason in row.out if reason)
            lines.append(f"| {row.name} | {row.nodes} | {row.lines} | {row.blocks} | {row.difference:.0e} | {said} |")
        else:
            lines.append(f"| {row.name} | | | | | {row.reasons[0]} |")
    return "\n".join(lines)


def summary(rows: Sequence[Outcome]) -> tuple[str, float]:
    """A sentence on all rows, and the share of families that have an equal member."""
    equal = [row for row in rows if row.lines]
    whole = [row for row in equal if not any(row.out)]
    all_families = {row.family for row in rows}
    share = len({row.family for row in equal}) / len(all_families)
    shorter = median(row.nodes / row.lines for row in equal) if equal else 0.0
    text = (
        f"{len(equal)} of {len(rows)} networks are equal, of {len({row.family for row in equal})} of "
        f"{len(all_families)} families; {len(whole)} are equal again as {' and as '.join(FORMATS)}; the median file "
        f"has a line for {shorter:.1f} nodes of the export"
    )
    return text, share


def main() -> int:
    """Run the campaign; print and keep a line for each network, and the table at the end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="only these, as in timm:resnet18")
    parser.add_argument("--keep", type=Path, help="a file of outcomes; what it has is not run again")
    parser.add_argument("--texts", type=Path, help="a folder for the files that were made")
    parser.add_argument("--formats", default=",".join(FORMATS), help="the formats to write out; none where empty")
    parser.add_argument("--attentive", action="store_true", help="families of attention, too")
    parser.add_argument("--seconds", type=float, default=900, help="the bound on the time of one network")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()

    if options.one:
        warnings.simplefilter("ignore")  # torch.export's own
        formats = [format for format in options.formats.split(",") if format]
        found = {name: (family, make) for family, name, make in families(attentive=True)}
        family, make = found[options.one]
        print(json.dumps(asdict(tried(family, options.one, make, formats, options.texts))))
        return 0

    rows: list[Outcome] = []
    known = kept(options.keep)
    for family, name, _ in families(options.attentive):
        if options.names and name not in options.names:
            continue
        if name in known:
            rows.append(known[name])
            continue

        row = apart(family, name, options)
        rows.append(row)
        print(name, row.lines, row.blocks, row.nodes, row.difference, f"{row.seconds:.1f} s", *row.reasons[:3],
              *row.out, sep="; ", file=sys.stderr, flush=True)
        if options.keep:
            with options.keep.open("a") as file:
                file.write(json.dumps(asdict(row)) + "\n")

    print(table(rows))
    said, share = summary(rows)
    print(f"\n{said}")
    return int(share < 0.9)


if __name__ == "__main__":
    sys.exit(main())
