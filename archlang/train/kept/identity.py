"""What a training is of, so that nobody goes on with another one by mistake: file, dials, data, seed, epochs."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

import torch

from archlang.artefact.replay import dials_of
from archlang.elaborate.network import Network
from archlang.train.data.fingerprint import fingerprint
from archlang.train.data.splits import Data


def identity(network: Network, data: Data, seed: int, epochs: int | None) -> dict[str, Any]:
    """What must be the same for a training to go on bit for bit, as JSON takes it. `epochs`: as asked for, if so."""
    validation = {} if data.validation is None else {"validation": fingerprint(data.validation)}
    return {
        "text": network.text,
        "dials": dials_of(network),
        "data": {"name": data.name, "train": fingerprint(data.train), "test": fingerprint(data.test), **validation},
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
