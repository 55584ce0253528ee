"""The training of what a file declares: phases of epochs of batches, seeded, logged, saved, continued.

The same seed on the same machine kind, torch version and thread count gives the same weights, bit for bit, whether or
not the training was interrupted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import fx

from archlang.diagnostics import ArchError, error
from archlang.elaborate.network import Network, configured
from archlang.train.data.sources import find
from archlang.train.data.transforms import Changes
from archlang.train.kept.sharded import Checkpoints
from archlang.train.loop.callbacks import Callbacks
from archlang.train.loop.compiling import DEFAULT
from archlang.train.loop.keeping import Keeping, Start
from archlang.train.loop.progress import Progress, Result
from archlang.train.loop.task import TrainingTask
from archlang.train.optimization.planning import plan_of
from archlang.train.processes.devices import place
from archlang.train.processes.sharding import Sharding
from archlang.train.processes.world import joined
from archlang.train.training_data import training_data


def fit(
    network: Network, data: object, *, epochs: int | None = None, seed: int | None = None,
    settings: Mapping[str, Any] | None = None, device: str = "auto", run: str | os.PathLike[str] | None = None,
    progress: Progress | None = None, callbacks: Sequence[Progress] = (), log_steps: bool = False, start: Start = "new",
    checkpoint_every: int | None = None, tensorboard: bool = False, sharding: Sharding = "auto", workers: int = 0,
    transform: Callable[..., Any] | None = None, batch_transform: Callable[..., Any] | None = None,
    init: Callable[[fx.GraphModule], object] | None = None, checkpoints: Checkpoints = "whole",
    compile: bool | str = False,
) -> Result:
    """Train a network as the `train` of its file says.

    >>> import archlang, torch
    >>> net = archlang.loads('''archlang 1
    ... network Small { input x: [4]; scores = x -> linear(8) -> relu -> linear(2); output scores }
    ... train { loss = cross_entropy(scores, label); optimizer = adam(lr = 0.05); phase all { epochs = 5 } }''')
    >>> points = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    >>> archlang.fit(net, (points, (points[:, 0] > 0).long()), settings={"batch": 20}).best.test_accuracy > 0.9
    True

    Arguments:
        network, data: a checked network, and what `sources.find` takes: the name of a data set, a `Dataset`, tensors.
        epochs, seed: stand for the file's; epochs shorten or stretch all phases alike.
        settings: stand for those of the `train`: `{"batch": 64, "optimizer.lr": 0.01, "all.epochs": 3}`.
        device: `auto` for a GPU where there is one, or torch's name of a device.
        run: a new or empty folder for the file, the log, the models and the checkpoints. Without it nothing is written.
        progress, callbacks: are told what happens, in their order. What a callback raises ends the training
            (callback-failed); the run folder holds what was done.
        log_steps: keeps the loss, the norm of the gradient and the rate of every step in `steps.csv`.
        start: `resume` goes on from the newest checkpoint of the run: the weights that come out are those of a training
            that was never interrupted. `fork` does so with another file, seed or data; what differs is told and noted.
        checkpoint_every, tensorboard: write a checkpoint after so many steps too, and event files.
        sharding: in several processes, whether each keeps the weights whole (`ddp`, as `auto`), a part of each
            (`fsdp`), or all but the experts, of which it holds its share (`experts`).
        workers: processes that read the data meanwhile; what comes out does not depend on their number.
        transform: changes each training sample: takes it, or it and its label, as torchvision's do (v2).
        batch_transform: changes each training batch, samples and labels, which may become shares (mixup).
        checkpoints: whether the first process writes them `whole`, with the models of the last and the best epoch
            beside them, or each process what lies on it (`shards`), models too (`archlang compile` takes them out).
        init: puts other weights into the compiled network before its first step: `lambda m: archlang.adopt(m, "w.pt")`.
        compile: whether torch compiles the network for its steps, or the name of a backend of `torch.compile`.

    Under `torchrun` each process calls it: batches are shared out, and the first one alone writes and is told.

    Raises `ArchError`: missing-train, unknown-data, bad-data, run-exists, run-in-use, run-differs, no-checkpoint,
    diverged, callback-failed, missing-tool, unwritable-output, process-lost, usage for what is no network, and what
    compiling raises.
    """
    _require_network(network)
    network = configured(network, settings or {})
    plan, keeping = plan_of(network), Keeping(run, start, checkpoint_every, tensorboard, log_steps,
                                             checkpoints)
    listening = Callbacks(progress or Progress(), callbacks)
    with joined(device) as world:
        ready = training_data(network, plan, find(data))
        task = TrainingTask(network, plan, ready, place(device, world.local), world, sharding, epochs, seed, workers,
                            init, Changes(transform, batch_transform), _backend(compile))
        _check_changes(task)
        if not world.is_first:
            listening = Callbacks(Progress())
        return keeping.result(task, listening)


def _backend(compile: bool | str) -> str | None:
    """The backend that compiles the network; None for none."""
    if isinstance(compile, str):
        return compile
    return DEFAULT if compile else None


def _require_network(network: object) -> None:
    """Raise `ArchError` (usage) for the name of a file, or a model, in the place of a network."""
    if not isinstance(network, Network):
        message = f"`fit` trains a network, this is a `{type(network).__name__}`"
        help = "`archlang.load(path)` reads the network of a file; `init` puts a model's weights into it"
        raise ArchError(error("usage", message, help=help))


def _check_changes(task: TrainingTask) -> None:
    """Raise `ArchError` (not-available) for changes of samples that are several inputs or labels by their names."""
    data = task.data
    if task.changes.names and (data.input_places or data.label_places):
        message = "a transform changes samples of one input with one label"
        raise ArchError(error("not-available", message, help="change several in the data set that gives them"))
