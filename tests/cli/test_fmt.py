"""`archlang fmt`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import DEMO, Call, canonical

UGLY = DEMO.replace(" = 16", "=16").replace("output stem ->", "# the end\n   output stem->")
PRETTY = canonical(UGLY)


def ugly(folder: Path) -> Path:
    """A file that is not in canonical form."""
    file = folder / "ugly.arch"
    file.write_text(UGLY)
    return file


def test_a_file_is_rewritten_with_its_comments(call: Call, tmp_path: Path) -> None:
    file = ugly(tmp_path)
    outcome = call("fmt", str(file))
    assert (outcome.status, outcome.out, outcome.err) == (0, "", f"formatted {file}\n")
    assert file.read_text() == PRETTY
    assert "  # the end\n" in PRETTY


def test_a_file_in_canonical_form_is_not_touched(call: Call, demo: str) -> None:
    before = Path(demo).stat()
    outcome = call("fmt", demo)
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")
    assert Path(demo).stat().st_mtime_ns == before.st_mtime_ns
    assert Path(demo).stat().st_ino == before.st_ino


def test_check_lists_and_writes_nothing(call: Call, tmp_path: Path, demo: str) -> None:
    file = ugly(tmp_path)
    outcome = call("fmt", "--check", demo, str(file))
    assert outcome.status == 3
    assert outcome.out == f"{file}\n"
    assert "error[not-formatted]: 1 of 2 files is not in canonical form" in outcome.err
    assert file.read_text() == UGLY
    assert call("fmt", "--check", demo).status == 0


def test_diff_shows_and_writes_nothing(call: Call, tmp_path: Path, demo: str) -> None:
    file = ugly(tmp_path)
    outcome = call("fmt", "--diff", demo, str(file))
    assert outcome.status == 0
    assert outcome.out.startswith(f"--- {file}\n+++ {file} (canonical)\n")
    assert "\n-network Demo(width=16) {\n+network Demo(width = 16) {\n" in outcome.out
    assert file.read_text() == UGLY
    assert call("fmt", "--diff", "--check", str(file)).status == 3
    assert call("fmt", "--diff", demo).out == ""


def test_a_file_with_mistakes_is_left_and_the_others_go_on(call: Call, tmp_path: Path) -> None:
    broken = tmp_path / "broken.arch"
    broken.write_text("archlang 1\nlet a = (1\n")
    file = ugly(tmp_path)
    outcome = call("fmt", str(broken), str(file))
    assert outcome.status == 1
    assert "error[unclosed-bracket]" in outcome.err
    assert broken.read_text() == "archlang 1\nlet a = (1\n"
    assert file.read_text() == PRETTY


def test_from_standard_input_to_standard_output(call: Call) -> None:
    outcome = call("fmt", "-", given=UGLY.encode())
    assert (outcome.status, outcome.out, outcome.err) == (0, PRETTY, "")
    assert call("fmt", "--check", "-", given=UGLY.encode()).out == "<stdin>\n"


def test_the_permissions_stay(call: Call, tmp_path: Path) -> None:
    file = ugly(tmp_path)
    file.chmod(0o600)
    assert call("fmt", str(file)).status == 0
    assert file.stat().st_mode & 0o777 == 0o600


def test_line_ends_are_made_canonical(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "windows.arch"
    file.write_bytes(DEMO.replace("\n", "\r\n").encode())
    assert "only line ends" in call("fmt", "--diff", str(file)).out
    assert call("fmt", str(file)).status == 0
    assert file.read_bytes() == DEMO.encode()


def test_too_large_a_file_is_left(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "large.arch"
    file.write_text("archlang 1\n" + "# comment\n" * 30_000)
    outcome = call("fmt", str(file))
    assert outcome.status == 1
    assert "error[file-too-large]" in outcome.err
