"""What a training is of, so that nobody goes on with another one by mistake: file, dials, data, seed, epochs."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from typing import Any

import torch

from archlang.artefact.replay import dials_of
from archlang.graph.network import Network
from archlang.train.data.image_files import Images
from archlang.train.data.splits import Data, Split, Tensors

LOOKED_AT = 64
"""How many samples of each part of the data are looked at."""


def identity(network: Network, data: Data, seed: int, epochs: int | None) -> dict[str, Any]:
    """What must be the same for a training to go on bit for bit, as JSON takes it. `epochs`: as asked for, if so."""
    return {
        "text": network.text,
        "dials": dials_of(network),
        "data": {"name": data.name, "train": _seen(data.train), "test": _seen(data.test)},
        "seed": seed,
        "epochs": epochs,
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs, in words."""
    found = []
    if before["dials"] != now["dials"]:
        names = [n for n in {**before["dials"], **now["dials"]} if before["dials"].get(n) != now["dials"].get(n)]
        found += [f"the dial `{n}` (was {before['dials'].get(n)}, is {now['dials'].get(n)})" for n in names]
    elif before["text"] != now["text"]:
        found.append("the file")
    if before["data"] != now["data"]:
        names = [before["data"]["name"], now["data"]["name"]]
        found.append(f"the data (was {names[0]}, is {names[1]})" if names[0] != names[1] else "what the data holds")
    found += [f"the {what} (was {before[key]}, is {now[key]})" for key, what in _PLAIN if before[key] != now[key]]
    return found


_PLAIN = (("seed", "seed"), ("epochs", "number of epochs"))


def environment(device: torch.device, processes: int = 1) -> dict[str, str]:
    """What decides the last bits of sums beside the training itself."""
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "processes": str(processes),
        "threads": str(torch.get_num_threads()),
        "torch": str(torch.__version__),
        "python": platform.python_version(),
    }


def _seen(split: Split) -> dict[str, Any]:
    """A part of the data: its size, and a digest of evenly spread labels, of samples too where they lie in memory.

    What a function of the user's reads may be drawn at random: such samples say nothing.
    """
    stride = max(1, len(split) // LOOKED_AT)
    rows = range(0, len(split), stride)[:LOOKED_AT]
    if isinstance(split, Images):
        digest = hashlib.sha256(str([(split.names[i], int(split.classes[i])) for i in rows]).encode())
        return {"samples": len(split), "digest": digest.hexdigest()}
    samples, labels = split.batch(rows)
    sha = hashlib.sha256(str(labels.tolist()).encode())
    if isinstance(split, Tensors):
        sha.update(samples.cpu().contiguous().numpy().tobytes())
    return {"samples": len(split), "digest": sha.hexdigest()}
