"""The server over standard input and output, as an editor talks to it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archlang.editor.server.serving import warm_up
from archlang.editor.workspace import OpenFiles
from archlang.elaborate.network import check
from tests.campaign.editor import run
from tests.editor.client import ROOT, Client, Document, ServerError, position
from tests.editor.opened import NETWORK
from tests.editor.typing import typed

SLOW = float(os.environ.get("ARCHLANG_TEST_KEY_MS", "1000"))
"""Milliseconds that half of all keys may take at most. The figure to keep is a tenth of it: see docs/editors.md."""


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A server that all tests of this file share, as an editor has one for all files."""
    with Client() as running:
        running.start()
        yield running
        # Whatever the tests did to it, it goes on to the end, and has written nothing but messages.
        assert running.end() == 0
        assert running.stray == []


@pytest.fixture
def network(client: Client, tmp_path: Path) -> Iterator[Document]:
    """A document with a network."""
    path = tmp_path / "network.arch"
    path.write_text(NETWORK)
    document = Document(client, path.as_uri(), NETWORK)
    yield document
    client.tell("textDocument/didClose", {"textDocument": {"uri": document.uri}})


def codes(mistakes: list[dict[str, Any]]) -> list[str]:
    return [one["code"] for one in mistakes]


def test_mistakes_come_while_typing_and_go_with_them(network: Document) -> None:
    assert network.diagnosed() == []
    at = network.text.index("global_avg_pool")
    network.replace(at, at + 6, "globel")
    found = network.diagnosed()
    assert codes(found) == ["unknown-stage"]
    assert found[0]["range"]["start"] == position(network.text, at)
    assert "did you mean `global_avg_pool`" in found[0]["message"]

    actions = network.whole("codeAction", range=found[0]["range"], context={"diagnostics": found})
    assert network.applied(actions[0]["edit"]["changes"][network.uri]) == NETWORK
    network.replace(at, at + 6, "global")
    assert network.diagnosed() == []


def test_places_count_utf16_units_tabs_and_every_line_end(network: Document) -> None:
    text = NETWORK.replace("\n", "\r\n").replace("  low", "\t# \N{PILE OF POO}\r\n\tlow")
    network.rewrite(text)
    assert network.diagnosed() == []
    at = text.index("low ->")
    network.replace(at, at + 3, "\N{MATHEMATICAL BOLD SMALL A}")
    assert network.diagnosed()[0]["range"]["start"] == position(network.text, at)
    network.replace(at, at + 1, "lov")
    assert network.diagnosed()[0]["range"] == {
        "start": position(network.text, at), "end": position(network.text, at + 3),
    }


def test_each_request_has_its_answer(network: Document) -> None:
    at = network.text.index("unit(16)")
    network.diagnosed()
    assert "`[3, 32, 32]` -> `[16, 32, 32]`" in network.ask("hover", at)["contents"]["value"]
    assert "conv" in [item["label"] for item in network.ask("completion", at)["items"]]
    assert network.ask("signatureHelp", at + 5)["signatures"][0]["label"] == "unit(c)"
    assert network.ask("definition", at)["range"]["start"] == position(network.text, network.text.index("unit(c) ="))
    assert len(network.ask("references", at, context={"includeDeclaration": True})) == 3
    assert len(network.ask("documentHighlight", at)) == 3
    assert "[16, 16, 16]" in [one["label"] for one in network.whole("inlayHint", range=network.all_lines())]
    assert "parameters" in network.whole("codeLens")[1]["command"]["title"]
    assert [one["name"] for one in network.whole("documentSymbol")] == ["std.resnet", "unit", "N", "train"]
    assert [one["startLine"] for one in network.whole("foldingRange")] == [3, 10]
    assert len(network.whole("semanticTokens/full")["data"]) % 5 == 0
    assert network.ask("definition", network.text.index("basic(64"))["uri"].endswith("std/resnet.arch")


