"""Batches in the order in which a training or a measurement asks for them, read ahead by worker processes.

Torch's `DataLoader` does the work where there are workers. Its sampler gives requests instead of indices: each holds
the rows of a batch and the seed of all that is drawn while they are read. So a batch does not depend on which process
reads it, nor on when.
"""

from __future__ import annotations

import random
import signal
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

from archlang.diagnostics import ArchError, Diagnostic
from archlang.layers.chance import SHARED, kept_generators
from archlang.train.data.splits import Split, splits_in
from archlang.train.data.user_code import blamed, words_of
from archlang.train.problems import bad_data

Batch = tuple[torch.Tensor, torch.Tensor]
"""Samples [batch, ...] and labels [batch, ...]."""

AHEAD = 2
"""Batches that each worker reads ahead."""


@dataclass(frozen=True)
class BatchRequest:
    """A batch to be read.

    part    which of the splits it is of
    rows    its samples, by their indices
    epoch   the number of its epoch, from 0, which a stream is begun anew for
    seed    of all that is drawn while it is read
    """

    part: int
    rows: Sequence[int]
    seed: int
    epoch: int = 0


@dataclass(frozen=True)
class UnreadBatch:
    """The reason for which a batch could not be read; an exception would lose its diagnostics between processes."""

    diagnostics: tuple[Diagnostic, ...]


class BatchReader(Dataset[Batch]):
    """Reads the batches of some splits, each with chance of its own."""

    def __init__(self, splits: Sequence[Split]) -> None:
        self.splits = tuple(splits)
        # Code of the user's may draw, and calculate: both cost time that arrays and files need not take.
        self.is_foreign = [any(hasattr(inner, "is_foreign") for inner in splits_in(split)) for split in splits]

    def __getitem__(self, request: BatchRequest) -> Any:
        """The batch of a request, or why there is none."""
        try:
            if not self.is_foreign[request.part]:
                return self.splits[request.part].batch(request.rows)
            with drawing_by(request.seed), one_thread():
                self._enter(request)
                return self.splits[request.part].batch(request.rows)
        except ArchError as problem:
            return UnreadBatch(problem.diagnostics)


    def _enter(self, request: BatchRequest) -> None:
        """Let a stream know which epoch it is."""
        for inner in splits_in(self.splits[request.part]):
            dataset: Any = getattr(inner, "dataset", None)
            if hasattr(dataset, "enter"):
                dataset.enter(request.epoch)


@contextmanager
def drawing_by(seed: int) -> Iterator[None]:
    """Within this, all generators that a data set may draw from are seeded; afterwards they are as they were."""
    # Nobody else draws in a worker, so that nothing needs to be put back there.
    if is_worker():
        _seed(seed)
        yield
        return

    with kept_generators():
        others = random.getstate(), numpy.random.get_state()
        _seed(seed)
        try:
            yield
        finally:
            random.setstate(others[0])
            numpy.random.set_state(others[1])


def _seed(seed: int) -> None:
    torch.default_generator.manual_seed(seed)
    random.seed(seed)
    numpy.random.seed(seed)


@contextmanager
def one_thread() -> Iterator[None]:
    """Within this, torch calculates on one thread, as it does in a worker: the last bits of sums depend on it."""
    threads = torch.get_num_threads()
    if threads == 1:
        yield
        return

    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def is_worker() -> bool:
    """Tell whether this process reads for another one."""
    return get_worker_info() is not None


class BatchFeed:
    """The batches of requests, in their order. With workers, the next ones are being read meanwhile.

    The requests may be without end: each is asked for only when there is room for its batch.
    """

    def __init__(self, splits: Sequence[Split], requests: Iterable[BatchRequest], workers: int = 0,
                 device: torch.device | None = None) -> None:
        is_pinned = device is not None and device.type == "cuda"
        # A loader would add a tenth of a millisecond to every batch and do nothing for it.
        if not workers and not is_pinned:
            self._batches: Iterator[Any] | None = map(BatchReader(splits).__getitem__, requests)
            return

        settings: dict[str, Any] = {}
        if workers:
            settings = {"prefetch_factor": AHEAD, "worker_init_fn": _begin}

        # SHARED is held while processes are forked: no other thread may be in the middle of something that they would
        # inherit half done. Filters of warnings belong to it too.
        with SHARED, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # forking beside threads, more workers than processors
            loader: Any = DataLoader(
                BatchReader(splits), sampler=requests, batch_size=None, num_workers=workers,
                pin_memory=is_pinned, generator=torch.Generator().manual_seed(0), **settings,
            )
            with started_by(workers):
                self._batches = iter(loader)

    def __iter__(self) -> BatchFeed:
        """The feed itself."""
        return self

    def __next__(self) -> Batch:
        """The next batch. Raises `ArchError` (bad-data) where it cannot be read, or a worker has died."""
        assert self._batches is not None, "the feed is closed"
        with watched():
            batch = next(self._batches)
        if isinstance(batch, UnreadBatch):
            raise ArchError(*batch.diagnostics)
        samples, labels = batch
        return samples, labels

    def close(self) -> None:
        """End the workers."""
        self._batches = None


def batches_of(split: Split, rows: Iterable[Sequence[int]], seeds: Iterable[int], workers: int = 0,
               device: torch.device | None = None) -> BatchFeed:
    """The batches of one split."""
    requests = (BatchRequest(0, indices, seed) for indices, seed in zip(rows, seeds, strict=False))
    return BatchFeed([split], requests, workers, device)


@contextmanager
def started_by(workers: int) -> Iterator[None]:
    """Turn what keeps workers from starting into `bad-data`: data that cannot be sent to them, too many processes."""
    if not workers:
        yield
        return
    with blamed(f"starting {workers} worker{'s'[: workers - 1]}"):
        yield


@contextmanager
def watched() -> Iterator[None]:
    """Turn torch's error of a worker that has died into `bad-data`.

    Torch raises it from a handler of signals, anywhere in the main thread: a whole training runs within this.
    """
    try:
        yield
    except RuntimeError as problem:
        if "DataLoader worker" not in str(problem):
            raise
        raise bad_data(
            f"a worker that reads the data has died: {words_of(problem)}",
            help=("a data set that ends its process, or too little memory, does this",
                  "`--workers 0` reads in the training itself, and shows what goes wrong")) from None


def _begin(_number: int) -> None:
    """Make a worker ready."""
    # Ctrl-C reaches all processes of a terminal: the training decides what becomes of it, its workers go with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A forked worker has the lock that its parent held while it was forked; a spawned one has not.
    if torch.multiprocessing.get_start_method() == "fork":
        SHARED.release()


__all__ = ["Batch", "BatchFeed", "BatchReader", "BatchRequest", "batches_of", "is_worker", "watched"]
