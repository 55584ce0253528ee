"""A training in TensorBoard: losses, accuracies and rates by epoch, in the run's folder `tensorboard`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
        made: Any = SummaryWriter
        self.writer = made(str(folder / FOLDER), purge_step=passed + 1 if passed else None)

    def epoch(self, epoch: Epoch) -> None:
        """Write every number of an epoch."""
        for name, value in epoch.row().items():
            if name not in ("epoch", "phase") and isinstance(value, (int, float)):
                self.writer.add_scalar(name.replace("_", "/", 1), value, epoch.number)
        self.writer.flush()

    def close(self) -> None:
        """Write what is left."""
        self.writer.close()
