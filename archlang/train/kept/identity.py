"""The identity of a training, so that nobody goes on with another one by mistake: file, dials, data, seed, epochs."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

import torch

from archlang.artefact.replay import dials_of
from archlang.elaborate.network import Network
from archlang.train.data.fingerprint import fingerprint
from archlang.train.data.splits import Data

LOOKED_AT = 64
"""How many samples of each part of the data are looked at."""


def identity(network: Network, data: Data, seed: int, epochs: int | None) -> dict[str, Any]:
    """All that must be the same for a training to go on bit for bit, as JSON takes it.

    `epochs` is the number that was asked for; None for that of the file.
    """
    parts = {"train": fingerprint(data.train), "test": fingerprint(data.test)}
    if data.validation is not None:
        parts["validation"] = fingerprint(data.validation)

    return {
        "text": network.text,
        "dials": dials_of(network),
        "settings": dict(network.settings),
        "data": {"name": data.name, **parts},
        "seed": seed,
        "epochs": epochs,
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """All that differs between two identities, in words."""
    different = []
    if before["dials"] != now["dials"]:  # the text holds the dials as well
        was, is_now = before["dials"], now["dials"]
        names = [name for name in {**was, **is_now} if was.get(name) != is_now.get(name)]
        different += [f"the dial `{name}` (was {was.get(name)}, is {is_now.get(name)})" for name in names]
    elif before["text"] != now["text"]:
        different += _settings(before.get("settings", {}), now["settings"]) or ["the file"]

    was, is_now = before["data"], now["data"]
    if was["name"] != is_now["name"]:
        different.append(f"the data (was {was['name']}, is {is_now['name']})")
    elif was != is_now:
        different.append("what the data holds")

    if before.get("transforms", []) != now.get("transforms", []):
        different.append("the transforms of samples")
    for key, words in _PLAIN:
        if before[key] != now[key]:
            different.append(f"the {words} (was {before[key]}, is {now[key]})")
    return different


def _settings(was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The settings that were given otherwise, in words: one that is not given is the file's."""
    names = [name for name in {**was, **now} if was.get(name) != now.get(name)]
    told = "the setting `-o {0}` (was {1}, is {2})"
    return [told.format(name, was.get(name, "the file's"), now.get(name, "the file's")) for name in names]


_PLAIN = (("seed", "seed"), ("epochs", "number of epochs"))


def environment(device: torch.device, processes: int = 1, backend: str | None = None) -> dict[str, str]:
    """All that decides the last bits of sums beside the training itself."""
    name = device.type
    if name == "cuda":
        name = torch.cuda.get_device_name(device)
    if backend is not None:
        name += f", compiled by {backend}"
    return {
        "device": name,
        "processes": str(processes),
        "threads": str(torch.get_num_threads()),
        "torch": str(torch.__version__),
        "python": platform.python_version(),
    }
