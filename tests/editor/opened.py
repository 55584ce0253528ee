"""Open documents without a server."""

from __future__ import annotations

from pathlib import Path

from archlang.editor.meaning import meaning_of
from archlang.editor.workspace import OpenDocument, OpenFiles

NETWORK = """archlang 1
import std.resnet (basic)
block unit(c) = conv(3x3, c) -> batch_norm -> relu
network N(paths = 2, classes = 10) {
  input image: [3, 32, 32]
  low  = image -> unit(16) -> max_pool(2x2)
  high = low -> fork(paths) -> each { unit(c = 32) -> max_pool(2x2) } -> sum
  logits = high -> basic(64, stride = 2) -> global_avg_pool -> linear(classes)
  output logits
}
train {
  loss = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.1)
  phase all { epochs = 3 }
}
"""


def opened(text: str, path: Path | None = None, files: OpenFiles | None = None) -> tuple[OpenFiles, OpenDocument]:
    """A document whose mistakes and types are known."""
    files = files or OpenFiles()
    uri = "untitled:one"
    if path is not None:
        uri = path.as_uri()
    document = files.open(uri, 1, text)
    document.meaning = meaning_of(document.now.reading, files.situation(document.now))
    return files, document


def marked(text: str) -> tuple[str, int]:
    """A text with `|` for the cursor: without it, and the place."""
    assert text.count("|") == 1
    return text.replace("|", ""), text.index("|")
