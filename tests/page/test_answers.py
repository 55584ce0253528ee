"""What the page is told equals what the command line says; texts, files and faults of all kinds."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from archlang.cli.main import run
from archlang.limits import DEFAULT
from tests.page.serving import PATHS, ROOT, WRONG, Page, serving

Captured = pytest.CaptureFixture[bytes]


def said(capfd: Captured, *words: str) -> str:
    """What a command writes."""
    capfd.readouterr()
    run(words)
    return capfd.readouterr().out.decode()


@pytest.mark.parametrize(("name", "dials", "depth"), [
    ("examples/04_paths.arch", {}, None), ("examples/04_paths.arch", {"paths": "3"}, 1),
    ("specs/pce/pce_tiny.arch", {}, 0), ("examples/06_symbolic_sizes.arch", {}, None),
])
def test_the_drawing_is_that_of_draw(
    capfdbinary: Captured, name: str, dials: dict[str, str], depth: int | None
) -> None:
    words = [word for key, value in dials.items() for word in ("-p", f"{key}={value}")]
    if depth is not None:
        words += ["--depth", str(depth)]
    drawn = said(capfdbinary, "draw", str(ROOT / name), *words)
    with serving(ROOT / name) as page:
        view = page.look((ROOT / name).read_text(), Path(name).name, dials=dials, depth=depth)
    assert view["drawing"]["svg"].rstrip() == drawn.rstrip()
    assert view["marks"] == [] and all(view["drawing"]["boxes"].values())


TEXTS = [
    (ROOT / "examples" / "mistakes.arch").read_text(), (ROOT / "examples" / "mistakes_pytorch.arch").read_text(),
    PATHS[:200], PATHS[:333], "", "\x00", "archlang 1\n\N{MATHEMATICAL SCRIPT CAPITAL A}\n",
    "import torch\nx = torch.nn.ReLU()\n",
    'archlang 1\nimport "./blocks.arch" (unit, no)\n', 'archlang 1\nimport "../secret.arch" (a)\n', PATHS,
]


DIALS: list[dict[str, str]] = [{"paths": "3"}, {"paths": "true"}, {"path": "3"}, {"paths": "1 +"}, {"paths": ""}]

CASES = [
    *((text, {}) for text in TEXTS),
    # Of a text that cannot be read nothing is said about dials; of another one all.
    *((text, dials) for text in (PATHS, PATHS[:333], WRONG) for dials in DIALS),
]


@pytest.mark.parametrize(("text", "dials"), CASES)
def test_the_mistakes_are_those_of_check(
    capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch, page: Page, project: Path, text: str, dials: dict[str, str]
) -> None:
    # The text on the disk, with the name that the server was started with.
    (project / "net.arch").write_text(text, encoding="utf-8")
    words = [word for key, value in dials.items() for word in ("-p", f"{key}={value}")]
    view = page.look(text, dials=dials)
    checked = json.loads(said(capfdbinary, "check", "--format", "json", str(project / "net.arch"), *words))
    assert view["check"] == checked
    assert len(view["marks"]) == len(checked["diagnostics"])
    has_errors = any(one["severity"] == "error" for one in checked["diagnostics"])
    assert (view["drawing"] is None) == (has_errors or "network" not in text)


def test_places_count_as_a_browser_does(page: Page) -> None:
    view = page.look(PATHS.replace('"""Two', '"""\U0001d49c').replace("relu", "\U0001d49c", 1))
    assert view["marks"]
    line = PATHS.split("\n").index(next(line for line in PATHS.split("\n") if "relu" in line))
    mark = next(mark for mark in view["marks"] if mark["start"][0] == line)
    start = PATHS.split("\n")[line].index("relu")
    assert (mark["start"], mark["end"]) == ([line, start], [line, start + 2])


def test_a_mend_mends(page: Page) -> None:
    (mark,) = page.look(WRONG)["marks"]
    fix = mark["fixes"][0]
    (edit,) = fix["edits"]
    lines = WRONG.split("\n")
    line = lines[edit["start"][0]]
    lines[edit["start"][0]] = line[: edit["start"][1]] + edit["text"] + line[edit["end"][1] :]
    assert page.look("\n".join(lines))["totals"] == page.look(PATHS)["totals"]


def test_boxes_say_what_flows_and_what_it_costs(page: Page) -> None:
    drawing = page.look(PATHS)["drawing"]
    box = next(box for box in drawing["boxes"].values() if box["names"][0] == "maps.each.0.conv")
    assert (box["entering"], box["leaving"]) == (["[1, 8, 8]"], ["[16, 8, 8]"])
    assert box["parameters"] == str(16 * 9 + 2 * 16)
    line = PATHS.split("\n")[box["place"]["start"][0]]
    assert line[box["place"]["start"][1] :].startswith("conv(3x3, 16)")
    frame = next(frame for frame in drawing["frames"].values() if frame["title"] == "maps")
    folded = page.look(PATHS, closed=frame["scopes"])["drawing"]
    closed = next(box for box in folded["boxes"].values() if box["scopes"] == frame["scopes"])
    for count in ("parameters", "flops", "results", "count"):
        assert closed[count] == frame[count]
    assert frame["title"] not in [one["title"] for one in folded["frames"].values()]


def test_dials_are_fields(page: Page) -> None:
    text = PATHS.replace("classes = 10", "classes = 10, rate = 0.5, flip = true, how = same, twice = 2 * paths")
    fields = {dial["name"]: dial for dial in page.look(text, dials={"paths": "4"})["dials"]}
    assert {name: (one["kind"], one["value"]) for name, one in fields.items()} == {
        "paths": ("whole", "4"), "classes": ("whole", "10"), "rate": ("real", "0.5"), "flip": ("truth", "true"),
        "how": ("text", "same"), "twice": ("whole", "8"),
    }
    place = fields["rate"]["place"]
    assert text.split("\n")[place["start"][0]][place["start"][1] : place["end"][1]] == "0.5"


def test_the_hover_is_that_of_editors(page: Page) -> None:
    line = next(n for n, text in enumerate(PATHS.split("\n")) if "conv(3x3, 16)" in text)
    unit = PATHS.split("\n")[line].index("conv")
    question = {"file": "net.arch", "text": PATHS, "dials": {"paths": "3"}, "depth": None, "opened": [], "closed": []}
    found = page.ask("hover", **question, line=line, unit=unit)["found"]
    assert "`[1, 8, 8]` -> `[16, 8, 8]`" in found["text"] and "in 3 uses together" in found["text"]
    assert page.ask("hover", **question, line=9999, unit=9)["found"] is None


def test_differences_are_those_of_diff(capfdbinary: Captured, page: Page, project: Path) -> None:
    text = PATHS.replace("conv(3x3, 16)", "conv(5x5, 16)")
    (project.parent / "new.arch").write_text(text)
    question = {"file": "net.arch", "text": text, "dials": {"paths": "3"}, "depth": None, "opened": [], "closed": []}
    found = page.ask("compare", **question, **{"with": "net.arch"})
    expected = said(capfdbinary, "diff", str(project / "net.arch"), str(project.parent / "new.arch"), "-p", "paths=3")
    assert found["text"] == expected and not found["same"]
    assert [line for line in found["patch"] if line.startswith(("-  ", "+  "))][1].count("5x5") == 1
    # Another file has other dials: each network gets those that it declares.
    assert page.ask("compare", **question, **{"with": "more/inner.arch"})["text"].startswith("Inner -> TwoPaths")
    assert "no network" in page.ask("compare", **question, **{"with": "blocks.arch"})["problem"]


# --- files -----------------------------------------------------------------------------------------------------------


def test_saving_keeps_line_ends_and_the_byte_order_mark(page: Page, project: Path) -> None:
    stored = b"\xef\xbb\xbf" + PATHS.replace("\n", "\r\n").encode()
    (project / "net.arch").write_bytes(stored)
    state = page.ask("open", file="net.arch")
    assert state["text"] == PATHS
    saved = page.ask("save", file="net.arch", text=PATHS, mark=state["mark"])
    assert (project / "net.arch").read_bytes() == stored and saved["mark"] == state["mark"]


def test_two_pages_do_not_write_over_each_other(page: Page, project: Path) -> None:
    first, second = page.ask("open", file="net.arch"), page.ask("open", file="net.arch")
    assert "mark" in page.ask("save", file="net.arch", text=PATHS + "# one\n", mark=first["mark"])
    refused = page.ask("save", file="net.arch", text=PATHS + "# two\n", mark=second["mark"])
    assert refused["conflict"] and (project / "net.arch").read_text().endswith("# one\n")
    page.ask("save", file="net.arch", text=PATHS + "# two\n", mark=None)
    assert (project / "net.arch").read_text().endswith("# two\n")
    assert [path.name for path in project.iterdir() if path.name.endswith(".part")] == []


@pytest.mark.parametrize("text", ["x" * (DEFAULT.file_bytes + 1), "archlang 1\n# \ud800\n"])
def test_what_could_not_be_read_again_is_not_written(page: Page, project: Path, text: str) -> None:
    assert "problem" in page.ask("save", file="net.arch", text=text, mark=None)
    assert (project / "net.arch").read_text() == PATHS
    assert page.look(text)["marks"][0]["name"] in ("file-too-large", "not-utf8")


def test_a_file_that_turns_bad_is_told(page: Page, project: Path) -> None:
    (project / "net.arch").write_bytes(b"archlang 1\n\xff")
    assert "not-utf8" in page.ask("open", file="net.arch")["problem"]
    (project / "net.arch").write_bytes(b"x" * (DEFAULT.file_bytes + 1))
    assert "file-too-large" in page.ask("open", file="net.arch")["problem"]
    (project / "net.arch").unlink()
    assert "unreadable-file" in page.ask("open", file="net.arch")["problem"]


def test_news_tell_of_every_file_and_of_the_folder(page: Page, project: Path) -> None:
    first = page.ask("news")
    assert first["is_there"] and page.ask("news") == first
    (project / "more" / "inner.arch").write_text("archlang 1\n")
    second = page.ask("news")
    assert second["state"] != first["state"]
    # What a file imports is read anew: the same text has another meaning.
    text = 'archlang 1\nimport "./blocks.arch" (unit)\nnetwork N {\n  input x: [3, 8, 8]\n  output x -> unit(4)\n}\n'
    before = page.look(text)["totals"]
    (project / "blocks.arch").write_text("archlang 1\nblock unit(c) = conv(5x5, c) -> relu\n")
    assert page.look(text)["totals"]["parameters"] != before["parameters"]

    project.rename(project.parent / "away")
    gone = page.ask("news")
    assert not gone["is_there"] and "problem" in page.ask("save", file="net.arch", text=PATHS, mark=None)
    assert page.look(PATHS)["totals"]["name"] == "TwoPaths"
    (project.parent / "away").rename(project)
    assert page.ask("news")["is_there"]


# --- many at once, and faults ----------------------------------------------------------------------------------------


def test_many_pages_get_their_own_answers(page: Page) -> None:
    found: dict[int, Any] = {}

    def visit(number: int) -> None:
        text = PATHS.replace("classes = 10", f"classes = {number + 2}")
        found[number] = page.look(text, client=f"page {number}", number=1)["drawing"]["svg"]

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == list(range(6))
    assert all(f"[{number + 2}]" in svg for number, svg in found.items())


def test_an_older_question_of_a_page_is_not_answered(page: Page) -> None:
    assert page.look(PATHS, client="a", number=5)["drawing"]
    assert page.look(PATHS + "# new\n", client="a", number=4) == {"outdated": True}
    assert page.look(PATHS + "# new\n", client="b", number=4)["drawing"]


def test_a_fault_ends_one_answer_alone(
    page: Page, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(question: dict[str, Any]) -> dict[str, Any]:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setitem(page.server.answers.questions, "hover", broken)
    status, answer = page.post("hover", b"{}")
    assert status == 500 and "a mistake in archlang itself (ZeroDivisionError: on purpose)" in answer["problem"]
    assert page.token not in caplog.text and "on purpose" in caplog.text
    assert page.look(PATHS)["drawing"]
