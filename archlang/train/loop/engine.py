"""The training of what a file declares: phases of epochs of batches, seeded, logged, saved, continued.

The same seed on the same machine kind, torch version and thread count gives the same weights, bit for bit, whether or
not the training was interrupted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from torch import fx

from archlang.diagnostics import ArchError, error
from archlang.elaborate.network import Network, configured
from archlang.train.data.sources import find
from archlang.train.data.transforms import Changes
from archlang.train.kept.board import Board
from archlang.train.kept.checkpoints import restore
from archlang.train.kept.identity import differences
from archlang.train.kept.records import RunRecords
from archlang.train.kept.runs import Run, open_run, reopen_run
from archlang.train.loop.callbacks import Callbacks
from archlang.train.loop.preparing import prepared
from archlang.train.loop.progress import Progress, Result
from archlang.train.loop.task import TrainingTask
from archlang.train.loop.training import Training
from archlang.train.optimization.planning import plan_of
from archlang.train.processes.devices import place
from archlang.train.processes.sharding import Sharding
from archlang.train.processes.world import World, joined
from archlang.train.training_data import training_data

Start = Literal["new", "resume", "fork"]


def fit(
    network: Network,
    data: object,
    *,
    epochs: int | None = None,
    seed: int | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    run: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    callbacks: Sequence[Progress] = (),
    log_steps: bool = False,
    start: Start = "new",
    checkpoint_every: int | None = None,
    tensorboard: bool = False,
    sharding: Sharding = "auto",
    workers: int = 0,
    transform: Callable[..., Any] | None = None,
    batch_transform: Callable[..., Any] | None = None,
    init: Callable[[fx.GraphModule], object] | None = None,
) -> Result:
    """Train a network as the `train` of its file says.

    >>> import archlang, torch
    >>> net = archlang.loads('''archlang 1
    ... network Small { input x: [4]
    ...   scores = x -> linear(8) -> relu -> linear(2)
    ...   output scores }
    ... train { loss = cross_entropy(scores, label)
    ...   optimizer = adam(lr = 0.05)
    ...   phase all { epochs = 5 } }''')
    >>> points = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    >>> result = archlang.fit(net, (points, (points[:, 0] > 0).long()), settings={"batch": 20})
    >>> result.best.test_accuracy > 0.9, len(result.history)
    (True, 5)

    Arguments:
        network: a checked network.
        data: what `sources.find` takes: the name of a data set, `module:function`, `folder:PATH`, or a `Data`.
        epochs: shortens or stretches all phases alike.
        seed: stands for the file's.
        settings: stand for those of the `train`: `{"batch": 64, "optimizer.lr": 0.01, "all.epochs": 3}`. A text is read
            as it would be in the file.
        device: `auto` for a GPU where there is one, or torch's name of a device.
        run: a new or empty folder for `network.arch`, `config.json`, `log.csv`, the model files `last.safetensors` and
            `best.safetensors` (by test accuracy, then loss), and a checkpoint after every epoch. Without it nothing is
            written.
        progress: is told what happens.
        callbacks: are told too, in their order. What one raises ends the training with its name (callback-failed); the
            run folder holds what was done.
        log_steps: keeps the loss, the norm of the gradient and the rate of every step in `steps.csv`.
        start: `resume` goes on from the newest checkpoint of the run: the weights that come out are those of a training
            that was never interrupted. `fork` does so with another file, seed or data; what differs is told and noted.
        checkpoint_every: writes a checkpoint after so many steps too.
        tensorboard: writes event files into the folder of the run.
        sharding: in several processes, whether each keeps the weights whole (`ddp`, as `auto`) or a part (`fsdp`).
        workers: processes that read the data while the network is trained; 0 reads it in between. What comes out does
            not depend on their number.
        transform: changes each training sample: takes it, or it and its label, as torchvision's do (v2).
        batch_transform: changes each training batch: takes samples and labels and gives both, labels as class numbers
            or as shares of the classes (mixup, cutmix).
        init: is given the compiled network before its first step, to put weights into it: `lambda model:
            archlang.adopt(model, "weights.safetensors")`.

    Under `torchrun` each process calls it: batches are shared out among them, the first one alone writes and is told of
    progress.

    Raises `ArchError`: missing-train, unknown-data, bad-data, run-exists, run-in-use, run-differs, no-checkpoint,
    diverged, missing-tool, unwritable-output, process-lost, and what compiling raises.
    """
    network = configured(network, settings or {})
    plan = plan_of(network)
    with joined(device) as world:
        listening = Callbacks(progress or Progress(), callbacks)
        if not world.is_first:
            listening = Callbacks(Progress())
        ready = training_data(network, plan, find(data))
        task = TrainingTask(network, plan, ready, place(device, world.local), world, sharding, epochs, seed, workers,
                            init, Changes(transform, batch_transform))

        _check_changes(task)

        if run is None:
            if start != "new" or tensorboard or log_steps:
                raise ArchError(error("usage", "only a training with a run folder can be continued, shown or logged"))
            return prepared(task).go(listening)

        folder = _folder(run, start, world)
        try:
            training, records = _recorded(task, folder, start, listening)
            records.every = checkpoint_every
            if log_steps:
                records.log_steps()
            if tensorboard and world.is_first:
                records.board = Board(folder.folder, len(training.state.history))
            return training.go(listening)
        finally:
            folder.close()


def _check_changes(task: TrainingTask) -> None:
    """Raise `ArchError` (not-available) for changes of samples that are several inputs or labels by their names."""
    data = task.data
    if task.changes.names and (data.input_places or data.label_places):
        message = "a transform changes samples of one input with one label"
        raise ArchError(error("not-available", message, help="change several in the data set that gives them"))


def _recorded(task: TrainingTask, folder: Run, start: Start, progress: Progress) -> tuple[Training, RunRecords]:
    """A training with everything kept in the run's folder."""
    if start == "new":
        return _begun(task, folder)
    return _continued(task, folder, start, progress)


