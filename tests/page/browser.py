"""A browser that tests drive: headless Chromium over its DevTools protocol, by a small client of WebSockets.

`python -m tests.page.pictures` makes the pictures of the docs with it.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS = 20.0


def program() -> str | None:
    """The browser of this computer, if there is one."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Socket:
    """One WebSocket (RFC 6455) to a server of this computer: whole texts in, whole texts out."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.stream = socket.create_connection((parts.hostname, parts.port), timeout=SECONDS)
        key = base64.b64encode(os.urandom(16)).decode()
        self.stream.sendall((
            f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode())
        self.file = self.stream.makefile("rb")
        assert b" 101 " in self.file.readline()
        while self.file.readline() not in (b"\r\n", b""):
            pass

    def send(self, text: str) -> None:
        data = text.encode()
        # A client masks what it sends; the shortest of three forms of the length is the one to use.
        head = b"\x81"
        if len(data) < 126:
            head += bytes([0x80 | len(data)])
        elif len(data) < 1 << 16:
            head += b"\xfe" + struct.pack(">H", len(data))
        else:
            head += b"\xff" + struct.pack(">Q", len(data))
        mask = os.urandom(4)
        repeated = (mask * (len(data) // 4 + 1))[: len(data)]
        masked = int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")
        self.stream.sendall(head + mask + masked.to_bytes(len(data), "big"))

    def receive(self) -> str:
        whole = b""
        while True:
            first, second = self.file.read(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack(">H", self.file.read(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", self.file.read(8))
            data = self.file.read(length)
            # Texts and what continues them; pings and the like are of no interest here.
            if first & 0x0F in (0, 1):
                whole += data
                if first & 0x80:
                    return whole.decode()

    def close(self) -> None:
        self.file.close()
        self.stream.close()


class Browser:
    """A running browser with one page."""

    def __init__(self, width: int = 1400, height: int = 900) -> None:
        found = program()
        assert found is not None
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.process = subprocess.Popen(
            [found, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run",
             "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
             "--disable-extensions", f"--user-data-dir={self.folder.name}", f"--window-size={width},{height}",
             "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        self.socket = Socket(self._address())
        self.number = 0
        self.events: list[dict[str, Any]] = []
        self.session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def _address(self) -> str:
        # The browser writes its port, and the path of its own socket, into its folder.
        file = Path(self.folder.name) / "DevToolsActivePort"
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if file.exists() and len(file.read_text().split()) == 2:
                port, path = file.read_text().split()
                return f"ws://127.0.0.1:{port}{path}"
            time.sleep(0.05)
        raise AssertionError("the browser does not start")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(SECONDS)
        self.folder.cleanup()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol."""
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": parameters}
        if self.session is not None:
            message["sessionId"] = self.session
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.receive())
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return dict(answer["result"])
            self.events.append(answer)
            # A dialog stops the page until somebody answers: leaving a page with unsaved text asks.
            if answer.get("method") == "Page.javascriptDialogOpening":
                self.number += 1
                note = {"id": self.number, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
                self.socket.send(json.dumps({**note, "sessionId": self.session}))
                self.number -= 1
                message["id"] = self.number

    def open(self, address: str) -> None:
        """Go to a page. What the one before it logs, once its server has ended, is of no interest."""
        self.call("Page.navigate", url="about:blank")
        self.run("0")
        self.events.clear()
        self.call("Page.navigate", url=address)

    def run(self, script: str) -> Any:
        """The value of a script in the page; promises are waited for."""
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def until(self, script: str, seconds: float = SECONDS) -> Any:
        """Wait until a script is true; give its value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            # An element has no value that could be sent.
            wrapped = f"(() => {{ try {{ const found = {script}; return found instanceof Node ? true : found; }}"
            value = self.run(f"{wrapped} catch {{ return null; }} }})()")
            if value:
                return value
            time.sleep(0.03)
        raise AssertionError(f"never true: {script}")

    def faults(self) -> list[str]:
        """What the page has written into its log as errors, scripts that failed above all."""
        self.run("0")  # all events until now
        found = [json.dumps(one["params"]) for one in self.events if one.get("method") == "Runtime.exceptionThrown"]
        entries = [one["params"]["entry"] for one in self.events if one.get("method") == "Log.entryAdded"]
        return found + [entry["text"] for entry in entries if entry["level"] == "error"]

    # --- as somebody at the keyboard ---------------------------------------------------------------------------------

    def place(self, selector: str) -> tuple[float, float]:
        """The middle of the first element that fits."""
        x, y = self.run(f"""(() => {{
            const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();
            return [box.left + box.width / 2, box.top + box.height / 2];
        }})()""")
        return x, y

    def move(self, x: float, y: float) -> None:
        """Move the pointer."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, selector: str) -> None:
        """Click on an element, where it is seen."""
        x, y = self.place(selector)
        self.move(x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Type a text at the caret."""
        self.call("Input.insertText", text=text)

    def key(self, key: str, code: str = "", modifiers: int = 0, number: int = 0) -> None:
        """Press a key; `modifiers` is 1 for Alt, 2 for Ctrl, 8 for Shift."""
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code or key, modifiers=modifiers,
                      windowsVirtualKeyCode=number)

    def picture(self, file: Path) -> None:
        """Write what is seen as PNG."""
        data = self.call("Page.captureScreenshot", format="png")["data"]
        file.write_bytes(base64.b64decode(data))