def test_formatting_gives_the_text_of_fmt(network: Document) -> None:
    network.rewrite(NETWORK.replace(" -> ", "->"))
    after = network.applied(network.whole("formatting", options={"tabSize": 2, "insertSpaces": True}))
    Path(network.uri.removeprefix("file://")).write_text(after)
    done = subprocess.run([sys.executable, "-m", "archlang", "fmt", "--check", network.uri.removeprefix("file://")],
                          capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_rename_goes_through_or_says_why_not(network: Document) -> None:
    at = network.text.index("low  =")
    assert network.ask("prepareRename", at)["start"] == position(network.text, at)
    edits = network.ask("rename", at, newName="body")["changes"][network.uri]
    assert network.applied(edits) == NETWORK.replace("low ", "body ")
    with pytest.raises(ServerError, match="has a meaning already"):
        network.ask("rename", at, newName="image")


def test_an_open_library_counts_as_it_stands_in_the_editor(client: Client, tmp_path: Path) -> None:
    library, user = tmp_path / "library.arch", tmp_path / "user.arch"
    library.write_text("archlang 1\nblock part(c) = conv(3x3, c)\n")
    user.write_text('archlang 1\nimport "./library.arch" (part)\n'
                    "network N {\n  input x: [3, 8, 8]\n  y = x -> part(4)\n  output y\n}\n")
    document = Document(client, user.as_uri(), user.read_text())
    assert document.diagnosed() == []

    opened = Document(client, library.as_uri(), library.read_text())
    opened.replace(opened.text.index("conv"), opened.text.index("conv") + 4, "comv")
    assert codes(opened.diagnosed()) == ["unknown-stage"]
    found = client.ask("textDocument/hover", document.at(document.text.index("part(4)")))
    assert "block part(c)" in found["contents"]["value"]
    document.replace(len(document.text), len(document.text), "\n")
    assert "in " + str(library) in document.diagnosed()[0]["message"]
    for one in (document, opened):
        client.tell("textDocument/didClose", {"textDocument": {"uri": one.uri}})


def test_a_fault_in_a_request_does_not_end_the_server(client: Client, network: Document) -> None:
    with pytest.raises(ServerError):
        client.ask("textDocument/hover", {"nonsense": True})
    with pytest.raises(ServerError):
        client.ask("no/such/method", {})
    client.tell("textDocument/didChange", {"nonsense": True})
    client.raw(b"Content-Length: 7\r\n\r\n{broken")
    client.tell("textDocument/didChange", {"textDocument": {"uri": "file:///closed.arch", "version": 2},
                                           "contentChanges": [{"text": ""}]})
    number = client.post("textDocument/inlayHint", {"textDocument": {"uri": network.uri}, "range": network.all_lines()})
    client.tell("$/cancelRequest", {"id": number})
    assert client.ask("textDocument/hover", {"textDocument": {"uri": "file:///closed.arch"},
                                             "position": {"line": 0, "character": 0}}) is None
    assert network.ask("hover", network.text.index("unit(16)")) is not None


def test_a_file_that_is_too_large_is_refused_and_forgotten(network: Document) -> None:
    network.rewrite("archlang 1\n" + "#" * 300_000)
    assert codes(network.diagnosed()) == ["file-too-large"]
    assert network.whole("documentSymbol") == []
    network.rewrite(NETWORK)
    assert network.diagnosed() == []


def test_the_server_loads_no_torch() -> None:
    code = ("import sys\nclass Wall:\n    def find_spec(self, name, path=None, target=None):\n"
            "        if name.split('.')[0] in ('torch', 'networkx', 'sklearn'):\n            raise ImportError(name)\n"
            "sys.meta_path.insert(0, Wall())\nimport archlang.editor.server.serving, archlang.cli.commands.lsp\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_without_pygls_it_says_what_to_install() -> None:
    code = ("import sys\nclass Wall:\n    def find_spec(self, name, path=None, target=None):\n"
            "        if name.split('.')[0] in ('pygls', 'lsprotocol'):\n"
            "            raise ModuleNotFoundError(name, name=name.split('.')[0])\n"
            "sys.meta_path.insert(0, Wall())\nsys.argv = ['archlang', 'lsp']\n"
            "from archlang.cli.main import main\nmain()")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 4
    assert "pip install 'archlang[lsp]'" in done.stderr


def test_a_network_typed_key_by_key(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "typed.arch"
    document = Document(client, path.as_uri())
    figures = typed(client, document, NETWORK[: NETWORK.index("  high")] + "  output low\n}\n")
    assert {one["code"] for one in document.diagnosed()} == {"unused-import", "unused-name"}
    assert sorted(figures.keys)[len(figures.keys) // 2] < SLOW
    path.write_text(document.text)
    assert sorted(d.name for d in check(path)) == sorted(codes(document.diagnosed()))
    client.tell("textDocument/didClose", {"textDocument": {"uri": document.uri}})


def test_random_edits_leave_text_and_mistakes_as_the_compiler_has_them() -> None:
    counts = run(edits=60, seed=11, every=15, texts=2)
    assert (counts["answers"], counts["comparisons"]) == (60, 4)


def test_what_is_loaded_beforehand_leaves_no_document_and_makes_the_first_answer_ready() -> None:
    files = OpenFiles()
    try:
        warm_up(files)
        assert gc.get_freeze_count() > 1000
    finally:
        gc.unfreeze()
    assert files.documents == {} and "stage_forms" in vars(files)