def _folder(run: str | os.PathLike[str], start: Start, world: World) -> Run:
    """The run's folder, which the first process opens for all."""
    if not world.is_first:
        return Run(Path(run))
    if start == "new":
        return open_run(run)
    return reopen_run(run)


def _begun(task: TrainingTask, run: Run) -> tuple[Training, RunRecords]:
    """A new training in a run folder."""
    training = prepared(task)
    records = RunRecords.of(task, training.trained.module, run)
    training.records = records
    return training, records


def _continued(task: TrainingTask, run: Run, start: Start, progress: Progress) -> tuple[Training, RunRecords]:
    """The training of a run folder, as its newest checkpoint has it."""
    # One process reads the file: two might find different checkpoints to be the newest that is whole.
    newest = None
    if task.world.is_first:
        newest = run.newest(progress.note)
    tensors, facts = task.world.broadcast(newest) or ({}, {})

    before = facts["identity"]
    # What nobody asks for is as it was, not as the file says today.
    if task.requested_seed is None:
        task = replace(task, requested_seed=before["seed"])
    if task.epochs is None:
        task = replace(task, epochs=before["epochs"])

    training, records = _begun(task, run)
    _compare(facts, records, start, progress)
    batches, trained = training.batches, training.trained
    anew = restore(tensors, facts["counters"], trained.module, batches.stages, batches.stepper, trained.average)
    if anew:
        progress.note(f"begun anew: {', '.join(anew)}")

    # A fork may watch other layers than the training before it.
    training.resume(facts, progress.note if start == "resume" else _unsaid)
    if start == "fork":
        records.forks = [*records.forks, {"step": facts["total"], "from": before}]
    return training, records


def _unsaid(text: str) -> None:
    """Tell nobody."""


def _compare(facts: Mapping[str, Any], records: RunRecords, start: Start, progress: Progress) -> None:
    """Refuse to resume another training; say what differs where that is allowed."""
    different = differences(facts["identity"], records.identity)
    if different and start == "resume":
        message = f"this is not the training that was begun here: {', '.join(different)} differ"
        if len(different) == 1:
            message += "s"
        raise ArchError(error("run-differs", message, help="`--fork` goes on from its weights nevertheless"))
    if different:
        progress.note(f"forked; what differs: {', '.join(different)}")

    was, now = facts["environment"], records.environment
    others = [f"{key} (was {was.get(key)}, is {now[key]})" for key in now if was.get(key) != now[key]]
    if others:
        progress.note(f"last bits may differ from an uninterrupted training's: {', '.join(others)}")
