"""`archlang serve` as it is typed: what is refused at once, the address, the end by Ctrl-C, no torch."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from archlang.cli.main import run
from archlang.limits import DEFAULT
from tests.page.serving import PATHS, ROOT

PROBE = """
import sys
from archlang.cli.main import run
status = run(sys.argv[1:])
print(sorted({"torch", "numpy", "safetensors"} & set(sys.modules)), file=sys.stderr)
sys.exit(status)
"""


@pytest.mark.parametrize(("name", "data", "status", "said"), [
    ("none.arch", None, 1, "unreadable-file"), ("net.arch", b"archlang 1\n\xff", 1, "not-utf8"),
    ("net.arch", b"x" * (DEFAULT.file_bytes + 1), 1, "file-too-large"), ("net.txt", b"archlang 1\n", 2, "usage"),
    ("folder.arch", b"", 1, "unreadable-file"),
])
def test_a_file_that_cannot_be_shown_is_refused_at_once(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, data: bytes | None, status: int, said: str
) -> None:
    if name == "folder.arch":
        (tmp_path / name).mkdir()
    elif data is not None:
        (tmp_path / name).write_bytes(data)
    assert run(["serve", str(tmp_path / name), "--no-browser"]) == status
    found = capfd.readouterr()
    assert f"error[{said}]" in found.err and found.out == ""


def test_a_port_that_is_taken_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.arch").write_text(PATHS)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert run(["serve", str(tmp_path / "net.arch"), "--no-browser", "--port", str(port)]) == 2
    found = capfd.readouterr()
    assert f"port {port} of this computer cannot be had" in found.err and "--port" in found.err and found.out == ""


def test_ctrl_c_ends_it_well_and_torch_was_never_needed(tmp_path: Path) -> None:
    (tmp_path / "net.arch").write_text(PATHS)
    process = subprocess.Popen(
        [sys.executable, "-c", PROBE, "serve", "net.arch", "--no-browser", "-p", "paths=3"], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    question = (b'{"file": "net.arch", "text": "archlang 1", "dials": {}, "depth": null, "opened": [], "closed": [],'
                b'"client": "a", "number": 1}')
    asked = urllib.request.Request(f"{address}ask/look", question, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=20) as answer:
        assert answer.status == 200
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0 and out == "" and "stopped" in err
    assert err.splitlines()[-1] == "[]"
