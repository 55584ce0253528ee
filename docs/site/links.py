"""Links of the pages, made to work on the site: there a network has a page, and other files may have an address."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_LINK = re.compile(r"(?<!!)\[(?P<label>[^\]]*)\]\((?P<target>\.\./[^)#]*)(?P<anchor>#[^)]*)?\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def rewritten(text: str, repository: str = "") -> str:
    """The text of a page of `docs/` with links to files outside `docs/` as they are on the site.

    A network leads to its page in the gallery, a folder of networks to the gallery. Any other file leads into the
    repository, or is named without a link where no address is given. What stands between fences stays.

    >>> rewritten("[a](../specs/pce/pce_tiny.arch), [b](../tests/golden.py), [c](data.md#text)")
    '[a](gallery/specs/pce/pce_tiny.md), b, [c](data.md#text)'
    >>> rewritten("[b](../tests/golden.py)", "https://example.org/tree/main")
    '[b](https://example.org/tree/main/tests/golden.py)'
    """
    parts = _FENCE.split(text)
    for place in range(0, len(parts), 2):
        parts[place] = _LINK.sub(lambda found: _link(found, repository), parts[place])
    return "".join(parts)


def _link(found: re.Match[str], repository: str) -> str:
    target = posixpath.normpath(found["target"].removeprefix("../"))
    label = found["label"]
    if target.startswith(("specs", "examples")):
        if target.endswith(".arch"):
            return f"[{label}](gallery/{target.removesuffix('.arch')}.md)"
        if (ROOT / target).is_dir():
            return f"[{label}](gallery.md)"
    if repository:
        return f"[{label}]({repository.rstrip('/')}/{target})"
    return label
