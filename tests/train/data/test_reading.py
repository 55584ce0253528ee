"""Batches are the same however many processes read them, and whatever happens to these is told."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, get_worker_info

from archlang.diagnostics import ArchError
from archlang.train import Progress, evaluate, fit
from archlang.train.data.reading import BatchFeed, BatchRequest, batches_of
from archlang.train.data.user_data import understand
from tests.train.nets import bars, tiny


class Drawn(Dataset):
    """Images that are changed by chance whenever they are read, by each of the generators that people use."""

    def __init__(self, count: int = 60) -> None:
        self.images, self.labels = bars(count).train.batch(range(count))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        image = self.images[number] + 0.1 * torch.rand(1, 6, 6)
        return image + 0.1 * random.random() + 0.1 * numpy.random.rand(), int(self.labels[number])


class Ending(Drawn):
    """A data set that does something to its process at an item."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        # In the training's own process it would end the tests.
        if number == 17 and get_worker_info() is not None:
            if self.how == "killed":
                os.kill(os.getpid(), 9)
            if self.how == "exit":
                os._exit(0)
            raise LookupError("it is gone")
        return super().__getitem__(number)


def weights(workers: int, data: object) -> tuple[dict[str, torch.Tensor], list[float]]:
    result = fit(tiny(), data, epochs=2, workers=workers)
    return result.model.state_dict(), [figure for e in result.history for figure in (e.train_loss, e.test_loss)]


def test_any_number_of_workers_trains_to_the_same_weights() -> None:
    alone, figures = weights(0, Drawn())
    for workers in (1, 2, 4):
        same, also = weights(workers, Drawn())
        assert all(torch.equal(alone[name], same[name]) for name in alone)
        assert figures == also


def test_the_callers_generators_stay_as_they_were() -> None:
    torch.manual_seed(3), random.seed(3), numpy.random.seed(3)
    expected = torch.rand(1).item(), random.random(), numpy.random.rand()
    torch.manual_seed(3), random.seed(3), numpy.random.seed(3)
    fit(tiny(), Drawn(), epochs=1)
    assert (torch.rand(1).item(), random.random(), numpy.random.rand()) == expected


def test_measuring_draws_alike_each_time() -> None:
    model = fit(tiny(), Drawn(), epochs=1).model
    found = [evaluate(model, Drawn(), workers=workers).loss for workers in (0, 0, 2)]
    assert len(set(found)) == 1


def test_going_on_with_another_number_of_workers(tmp_path: Path) -> None:
    class Stop(Progress):
        def step(self, beat) -> None:
            if beat.done == 5:
                raise KeyboardInterrupt

    whole = fit(tiny(), Drawn(), epochs=3)
    with pytest.raises(KeyboardInterrupt):
        fit(tiny(), Drawn(), epochs=3, run=tmp_path / "run", progress=Stop(), workers=2)
    resumed = fit(tiny(), Drawn(), epochs=3, run=tmp_path / "run", start="resume", workers=1)

    mine, other = whole.model.state_dict(), resumed.model.state_dict()
    assert all(torch.equal(mine[name], other[name]) for name in mine)
    assert [e.test_loss for e in whole.history] == [e.test_loss for e in resumed.history]


@pytest.mark.parametrize(("how", "said"), [("killed", "has died"), ("exit", "has died"), ("raises", "it is gone")])
def test_what_ends_a_worker_is_an_error_of_the_data(how: str, said: str) -> None:
    with pytest.raises(ArchError) as caught:
        fit(tiny(), Ending(how), epochs=1, workers=2)
    first = caught.value.diagnostics[0]
    assert first.name == "bad-data"
    assert said in first.message


def test_a_data_set_whose_length_changes() -> None:
    data = Drawn()

    class Shrink(Progress):
        def epoch(self, epoch, best) -> None:
            data.labels = data.labels[:50]

    with pytest.raises(ArchError, match="60 items") as caught:
        fit(tiny(), data, epochs=3, progress=Shrink())
    assert caught.value.diagnostics[0].name == "bad-data"


def test_batches_are_read_while_others_are_used() -> None:
    class Slow(Drawn):
        def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
            time.sleep(0.01)
            return super().__getitem__(number)

    split = understand("slow", (Slow(), Slow(4))).train
    rows = [list(range(n, n + 10)) for n in range(0, 60, 10)]
    feed = batches_of(split, rows, range(6), workers=2)
    next(feed)
    time.sleep(0.5)

    began = time.perf_counter()
    next(feed)
    assert time.perf_counter() - began < 0.1  # ten samples of 10 ms each, had they been read only now
    feed.close()


def test_a_feed_asks_for_no_more_requests_than_it_has_room_for() -> None:
    asked = []

    def endless():
        while True:
            asked.append(len(asked))
            yield BatchRequest(0, [0, 1], asked[-1])

    feed = BatchFeed([bars().train], endless(), workers=1)
    for _ in range(5):
        next(feed)
    feed.close()
    assert len(asked) < 12


def test_image_files_by_workers(tmp_path: Path) -> None:
    for part, count in (("train", 20), ("test", 8)):
        for label in "abc":
            (tmp_path / part / label).mkdir(parents=True)
            for number in range(count):
                pixels = numpy.full((6, 6), (ord(label) * 40 + number * 3) % 255, numpy.uint8)
                Image.fromarray(pixels).save(tmp_path / part / label / f"{number}.png")

    alone, figures = weights(0, f"folder:{tmp_path}")
    same, also = weights(2, f"folder:{tmp_path}")
    assert all(torch.equal(alone[name], same[name]) for name in alone)
    assert figures == also
