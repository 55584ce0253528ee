"""Random edits through the language server, compared with the compiler.

    python -m tests.campaign.editor --edits 10000

Texts of this repository are edited at random: characters, words and brackets put in, parts deleted, pieces of other
files pasted, edits undone; with characters of two UTF-16 units, tabs and all line ends. After each edit
something is asked at a random place. Every so often the server must have the same text, the mistakes of the compiler at
the same places, no request may have failed, and nothing but messages may have come out.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from archlang.diagnostics.render import chosen
from archlang.elaborate.network import check
from archlang.limits import DEFAULT
from tests.editor.client import ROOT, Client, Document, position

WORDS = ("->", " -> relu", "conv(3x3, 8)", "(", ")", "{", "}", "[", "]", ",", ";", "=", '"', '"""', "#", "\n", "\r\n",
         "\r", "\t",
         "input x: [3, 8, 8]\n", "output x\n", "let a = 1\n", "block b(c) = conv(3x3, c)\n", "network", "train {",
         "each {", "import std.resnet (basic)\n", "for i in range(3) {", "if ", " else {", "3x3", "1e5", "0", "name",
         "\N{MATHEMATICAL BOLD SMALL A}", "\N{PILE OF POO}", "\u00e9", "\u2028", "\x0c", "\ufeff", "in", "as",
         " ", "  ")
ASKED = ("completion", "hover", "signatureHelp", "definition", "references", "documentHighlight", "prepareRename",
         "rename")
ASKED_OF_ALL = ("documentSymbol", "foldingRange", "semanticTokens/full", "codeLens", "formatting", "inlayHint",
                "codeAction")
PATIENCE = 300.0
"""Seconds that an answer may take before the server counts as stuck; a campaign runs beside other work."""

REFUSED = "rename"
"""The one request whose refusal is an error of the protocol."""


class Difference(Exception):
    """The server and the compiler do not agree; the text says where."""


class Editing:
    """One document that is edited at random."""

    def __init__(self, client: Client, path: Path, text: str, others: list[str], rng: random.Random) -> None:
        self.client, self.path, self.others, self.rng = client, path, others, rng
        self.document = Document(client, path.as_uri(), text)
        self.undone: list[tuple[int, str, str]] = []  # place, what stands there, what stood there
        self.asked: dict[int, str] = {}
        self.counts: Counter[str] = Counter()

    def place(self) -> int:
        """A place between two characters at which an editor's cursor may stand."""
        text = self.document.text
        at = self.rng.randint(0, len(text))
        if text[at - 1 : at + 1] == "\r\n" and at:
            at -= 1
        return at

    def edit(self) -> None:
        """One edit."""
        kind = self.rng.choices(("insert", "key", "delete", "paste", "undo", "rewrite"), (30, 30, 20, 8, 12, 0.3))[0]
        if kind == "undo" and not self.undone:
            kind = "key"
        self.counts[kind] += 1
        text = self.document.text
        start = self.place()
        match kind:
            case "insert": self._replace(start, start, self.rng.choice(WORDS))
            case "key":
                self._replace(start, start, chr(self.rng.choice((self.rng.randint(32, 126), 10, 0x1D49C, 0xE4))))
            case "delete": self._delete(start)
            case "paste":
                other = self.rng.choice(self.others)
                at = self.rng.randrange(len(other))
                self._replace(start, start, other[at : at + self.rng.randint(1, 200)])
            case "undo":
                at, new, old = self.undone.pop()
                if text[at : at + len(new)] == new and not _splits(text, at) and not _splits(text, at + len(new)):
                    self.document.replace(at, at + len(new), old)
            case "rewrite":
                self.undone.clear()
                self.document.rewrite(self.rng.choice(self.others))

    def _delete(self, start: int) -> None:
        text = self.document.text
        end = min(len(text), start + self.rng.choice((1, 1, 1, 2, 5, 20, 80)))
        if not _splits(text, end):
            self._replace(start, end, "")

    def _replace(self, start: int, end: int, new: str) -> None:
        # Files that grow without end would only be slow.
        if len(self.document.text) > 6_000:
            new = ""
            end = min(len(self.document.text), start + 500)
            if _splits(self.document.text, end):
                return
        self.undone.append((start, new, self.document.text[start:end]))
        self.document.replace(start, end, new)

    def ask(self) -> None:
        """One question about a random place; sometimes it is taken back."""
        uri = {"textDocument": {"uri": self.document.uri}}
        if self.rng.random() < 0.6:
            method = self.rng.choice(ASKED)
            params: dict[str, Any] = self.document.at(self.place())
            if method == "rename":
                params["newName"] = "renamed"
            if method == "references":
                params["context"] = {"includeDeclaration": True}
        else:
            method = self.rng.choice(ASKED_OF_ALL)
            params = {**uri, "range": self.document.all_lines(), "context": {"diagnostics": []},
                      "options": {"tabSize": 2, "insertSpaces": True}}
        number = self.client.post(f"textDocument/{method}", params)
        self.asked[number] = method
        if self.rng.random() < 0.1:
            self.client.tell("$/cancelRequest", {"id": number})
            self.asked[number] = "cancelled"

    def compare(self) -> None:
        """Compare text and mistakes. Raises Difference."""
        document = self.document
        for number, method in self.asked.items():
            self._answered(number, method)
        self.asked.clear()

        held = self.client.ask("archlang/text", {"textDocument": {"uri": document.uri}})
        if held != document.text:
            raise Difference(f"the server has another text:\n{held!r}\n{document.text!r}")
        self.path.write_bytes(document.text.encode("utf-8", "surrogatepass"))
        found = [_told(one) for one in document.diagnosed()]
        expected = compiled(self.path, document.text)
        if found != expected:
            raise Difference(f"{document.text!r}\nserver:   {found}\ncompiler: {expected}")
        if self.client.stray:
            raise Difference(f"between two messages came {self.client.stray}")

    def _answered(self, number: int, method: str) -> None:
        with self.client.news:
            if not self.client.news.wait_for(lambda: number in self.client.answers, PATIENCE):
                raise Difference(f"no answer to {method}\n{self.document.text!r}\n{self._stacks()}")
            message = self.client.answers.pop(number)
        self.counts["answers"] += 1
        if "error" in message and method not in (REFUSED, "cancelled"):
            raise Difference(f"{method} failed: {message['error']}\n{self.client.logged()[-3000:]}")
        if method == REFUSED and "error" in message and message["error"]["code"] != -32602:
            raise Difference(f"{method} failed: {message['error']}")

    def _stacks(self) -> str:
        """End the server and return where each of its threads was."""
        self.client.process.send_signal(signal.SIGABRT)
        self.client.process.wait(60)
        time.sleep(1)
        return self.client.logged()[-6000:]

    def close(self) -> None:
        """Close the document."""
        self.client.tell("textDocument/didClose", {"textDocument": {"uri": self.document.uri}})


