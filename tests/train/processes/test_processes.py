"""Two processes train as one does: with the same batches to the same weights; one writes, and all end together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed, nn

from archlang.artefact import load_model
from archlang.diagnostics import ArchError
from archlang.layers.synced import SyncedBatchNorm, synced, unsynced
from archlang.train.processes.sharding import LARGE, large
from archlang.train.processes.world import World
from tests.forking import Command
from tests.train.nets import NETWORK, TRAIN, bars, tiny
from tests.train.processes import together

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("together")


@pytest.fixture(scope="module")
def found(folder: Path) -> list[dict[str, Any]]:
    return together.both(folder)


def same(some: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether weights, running statistics and all that was measured are equal to 1e-6."""
    pairs = [(some["weights"][name], value) for name, value in other["weights"].items()]
    for epoch, expected in zip(some["history"], other["history"], strict=True):
        for name, value in expected.items():
            numbers = value if isinstance(value, dict) else {"": value}
            seen = epoch[name] if isinstance(value, dict) else {"": epoch[name]}
            keys = [key for key, number in numbers.items() if isinstance(number, int | float)]
            pairs += [(torch.tensor(seen[key]), torch.tensor(numbers[key])) for key in keys]
    return all(torch.allclose(a.double(), b.double(), rtol=1e-6, atol=1e-6) for a, b in pairs)


@pytest.mark.parametrize("name", together.CASES)
def test_two_processes_train_as_one(found: list[dict[str, Any]], name: str) -> None:
    one = together.result_of(together.CASES[name], sharding="auto", compile=False)
    assert same(found[0][name], one)
    assert found[0][name]["kinds"] == one["kinds"]
    for weight, value in found[0][name]["weights"].items():
        assert torch.equal(value, found[1][name]["weights"][weight])


def test_a_compiled_network_runs_in_all_steps_but_the_first(found: list[dict[str, Any]]) -> None:
    """With whole weights the first step of each phase runs as it is. Of 97 samples an epoch takes 6 steps."""
    for rank in (0, 1):
        called = found[rank]["called"]
        begun = {name: called.index(f"began {name}") for name in together.CASES}
        whole, parts = begun["compiled"], begun["fsdp_compiled"]
        assert called[whole + 1 : parts].count("compiled") == 3 + 5
        assert called[parts + 1 :].count("compiled") == 12


def test_a_step_without_a_loss_is_left_out_by_all(found: list[dict[str, Any]]) -> None:
    for rank in (0, 1):
        assert [epoch["skipped"] for epoch in found[rank]["spoiled"]["history"]] == [1, 1]


@pytest.mark.parametrize("name", ["clipped", "fsdp_adam"])
def test_two_processes_go_on_where_they_stopped(found: list[dict[str, Any]], name: str) -> None:
    assert found[0][f"{name} stopped"] and found[1][f"{name} stopped"]
    assert same(found[0][f"{name} resumed"], found[0][name])


def test_one_process_goes_on_where_two_stopped(found: list[dict[str, Any]], folder: Path) -> None:
    """A folder that two have finished is resumed by one: nothing is left to do, the weights are theirs."""
    one = together.result_of(together.CASES["fsdp_adam"], run=folder / "fsdp_adam", start="resume", sharding="auto")
    assert same(one, found[0]["fsdp_adam"])
    assert len((folder / "fsdp_adam" / "log.csv").read_text().splitlines()) == 3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("sharding", ["ddp", "fsdp"])
def test_two_processes_train_as_one_on_gpus(tmp_path: Path, sharding: str) -> None:
    """Through the command line, on one GPU or two."""
    options = ["--run", "two", "--device", "cuda", "--sharding", sharding]
    with started(tmp_path, False, *options, text=together.PLAIN + together.train()) as pair:
        status, said = pair.ended()
    assert status == [0, 0], said
    env = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    command = [sys.executable, "-m", "archlang", "train", "net.arch", "--data", "noise:data", "--run", "one"]
    subprocess.run([*command, "--device", "cuda"], env=env, cwd=tmp_path, check=True, timeout=200)
    two, one = (load_model(tmp_path / name / "last.safetensors").state_dict() for name in ("two", "one"))
    # Convolutions on GPUs may round to TF32.
    assert all(torch.allclose(two[name].double(), value.double(), rtol=1e-3, atol=1e-3) for name, value in one.items())


# --- how they end ----------------------------------------------------------------------------------------------------

SOURCE = '''
import os
import torch
from archlang.train import Data, Tensors

class Broken(Tensors):
    def batch(self, indices):
        if {broken} and os.environ.get("RANK") == "1" and len(indices) < 20:
            raise OSError("the disk is gone")
        return super().batch(indices)

def data():
    images = torch.rand(100, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(100) % 3
    return Data("noise", Broken(images, labels), Tensors(images, labels))
'''


