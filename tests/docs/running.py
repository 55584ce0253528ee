"""Running what the pages show; `python -m tests.docs.running` writes the real output into them where it differs."""

from __future__ import annotations

import contextlib
import os
import runpy
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from archlang.cli.main import run
from tests.docs.pages import PAGES, ROOT, Command, agrees, blocks, commands, kept


def checkout_in(folder: Path) -> None:
    """Make a folder look like the repository's root to whoever reads networks."""
    for name in ("specs", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "docs" / "images").mkdir(parents=True)


def output_of(command: Command, file: Path) -> str:
    """What `archlang ...` or `python FILE` writes to both its streams, run in this process."""
    words = shlex.split(command.words)
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(file.open("w", encoding="utf-8"))
        stack.enter_context(contextlib.redirect_stdout(stream))
        stack.enter_context(contextlib.redirect_stderr(stream))
        if words[0] == "python":
            runpy.run_path(words[1], run_name="__main__")
        else:
            assert words[0] == "archlang", words
            run(words[1:])
        sys.stdout.flush()
    return file.read_text(encoding="utf-8")


def main() -> None:
    """Mend the console blocks of all pages whose output is shown in full; say which of the others differ."""
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        checkout_in(Path(name))
        os.chdir(name)
        for page in PAGES:
            text = page.read_text(encoding="utf-8")
            for block in blocks(page, "arch", "python", "console"):
                if file := kept(block):
                    Path(file).write_text(block.text, encoding="utf-8")
                if block.language != "console":
                    continue
                for command in commands(block.text):
                    real = output_of(command, Path(name) / "output.txt")
                    real = "".join(f"{line.rstrip()}\n" for line in real.strip("\n").split("\n") if real.strip("\n"))
                    if agrees(command, real):
                        continue
                    print(f"{block}: $ {command.words}\n{real}")
                    if "..." not in command.shown:
                        text = text.replace(f"$ {command.words}\n{command.shown}", f"$ {command.words}\n{real}")
            page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
