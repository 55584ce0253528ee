"""Keys over two processes: where they start and how they follow is as with all of the batch in one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, multiprocessing

from archlang.layers import CosineRouter


def batches() -> list[Tensor]:
    """Two batches, whose first rows lie far apart: keys that start from a part of the batch start there too."""
    torch.manual_seed(5)
    made = [0.3 * torch.randn(12, 6, dtype=torch.float64) for _ in range(2)]
    made[0][:4] += 5 * torch.eye(4, 6)
    return made


def trained(parts: list[Tensor], start: str) -> Tensor:
    """The keys of a router after it saw some batches in training."""
    torch.manual_seed(7)
    router = CosineRouter(4, 6, (0.4, 0.3, 0.3), temperature=0.2, start=start).double().train()
    router.follow(0.8)
    for part in parts:
        router(part)
    return router.keys.detach()


def work(rank: int, folder: str) -> None:
    """One of two processes: its half of each batch."""
    for start in ("random", "kmeans"):
        distributed.init_process_group("gloo", init_method=f"file://{folder}/{start}", rank=rank, world_size=2)
        torch.save(trained([batch.chunk(2)[rank] for batch in batches()], start), f"{folder}/{start}.{rank}.pt")
        distributed.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("processes")
    multiprocessing.spawn(work, (str(made),), nprocs=2)
    return made


def test_keys_follow_all_processes(folder: Path) -> None:
    one, two = (torch.load(folder / f"random.{rank}.pt") for rank in (0, 1))
    assert torch.equal(one, two)
    assert torch.allclose(one, trained(batches(), "random"), rtol=0, atol=1e-12)
    assert not torch.allclose(one, trained([batch.chunk(2)[0] for batch in batches()], "random"), atol=1e-3)


def test_keys_start_alike_on_all_processes(folder: Path) -> None:
    """K-means starts from rows of the first process and goes on with the rows of all."""
    one, two = (torch.load(folder / f"kmeans.{rank}.pt") for rank in (0, 1))
    assert torch.equal(one, two)
    assert not torch.allclose(one, trained([batch.chunk(2)[0] for batch in batches()], "kmeans"), atol=1e-3)
