"""Calling the command line in this process and in one of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from archlang.cli.main import run
from archlang.source import Source
from archlang.syntax import parse, print_file

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Outcome:
    """What a call left: its exit status and what stood on both streams."""

    status: int
    out: str
    err: str


Call = Callable[..., Outcome]


@pytest.fixture
def call(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Call:
    """`call("check", "x.arch")`: the outcome, with `given` on standard input."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def calling(*argv: str, given: bytes | None = None) -> Outcome:
        if given is not None:
            from io import BytesIO, TextIOWrapper

            monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(given)))
        capfdbinary.readouterr()
        status = run(argv)
        sys.stdout.flush()
        found = capfdbinary.readouterr()
        return Outcome(status, found.out.decode(), found.err.decode())

    return calling


def spawn(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """`python WORDS` in a process of its own, with archlang importable."""
    import os

    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def canonical(text: str) -> str:
    """A text as `fmt` writes it."""
    return print_file(parse(Source("demo", text)))


DEMO = canonical("""archlang 1

network Demo(width = 16) {
  input image: [3, 32, 32]
  stem = image -> conv(3x3, width) -> batch_norm -> relu
  output stem -> global_avg_pool -> linear(10)
}
""")


@pytest.fixture
def demo(tmp_path: Path) -> str:
    """The path of a small network's file, in canonical form."""
    file = tmp_path / "demo.arch"
    file.write_text(DEMO, encoding="utf-8")
    return str(file)
