"""The loop of a training: rounds of batches through the phases, what is kept after each, where it goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch

from archlang.artefact.saving import save
from archlang.elaborate.network import Network
from archlang.emit import ArchModule
from archlang.graph.plan import Loss, Plan
from archlang.layers.processes import alone
from archlang.layers.synced import unsynced
from archlang.train.data.splits import Data
from archlang.train.fitting import LOOKED_AT, Fit
from archlang.train.kept.board import Board
from archlang.train.kept.checkpoints import counters, gather
from archlang.train.kept.runs import Run
from archlang.train.loop.evaluation import measure
from archlang.train.loop.phasing import enter, rest
from archlang.train.loop.progress import Beat, Epoch, Outline, Progress, Result
from archlang.train.loop.stepping import Optimization, Outcome, Snapshot, Stepper, diverged, finite
from archlang.train.loop.stopping import Stop, stopping
from archlang.train.loop.tally import Tally
from archlang.train.loop.views import BatchViews
from archlang.train.loop.watch import TrainingWatch
from archlang.train.losses.objective import labelled
from archlang.train.optimization.averaging import Average
from archlang.train.optimization.optimizers import set_rate
from archlang.train.optimization.planning import ScheduledPhase, batch_count, batches, derived
from archlang.train.processes.sharding import full
from archlang.train.processes.world import World
from archlang.version import VERSION


@dataclass
class Training:
    """A training in its state: `history` holds the finished rounds, `step` says how many batches of the next are done.

    `total` counts all batches. A round is a pass over the data, or what is left of a phase that counts steps. Each
    process of a `world` has one; only the first writes. `undivided` is a model to put whole weights in, where they lie
    in parts.
    """

    network: Network
    plan: Plan
    data: Data
    seed: int
    device: torch.device
    fit: Fit
    model: ArchModule
    losses: tuple[Loss, ...]
    stages: list[Optimization]
    stepper: Stepper
    stretches: tuple[ScheduledPhase, ...]
    average: Average | None = None
    world: World = field(default_factory=World)
    undivided: ArchModule | None = None
    run: Run | None = None
    watch: TrainingWatch | None = None
    board: Board | None = None
    every: int | None = None
    identity: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    forks: list[dict[str, Any]] = field(default_factory=list)
    history: list[Epoch] = field(default_factory=list)
    best: Epoch | None = None
    step: int = 0
    total: int = 0
    tally: Tally | None = None

    # --- the whole ---------------------------------------------------------------------------------------------------

    def go(self, progress: Progress) -> Result:
        """All rounds that are left of all phases."""
        outline = self._outline()
        if self.run is not None and self.world.is_first:
            self.run.write_config(self._facts(outline), self.network.text)
        progress.start(outline)
        try:
            with stopping() as stop:
                self._rounds(progress, stop)
        finally:
            if self.board is not None:
                self.board.close()
        if self.watch is not None and self.run is not None:
            self.watch.close(self.run.folder if self.world.is_first else None)
        self._settle()
        assert self.best is not None  # there is at least one round
        return Result(unsynced(self._whole()).eval(), tuple(self.history), self.best, self.seed, self.run)

    def _rounds(self, progress: Progress, stop: Stop) -> None:
        entered = None
        for stretch, number in self._left():
            if stretch is not entered:
                self.stepper.enter()
                enter(stretch.phase, self.network.graph, self.model)
                entered = stretch
            self._round(stretch, number, progress, stop)
            self._finish(stretch, progress)
            self._stop(stop, kept=True)

    def _left(self) -> Iterator[tuple[ScheduledPhase, int]]:
        """The rounds that are not done: their phases and numbers within them."""
        every = [(stretch, number) for stretch in self.stretches for number in range(stretch.rounds)]
        yield from every[len(self.history) :]

    # --- one round ---------------------------------------------------------------------------------------------------

    def _round(self, stretch: ScheduledPhase, number: int, progress: Progress, stop: Stop) -> None:
        """The batches that are left of round `number` of a phase."""
        passed, size = len(self.history), stretch.size(number)
        tally = self.tally = self.tally or Tally()
        self.stepper.model.train()
        rest(self.stepper.model)
        for stage in self.stages:
            stage.goal.state.train()
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            for rows in self._order(passed)[self.step : size]:
                done = self._batch(stretch, number * stretch.per_epoch + self.step, rows, tally)
                self.step += 1
                self.total += 1
                if self.watch is not None:
                    self.watch.note(passed + 1, self.step, done)
                beat = Beat(passed + 1, self.step, self.total, tally.loss, tally.accuracy, tally.lr, tally.speed)
                try:
                    progress.step(beat)
                except KeyboardInterrupt:  # between two steps all is in order
                    stop.asked = True
                self._stop(stop, kept=False)
                if self.every and self.total % self.every == 0 and self.step < size:
                    self._checkpoint()

    def _order(self, passed: int) -> list[list[int]]:
        order = torch.Generator().manual_seed(derived(self.seed, passed, "order"))
        return list(batches(len(self.data.train), self.plan.batch, order))

    def _batch(self, stretch: ScheduledPhase, at: int, rows: Sequence[int], tally: Tally) -> bool:
        """The optimisation steps on a batch; whether the last of them was done.

        All chance in it comes from the seed and the batch's number, so that going on needs no state of generators.
        """
        samples, own = self.data.train.batch(self.world.share(rows))
        own = own.to(self.device)
        label = self.world.whole(own, len(rows))
        chance = torch.Generator().manual_seed(self._derived("augment", len(rows)))
        _seed(self._derived("model", len(rows)), self.device)
        views = BatchViews(self.fit.shape(samples.to(self.device)), own, self.fit, self.plan.augment, chance)
        known = labelled(label)
        outcome = None
        for number, stage in enumerate(self.stages):
            lr = set_rate(stage.optimizer, stretch.phase.lr, stretch.at(at), stretch.phase.length)
            main, second = views.of(stage.goal.views)
            moved = views.labels_of(stage.goal.views)
            seen = label if moved is own else self.world.whole(moved, len(rows))
            outcome = self.stepper(stage, main, seen, second)
            if number == 0:
                tally.rate(lr)
                tally.add(outcome if known or outcome is None else replace(outcome, correct=None), len(label))
            self._count(stage, outcome, len(label), tally)
        return outcome is not None

    def _derived(self, use: str, count: int) -> int:
        """The seed of what is drawn for a batch of so many rows: each process draws for its own, the first as one
        process does."""
        own = self.world.rank and count >= self.world.size
        return derived(self.seed, self.total, f"{use} {self.world.rank}" if own else use)

    def _count(self, stage: Optimization, outcome: Outcome | None, samples: int, tally: Tally) -> None:
        if outcome is None:
            tally.skipped += 1
            return
        if self.average is not None:
            self.average.step()
        several = len(self.stages) > 1
        for name, value in outcome.parts.items():
            tally.part(f"{stage.name}_{name}" if several else name, value, samples)

    # --- after a round -----------------------------------------------------------------------------------------------

    def _finish(self, stretch: ScheduledPhase, progress: Progress) -> None:
        """Measure the round just done on the test part and keep it: with the mean of the weights, if the file has one.

        A checkpoint holds the weights themselves; the model files hold the mean, which is what was measured.
        """
        assert self.tally is not None
        if self.average is not None:
            self.average.epoch(len(self.history) + 1)
        with self._averaged():
            if self.world.any(not finite(self.model)):
                raise diverged("weights are no numbers any more")
            epoch = self._measured(stretch, self.tally)
            is_best = epoch.better_than(self.best)
            if self.run is not None:
                whole = self._whole()
                for path in (self.run.last, *([self.run.best] if is_best else ())) if self.world.is_first else ():
                    save(whole, path)
        self.history.append(epoch)
        self.best = epoch if is_best else self.best
        self.step, self.tally = 0, None
        if self.run is not None:
            if self.world.is_first:
                self.run.append(epoch.row())
            self._checkpoint()
        if self.board is not None:
            self.board.epoch(epoch)
        progress.epoch(epoch, is_best)

    def _measured(self, stretch: ScheduledPhase, tally: Tally) -> Epoch:
        goal, split, labels = self.stages[0].goal, self.data.test, self.model.archlang.labels
        found = measure(self.stepper.model.eval(), self.network.graph, goal, self.losses, split, self.fit, labels,
                        world=self.world)
        first = float("nan") if tally.first_lr is None else tally.first_lr
        return Epoch(
            len(self.history) + 1, stretch.phase.name, first, tally.loss, tally.accuracy, found.loss, found.accuracy,
            tally.skipped, tally.seconds, tally.parts, found.parts, tally.samples,
        )

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """Within this, the model is what is tested and kept."""
        if self.average is None or not self.average.count:
            yield
            return
        own = Snapshot(list(self.model.buffers()) if self.average.stale else [])
        own.keep()
        with self.average.applied():
            if self.average.stale:
                self._renew()
            yield
        own.restore()

    def _renew(self) -> None:
        """The statistics of batch norms taken anew, over evenly spread training samples, as torch does it."""
        split = self.data.train
        chosen = range(0, len(split), max(1, len(split) // LOOKED_AT))[:LOOKED_AT]
        parts = [chosen[i : i + self.plan.batch] for i in range(0, len(chosen), self.plan.batch)]
        whole = [rows for rows in parts if len(rows) > 1 or len(parts) == 1]
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            _seed(derived(self.seed, self.total, "renew"), self.device)
            inputs = (self.fit(split.batch(rows)[0].to(self.device)) for rows in whole)
            with alone():
                torch.optim.swa_utils.update_bn(inputs, self.model)

    def _settle(self) -> None:
        """At the very end, leave the mean of the weights in the model."""
        if self.average is not None and self.average.count:
            stale = self.average.stale
            self.average.swap()
            if stale:
                self._renew()

    def _whole(self) -> ArchModule:
        """The model with all its weights; every process must ask for it."""
        if self.undivided is None:
            return self.model
        self.undivided.load_state_dict({name: full(value) for name, value in self.model.state_dict().items()})
        return self.undivided

    # --- going on ----------------------------------------------------------------------------------------------------

    def _stop(self, stop: Stop, kept: bool) -> None:
        """Where somebody asked to stop, any of the processes, keep what was done and do so."""
        if self.world.any(stop.asked):
            if self.run is not None and not kept:
                self._checkpoint()
            raise KeyboardInterrupt

    def _checkpoint(self) -> None:
        assert self.run is not None
        tensors = gather(self.model, self.stages, self.average)
        if not self.world.is_first:
            return
        if self.watch is not None:
            self.watch.keep(self.run.folder)
        facts = {
            "identity": self.identity,
            "environment": self.environment,
            "forks": self.forks,
            "total": self.total,
            "step": self.step,
            "batches": batch_count(len(self.data.train), self.plan.batch),
            "tally": self.tally.state() if self.tally is not None else None,
            "history": [asdict(epoch) for epoch in self.history],
            "best": self.best.number if self.best is not None else 0,
            "watched": len(self.watch.steps) if self.watch is not None else 0,
            "counters": counters(self.stepper, self.stages, self.average),
        }
        self.run.keep(self.total, tensors, facts)

    def resume(self, facts: dict[str, Any]) -> None:
        """Stand where a checkpoint was written; what the folder's tables hold beyond is cut off."""
        assert self.run is not None
        assert self.watch is not None
        self.history = [Epoch(**epoch) for epoch in facts["history"]]
        self.best = self.history[facts["best"] - 1] if facts["best"] else None
        self.total = facts["total"]
        if facts["batches"] == batch_count(len(self.data.train), self.plan.batch) and facts["tally"] is not None:
            self.step, self.tally = facts["step"], Tally.of(facts["tally"])
        if self.world.is_first:
            self.run.cut(len(self.history))
            self.watch.resume(self.run.folder, facts["watched"])

    # --- what is said of it ------------------------------------------------------------------------------------------

    def _outline(self) -> Outline:
        return Outline(
            self.network.name, self.data.name, sum(stretch.rounds for stretch in self.stretches),
            batch_count(len(self.data.train), self.plan.batch), sum(stretch.batches for stretch in self.stretches),
            len(self.data.train), len(self.data.test), str(self.device), self.seed, self.run, self.total,
        )

    def _facts(self, outline: Outline) -> dict[str, object]:
        return {
            "network": outline.network,
            "dials": self.identity["dials"],
            "data": outline.data,
            "epochs": outline.epochs,
            "batch": self.plan.batch,
            "seed": outline.seed,
            "device": outline.device,
            "threads": torch.get_num_threads(),
            "processes": self.world.size,
            "mean": self.fit.mean,
            "std": self.fit.std,
            "versions": {"archlang": VERSION, **{k: self.environment[k] for k in ("torch", "python")}},
            "forks": [{"step": fork["step"], "seed": fork["from"]["seed"]} for fork in self.forks],
        }


def _seed(seed: int, device: torch.device) -> None:
    """Seed what layers draw from on a device. `torch.manual_seed` would look at every kind of device each time."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type != "cpu":
        torch.manual_seed(seed)
