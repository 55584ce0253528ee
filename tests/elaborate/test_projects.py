"""Files that import others, and the one file that comes of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from archlang.elaborate.network import check, check_text, load, loads
from archlang.limits import DEFAULT, Limits

MAIN = "network N { input x: [3, 8, 8]\n output x -> unit(4) }\n"
UNIT = "archlang 1\nblock unit(c) = conv(3x3, c) -> batch_norm -> relu\n"


def written(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files and return the one called `main.arch`."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "main.arch"


def found(main: Path, limits: Limits = DEFAULT) -> set[str]:
    """The kinds of mistakes in a project."""
    return {d.name for d in check(main, limits=limits)}


@pytest.mark.parametrize(("path", "kind"), [
    ("./blocks.arch", None), ("blocks.arch", None), ("./sub/../blocks.arch", None), ("./sub/inner.arch", None),
    ("../outside.arch", "import-outside"), ("./sub/../../outside.arch", "import-outside"),
    ("/etc/hostname", "import-outside"), ("C:blocks.arch", "import-outside"), (".\\\\blocks.arch", "import-outside"),
    ("./link.arch", "import-outside"), ("./linked/outside.arch", "import-outside"), ("", "import-not-found"),
    (".", "import-not-found"), ("./sub", "import-not-found"), ("./missing.arch", "import-not-found"),
    ("./main.arch", "import-cycle"), ("https://example.org/a.arch", "import-outside"),
    ("./a\\u{0}b.arch", "import-not-found"),
])
def test_what_can_be_imported(tmp_path: Path, path: str, kind: str | None) -> None:
    project = tmp_path / "project"
    main = written(project, {
        "main.arch": f'archlang 1\nimport "{path}" (unit)\n{MAIN}', "blocks.arch": UNIT, "sub/inner.arch": UNIT,
    })
    (tmp_path / "outside.arch").write_text(UNIT, encoding="utf-8")
    (project / "link.arch").symlink_to(tmp_path / "outside.arch")
    (project / "linked").symlink_to(tmp_path)
    assert found(main) == ({kind} if kind else set())


def test_a_relative_import_starts_at_its_own_file(tmp_path: Path) -> None:
    main = written(tmp_path, {
        "main.arch": f'archlang 1\nimport "./sub/a.arch" (unit)\n{MAIN}',
        "sub/a.arch": 'archlang 1\nimport "../b.arch" (inner)\nblock unit(c) = inner(c) -> relu\n',
        "b.arch": "archlang 1\nblock inner(c) = conv(1x1, c)\n",
    })
    assert found(main) == set()


def test_the_same_file_twice_is_read_once(tmp_path: Path) -> None:
    main = written(tmp_path, {
        "main.arch": 'archlang 1\nimport "./a.arch" (unit)\nimport "./b.arch" (more)\n'
                     "network N { input x: [3, 8, 8]\n output x -> unit(4) -> more }\n",
        "a.arch": UNIT, "b.arch": 'archlang 1\nimport "./a.arch" (unit as other)\nblock more() = other(3)\n',
    })
    assert found(main) == set()
    assert len(load(main).project.units) == 3


@pytest.mark.parametrize(("limit", "name", "kind"), [
    (3, "files", "too-many-files"), (2, "import_depth", "import-too-deep"),
])
def test_limits_of_imports(tmp_path: Path, limit: int, name: str, kind: str) -> None:
    main = written(tmp_path, {
        "main.arch": f'archlang 1\nimport "./a.arch" (unit)\n{MAIN}',
        "a.arch": 'archlang 1\nimport "./b.arch" (inner)\nblock unit(c) = inner(c)\n',
        "b.arch": "archlang 1\nblock inner(c) = conv(1x1, c)\n",
    })
    assert found(main, Limits(**{name: limit})) == set()
    assert found(main, Limits(**{name: limit - 1})) == {kind}


def test_bytes_of_all_files_together(tmp_path: Path) -> None:
    texts = {"main.arch": f'archlang 1\nimport "./a.arch" (unit)\n{MAIN}', "a.arch": UNIT}
    total = sum(map(len, texts.values()))
    assert found(written(tmp_path, texts), Limits(total_bytes=total)) == set()
    assert found(written(tmp_path, texts), Limits(total_bytes=total - 1)) == {"too-many-files"}


def test_a_text_imports_the_standard_blocks_only() -> None:
    net = "network N { input x: [3, 8, 8]\n output x -> projection(4) }"
    assert loads(f"archlang 1\nimport std.resnet (projection)\n{net}")
    assert [d.name for d in check_text(f'archlang 1\nimport "./a.arch" (unit)\n{MAIN}')] == ["import-not-found"]


def test_private_helpers_come_along_and_clashes_are_kept_apart(tmp_path: Path) -> None:
    main = written(tmp_path, {
        "main.arch": 'archlang 1\nimport "./a.arch" (unit as ours, act as last)\nlet width = 5\n'
                     "block helper(c) = conv(1x1, c)\n"
                     "network N(unit = 6, k = 3) {\n  input x: [3, 8, 8]\n"
                     "  helper_2 = x -> ours(unit) -> helper(width) -> last\n  output helper_2 -> 2 * ours(k) }\n",
        "a.arch": "archlang 1\nlet width = 7\nlet act = leaky_relu(0.1) -> tanh\n"
                  "block helper(c) = conv(3x3, c + width)\n"
                  "block unit(c) { body = in -> helper(c) -> act\n output body -> batch_norm }\n",
    })
    network = load(main, {"k": 4})
    again = loads(network.text)
    assert again.text == network.text
    assert [n.path for n in again.graph] == [n.path for n in network.graph]
    assert [n.outputs for n in again.graph] == [n.outputs for n in network.graph]
    assert again.dials == network.dials
    assert again.dials["k"] == 4
    assert "import" not in network.text


@pytest.mark.parametrize("given", [{}, {"paths": 3}, {"by": "cross_stitch"}, {"act": "tanh"}, {"act": "unit(3)"}])
def test_dials_are_written_into_the_one_file(tmp_path: Path, given: dict[str, object]) -> None:
    main = written(tmp_path, {
        "main.arch": 'archlang 1\nimport "./a.arch" (unit)\n'
                     "network N(paths = 2, by = cross_connection(hidden = 2), act = relu) { input x: [3, 8, 8]\n"
                     " output x -> fork(paths) -> each { unit(4) -> act } -> route(by) -> sum }\n",
        "a.arch": UNIT,
    })
    network = load(main, given)
    again = loads(network.text)
    assert [n.path for n in again.graph] == [n.path for n in network.graph]
    assert again.parameters == network.parameters


def test_a_mistake_in_an_imported_file_stands_there(tmp_path: Path) -> None:
    main = written(tmp_path, {
        "main.arch": f'archlang 1\nimport "./a.arch" (unit)\n{MAIN}', "a.arch": UNIT.replace("relu", "rleu"),
    })
    (problem,) = check(main)
    assert problem.primary is not None
    assert Path(problem.primary.span.source.name).name == "a.arch"


def test_a_broken_import_is_said_once(tmp_path: Path) -> None:
    main = written(tmp_path, {
        "main.arch": f'archlang 1\nimport "./a.arch" (unit)\n{MAIN}', "a.arch": "archlang 1\nblock unit(c = \n",
    })
    assert len(check(main)) == 1
