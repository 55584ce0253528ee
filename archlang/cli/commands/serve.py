"""`archlang serve FILE`: a page with the text and the drawing side by side."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import click

from archlang.cli.options import formats, reading
from archlang.cli.session import Session


@click.command("serve", short_help="Show text and drawing side by side in a browser.")
@click.argument("file", metavar="FILE")
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N",
              help="The port (default: any that is free).")
@click.option("--browser/--no-browser", default=True, help="Open the page in a browser (default), or only say where.")
@formats("human", "json")
@reading
@click.pass_obj
def command(session: Session, file: str, port: int, browser: bool, dials: Mapping[str, str]) -> int:
    """Serve a page that shows FILE as it is written, and its drawing, until Ctrl-C.

    The page redraws as you type or as the file is saved by another program. Only this computer can reach it, only by
    the address with its token, and it reads and writes the `.arch` files in the folder of FILE alone.
    """
    from archlang.ops import catalogue_with
    from archlang.page.files import ProjectFiles
    from archlang.project.locating import search_folders

    folders, catalogue = search_folders(session.path), catalogue_with(session.plugins)
    files = ProjectFiles(file, session.limits)
    files.state(files.main)  # what cannot be read is said here, not in a browser

    from archlang.page.answers import PageAnswers
    from archlang.page.looking import Viewer
    from archlang.page.server import PageServer

    with PageServer(PageAnswers(files, Viewer(session.limits, catalogue, folders), dials), port) as server:
        if session.format == "json":
            session.document({"file": file, "address": server.address})
        else:
            session.data(server.address)
        session.note(f"serving {file}; Ctrl-C ends")
        if browser:
            _show(server.address)
        try:
            server.serve_forever(poll_interval=0.2)
        # The one way to end it, and no failure.
        except KeyboardInterrupt:
            session.note("stopped; what was not saved is still in the page")
    return 0


def _show(address: str) -> None:
    """Open a page in the browser. In a thread: a browser of the terminal would keep us from serving it."""
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
