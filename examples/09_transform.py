"""A network into another: the paths of `multipath` come out as a file that a person could have written."""

from __future__ import annotations

from pathlib import Path

import archlang

HERE = Path(__file__).parent


def main() -> None:
    """One path to three, printed; the parameters of both."""
    net = archlang.load(HERE / "02_blocks.arch")
    wide = archlang.transform(net, "multipath{paths=3,hidden=8}")
    print(wide.listing)
    print(f"{net.parameters:,} parameters became {wide.parameters:,}")


if __name__ == "__main__":
    main()
