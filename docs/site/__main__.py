"""`python -m docs.site FOLDER [--repository ADDRESS]` writes all pages of the site into a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from docs.site.assemble import assemble

parser = argparse.ArgumentParser(prog="python -m docs.site", description=__doc__)
parser.add_argument("folder", type=Path, help="where Sphinx will read the pages")
parser.add_argument("--repository", default="", help="the address of the repository's files, for links to them")

if __name__ == "__main__":
    chosen = parser.parse_args()
    count = assemble(chosen.folder, chosen.repository)
    print(f"{count} pages in {chosen.folder}")
