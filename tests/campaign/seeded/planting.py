"""A copy of the tree, into which one bug at a time is put while tests run."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import cache_from_source
from multiprocessing import get_context
from pathlib import Path

import hypothesis
import lark
import msgspec
import networkx
import numpy
import PIL.Image
import pytest
import safetensors.torch
import scipy.optimize
import torch._dynamo

from tests.campaign.seeded.seed import ROOT, Seed

SHARED = (PIL.Image, hypothesis, lark, msgspec, networkx, numpy, safetensors.torch, scipy.optimize, torch._dynamo)
"""Libraries that are imported here once, for all the forks that run tests: it takes longer than most of the tests."""

LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "build", "dist", "runs", "__pycache__", ".*_cache", "*.egg-info")
NAMED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Verdict:
    """The end of one run of tests: `noticed`, `NOT noticed`, `no end`, or `useless` where they did not run at all.

    `by` is the test that failed; `seconds` how long it took.
    """

    what: str
    by: str
    seconds: float


def copied(folder: Path) -> Path:
    """Copy the tree into a folder, without what is built from it."""
    target = folder / "tree"
    shutil.copytree(ROOT, target, ignore=LEFT_OUT, symlinks=True)
    return target


@contextmanager
def planted(tree: Path, seed: Seed) -> Iterator[None]:
    """Within this, the copy has the bug. Raises `NotApplicable`."""
    path = tree / "archlang" / seed.file
    whole = path.read_bytes()
    # Bytes of the text are written: line ends stay as they are.
    path.write_bytes(seed.planted(tree).encode())
    _forget(path)
    try:
        yield
    finally:
        path.write_bytes(whole)
        _forget(path)


def _forget(path: Path) -> None:
    """Remove the compiled form of a module: two texts of one size and second would pass for the same."""
    Path(cache_from_source(str(path))).unlink(missing_ok=True)


def run(tree: Path, tests: Sequence[str], limit: float) -> tuple[int | None, str]:
    """Run tests in the copy until the first failure; pytest's exit status, None past the limit in seconds, the output.

    They run in a fork of this process, which has the large libraries already.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        process = get_context("fork").Process(target=_child, args=(tree, list(tests), output.fileno()))
        process.start()
        process.join(limit)
        status = process.exitcode
        if status is None:
            # With all that the tests may have started: the child leads a group of its own.
            os.killpg(process.pid or 0, signal.SIGKILL)
            process.join()
        output.seek(0)
        return status, output.read()


def _child(tree: Path, tests: list[str], output: int) -> None:
    """Run pytest on the copy, as if Python had just begun there."""
    os.setsid()
    os.dup2(output, 1)
    os.dup2(output, 2)
    # Python's own streams too: whoever calls may have put others in their place.
    sys.stdout = sys.stderr = os.fdopen(output, "w", encoding="utf-8", errors="replace", closefd=False)
    os.chdir(tree)
    os.environ["PYTHONPATH"] = str(tree)  # for the processes that tests start
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # plug-ins of other packages take their time too

    # What this process knows of both packages is that of the tree itself, not of the copy.
    for name in list(sys.modules):
        if name.partition(".")[0] in ("archlang", "tests"):
            del sys.modules[name]
    sys.path[:] = [str(tree), *(entry for entry in sys.path if Path(entry or ".").resolve() != ROOT)]

    status = pytest.main(["-x", "-q", "-p", "pytest_timeout", "-p", "no:cacheprovider", "--tb=line", *tests])
    sys.stdout.flush()
    os._exit(int(status))


def judged(tree: Path, seed: Seed, limit: float) -> Verdict:
    """Plant a seed, run its tests, and take it out again."""
    begun = time.monotonic()
    with planted(tree, seed):
        status, output = run(tree, seed.targets, limit)
    seconds = time.monotonic() - begun

    if status is None:
        return Verdict("no end", f"after {limit:.0f} s", seconds)  # a slow machine ends like this too
    if status == 0:
        return Verdict("NOT noticed", "", seconds)
    named = NAMED.search(output)
    # Status 1 is a test that failed. Any other is a mistake of the seed's: a wrong name, a module that does not load.
    if status == 1 and named:
        return Verdict("noticed", named[1], seconds)
    return Verdict("useless", output.strip()[-600:], seconds)
