"""Files are written whole or not at all."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archlang.atomic import write_whole
from archlang.diagnostics import ArchError


def refused(path: Path) -> str:
    with pytest.raises(ArchError) as caught:
        write_whole(path, b"new")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.name == "unwritable-output"
    return diagnostic.message


def test_a_new_file_and_one_in_its_place(tmp_path: Path) -> None:
    target = tmp_path / "a"
    write_whole(target, b"one")
    write_whole(target, b"two")
    assert target.read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o666, 0o755, 0o4755])
def test_a_file_keeps_its_permissions(mode: int, tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    target.chmod(mode)
    write_whole(target, b"new")
    assert target.read_bytes() == b"new" and stat.S_IMODE(target.stat().st_mode) == mode


@pytest.mark.parametrize("step", ["replace", "fsync"])
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, failure: BaseException
) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(*((Path, "replace") if step == "replace" else (os, "fsync")), fail)
    with pytest.raises((ArchError, KeyboardInterrupt)):
        write_whole(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    assert "folder" in refused(tmp_path)
    assert "no such file" in refused(tmp_path / "missing" / "a")
    (tmp_path / "file").write_bytes(b"")
    assert "not a directory" in refused(tmp_path / "file" / "a")
    assert "\x1b" not in refused(tmp_path / "\x1b[31m" / "a")


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_device_stays_a_device() -> None:
    write_whole("/dev/null", b"new")
    assert not Path("/dev/null").is_file()


def test_a_kill_leaves_a_whole_file(tmp_path: Path) -> None:
    target = tmp_path / "a"
    write_whole(target, b"0" * 100_000)
    code = (
        "import sys; from archlang.atomic import write_whole\n"
        "print('go', flush=True)\n"
        "for n in range(10**6): write_whole(sys.argv[1], str(n % 10).encode() * 100_000)"
    )
    for wait in (0.0, 0.01, 0.03):
        process = subprocess.Popen([sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(wait)
        process.kill()
        process.wait()
        process.stdout.close()
        data = target.read_bytes()
        assert len(data) == 100_000
        assert len(set(data)) == 1


def test_a_working_directory_that_is_gone_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ArchError) as caught:
        write_whole("a.txt", b"new")
    assert caught.value.diagnostics[0].name == "unwritable-output"
    with pytest.raises(ArchError):
        write_whole("a\0.txt", b"new")
