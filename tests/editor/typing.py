"""A network typed key by key into an editor: how long each key waits for its answer, and the mistakes of a pause.

    python -m tests.editor.typing specs/multipath/base_cnn_cc.arch

After each key the editor asks what may be written next, as editors do, and waits for the answer.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from tests.editor.client import ROOT, Client, Document


@dataclass
class Figures:
    """Milliseconds from a key to its answer, and from the last key of a line to the mistakes of the text."""

    keys: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)  # processor time of the server for each key, mistakes too

    def told(self) -> str:
        """Both in a line."""
        hundredths = quantiles(self.keys, n=100)
        return (
            f"{len(self.keys)} keys: median {median(self.keys):.1f} ms, 95 % below {hundredths[94]:.1f} ms, "
            f"99 % below {hundredths[98]:.1f} ms, slowest {max(self.keys):.1f} ms; mistakes after a pause: median "
            f"{median(self.pauses):.1f} ms, slowest {max(self.pauses):.1f} ms; processor time of the server: "
            f"{sum(self.work) / len(self.work):.1f} ms a key, at most {max(self.work):.0f} ms"
        )


def typed(client: Client, document: Document, text: str, gap: float = 0.0) -> Figures:
    """Type a text at the end of a document; after each line, wait for the mistakes. `gap`: seconds between keys."""
    figures = Figures()
    for character in text:
        start, worked = time.perf_counter(), processor_seconds(client.process.pid)
        document.replace(len(document.text), len(document.text), character)
        document.ask("completion", len(document.text))
        figures.keys.append(1000 * (time.perf_counter() - start))

        if character == "\n":
            document.diagnosed()
            figures.pauses.append(1000 * (time.perf_counter() - start))
        if gap:
            time.sleep(gap)
        figures.work.append(1000 * (processor_seconds(client.process.pid) - worked))
    return figures


def processor_seconds(pid: int) -> float:
    """The processor time that a process has used, whatever else the machine does; 0 where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Type the files that are named; print the figures."""
    for name in sys.argv[1:] or ["specs/multipath/base_cnn_cc.arch"]:
        text = (ROOT / name).read_text(encoding="utf-8")
        with Client() as client:
            client.start()
            document = Document(client, Path(ROOT / name).as_uri())
            figures = typed(client, document, text, gap=0.03)
            mistakes = document.diagnosed()
        print(f"{name}, {len(text.splitlines())} lines, {len(mistakes)} mistakes at the end; {figures.told()}")


if __name__ == "__main__":
    main()
