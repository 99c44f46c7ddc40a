"""Drives a headless Chromium over its DevTools protocol, without a library: a WebSocket and JSON.

    with Browser() as browser:
        page = browser.open(url, width=1280, height=900, dark=True)
        page.wait("document.title != ''")
        page.screenshot("page.png")
        assert page.problems == []
"""
import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time

PATIENCE = 30


class WebSocket:
    """A client's side of RFC 6455, as far as DevTools needs it: text messages, fragments, pings."""

    def __init__(self, url):
        host, path = url.removeprefix("ws://").split("/", 1)
        name, port = host.rsplit(":", 1)
        self.socket = socket.create_connection((name, int(port)), timeout=PATIENCE)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.rest = b""
        while b"\r\n\r\n" not in self.rest:
            self.rest += self.more()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        assert b" 101 " in head.split(b"\r\n")[0], head

    def more(self):
        data = self.socket.recv(65536)
        assert data, "the browser has closed the connection"
        return data

    def take(self, count):
        while len(self.rest) < count:
            self.rest += self.more()
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def send(self, text):
        data, mask = text.encode(), os.urandom(4)
        size = len(data)
        head = b"\x81" + (bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size) if size < 65536 else b"\xff" + struct.pack("!Q", size))
        self.socket.sendall(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))

    def receive(self):
        message = b""
        while True:
            first, second = self.take(2)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack("!H", self.take(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", self.take(8))
            data = self.take(size)
            if first & 0x0F in (0, 1):
                message += data
                if first & 0x80:
                    return message.decode()


class Page:
    def __init__(self, browser, url, width, height, dark, reduced, scale):
        self.browser = browser
        target = browser.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self.session = browser.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        browser.pages[self.session] = self
        #: What the console, the network and the page's scripts complain about.
        self.problems = []
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.call(f"{domain}.enable")
        self.resize(width, height, scale)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        if reduced:
            features.append({"name": "prefers-reduced-motion", "value": "reduce"})
        self.call("Emulation.setEmulatedMedia", {"features": features})
        self.call("Page.navigate", {"url": url})

    def resize(self, width, height, scale=1):
        self.call("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600})

    def call(self, method, params=None):
        return self.browser.call(method, params, self.session)

    def event(self, method, params):
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.problems.append("exception: " + details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.problems.append("console: " + " ".join(str(a.get("value", a.get("description"))) for a in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.problems.append("log: " + params["entry"]["text"] + " " + params["entry"].get("url", ""))

    def value(self, expression):
        answer = self.call("Runtime.evaluate", {"expression": expression, "returnByValue": True, "awaitPromise": True})
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, expression):
        """Until an expression is true; half a minute at most."""
        waiting = """new Promise((resolve) => {
            const end = Date.now() + %d;
            const look = () => { let is = false; try { is = Boolean(%s); } catch {} if (is || Date.now() > end) resolve(is); else setTimeout(look, 20); };
            look();
        })""" % (PATIENCE * 900, expression)
        assert self.value(waiting), f"it never came to: {expression}\n{self.problems}"

    def key(self, name, code):
        for kind in ["rawKeyDown", "keyUp"]:
            self.call("Input.dispatchKeyEvent", {"type": kind, "key": name, "code": name, "windowsVirtualKeyCode": code})

    def screenshot(self, path, whole=False):
        shot = {"format": "png", "captureBeyondViewport": whole}
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            shot["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot", shot)["data"]))

    def close(self):
        self.call("Page.close")


class Browser:
    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="pipe-chromium-")
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
             "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--remote-debugging-port=0",
             f"--user-data-dir={self.folder}/profile", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=self.log,
        )
        end, url = time.monotonic() + PATIENCE, None
        place = os.path.join(self.folder, "profile", "DevToolsActivePort")
        while url is None:
            assert self.process.poll() is None and time.monotonic() < end, open(self.log.name).read()
            if os.path.exists(place) and len(lines := open(place).read().split()) == 2:
                url = f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            else:
                time.sleep(0.02)  # a file of another process: nothing tells when it comes
        self.socket, self.number, self.pages = WebSocket(url), 0, {}
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def open(self, url, width=1280, height=900, dark=False, reduced=False, scale=1):
        return Page(self, url, width, height, dark, reduced, scale)

    def call(self, method, params=None, session=None):
        self.number += 1
        mine = self.number
        message = {"id": mine, "method": method, "params": params or {}}
        if session:
            message["sessionId"] = session
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.receive())
            if answer.get("id") == mine:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            if "method" in answer and answer.get("sessionId") in self.pages:
                self.pages[answer["sessionId"]].event(answer["method"], answer["params"])
