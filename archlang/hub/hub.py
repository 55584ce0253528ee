"""The verbs of this room: a model to the Hugging Face Hub, and from there."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import fx, nn

from archlang.artefact import load_model, save
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.elaborate.network import Network
from archlang.hub.card import card
from archlang.views import render

MODEL, TEXT, PICTURE, CARD = "model.safetensors", "network.arch", "network.svg", "README.md"
"""The files of a repository."""


def push_to_hub(
    model: nn.Module, repository: str, *, token: str | None = None, private: bool = False,
    message: str = "A model of archlang", revision: str | None = None, endpoint: str | None = None,
) -> str:
    """Put a model into a repository of the Hub, which is made where there is none; the address of the commit.

    It gets the model file, the network's text, its drawing and a card. Whoever loads it runs no code of the
    repository: there is nothing that `trust_remote_code` would have to allow.

    Args:
        model: a model that archlang compiled.
        repository: `owner/name`.
        token: of the account; the one that `hf auth login` keeps, if None.
        private: whether a new repository is hidden from others.
        message: of the commit.
        revision: the branch; the main one if None.
        endpoint: the address of another Hub.

    Raises `ArchError`: missing-tool, usage (no name of a repository), unsupported-module, what `save` raises, and
    unwritable-output where the Hub does not take it.
    """
    record: Any = getattr(model, "archlang", None)
    network = getattr(record, "network", None)
    if not isinstance(network, Network):
        message = "only a model that archlang compiled has a text that could go to the Hub"
        raise ArchError(error("unsupported-module", message))

    hub = _hub()
    with TemporaryDirectory() as folder:
        files = {
            TEXT: network.listing.encode(), PICTURE: str(render(network, "svg")).encode(),
            CARD: card(network, record, repository).encode(),
        }
        path = Path(folder) / MODEL
        save(model, path)  # type: ignore[arg-type]  # it has a record, as a compiled model does

        added = [hub.CommitOperationAdd(MODEL, str(path))]
        added += [hub.CommitOperationAdd(name, data) for name, data in files.items()]
        try:
            api = hub.HfApi(endpoint=endpoint, token=token)
            api.create_repo(repository, private=private, exist_ok=True)
            made = api.create_commit(repository, added, commit_message=message, revision=revision)
        except Exception as problem:  # the client's own errors, and those of whatever carries its bytes
            raise _refused("unwritable-output", f"`{one_line(repository, 100)}` was not written", problem) from problem
    return str(made.commit_url)


def from_pretrained(
    repository: str | os.PathLike[str], *, revision: str | None = None, token: str | None = None,
    cache: str | os.PathLike[str] | None = None, endpoint: str | None = None,
) -> fx.GraphModule:
    """Load the model of a repository of the Hub, in evaluation mode; it is read as any model file is, and checked.

    Args:
        repository: `owner/name`, or a folder that holds the files of one.
        revision: a branch, a tag or a commit; the main branch if None.
        token: for what is private; the one that `hf auth login` keeps, if None.
        cache: the folder in which downloads are kept; the client's own if None.
        endpoint: the address of another Hub.

    Raises `ArchError`: missing-tool, unreadable-file, and what `load_model` raises for a file that is none of ours.
    """
    # A folder first, as other libraries have it: a repository that was fetched needs no network.
    if Path(repository).is_dir():
        return load_model(Path(repository) / MODEL)

    hub = _hub()
    try:
        path = hub.hf_hub_download(str(repository), MODEL, revision=revision, token=token, cache_dir=cache,
                                   endpoint=endpoint)
    except Exception as problem:  # the client's own errors, and those of whatever carries its bytes
        shown = one_line(str(repository), 100)
        raise _refused("unreadable-file", f"`{shown}` cannot be read from the Hub", problem) from problem
    return load_model(path)


def _hub() -> Any:
    """The client. Raises `ArchError` (missing-tool)."""
    try:
        import huggingface_hub
    except ImportError:
        help = "python -m pip install 'archlang[hub]'"
        raise ArchError(error("missing-tool", "this needs the package `huggingface_hub`", help=help)) from None
    return huggingface_hub


def _refused(name: str, message: str, problem: Exception) -> ArchError:
    """The error for what the client said, in one line."""
    said = one_line(str(problem).strip() or type(problem).__name__, 300)
    return ArchError(error(name, message, notes=[f"{type(problem).__name__}: {said}"]))