ENDLESS = NETWORK + TRAIN.replace("epochs = 3", "epochs = 100000")


START, END = 400, 200
"""Seconds until the first epoch is over, and until two processes have ended: enough on a machine with ten times the
work that it can do. A process that ends earlier than it should is told at once, with what it said."""


@dataclass
class Pair:
    """Two processes of `archlang train`, and the store through which they find each other."""

    store: distributed.TCPStore
    processes: list[Command]

    def wait_for(self, path: Path) -> None:
        """Wait until a file is there, as long as both processes run."""
        until = time.monotonic() + START
        while not path.exists():
            assert all(process.poll() is None for process in self.processes), self.ended()
            assert time.monotonic() < until, f"no {path.name} after {START} s"
            time.sleep(0.05)

    def ended(self) -> tuple[list[int], list[str]]:
        """Exit statuses, and what each said; none may hang."""
        status, *said = zip(*(process.ended(END) for process in self.processes), strict=True)
        return list(status), ["".join(words) for words in zip(*said, strict=True)]


@contextmanager
def started(folder: Path, broken: bool, *options: str, text: str = ENDLESS) -> Iterator[Pair]:
    """Start two processes of `archlang train` as `torchrun` does; none of them outlives this."""
    (folder / "net.arch").write_text(text)
    (folder / "noise.py").write_text(SOURCE.format(broken=broken))

    # A free port that is asked for and let go is somebody else's by the time that a process begins to listen there:
    # the store listens here, on a port that the system gives, as that of `torchrun` does.
    store = distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    env = {**os.environ, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
           "MASTER_PORT": str(store.port), "TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0",
           "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", "OMP_NUM_THREADS": "1"}
    words = ["train", "net.arch", "--data", "noise:data", "--device", "cpu", "--run", "run", *options]

    with ExitStack() as stack:
        pair = Pair(store, [])
        for rank in (0, 1):
            environment = {**env, "RANK": str(rank), "LOCAL_RANK": str(rank)}
            pair.processes.append(stack.enter_context(Command(words, folder, environment)))
        yield pair


def test_what_fails_on_one_process_ends_all_and_is_said_once(tmp_path: Path) -> None:
    with started(tmp_path, True) as pair:
        status, said = pair.ended()
    assert all(status)
    assert "the disk is gone" in said[1]
    assert "error" not in said[0]
    assert "Traceback" not in said[0] + said[1]


def test_ctrl_c_on_one_process_stops_all_and_keeps_what_was_done(tmp_path: Path) -> None:
    with started(tmp_path, False) as pair:
        pair.wait_for(tmp_path / "run" / "log.csv")
        pair.processes[1].send_signal(signal.SIGINT)
        status, said = pair.ended()
    assert status == [130, 130]
    assert said[0].count("training Tiny on noise") == 1
    assert "what was done is kept" in said[0]
    assert said[1] == ""
    assert list((tmp_path / "run").glob("checkpoint-*.safetensors"))


def test_a_process_that_is_killed_ends_the_others(tmp_path: Path) -> None:
    with started(tmp_path, False) as pair:
        pair.wait_for(tmp_path / "run" / "log.csv")
        pair.processes[1].kill()
        status, said = pair.ended()
    assert status == [1, -signal.SIGKILL]
    assert "error[process-lost]: another process of this training ended" in said[0]


# --- parts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3, 4, 5, 17])
def test_shares_are_the_batch(count: int) -> None:
    shares = [list(World(rank, 4).share(range(count))) for rank in range(4)]
    if count < 4:
        assert shares == [list(range(count))] * 4
    else:
        assert [row for share in shares for row in share] == list(range(count))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("norm", [nn.BatchNorm1d(3), nn.BatchNorm2d(3, momentum=None), nn.BatchNorm3d(3, affine=False)])
def test_batch_norms_are_exchanged_and_back(norm: nn.Module) -> None:
    model = nn.Sequential(nn.Sequential(norm), nn.ReLU())
    before = dict(model.state_dict(keep_vars=True))
    assert type(synced(model)[0][0]) is SyncedBatchNorm
    assert all(value is before[name] for name, value in model.state_dict(keep_vars=True).items())
    assert type(unsynced(model)[0][0]) is type(norm)
    assert all(value is before[name] for name, value in model.state_dict(keep_vars=True).items())


def test_large_operations_are_divided_apart() -> None:
    from archlang.compiler import compile
    from archlang.elaborate.network import loads

    text = "archlang 1\nnetwork N { input x: [1024]\n output x -> linear(1024) -> relu -> linear(2) }"
    found = large(compile(loads(text)))
    assert [sum(w.numel() for w in module.parameters()) for module in found] == [LARGE + 1024]


def test_one_process_has_nothing_to_divide() -> None:
    from archlang.train import fit

    with pytest.raises(ArchError, match="this is one"):
        fit(tiny(), bars(), sharding="fsdp")
