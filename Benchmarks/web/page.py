#!/usr/bin/env python3
"""The ion camera at 60 pictures a second with its page open in Chromium, beside clients that hardly read: whether the books
balance, what is dropped, and how old a picture is when the browser has it.

    swift build -c release --product pipe
    python3 Benchmarks/web/page.py                 # ten minutes; --seconds 60 for a first look

Ten slow clients are there in every second phase, so that both halves see the same machine. Exit code 1 where something does not
hold.
"""
import argparse
import contextlib
import itertools
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.dont_write_bytecode = True  # the source tree stays as it is
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "IntegrationTests"))
from browser import Browser  # noqa: E402

#: Reads the pictures in the page as well, beside the <img> that shows them: from the date that each has to its last byte.
READER = """(async () => {
    window.ages = [];
    const reader = (await fetch('/video_feed')).body.getReader();
    let rest = new Uint8Array(0), need = 0, date = 0;
    for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        const now = performance.timeOrigin + performance.now();
        const bytes = new Uint8Array(rest.length + value.length);
        bytes.set(rest); bytes.set(value, rest.length); rest = bytes;
        for (;;) {
            if (!need) {
                const text = new TextDecoder('latin1').decode(rest.subarray(0, 400)), end = text.indexOf('\\r\\n\\r\\n');
                if (end < 0) break;
                date = Number(/X-Timestamp: ([\\d.]+)/.exec(text)[1]) * 1000;
                need = Number(/Content-Length: (\\d+)/.exec(text)[1]) + 2;
                rest = rest.subarray(end + 4);
            }
            if (rest.length < need) break;
            rest = rest.subarray(need); need = 0;
            window.ages.push(now - date);
        }
    }
})().catch((error) => console.error(error)), 0"""
#: What a slow client asks for.
PATHS = ["/video_feed", "/api/stream", "/video_feed", "/api/telemetry/stream", "/views/curves.events"]


