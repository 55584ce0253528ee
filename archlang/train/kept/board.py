"""A training in TensorBoard: losses, accuracies and rates by epoch, in the run's folder `tensorboard`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from archlang.atomic import unwritable
from archlang.diagnostics import ArchError, error
from archlang.train.loop.progress import Epoch

FOLDER = "tensorboard"


class Board:
    """Writes event files. Raises `ArchError` (missing-tool) where TensorBoard is not installed."""

    def __init__(self, folder: Path, passed: int = 0) -> None:
        """`passed` epochs are kept of a training that goes on; what came after them is hidden."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            message = "TensorBoard is not installed"
            raise ArchError(error("missing-tool", message, help='pip install "archlang[logs]"')) from None
        self.kind: Any = SummaryWriter
        self.folder = folder / FOLDER
        # Events of a later step are hidden, which a killed training may have written after its last checkpoint.
        self.purge = passed + 1 if passed else None
        self.writer: Any = None

    def epoch(self, epoch: Epoch) -> None:
        """Write every number of an epoch. Raises `ArchError` (unwritable-output)."""
        try:
            self._open()
            for name, value in epoch.row().items():
                # TensorBoard groups what stands before the first slash: train/loss, test/loss.
                if name not in ("epoch", "phase") and isinstance(value, (int, float)):
                    self.writer.add_scalar(name.replace("_", "/", 1), value, epoch.number)
            self.writer.flush()
        except OSError as problem:
            raise unwritable(self.folder, problem) from None

    def close(self) -> None:
        """Write the events that are left."""
        if self.writer is not None:
            self.writer.close()

    def _open(self) -> None:
        """Begin an event file with the first epoch: a training that fails before it leaves nothing behind."""
        if self.writer is None:
            self.writer = self.kind(str(self.folder), purge_step=self.purge)
