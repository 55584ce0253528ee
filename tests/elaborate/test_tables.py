"""Rows from a table in a file of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from archlang.diagnostics import Diagnostic
from archlang.elaborate.network import check, load, loads
from archlang.limits import Limits
from tests.elaborate.texts import names

TABLE = """kernel,width,act,pad,name,factor
# remarks and empty lines are left out

3x3,8,relu,same,stem,1.5
1x1, 4 ,gelu,none,"head_1",-2e-1
"""
NET = """archlang 1
let rows = from "t.csv"
network N {
  input x: [3, 8, 8]
  output x -> for (k, c, act, pad, name, f) in rows { conv(k, c, padding = pad) as (name) -> act -> scale(f) }
}
"""
PLAIN = """archlang 1
let rows = from "t.csv"
network N {
  input x: [3, 8, 8]
  output x -> for c in rows { conv(1x1, c) }
}
"""


def project(folder: Path, table: str | bytes, text: str = NET) -> Path:
    (folder / "t.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    (folder / "n.arch").write_text(text, encoding="utf-8")
    return folder / "n.arch"


def mistakes(folder: Path, table: str | bytes, text: str = PLAIN, **limits: int) -> list[Diagnostic]:
    found = check(project(folder, table, text), limits=Limits(**limits))
    return [diagnostic for diagnostic in found if diagnostic.severity == "error"]


@pytest.mark.parametrize("table", [TABLE, TABLE.replace(",", ";"), TABLE.replace(",", "\t"), "\ufeff" + TABLE,
                                   TABLE.replace("\n", "\r\n")])
def test_rows_are_what_a_list_of_them_is(tmp_path: Path, table: str) -> None:
    net = load(project(tmp_path, table))
    listed = '[(3x3, 8, relu, same, "stem", 1.5), (1x1, 4, gelu, none, "head_1", -2e-1)]'
    written = loads(NET.replace('from "t.csv"', listed))
    assert [(n.op.name, n.name, dict(n.args), n.outputs) for n in net.graph] == [
        (n.op.name, n.name, dict(n.args), n.outputs) for n in written.graph
    ]
    assert names(net) == ["loop.0.stem", "loop.0.act.relu", "loop.0.scale", "loop.1.head_1", "loop.1.act.gelu",
                          "loop.1.scale"]


def test_one_file_holds_the_rows(tmp_path: Path) -> None:
    net = load(project(tmp_path, TABLE))
    assert "from" not in net.text
    (tmp_path / "t.csv").unlink()
    again = loads(net.text)
    assert again.text == net.text
    assert again.parameters == net.parameters
    assert names(again) == names(net)
    assert "from" not in net.listing


def test_an_imported_file_brings_its_rows(tmp_path: Path) -> None:
    blocks = 'archlang 1\nlet widths = from "t.csv"\nblock b = for c in widths { conv(1x1, c) }\n'
    project(tmp_path, "c\n8\n4\n", blocks)
    main = 'archlang 1\nimport "./n.arch" (b)\nnetwork N { input x: [3, 8, 8] output x -> b }\n'
    (tmp_path / "main.arch").write_text(main)
    net = load(tmp_path / "main.arch")
    assert str(net.graph.type(net.graph.outputs[0].port)) == "[4, 8, 8]"
    assert loads(net.text).parameters == net.parameters


@pytest.mark.parametrize(("table", "line"), [
    ("", 1), ("c,c\n1,2\n", 1), ("3,4\n1,2\n", 1), ("a b\n3\n", 1), ("c\n3,4\n", 2), ("c,d\n3\n", 2), ('c\n"3\n', 2),
    (b"c\n\xff\n", 1), ("c\n99999999999999999999\n", 2), ("c\n1e999\n", 2), ("c\nrows\n8\n", None),
    ("c\n3\x07\n", 2), (",".join(f"c{i}" for i in range(65)) + "\n", 1),
])
def test_tables_that_are_none(tmp_path: Path, table: str | bytes, line: int | None) -> None:
    found = mistakes(tmp_path, table)
    if line is None:
        assert [d.name for d in found] == ["wrong-kind"]  # a text, where a number of channels is wanted
        return
    assert [d.name for d in found] == ["bad-data"]
    assert found[0].primary is not None
    assert found[0].primary.span.line == line


def test_bounds_and_places(tmp_path: Path) -> None:
    assert [d.name for d in mistakes(tmp_path, "c\n" + "8\n" * 200, nodes=100)] == ["bad-data"]
    assert [d.name for d in mistakes(tmp_path, "c\n" + "8\n" * 2000, file_bytes=1000)] == ["file-too-large"]
    outside = (("../t.csv", "import-outside"), ("/etc/passwd", "import-outside"), ("u.csv", "import-not-found"))
    for path, kind in outside:
        assert [d.name for d in mistakes(tmp_path, "c\n8\n", PLAIN.replace("t.csv", path))] == [kind]
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "link.csv").symlink_to(tmp_path / "t.csv")
    linked = PLAIN.replace("t.csv", "link.csv")
    (tmp_path / "inside" / "n.arch").write_text(linked)
    assert [d.name for d in check(tmp_path / "inside" / "n.arch")] == ["import-outside"]


def test_a_word_that_the_file_gives_another_meaning(tmp_path: Path) -> None:
    text = PLAIN.replace("network N", "block relu = identity\nnetwork N")
    assert "bad-data" in [d.name for d in mistakes(tmp_path, "c\nrelu\n", text)]
    assert [d.name for d in mistakes(tmp_path, "c\n8\n", PLAIN.replace('"t.csv"', '"t.csv" (distance = 3)'))] == [
        "unknown-argument"
    ]


SIZED = """archlang 1
let rows = from "t.csv"
network N {
  input x: [3, 8, 8]
  output x -> for (%s) in rows { conv(size(1, 1), %s) }
}
"""


@pytest.mark.parametrize(("head", "names", "told"), [
    ("width,kernel", "kernel, width", "`kernel` takes the column `width`"),
    ("kernel,width,more", "kernel, more, width", "`more` takes the column `width`"),
    ("more,kernel,width", "a, width, b", "`width` takes the column `kernel`"),
])
def test_a_name_that_is_another_columns_is_a_mistake(tmp_path: Path, head: str, names: str, told: str) -> None:
    """Names go by place: 3 channels and kernels of 8 came out where the table's first line says the opposite."""
    count = head.count(",") + 1
    text = SIZED % (names, "width")
    (found,) = mistakes(tmp_path, f"{head}\n{','.join(['3'] * count)}\n", text)
    assert found.name == "exchanged-arguments" and told in found.message
    assert found.primary is not None and found.primary.span.text == told.split("`")[1]

    # In one file, and in one that imports the rows.
    (tmp_path / "rows.arch").write_text('archlang 1\nlet rows = from "t.csv"\n')
    text = text.replace('let rows = from "t.csv"', 'import "./rows.arch" (rows)')
    assert told in mistakes(tmp_path, f"{head}\n{','.join(['3'] * count)}\n", text)[0].message

    # And where they are handed on.
    block = f"block all(them) = for ({names}) in them {{ conv(size(1, 1), width) }}"
    handed = text.replace("network N", f"{block}\nnetwork N")
    handed = handed[: handed.index("-> for")] + "-> all(rows)\n}\n"
    assert told in mistakes(tmp_path, f"{head}\n{','.join(['3'] * count)}\n", handed)[0].message


@pytest.mark.parametrize("names", ["kernel, width", "k, width", "kernel, c", "k, c"])
def test_names_in_their_places_and_other_names_take_columns(tmp_path: Path, names: str) -> None:
    text = SIZED % (names, names.split(", ")[1])
    assert not mistakes(tmp_path, "kernel,width\n3,8\n", text)