class SlowClients(threading.Thread):
    """Half of them read 1 KiB a second, and less would count as nothing there; the others read nothing, and come again each
    ten seconds, before the server closes them."""

    def __init__(self, port, count):
        super().__init__(daemon=True)
        self.port, self.end = port, threading.Event()
        self.clients = [self.connect(number) for number in range(count)]

    def connect(self, number):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", self.port))
        client.sendall(f"GET {PATHS[number // 2 % len(PATHS)]} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        client.setblocking(False)
        return client

    def run(self):
        for second in itertools.count(1):
            is_end = self.end.wait(1)
            for number, client in enumerate(self.clients):
                is_closed = False
                if number % 2:
                    with contextlib.suppress(BlockingIOError):
                        is_closed = not client.recv(1024)
                if is_end or is_closed or (number % 2 == 0 and second % 10 == 0):
                    client.close()
                    self.clients[number] = None if is_end else self.connect(number)
            if is_end:
                return


def quantiles(values):
    values = sorted(values)
    return " ".join(f"{values[min(len(values) - 1, int(len(values) * part))]:7.1f}" for part in (0.5, 0.99, 1))


class Watch:
    """What the run says of itself, and what is seen from outside."""

    def __init__(self, process, url, folder, page):
        self.process, self.url, self.folder, self.page = process, url, folder, page
        self.before = self.look()

    def look(self):
        with urllib.request.urlopen(self.url + "api/numbers") as answer:
            numbers = json.load(answer)
        assert numbers["balanced"] and not numbers["problems"], numbers["problems"]
        words = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        processor = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
        return numbers, processor

    def phase(self, seconds):
        """So much of the run, as numbers."""
        ages, streams, end = [], [], time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0:
            time.sleep(min(1, rest))
            ages += self.page.value("window.ages.splice(0)")
            with urllib.request.urlopen(self.url + "metrics") as answer:
                streams.append(int(re.search(r"^pipe_web_streams (\d+)", answer.read().decode(), re.M)[1]))
        (old, old_processor), (new, processor) = self.before, self.look()
        self.before = new, processor
        took = new["seconds"] - old["seconds"]
        stages = {stage["name"]: stage for stage in new["stages"]}
        was = {stage["name"]: stage for stage in old["stages"]}
        rates = {"camera": (stages["camera"]["out"] - was["camera"]["out"]) / took}
        for sink in ("files", "numbers", "video", "curves"):
            rates[sink] = (stages[sink]["in"] - was[sink]["in"]) / took
        return {"rates": rates, "processor": (processor - old_processor) / took, "ages": ages, "written": self.written(),
                "streams": statistics.mean(streams)}

    def written(self):
        """From capture, which is the name of a file, to the last byte of it; in milliseconds, of those that are still there."""
        found = []
        for entry in os.scandir(self.folder / "frames_labelled" / time.strftime("%y%m%d", time.gmtime())):
            if match := re.match(r"(\d\d)-(\d\d)-(\d\d)_(\d\d\d)", entry.name):
                hour, minute, second, milli = map(int, match.groups())
                captured = ((hour * 60 + minute) * 60 + second) * 1000 + milli
                try:
                    found.append(entry.stat().st_mtime_ns / 1e6 % 86_400_000 - captured)
                except FileNotFoundError:
                    pass  # retention was there first
        return found


def show(name, phases):
    rates = {key: statistics.mean(phase["rates"][key] for phase in phases) for key in phases[0]["rates"]}
    ages = list(itertools.chain(*(phase["ages"] for phase in phases)))
    written = list(itertools.chain(*(phase["written"] for phase in phases)))
    processor = statistics.mean(phase["processor"] for phase in phases)
    streams = statistics.mean(phase["streams"] for phase in phases)
    print(f"{name:9}" + "".join(f"{rate:10.2f}" for rate in rates.values())
          + f" {streams:9.1f} {processor:10.3f}   {quantiles(written)}   {quantiles(ages)}   {len(ages)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--pipe", default=str(ROOT / ".build/release/pipe"))
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--phase", type=float, default=60, help="seconds with slow clients, and as many without")
    parser.add_argument("--slow", type=int, default=10)
    parser.add_argument("--shot", help="where a picture of the page goes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, Browser() as browser:
        folder, log = pathlib.Path(scratch), pathlib.Path(scratch, "log")
        command = [options.pipe, "run", str(ROOT / "pipelines/ion-camera.yaml"), "--report", f"{scratch}/report.json",
                   "--set", "params.page=127.0.0.1:0", "--set", f"params.out={scratch}"]
        with open(log, "w") as errors:
            run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env={**os.environ, "TZ": "UTC"})
        try:
            while not (found := re.search(r"http://127.0.0.1:(\d+)/?", log.read_text())):
                assert run.poll() is None, log.read_text()
                time.sleep(0.02)  # a file of another process: nothing tells when it comes
            port = int(found[1])
            url = f"http://127.0.0.1:{port}/"
            page = browser.open(url, dark=True)
            page.wait("document.querySelector('.view img') && document.querySelector('.view img').naturalWidth == 500")
            page.value(READER)
            page.wait("window.ages.length > 100")  # the browser has found its pace
            page.value("window.ages.splice(0)")
            phases = {False: [], True: []}
            watch = Watch(run, url, folder, page)
            for number in range(round(options.seconds / options.phase)):
                is_slow = number % 2 == 1
                slow = SlowClients(port, options.slow) if is_slow else None
                if slow:
                    slow.start()
                phases[is_slow].append(watch.phase(options.phase))
                if slow:
                    slow.end.set()
                    slow.join()
            if options.shot:
                page.screenshot(options.shot, whole=True)
            problems = list(page.problems)
            page.close()
            run.send_signal(signal.SIGTERM)
            assert run.wait(60) == 0, log.read_text()
        finally:
            if run.poll() is None:
                run.kill()
        report = json.loads(pathlib.Path(scratch, "report.json").read_text())
    print(f"{'':9}" + "".join(f"{name + '/s':>10}" for name in phases[False][0]["rates"])
          + "   streams  processor   capture to file, ms      capture to page, ms       pictures")
    print(f"{'':80}   {'p50     p99     most':>23}   {'p50     p99     most':>23}")
    show("alone", phases[False])
    if phases[True]:
        show(f"{options.slow} slow", phases[True])
    for path in report["paths"]:
        latency = path["latency"]
        print(f"{path['source']} to {path['sink']}: p50 {latency['p50'] * 1e3:.2f} ms, p99 {latency['p99'] * 1e3:.2f} ms")
    for link in report["links"]:
        print(f"{link['name']}: {link['in']} in, {link['out']} out, dropped {link['dropped'] or 'none'}")
    failed = {stage["name"]: stage["failed"] for stage in report["stages"] if stage["failed"] or stage["restarts"]}
    print(f"{report['seconds']:.0f} s, the books {'balance' if report['balanced'] else 'do not balance'}; failed {failed or 'none'};"
          f" the console says {problems or 'nothing'}")
    stated = {"video", "curves"}  # the graph lets them skip
    lost = [link["name"] for link in report["links"] if link["dropped"] and link["name"].split(" -> ")[1].split(".")[0] not in stated]
    sys.exit(bool(lost or failed or problems or not report["balanced"]))


if __name__ == "__main__":
    main()
