"""What only a process of its own can show: signals, closed pipes, encodings, `python -m`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import DEMO, ROOT, spawn


def test_python_m_archlang_is_archlang() -> None:
    done = spawn("-m", "archlang", "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "archlang 0.1.0\n", "")


def start(*words: str, **options: object) -> subprocess.Popen[bytes]:
    """A running `archlang WORDS`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-m", "archlang", *words], cwd=ROOT, env=environment, **options)  # type: ignore[call-overload, no-any-return]


def test_ctrl_c_ends_quietly_with_130() -> None:
    process = start("check", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"#" * 150_000)  # more than a pipe holds: once it is written, the command is reading
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == b""
    assert err.startswith(b"error[interrupted]: stopped")
    assert b"Traceback" not in err


@pytest.mark.parametrize("argv", [["explain"], ["check", "no.arch", "--format", "json"]])
def test_a_reader_who_leaves_early_is_no_mistake(argv: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    process = start(*argv, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    _, err = process.communicate(timeout=30)
    assert err == b""
    assert process.returncode == 0


def test_an_output_that_is_full(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        return
    with Path("/dev/full").open("wb") as full:
        process = start("explain", stdout=full, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert err.startswith(b"error[unwritable-output]")


@pytest.mark.parametrize(("call", "closed", "status", "said"), [
    ("check -", "<&-", 1, "error[unreadable-file]: cannot read standard input: standard input is closed"),
    ("info examples/01_sequential.arch", ">&-", 1, "error[unwritable-output]: standard output is closed"),
    ("check examples/mistakes.arch", ">&-", 1, "error[unwritable-output]: standard output is closed"),
    ("draw examples/01_sequential.arch -o -", ">&-", 1, "error[unwritable-output]: standard output is closed"),
    ("check examples/mistakes.arch", ">/dev/null 2>&-", 1, ""),
    ("check examples/01_sequential.arch", "2>&-", 0, ""),
])
def test_streams_that_are_closed(call: str, closed: str, status: int, said: str) -> None:
    command = f"exec {sys.executable} -m archlang {call} {closed}"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == status, done.stderr
    assert said in done.stdout + done.stderr  # `check` reports on standard output; a library may have warned before
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("call", ["check net.arch", f"draw {ROOT}/examples/01_sequential.arch -o net.svg"])
def test_a_working_folder_that_is_gone(call: str, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f"cd {gone} && rmdir {gone} && exec {sys.executable} -m archlang {call}"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 1
    assert done.stderr.startswith("error[unreadable-file]: the working folder is gone")


def test_too_little_memory() -> None:
    command = f"ulimit -v 400000; exec {sys.executable} -m archlang compile examples/01_sequential.arch"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr.startswith("error[out-of-memory]: there is too little memory for this command")


def test_a_terminal_that_knows_ascii_only(tmp_path: Path) -> None:
    file = tmp_path / "é.arch"
    file.write_text(DEMO.replace("stem =", "stém ="), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    words = [sys.executable, "-m", "archlang", "check", str(file)]
    done = subprocess.run(words, env=environment, capture_output=True, check=False, timeout=60)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert rb"st\xe9m" in done.stdout


def test_colour_on_a_terminal_only(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty", reason="pseudo-terminals exist on POSIX systems only")
    master, slave = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen([sys.executable, "-m", "archlang", "chek"], stderr=slave, env=environment, cwd=ROOT)
    assert process.wait(timeout=30) == 2
    assert b"\x1b[1;31merror[usage]" in os.read(master, 4096)
    os.close(master)
    os.close(slave)


def test_a_shell_can_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_ARCHLANG_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "archlang che")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert spawn("-m", "archlang").stdout == "plain,check\n"

    monkeypatch.setenv("COMP_WORDS", "archlang ops bott")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert spawn("-m", "archlang").stdout == "plain,bottleneck\n"


def test_nesting_beyond_pythons_stack_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "deep.arch"
    file.write_text("archlang 1\nlet a = " + "(" * 3_000 + "1" + ")" * 3_000 + "\n")
    done = spawn("-m", "archlang", "check", str(file), "--limit", "nesting=100000")
    assert done.returncode == 1
    assert "error[nesting-too-deep]" in done.stdout + done.stderr
