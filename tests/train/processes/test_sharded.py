"""Checkpoints that each process writes its part of: what cuts a save or damages a file leaves the one before it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from archlang.artefact import load_model
from archlang.cli.main import run as command
from archlang.diagnostics import ArchError
from archlang.train import Run, fit
from archlang.train.kept import sharded
from archlang.train.kept.runs import reopen_run
from archlang.train.processes.world import World
from tests.train.nets import TRAIN, bars, tiny
from tests.train.processes.together import Halt

NETWORK = tiny(TRAIN.replace("epochs = 3", "epochs = 4"))


def trained(folder: Path, **more: Any) -> dict[str, torch.Tensor]:
    """The weights of a training in one process."""
    weights: dict[str, torch.Tensor] = fit(NETWORK, bars(), device="cpu", run=folder, **more).model.state_dict()
    return weights


def stopped(folder: Path, after: int = 15) -> list[str]:
    """Stop a training with checkpoints in shards after so many steps; the names of its checkpoints."""
    with pytest.raises(KeyboardInterrupt):
        trained(folder, checkpoints="shards", checkpoint_every=4, progress=Halt(after))
    return [path.name for path in Run(folder).checkpoints]


def equal(some: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return some.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in some.items())


def test_a_training_goes_on_from_shards_bit_for_bit(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole")
    names = stopped(tmp_path / "parts")
    assert names[-1] == "checkpoint-00000015.shards"
    assert equal(trained(tmp_path / "parts", start="resume", checkpoints="shards"), whole)
    assert equal(trained(tmp_path / "parts", start="resume"), whole)


def test_the_models_of_both_kinds_are_the_same_files(tmp_path: Path) -> None:
    """The last and the best one; of the best the checkpoint stays, however old it is."""
    trained(tmp_path / "whole")
    trained(tmp_path / "parts", checkpoints="shards")
    last = Run(tmp_path / "parts").checkpoints[-1]
    assert sharded.model_bytes(last) == (tmp_path / "whole" / "last.safetensors").read_bytes()

    best = sharded.read_facts(last)["kept_best"]
    out = tmp_path / "best.safetensors"
    for source in (tmp_path / "parts" / f"checkpoint-{best:08}.shards", tmp_path / "parts"):
        command(["compile", str(source), "-o", str(out)])
        assert out.read_bytes() == (tmp_path / "whole" / "best.safetensors").read_bytes()
    assert equal(load_model(out).state_dict(), load_model(tmp_path / "whole" / "best.safetensors").state_dict())
    # What cannot be done to weights that are there must not be dropped without a word.
    for option in (["--seed", "3"], ["--show", "graph"], ["-p", "classes=3"], ["--tune", "8"], ["--init", "w.pt"]):
        assert command(["compile", str(tmp_path / "parts"), "-o", str(out), *option]) == 2


def test_the_best_checkpoint_stays(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for step in (1, 2, 3, 4):
        facts = {"counters": {"averaged": 0}}
        path = sharded.write_shards(tmp_path, step, {"model.w": torch.ones(step)}, facts, World())
        run.kept(step, path, best=1)
    assert [path.name for path in run.checkpoints] == [f"checkpoint-{step:08}.shards" for step in (1, 3, 4)]


@pytest.mark.parametrize("moment", ["save", "_finished"])
def test_a_save_that_fails_leaves_the_one_before_it(
    tmp_path: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(tmp_path / "whole")
    names = stopped(tmp_path / "run")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(sharded, moment, full)
        with pytest.raises(ArchError) as problem:
            trained(tmp_path / "run", start="resume", checkpoints="shards")
    assert problem.value.diagnostics[0].name == "unwritable-output"
    assert [path.name for path in Run(tmp_path / "run").checkpoints] == names
    assert equal(trained(tmp_path / "run", start="resume", checkpoints="shards"), whole)


def test_a_save_that_was_killed_leaves_the_one_before_it(tmp_path: Path) -> None:
    names = stopped(tmp_path)
    part = tmp_path / ".checkpoint-00000099.part"
    part.mkdir()
    (part / "shard-00001-model-00001-of-00001.safetensors").write_bytes(b"half")

    run = reopen_run(tmp_path)
    assert not part.exists()
    assert run.newest(lambda _: None)[1]["total"] == 15
    assert [path.name for path in run.checkpoints] == names
    run.close()


def test_a_save_that_was_killed_while_it_took_its_place_is_recovered(tmp_path: Path) -> None:
    """The same step is saved once more where a training that goes on is stopped at once."""
    names = stopped(tmp_path)
    (tmp_path / names[-1]).replace(tmp_path / ".checkpoint-00000015.part")
    run = reopen_run(tmp_path)
    assert [path.name for path in run.checkpoints] == names
    assert run.newest(lambda _: None)[1]["total"] == 15
    run.close()


@pytest.mark.parametrize("file", ["facts.json", "shard-00001-model-00001-of-00001.safetensors"])
@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_a_damaged_checkpoint_is_told_of_and_left_out(tmp_path: Path, file: str, damage: str) -> None:
    names = stopped(tmp_path)
    path = tmp_path / names[-1] / file
    data = path.read_bytes()
    if damage == "changed":
        path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    elif damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    else:
        path.unlink()

    told: list[str] = []
    facts = Run(tmp_path).newest(told.append)[1]
    assert Path(facts["shards"]).name == names[-2]
    assert len(told) == 1
    assert names[-1] in told[0]


def test_shards_of_another_version_are_not_passed_over(tmp_path: Path) -> None:
    names = stopped(tmp_path)
    path = tmp_path / names[-1] / "facts.json"
    digest, _, body = path.read_text().partition("\n")
    path.write_text(f"{digest}\n{json.dumps({**json.loads(body), 'format': 2})}")
    with pytest.raises(ArchError) as problem:
        Run(tmp_path).newest(lambda _: None)
    assert problem.value.diagnostics[0].name == "foreign-model"


def test_a_plain_average_is_refused(tmp_path: Path) -> None:
    network = tiny(TRAIN.replace("batch ", "average = swa(after = 0)\n  batch "))
    with pytest.raises(ArchError, match="a plain average of weights"):
        fit(network, bars(), run=tmp_path / "run", checkpoints="shards")
