from archlang.syntax import tree
from archlang.syntax.lexing import Scanned


def attach(file: tree.File, scanned: Scanned) -> None:
    object.__setattr__(file, "after", tuple(r.comment for r in scanned.remarks))
