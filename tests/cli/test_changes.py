"""Patches of `fmt --diff`: the system's `patch` makes the new text of the old one with them."""

import random
import shutil
import subprocess
from difflib import unified_diff
from pathlib import Path

import pytest

from archlang.changes import unified
from tests.limits.counting import growth


def texts(seed: int) -> tuple[list[str], list[str]]:
    """A text of few words that repeat, and one that came of it."""
    draw = random.Random(seed)
    old = [draw.choice("abc{}") * draw.choice((1, 1, 30)) for _ in range(draw.choice((0, 1, 5, 40, 300)))]
    new = list(old)
    for _ in range(draw.choice((0, 1, 3, 30))):
        at = draw.randint(0, len(new))
        new[at : at + draw.choice((0, 0, 1, 2, 90))] = [draw.choice("abcxyz")] * draw.choice((0, 1, 2, 90))
    return old, new


def applied(old: list[str], patch: list[str]) -> list[str]:
    """What a patch makes of a text, by its own numbers of lines; what it takes away must stand there."""
    result: list[str] = []
    at = 0
    for line in patch[2:]:
        if line.startswith("@@"):
            start, _, count = line.split()[1][1:].partition(",")
            begin = int(start) - (count != "0")
            result += old[at:begin]
            at = begin
        elif line[0] == "+":
            result.append(line[1:])
        else:
            assert old[at] == line[1:]
            result += [line[1:]] * (line[0] == " ")
            at += 1
    return result + old[at:]


def test_a_patch_makes_the_new_text_of_the_old_one() -> None:
    for seed in range(150):
        old, new = texts(seed)
        patch = unified(old, new, "a", "b")
        assert applied(old, patch) == new
        assert bool(patch) == (old != new)


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs `patch`")
def test_the_systems_patch_takes_it(tmp_path: Path) -> None:
    for seed in range(12):
        old, new = texts(seed)
        file, patch = tmp_path / "a", unified(old, new, "a", "b")
        file.write_text("".join(f"{line}\n" for line in old))
        said = "".join(f"{line}\n" for line in patch)
        if patch:
            subprocess.run(["patch", "-s", "-F0", str(file)], input=said, text=True, check=True)
        assert (file.read_text() if file.exists() else "") == "".join(f"{line}\n" for line in new)


def test_small_changes_are_shown_as_python_shows_them() -> None:
    old = [f"line {n}" for n in range(40)]
    for new in ([*old[:7], "x", *old[8:]], [*old[:7], *old[9:]], [*old[:7], "x", "y", *old[7:]], ["x", *old], old[:-1],
                [*old[:3], "x", *old[3:30], "y", *old[31:]], old):
        assert unified(old, new, "a", "b") == list(unified_diff(old, new, "a", "b", lineterm=""))


def test_lines_that_repeat_take_no_longer() -> None:
    def work(n: int) -> object:
        old, new = ([f"{mark}{i}" if i % 3 else "}" for i in range(n)] for mark in ("", "x"))
        return unified(old, new, "", "")

    assert growth(work, 200) < 2.5
