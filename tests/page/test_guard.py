"""Who is answered, and what is read and written: the page of this server, and the files of its project."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from archlang.page.guard import LOOPBACK
from archlang.page.server import parts
from tests.page.serving import PATHS, Page

NEWS = b"{}"


def test_the_page_has_all_its_parts_and_nothing_from_elsewhere(page: Page) -> None:
    status, data, headers = page.request("GET", f"/{page.token}/")
    assert status == 200 and b"main.js" in data and b"http" not in data
    assert "default-src 'none'" in headers["Content-Security-Policy"] and headers["Referrer-Policy"] == "no-referrer"
    for name in parts():
        status, data, headers = page.request("GET", f"/{page.token}/{name}")
        assert status == 200 and headers["X-Content-Type-Options"] == "nosniff" and data == parts()[name].data
        assert b"import(" not in data and b"innerHTML" not in data
        # Every module that a module names is a part of the page.
        for line in data.decode().splitlines():
            if line.startswith("import "):
                assert line.split('"')[1].removeprefix("./") in parts()


@pytest.mark.parametrize("path", [
    "/", "/wrong/", "/{token}x/", "/{token}", "/{token}%2f", "/wrong/page.css", "/x/../{token}/",
])
def test_without_the_token_nothing_is_told(page: Page, path: str) -> None:
    status, data, _ = page.request("GET", path.format(token=page.token))
    assert status in (403, 404) and page.token.encode() not in data


@pytest.mark.parametrize("headers", [
    {"Host": "evil.example"}, {"Host": "127.0.0.1"}, {"Host": "127.0.0.1:1"}, {"Host": "evil.example:{port}"},
    {"Host": ""}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "https://127.0.0.1:{port}"},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
])
def test_other_sites_are_refused(page: Page, headers: dict[str, str]) -> None:
    filled = {name.replace("-", "_"): value.format(port=page.port) for name, value in headers.items()}
    status, answer = page.post("news", NEWS, **filled)
    assert status == 403 and "problem" in answer and "state" not in answer


def test_the_page_itself_is_answered(page: Page) -> None:
    for host in ("127.0.0.1", "localhost"):
        status, _ = page.post("news", NEWS, Host=f"{host}:{page.port}", Origin=f"http://{host}:{page.port}",
                              Sec_Fetch_Site="same-origin")
        assert status == 200


def test_too_many_connections_are_ended_and_do_no_harm(page: Page) -> None:
    streams = [socket.create_connection(("127.0.0.1", page.port), timeout=10) for _ in range(80)]
    try:
        # The last ones hear at once that nothing comes.
        assert streams[-1].recv(1) == b""
    finally:
        for stream in streams:
            stream.close()
    end = time.monotonic() + 10
    while page.server.connections and time.monotonic() < end:
        time.sleep(0.01)
    assert page.ask("news")["is_there"]


def test_only_this_computer_reaches_it(page: Page) -> None:
    assert page.server.server_address[0] == LOOPBACK == "127.0.0.1"


@pytest.mark.parametrize(("body", "headers", "status"), [
    (b"{}", {"Content_Type": "text/plain"}, 415),
    (b"{}", {"Content_Type": "application/x-www-form-urlencoded"}, 415),
    (b"{", {}, 400), (b"[]", {}, 400), (b"[" * 60_000, {}, 400), (b"\xff", {}, 400), (b'{"file": 1}', {}, 400),
    (b"{}", {"Content_Length": "many"}, 411), (b"{}", {"Content_Length": "-1"}, 411),
    (b"x" * 1_700_000, {}, 413),
])
def test_what_is_no_question_is_refused_and_the_next_one_answered(
    page: Page, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert page.post("open", body, **headers)[0] == status
    assert page.ask("news")["is_there"]


def test_a_length_that_is_said_twice_is_refused(page: Page) -> None:
    with socket.create_connection(("127.0.0.1", page.port), timeout=10) as stream:
        lines = (f"POST /{page.token}/ask/news HTTP/1.1", f"Host: 127.0.0.1:{page.port}",
                 "Content-Type: application/json", "Content-Length: 2", "Content-Length: 90", "", "{}")
        stream.sendall("\r\n".join(lines).encode())
        assert stream.recv(100).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
def test_a_refusal_does_not_wait_for_what_was_promised(page: Page, kind: str) -> None:
    with socket.create_connection(("127.0.0.1", page.port), timeout=10) as stream:
        lines = (f"POST /{page.token}/ask/news HTTP/1.1", f"Host: 127.0.0.1:{page.port}", f"Content-Type: {kind}",
                 "Content-Length: 10000000000", "", "{}")
        stream.sendall("\r\n".join(lines).encode())
        assert stream.recv(100).startswith(b"HTTP/1.1 4")
        while stream.recv(1000):
            pass


@pytest.mark.parametrize("path", [
    "..%2f..%2fguard.py", "../guard.py", "assets/main.js", "__init__.py", "ask/news", "/etc/passwd",
])
def test_no_other_file_is_a_part_of_the_page(page: Page, path: str) -> None:
    assert page.request("GET", f"/{page.token}/{path}")[0] == 404


OUTSIDE = ["../secret.arch", "more/../../secret.arch", "notes.txt", "link.arch", "linked/secret.arch", "", ".",
           "net.arch/", "net.arch\0", "a\\b.arch", "circle.arch", "more", "x" * 5000 + ".arch"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_files_outside_the_project_are_neither_read_nor_written(page: Page, project: Path, name: str) -> None:
    (project / "link.arch").symlink_to(project.parent / "secret.arch")
    (project / "linked").symlink_to(project.parent, target_is_directory=True)
    (project / "circle.arch").symlink_to("circle.arch")
    absolute = str(project.parent / "secret.arch")
    before = {path: path.read_bytes() for path in project.parent.rglob("*") if path.is_file()}
    for asked in (name, absolute):
        answers = [
            page.ask("open", file=asked), page.ask("save", file=asked, text="archlang 1\n", mark=None),
            page.look(PATHS, file=asked),
            page.ask("compare", file="net.arch", text=PATHS, dials={}, opened=[], closed=[], **{"with": asked}),
        ]
        # `net.arch/` is `net.arch`, as for every program.
        if asked != "net.arch/":
            assert all("problem" in answer for answer in answers)
            assert "secret" not in json.dumps([answer.get("text", "") for answer in answers])
    if name != "net.arch/":
        assert {path: path.read_bytes() for path in project.parent.rglob("*") if path.is_file()} == before
    assert page.ask("begin")["files"] == ["net.arch", "blocks.arch", "more/inner.arch"]


def test_a_link_within_the_project_is_one_of_its_files(page: Page, project: Path) -> None:
    (project / "same.arch").symlink_to("blocks.arch")
    page.ask("save", file="same.arch", text="archlang 1\nlet a = 1\n", mark=None)
    assert (project / "same.arch").is_symlink() and "let a" in (project / "blocks.arch").read_text()


def test_no_file_is_made_by_a_page(page: Page, project: Path) -> None:
    assert "is gone" in page.ask("save", file="new.arch", text="archlang 1\n", mark=None)["problem"]
    assert not (project / "new.arch").exists()
    assert sorted(path.name for path in project.iterdir()) == ["blocks.arch", "more", "net.arch", "notes.txt"]