def _splits(text: str, at: int) -> bool:
    """Whether a place is between the two signs of one line end."""
    return at > 0 and text[at - 1 : at + 1] == "\r\n"


def _told(one: dict[str, Any]) -> tuple[Any, ...]:
    return one["code"], one["severity"], one["range"]["start"], one["range"]["end"], one["message"].split("\n")[0]


def compiled(path: Path, text: str) -> list[tuple[Any, ...]]:
    """The mistakes of a stored file as the compiler gives them, at the places where an editor shows them."""
    listed, _ = chosen(check(path), DEFAULT.diagnostics)
    # A byte order mark is no part of the text for the compiler; an editor takes it off itself.
    return [_expected(one, path, text) for one in listed]


def _expected(one: Any, path: Path, text: str) -> tuple[Any, ...]:
    severity = 1 if one.severity == "error" else 2
    line = one.message
    if one.primary is None or one.primary.span.source.name != str(path):
        return one.name, severity, position(text, 0), position(text, 0), line
    if one.primary.text:
        line += f": {one.primary.text}"
    span = one.primary.span
    return one.name, severity, _position(text, span.start), _position(text, span.end), line.split("\n")[0]


def _position(text: str, at: int) -> dict[str, int]:
    at = min(at, len(text))
    if _splits(text, at):
        at -= 1
    return position(text, at)


def run(edits: int, seed: int, every: int, texts: int, first: int = 0) -> Counter[str]:
    """Edit, ask and compare, from text number `first` on. Raises Difference."""
    files = sorted([*ROOT.glob("specs/*/*.arch"), *ROOT.glob("examples/*.arch")])
    sources = [path.read_text(encoding="utf-8") for path in files]
    # Codes are searched for seconds at each check; they say nothing about editing.
    sources = [text for text in sources if "design(" not in text and "from \"" not in text]
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, Client(environment={"PYTHONFAULTHANDLER": "1"}) as client:
        client.start(Path(folder))
        per_text = max(1, edits // texts)
        for number in range(first, texts):
            rng = random.Random(f"{seed}/{number}")  # each text by itself, so that one can be edited again
            text = rng.choice(sources)
            if rng.random() < 0.3:
                text = text.replace("\n", "\r\n")
            path = Path(folder).resolve() / f"text{number}.arch"
            path.write_bytes(text.encode())
            editing = Editing(client, path, text, sources, rng)
            try:
                _edited(editing, per_text, every)
            except Difference as difference:
                raise Difference(f"text {number}: {difference}") from None
            counts += editing.counts
            print(f"{counts['answers']} edits", end="\r", file=sys.stderr, flush=True)
            editing.close()
            path.unlink()
        if client.end():
            raise Difference("the server ended with an error")
    return counts


def _edited(editing: Editing, edits: int, every: int) -> None:
    """Edit one text, and compare it every so often. Raises Difference."""
    for index in range(edits):
        editing.edit()
        editing.ask()
        if index % every == every - 1 or index == edits - 1:
            editing.compare()
            editing.counts["comparisons"] += 1


def main() -> None:
    """Run the campaign; the exit status is 1 for a difference."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--edits", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=20, help="edits between two comparisons")
    parser.add_argument("--texts", type=int, default=100, help="texts that are edited, one after the other")
    parser.add_argument("--first", type=int, default=0, help="the number of the first of them")
    chosen_options = parser.parse_args()

    start = time.perf_counter()
    try:
        counts = run(chosen_options.edits, chosen_options.seed, chosen_options.every, chosen_options.texts,
                     chosen_options.first)
    except Difference as difference:
        print(f"seed {chosen_options.seed}: {difference}")
        sys.exit(1)
    done = ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items()))
    print(f"{done}; no difference, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
