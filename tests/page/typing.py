"""Type a network into the page key by key and time its answers: `python -m tests.page.typing FILE`.

Each key asks for the whole view, the drawing too where the text has no mistakes; the next key waits for the answer.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from tests.page.serving import serving


def main() -> None:
    """Type, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    text = parser.parse_args().file.read_text(encoding="utf-8")

    times: list[float] = []
    drawn: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "net.arch"
        file.write_text("archlang 1\n", encoding="utf-8")
        with serving(file) as page:
            for length in range(1, len(text) + 1):
                start = time.perf_counter()
                view = page.look(text[:length])
                seconds = time.perf_counter() - start
                times.append(seconds)
                if view["drawing"]:
                    drawn.append(seconds)

    for name, found in (("all keys", times), ("keys that redraw", drawn)):
        if found:
            shown = sorted(1000 * seconds for seconds in found)
            print(f"{len(shown)} {name}: median {statistics.median(shown):.0f} ms, 95 % within "
                  f"{shown[int(0.95 * len(shown))]:.0f} ms, slowest {shown[-1]:.0f} ms")


if __name__ == "__main__":
    main()
