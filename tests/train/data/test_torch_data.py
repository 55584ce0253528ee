"""Loaders and streams of the user: the samples as by hand, with any number of workers; what does not fit is told."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset, WeightedRandomSampler

from archlang.diagnostics import ArchError
from archlang.train import Progress, fit
from archlang.train.data.ordering import BUFFER, mixed
from tests.train.nets import bars, tiny


class Stream(IterableDataset):
    """Images one after the other, in an order and with noise that are drawn whenever it begins."""

    def __init__(self, count: int, seed: int = 1, says: int | None = None) -> None:
        part = bars(60, 60).train
        self.samples, self.labels, self.count, self.says = part.samples, part.labels, count, says

    def __len__(self) -> int:
        return self.count if self.says is None else self.says

    def __iter__(self):
        for number in torch.randperm(self.count).tolist():
            yield self.samples[number] + 0.1 * torch.rand(1, 6, 6) + 0.1 * random.random(), int(self.labels[number])


def sets() -> list[TensorDataset]:
    return [TensorDataset(part.samples, part.labels) for part in bars().parts]


def same(one, other) -> bool:
    mine, theirs = one.model.state_dict(), other.model.state_dict()
    return all(torch.equal(mine[name], theirs[name]) for name in mine)


def refused(data: object) -> str:
    with pytest.raises(ArchError) as caught:
        fit(tiny(), data, epochs=1)
    assert caught.value.diagnostics[0].name == "bad-data"
    return caught.value.diagnostics[0].message


def test_loaders_are_read_as_their_data_sets() -> None:
    train, test = sets()
    loaders = DataLoader(train, batch_size=7, shuffle=True), DataLoader(test)
    plain = fit(tiny(), (train, test), epochs=1)
    assert same(plain, fit(tiny(), loaders, epochs=1))
    assert same(plain, fit(tiny(), {"train": loaders[0], "test": test}, epochs=1, workers=1))


def test_loaders_that_do_more() -> None:
    train, test = sets()
    weighted = DataLoader(train, sampler=WeightedRandomSampler(torch.ones(97), 97))
    assert "WeightedRandomSampler" in refused((weighted, test))
    assert "collate_fn" in refused((DataLoader(train, collate_fn=lambda items: items), test))


def test_a_stream_is_the_same_for_any_number_of_workers_and_goes_on(tmp_path: Path) -> None:
    class Stop(Progress):
        def step(self, beat) -> None:
            if beat.done == 6:
                raise KeyboardInterrupt

    whole = fit(tiny(), (Stream(60), Stream(12)))
    assert same(whole, fit(tiny(), (Stream(60), Stream(12)), workers=3))
    with pytest.raises(KeyboardInterrupt):
        fit(tiny(), (Stream(60), Stream(12)), run=tmp_path / "run", callbacks=[Stop()], workers=1)
    resumed = fit(tiny(), (Stream(60), Stream(12)), run=tmp_path / "run", start="resume")
    assert same(whole, resumed)
    assert [e.test_loss for e in whole.history] == [e.test_loss for e in resumed.history]
    # Epochs differ, and the measurements between them do not.
    assert whole.history[0].train_loss != whole.history[1].train_loss


@pytest.mark.parametrize(("says", "said"), [(70, "ended after 60 of the 70"), (50, "goes on after the 50")])
def test_streams_of_another_length(says: int, said: str) -> None:
    assert said in refused((Stream(60, says=says), Stream(12)))


def test_streams_that_cannot_be_used() -> None:
    class Endless(IterableDataset):
        def __iter__(self):
            yield torch.rand(1, 6, 6), 0

    assert "how long it is" in refused((Endless(), Stream(12)))
    assert "cannot be divided" in refused(Stream(60))


def test_shards_are_mixed_within_a_buffer() -> None:
    shards = [range(start, start + 1000) for start in range(0, 10_000, 1000)]
    order = mixed(shards, torch.Generator().manual_seed(3))
    assert sorted(order) == list(range(10_000))
    assert order == mixed(shards, torch.Generator().manual_seed(3)) != mixed(shards, torch.Generator().manual_seed(4))
    # At no time are samples of more shards waiting than the buffer holds.
    begun = [{number // 1000 for number in order[:end]} for end in (100, 1000)]
    assert len(begun[0]) <= BUFFER // 1000 + 2
