"""Requests that are answered: with the token, to the loopback address by its name, from the page itself.

Any program of the same computer can reach a loopback address, and any page in the browser can try to. The token keeps
out the first, who cannot guess it; the check of `Host` keeps out pages whose host name was pointed here, and that of
`Origin` those that send requests across sites.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from email.message import Message
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Sent with every answer: the page loads nothing from elsewhere, stands in no frame, and its address is not told."""


class RefusedError(Exception):
    """A request that is not answered: the status, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass(frozen=True)
class Guard:
    """The signs that a request must show.

    port   the port of the server
    token  the first part of every path
    """

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def address(self) -> str:
        """The address of the page."""
        return f"http://{LOOPBACK}:{self.port}/{self.token}/"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names by which a browser may call the server."""
        return (f"{LOOPBACK}:{self.port}", f"localhost:{self.port}")

    def admit(self, target: str, headers: Message) -> str:
        """Return the path behind the token. Raises RefusedError."""
        if headers.get("Host", "") not in self.hosts:
            raise RefusedError(403, "this server answers under its own address alone")

        # Browsers send `Origin` with what a page of another site sends, and `null` from a page without one.
        origin = headers.get("Origin")
        if origin is not None and origin not in [f"http://{host}" for host in self.hosts]:
            raise RefusedError(403, "a page of another site asks")
        if headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise RefusedError(403, "a page of another site asks")

        token, slash, path = urlsplit(target).path.lstrip("/").partition("/")
        # In constant time: how long it takes tells nothing about the token. Bytes, as text must be ASCII.
        if not secrets.compare_digest(token.encode(errors="replace"), self.token.encode()):
            raise RefusedError(403, "the address lacks the token; open the one that `archlang serve` has written")
        if not slash:
            raise RefusedError(404, "the address ends in a slash")
        return path
