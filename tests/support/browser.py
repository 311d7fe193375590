"""A page in a real browser: headless Chromium, driven through its debugging pipe."""

import base64
import json
import os
import shutil
import subprocess
from contextlib import contextmanager

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Page:
    """Loaded; ``failures`` are what the browser said went wrong: exceptions, and what its policies kept out."""

    def __init__(self, send, receive):
        self._send, self._receive, self._number, self._session, self.failures = send, receive, 0, None, []

    def call(self, method, **parameters):
        """A command of the DevTools protocol; its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        self._send(message | ({"sessionId": self._session} if self._session else {}))
        return self._until(lambda answer: answer.get("id") == self._number)["result"]

    def _until(self, condition):
        while True:
            answer = self._receive()
            if "error" in answer:
                raise RuntimeError(answer["error"])
            if answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.failures.append(answer["params"])
            if condition(answer):
                return answer

    def open(self, address, width, height):
        target = self.call("Target.createTarget", url="about:blank", newWindow=True, width=width, height=height)[
            "targetId"
        ]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=address)
        self._until(lambda answer: answer.get("method") == "Page.loadEventFired")

    def value(self, expression):
        """Of JavaScript, as JSON has it; promises are waited for."""
        options = {"returnByValue": True, "awaitPromise": True}
        answer = self.call("Runtime.evaluate", expression=expression, **options)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, *keys):
        """Keys as a keyboard sends them: signs, or names such as Tab and ArrowLeft."""
        codes = {"Tab": 9, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, " ": 32, "Enter": 13}
        for key in keys:
            text = {"text": "\r" if key == "Enter" else key} if len(key) == 1 or key == "Enter" else {}
            own = {"key": key, "windowsVirtualKeyCode": codes.get(key, ord(key[0].upper()))}
            self.call("Input.dispatchKeyEvent", type="keyDown", **own, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", **own)

    def drag(self, start, stop):
        """The left button, from one point to another."""
        held = {"button": "left", "buttons": 1, "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=start[0], y=start[1], **held)
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=stop[0], y=stop[1], **held)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=stop[0], y=stop[1], **held)

    def picture(self):
        """A PNG of what is seen."""
        return base64.b64decode(self.call("Page.captureScreenshot")["data"])


@contextmanager
def opened(path, width=1400, height=900):
    """The page of a file."""
    (read, its_write), (its_read, write) = os.pipe(), os.pipe()
    flags = "--headless --no-sandbox --disable-gpu --hide-scrollbars --remote-debugging-pipe"
    command = f"exec {CHROMIUM} {flags} --user-data-dir={path.parent / 'chromium'} 3<&{its_read} 4>&{its_write}"
    browser = subprocess.Popen(["bash", "-c", command], pass_fds=(its_read, its_write), stderr=subprocess.DEVNULL)
    os.close(its_read)
    os.close(its_write)
    with os.fdopen(read, "rb") as answers, os.fdopen(write, "wb") as commands:

        def send(message):
            commands.write(json.dumps(message).encode() + b"\0")
            commands.flush()

        def receive():
            content = bytearray()
            while (sign := answers.read(1)) != b"\0":
                if not sign:
                    raise EOFError("the browser has ended")
                content += sign
            return json.loads(content)

        try:
            page = Page(send, receive)
            page.open(path.as_uri(), width, height)
            yield page
        finally:
            browser.kill()
            browser.wait()
