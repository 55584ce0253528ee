"""One who works at a comparison: takes trainings that nobody is at, one after the other, and writes what came out."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from archlang.artefact import load_model
from archlang.comparison.answers import answers
from archlang.comparison.bits import bits
from archlang.comparison.design import Job, StudyDesign, design_of
from archlang.comparison.journal import Journal
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.elaborate.network import Network, loads
from archlang.ops import catalogue_with
from archlang.passes.plugins import passes_with
from archlang.train import evaluate, fit
from archlang.train.loop.evaluation import record_of

RUNS = "runs"

TRIES = 3
"""Attempts to take a claim: somebody who only looks holds its lock for a moment."""

UNFIT = 75
"""Exit status of a worker that cannot go on for a reason that says nothing of the training it was at."""

REFUSED = ("run-in-use", "unwritable-output", "interrupted")
"""Errors that say nothing of a network: they end the work, and the training is done another time."""


def work(journal: Journal) -> int:
    """Do trainings until none is free; returns how many. Raises `ArchError` for what concerns them all."""
    count = 0
    for job in journal.design.jobs():
        for attempt in range(TRIES):
            with journal.claimed(job) as mine:
                if mine:
                    _do(journal, job)
                    count += 1
                    break
            # Another has done it meanwhile: no need to try again.
            if journal.standing().is_settled(job):
                break
            time.sleep(0.05 * attempt)
    return count


def _do(journal: Journal, job: Job) -> None:
    """Train, judge, and write the result or the reason why there is none."""
    try:
        result = run_job(journal.design, job, journal.folder)
    except ArchError as problem:
        first = problem.diagnostics[0]
        if first.name in REFUSED:
            raise
        journal.add("failed", job.key, {"reason": f"{first.name}: {one_line(first.message, 300)}"})
        return
    journal.add("done", job.key, result)


def run_job(design: StudyDesign, job: Job, folder: Path) -> dict[str, Any]:
    """The result of one training: figures of the test part, and which samples were right, as hexadecimal bits.

    A training that was interrupted goes on. Raises `ArchError`.
    """
    arm = design.arms[job.arm]
    network = _network(design, arm.text)
    run = folder / RUNS / job.key
    started = time.perf_counter()

    if design.processes > 1:
        _train_under_torchrun(design, job, run)
    else:
        # A training that was killed before its first checkpoint begins again in its folder.
        start = "new"
        if any(run.glob("checkpoint-*.safetensors")):
            start = "resume"
        fit(network, design.data, run=run, start=start, seed=job.seed, epochs=design.epochs, device=design.device)  # type: ignore[arg-type]  # one of two words

    # From the file rather than from memory: under torchrun there is nothing else.
    model = load_model(run / f"{design.kept}.safetensors", catalogue=catalogue_with(design.plugins),
                       passes=passes_with(design.plugins))
    found = evaluate(model, design.data, device=design.device)
    # A training may end without an error where its last steps alone went astray.
    if not math.isfinite(found.loss):
        raise ArchError(error("diverged", f"the loss of its {design.kept} model is no number"))
    figures: dict[str, float | None] = {"loss": found.loss, **found.metrics}
    if found.accuracy is not None:
        figures["accuracy"] = found.accuracy

    right = None
    if found.accuracy is not None:
        right = bits(answers(model, design.data, device=design.device).correct.tolist())
    return {
        "figures": figures, "samples": found.samples, "right": right,
        "seconds": round(time.perf_counter() - started, 3), "network": record_of(model).network.name,
    }


def _network(design: StudyDesign, text: str) -> Network:
    return loads(text, catalogue=catalogue_with(design.plugins))


def _train_under_torchrun(design: StudyDesign, job: Job, run: Path) -> None:
    """The same training in several processes, as torch's own starter begins them. Raises `ArchError` (process-lost)."""
    file = run.parent / f"{job.key}.arch"
    run.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(design.arms[job.arm].text, encoding="utf-8")
    starter = [sys.executable, "-m", "torch.distributed.run", "--standalone",
               "--nproc_per_node", str(design.processes), "-m", "archlang", "--"]
    words = [*starter, "train", str(file), "--data", design.data, "--seed", str(job.seed), "--run", str(run),
             "--device", design.device]
    if design.epochs is not None:
        words += ["--epochs", str(design.epochs)]
    if any(run.glob("checkpoint-*.safetensors")):
        words.append("--resume")
    # Each task opens the file anew, with the operations that it names.
    words += [word for name in design.plugins for word in ("--plugin", name)]

    done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        # Torch's starter writes pages; the line of archlang's own error says what it was.
        said = next((line for line in done.stderr.splitlines() if line.startswith("error[")), "torchrun ended with "
                    f"status {done.returncode}")
        raise ArchError(error("process-lost", one_line(said, 300)))


def serve(folder: str, document: Mapping[str, Any], parent: int) -> None:
    """A worker's process: works at the study of a folder until nothing is free, or its parent is gone.

    It ends with the status `UNFIT` where what went wrong concerns all trainings; that is said on standard error.
    """
    design = design_of(document)
    # The number of threads decides on last bits, and several workers share the processors.
    torch.set_num_threads(design.threads)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    try:
        work(Journal(Path(folder), design))
    except ArchError as problem:
        print(problem, file=sys.stderr, flush=True)
        sys.exit(UNFIT)


def _end_with(parent: int) -> None:
    """End this process once its parent is gone: nobody would stop it, and it holds what others would go on with."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)  # at any point: a training may end at any write
