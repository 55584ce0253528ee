"""A study under a queue: `sbatch` is a stand-in that runs a script's tasks at a time, as SLURM starts them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.campaign import studying

SBATCH = f"""#!{sys.executable}
import os, re, shutil, subprocess, sys

# SLURM copies the script, reads what stands behind #SBATCH, and starts each task by the script's own first line.
text = open(sys.argv[1]).read()
asked = dict(re.findall(r"^#SBATCH --([a-z-]+)=(.*)$", text, re.MULTILINE))
first, last = map(int, asked["array"].split("-"))
shutil.copy(sys.argv[1], "spooled")
os.chmod("spooled", 0o755)

tasks = []
for number in range(first, last + 1):
    log = open(asked["output"].replace("%A", "17").replace("%a", str(number)), "w")
    environment = {{**os.environ, "SLURM_ARRAY_TASK_ID": str(number), "SLURM_JOB_NAME": asked["job-name"]}}
    tasks.append(subprocess.Popen(["./spooled"], stdout=log, stderr=log, env=environment))
sys.exit(max(task.wait() for task in tasks))
"""

OWN = """#!/bin/sh
#SBATCH --job-name=$name-of-ours
#SBATCH --array=1-$tasks
#SBATCH --output=task-%a.log
echo "$$SLURM_JOB_NAME, task $$SLURM_ARRAY_TASK_ID of $tasks, $processes process, in" $folder
$command
echo "task $$SLURM_ARRAY_TASK_ID is done"
"""


def shell(folder: Path, *words: str) -> str:
    """What a command prints, started in a folder; it must end well."""
    environment = {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def values(folder: Path, *words: str) -> list[dict[str, float]]:
    """The figures of a study's rows, by seed."""
    document: Any = json.loads(shell(folder, sys.executable, "-m", "archlang", "study", *words, "--format", "json"))
    return [row["values"] for row in document["rows"]]


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is started by its first line")
@pytest.mark.parametrize("template", [None, OWN], ids=["the default template", "a template of one's own"])
def test_tasks_of_a_queue_share_a_study(template: str | None, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sbatch").write_text(SBATCH)
    (tmp_path / "bin" / "sbatch").chmod(0o755)
    (tmp_path / "small.arch").write_text(studying.TEXT)
    study = ["small.arch", "--data", "digits:train=60", "--seeds", "3", "--device", "cpu"]

    queued = [*study, "--run", "our study"]
    asked = ["--slurm", "2", "-o", "study.sbatch"]
    if template is not None:
        (tmp_path / "own").write_text(template)
        asked += ["--template", "own"]
    shell(tmp_path, sys.executable, "-m", "archlang", "study", *queued, *asked)
    assert not (tmp_path / "our study").exists()

    shell(tmp_path, "sbatch", "study.sbatch")
    # `--jobs 0` trains nothing: what is there, the tasks did.
    found = values(tmp_path, *queued, "--jobs", "0")
    assert list(found[0]) == ["0", "1", "2"]
    assert found == values(tmp_path, *study, "--run", "by hand")

    lines = [json.loads(line) for line in (tmp_path / "our study" / "journal.jsonl").read_text().splitlines()]
    assert sorted(line["job"] for line in lines if line.get("event") == "done") == ["0-0", "0-1", "0-2"]
    if template is not None:
        for number in (1, 2):
            said = (tmp_path / f"task-{number}.log").read_text()
            assert f"archlang-study-of-ours, task {number} of 2, 1 process, in {tmp_path / 'our study'}\n" in said
            assert said.endswith(f"task {number} is done\n")
